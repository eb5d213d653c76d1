/**
 * Translates an address by walking the page tables: for the soft MMU, kernel copies and an embedder's CPU, when they have
 * no cached translation.
 */
import { type Caller } from '../../space/caller.ts';
import type { Mm } from '../../space/mm.ts';
import { ACCESS_WRITE, asHardwareSees, mayAccess, mayExec, mayRead, mayWrite } from '../tlb/access.ts';
import { type MmState, stateOf } from '../tlb/state.ts';
import { doPageFault } from '../faults/entry.ts';
import type { Addr, Slot } from '../../base/units.ts';

/**
 * Returns the frame of `address` if the page tables permit the access now. Sets no access or dirty flag, also on hardware
 * that sets them.
 *
 * @returns the pfn, or -1: the access would fault
 */
export function walkPfn(mm: Mm, address: Addr, access: number): number {
  return walk(mm, address, access, false);
}

/** {@link walkPfn}; with `touch` also sets the flags that the access sets. */
function walk(mm: Mm, address: Addr, access: number, touch: boolean): number {
  if (!(address >= 0 && address < mm.taskSize)) return -1;
  const pt = mm.pageTables!;
  const slot = pt.slot(address);
  if (slot < 0) return walkHuge(mm, address, access, touch);
  const bits = pt.entry(slot);
  return bits !== 0 && passes(mm, slot, bits, access, touch) ? pt.pfn(slot) : -1;
}

/** Returns whether the MMU permits an access; with `touch` sets the access and dirty flags of the entry. */
function passes(mm: Mm, slot: Slot, bits: number, access: number, touch: boolean): boolean {
  if (!mm.system.arch.hardwareFlags) return mayAccess(bits, access);
  if (!mayAccess(asHardwareSees(bits), access)) return false;
  if (touch) mm.pageTables!.touch(slot, access === ACCESS_WRITE);
  return true;
}

/** {@link walk} for an address without a last-level table: inside a block entry, or unmapped. */
function walkHuge(mm: Mm, address: Addr, access: number, touch: boolean): number {
  const pt = mm.pageTables!;
  const { pageSize, pageMask } = mm.system;
  const page = address - (address & pageMask);
  if (pt.nextEntry(page, page + pageSize) < 0) return -1;
  if (!passes(mm, pt.curSlot, pt.entry(pt.curSlot), access, touch)) return -1;
  const size = pt.curSize;
  return pt.pfn(pt.curSlot) + (page - Math.floor(page / size) * size) / pageSize;
}

/**
 * Fills the software TLB for the page of `address`.
 *
 * @returns the index of the frame's first word, or -1: the access faults
 */
export function refill(state: MmState, address: Addr, access: number): number {
  const mm = state.mm;
  if (!(address >= 0 && address < mm.taskSize)) return -1;
  const pt = mm.pageTables!;
  const { pageSize, pageMask } = mm.system;
  const page = address - (address & pageMask);
  let slot = pt.slot(page);
  let pfn: number;
  if (slot >= 0) pfn = pt.pfn(slot);
  else {
    if (pt.nextEntry(page, page + pageSize) < 0) return -1;
    slot = pt.curSlot;
    const size = pt.curSize;
    pfn = pt.pfn(slot) + (page - Math.floor(page / size) * size) / pageSize;
  }
  const bits = pt.entry(slot);
  if (bits === 0 || !passes(mm, slot, bits, access, true)) return -1;
  const word = pfn * state.physical.wordsPerPage;
  // A clean page is not cached for stores: the first store has to set the dirty flag of the entry.
  const now = mm.system.arch.hardwareFlags ? pt.entry(slot) : bits;
  state.useTlb().fill(page, word, mayRead(now), mayWrite(now), mayExec(now));
  return word;
}

/**
 * Returns the frame of `address` for an access, after faulting it in.
 *
 * @returns the pfn; -1 when the access is refused (`cur.call.refused` has the signal); or RETRY
 */
export function accessPfn(cur: Caller, address: Addr, access: number): number {
  const mm = cur.mm;
  for (;;) {
    const pfn = walk(mm, address, access, true);
    if (pfn >= 0) return pfn;
    const result = doPageFault(cur, address, access);
    if (result < 0) return result;
    if (result !== 0) return -1;
  }
}

/** {@link accessPfn} for the kernel's own access to user memory, as in a system call. */
export function kernelPfn(cur: Caller, address: Addr, access: number): number {
  const { call } = cur;
  call.inKernel = true;
  try {
    return accessPfn(cur, address, access);
  } finally {
    call.inKernel = false;
  }
}

/**
 * Translates for an embedder's CPU: returns the physical byte offset of `address`, after faulting its page in.
 *
 * @returns the offset in physical memory; -1 when the access is refused (`cur.call.refused` has the signal); or RETRY
 */
export function translate(cur: Caller, address: Addr, access: number): number {
  const pfn = accessPfn(cur, address, access);
  if (pfn < 0) return pfn;
  const { physical } = stateOf(cur.mm);
  return pfn * physical.pageSize + (address & (physical.pageSize - 1));
}

/**
 * Sets the callback for invalidated translations of an address space, called with [start, end) bytes, page-aligned.
 *
 * @param hook null removes it
 */
export function onInvalidate(mm: Mm, hook: ((start: Addr, end: Addr) => void) | null): void {
  stateOf(mm).onInvalidate = hook;
}
