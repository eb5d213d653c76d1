/**
 * madvise: walks over the range and applies the advice that changes flags of VMAs. The memory port applies the rest.
 *
 * Mirrors mm/madvise.c. Skips holes and returns -ENOMEM for them at the end.
 */
import {
  CAP_SYS_ADMIN,
  EACCES,
  EAGAIN,
  EBADF,
  EINVAL,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_HWPOISON,
  MADV_KEEPONFORK,
  MADV_MERGEABLE,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_SOFT_OFFLINE,
  MADV_UNMERGEABLE,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
} from '@vmarea/uapi';
import { beginCall, makeCurrent } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse, RETRY } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import type { Addr, Bytes, Errno, SlotOrErrno, VmFlags } from '../base/units.ts';
import { alignDownSize, alignUp } from '../base/page-math.ts';
import { FMODE_WRITE } from '../ports/file.ts';
import { sealForbidsAdvice } from './mseal.ts';
import {
  MADVISE_COLLAPSE,
  MADVISE_DODUMP_SPECIAL,
  MADVISE_DOFORK_IO,
  MADVISE_DROPPABLE,
  MADVISE_FREE_FILE,
  MADVISE_HOLE,
  MADVISE_HUGE,
  MADVISE_HUGE_UNALIGNED,
  MADVISE_INJECT_NOT_PERMITTED,
  MADVISE_INJECT_UNSUPPORTED,
  MADVISE_LOCKED,
  MADVISE_REMOVE_LOCKED,
  MADVISE_REMOVE_NOT_WRITABLE,
  MADVISE_REMOVE_NO_FILE,
  MADVISE_REMOVE_UNSUPPORTED,
  MADVISE_SEALED,
  MADVISE_UNALIGNED,
  MADVISE_UNKNOWN_ADVICE,
  MADVISE_WILLNEED_ANON,
  MADVISE_WIPEONFORK_FILE,
  MADVISE_WRAPS,
} from './reasons/madvise.ts';
import type { MmSystem } from '../space/system.ts';
import { findVma } from '../space/placement.ts';
import {
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_HIGH_DROPPABLE,
  VM_HUGEPAGE,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_MIXEDMAP,
  VM_NOHUGEPAGE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SPECIAL,
  VM_WIPEONFORK,
  VM_WRITE,
} from '../base/flags.ts';
import { modifyFlags, modifyVma } from '../shape/modify.ts';
import type { Vma } from '../areas/vma.ts';
import { checkRegisters } from '../base/whole.ts';

const KSM_NEVER: number =
  VM_MERGEABLE | VM_SHARED | VM_MAYSHARE | VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_HUGETLB | VM_MIXEDMAP;

/** madvise_behavior_valid: returns whether the version and configuration have an advice. */
function adviceKnown(system: MmSystem, advice: number): boolean {
  const config = system.config;
  switch (advice) {
    case MADV_MERGEABLE:
    case MADV_UNMERGEABLE:
      return config.ksm;
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
      return config.thp;
    case MADV_COLLAPSE:
      return config.thp && system.profile.madvise.values.includes(advice);
    case MADV_HWPOISON:
    case MADV_SOFT_OFFLINE:
      return config.memoryFailure;
    default:
      return system.profile.madvise.values.includes(advice);
  }
}

/**
 * madvise_update_vma: gives [start, end) of the VMA other flags.
 *
 * @returns 0; -EAGAIN at the map-count limit or without memory; -EINVAL
 */
export function adviseFlags(cur: Caller, vma: Vma, start: Addr, end: Addr, newFlags: VmFlags): Errno {
  const { mm, call } = cur;
  call.vma = vma;
  if (newFlags === vma.vmFlags) return 0;
  const slot = modifyFlags(cur, mm.tree.slotOf(vma), call.area.range(start, end, newFlags));
  return adviceDone(cur, slot, start, newFlags);
}

/**
 * madvise_update_vma for a name: gives [start, end) of the VMA another name.
 *
 * @returns as {@link adviseFlags}
 */
export function adviseName(cur: Caller, vma: Vma, start: Addr, end: Addr, anonName: number | string | null): Errno {
  const { call } = cur;
  call.vma = vma;
  if (anonName === vma.anonName) return 0;
  const spec = call.area.partOf(vma, start, end);
  spec.anonName = anonName;
  // Read first: a merge may free the VMA.
  const { vmFlags } = vma;
  const error = adviceDone(cur, modifyVma(cur, vma, spec), start, vmFlags);
  if (error === 0) call.vma.anonName = anonName;
  return error;
}

/** Sets the flags of the VMA of `slot`, which covers the range from `start` on, and stores it in `cur.call.vma`. */
function adviceDone(cur: Caller, slot: SlotOrErrno, start: Addr, newFlags: VmFlags): Errno {
  const { mm } = cur;
  if (slot < 0) return slot === -ENOMEM ? -EAGAIN : slot;
  const changed = mm.vmas.at(mm.tree.idAt(slot));
  cur.call.vma = changed;
  changed.vmFlags = newFlags;
  if (mm.tracer !== null) mm.tracer.vma('flags', changed, start);
  return 0;
}

/** Returns the flags of a VMA after an advice that changes flags. */
function newFlagsFor(vma: Vma, advice: number): number {
  const flags = vma.vmFlags;
  switch (advice) {
    case MADV_NORMAL:
      return flags & ~VM_RAND_READ & ~VM_SEQ_READ;
    case MADV_SEQUENTIAL:
      return (flags & ~VM_RAND_READ) | VM_SEQ_READ;
    case MADV_RANDOM:
      return (flags & ~VM_SEQ_READ) | VM_RAND_READ;
    case MADV_DONTFORK:
      return flags | VM_DONTCOPY;
    case MADV_DOFORK:
      return flags & ~VM_DONTCOPY;
    case MADV_WIPEONFORK:
      return flags | VM_WIPEONFORK;
    case MADV_KEEPONFORK:
      return flags & ~VM_WIPEONFORK;
    case MADV_DONTDUMP:
      return flags | VM_DONTDUMP;
    case MADV_DODUMP:
      return flags & ~VM_DONTDUMP;
    case MADV_MERGEABLE:
      return (flags & KSM_NEVER) !== 0 || (vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0 ? flags : flags | VM_MERGEABLE;
    case MADV_UNMERGEABLE:
      return flags & ~VM_MERGEABLE;
    case MADV_HUGEPAGE:
      return (flags & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
    default:
      return (flags & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
  }
}

/** Checks whether a flag-changing advice is allowed on this VMA. Returns 0 or -EINVAL. */
function checkFlagAdvice(cur: Caller, vma: Vma, advice: number): number {
  const flags = vma.vmFlags;
  if (advice === MADV_DOFORK && (flags & VM_IO) !== 0) return refuse(cur, MADVISE_DOFORK_IO, -EINVAL);
  if (advice === MADV_WIPEONFORK && (vma.vmFile !== null || (flags & VM_SHARED) !== 0)) {
    return refuse(cur, MADVISE_WIPEONFORK_FILE, -EINVAL);
  }
  const droppable = (vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0;
  if (droppable && (advice === MADV_KEEPONFORK || advice === MADV_DODUMP))
    return refuse(cur, MADVISE_DROPPABLE, -EINVAL);
  if (advice === MADV_DODUMP && (flags & VM_SPECIAL) !== 0) {
    if ((flags & VM_HUGETLB) === 0 || !cur.mm.system.profile.madvise.dodumpHugetlb) {
      return refuse(cur, MADVISE_DODUMP_SPECIAL, -EINVAL);
    }
  }
  return 0;
}

/** Applies MADV_DONTNEED, MADV_DONTNEED_LOCKED or MADV_FREE. */
function adviseFree(cur: Caller, vma: Vma, start: Addr, end: Addr, advice: number): number {
  const mm = cur.mm;
  const system = mm.system;
  const flags = vma.vmFlags;
  if ((flags & VM_HUGETLB) !== 0) {
    if (!system.profile.madvise.dontneedHugetlb || advice === MADV_FREE) return refuse(cur, MADVISE_HUGE, -EINVAL);
    const size = vma.vmOps!.pageSize!(vma);
    if (start % size !== 0) return refuse(cur, MADVISE_HUGE_UNALIGNED, -EINVAL);
    const to = alignDownSize(end, size);
    vma.userfaultCtx?.removed?.(cur, start, to);
    if (to > start) system.memory.zapRange(vma, start, to);
    return 0;
  }
  const forbidden = advice === MADV_DONTNEED_LOCKED ? VM_PFNMAP : VM_PFNMAP | VM_LOCKED;
  if ((flags & forbidden) !== 0) return refuse(cur, MADVISE_LOCKED, -EINVAL);
  vma.userfaultCtx?.removed?.(cur, start, end);
  if (advice === MADV_FREE) {
    if (vma.vmOps !== null) return refuse(cur, MADVISE_FREE_FILE, -EINVAL);
    return system.memory.advise(cur, vma, start, end, advice);
  }
  system.memory.zapRange(vma, start, end);
  return 0;
}

/** MADV_REMOVE: punches a hole into the file. */
function adviseRemove(cur: Caller, vma: Vma, start: Addr, end: Addr): number {
  const mm = cur.mm;
  const system = mm.system;
  const file = vma.vmFile;
  if ((vma.vmFlags & VM_LOCKED) !== 0) return refuse(cur, MADVISE_REMOVE_LOCKED, -EINVAL);
  if (file === null) return refuse(cur, MADVISE_REMOVE_NO_FILE, -EINVAL);
  const needed = system.profile.madvise.removeMaywrite ? VM_SHARED | VM_MAYWRITE : VM_SHARED | VM_WRITE;
  if ((vma.vmFlags & needed) !== needed) return refuse(cur, MADVISE_REMOVE_NOT_WRITABLE, -EACCES);
  if ((file.fMode & FMODE_WRITE) === 0) return refuse(cur, MADVISE_REMOVE_NOT_WRITABLE, -EBADF);
  if (file.fOp.fallocate === null) return refuse(cur, MADVISE_REMOVE_UNSUPPORTED, -EOPNOTSUPP);
  vma.userfaultCtx?.removed?.(cur, start, end);
  const offset = start - vma.vmStart + vma.vmPgoff * system.pageSize;
  // The kernel drops the mmap lock around the call.
  mmapUnlock(mm);
  try {
    return file.fOp.fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, end - start);
  } finally {
    mmapLock(mm, 'madvise');
  }
}

/** madvise_inject_error: checks the capability, then refuses: failing pages are not modelled. */
function injectError(cur: Caller): number {
  if (!cur.mm.system.security.capable(cur, CAP_SYS_ADMIN)) return refuse(cur, MADVISE_INJECT_NOT_PERMITTED, -EPERM);
  return refuse(cur, MADVISE_INJECT_UNSUPPORTED, -EOPNOTSUPP);
}

/** madvise_vma: applies an advice to one VMA. Stores the VMA that covers the range in `cur.call.vma`. */
function adviseVma(cur: Caller, vma: Vma, start: Addr, end: Addr, advice: number): number {
  const mm = cur.mm;
  cur.call.vma = vma;
  if (sealForbidsAdvice(vma, advice)) return refuse(cur, MADVISE_SEALED, -EPERM);
  switch (advice) {
    case MADV_WILLNEED:
      if (vma.vmFile === null && !mm.system.config.swap) return refuse(cur, MADVISE_WILLNEED_ANON, -EBADF);
      return mm.system.memory.advise(cur, vma, start, end, advice);
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
    case MADV_FREE:
      return adviseFree(cur, vma, start, end, advice);
    case MADV_REMOVE:
      return adviseRemove(cur, vma, start, end);
    case MADV_COLD:
    case MADV_PAGEOUT:
      if ((vma.vmFlags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB)) !== 0) return refuse(cur, MADVISE_LOCKED, -EINVAL);
      return mm.system.memory.advise(cur, vma, start, end, advice);
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
      return mm.system.memory.advise(cur, vma, start, end, advice);
    case MADV_COLLAPSE:
      return refuse(cur, MADVISE_COLLAPSE, -EINVAL);
    default: {
      const error = checkFlagAdvice(cur, vma, advice);
      if (error !== 0) return error;
      return adviseFlags(cur, vma, start, end, newFlagsFor(vma, advice));
    }
  }
}

/**
 * The walk of madvise and prctl(PR_SET_VMA): calls `visit` for the part of each VMA in [start, end).
 *
 * @param stopsAtHole whether to end at the first hole; otherwise the walk continues behind it
 * @returns the first error of `visit`; otherwise -ENOMEM when there was a hole, or 0
 */
export function walkVmas(
  cur: Caller,
  startIn: Addr,
  end: Addr,
  visit: (vma: Vma, start: Addr, end: Addr) => number,
  stopsAtHole: boolean = false,
): number {
  const { mm } = cur;
  let start = startIn;
  let hole = false;
  let vma = findVma(mm, start);
  for (;;) {
    if (vma === null) return refuse(cur, MADVISE_HOLE, -ENOMEM);
    if (start < vma.vmStart) {
      if (stopsAtHole) return refuse(cur, MADVISE_HOLE, -ENOMEM);
      hole = true;
      start = vma.vmStart;
      if (start >= end) return refuse(cur, MADVISE_HOLE, -ENOMEM);
    }
    const to = Math.min(vma.vmEnd, end);
    const error = visit(vma, start, to);
    if (error !== 0) return error;
    const changed: Vma = cur.call.vma!;
    start = Math.max(to, changed.vmEnd);
    if (start >= end) return hole ? refuse(cur, MADVISE_HOLE, -ENOMEM) : 0;
    vma = changed.vmNext;
  }
}

/**
 * madvise(2).
 *
 * @param start address; `len` bytes (values of `fromRegister`)
 * @param advice MADV_ value
 * @returns 0; -EINVAL, -ENOMEM (a hole; the rest was advised), -EAGAIN, -EACCES, -EBADF, -EFAULT, the file's errno; RETRY
 */
export function doMadvise(cur: Caller, start: Addr, len: Bytes, advice: number): number {
  checkRegisters('madvise', start, len, advice);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('madvise', start, len, advice, 0);
  if (!adviceKnown(system, advice)) return refuse(cur, MADVISE_UNKNOWN_ADVICE, -EINVAL);
  if ((start & system.pageMask) !== 0) return refuse(cur, MADVISE_UNALIGNED, -EINVAL);
  const size = alignUp(len, system.pageMask);
  if (len !== 0 && size === 0) return refuse(cur, MADVISE_WRAPS, -EINVAL);
  if ((start < 0 && size < 0) || ((start < 0 || size < 0) && start + size >= 0)) {
    return refuse(cur, MADVISE_WRAPS, -EINVAL);
  }
  if (size === 0) return 0;
  if (advice === MADV_HWPOISON || advice === MADV_SOFT_OFFLINE) return injectError(cur);
  const end = size < 0 ? Infinity : start + size;
  return adviseRange(cur, start, end, advice, false);
}

/**
 * madvise_walk_vmas. A walk that waits has dropped the lock, and goes on at the page that it waits for: what another task does
 * meanwhile to the range before it does not matter.
 *
 * @param hole whether the walk has passed a hole already
 */
function adviseRange(cur: Caller, start: Addr, end: Addr, advice: number, hole: boolean): number {
  const { mm, call } = cur;
  const populates = advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE;
  const stopsAtHole = populates && mm.system.profile.madvise.populateStopsAtHole;
  let next = start;
  let holes = hole;
  const visit = (vma: Vma, from: Addr, to: Addr): number => {
    if (from > next) holes = true;
    next = to;
    call.waitsAt = from;
    return adviseVma(cur, vma, from, to, advice);
  };
  mmapLock(mm, 'madvise');
  let result: number;
  try {
    result = walkVmas(cur, start, end, visit, stopsAtHole);
  } finally {
    mmapUnlock(mm);
  }
  if (result === RETRY) {
    const at = call.waitsAt;
    call.resume = () => {
      makeCurrent(cur);
      return adviseRange(cur, at, end, advice, holes);
    };
  }
  return result === 0 && hole ? refuse(cur, MADVISE_HOLE, -ENOMEM) : result;
}
