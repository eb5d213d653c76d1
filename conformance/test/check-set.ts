import { join } from 'node:path';
import type { KernelProfile } from '@vmarea/uapi';
import { expect, it } from 'vitest';
import { KINDS } from '../src/compare.ts';
import { readExceptions } from '../src/exceptions.ts';
import { describeFailure } from '../src/report.ts';
import { runSet } from '../src/run-set.ts';

/** `pnpm test:full`. */
const FULL = process.env['VMAREA_FULL'] === '1';

const HOME = join(import.meta.dirname, '..');

/** How {@link checkSet} runs a set. */
export interface CheckSetOptions {
  /** Every n-th recording, unless all are asked for; `pnpm conformance` runs all. */
  readonly every?: number;
  /** A copy of the recorded kernel's profile, which answers as the profile does. */
  readonly profile?: KernelProfile;
}

/**
 * Every recording of a set passes whole, or every n-th, but for the entries of the exceptions file.
 *
 * @param recordings how many there are
 */
export function checkSet(set: string, recordings: number, options: CheckSetOptions = {}): void {
  const { profile } = options;
  const every = FULL ? 1 : (options.every ?? 24);
  const count = Math.ceil(recordings / every);
  it(`answers ${count} of ${recordings} recordings of ${set} as the kernel did`, () => {
    const result = runSet({
      dir: join(HOME, 'recordings', set),
      kinds: KINDS,
      filter: '',
      maxFailures: 1,
      exceptions: readExceptions(join(HOME, 'exceptions.json')),
      check: false,
      way: 'records',
      every,
      profile,
    });
    const failures = result.failed.map((outcome) => describeFailure(set, outcome));
    expect(failures.slice(0, 10).join('\n')).toBe('');
    expect(result.needless).toEqual([]);
    expect(result.passed).toBe(count);
  });
}
