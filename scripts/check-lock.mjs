// Checks that pnpm-lock.yaml holds the native binaries of every tool for linux, macOS and Windows. Some releases of these
// tools were published without all of them; a lock file made on one system would then fail on another.
import { readFileSync } from 'node:fs';

const lock = readFileSync(new URL('../pnpm-lock.yaml', import.meta.url), 'utf8');

const napi = ['darwin-arm64', 'darwin-x64', 'linux-arm64-gnu', 'linux-x64-gnu', 'linux-x64-musl', 'win32-x64-msvc'];

/** tool → the platform packages that must be locked at the version of the tool itself. */
const tools = {
  turbo: ['darwin-arm64', 'darwin-64', 'linux-arm64', 'linux-64', 'windows-64'].map((p) => `@turbo/${p}`),
  rolldown: napi.map((p) => `@rolldown/binding-${p}`),
  'oxc-parser': napi.map((p) => `@oxc-parser/binding-${p}`),
  'oxc-resolver': napi.map((p) => `@oxc-resolver/binding-${p}`),
  lightningcss: napi.map((p) => `lightningcss-${p}`),
  esbuild: ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64', 'win32-x64'].map((p) => `@esbuild/${p}`),
};

/** The versions at which the lock file holds `name`. */
function lockedVersions(name) {
  const quoted = name.replaceAll(/[/@.]/g, '\\$&');
  return [...lock.matchAll(new RegExp(`^  '?${quoted}@([0-9][^:'(]*)'?:`, 'gm'))].map((match) => match[1]);
}

let failures = 0;
for (const [tool, platforms] of Object.entries(tools)) {
  for (const version of new Set(lockedVersions(tool))) {
    const missing = platforms.filter((name) => !lockedVersions(name).includes(version));
    failures += missing.length;
    for (const name of missing) console.error(`pnpm-lock.yaml has ${tool}@${version} but not ${name}@${version}`);
  }
}
for (const tool of ['turbo', 'rolldown', 'oxc-parser']) {
  if (lockedVersions(tool).length === 0) {
    failures += 1;
    console.error(`pnpm-lock.yaml has no ${tool}: does this check still read the format of the file?`);
  }
}
if (failures > 0) process.exit(1);
console.log('pnpm-lock.yaml has the binaries of linux, macOS and Windows.');
