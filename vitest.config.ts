import { availableParallelism } from 'node:os';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** `vitest run --mode full`: what is sampled otherwise runs whole. */
const full = (mode: string): boolean => mode === 'full';

/** Ends a test that hangs. No test has a limit of its own, which a loaded machine would break. */
const LIMIT = 600_000;

/** Tests that replace modules or count all reasons: the others share their modules, which takes a third less time. */
const ALONE = [
  'apps/demo/test/reasons-doc.test.ts',
  'packages/fs-testkit/test/suite.test.ts',
  'packages/hostfs/test/confined.test.ts',
  'packages/mm-core/test/engine/property.test.ts',
];

export default defineConfig(({ mode }) => ({
  // Tests run from source. Node tests resolve through the SSR environment: `resolve.conditions` alone does nothing here.
  ssr: { resolve: { conditions: ['@vmarea/source', ...defaultServerConditions] } },
  test: {
    env: full(mode) ? { VMAREA_FULL: '1' } : {},
    // By default one processor is left free, which on two cores doubles the time.
    maxWorkers: availableParallelism(),
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          environment: 'node',
          include: ['packages/*/test/**/*.test.ts'],
          exclude: ALONE,
          isolate: false,
          testTimeout: LIMIT,
        },
      },
      {
        extends: true,
        test: {
          name: 'apps',
          environment: 'node',
          include: ['apps/*/test/**/*.test.ts', 'conformance/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          exclude: ALONE,
          isolate: false,
          testTimeout: LIMIT,
          hookTimeout: LIMIT,
        },
      },
      {
        extends: true,
        test: {
          name: 'workspace',
          environment: 'node',
          include: ['test/**/*.test.ts', ...ALONE],
          exclude: ['test/consumers.test.ts'],
          testTimeout: LIMIT,
          hookTimeout: LIMIT,
        },
      },
      {
        extends: true,
        // Packs and installs all packages: `pnpm check:consumer`, not part of `pnpm test`.
        test: {
          name: 'consumers',
          environment: 'node',
          include: ['test/consumers.test.ts'],
          testTimeout: LIMIT,
          hookTimeout: LIMIT,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 80 },
    },
  },
}));
