/**
 * The system calls about processes: fork, exit, wait, exec, credentials, limits, personality.
 *
 * Mirrors kernel/fork.c, kernel/exit.c, kernel/sys.c, kernel/capability.c, fs/exec.c.
 */
import {
  allowWriteAccess,
  createMm,
  denyWriteAccess,
  dupMm,
  inheritedMdwe,
  exitMmap,
  hasCapability,
  makeCurrent,
  RETRY,
  type Credentials,
} from '@vmarea/mm-core';
import { accessProcessVm, FOLL_WRITE } from '@vmarea/mm-core/memory';
import {
  CAP_LAST_CAP,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_PTRACE,
  ECHILD,
  EINVAL,
  ENOMEM,
  ENOSYS,
  EPERM,
  ESRCH,
  PERSONALITY_QUERY,
} from '@vmarea/uapi';
import { loadElfBinary, type ElfImage, type ExecLayout, type ExecOptions } from '../exec.ts';
import type { Rlimit } from '../task/limits.ts';
import { TaskCaller } from '../task/caller.ts';
import type { Task } from '../task/task.ts';

/** waitpid's option to return at once. */
export const WNOHANG = 1;

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
    const { task } = this;
    const { cur } = task;
    const mm = dupMm(cur);
    if (typeof mm === 'number') return mm;
    // The child runs the same program, so it also denies writing to it.
    if (mm.exeFile !== null) denyWriteAccess(mm.exeFile);
    const limits = task.limits.copy();
    const child = new TaskCaller({
      mm,
      rlimits: limits.view,
      cred: { ...cur.cred },
      personality: cur.personality,
      files: cur.files.copy(),
      fs: cur.fs.copy(),
    });
    child.tagControl = cur.tagControl;
    child.mempolicy = cur.mempolicy;
    return task.kernel.adopt(task, child, limits);
  }

  /**
   * exit_group(2): frees the address space and the descriptors; the parent may then {@link wait}.
   *
   * @param status 0 to 255; with `signaled` the number of the signal that ended the task in the low 7 bits
   */
  exit(status: number = 0, signaled: boolean = false): number {
    const { task } = this;
    if (task.exitStatus !== null) return 0;
    makeCurrent(task.cur);
    mmput(task.cur);
    task.cur.files.put();
    task.kernel.sharedMemory?.sysv?.taskEnded(task.cur);
    task.exitStatus = signaled ? status & 0x7f : (status & 0xff) << 8;
    task.kernel.taskEnded(task);
    return 0;
  }

  /**
   * waitpid(2): reaps a child that has ended.
   *
   * @param pid a child, or -1 for any
   * @param status receives the child's status in its first element, if it is not null
   * @returns the child's pid; 0 with WNOHANG when none has ended; -ECHILD; RETRY when it has to wait
   */
  wait(pid: number = -1, options: number = 0, status: Int32Array | null = null): number {
    const { task } = this;
    const { children, kernel } = task;
    let known = false;
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!;
      if (pid !== -1 && child.pid !== pid) continue;
      known = true;
      if (child.exitStatus === null) continue;
      if (status !== null) status[0] = child.exitStatus;
      children.splice(i, 1);
      kernel.reap(child);
      return child.pid;
    }
    if (!known) return -ECHILD;
    if ((options & WNOHANG) !== 0) return 0;
    task.cur.call.pending = kernel.childEnding(task);
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
    const { call, cred, personality, files, fs } = old;
    const cur = new TaskCaller({ mm, call, rlimits: task.limits.view, cred, personality, files, fs });
    cur.minFlt = old.minFlt;
    cur.majFlt = old.majFlt;
    mm.mdwe = inheritedMdwe(old.mm);
    mm.mergeAny = old.mm.mergeAny;
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
      mmput(cur);
      throw error;
    }
    if (typeof layout === 'number') {
      mmput(cur);
      return layout;
    }
    mmput(old);
    old.files.closeOnExec();
    task.cur = cur;
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
