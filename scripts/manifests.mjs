// What all manifests say alike: licence, keywords, and where the project lives, which is one setting of the root's package.json:
//
//     "vmarea": { "repository": "" }
//
// Empty means that it is not decided; then no manifest names a repository, and nothing is published.
//
//     node scripts/manifests.mjs            writes the manifests of the published packages
//     node scripts/manifests.mjs --check    fails when one of them is not as it would be written
//     node scripts/manifests.mjs --publish  fails while the setting is empty; writes the manifests, and makes the links of
//                                           the packages' READMEs absolute, so that they work on the registry. For a
//                                           checkout that is thrown away afterwards, as that of the release workflow is.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { publicPackages, root } from './workspace.mjs';

/** Keywords of every package. */
const COMMON = ['mmap', 'linux', 'virtual-memory', 'kernel', 'emulator'];

/** Keywords of one. */
const OWN = {
  '@vmarea/arch-arm64': ['arm64', 'aarch64', 'page-tables', 'mmu'],
  '@vmarea/arch-x86-64': ['x86-64', 'amd64', 'page-tables', 'mmu'],
  '@vmarea/explain': ['errno', 'diagnostics', 'strace'],
  '@vmarea/fs-testkit': ['filesystem', 'conformance', 'test-suite'],
  '@vmarea/history': ['strace', 'timeline', 'maps'],
  '@vmarea/hostfs': ['filesystem', 'node'],
  '@vmarea/httpfs': ['filesystem', 'http', 'range-requests'],
  '@vmarea/hugetlbfs': ['filesystem', 'huge-pages', 'hugetlb'],
  '@vmarea/kernel': ['syscalls', 'fork', 'procfs'],
  '@vmarea/mm-core': ['vma', 'mprotect', 'mremap', 'memory-management'],
  '@vmarea/recordings': ['recordings', 'test-vectors', 'conformance'],
  '@vmarea/replay': ['strace', 'replay'],
  '@vmarea/shmem': ['tmpfs', 'memfd', 'shared-memory'],
  '@vmarea/situation': ['strace', 'maps', 'diagnostics'],
  '@vmarea/strace': ['strace', 'parser', 'maps'],
  '@vmarea/uapi': ['abi', 'errno', 'constants'],
  '@vmarea/vfs': ['filesystem', 'vfs', 'page-cache'],
  '@vmarea/what-if': ['errno', 'limits', 'diagnostics'],
  '@vmarea/zenfs': ['filesystem', 'zenfs', 'browser'],
  vmarea: ['strace', 'cli', 'errno', 'replay'],
};

/** Keys that are written anew, behind the description. */
const AFTER_DESCRIPTION = ['keywords', 'homepage', 'bugs', 'repository', 'license'];

/** The setting, without a slash at the end. @throws Error when it is no https address */
export function repositoryOf(rootManifest) {
  const url = (rootManifest.vmarea?.repository ?? '').replace(/(\.git)?\/*$/, '');
  if (url !== '' && !/^https:\/\/[^\s/]+\/\S+$/.test(url)) {
    throw new Error(`package.json: vmarea.repository is ${JSON.stringify(url)}, not the https address of a repository`);
  }
  return url;
}

/**
 * A manifest with what all say alike.
 *
 * @param dir the package's folder, relative to the root
 * @param repository the setting; '' leaves out what depends on it
 */
export function withCommon(manifest, dir, repository) {
  const { name, version, description, ...others } = manifest;
  const rest = Object.fromEntries(Object.entries(others).filter(([key]) => !AFTER_DESCRIPTION.includes(key)));
  const own = OWN[name];
  if (own === undefined) throw new Error(`scripts/manifests.mjs has no keywords for ${name}`);
  const where =
    repository === ''
      ? {}
      : {
          homepage: `${repository}/tree/HEAD/${dir}#readme`,
          bugs: { url: `${repository}/issues` },
          repository: { type: 'git', url: `git+${repository}.git`, directory: dir },
        };
  const files = [...new Set(['CHANGELOG.md', ...(manifest.files ?? [])])];
  return { name, version, description, keywords: [...COMMON, ...own], ...where, license: 'MIT', ...rest, files };
}

/** The text of a README with its relative links made absolute. `dir` is where it lies, relative to the root. */
export function absoluteLinks(text, dir, repository) {
  return text.replace(/(\]\()(?![a-z]+:|#|\/)([^)\s]+)(\))/g, (_all, open, target, close) => {
    const [path, anchor = ''] = target.split(/(?=#)/);
    return `${open}${repository}/blob/HEAD/${posix.normalize(`${dir}/${path}`)}${anchor}${close}`;
  });
}

function main(mode) {
  const repository = repositoryOf(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  if (mode === '--publish' && repository === '') {
    throw new Error(
      'nothing is published while "vmarea": { "repository" } in package.json is empty: see CONTRIBUTING.md',
    );
  }
  const stale = [];
  for (const { dir, manifest } of publicPackages()) {
    const file = join(root, dir, 'package.json');
    const text = `${JSON.stringify(withCommon(manifest, dir, repository), null, 2)}\n`;
    if (text !== readFileSync(file, 'utf8')) {
      stale.push(`${dir}/package.json`);
      if (mode !== '--check') writeFileSync(file, text);
    }
    const readme = join(root, dir, 'README.md');
    if (mode === '--publish' && existsSync(readme)) {
      writeFileSync(readme, absoluteLinks(readFileSync(readme, 'utf8'), dir, repository));
    }
  }
  if (mode === '--check' && stale.length > 0) {
    throw new Error(`not as node scripts/manifests.mjs writes them: ${stale.join(', ')}`);
  }
  console.log(stale.length === 0 ? 'The manifests are as they should be.' : `Written: ${stale.join(', ')}`);
}

if (process.argv[1] === import.meta.filename) {
  try {
    main(process.argv[2] ?? '--write');
  } catch (error) {
    console.error(`manifests: ${error.message}`);
    process.exitCode = 1;
  }
}
