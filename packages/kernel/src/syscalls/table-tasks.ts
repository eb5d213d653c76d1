/**
 * The calls about tasks by number: clone, clone3, vfork, exit, thread ids. See table.ts.
 */
import { refuse, RETRY } from '@vmarea/mm-core';
import { accessOk } from '@vmarea/mm-core/memory';
import {
  CLONE_ARGS_SIZE_VER0,
  CLONE_ARGS_SIZE_VER2,
  CLONE_CLEAR_SIGHAND,
  CLONE_DETACHED,
  CLONE_INTO_CGROUP,
  CLONE_LEGACY_FLAGS,
  CLONE_NEWTIME,
  CLONE_PARENT,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  CSIGNAL,
  E2BIG,
  EINVAL,
  ENOSYS,
  SIGCHLD,
  SIGRTMAX,
} from '@vmarea/uapi';
import { hasFlag } from '../task/bits.ts';
import type { CloneArgs } from '../task/fork.ts';
import type { Task } from '../task/task.ts';
import {
  CLONE3_BAD_FLAGS,
  CLONE3_BAD_SIZE,
  CLONE3_BAD_STACK,
  CLONE3_NOT_MODELLED,
  CLONE3_UNKNOWN_CALL,
} from '../task/reasons.ts';
import { getUser, int, raw, reg, storeResult, type SyscallHandler } from './arguments.ts';

/** Returns the pid of the new task; with CLONE_VFORK not before the child calls exec or ends: RETRY until then. */
function cloned(task: Task, args: CloneArgs): number {
  const child = task.sys.clone(args);
  return typeof child === 'number' ? child : afterVfork(task, child.pid);
}

/** wait_for_vfork_done. */
function afterVfork(task: Task, pid: number): number {
  if (task.vforkChild === null) return pid;
  const { call } = task.cur;
  call.pending = task.vforkDone();
  call.resume = () => afterVfork(task, pid);
  return RETRY;
}

/** The registers of clone: the last two are in another order on x86-64. */
function clone(task: Task, [flags, stack, parentTid, tls, childTid]: readonly SyscallRegister[]): number {
  const bits = int(flags) >>> 0;
  const signal = bits & CSIGNAL;
  return cloned(task, {
    flags: bits - signal,
    exitSignal: signal,
    stack: reg(stack),
    parentTid: reg(parentTid),
    tls: raw(tls),
    childTid: reg(childTid),
  });
}

type SyscallRegister = Parameters<typeof raw>[0];

/** clone3_args_valid and copy_clone_args_from_user, of the fields of struct clone_args. Returns the arguments or an errno. */
function clone3Args(task: Task, size: number, bytes: Uint8Array): CloneArgs | number {
  const { cur } = task;
  const view = new DataView(bytes.buffer);
  const field = (index: number): number => reg(view.getBigUint64(index * 8, true));
  const [flags, , childTid, parentTid, exitSignal, stack, stackSize, , setTid, setTidSize] = Array.from(
    { length: 11 },
    (_, i) => field(i),
  ) as [number, number, number, number, number, number, number, number, number, number];
  const tls = view.getBigUint64(7 * 8, true);
  const has = (bit: number): boolean => hasFlag(flags, bit);
  if (exitSignal < 0 || exitSignal > SIGRTMAX) return refuse(cur, CLONE3_BAD_FLAGS, -EINVAL);
  if (setTid !== 0 || setTidSize !== 0) return refuse(cur, CLONE3_NOT_MODELLED, -EINVAL);
  const known = CLONE_LEGACY_FLAGS + CLONE_CLEAR_SIGHAND + CLONE_INTO_CGROUP;
  const legacySignal = (flags % 256) & CSIGNAL & ~CLONE_NEWTIME;
  if (flags < 0 || flags > known || legacySignal !== 0 || has(CLONE_DETACHED)) {
    return refuse(cur, CLONE3_BAD_FLAGS, -EINVAL);
  }
  if (has(CLONE_INTO_CGROUP) && size < CLONE_ARGS_SIZE_VER2) return refuse(cur, CLONE3_BAD_FLAGS, -EINVAL);
  if (has(CLONE_SIGHAND) && has(CLONE_CLEAR_SIGHAND)) return refuse(cur, CLONE3_BAD_FLAGS, -EINVAL);
  if ((has(CLONE_THREAD) || has(CLONE_PARENT)) && exitSignal !== 0) return refuse(cur, CLONE3_BAD_FLAGS, -EINVAL);
  const wrongStack = stack === 0 ? stackSize !== 0 : stackSize === 0 || !accessOk(cur, stack, stackSize);
  if (wrongStack) return refuse(cur, CLONE3_BAD_STACK, -EINVAL);
  return { flags, exitSignal, stack: stack === 0 ? 0 : stack + stackSize, tls, parentTid, childTid };
}

/** clone3(2): reads struct clone_args. */
function clone3(task: Task, args: readonly SyscallRegister[]): number {
  const { cur, kernel } = task;
  if (!kernel.system.profile.tasks.clone3) return refuse(cur, CLONE3_UNKNOWN_CALL, -ENOSYS);
  const size = reg(args[1]);
  if (size < 0 || size > kernel.system.pageSize) return refuse(cur, CLONE3_BAD_SIZE, -E2BIG);
  if (size < CLONE_ARGS_SIZE_VER0) return refuse(cur, CLONE3_BAD_SIZE, -EINVAL);
  const bytes = new Uint8Array(Math.max(size, CLONE_ARGS_SIZE_VER2));
  const error = getUser(task, reg(args[0]), bytes.subarray(0, size));
  if (error !== 0) return error;
  // A newer program may pass more fields than this kernel has, as long as they are 0.
  if (bytes.subarray(CLONE_ARGS_SIZE_VER2).some((byte) => byte !== 0)) return refuse(cur, CLONE3_BAD_SIZE, -E2BIG);
  const parsed = clone3Args(task, size, bytes);
  return typeof parsed === 'number' ? parsed : cloned(task, parsed);
}

/** wait4(2): the child stays collected when the status must wait for a page. */
function wait4(task: Task, args: readonly SyscallRegister[]): number {
  const status = new Int32Array(1);
  const pid = task.sys.wait(int(args[0]), int(args[2]), status);
  if (pid <= 0 || reg(args[1]) === 0) return pid;
  return storeResult(task, reg(args[1]), new Uint8Array(status.buffer), pid);
}

/** The calls that every architecture has. */
export const TASK_HANDLERS: Readonly<Record<string, SyscallHandler>> = {
  clone,
  clone3,
  exit: (t, a) => t.sys.exit(int(a[0])),
  exit_group: (t, a) => t.sys.exitGroup(int(a[0])),
  wait4,
  gettid: (t) => t.pid,
  set_tid_address: (t, a) => t.sys.setTidAddress(reg(a[0])),
};

/** The calls of x86-64 that are others there. */
export const X86_TASK_HANDLERS: Readonly<Record<string, SyscallHandler>> = {
  clone: (t, [flags, stack, parentTid, childTid, tls]) => clone(t, [flags, stack, parentTid, tls, childTid]),
  fork: (t) => cloned(t, { flags: 0, exitSignal: SIGCHLD }),
  vfork: (t) => cloned(t, { flags: CLONE_VM + CLONE_VFORK, exitSignal: SIGCHLD }),
};
