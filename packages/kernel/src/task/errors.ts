/**
 * The errors that Task's methods and `kernel.load`, `store` and `touch` throw. They have the fields of Node's system errors.
 */
import '@vmarea/mm-core/reasons';

export { MemoryFaultError, SyscallError, toError, WouldWaitError } from '@vmarea/mm-core/address-space';

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
