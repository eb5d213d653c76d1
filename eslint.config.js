import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import { readFileSync } from 'node:fs';
import tseslint from 'typescript-eslint';

const layers = JSON.parse(readFileSync(new URL('./layers.json', import.meta.url), 'utf8'));
const names = Object.keys(layers).filter((name) => !name.includes('/'));
/** Rooms: `package/folder`. */
const rooms = Object.keys(layers).filter((name) => name.includes('/'));

/** Files of published packages that may use Node's built-ins; everything else must run in a browser. */
const nodeFiles = [
  'packages/hostfs/src/**/*.ts',
  'packages/strace/src/node.ts',
  'packages/recordings/src/node.ts',
  'packages/strace/src/node/**/*.ts',
];

const noNode = {
  regex:
    '^(node:|(assert|buffer|child_process|crypto|events|fs|os|path|process|stream|url|util|worker_threads|zlib)(/|$))',
  message:
    "Published packages run in browsers: no Node built-ins (the file helpers of strace live in strace's src/node).",
};

/** What `name` may not import: layers that are not below it, itself by name, and anything behind a front door. */
function upward(name) {
  return [
    ...names
      .filter((other) => !layers[name].includes(other))
      .map((other) => ({
        regex: `^@vmarea/${other}(/|$)`,
        message:
          other === name
            ? 'Inside a package, import by relative path.'
            : `${name} may not import ${other}: see layers.json.`,
      })),
    {
      regex: '^@vmarea/[^/]+/(src|dist)(/|$)|^(\\.\\./)+(packages|apps)/|^(\\.\\./)+[^/]+/(src|dist)/',
      message: 'Use the package name, not its files.',
    },
  ];
}

/** What a room may not import as a value: the rooms that are not below it. (Types: dependency-cruiser.) */
function upwardRooms(name) {
  const [owner, ...path] = name.split('/');
  const others = rooms.filter((other) => other !== name && other.startsWith(`${owner}/`));
  return others
    .map((other) => other.slice(owner.length + 1))
    .filter((room) => !layers[name].includes(room))
    .map((room) => ({
      // From memory/tlb, the room memory/cache is `../cache/`.
      regex: `^(\\.\\./)+(${room}|${path.length > 1 ? room.replace(/^memory\//, '') : room})/`,
      allowTypeImports: true,
      message: `The room ${path.join('/')} may not import ${room}: see layers.json.`,
    }));
}

const restrict = (...patterns) => ({ '@typescript-eslint/no-restricted-imports': ['error', { patterns }] });

const withoutMemory = {
  regex: '^\\.{1,2}/(.*/)?(memory|testing)/',
  message: 'The engine runs without memory behind it: it may not import src/memory or src/testing.',
};
const noTesting = { regex: '^\\.{1,2}/(.*/)?testing/', message: 'Test doubles are for tests.' };

const layering = [
  ...names.map((name) => ({
    name: `layer/${name}`,
    files: [`packages/${name}/src/**/*.ts`],
    rules: restrict(...upward(name), noNode),
  })),
  {
    name: 'layer/mm-core engine',
    files: ['packages/mm-core/src/**/*.ts'],
    ignores: ['packages/mm-core/src/memory/**', 'packages/mm-core/src/testing/**', 'packages/mm-core/src/reasons.ts'],
    rules: restrict(...upward('mm-core'), noNode, withoutMemory),
  },
  {
    name: 'layer/mm-core memory',
    files: ['packages/mm-core/src/memory/**/*.ts'],
    rules: restrict(...upward('mm-core'), noNode, noTesting),
  },
  ...rooms.map((name) => {
    const [owner, ...path] = name.split('/');
    const engine = owner === 'mm-core' && path[0] !== 'memory' ? [withoutMemory] : [noTesting];
    return {
      name: `room/${name}`,
      files: [`packages/${owner}/src/${path.join('/')}/**/*.ts`],
      rules: restrict(...upward(owner), noNode, ...engine, ...upwardRooms(name)),
    };
  }),
  ...names.map((name) => ({
    name: `layer/${name} with Node`,
    files: nodeFiles.filter((file) => file.startsWith(`packages/${name}/`)),
    rules: restrict(...upward(name)),
  })),
].filter((block) => block.files.length > 0);

export default defineConfig(
  globalIgnores([
    '**/dist/',
    'apps/demo/bin/',
    'apps/demo/page/',
    '**/coverage/',
    '**/artifacts/',
    'docs/api/',
    '**/.turbo/',
    '**/fixtures/',
    'scripts/*.d.mts',
  ]),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.ts'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Indexed reads of typed arrays and counted loops are how hot kernel-like code is written.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/prefer-for-of': 'off',
      // isolatedDeclarations asks for annotations; whether a constant is `number` or its literal is the author's choice.
      '@typescript-eslint/no-inferrable-types': 'off',
      'no-bitwise': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  ...layering,
  {
    // A copy of a profile answers as the profile does: code asks for a fact, never for a version.
    files: ['packages/*/src/**/*.ts', 'apps/*/src/**/*.ts', 'conformance/src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...[
          'BinaryExpression[operator=/^[!=]==?$/] > Identifier[name=/^(MSM|LINUX)_\\d+_\\d+$/]',
          "BinaryExpression[operator=/^[!=]==?$/] > Identifier[name='profile']",
          "BinaryExpression[operator=/^[!=]==?$/] > MemberExpression[property.name='profile']",
          "BinaryExpression[operator=/^[!=]==?$/] > MemberExpression[property.name='name'] > MemberExpression.object[property.name='profile']",
          "BinaryExpression[operator=/^[!=]==?$/] > MemberExpression[property.name='name'] > Identifier.object[name='profile']",
        ].map((selector) => ({
          selector,
          message: 'Ask the profile for a fact: do not compare profiles or their names.',
        })),
      ],
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: { URL: 'readonly', console: 'readonly', process: 'readonly', Buffer: 'readonly' },
    },
  },
  {
    // TypeScript keeps what it narrowed about `vma.anonVma` across a call that changes it: here the rule calls needed checks needless.
    files: ['packages/{mm-core,vfs,shmem,hugetlbfs,kernel,fs-testkit,hostfs,zenfs,httpfs}/src/**/*.ts'],
    // And `vma === null || addr < vma.vmStart` reads beside the kernel's text better than an optional chain.
    rules: {
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/prefer-optional-chain': 'off',
    },
  },
  {
    // Doubles implement ports whole: empty methods and unused async are what they are.
    files: ['**/test/**/*.ts', 'packages/mm-core/src/testing/**/*.ts'],
    rules: {
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
