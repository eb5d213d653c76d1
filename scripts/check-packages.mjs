// Packs every public package once and judges the tarballs, which is what users get: publint (strict), attw (ESM only), and
// the rules of this workspace. Needs a build, and `pnpm` on the PATH: run it as `pnpm check:packages`.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { publicPackages, root } from './workspace.mjs';

const run = promisify(execFile);
const windows = process.platform === 'win32';
const dest = mkdtempSync(join(tmpdir(), 'vmarea-pack-'));

/** What this workspace asks of a package.json besides what publint knows. */
function manifestProblems(manifest) {
  const problems = [];
  for (const key of ['description', 'keywords', 'license', 'engines', 'files', 'type']) {
    if (manifest[key] === undefined) problems.push(`package.json has no "${key}"`);
  }
  // The one side effect there is: files that declare reasons put them into the table.
  const declaresReasons =
    Array.isArray(manifest.sideEffects) &&
    manifest.sideEffects.every((file) => /\/reasons(\/\*)?\.(ts|js)$/.test(file));
  if (manifest.exports !== undefined && manifest.sideEffects !== false && !declaresReasons) {
    problems.push('"sideEffects" is neither false nor files that declare reasons');
  }
  if (manifest.exports === undefined && manifest.bin === undefined) problems.push('neither "exports" nor "bin"');
  const published = manifest.publishConfig?.exports;
  if (published !== undefined && Object.keys(published).join() !== Object.keys(manifest.exports ?? {}).join()) {
    problems.push('"publishConfig.exports" and "exports" have other entry points');
  }
  for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
    if (typeof target === 'string') continue;
    const keys = Object.keys(target).join();
    if (keys !== '@vmarea/source,types,default') problems.push(`exports["${entry}"] has the conditions ${keys}`);
  }
  return problems;
}

/** What the list of files in the tarball lacks, or has too much. */
function fileProblems(dir, manifest, files) {
  const problems = [];
  for (const wanted of ['README.md', 'LICENSE'])
    if (!files.includes(wanted)) problems.push(`no ${wanted} in the tarball`);
  if (existsSync(join(root, dir, 'CHANGELOG.md')) && !files.includes('CHANGELOG.md'))
    problems.push('no CHANGELOG.md in the tarball');
  const targets = Object.values(manifest.exports ?? {}).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  for (const target of [...targets, ...Object.values(manifest.bin ?? {})]) {
    if (!files.includes(target.replace(/^\.\//, ''))) problems.push(`no ${target} in the tarball`);
  }
  for (const file of files) {
    if (/(^|\/)(test|node_modules)\/|\.tsbuildinfo$|tsconfig/.test(file)) problems.push(`${file} is in the tarball`);
  }
  return problems;
}

async function check({ dir, manifest }) {
  const problems = manifestProblems(manifest);
  const packed = await run('pnpm', ['pack', '--json', '--pack-destination', dest], {
    cwd: join(root, dir),
    shell: windows,
  });
  const { filename, files } = JSON.parse(packed.stdout);
  problems.push(
    ...fileProblems(
      dir,
      manifest,
      files.map((file) => file.path),
    ),
  );

  const tarball = readFileSync(filename);
  const lint = await publint({
    strict: true,
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength) },
  });
  problems.push(...lint.messages.map((message) => formatMessage(message, lint.pkg) ?? message.code));

  if (manifest.exports !== undefined) {
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    try {
      await run(process.execPath, [attw, filename, '--profile', 'esm-only', '--no-color', '--format', 'ascii']);
    } catch (error) {
      problems.push(`attw: ${error.stdout}${error.stderr}`);
    }
  }
  return problems;
}

let failed = 0;
const queue = publicPackages();
async function worker() {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name } = next.manifest;
    const problems = await check(next).catch((error) => [
      `${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`,
    ]);
    console.log(problems.length === 0 ? `ok      ${name}` : `not ok  ${name}`);
    for (const problem of problems) console.log(`        ${problem}`);
    if (problems.length > 0) failed += 1;
  }
}
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, worker));
rmSync(dest, { recursive: true });
if (failed > 0) process.exit(1);
