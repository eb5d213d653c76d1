/**
 * mremap: shrinks, grows in place, moves, duplicates.
 *
 * Mirrors mm/mremap.c of both versions. Old mappings at a fixed destination stay unmapped when a later step fails.
 */
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  CAP_IPC_LOCK,
  MAP_FIXED,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  compareUnsigned,
} from '@vmarea/uapi';
import {
  mayExpandVm,
  mlockFutureCheck,
  securityVmEnoughMemoryMm,
  vmAcctMemory,
  vmStatAccount,
  vmUnacctMemory,
} from '../space/accounting.ts';
import { unlinkAnonVmas } from '../shape/anon-vma.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { copyVma } from '../shape/copy.ts';
import { isErr, refuse } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import type { Mm } from '../space/mm.ts';
import { doMunmap } from './munmap.ts';
import { alignUp, alignUpSize } from '../base/page-math.ts';
import { isSealed } from './mseal.ts';
import {
  MREMAP_CANNOT_EXTEND,
  MREMAP_CROSSES_VMA,
  MREMAP_DONTUNMAP_RESIZES,
  MREMAP_DONTUNMAP_SPECIAL,
  MREMAP_DUPLICATE_PRIVATE,
  MREMAP_FIXED_NEEDS_MAYMOVE,
  MREMAP_HUGE,
  MREMAP_HUGE_GROW,
  MREMAP_HUGE_UNALIGNED,
  MREMAP_MAX_MAP_COUNT,
  MREMAP_MAY_NOT_MOVE,
  MREMAP_NEW_BEYOND_TASK_SIZE,
  MREMAP_NEW_UNALIGNED,
  MREMAP_NOT_MAPPED,
  MREMAP_NO_MEMORY,
  MREMAP_OVERLAP,
  MREMAP_OWNER_REFUSED,
  MREMAP_SEALED,
  MREMAP_SPECIAL,
  MREMAP_UNALIGNED,
  MREMAP_UNKNOWN_FLAG,
  MREMAP_ZERO_LEN,
} from './reasons/mremap.ts';
import { GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE, MLOCK_FUTURE_CHECK_LIMIT } from '../space/reasons.ts';
import { KMEM_CACHE_NO_VMA, SPLIT_VMA_REFUSED } from '../shape/reasons.ts';
import { findVma, getUnmappedArea, thpGetUnmappedArea } from '../space/placement.ts';
import {
  VM_ACCOUNT,
  VM_DONTEXPAND,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKED_CLEAR_MASK,
  VM_MAYSHARE,
  VM_PFNMAP,
  VM_SHARED,
} from '../base/flags.ts';
import { vmaAdjust } from '../shape/adjust.ts';
import { vmaMerge } from '../shape/merge.ts';
import { dropUserfault } from '../shape/userfault.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, AddrOrErrno, Bytes } from '../base/units.ts';
import { checkRegister, checkRegisters } from '../base/whole.ts';

/** The request to mremap; lengths are whole pages, or whole huge pages if the source has them. */
interface MremapRequest {
  readonly addr: Addr;
  readonly oldLen: Bytes;
  readonly newLen: Bytes;
  /** MREMAP_ bits. */
  readonly flags: number;
  /** The destination of MREMAP_FIXED. */
  readonly newAddr: Addr;
}

/** Returns the VMA that contains `addr`, or null. */
function vmaLookup(mm: Mm, addr: Addr): Vma | null {
  const vma = findVma(mm, addr);
  return vma !== null && vma.vmStart <= addr ? vma : null;
}

/**
 * vma_to_resize: checks whether the source may get `newLen` bytes.
 *
 * @returns 0, or -EFAULT, -EINVAL, -EAGAIN, -ENOMEM
 */
function vmaToResize(cur: Caller, addr: Addr, oldLen: Bytes, newLen: Bytes, flags: number): number {
  const mm = cur.mm;
  const system = mm.system;
  const profile = system.profile;
  const pageSize = system.pageSize;
  const vma = vmaLookup(mm, addr);
  if (vma === null) return refuse(cur, MREMAP_NOT_MAPPED, -EFAULT);
  if (isSealed(vma)) return refuse(cur, MREMAP_SEALED, -EPERM);
  if ((vma.vmFlags & VM_HUGETLB) !== 0 && !profile.mremap.hugetlb) return refuse(cur, MREMAP_HUGE, -EINVAL);
  if (oldLen === 0 && !profile.mremap.duplicatesPrivate && (vma.vmFlags & (VM_SHARED | VM_MAYSHARE)) === 0) {
    return refuse(cur, MREMAP_DUPLICATE_PRIVATE, -EINVAL);
  }
  if ((flags & MREMAP_DONTUNMAP) !== 0 && (vma.vmFlags & (VM_DONTEXPAND | VM_PFNMAP)) !== 0) {
    return refuse(cur, MREMAP_DONTUNMAP_SPECIAL, -EINVAL);
  }
  if (oldLen < 0 || oldLen > vma.vmEnd - addr) return refuse(cur, MREMAP_CROSSES_VMA, -EFAULT);
  if (newLen === oldLen) return 0;
  // (pgoff + pages cannot wrap: a page offset has at most 52 bits, and so has a length in pages.)
  if ((vma.vmFlags & (VM_DONTEXPAND | VM_PFNMAP)) !== 0) return refuse(cur, MREMAP_SPECIAL, -EFAULT);
  const more = newLen < 0 ? Infinity : newLen - oldLen;
  if ((vma.vmFlags & VM_LOCKED) !== 0) {
    if (profile.mremap.looksUpFirst) {
      const error = mlockFutureCheck(cur, vma.vmFlags, more);
      if (error !== 0) return error;
    } else if (mm.lockedVm * pageSize + more > cur.rlimits.memlock && !system.security.capable(cur, CAP_IPC_LOCK)) {
      return refuse(cur, MLOCK_FUTURE_CHECK_LIMIT, -EAGAIN);
    }
  }
  if (!mayExpandVm(cur, vma.vmFlags, more / pageSize)) return -ENOMEM;
  // A length near 2^64: every later step would fail like this.
  return newLen < 0 ? refuse(cur, GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE, -ENOMEM) : 0;
}

/** vma_expandable: returns whether the VMA can grow by `delta` bytes in place. */
function vmaExpandable(cur: Caller, vma: Vma, delta: number): boolean {
  const end = vma.vmEnd + delta;
  if (vma.vmNext !== null && vma.vmNext.vmStart < end) return false;
  return !isErr(getUnmappedArea(cur, null, vma.vmStart, end - vma.vmStart, 0, MAP_FIXED));
}

/** Moves the page-table entries back after a driver's mremap operation failed; the caller unmaps the new range. */
function moveBack(vma: Vma, oldAddr: Addr, newVma: Vma, newAddr: Addr, moved: number): void {
  if (moved > 0) vma.vmMm.system.memory.movePageTables(newVma, newAddr, vma, oldAddr, moved);
}

/**
 * move_vma: maps `newLen` bytes at `newAddr`, moves the page-table entries of `oldLen` bytes, unmaps the source.
 *
 * @returns the new address, or a negative errno
 */
function moveVma(cur: Caller, vmaIn: Vma, request: MremapRequest, newAddr: Addr): AddrOrErrno {
  const { addr: oldAddr, oldLen, newLen, flags } = request;
  const mm = cur.mm;
  const system = mm.system;
  const pageSize = system.pageSize;
  const vmFlags = vmaIn.vmFlags;
  const dontunmap = (flags & MREMAP_DONTUNMAP) !== 0;
  if (mm.tracer !== null) mm.tracer.enter('move_vma', oldAddr, oldLen, newLen, newAddr);
  if (mm.mapCount >= system.sysctl.maxMapCount - 3) return refuse(cur, MREMAP_MAX_MAP_COUNT, -ENOMEM);
  const maySplit = vmaIn.vmOps === null ? null : vmaIn.vmOps.maySplit;
  if (maySplit !== null) {
    let error = vmaIn.vmStart === oldAddr ? 0 : maySplit(vmaIn, oldAddr);
    if (error === 0 && vmaIn.vmEnd !== oldAddr + oldLen) error = maySplit(vmaIn, oldAddr + oldLen);
    if (error !== 0) return refuse(cur, SPLIT_VMA_REFUSED, error);
  }
  const toAccount = (dontunmap ? newLen : newLen - oldLen) / pageSize;
  // 4.4 has charged the growth in vma_to_resize; 6.1 charges here. It also charges 0 pages, which overcommit mode 2 can refuse.
  const chargeHere = system.profile.mremap.looksUpFirst && (vmFlags & VM_ACCOUNT) !== 0;
  if (chargeHere && securityVmEnoughMemoryMm(cur, toAccount) !== 0) return -ENOMEM;

  const spec = cur.call.area.partOf(vmaIn, oldAddr, oldAddr + newLen);
  spec.start = newAddr;
  spec.end = newAddr + newLen;
  const newVma = copyVma(cur, vmaIn, spec, dontunmap);
  if (newVma === null) {
    if (chargeHere) vmUnacctMemory(system, toAccount);
    return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  }
  // The merge in copy_vma may have absorbed the source: then the result contains the source.
  let vma = cur.call.vma!;
  const huge = (vmFlags & VM_HUGETLB) !== 0;
  const moved =
    huge && system.hugePages !== null
      ? system.hugePages.movePageTables(vma, oldAddr, newVma, newAddr, oldLen)
      : system.memory.movePageTables(vma, oldAddr, newVma, newAddr, oldLen);
  let error = 0;
  if (moved < oldLen) error = refuse(cur, MREMAP_NO_MEMORY, -ENOMEM);
  else if (vma.vmOps !== null && vma.vmOps.mremap !== null) {
    error = vma.vmOps.mremap(newVma);
    if (error !== 0) refuse(cur, MREMAP_OWNER_REFUSED, error);
  }
  let from = oldAddr;
  let fromLen = oldLen;
  let result = newAddr;
  if (error !== 0) {
    moveBack(vma, oldAddr, newVma, newAddr, moved);
    vma = newVma;
    fromLen = newLen;
    from = newAddr;
    result = error;
  } else if (newVma.userfaultCtx !== null && newVma.userfaultCtx.moved?.(cur, oldAddr, newAddr, oldLen) !== true)
    dropUserfault(newVma);
  if (huge && error === 0) system.hugePages?.clearReservation(vma);

  // Clears VM_ACCOUNT, so that unmapping does not return the old charge.
  let excess = 0;
  let split = false;
  if ((vmFlags & VM_ACCOUNT) !== 0 && !dontunmap) {
    vma.vmFlags &= ~VM_ACCOUNT;
    excess = vma.vmEnd - vma.vmStart - fromLen;
    split = from > vma.vmStart && from + fromLen < vma.vmEnd;
  }
  const hiwater = mm.hiwaterVm;
  vmStatAccount(mm, vma.vmFlags, vma.vmFile, newLen / pageSize);
  if (dontunmap && error === 0) {
    vma.vmFlags &= VM_LOCKED_CLEAR_MASK;
    if (newVma !== vma && vma.vmStart === oldAddr && vma.vmEnd === oldAddr + oldLen) unlinkAnonVmas(vma);
    // Returns without unmapping, so locked_vm still counts what the source lost beyond the range.
    if (system.profile.mremap.dontunmapCountsLocked && (vmFlags & VM_LOCKED) !== 0) mm.lockedVm += newLen / pageSize;
    return result;
  }
  const unmapped = doMunmap(cur, from, fromLen);
  if (unmapped < 0) {
    // The source stays (also for old_len 0). 4.4 corrects only the excess, so the whole VMA is no longer accounted.
    if ((vmFlags & VM_ACCOUNT) !== 0 && !dontunmap) {
      if (system.profile.mremap.looksUpFirst) vmAcctMemory(system, fromLen / pageSize);
      else vmUnacctMemory(system, excess / pageSize);
    }
    excess = 0;
  }
  mm.hiwaterVm = hiwater;
  if (excess > 0) {
    // One or two pieces of the source remain; a split keeps the object for the lowest, or the only one.
    vma.vmFlags |= VM_ACCOUNT;
    if (split) vma.vmNext!.vmFlags |= VM_ACCOUNT;
  }
  if ((vmFlags & VM_LOCKED) !== 0) {
    mm.lockedVm += newLen / pageSize;
    if (newLen > oldLen && error === 0) {
      cur.call.populateLater(newAddr + oldLen, newLen - oldLen, false);
    }
  }
  return result;
}

/** Charges the growth, in pages, as 4.4 does before it searches an address. Returns 0 pages where 6.1 charges later. */
function chargeGrowth(cur: Caller, vma: Vma, oldLen: Bytes, newLen: Bytes): number {
  const mm = cur.mm;
  if (mm.system.profile.mremap.looksUpFirst || (vma.vmFlags & VM_ACCOUNT) === 0 || newLen === oldLen) return 0;
  return (newLen - oldLen) / mm.system.pageSize;
}

/**
 * Returns whether something may be moved to the new address.
 *
 * @returns 0, -EINVAL, or -ENOMEM near the limit of mappings
 */
function checkNewAddress(cur: Caller, request: MremapRequest): number {
  const { addr, oldLen, newAddr, newLen } = request;
  const mm = cur.mm;
  const system = mm.system;
  const T = mm.taskSize;
  if ((newAddr & system.pageMask) !== 0) return refuse(cur, MREMAP_NEW_UNALIGNED, -EINVAL);
  if (newLen < 0 || newLen > T || newAddr < 0 || newAddr > T - newLen) {
    return refuse(cur, MREMAP_NEW_BEYOND_TASK_SIZE, -EINVAL);
  }
  const oldEnd = oldLen < 0 && addr + oldLen < 0 ? Infinity : addr + oldLen;
  if (addr >= 0 && oldEnd > newAddr && newAddr + newLen > addr) return refuse(cur, MREMAP_OVERLAP, -EINVAL);
  if (system.profile.mremap.fixedChecksMapCount && mm.mapCount + 2 >= system.sysctl.maxMapCount - 3) {
    return refuse(cur, MREMAP_MAX_MAP_COUNT, -ENOMEM);
  }
  return 0;
}

/**
 * check_mremap_params: what a version that looks at the arguments first refuses.
 *
 * @returns 0, -EINVAL, or -ENOMEM near the limit of mappings
 */
function checkParams(cur: Caller, request: MremapRequest): number {
  const { newLen, flags } = request;
  if (newLen < 0 || newLen > cur.mm.taskSize) return refuse(cur, MREMAP_NEW_BEYOND_TASK_SIZE, -EINVAL);
  return (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) === 0 ? 0 : checkNewAddress(cur, request);
}

/** mremap_to: moves to a fixed destination, or to a free one for MREMAP_DONTUNMAP. */
function mremapTo(cur: Caller, request: MremapRequest): AddrOrErrno {
  const { addr, newAddr, newLen, flags } = request;
  const mm = cur.mm;
  const system = mm.system;
  let oldLen = request.oldLen;
  // The source before the destination is unmapped, or after it.
  const sourceFirst = system.profile.mremap.checksArgumentsFirst;
  const early = sourceFirst
    ? vmaToResize(cur, addr, compareUnsigned(oldLen, newLen) > 0 ? newLen : oldLen, newLen, flags)
    : checkNewAddress(cur, request);
  if (early !== 0) return early;
  const fixed = (flags & MREMAP_FIXED) !== 0;
  if (fixed) {
    const error = doMunmap(cur, newAddr, newLen);
    if (error !== 0) return error;
  }
  if (compareUnsigned(oldLen, newLen) > 0) {
    const error = doMunmap(cur, addr + newLen, oldLen - newLen);
    if (error !== 0) return error;
    oldLen = newLen;
  }
  if (!sourceFirst) {
    const resize = vmaToResize(cur, addr, oldLen, newLen, flags);
    if (resize !== 0) return resize;
  }
  const vma = vmaLookup(mm, addr);
  if (vma === null) return refuse(cur, MREMAP_NOT_MAPPED, -EFAULT);
  if ((flags & MREMAP_DONTUNMAP) !== 0 && !mayExpandVm(cur, vma.vmFlags, oldLen / system.pageSize)) return -ENOMEM;
  const charged = chargeGrowth(cur, vma, oldLen, newLen);
  if (charged !== 0 && securityVmEnoughMemoryMm(cur, charged) !== 0) return -ENOMEM;
  const mapFlags = (fixed ? MAP_FIXED : 0) | ((vma.vmFlags & VM_MAYSHARE) !== 0 ? MAP_SHARED : 0);
  const pgoff = vma.vmPgoff + (addr - vma.vmStart) / system.pageSize;
  const area = getUnmappedArea(cur, vma.vmFile, newAddr, newLen, pgoff, mapFlags);
  const result = isErr(area)
    ? area
    : moveVma(cur, vma, oldLen === request.oldLen ? request : { ...request, oldLen }, fixed ? newAddr : area);
  if (isErr(result) && charged !== 0) vmUnacctMemory(system, charged);
  return result;
}

/** vma_multi_allowed: returns whether others may move together with the VMA. A driver that chooses addresses may ignore the fixed one. */
function movesWithOthers({ vmFile, userfaultCtx }: Vma): boolean {
  if (userfaultCtx !== null) return false;
  if (vmFile === null || vmFile.hugePageSize > 0) return true;
  const { getUnmappedArea: own } = vmFile.fOp;
  return own === null || own === thpGetUnmappedArea;
}

/**
 * remap_move: moves every mapping of a range to a fixed address, holes between them included. What is moved when one of
 * them is refused stays moved.
 *
 * @returns the new address, or a negative errno
 */
function remapMove(cur: Caller, request: MremapRequest): AddrOrErrno {
  const { mm } = cur;
  const { addr: start, newAddr } = request;
  const end = start + request.oldLen;
  let result: AddrOrErrno | null = null;
  for (let vma = vmaLookup(mm, start); vma !== null && vma.vmStart < end;) {
    const addr = Math.max(vma.vmStart, start);
    const { vmEnd } = vma;
    if (!movesWithOthers(vma) && (result !== null || vmEnd < end)) return refuse(cur, MREMAP_CROSSES_VMA, -EFAULT);
    const oldLen = Math.min(vmEnd, end) - addr;
    const moved = mremapOne(cur, { ...request, addr, oldLen, newLen: oldLen, newAddr: newAddr + (addr - start) });
    if (isErr(moved)) return moved;
    result ??= moved;
    vma = findVma(mm, vmEnd);
  }
  return result ?? refuse(cur, MREMAP_NOT_MAPPED, -EFAULT);
}

/** Grows the VMA in place. The caller has checked that there is room. */
function growInPlace(cur: Caller, vma: Vma, addr: Addr, oldLen: Bytes, newLen: Bytes): number {
  const mm = cur.mm;
  const system = mm.system;
  const pages = (newLen - oldLen) / system.pageSize;
  const from = addr + oldLen;
  let grown: Vma | null = vma;
  if (system.profile.mremap.growMerges) {
    if ((vma.vmFlags & VM_ACCOUNT) !== 0 && securityVmEnoughMemoryMm(cur, pages) !== 0) return -ENOMEM;
    if (vma.vmOps === null || vma.vmOps.close === null) {
      grown = vmaMerge(mm, vma, cur.call.area.partOf(vma, from, addr + newLen));
    } else if (vmaAdjust(mm, vma, vma.vmStart, addr + newLen, vma.vmPgoff) !== 0) grown = null;
    if (grown === null) {
      if ((vma.vmFlags & VM_ACCOUNT) !== 0) vmUnacctMemory(system, pages);
      return refuse(cur, MREMAP_CANNOT_EXTEND, -ENOMEM);
    }
  } else if (vmaAdjust(mm, vma, vma.vmStart, addr + newLen, vma.vmPgoff) !== 0) {
    return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  }
  if (mm.tracer !== null) mm.tracer.vma('expand', grown, addr + newLen);
  vmStatAccount(mm, grown.vmFlags, grown.vmFile, pages);
  if ((grown.vmFlags & VM_LOCKED) !== 0) {
    mm.lockedVm += pages;
    cur.call.populateLater(from, newLen - oldLen, false);
  }
  return addr;
}

function mremapLocked(cur: Caller, request: MremapRequest): AddrOrErrno {
  const many = cur.mm.system.profile.mremap.movesManyVmas && (request.flags & MREMAP_FIXED) !== 0;
  return many && request.oldLen === request.newLen ? remapMove(cur, request) : mremapOne(cur, request);
}

/** Remaps what lies in one VMA. */
function mremapOne(cur: Caller, request: MremapRequest): AddrOrErrno {
  const { addr, flags, newAddr } = request;
  const mm = cur.mm;
  const system = mm.system;
  const profile = system.profile;
  let { oldLen, newLen } = request;
  if (profile.mremap.looksUpFirst) {
    const source = vmaLookup(mm, addr);
    if (source === null) return refuse(cur, MREMAP_NOT_MAPPED, -EFAULT);
    if (isSealed(source)) return refuse(cur, MREMAP_SEALED, -EPERM);
    if ((source.vmFlags & VM_HUGETLB) !== 0) {
      const huge = source.vmOps!.pageSize!(source);
      oldLen = alignUpSize(oldLen, huge);
      newLen = alignUpSize(newLen, huge);
      if (addr % huge !== 0 || newAddr % huge !== 0) return refuse(cur, MREMAP_HUGE_UNALIGNED, -EINVAL);
      if (newLen < 0 || (oldLen >= 0 && newLen > oldLen)) return refuse(cur, MREMAP_HUGE_GROW, -EINVAL);
    }
  }
  const same = oldLen === request.oldLen && newLen === request.newLen;
  const sized: MremapRequest = same ? request : { ...request, oldLen, newLen };
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return mremapTo(cur, sized);

  if (compareUnsigned(oldLen, newLen) >= 0) {
    const error = oldLen === newLen ? 0 : doMunmap(cur, addr + newLen, oldLen - newLen);
    if (error !== 0) return error;
    // 4.4 has not checked the address: it returns any page-aligned one, as an unsigned long.
    return addr < 0 ? addr + 2 ** 64 : addr;
  }
  const resize = vmaToResize(cur, addr, oldLen, newLen, flags);
  if (resize !== 0) return resize;
  const vma = findVma(mm, addr)!;
  const charged = chargeGrowth(cur, vma, oldLen, newLen);
  if (charged !== 0 && securityVmEnoughMemoryMm(cur, charged) !== 0) return -ENOMEM;
  let result: number;
  if (oldLen === vma.vmEnd - addr && vmaExpandable(cur, vma, newLen - oldLen)) {
    result = growInPlace(cur, vma, addr, oldLen, newLen);
  } else if ((flags & MREMAP_MAYMOVE) === 0) {
    result = refuse(cur, MREMAP_MAY_NOT_MOVE, -ENOMEM);
  } else {
    const pgoff = vma.vmPgoff + (addr - vma.vmStart) / system.pageSize;
    const mapFlags = (vma.vmFlags & VM_MAYSHARE) !== 0 ? MAP_SHARED : 0;
    const area = getUnmappedArea(cur, vma.vmFile, 0, newLen, pgoff, mapFlags);
    result = isErr(area) ? area : moveVma(cur, vma, sized, area);
  }
  if (isErr(result) && charged !== 0) vmUnacctMemory(system, charged);
  return result;
}

/**
 * mremap(2). The parameters are the kernel's.
 *
 * @param addr source; `oldLen`, `newLen` bytes; `newAddr` for MREMAP_FIXED (values of `fromRegister`)
 * @param flags MREMAP_ bits
 * @returns the address of the mapping, or -EINVAL, -EFAULT, -ENOMEM, -EAGAIN, -EPERM
 */
export function doMremap(cur: Caller, addr: Addr, oldLen: Bytes, newLen: Bytes, flags: number, newAddr: Addr): number {
  checkRegisters('mremap', addr, oldLen, flags);
  checkRegister('mremap', 'newLen', newLen);
  checkRegister('mremap', 'newAddr', newAddr);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('mremap', addr, oldLen, newLen, flags);
  const known = MREMAP_MAYMOVE | MREMAP_FIXED | (system.profile.mremap.dontunmap ? MREMAP_DONTUNMAP : 0);
  if ((flags & ~known) !== 0) return refuse(cur, MREMAP_UNKNOWN_FLAG, -EINVAL);
  if ((flags & MREMAP_FIXED) !== 0 && (flags & MREMAP_MAYMOVE) === 0) {
    return refuse(cur, MREMAP_FIXED_NEEDS_MAYMOVE, -EINVAL);
  }
  if ((flags & MREMAP_DONTUNMAP) !== 0 && ((flags & MREMAP_MAYMOVE) === 0 || oldLen !== newLen)) {
    return refuse(cur, MREMAP_DONTUNMAP_RESIZES, -EINVAL);
  }
  if ((addr & system.pageMask) !== 0) return refuse(cur, MREMAP_UNALIGNED, -EINVAL);
  const oldSize = alignUp(oldLen, system.pageMask);
  const newSize = alignUp(newLen, system.pageMask);
  if (newSize === 0) return refuse(cur, MREMAP_ZERO_LEN, -EINVAL);
  const request: MremapRequest = { addr, oldLen: oldSize, newLen: newSize, flags, newAddr };
  if (system.profile.mremap.checksArgumentsFirst) {
    const error = checkParams(cur, request);
    if (error !== 0) return error;
  }
  mmapLock(mm, 'mremap');
  try {
    return mremapLocked(cur, request);
  } finally {
    mmapUnlock(mm);
  }
}
