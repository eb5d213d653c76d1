/**
 * A replay of a log that may fit several kernels.
 */
import { fromLog, type Fact, type Situation } from '@vmarea/situation';
import type { KernelName } from '@vmarea/uapi';
import { firstDifference } from './report/difference.ts';
import type { ReplayReport } from './report/report.ts';

/** How {@link replayFitting} works. */
export interface FittingReplay<T> {
  /** With the newest kernel that fits. */
  readonly situation: Situation;
  /** Makes the situation with another kernel; null when the log cannot be read again. */
  readonly withKernel: (kernel: Fact<KernelName>) => Situation | null;
  /** Replays the log from its beginning. */
  readonly run: (situation: Situation) => Promise<T>;
}

/**
 * Replays a log. Where it fits several kernels the newest is asked first, and the others only when that one differs.
 *
 * @returns the replay of the newest kernel that agrees, or else of the one that goes furthest
 */
export async function replayFitting<T extends { readonly report: ReplayReport }>(log: FittingReplay<T>): Promise<T> {
  const { otherKernels, kernel } = log.situation;
  let best = await log.run(log.situation);
  const newest = firstDifference(best.report);
  if (newest === null) return best;
  let reached = newest.line;
  for (const name of otherKernels) {
    const told =
      newest.line === Infinity
        ? fromLog(name, 0, `the final map is none of ${kernel.value}`)
        : fromLog(name, newest.line, `${kernel.value} answers otherwise there`);
    const situation = log.withKernel(told);
    if (situation === null) return best;
    const other = await log.run(situation);
    const difference = firstDifference(other.report);
    if (difference === null) return other;
    if (difference.line > reached) {
      best = other;
      reached = difference.line;
    }
  }
  return best;
}
