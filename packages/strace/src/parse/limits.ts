// The limits of a log, and the error of a log that exceeds one. No real log of strace comes near them.

/** The largest number of characters of one line: 16 Mi. */
export const MAX_LINE: number = 2 ** 24;

/** The largest number of characters before the first line of strace: 32 Mi. */
export const MAX_STRANGE: number = 2 ** 25;

/** The largest number of tasks that are alive at a time. */
export const MAX_TASKS = 65_536;

/** The kernel's PID_MAX_LIMIT: no task has a number as high as this. */
export const PID_LIMIT: number = 2 ** 22;

/** The largest number of characters of a call's name. */
export const MAX_NAME = 64;

/** The largest number of cached names: a log has some hundred. Further names are looked up each time. */
export const MAX_NAMES = 4096;

/** A log that cannot be read further: damaged, endless, or no log. The message says where; it contains no text of the log. */
export class LogError extends Error {
  override readonly name = 'LogError';
  /** The line at which reading ended, from 1; 0 when there was no line. */
  readonly line: number;

  constructor(line: number, what: string) {
    super(line > 0 ? `line ${line}: ${what}` : what);
    this.line = line;
  }
}
