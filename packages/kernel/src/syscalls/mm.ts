/**
 * The system calls about mappings. Mirrors the SYSCALL_DEFINEs of mm/mmap.c, mm/mlock.c, mm/mremap.c and their neighbours;
 * sys_mmap is arm64's (arch/arm64/kernel/sys.c).
 *
 * Addresses and lengths are registers: numbers or bigints, taken modulo 2^64. These functions make the decisions that the
 * kernel makes before its mm functions: offsets, descriptors, huge-page files, mlock2's and madvise's flags.
 */
import {
  alignUpSize,
  doMadvise,
  doMincore,
  doMlock,
  doMlockall,
  doMprotect,
  doMremap,
  doMseal,
  doMsync,
  doMunlock,
  doMunlockall,
  doRemapFilePages,
  finishPopulate,
  HUGETLB_ANONHUGE_INODE,
  isErr,
  refuse,
  RETRY,
  sysBrk,
  vmMmapPgoff,
  vmMunmap,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_NORESERVE,
  type Caller,
  type VmFile,
} from '@vmarea/mm-core';
import {
  EBADF,
  EINVAL,
  ENOSYS,
  fromRegister,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_EXECUTABLE,
  MAP_HUGE_MASK,
  MAP_HUGE_SHIFT,
  MAP_HUGETLB,
  MLOCK_ONFAULT,
  SHM_HUGE_MASK,
} from '@vmarea/uapi';
import {
  MLOCK2_BAD_FLAGS,
  SYS_MMAP_BAD_DESCRIPTOR,
  SYS_MMAP_NO_HUGE_FILE,
  SYS_MMAP_NO_HUGE_PAGES,
  SYS_MMAP_NO_HUGE_SIZE,
  SYS_MMAP_OFFSET_UNALIGNED,
  MSEAL_UNKNOWN_CALL,
} from './reasons.ts';
import { addNewArea } from './merge-any.ts';
import { mbind, setMempolicy } from './numa.ts';
import { pkeyAlloc, pkeyFree, pkeyMprotect } from './pkeys.ts';
import { prctl } from './prctl.ts';
import { processMadvise } from './process-madvise.ts';
import { int, untaggedAddr, type Register } from './register.ts';
import type { Task } from '../task/task.ts';

export type { Register } from './register.ts';

/** The calls about mappings. */
export class MmCalls {
  /** The task that makes the calls. */
  private readonly task: Task;
  private readonly taskWork: (() => void)[] = [];

  constructor(task: Task) {
    this.task = task;
  }

  /**
   * Begins a call that may drop files: defers their release until the call ends (task_work). Returns false inside another
   * call. {@link leave} ends it.
   */
  private enter(): boolean {
    const { system } = this.task.kernel;
    if (system.taskWork !== null) return false;
    system.taskWork = this.taskWork;
    return true;
  }

  /** task_work_run: runs the deferred work. */
  private leave(entered: boolean): void {
    if (!entered) return;
    this.task.kernel.system.taskWork = null;
    const { taskWork } = this;
    if (taskWork.length === 0) return;
    for (const work of taskWork) work();
    taskWork.length = 0;
  }

  /** Populates the range that a call has stored; after a RETRY only the populating is repeated, not the call. */
  private populated(result: number): number {
    const { cur } = this.task;
    if (cur.call.unread !== null) return whenRead(cur, () => this.populated(result));
    if (cur.call.populateLen === 0) return result;
    const error = finishPopulate(cur);
    if (error === RETRY) {
      cur.call.resume = () => this.populated(result);
      return RETRY;
    }
    return error < 0 ? error : result;
  }

  /**
   * mmap(2). The parameters are the system call's.
   *
   * @param off bytes
   * @returns the address, or a negative errno
   */
  mmap(addr: Register, len: Register, prot: Register, flags: Register, fd: Register, off: Register): number {
    const { cur, kernel } = this.task;
    const { system } = kernel;
    const pgoff = this.pageOffset(off);
    if (pgoff === null) return refuse(cur, SYS_MMAP_OFFSET_UNALIGNED, -EINVAL);
    const mapFlags = int(flags);
    let length = fromRegister(len);
    let file: VmFile | null = null;
    if ((mapFlags & MAP_ANONYMOUS) === 0) {
      system.audit?.mmapFd(cur, int(fd), mapFlags);
      file = cur.files.fget(int(fd));
      if (file === null) return refuse(cur, SYS_MMAP_BAD_DESCRIPTOR, -EBADF);
      if (file.hugePageSize !== 0) length = roundHuge(length, file.hugePageSize);
      else if ((mapFlags & MAP_HUGETLB) !== 0) return refuse(cur, SYS_MMAP_NO_HUGE_FILE, -EINVAL);
      file = file.getFile();
    } else if ((mapFlags & MAP_HUGETLB) !== 0) {
      const log = (mapFlags >>> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
      if (system.hugePages === null) return refuse(cur, SYS_MMAP_NO_HUGE_PAGES, -EINVAL);
      const hstate = system.hugePages.hstateSizelog((mapFlags >>> MAP_HUGE_SHIFT) & SHM_HUGE_MASK);
      if (hstate === null) return refuse(cur, SYS_MMAP_NO_HUGE_SIZE, -EINVAL);
      length = roundHuge(length, hstate.size);
      const made = system.hugePages.fileSetup(cur, {
        name: 'anon_hugepage',
        size: length,
        vmFlags: VM_NORESERVE,
        kind: HUGETLB_ANONHUGE_INODE,
        log,
      });
      if (typeof made === 'number') return made;
      file = made;
    }
    const flagsLeft = mapFlags & ~(MAP_EXECUTABLE | MAP_DENYWRITE);
    const entered = this.enter();
    let result: number;
    try {
      result = vmMmapPgoff(cur, file, fromRegister(addr), length, int(prot), flagsLeft, pgoff);
      if (file !== null) file.fput();
    } finally {
      this.leave(entered);
    }
    if (isErr(result)) return result;
    if (cur.mm.mergeAny) addNewArea(cur.mm, result, result + alignUpSize(length, system.pageSize));
    return this.populated(result);
  }

  /** Returns the offset in pages, null when it is no multiple of a page. The version defines whether the shift is signed. */
  private pageOffset(off: Register): number | null {
    const { system } = this.task.kernel;
    if (typeof off === 'number' && off >= 0) {
      return (off & system.pageMask) === 0 ? off / system.pageSize : null;
    }
    const signed = BigInt.asIntN(64, BigInt(off));
    if ((signed & BigInt(system.pageMask)) !== 0n) return null;
    const register = system.profile.mmap.offsetShiftArithmetic ? signed : BigInt.asUintN(64, signed);
    return Number(register >> BigInt(system.pageShift));
  }

  /** munmap(2). */
  munmap(addr: Register, len: Register): number {
    const { cur } = this.task;
    const result = vmMunmap(cur, untagged(this.task, addr), fromRegister(len));
    return cur.call.unread === null ? result : whenRead(cur, () => result);
  }

  /** mprotect(2). */
  mprotect(addr: Register, len: Register, prot: Register): number {
    const result = doMprotect(this.task.cur, untagged(this.task, addr), fromRegister(len), int(prot));
    return isErr(result) ? result : this.populated(result);
  }

  /** pkey_mprotect(2), see {@link pkeyMprotect}. */
  pkeyMprotect(addr: Register, len: Register, prot: Register, key: number): number {
    const range = { addr: untagged(this.task, addr), len: fromRegister(len), prot: int(prot) };
    const result = pkeyMprotect(this.task, range, key);
    return isErr(result) ? result : this.populated(result);
  }

  /** pkey_alloc(2), see {@link pkeyAlloc}. */
  pkeyAlloc(flags: Register, rights: Register): number {
    return pkeyAlloc(this.task, flags, rights);
  }

  /** pkey_free(2), see {@link pkeyFree}. */
  pkeyFree(key: number): number {
    return pkeyFree(this.task, key);
  }

  /** mremap(2). */
  mremap(addr: Register, oldLen: Register, newLen: Register, flags: Register, newAddr: Register = 0): number {
    const entered = this.enter();
    let result: number;
    try {
      result = doMremap(
        this.task.cur,
        untagged(this.task, addr),
        fromRegister(oldLen),
        fromRegister(newLen),
        int(flags),
        fromRegister(newAddr),
      );
    } finally {
      this.leave(entered);
    }
    return isErr(result) ? result : this.populated(result);
  }

  /** brk(2): returns the new break, or the unchanged one. */
  brk(value: Register): number {
    const entered = this.enter();
    const { mm } = this.task.cur;
    const before = mm.brk;
    let result: number;
    try {
      result = sysBrk(this.task.cur, fromRegister(value));
    } finally {
      this.leave(entered);
    }
    if (mm.mergeAny && mm.brk > before) {
      const { pageSize } = mm.system;
      addNewArea(mm, alignUpSize(before, pageSize), alignUpSize(mm.brk, pageSize));
    }
    return this.populated(result);
  }

  /** madvise(2). */
  madvise(addr: Register, len: Register, advice: Register): number {
    const { cur } = this.task;
    const result = doMadvise(cur, untagged(this.task, addr), fromRegister(len), int(advice));
    return cur.call.unread === null ? result : whenRead(cur, () => result);
  }

  /**
   * process_madvise(2).
   *
   * @param pid the process; the system call takes a descriptor of it
   * @returns the bytes advised: fewer when a range is refused, its error when none was advised
   */
  processMadvise(
    pid: number,
    ranges: readonly { addr: Register; len: Register }[],
    advice: number,
    flags: number,
  ): number {
    return processMadvise(this.task, pid, ranges, advice, flags);
  }

  /** mbind(2), see {@link mbind}: `mask` is the node mask, bit n for node n; null for a null pointer. */
  mbind(addr: Register, len: Register, mode: number, mask: Register | null, flags: number): number {
    return mbind(this.task, { addr, len }, mode, mask, flags);
  }

  /** set_mempolicy(2), see {@link setMempolicy}. */
  setMempolicy(mode: number, mask: Register | null): number {
    return setMempolicy(this.task, mode, mask);
  }

  /** mseal(2): -ENOSYS on a kernel that does not have it. */
  mseal(addr: Register, len: Register, flags: Register): number {
    const { cur } = this.task;
    if (!cur.mm.system.profile.mmap.seal) return refuse(cur, MSEAL_UNKNOWN_CALL, -ENOSYS);
    return doMseal(cur, untagged(this.task, addr), fromRegister(len), int(flags));
  }

  /** mlock(2). */
  mlock(addr: Register, len: Register): number {
    const result = doMlock(this.task.cur, untagged(this.task, addr), fromRegister(len), VM_LOCKED);
    return isErr(result) ? result : this.populated(result);
  }

  /** mlock2(2). */
  mlock2(addr: Register, len: Register, flags: Register): number {
    const given = int(flags);
    if ((given & ~MLOCK_ONFAULT) !== 0) return refuse(this.task.cur, MLOCK2_BAD_FLAGS, -EINVAL);
    const vmFlags = given === 0 ? VM_LOCKED : VM_LOCKED | VM_LOCKONFAULT;
    const result = doMlock(this.task.cur, untagged(this.task, addr), fromRegister(len), vmFlags);
    return isErr(result) ? result : this.populated(result);
  }

  /** munlock(2). */
  munlock(addr: Register, len: Register): number {
    return doMunlock(this.task.cur, untagged(this.task, addr), fromRegister(len));
  }

  /** mlockall(2). */
  mlockall(flags: Register): number {
    const result = doMlockall(this.task.cur, int(flags));
    return isErr(result) ? result : this.populated(result);
  }

  /** munlockall(2). */
  munlockall(): number {
    return doMunlockall(this.task.cur);
  }

  /** msync(2). */
  msync(addr: Register, len: Register, flags: Register): number {
    return doMsync(this.task.cur, untagged(this.task, addr), fromRegister(len), int(flags));
  }

  /**
   * mincore(2).
   *
   * @param vec one byte per page
   */
  mincore(addr: Register, len: Register, vec: Uint8Array): number {
    return doMincore(this.task.cur, untagged(this.task, addr), fromRegister(len), vec);
  }

  /** remap_file_pages(2). */
  remapFilePages(addr: Register, len: Register, prot: Register, pgoff: Register, flags: Register): number {
    const result = doRemapFilePages(
      this.task.cur,
      fromRegister(addr),
      fromRegister(len),
      int(prot),
      fromRegister(pgoff),
      int(flags),
    );
    return isErr(result) ? result : this.populated(result);
  }

  /**
   * prctl(2), see {@link prctl}: PR_SET_VMA, PR_SET_MDWE, PR_GET_MDWE, PR_SET_THP_DISABLE, PR_GET_THP_DISABLE,
   * PR_SET_TAGGED_ADDR_CTRL, PR_GET_TAGGED_ADDR_CTRL.
   *
   * @param name the last argument; of PR_SET_VMA the user address for 4.4, the text for 6.1; null for none
   */
  prctl(option: number, arg2: Register, addr: Register, len: Register, name: number | string | bigint | null): number {
    return prctl(this.task, option, { arg2, arg3: addr, arg4: len, arg5: name });
  }
}

/** Returns an address that the calls take without its tag. */
function untagged(task: Task, addr: Register): number {
  return untaggedAddr(task.kernel.system, addr);
}

/** ALIGN to the huge page size; a length near 2^64 wraps to 0. */
function roundHuge(len: number, size: number): number {
  return alignUpSize(len, size);
}

/**
 * userfaultfd_event_wait_completion: waits until the reader of a userfaultfd has read what the call did.
 *
 * @param finish returns the call's result then
 * @returns RETRY
 */
function whenRead({ call }: Caller, finish: () => number): number {
  call.pending = call.unread;
  call.unread = null;
  call.resume = finish;
  return RETRY;
}
