/**
 * The system calls about processes: fork, clone, exit, wait, exec, credentials, limits, personality.
 *
 * Mirrors kernel/fork.c, kernel/exit.c, kernel/sys.c, kernel/capability.c, fs/exec.c.
 */
import { createMm, hasCapability, RETRY, type Credentials } from '@vmarea/mm-core';
import { accessProcessVm, FOLL_WRITE } from '@vmarea/mm-core/memory';
import {
  __WALL,
  __WCLONE,
  CAP_LAST_CAP,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_PTRACE,
  CLONE_VFORK,
  CLONE_VM,
  ECHILD,
  EINVAL,
  ENOMEM,
  ENOSYS,
  EPERM,
  ESRCH,
  PERSONALITY_QUERY,
  SIGCHLD,
  WNOHANG,
} from '@vmarea/uapi';
import { loadElfBinary, type ElfImage, type ExecLayout, type ExecOptions } from '../exec.ts';
import { hasFlag } from '../task/bits.ts';
import { TaskCaller } from '../task/caller.ts';
import { beginNewExec, doExit, doGroupExit, inheritMmFlags, mmput } from '../task/exit.ts';
import { copyProcess, type CloneArgs } from '../task/fork.ts';
import type { Rlimit } from '../task/limits.ts';
import type { Task } from '../task/task.ts';

/** The calls about processes. */
export class ProcessCalls {
  /** The task that makes the calls. */
  private readonly task: Task;

  constructor(task: Task) {
    this.task = task;
  }

  /**
   * fork(2): creates a child with a copy of the address space and of the descriptor table.
   *
   * @returns the child (fork(2) returns its pid), or -ENOMEM
   */
  fork(): Task | number {
    return copyProcess(this.task, { flags: 0 });
  }

  /**
   * vfork(2): creates a child in this task's address space. This task makes no calls until the child calls execve or exits;
   * a call then throws a VforkWaitError.
   *
   * @returns the child at once, unlike vfork(2); `task.vforkDone()` settles when this task may go on
   */
  vfork(): Task | number {
    return copyProcess(this.task, { flags: CLONE_VM | CLONE_VFORK });
  }

  /**
   * clone(2) and clone3(2): creates a task that shares what the flags say. With CLONE_VFORK as {@link vfork}.
   *
   * @returns the new task, -EINVAL (flags that do not go together, or that are not modelled) or -ENOMEM
   */
  clone(args: CloneArgs): Task | number {
    return copyProcess(this.task, args);
  }

  /**
   * exit(2): ends this task; the last one of an address space frees it, the last one of the thread group lets the parent
   * {@link wait}. With `signaled` all tasks of the group end, as by a deadly signal.
   *
   * @param status 0 to 255; with `signaled` the number of the signal, with 0x80 when a core was dumped
   */
  exit(status: number = 0, signaled: boolean = false): number {
    if (signaled) doGroupExit(this.task, status & 0xff);
    else doExit(this.task, (status & 0xff) << 8);
    return 0;
  }

  /** exit_group(2): ends all tasks of the thread group. */
  exitGroup(status: number = 0): number {
    doGroupExit(this.task, (status & 0xff) << 8);
    return 0;
  }

  /** gettid(2): the task's own number; `task.tgid` is what getpid(2) returns. */
  gettid(): number {
    return this.task.pid;
  }

  /** set_tid_address(2): 0 is stored at `address` when the task leaves an address space that others use. Returns the tid. */
  setTidAddress(address: number): number {
    this.task.clearChildTid = address;
    return this.task.pid;
  }

  /**
   * waitpid(2): reaps a child of the thread group that has ended with all its threads.
   *
   * @param pid a child, or -1 for any
   * @param options WNOHANG; __WCLONE for children whose exit signal is not SIGCHLD, __WALL for both; others are ignored
   * @param status receives the child's status in its first element, if it is not null
   * @returns the child's pid; 0 with WNOHANG when none has ended; -ECHILD; RETRY when it has to wait
   */
  wait(pid: number = -1, options: number = 0, status: Int32Array | null = null): number {
    const { task } = this;
    const { kernel, signal } = task;
    const { children } = signal;
    const all = hasFlag(options, __WALL);
    const clones = hasFlag(options, __WCLONE);
    let known = false;
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!;
      if (pid !== -1 && child.pid !== pid) continue;
      if (!all && (child.signal.exitSignal !== SIGCHLD) !== clones) continue;
      known = true;
      if (!child.signal.dead) continue;
      if (status !== null) status[0] = child.signal.status;
      children.splice(i, 1);
      kernel.reap(child);
      return child.pid;
    }
    if (!known) return -ECHILD;
    if ((options & WNOHANG) !== 0) return 0;
    task.cur.call.pending = signal.childEnding();
    return RETRY;
  }

  /**
   * execve(2), as far as the address space is concerned: creates one with the program mapped.
   *
   * @param program the ELF file and its program headers
   * @param comm the program's name
   * @returns the addresses, or a negative errno; after -ENOMEM and the like the task is unusable, as in the kernel
   */
  execve(program: ElfImage, options: ExecOptions = {}, comm: string = this.task.comm): ExecLayout | number {
    const { task } = this;
    const old = task.cur;
    const mm = createMm(task.kernel.system);
    if (mm === null) return -ENOMEM;
    const { call, cred, personality, fs } = old;
    const shared = old.files.count > 1;
    const files = shared ? old.files.copy() : old.files;
    const cur = new TaskCaller({ mm, call, rlimits: task.limits.view, cred, personality, files, fs });
    cur.minFlt = old.minFlt;
    cur.majFlt = old.majFlt;
    inheritMmFlags(mm, old.mm);
    const failed = (): void => {
      mmput(cur);
      if (shared) files.put();
    };
    let layout: ExecLayout | number;
    try {
      layout = loadElfBinary(cur, program, {
        clearUser: (addr, len) => task.kernel.clearUser(cur, addr, len),
        vvar: task.kernel.vvar ?? undefined,
        vdso: task.kernel.vdso ?? undefined,
        ...options,
      });
    } catch (error) {
      // The program is no ELF image, or a driver threw: the task keeps its address space.
      failed();
      throw error;
    }
    if (typeof layout === 'number') {
      failed();
      return layout;
    }
    if (shared) old.files.put();
    beginNewExec(task, cur);
    files.closeOnExec();
    task.comm = comm;
    return layout;
  }

  /**
   * process_vm_readv(2) with one range: copies another task's memory to target[offset, offset + length).
   *
   * @returns bytes read, -ESRCH, -EPERM (another user's task), -EFAULT, -ENOSYS without memory, RETRY
   */
  processVmReadv(
    pid: number,
    addr: number,
    target: Uint8Array,
    offset: number = 0,
    length: number = target.length,
  ): number {
    return this.accessVm(pid, addr, target.subarray(offset, offset + length), 0);
  }

  /** process_vm_writev(2) with one range. */
  processVmWritev(
    pid: number,
    addr: number,
    source: Uint8Array,
    offset: number = 0,
    length: number = source.length,
  ): number {
    return this.accessVm(pid, addr, source.subarray(offset, offset + length), FOLL_WRITE);
  }

  private accessVm(pid: number, addr: number, bytes: Uint8Array, gupFlags: number): number {
    const { cur, kernel } = this.task;
    if (kernel.memory === null) return -ENOSYS;
    const other = kernel.tasks.get(pid);
    if (other === undefined || other.exitStatus !== null) return -ESRCH;
    if (other.cur.cred.uid !== cur.cred.uid && !hasCapability(cur.cred, CAP_SYS_PTRACE)) return -EPERM;
    return accessProcessVm(cur, other.mm, addr, bytes, gupFlags);
  }

  /** prlimit64(2) for the task itself: returns the limit, or -EINVAL for an unknown number. */
  getrlimit(resource: number): Rlimit | number {
    const { limits } = this.task;
    return limits.has(resource) ? limits.get(resource) : -EINVAL;
  }

  /**
   * setrlimit(2).
   *
   * @param soft bytes or a count; Infinity for none
   */
  setrlimit(resource: number, soft: number, hard: number): number {
    return this.task.limits.set(this.task.cur.cred, resource, soft, hard);
  }

  /** personality(2): sets it and returns the old one. 0xffffffff only returns it. */
  personality(persona: number): number {
    const { cur } = this.task;
    const old = cur.personality;
    if (persona >>> 0 !== PERSONALITY_QUERY) cur.personality = persona;
    return old;
  }

  /** setresuid(2) with all three ids equal. Leaving uid 0 drops every capability. */
  setuid(uid: number): number {
    const { cred } = this.task.cur;
    if (!hasCapability(cred, CAP_SETUID) && uid !== cred.uid) return -EPERM;
    if (cred.uid === 0 && uid !== 0) dropCapabilities(cred);
    cred.uid = uid;
    return 0;
  }

  /** setresgid(2) with all three ids equal. */
  setgid(gid: number): number {
    const { cred } = this.task.cur;
    if (!hasCapability(cred, CAP_SETGID) && gid !== cred.gid) return -EPERM;
    cred.gid = gid;
    return 0;
  }

  /**
   * capset(2): sets the effective set. The task cannot regain capabilities that it does not have.
   *
   * @param effective capabilities by number
   */
  capset(effective: Iterable<number>): number {
    const { cred } = this.task.cur;
    let low = 0;
    let high = 0;
    for (const cap of effective) {
      if (cap < 0 || cap > CAP_LAST_CAP) return -EINVAL;
      if (!hasCapability(cred, cap)) return -EPERM;
      if (cap < 32) low |= 1 << cap;
      else high |= 1 << (cap - 32);
    }
    cred.capLow = low;
    cred.capHigh = high;
    return 0;
  }
}

function dropCapabilities(cred: Credentials): void {
  cred.capLow = 0;
  cred.capHigh = 0;
}
