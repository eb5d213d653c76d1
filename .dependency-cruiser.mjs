// The layers of layers.json once more, on resolved files: catches what an import's text hides (dynamic imports, relative paths, cycles).
import { readFileSync } from 'node:fs';

const layers = JSON.parse(readFileSync(new URL('./layers.json', import.meta.url), 'utf8'));
const names = Object.keys(layers);

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-node-in-packages',
      severity: 'error',
      from: { path: '^packages/', pathNot: '^packages/(hostfs/src/|strace/src/node(/|\\.ts$))' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'engine-without-memory',
      severity: 'error',
      from: { path: '^packages/mm-core/src/', pathNot: '^packages/mm-core/src/(memory|testing)/' },
      to: { path: '^packages/mm-core/src/(memory|testing)/' },
    },
    {
      name: 'no-doubles',
      severity: 'error',
      from: { path: '/src/', pathNot: '/src/testing/' },
      to: { path: '/src/testing/' },
    },
    ...names.map((name) => ({
      name: `layer-${name}`,
      severity: 'error',
      from: { path: `^packages/${name}/` },
      to: { path: '^(packages|apps|bench|conformance)/', pathNot: `^packages/(${[name, ...layers[name]].join('|')})/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@vmarea/source', 'types', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    },
  },
};
