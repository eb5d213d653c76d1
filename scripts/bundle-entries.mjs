// Bundles the entry points of packages, as they were built into dist, for Node: the files that the condition "node" of
// `publishConfig.exports` names. Node then finds, reads and links a few files instead of a hundred: an import of mm-core takes
// a third of the time. Bundlers for the browser take the single files, which they can leave out one by one.
//
//     node scripts/bundle-entries.mjs [package ...]      packages are folders; none is this folder (as `prepack` runs it)
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { build } from 'vite';

const folders = process.argv.length > 2 ? process.argv.slice(2) : ['.'];
for (const dir of folders.map((folder) => resolve(folder))) {
  const { publishConfig } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
  const outDir = join(dir, 'dist/node');
  const input = {};
  for (const target of Object.values(publishConfig.exports)) {
    if (target.node === undefined) continue;
    input[relative(outDir, join(dir, target.node)).replace(/\.js$/, '')] = join(dir, target.default);
  }
  await build({
    root: dir,
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    build: {
      ssr: true,
      outDir,
      emptyOutDir: true,
      target: 'node20',
      minify: false,
      reportCompressedSize: false,
      rolldownOptions: {
        input,
        external: /^@vmarea\//,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  });
}
