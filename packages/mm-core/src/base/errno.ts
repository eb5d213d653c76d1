/**
 * How a call fails: it returns a negative errno and stores the reason's number in the caller's `call.reason`.
 *
 * Not here: the sentences (the `reasons` files of each room).
 */
import type { Caller } from '../space/caller.ts';

/**
 * Returned by a call that must be repeated after `system.current.pending` has settled. It is no errno: errnos are -1 to -4095.
 */
export const RETRY = -4096;

/** Returns whether a result is an error or {@link RETRY}; otherwise it is an address or a count. */
export function isErr(value: number): boolean {
  return value < 0;
}

/**
 * Stores a reason's number in the call and returns the errno that belongs to it.
 *
 * @param cur the caller
 * @param decision a reason's number
 * @param errno the negative errno
 */
export function refuse(cur: Caller, decision: number, errno: number): number {
  cur.call.reason = decision;
  const { tracer } = cur.mm;
  if (tracer !== null) tracer.decide(decision, errno);
  return errno;
}
