/**
 * What an embedder that runs tasks (a CPU, a scheduler) is told. Every method may be left out.
 */
import type { Mm } from '@vmarea/mm-core';
import type { CloneArgs } from './fork.ts';
import type { SigInfo } from './signals.ts';
import type { Task } from './task.ts';

/** The embedder's part of tasks, in the kernel's names. */
export interface Scheduler {
  /**
   * wake_up_new_task: a task has been created and may run. Its registers are its parent's, but for the result (0),
   * `args.stack` and `args.tls`. Called before the call of the parent returns, which after vfork is when the child is done.
   */
  wakeUpNewTask?(child: Task, args: CloneArgs, parent: Task): void;
  /** schedule of a dead task: it must not run again. Its memory may be gone. */
  taskDead?(task: Task): void;
  /** current_user_stack_pointer: what sigaltstack asks for, to see whether the stack is in use; 0 when left out. */
  currentUserStackPointer?(task: Task): number;
  /** do_coredump: a signal kills the group, and RLIMIT_CORE allows a core. Returns whether one was written. */
  doCoredump?(task: Task, info: SigInfo): boolean;
  /** do_futex(FUTEX_WAKE) for one waiter at `address`: a task has stored 0 there because it ends (pthread_join waits there). */
  futexWake?(mm: Mm, address: number): void;
}
