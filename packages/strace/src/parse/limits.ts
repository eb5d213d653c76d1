// What a log may cost, and the error of one that costs more. No log of strace comes near these figures.

/** Characters of one line, at most: 16 Mi. */
export const MAX_LINE: number = 2 ** 24;

/** Characters read without one line of strace before a text counts as none: 32 Mi. */
export const MAX_STRANGE: number = 2 ** 25;

/** Tasks that are alive at a time, at most. */
export const MAX_TASKS = 65_536;

/** The kernel's PID_MAX_LIMIT: no task has a number as high as this. */
export const PID_LIMIT: number = 2 ** 22;

/** Characters of a call's name, at most: what is longer is no name. */
export const MAX_NAME = 64;

/** Names that are kept: a log has some hundred. Those beyond are looked at again each time. */
export const MAX_NAMES = 4096;

/** A log that cannot be read on: damaged, endless, or no log. The message says where; it holds no text of the log. */
export class LogError extends Error {
  override readonly name = 'LogError';
  /** Line on which reading ended, from 1; 0 where there are no lines yet. */
  readonly line: number;

  constructor(line: number, what: string) {
    super(line > 0 ? `line ${line}: ${what}` : what);
    this.line = line;
  }
}
