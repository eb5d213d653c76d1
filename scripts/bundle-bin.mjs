// Bundles the command line, as it was built into dist, into apps/demo/bin: what is published as `vmarea`.
//
//     node scripts/build.mjs apps/demo && node scripts/bundle-bin.mjs
//
// base.js holds what help needs, commands.js the rest: a few files are found and read in half the time of fifty. Filesystem drivers are loaded when they are named. Everything is bundled but ZenFS, whose licence
// (LGPL) wants it to stay a package of its own; LICENSES.md has the licences of the rest.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { root } from './workspace.mjs';

const outDir = join(root, 'apps/demo/bin');
const path = (id) => id.replaceAll('\\', '/');

/**
 * Needed by help; it imports nothing else. Only main.ts stands in main.js: it waits for the command, and who imported it would wait
 * for it.
 */
const BASE =
  /\/packages\/uapi\/|\/demo\/dist\/(cli|options\/(commands|vocabulary|drivers)|text\/(io|safe-io)|machine\/package)\.js|\/node_modules\/(commander|picocolors)\//;
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
            { name: 'commands', test: (id) => !id.endsWith('main.js') && !SELDOM.test(path(id)) },
          ],
        },
      },
    },
  },
});

// The two would import each other, and be evaluated in a wrong order.
const imported = /^import\b[^;]*commands\.js/m.exec(readFileSync(join(outDir, 'base.js'), 'utf8'));
if (imported !== null)
  throw new Error(
    `bundle-bin: help needs ${imported[0]}: import that when a command runs, or name it in BASE with all that it imports`,
  );
