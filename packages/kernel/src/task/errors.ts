/**
 * The errors that Task's methods throw. They have the fields of Node's system errors.
 */
import { RETRY, type Caller } from '@vmarea/mm-core';
import { describeReason } from '@vmarea/mm-core/reasons';
import { errnoName, errnoText } from '@vmarea/uapi';

/** A system call that failed. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  /** For instance `ENOMEM`. */
  readonly code: string;
  /** The negative errno. */
  readonly errno: number;
  /** For instance `mmap`. */
  readonly syscall: string;
  /** The number of the reason; 0 without one. */
  readonly decision: number;
  /** The sentence of the reason; null without one. */
  readonly reason: string | null;

  constructor(code: string, errno: number, syscall: string, decision: number) {
    const reason = describeReason(decision)?.says ?? null;
    super(`${code}: ${errnoText(errno)}, ${syscall}${reason === null ? '' : `: ${reason}`}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.decision = decision;
    this.reason = reason;
  }
}

/** Thrown when a call must wait for storage: use `kernel.run`, which repeats it. */
export class WouldWaitError extends Error {
  override readonly name = 'WouldWaitError';
  /** The call. */
  readonly syscall: string;

  constructor(syscall: string) {
    super(`${syscall} must wait for storage: call it through kernel.run()`);
    this.syscall = syscall;
  }
}

/** Thrown by a call of a task that has exited. */
export class DeadTaskError extends Error {
  override readonly name = 'DeadTaskError';
  readonly pid: number;
  /** The call. */
  readonly syscall: string;

  constructor(pid: number, syscall: string) {
    super(`${syscall}: task ${pid} has exited and makes no more calls`);
    this.pid = pid;
    this.syscall = syscall;
  }
}

/**
 * Creates the error for a negative result.
 *
 * @param cur the caller with the reason; null without one
 * @param ret the negative errno, or RETRY
 * @param syscall its name
 */
export function toError(cur: Caller | null, ret: number, syscall: string): SyscallError | WouldWaitError {
  if (ret === RETRY) return new WouldWaitError(syscall);
  return new SyscallError(errnoName(ret), ret, syscall, cur === null ? 0 : cur.call.reason);
}
