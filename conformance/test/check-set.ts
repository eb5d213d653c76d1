import { join } from 'node:path';
import type { KernelProfile } from '@vmarea/uapi';
import { expect, it } from 'vitest';
import { KINDS } from '../src/compare.ts';
import { readExceptions } from '../src/exceptions.ts';
import { describeFailure } from '../src/report.ts';
import { runSet } from '../src/run-set.ts';

const HOME = join(import.meta.dirname, '..');

/**
 * Every recording of a set passes whole, but for the entries of the exceptions file.
 *
 * @param profile a copy of the recorded kernel's profile, which answers as the profile does
 */
export function checkSet(set: string, recordings: number, profile?: KernelProfile): void {
  it(`answers all ${recordings} recordings of ${set} as the kernel did`, () => {
    const result = runSet({
      dir: join(HOME, 'recordings', set),
      kinds: KINDS,
      filter: '',
      maxFailures: 1,
      exceptions: readExceptions(join(HOME, 'exceptions.json')),
      check: false,
      way: 'records',
      every: 1,
      profile,
    });
    const failures = result.failed.map((outcome) => describeFailure(set, outcome));
    expect(failures.slice(0, 10).join('\n')).toBe('');
    expect(result.needless).toEqual([]);
    expect(result.passed).toBe(recordings);
  }, 600_000);
}
