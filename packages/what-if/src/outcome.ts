/** The outcome of a call, and a call that can be repeated. */
import type { Task } from '@vmarea/kernel';

/** The outcome of a call. */
export interface Outcome {
  /** The address, value or negative errno. For an access: 0, or -1 with a signal. */
  readonly result: number;
  /** The signal of a failed access; 0 for none. */
  readonly signal: number;
  /** The number of the reason; 0 for none. */
  readonly decision: number;
}

/** Makes a call on a task. It may be made several times, on copies of the task. */
export type Attempt = (task: Task) => Outcome;

/** Returns whether a call succeeded. */
export function succeeded(outcome: Outcome): boolean {
  return outcome.signal === 0 && outcome.result >= 0 && outcome.decision === 0;
}
