// The layers and rooms of layers.json once more, on resolved files: catches what an import's text hides (dynamic imports, relative paths, cycles).
import { readFileSync } from 'node:fs';

const layers = JSON.parse(readFileSync(new URL('./layers.json', import.meta.url), 'utf8'));
const names = Object.keys(layers).filter((name) => !name.includes('/'));
/** Rooms: `package/folder`, and the folders of the same package that it may import. */
const rooms = Object.keys(layers).filter((name) => name.includes('/'));
/**
 * What belongs together although it stands in several rooms: an address space, its areas, who calls, what a file and its
 * memory know of them. Types of these files may be named from below.
 */
const shared = {
  'mm-core':
    '(areas/vma|shape/(anon-vma|file-mapping)|space/(caller|fault-info|mm|system)|memory/(core|memory)|memory/tlb/state|memory/cache/address-space)\\.ts$',
};

/** The rules of a room: values from the rooms below it only, and types from above only where they are shared. */
function roomRules(name) {
  const [owner, ...path] = name.split('/');
  const room = path.join('/');
  const src = `^packages/${owner}/src/`;
  const from = { path: `${src}${room}/` };
  const allowed = `${src}(${[room, ...layers[name]].join('|')})/`;
  return [
    {
      name: `room-${name}`,
      severity: 'error',
      from,
      to: { path: src, pathNot: allowed, dependencyTypesNot: ['type-only'] },
    },
    {
      name: `room-types-${name}`,
      severity: 'error',
      from,
      to: { path: src, pathNot: [allowed, `${src}${shared[owner]}`], dependencyTypes: ['type-only'] },
    },
  ];
}

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
      from: { path: '^packages/', pathNot: '^packages/(hostfs/src/|(strace|recordings)/src/node(/|\\.ts$))' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'engine-without-memory',
      severity: 'error',
      from: { path: '^packages/mm-core/src/', pathNot: '^packages/mm-core/src/((memory|testing)/|reasons\\.ts$)' },
      to: { path: '^packages/mm-core/src/(memory|testing)/' },
    },
    {
      name: 'no-doubles',
      severity: 'error',
      from: { path: '/src/', pathNot: '/src/testing/' },
      to: { path: '/src/testing/' },
    },
    ...rooms.flatMap(roomRules),
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
