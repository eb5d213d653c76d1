/**
 * Finds the value of a knob at which an answer turns: by doubling, then by halving. Each try is a call on a copy.
 */
import type { Task } from '@vmarea/kernel';
import { onCopy } from './copy.ts';
import type { Knob } from './knobs.ts';
import type { Attempt, Outcome } from './outcome.ts';

/** The value next to the one that keeps the answer, and what comes of the call there. */
export interface Turn {
  readonly value: number;
  readonly outcome: Outcome;
}

/** What is searched through. */
export interface SearchRange {
  /** The value now. */
  readonly value: number;
  readonly step: number;
  readonly max: number;
  /** Search above the value now; otherwise below. */
  readonly upward: boolean;
}

/**
 * The first value above (or below) the present one at which the answer turns.
 *
 * @param attempt makes the call with a value; null when that cannot be tried
 * @param turned whether an outcome is the turned one
 * @returns null when even the far end does not turn it
 */
export function searchRange(
  range: SearchRange,
  attempt: (value: number) => Outcome | null,
  turned: (outcome: Outcome) => boolean,
): Turn | null {
  const { value, step, max, upward } = range;
  const extreme = upward ? max : 0;
  if (value === extreme || (upward && value > max)) return null;
  const turns = (steps: number): Outcome | null => {
    const outcome = attempt(steps * step);
    return outcome !== null && turned(outcome) ? outcome : null;
  };
  let far = Math.floor(extreme / step);
  let near = Math.floor(Math.min(value, max) / step);
  let found = turns(far);
  // A limit of 0 often means something of its own: EPERM for RLIMIT_MEMLOCK, the hard limit for RLIMIT_DATA.
  if (found === null && !upward && near > 1) {
    far = 1;
    found = turns(far);
  }
  if (found === null) return null;
  // Doubling first: limits are small against the range.
  for (let reach = Math.max(1, near * 2); upward && reach < far; reach *= 2) {
    const outcome = turns(reach);
    if (outcome !== null) {
      far = reach;
      found = outcome;
      break;
    }
    near = reach;
  }
  while (Math.abs(far - near) > 1) {
    const middle = Math.floor((far + near) / 2);
    const outcome = turns(middle);
    if (outcome === null) near = middle;
    else {
      far = middle;
      found = outcome;
    }
  }
  return { value: far * step, outcome: found };
}

/** The outcome of a call on a copy of the task, with something changed first; null when no copy can be made. */
export function tryOnCopy(task: Task, change: (copy: Task) => void, attempt: Attempt): Outcome | null {
  return onCopy(task, (copy) => {
    change(copy);
    return attempt(copy);
  });
}

/**
 * The value of a knob at which a call's answer turns.
 *
 * @param search whether to look above the present value (`upward`), the call, when its answer counts as turned, and what else
 *   is changed on each copy (`before`), for instance a capability that is dropped
 */
export function searchKnob(
  task: Task,
  knob: Knob,
  search: {
    readonly upward: boolean;
    readonly attempt: Attempt;
    readonly turned: (outcome: Outcome) => boolean;
    readonly before?: ((copy: Task) => void) | undefined;
  },
): Turn | null {
  const range = { value: knob.value(task), step: knob.step(task), max: knob.max, upward: search.upward };
  const attempt = (value: number): Outcome | null =>
    tryOnCopy(
      task,
      (copy) => {
        search.before?.(copy);
        knob.set(copy, value);
      },
      search.attempt,
    );
  return searchRange(range, attempt, search.turned);
}
