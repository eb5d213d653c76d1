/**
 * get_user_pages: returns pages of an address space, faulted in as by an access, without a signal.
 *
 * Populate, process_vm_readv and the like use it. Mirrors __get_user_pages, follow_page_pte, faultin_page,
 * check_vma_flags and follow_hugetlb_page (mm/gup.c, mm/hugetlb.c).
 */
import { EFAULT, EHWPOISON, ENOMEM } from '@vmarea/uapi';
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import {
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_HWPOISON,
  VM_FAULT_MAJOR,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_WRITE,
} from '../../space/fault-info.ts';
import type { Mm } from '../../space/mm.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../../ports/arch.ts';
import { GUP_DEVICE_MEMORY, GUP_NOT_READABLE, GUP_NOT_WRITABLE, GUP_NO_VMA } from './reasons.ts';
import { expandStack } from '../../calls/stack.ts';
import {
  isCowMapping,
  VM_ACCESS_FLAGS,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYREAD,
  VM_PFNMAP,
  VM_READ,
  VM_SHARED,
  VM_WRITE,
} from '../../base/flags.ts';
import { vmaHugePageSize, type Vma } from '../../areas/vma.ts';
import { handleMmFault, mapZeroPages } from '../faults/fault.ts';
import { stateOf } from '../tlb/state.ts';
import { setPageDirty } from '../frames/meta.ts';
import type { Addr } from '../../base/units.ts';

export const FOLL_WRITE = 0x1;
/** Ignores the VMA's protection, as a debugger does. */
export const FOLL_FORCE = 0x10;
/** A poisoned page is -EHWPOISON; otherwise -EFAULT. */
export const FOLL_HWPOISON = 0x100;
/** Accesses the memory for another task, or as one would: ignores the caller's protection keys. */
const FOLL_REMOTE = 0x80;

/**
 * Returns whether arch_vma_access_permitted refuses: with protection keys, memory with PROT_EXEC alone has a key that forbids
 * loads and stores, with FOLL_FORCE as well.
 */
function keyForbids(cur: Caller, vma: Vma): boolean {
  const mm = vma.vmMm;
  return mm.system.arch.executeOnlyCode !== 0 && (vma.vmFlags & VM_ACCESS_FLAGS) === VM_EXEC && cur.mm === mm;
}

/**
 * check_vma_flags: checks whether the VMA allows the access.
 *
 * @returns 0 or -EFAULT, with the reason in `cur.call`
 */
export function checkVmaFlags(cur: Caller, vma: Vma, gupFlags: number): number {
  const flags = vma.vmFlags;
  if ((flags & (VM_IO | VM_PFNMAP)) !== 0) {
    cur.call.reason = GUP_DEVICE_MEMORY;
    return -EFAULT;
  }
  if ((gupFlags & FOLL_REMOTE) === 0 && keyForbids(cur, vma)) {
    cur.call.reason = GUP_NOT_READABLE;
    return -EFAULT;
  }
  const force = (gupFlags & FOLL_FORCE) !== 0;
  if ((gupFlags & FOLL_WRITE) !== 0) {
    if ((flags & VM_WRITE) !== 0 || (force && isCowMapping(flags))) return 0;
    cur.call.reason = GUP_NOT_WRITABLE;
    return -EFAULT;
  }
  if ((flags & VM_READ) !== 0 || (force && (flags & VM_MAYREAD) !== 0)) return 0;
  cur.call.reason = GUP_NOT_READABLE;
  return -EFAULT;
}

/** vm_fault_to_errno: converts VM_FAULT_ bits to an errno, 0 when there is no error bit. */
function faultErrno(result: number): number {
  if ((result & VM_FAULT_ERROR) === 0) return 0;
  if ((result & VM_FAULT_HWPOISON) !== 0) return -EHWPOISON;
  return (result & VM_FAULT_OOM) !== 0 ? -ENOMEM : -EFAULT;
}

/**
 * faultin_page: raises one fault at a page-aligned address and counts it.
 *
 * @returns VM_FAULT_ bits without an error, a negative errno, or RETRY
 */
function faultinPage(cur: Caller, vma: Vma, address: Addr, write: boolean): number {
  const result = handleMmFault(cur, vma, address, write ? FAULT_FLAG_WRITE : 0);
  const error = faultErrno(result);
  if (error !== 0) return error;
  if ((result & VM_FAULT_RETRY) !== 0) return RETRY;
  if ((result & VM_FAULT_MAJOR) !== 0) cur.majFlt++;
  else cur.minFlt++;
  return result;
}

/**
 * follow_page: faults until the entry is present and permits the access.
 *
 * @returns the slot of a present entry that allows what `gupFlags` want, a negative errno, or RETRY
 */
function slotOf(cur: Caller, vma: Vma, address: Addr, gupFlags: number): number {
  const pt = vma.vmMm.pageTables!;
  let write = (gupFlags & FOLL_WRITE) !== 0;
  for (;;) {
    const slot = pt.slot(address);
    if (slot >= 0) {
      const bits = pt.entry(slot);
      if (bits !== 0 && (!write || (bits & PTE_WRITE) !== 0)) {
        // FOLL_TOUCH: marks the page dirty although the entry is clean, since no fault will do it later.
        if (write && (bits & (PTE_DIRTY | PTE_SPECIAL)) === 0) setPageDirty(stateOf(vma.vmMm).frames, pt.pfn(slot));
        return slot;
      }
    }
    const result = faultinPage(cur, vma, address, write);
    if (result < 0) return result;
    // A forced write has made a private copy: from now on read permission of the entry is enough (FOLL_COW).
    if ((result & VM_FAULT_WRITE) !== 0 && (vma.vmFlags & VM_WRITE) === 0) write = false;
    else if (write && (vma.vmFlags & VM_WRITE) === 0) write = !isOwnCopy(vma, address);
  }
}

/** Returns whether a forced write has its own, dirty page already. */
function isOwnCopy(vma: Vma, address: Addr): boolean {
  const pt = vma.vmMm.pageTables!;
  const slot = pt.slot(address);
  return slot >= 0 && (pt.entry(slot) & PTE_DIRTY) !== 0;
}

/**
 * __get_user_pages over [start, end) of one VMA, without taking references.
 *
 * @returns the number of pages done (at least one); a negative errno when the first page fails, or RETRY when it must wait
 */
export function faultinRange(cur: Caller, vma: Vma, start: Addr, end: Addr, gupFlags: number): number {
  const pageSize = vma.vmMm.system.pageSize;
  const error = checkVmaFlags(cur, vma, gupFlags);
  if (error !== 0) return error;
  if ((vma.vmFlags & VM_HUGETLB) !== 0) return followHugetlb(cur, vma, start, end, gupFlags);
  const read = (gupFlags & FOLL_WRITE) === 0;
  for (let at = start; at < end; at += pageSize) {
    const slot = slotOf(cur, vma, at, gupFlags);
    if (slot >= 0) {
      if (read) at += mapZeroPages(cur, vma, at + pageSize, end) * pageSize;
      continue;
    }
    if (at > start) return (at - start) / pageSize;
    return slot === -EHWPOISON && (gupFlags & FOLL_HWPOISON) === 0 ? -EFAULT : slot;
  }
  return (end - start) / pageSize;
}

/** follow_hugetlb_page. Counts its faults only with `hugetlb.populateCountsFaults`. */
function followHugetlb(cur: Caller, vma: Vma, start: Addr, end: Addr, gupFlags: number): number {
  const mm = vma.vmMm;
  const pt = mm.pageTables!;
  const { pageSize } = mm.system;
  const size = vmaHugePageSize(vma);
  const write = (gupFlags & FOLL_WRITE) !== 0;
  const countsFaults = mm.system.profile.hugetlb.populateCountsFaults;
  let at = start;
  while (at < end) {
    const page = Math.floor(at / size) * size;
    if (pt.nextEntry(page, page + pageSize) >= 0 && (!write || (pt.entry(pt.curSlot) & PTE_WRITE) !== 0)) {
      at = page + size;
      continue;
    }
    const result = handleMmFault(cur, vma, page, write ? FAULT_FLAG_WRITE : 0);
    const error = (result & VM_FAULT_RETRY) !== 0 ? RETRY : faultErrno(result);
    if (error !== 0 && at > start) return (at - start) / pageSize;
    if (error !== 0) return error === -EHWPOISON && (gupFlags & FOLL_HWPOISON) === 0 ? -EFAULT : error;
    if (countsFaults) cur.minFlt++;
  }
  return (end - start) / pageSize;
}

/**
 * populate_vma_page_range: page-aligned bytes inside the VMA.
 *
 * @returns the number of pages done, a negative errno when the first one fails, or RETRY
 */
export function populateVmaPageRange(cur: Caller, vma: Vma, start: Addr, end: Addr): number {
  const flags = vma.vmFlags;
  let gup = 0;
  if ((flags & (VM_WRITE | VM_SHARED)) === VM_WRITE) gup |= FOLL_WRITE;
  if ((flags & VM_ACCESS_FLAGS) !== 0) gup |= FOLL_FORCE;
  if ((flags & VM_LOCKONFAULT) !== 0) {
    // VM_LOCKONFAULT: locks only present pages, which needs no fault.
    const { profile, pageSize } = vma.vmMm.system;
    const error = profile.faults.populateChecksLockOnFault ? checkVmaFlags(cur, vma, gup) : 0;
    return error !== 0 ? error : (end - start) / pageSize;
  }
  return faultinRange(cur, vma, start, end, gup);
}

/**
 * find_extend_vma: returns the VMA of `address`; grows a stack above it first, if the version lets get_user_pages do that.
 */
export function findExtendVma(cur: Caller, mm: Mm, address: Addr): Vma | null {
  const vma = mm.tree.find(address);
  if (vma === null || address >= vma.vmStart) return vma;
  if ((vma.vmFlags & VM_GROWSDOWN) === 0 || !mm.system.profile.faults.gupExpandsStack || cur.mm !== mm) return null;
  const start = vma.vmStart;
  if (expandStack(cur, vma, address) !== 0) return null;
  if ((vma.vmFlags & VM_LOCKED) !== 0) populateVmaPageRange(cur, vma, vma.vmStart, start);
  return vma;
}

/**
 * get_user_pages for one page, without a reference: the frame is valid until the mapping changes.
 *
 * @param mm the address space; may differ from the caller's
 * @param address any byte of the page
 * @param gupFlags FOLL_WRITE, FOLL_FORCE
 * @returns the frame; -EFAULT, -ENOMEM or RETRY
 */
export function userPfn(cur: Caller, mm: Mm, address: Addr, gupFlags: number): number {
  if (!(address >= 0 && address < mm.taskSize)) {
    cur.call.reason = GUP_NO_VMA;
    return -EFAULT;
  }
  const vma = findExtendVma(cur, mm, address);
  if (vma === null) {
    cur.call.reason = GUP_NO_VMA;
    return -EFAULT;
  }
  const page = address - (address & mm.system.pageMask);
  const done = faultinRange(cur, vma, page, page + mm.system.pageSize, gupFlags | FOLL_REMOTE);
  if (done < 0) return done;
  const pt = mm.pageTables!;
  if (pt.nextEntry(page, page + mm.system.pageSize) < 0) return -EFAULT;
  const size = pt.curSize;
  return pt.pfn(pt.curSlot) + (page - Math.floor(page / size) * size) / mm.system.pageSize;
}
