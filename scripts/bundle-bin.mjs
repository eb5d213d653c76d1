// Bundles the command line, as it was built into dist, into apps/demo/bin: what is published as `vmarea`.
//
//     node scripts/build.mjs apps/demo && node scripts/bundle-bin.mjs
//
// main.js holds what help needs, commands.js what any command needs, base.js what both do: three files are found and read in
// half the time of fifty. Filesystem drivers are loaded when they are named. Everything is bundled but ZenFS, whose licence
// (LGPL) wants it to stay a package of its own; LICENSES.md has the licences of the rest.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { root } from './workspace.mjs';

const outDir = join(root, 'apps/demo/bin');
const path = (id) => id.replaceAll('\\', '/');

/** Needed by help and by commands. */
const BASE =
  /\/uapi\/dist\/(profile\/|escape|config|misuse|abi\/capability)|\/demo\/dist\/(text\/io|machine\/package|options\/drivers)|\/node_modules\/picocolors\//;
/** Needed by help alone. */
const MAIN = /\/demo\/dist\/(main|cli|options\/(commands|vocabulary)|text\/safe-io)\.js|\/node_modules\/commander\//;
/** Needed by commands that make no machine. */
const READING =
  /\/packages\/(strace|uapi)\/|\/situation\/dist\/(error|evidence|situation|values|describe|map\/pattern)\.js|\/replay\/dist\/programs\/elf\.js|\/demo\/dist\/(intake\/(maps|bundle|completion|recognize-file)|text\/(numbers|values))/;
/** Needed only where they are named. */
const SELDOM = /\/packages\/(hostfs|httpfs|zenfs)\/|\/node_modules\/(cli-progress|@zenfs)\//;

await build({
  root: join(root, 'apps/demo'),
  configFile: false,
  logLevel: 'warn',
  publicDir: false,
  ssr: { noExternal: true, external: ['@zenfs/core', '@zenfs/archives'] },
  build: {
    ssr: 'dist/main.js',
    outDir,
    emptyOutDir: true,
    target: 'node20',
    // Names of functions stay, for the stack in a report of a fault.
    minify: {
      compress: { keepNames: { function: true, class: true } },
      mangle: { keepNames: { function: true, class: true } },
      codegen: { removeWhitespace: true },
    },
    reportCompressedSize: false,
    license: { fileName: 'LICENSES.md' },
    rolldownOptions: {
      output: {
        format: 'es',
        entryFileNames: '[name].js',
        chunkFileNames: '[name].js',
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'base', test: (id) => BASE.test(path(id)) },
            { name: 'reading', test: (id) => !MAIN.test(path(id)) && READING.test(path(id)) },
            { name: 'commands', test: (id) => ![MAIN, SELDOM].some((others) => others.test(path(id))) },
          ],
        },
      },
    },
  },
});

// A module that the lists above do not name would pull in all the commands where they are not wanted.
for (const file of ['main.js', 'base.js', 'reading.js']) {
  const imported = /^import\b[^;]*commands\.js/m.exec(readFileSync(join(outDir, file), 'utf8'));
  if (imported !== null) throw new Error(`bundle-bin: ${file} loads all commands: ${imported[0]}`);
}
