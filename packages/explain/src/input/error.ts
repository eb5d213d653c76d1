/** What cannot be read, or cannot be set up. */

/** A script that cannot be read, or a situation that cannot be made. The message names the place and the value. */
export class ScriptError extends Error {
  override readonly name: string = 'ScriptError';
}

/** A value that depends on a call which failed. */
export class FailedResultError extends ScriptError {
  override readonly name: string = 'FailedResultError';
  /** Index of that call in the script. */
  readonly index: number;
  /** The name that it would have given a value to. */
  readonly variable: string;

  constructor(index: number, variable: string) {
    super(`«${variable}» has no value: the call that gives it failed`);
    this.index = index;
    this.variable = variable;
  }
}
