/**
 * copy_process: creates a task that copies or shares the parts of its parent. Mirrors kernel/fork.c.
 *
 * Not here: registers, stack and thread pointer of the new task, which the embedder's CPU sets in `wakeUpNewTask`; namespaces,
 * process descriptors and cgroups.
 */
import { denyWriteAccess, dupMm, refuse, type AddressRange, type Mm } from '@vmarea/mm-core';
import { copyToUser, loadPkru } from '@vmarea/mm-core/memory';
import {
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_FILES,
  CLONE_FS,
  CLONE_INTO_CGROUP,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  EINVAL,
  SIGCHLD,
} from '@vmarea/uapi';
import { hasFlag } from './bits.ts';
import { TaskCaller } from './caller.ts';
import {
  CLONE_FS_IN_NAMESPACE,
  CLONE_NOT_MODELLED,
  CLONE_SIGHAND_WITHOUT_VM,
  CLONE_THREAD_IN_NAMESPACE,
  CLONE_THREAD_WITHOUT_SIGHAND,
} from './reasons.ts';
import { SignalStruct } from './signal-struct.ts';
import { Task } from './task.ts';

/** struct kernel_clone_args: what clone, clone3, fork and vfork are asked for. */
export interface CloneArgs {
  /** CLONE_ bits, without the signal. */
  readonly flags: number;
  /** The signal that the parent gets when the child ends; SIGCHLD when left out, 0 for none. */
  readonly exitSignal?: number | undefined;
  /** The child's stack pointer; 0 or left out: the parent's. */
  readonly stack?: number | undefined;
  /** The child's thread pointer, with CLONE_SETTLS. */
  readonly tls?: number | bigint | undefined;
  /** Where the child's pid is stored: in the parent's memory (CLONE_PARENT_SETTID), and in the child's. */
  readonly parentTid?: number | undefined;
  readonly childTid?: number | undefined;
}

const NAMESPACES: readonly number[] = [
  CLONE_NEWNS,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
  CLONE_NEWTIME,
];

/** The checks of copy_process. Returns 0 or -EINVAL. */
function checkFlags(task: Task, flags: number): number {
  const { cur } = task;
  const has = (bit: number): boolean => hasFlag(flags, bit);
  if (has(CLONE_FS) && (has(CLONE_NEWNS) || has(CLONE_NEWUSER))) return refuse(cur, CLONE_FS_IN_NAMESPACE, -EINVAL);
  if (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) return refuse(cur, CLONE_THREAD_WITHOUT_SIGHAND, -EINVAL);
  if (has(CLONE_SIGHAND) && !has(CLONE_VM)) return refuse(cur, CLONE_SIGHAND_WITHOUT_VM, -EINVAL);
  if (has(CLONE_THREAD) && (has(CLONE_NEWUSER) || has(CLONE_NEWPID))) {
    return refuse(cur, CLONE_THREAD_IN_NAMESPACE, -EINVAL);
  }
  const pidfd = has(CLONE_PIDFD) && cur.mm.system.profile.tasks.pidfd;
  if (pidfd || has(CLONE_INTO_CGROUP) || NAMESPACES.some(has)) {
    return refuse(cur, CLONE_NOT_MODELLED, -EINVAL);
  }
  return 0;
}

/** copy_mm. Returns the child's address space, or -ENOMEM. */
function copyMm(task: Task, shared: boolean, around: AddressRange | null): Mm | number {
  const { cur } = task;
  if (shared) {
    cur.mm.users++;
    return cur.mm;
  }
  const mm = dupMm(cur, around);
  // The child runs the same program, so it also denies writing to it.
  if (typeof mm !== 'number' && mm.exeFile !== null) denyWriteAccess(mm.exeFile);
  return mm;
}

/** Stores the pid of a new task in memory of `to`. The kernel ignores an error here. */
function putTid(to: TaskCaller, address: number, child: Task): void {
  if (child.kernel.memory !== null) copyToUser(to, address, new Uint8Array(new Int32Array([child.pid]).buffer), 0, 4);
}

/**
 * copy_process and kernel_clone.
 *
 * With CLONE_VFORK the parent may make no calls until the child calls exec or exits: `parent.vforkDone()` settles then.
 *
 * @param around when given, a copied address space has only the areas around this range (see `dupMm`)
 * @returns the new task; -EINVAL for flags that do not go together or that are not modelled; -ENOMEM
 */
export function copyProcess(task: Task, args: CloneArgs, around: AddressRange | null = null): Task | number {
  const { cur, kernel } = task;
  const { flags } = args;
  const has = (bit: number): boolean => hasFlag(flags, bit);
  const error = checkFlags(task, flags);
  if (error !== 0) return error;
  const mm = copyMm(task, has(CLONE_VM), around);
  if (typeof mm === 'number') return mm;
  const thread = has(CLONE_THREAD);
  const signal = thread ? task.signal : newGroup(task, args);
  const files = has(CLONE_FILES) ? cur.files : cur.files.copy();
  if (has(CLONE_FILES)) files.count++;
  const caller = new TaskCaller({
    mm,
    rlimits: signal.limits.view,
    cred: { ...cur.cred },
    personality: cur.personality,
    files,
    fs: has(CLONE_FS) ? cur.fs : cur.fs.copy(),
  });
  caller.tagControl = cur.tagControl;
  caller.mempolicy = cur.mempolicy;
  caller.pkru = cur.pkru;
  loadPkru(caller);
  const sighand = has(CLONE_SIGHAND) ? task.sighand : task.sighand.copy();
  if (has(CLONE_SIGHAND)) sighand.count++;
  if (has(CLONE_CLEAR_SIGHAND)) sighand.flush();
  const child = new Task({ kernel, pid: kernel.allocPid(), comm: task.comm, cur: caller, signal, sighand });
  child.blocked = task.blocked;
  // A stack that two tasks would use is forgotten; a vfork child uses it while its parent waits.
  if (!has(CLONE_VM) || has(CLONE_VFORK)) child.inheritAltStack(task);
  kernel.adopt(child);
  if (has(CLONE_PARENT_SETTID)) putTid(cur, args.parentTid ?? 0, child);
  if (has(CLONE_CHILD_SETTID)) putTid(caller, args.childTid ?? 0, child);
  if (has(CLONE_CHILD_CLEARTID)) child.clearChildTid = args.childTid ?? 0;
  if (has(CLONE_VFORK)) task.vforkBegins(child);
  kernel.scheduler.wakeUpNewTask?.(child, args, task);
  return child;
}

/** copy_signal: returns the thread group of a new process. */
function newGroup(task: Task, args: CloneArgs): SignalStruct {
  const sibling = hasFlag(args.flags, CLONE_PARENT);
  const parent = sibling ? task.signal.parent : task.signal;
  const exitSignal = sibling ? task.signal.exitSignal : (args.exitSignal ?? SIGCHLD);
  return new SignalStruct(task.signal.limits.copy(), parent, exitSignal);
}
