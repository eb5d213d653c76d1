/**
 * The mlock family: changes VMAs and locked_vm. `finishPopulate` then faults the pages in.
 *
 * Mirrors mm/mlock.c.
 */
import { CAP_IPC_LOCK, EINVAL, ENOMEM, EPERM, MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT } from '@vmarea/uapi';
import { canDoMlock } from '../space/accounting.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import type { Mm } from '../space/mm.ts';
import { getGateVma } from './map-region.ts';
import { alignUp } from '../base/page-math.ts';
import {
  MLOCKALL_BAD_FLAGS,
  MLOCK_HOLE,
  MLOCK_LIMIT,
  MLOCK_NOT_MAPPED,
  MLOCK_NOT_PERMITTED,
  MLOCK_WRAPS,
} from './reasons/mlock.ts';
import { findVma } from '../space/placement.ts';
import {
  VM_HIGH_DROPPABLE,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKED_CLEAR_MASK,
  VM_LOCKONFAULT,
  VM_SPECIAL,
} from '../base/flags.ts';
import { modifyFlags } from '../shape/modify.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, VmFlags } from '../base/units.ts';
import { checkRegister, checkRegisters } from '../base/whole.ts';

/**
 * mlock_fixup for [start, end) of one VMA; stores the VMA that covers the range in `cur.call.vma`.
 *
 * @returns 0, -ENOMEM
 */
function mlockFixup(cur: Caller, vma: Vma, start: Addr, end: Addr, newFlags: VmFlags): number {
  const { mm } = cur;
  const system = mm.system;
  const oldFlags = vma.vmFlags;
  cur.call.vma = vma;
  if (
    newFlags === oldFlags ||
    (oldFlags & VM_SPECIAL) !== 0 ||
    (oldFlags & VM_HUGETLB) !== 0 ||
    (vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0 ||
    vma === getGateVma(mm)
  ) {
    return 0;
  }
  const slot = modifyFlags(cur, mm.tree.slotOf(vma), cur.call.area.range(start, end, newFlags));
  if (slot < 0) return slot;
  const changed = mm.vmas.at(mm.tree.idAt(slot));
  const pages = (end - start) / system.pageSize;
  if ((newFlags & VM_LOCKED) === 0) mm.lockedVm -= pages;
  else if ((oldFlags & VM_LOCKED) === 0 || system.profile.mlock.onfaultCountsTwice) mm.lockedVm += pages;
  changed.vmFlags = newFlags;
  if ((newFlags & VM_LOCKED) === 0) system.memory.munlockRange(changed, start, end);
  cur.call.vma = changed;
  if (mm.tracer !== null) mm.tracer.vma('flags', changed, start);
  return 0;
}

/**
 * apply_vma_lock_flags: walks over [start, start + len).
 *
 * @param start page-aligned; `len` page-aligned (values of `fromRegister`)
 * @param flags VM_LOCKED, VM_LOCKED|VM_LOCKONFAULT, or 0 to unlock
 * @returns 0, -EINVAL (wraps), -ENOMEM (a hole: the part before it stays changed)
 */
function applyVmaLockFlags(cur: Caller, start: Addr, len: Bytes, flags: number): number {
  const { mm } = cur;
  if (len === 0) return 0;
  if ((start < 0 && len < 0) || ((start < 0 || len < 0) && start + len >= 0)) {
    return refuse(cur, MLOCK_WRAPS, -EINVAL);
  }
  const end = len < 0 ? Infinity : start + len;
  let vma = findVma(mm, start);
  if (vma === null || vma.vmStart > start) return refuse(cur, MLOCK_NOT_MAPPED, -ENOMEM);
  let from = start;
  for (;;) {
    const to = Math.min(vma.vmEnd, end);
    const error = mlockFixup(cur, vma, from, to, (vma.vmFlags & VM_LOCKED_CLEAR_MASK) | flags);
    if (error !== 0) return error;
    const changed: Vma = cur.call.vma!;
    from = Math.max(to, changed.vmEnd);
    if (from >= end) return 0;
    const next: Vma | null = changed.vmNext;
    if (next === null || next.vmStart !== from) return refuse(cur, MLOCK_HOLE, -ENOMEM);
    vma = next;
  }
}

/** count_mm_mlocked_page_nr: returns how many pages of [start, start + len) are locked already. */
function countLocked(mm: Mm, start: Addr, len: Bytes): number {
  const end = len < 0 || start + len > mm.taskSize ? mm.taskSize : start + len;
  let bytes = 0;
  for (let vma = findVma(mm, start); vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    if ((vma.vmFlags & VM_LOCKED) !== 0) bytes += Math.min(end, vma.vmEnd) - Math.max(start, vma.vmStart);
  }
  return bytes / mm.system.pageSize;
}

/** Returns a length in pages, as the division of an unsigned long. */
function unsignedPages(len: Bytes, pageSize: number): number {
  return (len < 0 ? 2 ** 64 + len : len) / pageSize;
}

/**
 * do_mlock: mlock(2) and mlock2(2).
 *
 * @param startIn address; `lenIn` bytes (values of `fromRegister`): the range is widened to whole pages
 * @param vmFlags VM_LOCKED, with VM_LOCKONFAULT for mlock2(MLOCK_ONFAULT)
 * @returns 0, -EPERM, -ENOMEM, -EINVAL. Call `finishPopulate` after 0.
 */
export function doMlock(cur: Caller, startIn: Addr, lenIn: Bytes, vmFlags: VmFlags): number {
  checkRegisters('mlock', startIn, lenIn, vmFlags);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('do_mlock', startIn, lenIn, vmFlags, 0);
  if (!canDoMlock(cur)) return refuse(cur, MLOCK_NOT_PERMITTED, -EPERM);
  const offset = startIn & system.pageMask;
  const len = alignUp(lenIn + offset, system.pageMask);
  const start = startIn - offset;
  const limit = Math.floor(cur.rlimits.memlock / system.pageSize);
  const privileged = system.security.capable(cur, CAP_IPC_LOCK);
  mmapLock(mm, 'mlock');
  try {
    let locked = unsignedPages(len, system.pageSize) + mm.lockedVm;
    if (locked > limit && !privileged && system.profile.mlock.countsOnce) locked -= countLocked(mm, start, len);
    if (locked > limit && !privileged) return refuse(cur, MLOCK_LIMIT, -ENOMEM);
    const error = applyVmaLockFlags(cur, start, len, vmFlags);
    if (error !== 0) return error;
  } finally {
    mmapUnlock(mm);
  }
  cur.call.populateLater(start, len, true);
  return 0;
}

/**
 * munlock(2).
 *
 * @returns 0, -ENOMEM, -EINVAL
 */
export function doMunlock(cur: Caller, startIn: Addr, lenIn: Bytes): number {
  checkRegisters('munlock', startIn, lenIn, 0);
  const mm = cur.mm;
  const mask = mm.system.pageMask;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('munlock', startIn, lenIn, 0, 0);
  const offset = startIn & mask;
  mmapLock(mm, 'munlock');
  try {
    return applyVmaLockFlags(cur, startIn - offset, alignUp(lenIn + offset, mask), 0);
  } finally {
    mmapUnlock(mm);
  }
}

/** apply_mlockall_flags: changes every VMA and ignores errors. */
function applyMlockall(cur: Caller, flags: number): void {
  const { mm } = cur;
  mm.defFlags &= VM_LOCKED_CLEAR_MASK;
  let toAdd = 0;
  if ((flags & MCL_FUTURE) !== 0) {
    mm.defFlags |= VM_LOCKED;
    if ((flags & MCL_ONFAULT) !== 0) mm.defFlags |= VM_LOCKONFAULT;
    if ((flags & MCL_CURRENT) === 0) return;
  }
  if ((flags & MCL_CURRENT) !== 0) {
    toAdd = VM_LOCKED;
    if ((flags & MCL_ONFAULT) !== 0) toAdd |= VM_LOCKONFAULT;
  }
  let vma = mm.tree.first;
  while (vma !== null) {
    mlockFixup(cur, vma, vma.vmStart, vma.vmEnd, (vma.vmFlags & VM_LOCKED_CLEAR_MASK) | toAdd);
    vma = cur.call.vma!.vmNext;
  }
}

/**
 * mlockall(2).
 *
 * @param flags MCL_ bits
 * @returns 0, -EINVAL, -EPERM, -ENOMEM. Call `finishPopulate` after 0.
 */
export function doMlockall(cur: Caller, flags: number): number {
  checkRegister('mlockall', 'flags', flags);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('mlockall', flags, 0, 0, 0);
  if (flags === 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0) {
    return refuse(cur, MLOCKALL_BAD_FLAGS, -EINVAL);
  }
  if (flags === MCL_ONFAULT && !system.profile.mlock.allOnfaultAlone) return refuse(cur, MLOCKALL_BAD_FLAGS, -EINVAL);
  if (!canDoMlock(cur)) return refuse(cur, MLOCK_NOT_PERMITTED, -EPERM);
  const limit = Math.floor(cur.rlimits.memlock / system.pageSize);
  if ((flags & MCL_CURRENT) !== 0 && mm.totalVm > limit && !system.security.capable(cur, CAP_IPC_LOCK)) {
    return refuse(cur, MLOCK_LIMIT, -ENOMEM);
  }
  mmapLock(mm, 'mlockall');
  try {
    applyMlockall(cur, flags);
  } finally {
    mmapUnlock(mm);
  }
  if ((flags & MCL_CURRENT) !== 0) {
    cur.call.populateLater(0, mm.taskSize, false);
  }
  return 0;
}

/** munlockall(2): returns 0. */
export function doMunlockall(cur: Caller): number {
  const mm = cur.mm;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('munlockall', 0, 0, 0, 0);
  mmapLock(mm, 'munlockall');
  try {
    applyMlockall(cur, 0);
  } finally {
    mmapUnlock(mm);
  }
  return 0;
}
