import { DeadTaskError, VforkWaitError } from './errors.ts';
import type { Task } from './task.ts';

/** Throws for a call of a task that can make none: it has ended, or waits for its vfork child. */
export function refuseCall(task: Task, call: string): never {
  if (task.vforkChild !== null) throw new VforkWaitError(task.pid, task.vforkChild.pid, call);
  throw new DeadTaskError(task.pid, call);
}
