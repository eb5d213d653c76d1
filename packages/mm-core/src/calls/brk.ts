/**
 * brk: moves the heap's end. vm_brk: maps bss for exec.
 *
 * Mirrors sys_brk and do_brk of mm/mmap.c in both forms: 4.4 merges through vma_merge, 6.1 only extends the heap's VMA.
 */
import { EINVAL, ENOMEM, MAP_FIXED, MisuseError, PROT_MTE, READ_IMPLIES_EXEC, wholeNumber } from '@vmarea/uapi';
import {
  mayExpandVm,
  mlockFutureCheck,
  securityVmEnoughMemoryMm,
  vmStatAccount,
  vmUnacctMemory,
} from '../space/accounting.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { isErr, refuse } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import type { Mm } from '../space/mm.ts';
import { doMunmap } from './munmap.ts';
import { alignUp } from '../base/page-math.ts';
import {
  BRK_BELOW_START,
  BRK_CLEAR_OLD_MAPS,
  BRK_MAX_MAP_COUNT,
  BRK_NO_HEAP,
  BRK_NOTHING_TO_SHRINK,
  BRK_NO_ROOM,
  BRK_RLIMIT_DATA,
} from './reasons/brk.ts';
import { KMEM_CACHE_NO_VMA } from '../shape/reasons.ts';
import { GET_UNMAPPED_AREA_BEYOND_TASK_SIZE } from '../space/reasons.ts';
import { findPrev, findVma, findVmaIntersection, getUnmappedArea, vmStartGap } from '../space/placement.ts';
import {
  VM_ACCOUNT,
  VM_EXEC,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYWRITE,
  VM_MTE_ALLOWED,
  VM_READ,
  VM_SOFTDIRTY,
  VM_WRITE,
} from '../base/flags.ts';
import { vmaAdjust, vmaLink } from '../shape/adjust.ts';
import { canVmaMergeAfter, vmaMerge } from '../shape/merge.ts';
import { vmGetPageProt } from '../shape/prot.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, VmFlags } from '../base/units.ts';
import { checkRegister, checkRegisters } from '../base/whole.ts';

/** VM_DATA_DEFAULT_FLAGS: returns the first flags of heap and stack. */
export function vmDataDefaultFlags(cur: Caller): number {
  let flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if ((cur.personality & READ_IMPLIES_EXEC) !== 0) flags |= VM_EXEC;
  const { arch, archProt, profile } = cur.mm.system;
  // With tags, mmap's anonymous memory has the flag, too, so that no merge depends on it.
  if (arch.dataMteAllowed && profile.layout.dataDefaultMteAllowed && (archProt & PROT_MTE) === 0)
    flags |= VM_MTE_ALLOWED;
  return flags;
}

/** Links a new anonymous VMA for [addr, end). */
function linkBrkVma(cur: Caller, addr: Addr, end: Addr, vmFlags: VmFlags): Vma | null {
  const mm = cur.mm;
  const vma = mm.vmas.allocVma();
  if (vma === null) return null;
  vma.vmStart = addr;
  vma.vmEnd = end;
  vma.vmPgoff = addr / mm.system.pageSize;
  vma.vmFlags = vmFlags;
  vma.vmPageProt = vmGetPageProt(vmFlags);
  vmaLink(mm, vma);
  return vma;
}

/**
 * do_brk / do_brk_flags: maps anonymous memory at [addr, addr + len), which is free except what `doMunmap` removes on 4.4.
 *
 * @param heap the VMA that 6.1 may extend; null when there is none
 * @returns 0, -ENOMEM
 */
function doBrk(cur: Caller, addr: Addr, len: Bytes, heap: Vma | null, extraFlags: VmFlags): number {
  const mm = cur.mm;
  const system = mm.system;
  const end = addr + len;
  const pages = len / system.pageSize;
  const flags = vmDataDefaultFlags(cur) | VM_ACCOUNT | mm.defFlags | extraFlags;
  if (mm.tracer !== null) mm.tracer.enter('do_brk', addr, len, flags, 0);
  while (findVmaIntersection(mm, addr, end) !== null) {
    if (doMunmap(cur, addr, len) !== 0) return refuse(cur, BRK_CLEAR_OLD_MAPS, -ENOMEM);
  }
  if (!mayExpandVm(cur, flags, pages)) return -ENOMEM;
  if (mm.mapCount > system.sysctl.maxMapCount) return refuse(cur, BRK_MAX_MAP_COUNT, -ENOMEM);
  if (securityVmEnoughMemoryMm(cur, pages) !== 0) return -ENOMEM;
  let vma: Vma | null = null;
  const spec = cur.call.area.anew(addr, end, system.perPage);
  spec.vmFlags = flags;
  if (system.profile.brk.mergesThroughVmaMerge) {
    vma = vmaMerge(mm, findPrev(mm, findVma(mm, addr)), spec);
  } else if (
    heap !== null &&
    heap.vmEnd === addr &&
    heap.vmPolicy === null &&
    canVmaMergeAfter(heap, spec) &&
    vmaAdjust(mm, heap, heap.vmStart, end, heap.vmPgoff) === 0
  ) {
    vma = heap;
    if (mm.tracer !== null) mm.tracer.vma('merge', vma, 2);
  }
  vma ??= linkBrkVma(cur, addr, end, flags);
  if (vma === null) {
    vmUnacctMemory(system, pages);
    return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  }
  if (system.perf !== null) system.perf.mmap(vma);
  if (system.profile.limits.statDataVm) vmStatAccount(mm, flags & ~VM_EXEC, null, pages);
  else mm.totalVm += pages;
  if ((flags & VM_LOCKED) !== 0) mm.lockedVm += pages;
  if (system.config.softDirty) vma.vmFlags |= VM_SOFTDIRTY;
  return 0;
}

/** Checks the address and the lock limit of a growing heap. Returns 0 or a negative errno. */
function checkBrkLimits(cur: Caller, addr: Addr, len: Bytes): number {
  const area = getUnmappedArea(cur, null, addr, len, 0, MAP_FIXED);
  if (isErr(area)) return area;
  return mlockFutureCheck(cur, cur.mm.defFlags, len);
}

function growHeap(cur: Caller, oldEnd: number, newEnd: number): number {
  const mm = cur.mm;
  const system = mm.system;
  const next = findVma(mm, oldEnd);
  if (system.profile.brk.mergesThroughVmaMerge) {
    if (next !== null && newEnd + system.pageSize > vmStartGap(mm, next)) return refuse(cur, BRK_NO_ROOM, -ENOMEM);
    const error = checkBrkLimits(cur, oldEnd, newEnd - oldEnd);
    return error === 0 ? doBrk(cur, oldEnd, newEnd - oldEnd, null, 0) : error;
  }
  const error = checkBrkLimits(cur, oldEnd, newEnd - oldEnd);
  if (error !== 0) return error;
  if (next !== null && newEnd + system.pageSize > vmStartGap(mm, next)) return refuse(cur, BRK_NO_ROOM, -ENOMEM);
  // The heap's VMA: the one before, searched down to start_brk only (so a bss that ends there is not taken for it).
  const before = findPrev(mm, next);
  const heap = before !== null && before.vmEnd > mm.startBrk ? before : null;
  return doBrk(cur, oldEnd, newEnd - oldEnd, heap, 0);
}

function brkLocked(cur: Caller, value: number): number {
  const mm = cur.mm;
  const system = mm.system;
  const oldBrk = mm.brk;
  if (mm.startBrk === 0) {
    refuse(cur, BRK_NO_HEAP, -ENOMEM);
    return oldBrk;
  }
  if (value >= 0 && value < mm.startBrk) {
    refuse(cur, BRK_BELOW_START, -ENOMEM);
    return oldBrk;
  }
  const heapBytes = value < 0 ? Infinity : value - mm.startBrk;
  if (cur.rlimits.data !== Infinity && heapBytes + (mm.endData - mm.startData) > cur.rlimits.data) {
    refuse(cur, BRK_RLIMIT_DATA, -ENOMEM);
    return oldBrk;
  }
  const newEnd = alignUp(value, system.pageMask);
  const oldEnd = alignUp(oldBrk, system.pageMask);
  if (newEnd === oldEnd) {
    mm.brk = value;
    return value;
  }
  if (value >= 0 && value <= oldBrk) {
    if (!system.profile.brk.mergesThroughVmaMerge) {
      const vma = findVma(mm, newEnd);
      // 6.1 looks for a VMA of the heap. If other mappings replaced it, there is nothing to shrink.
      if (vma === null || vma.vmStart >= oldEnd) {
        refuse(cur, BRK_NOTHING_TO_SHRINK, -EINVAL);
        return oldBrk;
      }
    }
    if (doMunmap(cur, newEnd, oldEnd - newEnd) !== 0) return oldBrk;
    mm.brk = value;
    return value;
  }
  if (value < 0 || newEnd >= mm.taskSize * 2) {
    refuse(cur, GET_UNMAPPED_AREA_BEYOND_TASK_SIZE, -ENOMEM);
    return oldBrk;
  }
  if (growHeap(cur, oldEnd, newEnd) !== 0) return oldBrk;
  mm.brk = value;
  if ((mm.defFlags & VM_LOCKED) !== 0) {
    cur.call.populateLater(oldEnd, newEnd - oldEnd, false);
  }
  return value;
}

/**
 * Places an empty heap, as exec does behind a program's data: `start_brk` and `brk` become `start`.
 *
 * An address space has no heap before: `brk` refuses then, with the reason brk.no_heap. What is mapped at `start` is not
 * looked at; `brk` refuses to grow over it.
 *
 * @param start bytes, not rounded: a program's data ends anywhere in a page
 * @throws MisuseError when `start` is no whole number above 0 and below the end of user addresses
 */
export function setHeap(mm: Mm, start: Addr): void {
  if (wholeNumber('setHeap', 'start', start) <= 0 || start >= mm.taskSize) {
    throw new MisuseError('setHeap', 'start', `is ${start}; a heap begins above 0 and below ${mm.taskSize}`);
  }
  mm.startBrk = start;
  mm.brk = start;
}

/**
 * brk(2), the system call: moves the heap's end.
 *
 * @param value the requested end in bytes (a value of `fromRegister`); not rounded
 * @returns the new end, or the old one when the call fails; `cur.call.reason` then holds the reason
 */
export function sysBrk(cur: Caller, value: number): number {
  checkRegister('brk', 'value', value);
  const mm = cur.mm;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('brk', value, mm.brk, 0, 0);
  mmapLock(mm, 'brk');
  try {
    return brkLocked(cur, value);
  } finally {
    mmapUnlock(mm);
  }
}

/**
 * vm_brk_flags: maps anonymous memory at a fixed address, as exec does for bss.
 *
 * @param addr page-aligned; `len` is rounded up to pages
 * @param extraFlags VM_EXEC for an executable bss, or 0
 * @returns 0 or -ENOMEM, -EAGAIN
 */
export function vmBrk(cur: Caller, addr: Addr, len: Bytes, extraFlags: VmFlags): number {
  checkRegisters('vmBrk', addr, len, extraFlags);
  const size = alignUp(len, cur.mm.system.pageMask);
  if (size === 0) return 0;
  const error = checkBrkLimits(cur, addr, size);
  return error === 0 ? doBrk(cur, addr, size, null, extraFlags) : error;
}
