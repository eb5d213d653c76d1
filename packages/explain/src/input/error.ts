/** The errors of explain's input. */

/** Thrown for an invalid script, or a situation that cannot be set up. The message names the place and the value. */
export class ScriptError extends Error {
  override readonly name: string = 'ScriptError';
}

/** Thrown for a value that depends on a failed call. */
export class FailedResultError extends ScriptError {
  override readonly name: string = 'FailedResultError';
  /** Index of that call in the script. */
  readonly index: number;
  /** The name that the call would have given a value. */
  readonly variable: string;

  constructor(index: number, variable: string) {
    super(`«${variable}» has no value: the call that gives it failed`);
    this.index = index;
    this.variable = variable;
  }
}
