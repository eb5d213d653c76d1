/**
 * Errors for callers who want exceptions instead of negative errnos. They have the fields of Node's system errors.
 */
import { EIO, errnoName, errnoText, SIGBUS, signalName } from '@vmarea/uapi';
import { RETRY } from '../base/errno.ts';
import { describeReason } from '../reasons/table.ts';
import type { Caller } from '../space/caller.ts';

/** A system call that failed. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  /** The errno's name, for instance `ENOMEM`. */
  readonly code: string;
  /** The negative errno. */
  readonly errno: number;
  /** The call's name, for instance `mmap`. */
  readonly syscall: string;
  /** The number of the reason; 0 without one. */
  readonly decision: number;
  /** Why, in a sentence. Null without a reason, or when the texts are not loaded (`@vmarea/mm-core/reasons` loads them). */
  readonly reason: string | null;

  constructor(code: string, errno: number, syscall: string, decision: number, options?: ErrorOptions) {
    const reason = describeReason(decision)?.says ?? null;
    super(`${code}: ${errnoText(errno)}, ${syscall}${reason === null ? '' : `: ${reason}`}`, options);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
    this.decision = decision;
    this.reason = reason;
  }
}

/** A call that must wait for storage: `kernel.run` and `space.wait` repeat it. */
export class WouldWaitError extends Error {
  override readonly name = 'WouldWaitError';
  /** The call's name. */
  readonly syscall: string;

  constructor(syscall: string) {
    super(`${syscall} must wait for storage: call it through kernel.run() or space.wait()`);
    this.syscall = syscall;
  }
}

/** A load or store for which the task gets a signal. `cause` is what a driver threw, where that led to a SIGBUS. */
export class MemoryFaultError extends Error {
  override readonly name = 'MemoryFaultError';
  /** The signal's name: `SIGSEGV`, `SIGBUS`, or `SIGKILL` when memory is exhausted. */
  readonly code: string;
  /** The signal's number. */
  readonly signal: number;
  /** si_code. */
  readonly siCode: number;
  /** si_addr: the faulting address, not rounded. */
  readonly address: number;
  /** The number of the reason; 0 without one. */
  readonly decision: number;
  /** Why, in a sentence. Null as in {@link SyscallError}. */
  readonly reason: string | null;

  /** @param cur the caller whose access was refused: its `call.refused` tells how */
  constructor(cur: Caller, access: string) {
    const { signal, code, address, decision } = cur.call.refused;
    const reason = describeReason(decision)?.says ?? null;
    const name = signalName(signal);
    const { driverError } = cur.mm.system;
    super(
      `${name}: ${access} at 0x${address.toString(16)}${reason === null ? '' : `: ${reason}`}`,
      signal === SIGBUS && driverError !== null ? { cause: driverError } : undefined,
    );
    this.code = name;
    this.signal = signal;
    this.siCode = code;
    this.address = address;
    this.decision = decision;
    this.reason = reason;
  }
}

/**
 * Creates the error for a negative result. What a driver threw becomes the `cause` of an EIO.
 *
 * @param cur whose call has the reason; null when there is none
 * @param ret the negative errno, or RETRY
 * @param syscall the call's name
 */
export function toError(cur: Caller | null, ret: number, syscall: string): SyscallError | WouldWaitError {
  if (ret === RETRY) return new WouldWaitError(syscall);
  const driverError = ret === -EIO && cur !== null ? cur.mm.system.driverError : null;
  const options = driverError === null ? undefined : { cause: driverError };
  return new SyscallError(errnoName(ret), ret, syscall, cur === null ? 0 : cur.call.reason, options);
}
