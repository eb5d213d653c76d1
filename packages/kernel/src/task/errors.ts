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

/** Thrown by a call of a task that waits for its vfork child: it makes none until the child calls execve or ends. */
export class VforkWaitError extends Error {
  override readonly name = 'VforkWaitError';
  readonly pid: number;
  /** The call. */
  readonly syscall: string;

  constructor(pid: number, child: number, syscall: string) {
    super(`${syscall}: task ${pid} waits until its vfork child ${child} calls execve or ends`);
    this.pid = pid;
    this.syscall = syscall;
  }
}
