// A third party's view: packs the packages that a driver author needs, installs the tarballs in a folder outside of the workspace,
// and runs test/consumer and templates/driver there with node:test. Needs a build, and `pnpm` on the PATH: run it as `pnpm check:consumer`.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicPackages, root } from './workspace.mjs';

const windows = process.platform === 'win32';
const wanted = ['fs-testkit', 'kernel', 'vfs', 'mm-core', 'arch-arm64', 'uapi'].map((name) => `@vmarea/${name}`);
const dir = mkdtempSync(join(tmpdir(), 'vmarea-consumer-'));
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, shell: windows, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

try {
  const tarballs = {};
  for (const { dir: folder, manifest } of publicPackages()) {
    if (!wanted.includes(manifest.name)) continue;
    const packed = JSON.parse(run('pnpm', ['pack', '--json', '--pack-destination', dir], join(root, folder)));
    tarballs[manifest.name] = `file:${packed.filename}`;
  }
  const manifest = { name: 'consumer', private: true, type: 'module', dependencies: tarballs, overrides: tarballs };
  writeFileSync(join(dir, 'package.json'), JSON.stringify(manifest));
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--offline', '--loglevel=error'], dir);
  copyFileSync(join(root, 'test/consumer/letters-fs.test.mjs'), join(dir, 'letters-fs.test.mjs'));
  // The template of a driver, as somebody copies it: it finds the same packages.
  cpSync(join(root, 'templates/driver'), join(dir, 'template'), { recursive: true });
  for (const test of ['letters-fs.test.mjs', 'template/test/driver.test.mjs']) {
    const out = run(process.execPath, ['--test', '--test-reporter=tap', test], dir);
    const counts = out.split('\n').filter((line) => /^# (tests|pass|fail|skipped) /.test(line));
    console.log(`${test}: ${counts.map((line) => line.slice(2)).join(', ')}`);
  }
} catch (error) {
  console.error(error.stdout ?? error);
  process.exitCode = 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
