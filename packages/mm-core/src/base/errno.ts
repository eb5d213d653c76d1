/**
 * How a verb says no: a negative errno, with the id of the decision left in the caller's call.
 *
 * Not here: the sentences (the `reasons` files of each room).
 */
import type { Caller } from '../space/caller.ts';

/**
 * What a call returns that must be repeated after `system.current.pending` has settled. It is no errno: errnos are -1 to -4095.
 */
export const RETRY = -4096;

/** Whether a result is an error (or {@link RETRY}); an address or a count otherwise. */
export function isErr(value: number): boolean {
  return value < 0;
}

/**
 * Leaves the id of a decision and returns the errno that goes with it.
 *
 * @param cur who asked
 * @param decision a reason's number
 * @param errno the negative errno
 */
export function refuse(cur: Caller, decision: number, errno: number): number {
  cur.call.reason = decision;
  const { tracer } = cur.mm;
  if (tracer !== null) tracer.decide(decision, errno);
  return errno;
}
