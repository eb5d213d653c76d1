// Bundles and minifies what a browser would load of an entry point, with everything that it imports, into artifacts/size/.
// `size-limit` then weighs these files (.size-limit.json). Every export is kept: this is the price of using all of it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, defaultClientConditions } from 'vite';
import { root } from './workspace.mjs';

const bundles = {
  'mm-core-engine': ['packages/mm-core/src/index.ts'],
  'mm-core': ['packages/mm-core/src/index.ts', 'packages/mm-core/src/memory/index.ts'],
  uapi: ['packages/uapi/src/index.ts'],
  'arch-arm64': ['packages/arch-arm64/src/index.ts'],
  'arch-x86-64': ['packages/arch-x86-64/src/index.ts'],
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
    resolve: { conditions: ['@vmarea/source', ...defaultClientConditions] },
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
