/**
 * The operations `thread` and `vforkvm`: clone with CLONE_VM and CLONE_VFORK; the body runs while the caller waits. A thread also
 * shares signals, files and directory, and is of the caller's thread group.
 */
import type { Task } from '@vmarea/kernel';
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VFORK, CLONE_VM } from '@vmarea/uapi';

const VFORK = CLONE_VM + CLONE_VFORK;
const FLAGS: Readonly<Record<string, number>> = {
  vforkvm: VFORK,
  thread: VFORK + CLONE_THREAD + CLONE_SIGHAND + CLONE_FILES + CLONE_FS,
};

/** Creates the task of the operation. Returns it, or a negative errno. */
export function cloneFor(task: Task, op: string): Task | number {
  return task.sys.clone({ flags: FLAGS[op]! });
}

/** Ends a task of {@link cloneFor} as the recorder does. Returns its status, which only a process has for `wait`. */
export function endClone(caller: Task, child: Task): number {
  child.sys.exit(0);
  if (child.signal === caller.signal) return child.exitStatus!;
  const status = new Int32Array(1);
  caller.sys.wait(child.pid, 0, status);
  return status[0]!;
}
