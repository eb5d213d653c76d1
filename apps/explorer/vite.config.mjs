import { join } from 'node:path';
import { defaultClientConditions, defineConfig } from 'vite';
import { reasonsPage } from './scripts/reasons-page.mjs';

/** Gives the worker's packages the memory that is loaded when it is asked for (src/engine/lazy/memory.ts). */
function lazyMemory() {
  const folder = join(import.meta.dirname, 'src/engine/lazy');
  return {
    name: 'lazy-memory',
    enforce: 'pre',
    resolveId(id, importer) {
      if (id !== '@vmarea/mm-core/memory' || importer === undefined || importer.startsWith(folder)) return null;
      return join(folder, 'memory.ts');
    },
  };
}

export default defineConfig(({ command, mode }) => ({
  // The page may lie in any folder of a server.
  base: './',
  // While it is worked on and tested, packages are taken from their sources; what is built takes what is published.
  resolve: {
    conditions:
      command === 'serve' || mode === 'source'
        ? ['@vmarea/source', ...defaultClientConditions]
        : defaultClientConditions,
  },
  plugins: [reasonsPage()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es', plugins: () => [lazyMemory()] },
  build: {
    outDir: 'dist/page',
    target: 'es2023',
    sourcemap: false,
    modulePreload: false,
    // Everything is a file of its own: the content-security policy allows no data in addresses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
}));
