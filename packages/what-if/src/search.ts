/**
 * Finds the value of a knob at which a result changes: by doubling, then by halving. Each try is a call on a copy.
 */
import type { Task } from '@vmarea/kernel';
import { onCopy } from './copy.ts';
import type { Knob } from './knobs.ts';
import type { Attempt, Outcome } from './outcome.ts';

/** The first value with another result, and that result. */
export interface Turn {
  readonly value: number;
  readonly outcome: Outcome;
}

/** The range of a search. */
export interface SearchRange {
  /** The present value. */
  readonly value: number;
  readonly step: number;
  readonly max: number;
  /** Whether to search above the present value; otherwise below. */
  readonly upward: boolean;
}

/**
 * Finds the first value above (or below) the present one at which the result changes.
 *
 * @param attempt makes the call with a value; returns null when that is not possible
 * @param turned returns whether an outcome is the changed one
 * @returns null when the end of the range does not change it
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
  // A limit of 0 often has a meaning of its own: EPERM for RLIMIT_MEMLOCK, the hard limit for RLIMIT_DATA.
  if (found === null && !upward && near > 1) {
    far = 1;
    found = turns(far);
  }
  if (found === null) return null;
  // Doubles first: limits are small compared with the range.
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

/** Returns the outcome of a call on a copy of the task after a change; null when no copy can be made. */
export function tryOnCopy(task: Task, change: (copy: Task) => void, attempt: Attempt): Outcome | null {
  return onCopy(task, (copy) => {
    change(copy);
    return attempt(copy);
  });
}

/**
 * Finds the value of a knob at which a call's result changes.
 *
 * @param search whether to search above the present value (`upward`), the call, the test of its outcome, and a further change of
 *   each copy (`before`), for instance dropping a capability
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
