/** What a call gave, and a call that can be made again. */
import type { Task } from '@vmarea/kernel';

/** What came of a call. */
export interface Outcome {
  /** The address, value or negative errno. For an access: 0, or -1 with a signal. */
  readonly result: number;
  /** The signal that an access ends in; 0 for none. */
  readonly signal: number;
  /** The decision that refused; 0 for none. */
  readonly decision: number;
}

/** Makes a call on a task. It may be made several times, on copies of the task. */
export type Attempt = (task: Task) => Outcome;

/** Whether a call went through. */
export function succeeded(outcome: Outcome): boolean {
  return outcome.signal === 0 && outcome.result >= 0 && outcome.decision === 0;
}
