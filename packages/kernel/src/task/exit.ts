/**
 * The end of tasks: one task, a whole thread group, and all threads but one at exec. Mirrors kernel/exit.c and de_thread of
 * fs/exec.c.
 */
import { allowWriteAccess, exitMmap, inheritedMdwe, makeCurrent, VM_INIT_DEF_MASK, type Mm } from '@vmarea/mm-core';
import { copyToUser } from '@vmarea/mm-core/memory';
import { SA_NOCLDWAIT, SIG_IGN, SIGCHLD, SIGKILL } from '@vmarea/uapi';
import type { TaskCaller } from './caller.ts';
import type { Task } from './task.ts';

/** Drops a reference to an address space; the last one unmaps everything. */
export function mmput(cur: TaskCaller): void {
  const { mm } = cur;
  if (--mm.users > 0) return;
  exitMmap(mm);
  const file = mm.exeFile;
  if (file === null) return;
  mm.exeFile = null;
  allowWriteAccess(file);
  file.fput();
}

/**
 * mm_release: a task leaves its address space, by exit or exec. Clears the word of CLONE_CHILD_CLEARTID while others use the
 * memory, and lets the parent of a vfork continue.
 */
export function mmRelease(task: Task): void {
  const { cur, kernel, clearChildTid } = task;
  task.clearChildTid = 0;
  if (clearChildTid !== 0 && cur.mm.users > 1 && kernel.memory !== null) {
    // The kernel ignores an error; a page that would have to be read from storage stays as it is.
    copyToUser(cur, clearChildTid, new Uint8Array(4), 0, 4);
    kernel.scheduler.futexWake?.(cur.mm, clearChildTid);
  }
  completeVforkDone(task);
}

/** complete_vfork_done: lets the parent of a vfork continue. */
function completeVforkDone(child: Task): void {
  const parent = child.vforkParent;
  child.vforkParent = null;
  parent?.vforkEnded(child);
}

/**
 * do_exit: ends one task. The others of its address space and of its group go on.
 *
 * @param code the wait status
 */
export function doExit(task: Task, code: number): void {
  if (task.exitStatus !== null) return;
  const { cur, kernel, signal, vforkChild } = task;
  // A parent that is killed while it waits for its vfork child: the child goes on alone.
  if (vforkChild !== null) vforkChild.vforkParent = null;
  makeCurrent(cur);
  mmRelease(task);
  mmput(cur);
  cur.files.put();
  kernel.sharedMemory?.sysv?.taskEnded(cur);
  task.sighand.count--;
  signal.minFlt += cur.minFlt;
  signal.majFlt += cur.majFlt;
  signal.live--;
  task.ended(code);
  exitNotify(task);
}

/** do_group_exit: ends every task of the group. The first status counts. */
export function doGroupExit(task: Task, code: number): void {
  const { signal } = task;
  if (task.exitStatus !== null) return;
  signal.groupExitCode ??= code;
  const status = signal.groupExitCode;
  for (const other of [...signal.threads]) if (other !== task) doExit(other, status);
  doExit(task, status);
}

/** exit_notify: orphans the children of a group that has ended, and reports a group of which no task is left. */
function exitNotify(task: Task): void {
  const { signal, kernel } = task;
  if (signal.dead) orphan(task);
  const { leader } = signal;
  if (task !== leader) {
    signal.threads.splice(signal.threads.indexOf(task), 1);
    kernel.reap(task);
  }
  if (signal.dead) notifyParent(leader);
}

/** forget_original_parent: nobody waits for the children of a group that has ended. */
function orphan(task: Task): void {
  const { children } = task.signal;
  for (const child of children) {
    child.signal.parent = null;
    if (child.signal.dead) task.kernel.reap(child);
  }
  children.length = 0;
}

/** do_notify_parent: wakes a parent that waits. A group without one, or whose parent ignores SIGCHLD, is collected at once. */
function notifyParent(leader: Task): void {
  const { signal, kernel } = leader;
  const { parent } = signal;
  if (parent === null) {
    kernel.reap(leader);
    return;
  }
  if (signal.exitSignal === SIGCHLD) {
    const { handler, flags } = parent.leader.sighand.action(SIGCHLD);
    if (handler === SIG_IGN || (flags & SA_NOCLDWAIT) !== 0) {
      parent.children.splice(parent.children.indexOf(leader), 1);
      kernel.reap(leader);
    }
  }
  parent.wakeUp();
}

/** de_thread: ends the other tasks of a group whose one task calls exec; it becomes the leader. */
export function deThread(task: Task): void {
  const { signal, kernel } = task;
  for (const other of [...signal.threads]) if (other !== task) doExit(other, SIGKILL);
  const { leader } = signal;
  signal.exitSignal = SIGCHLD;
  if (leader === task) return;
  signal.threads.length = 0;
  signal.threads.push(task);
  kernel.reap(task);
  task.pid = leader.pid;
  kernel.tasks.set(task.pid, task);
  const siblings = signal.parent?.children;
  if (siblings !== undefined) siblings[siblings.indexOf(leader)] = task;
}

/**
 * exec_mmap, unshare_files and flush_signal_handlers: replaces a task's address space by that of a new program, when that has
 * been mapped. The other threads end; a task that merely shares the address space, the descriptors or the signals keeps them.
 *
 * @param cur the caller with the new address space
 */
export function beginNewExec(task: Task, cur: TaskCaller): void {
  deThread(task);
  mmRelease(task);
  mmput(task.cur);
  task.cur = cur;
  if (task.sighand.count > 1) {
    task.sighand.count--;
    task.sighand = task.sighand.copy();
  }
  task.sighand.flush();
  task.resetAltStack();
}

/** mm_init: what an address space keeps over exec (MMF_INIT_MASK, VM_INIT_DEF_MASK). */
export function inheritMmFlags(to: Mm, from: Mm): void {
  to.mdwe = inheritedMdwe(from);
  to.thpDisable = from.thpDisable;
  to.mergeAny = from.mergeAny;
  to.defFlags = from.defFlags & VM_INIT_DEF_MASK;
}
