import { availableParallelism } from 'node:os';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

/** `vitest run --mode full`: what is sampled otherwise runs whole. */
const full = (mode: string): boolean => mode === 'full';

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
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'apps',
          environment: 'node',
          include: ['apps/*/test/**/*.test.ts', 'conformance/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'workspace',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/consumers.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // Packs and installs all packages: `pnpm check:consumer`, not part of `pnpm test`.
        test: {
          name: 'consumers',
          environment: 'node',
          include: ['test/consumers.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 300_000,
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
