// Bundles and minifies what a browser would load of an entry point, with everything that it imports, into artifacts/size/.
// `size-limit` then weighs these files (.size-limit.json). Every export is kept: this is the price of using all of it.
// It takes what is published (dist): there the engine has the numbers of the reasons and none of their sentences, which is
// checked here.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { root } from './workspace.mjs';

const bundles = {
  'mm-core-engine': ['packages/mm-core/dist/index.js'],
  'mm-core': ['packages/mm-core/dist/index.js', 'packages/mm-core/dist/memory/index.js'],
  uapi: ['packages/uapi/dist/index.js'],
  'arch-arm64': ['packages/arch-arm64/dist/index.js'],
  'arch-x86-64': ['packages/arch-x86-64/dist/index.js'],
};

const outDir = join(root, 'artifacts/size');
rmSync(outDir, { recursive: true, force: true });
for (const [name, files] of Object.entries(bundles)) {
  const entry = `virtual:${name}`;
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? `\0${entry}` : undefined),
        // Namespaces, so that a name exported by two entry points is no conflict.
        load: (id) =>
          id === `\0${entry}`
            ? files.map((file, i) => `export * as e${i} from ${JSON.stringify(join(root, file))};`).join('\n')
            : undefined,
      },
    ],
    build: {
      outDir,
      emptyOutDir: false,
      target: 'es2023',
      minify: true,
      modulePreload: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: 'strict',
        output: { format: 'es', entryFileNames: `${name}.js` },
      },
    },
  });
}

const { allReasons } = await import(new URL('../packages/mm-core/dist/reasons.js', import.meta.url).href);
const engine = readFileSync(join(outDir, 'mm-core-engine.js'), 'utf8');
const carried = allReasons().filter(({ says }) => engine.includes(says));
if (carried.length > 0) {
  throw new Error(`the engine's bundle carries sentences of reasons: ${carried.map(({ id }) => id).join(', ')}`);
}
