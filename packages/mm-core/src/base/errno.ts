/**
 * How a verb says no: a negative errno, with the id of the decision left in the Mm.
 *
 * Not here: the sentences (reasons/catalogue.ts).
 */
import type { Mm } from '../space/mm.ts';

/**
 * What a call returns that must be repeated after `system.pending` has settled. It is no errno: errnos are -1 to -4095.
 */
export const RETRY = -4096;

/** Whether a result is an error (or {@link RETRY}); an address or a count otherwise. */
export function isErr(value: number): boolean {
  return value < 0;
}

/**
 * Leaves the id of a decision and returns the errno that goes with it.
 *
 * @param mm the address space that was asked
 * @param decision one of `Decision`
 * @param errno the negative errno
 */
export function refuse(mm: Mm, decision: number, errno: number): number {
  mm.lastDecision = decision;
  if (mm.tracer !== null) mm.tracer.decide(decision, errno);
  return errno;
}
