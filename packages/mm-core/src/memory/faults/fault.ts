/**
 * handle_mm_fault: brings in the page of one address, in a VMA that has been found and allows the access.
 *
 * Not here: finding the VMA and signals (memory/faults/entry.ts), write-protect faults (cow.ts). Mirrors mm/memory.c.
 * Nothing is locked. A fault that must wait returns VM_FAULT_RETRY with `system.current.pending` set; until then it has at
 * most created page tables and an anon_vma.
 */
import { anonVmaPrepare } from '../../shape/anon-vma.ts';
import { makeCurrent } from '../../space/call.ts';
import type { Caller } from '../../space/caller.ts';
import {
  FAULT_FLAG_WRITE,
  type FaultInfo,
  VM_FAULT_ERROR,
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
} from '../../space/fault-info.ts';
import type { Mm } from '../../space/mm.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE, PTE_YOUNG } from '../../ports/arch.ts';
import type { VmOperations } from '../../ports/vm-operations.ts';
import {
  COPY_OF_FILE_PAGE,
  FAULT_HUGETLB,
  FAULT_NO_ANON_VMA,
  FAULT_NO_FAULT_OPERATION,
  FAULT_NO_FRAME,
  FAULT_NO_TABLE,
  FAULT_SHARED_WITHOUT_OPS,
} from './reasons.ts';
import { VM_HUGETLB, VM_SHARED, VM_WRITE } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { protWrite } from '../tlb/access.ts';
import { doWpPage } from './cow.ts';
import { askOwner, doPageMkwrite, failed, NO_PAGE_TO_MAP } from './owner.ts';
import { doFaultAround } from './around.ts';
import { askUserfaultfd, keepProtected } from './watched.ts';
import { stateOf } from '../tlb/state.ts';
import { addFileRmap, addNewAnonRmap, setPageDirty } from '../frames/meta.ts';
import { checkSyncRss } from '../frames/rss.ts';
import type { Addr, Pfn, Slot } from '../../base/units.ts';

/**
 * handle_mm_fault.
 *
 * @param cur the task that faults, for drivers that account; the address space is the VMA's and may differ from the caller's
 * @param address page-aligned
 * @param flags FAULT_FLAG_WRITE or 0
 * @returns VM_FAULT_ bits; with an error bit `cur.call.reason` has the reason
 */
export function handleMmFault(cur: Caller, vma: Vma, address: Addr, flags: number): number {
  const mm = vma.vmMm;
  const state = stateOf(mm);
  makeCurrent(cur);
  if (state.slowFaults) {
    if (state.rssCache !== null) {
      state.memory.activeMm = cur.mm;
      checkSyncRss(state);
    }
    if (state.marks !== null) return watchedFault(cur, vma, address, flags);
  }
  return bringIn(cur, vma, address, flags);
}

/** __handle_mm_fault: {@link handleMmFault} when no userfaultfd is to be asked. */
function bringIn(cur: Caller, vma: Vma, address: Addr, flags: number): number {
  if ((vma.vmFlags & VM_HUGETLB) !== 0) return hugetlbFault(cur, vma, address, flags);
  const mm = vma.vmMm;
  const pt = mm.pageTables!;
  const ops = vma.vmOps;
  // Versions allocate the last-level table before or after the driver's call: a failing fault leaves an empty one or not.
  const hadTable = ops === null || pt.slot(address) >= 0;
  const slot = pt.slotAlloc(address);
  if (slot < 0) return failed(cur, vma, address, FAULT_NO_TABLE, VM_FAULT_OOM);
  const bits = pt.entry(slot);
  if (bits === 0) {
    if (ops === null) return doAnonymousPage(cur, vma, address, slot, flags);
    const { vmf } = cur.call;
    vmf.begin(cur, vma, address, flags & FAULT_FLAG_WRITE);
    const result = doFault(vmf, ops, slot);
    if (!hadTable && (result & NO_PAGE_TO_MAP) !== 0 && mm.system.profile.faults.tablesLate) {
      if (pt.entry(pt.slotAlloc(address)) === 0) dropLeaf(mm, address);
    }
    return result;
  }
  if ((flags & FAULT_FLAG_WRITE) !== 0) {
    if ((bits & PTE_WRITE) === 0) return doWpPage(cur, vma, address, slot, bits);
    pt.mkwriteDirty(slot);
  } else if ((bits & PTE_YOUNG) === 0) {
    pt.setEntry(slot, pt.pfn(slot), vma.vmPageProt, bits & (PTE_WRITE | PTE_DIRTY | PTE_SPECIAL));
  }
  return 0;
}

/** A fault in an address space that uses userfaultfd: asks first, and keeps the page write-protected afterwards if it is marked so. */
function watchedFault(cur: Caller, vma: Vma, address: Addr, flags: number): number {
  const mm = vma.vmMm;
  const hadTable = mm.pageTables!.slot(address) >= 0;
  const refused = askUserfaultfd(cur, vma, address, flags);
  if (refused !== 0) {
    const late = vma.vmOps !== null && mm.system.profile.faults.tablesLate && (vma.vmFlags & VM_HUGETLB) === 0;
    if (late && !hadTable) dropLeaf(mm, address);
    return refused;
  }
  const result = bringIn(cur, vma, address, flags);
  if ((result & (VM_FAULT_ERROR | VM_FAULT_RETRY)) === 0) keepProtected(vma, address);
  return result;
}

/** Frees the last-level table that a failing fault allocated, if it is empty. */
function dropLeaf(mm: Mm, address: Addr): void {
  const { pmdSize } = mm.system.arch;
  const base = address - (address & (pmdSize - 1));
  const pt = mm.pageTables!;
  if (pt.nextEntry(base, base + pmdSize) < 0) pt.freeRange(address, address + mm.system.pageSize, base, base + pmdSize);
}

function hugetlbFault(cur: Caller, vma: Vma, address: Addr, flags: number): number {
  const mm = vma.vmMm;
  const { vmf } = cur.call;
  vmf.begin(cur, vma, address, flags);
  const result = mm.system.hugePages!.fault(vma, vmf);
  if ((result & VM_FAULT_ERROR) !== 0) {
    return failed(cur, vma, address, vmf.reason === 0 ? FAULT_HUGETLB : vmf.reason, result);
  }
  if (mm.tracer !== null && (result & VM_FAULT_RETRY) === 0) mm.tracer.fault('hugetlb', vma, address, 0);
  return result;
}

/** do_anonymous_page: maps a frame of zeroes for a write, the zero page for a read. */
function doAnonymousPage(cur: Caller, vma: Vma, address: Addr, slot: Slot, flags: number): number {
  const mm = vma.vmMm;
  const state = stateOf(mm);
  if ((vma.vmFlags & VM_SHARED) !== 0) return failed(cur, vma, address, FAULT_SHARED_WITHOUT_OPS, VM_FAULT_SIGBUS);
  if ((flags & FAULT_FLAG_WRITE) === 0) {
    mm.pageTables!.setEntry(slot, state.frames.zeroPfn, vma.vmPageProt, PTE_SPECIAL);
    if (mm.tracer !== null) mm.tracer.fault('zero', vma, address, 0);
    return 0;
  }
  if (vma.anonVma === null && anonVmaPrepare(vma) !== 0) {
    return failed(cur, vma, address, FAULT_NO_ANON_VMA, VM_FAULT_OOM);
  }
  const pfn = state.frames.allocZeroed(0);
  if (pfn < 0) return failed(cur, vma, address, FAULT_NO_FRAME, VM_FAULT_OOM);
  addNewAnonRmap(state, vma, address, pfn);
  const bits = (vma.vmFlags & VM_WRITE) !== 0 ? PTE_WRITE | PTE_DIRTY : 0;
  mm.pageTables!.setEntry(slot, pfn, vma.vmPageProt, bits);
  if (mm.tracer !== null) mm.tracer.fault('anon', vma, address, 0);
  return 0;
}

/**
 * Maps the zero page at consecutive empty entries of plain memory, as read faults one after another would, each counted. A
 * large range that is populated without write permission costs some 20 ns a page this way, a fault 400 ns.
 *
 * @param start page-aligned; the table before it exists
 * @returns the pages done: up to the first entry in use or the end of the last-level table; 0 where somebody listens
 */
export function mapZeroPages(cur: Caller, vma: Vma, start: Addr, end: Addr): number {
  const mm = vma.vmMm;
  if (vma.vmOps !== null || mm.tracer !== null || (vma.vmFlags & (VM_SHARED | VM_HUGETLB)) !== 0) return 0;
  const state = stateOf(mm);
  if (state.marks !== null) return 0;
  const pt = mm.pageTables!;
  const { pageSize } = mm.system;
  const { zeroPfn } = state.frames;
  const counts = state.rssCache !== null;
  let pages = 0;
  for (let at = start; at < end; at += pageSize) {
    const slot = pt.slot(at);
    if (slot < 0 || pt.entry(slot) !== 0) break;
    if (counts) checkSyncRss(state);
    pt.setEntry(slot, zeroPfn, vma.vmPageProt, PTE_SPECIAL);
    pages++;
  }
  cur.minFlt += pages;
  return pages;
}

/** do_fault: maps a page of the mapping's driver. */
function doFault(vmf: FaultInfo, ops: VmOperations, slot: Slot): number {
  const { vma } = vmf;
  if (ops.fault === null) return failed(vmf.cur, vma, vmf.address, FAULT_NO_FAULT_OPERATION, VM_FAULT_SIGBUS);
  if ((vmf.flags & FAULT_FLAG_WRITE) === 0) return doReadFault(vmf, ops, slot);
  return (vma.vmFlags & VM_SHARED) === 0 ? doCowFault(vmf) : doSharedFault(vmf);
}

/** Returned by {@link slotAfterOwner} instead of a slot: there is no page table, without memory for one. */
const NO_TABLE = -1;
const MAPPED_MEANWHILE = -2;

/** Returns the slot of `address` after the driver's call; NO_TABLE, or MAPPED_MEANWHILE when the page has been mapped in the meantime. */
function slotAfterOwner(mm: Mm, address: Addr): number {
  const pt = mm.pageTables!;
  const slot = pt.slotAlloc(address);
  if (slot < 0) return NO_TABLE;
  return pt.entry(slot) === 0 ? slot : MAPPED_MEANWHILE;
}

/** Drops the driver's page when it is not mapped after all. Returns 0, or VM_FAULT_OOM without a table. */
function notMapped(cur: Caller, vma: Vma, address: Addr, slot: Slot, pfn: Pfn): number {
  stateOf(vma.vmMm).frames.put(pfn);
  return slot === MAPPED_MEANWHILE ? 0 : failed(cur, vma, address, FAULT_NO_TABLE, VM_FAULT_OOM);
}

/** do_read_fault: maps the driver's page read-only. `firstSlot` is the entry of the address. */
function doReadFault(vmf: FaultInfo, ops: VmOperations, firstSlot: Slot): number {
  const { cur, vma, address } = vmf;
  const mm = vma.vmMm;
  const state = stateOf(mm);
  const pt = mm.pageTables!;
  if (ops.mapPage !== null && mm.system.config.faultAroundBytes > mm.system.pageSize) {
    doFaultAround(state, vma, ops, address);
    if (pt.entry(firstSlot) !== 0) {
      if (mm.tracer !== null) mm.tracer.fault('around', vma, address, 0);
      return 0;
    }
  }
  const result = askOwner(vmf);
  if ((result & NO_PAGE_TO_MAP) !== 0) return result;
  const pfn = vmf.page;
  const slot = slotAfterOwner(mm, address);
  if (slot < 0) return notMapped(cur, vma, address, slot, pfn);
  addFileRmap(state, pfn);
  pt.setEntry(slot, pfn, vma.vmPageProt, protWrite(vma.vmPageProt));
  if (mm.tracer !== null) mm.tracer.fault('file', vma, address, 0);
  return result & VM_FAULT_MAJOR;
}

/** do_cow_fault: handles a first access that writes to a private page: maps a copy at once. */
function doCowFault(vmf: FaultInfo): number {
  const { cur, vma, address } = vmf;
  const mm = vma.vmMm;
  const state = stateOf(mm);
  const frames = state.frames;
  if (vma.anonVma === null && anonVmaPrepare(vma) !== 0) {
    return failed(cur, vma, address, FAULT_NO_ANON_VMA, VM_FAULT_OOM);
  }
  const copy = frames.alloc(0);
  if (copy < 0) return failed(cur, vma, address, FAULT_NO_FRAME, VM_FAULT_OOM);
  const result = askOwner(vmf);
  if ((result & NO_PAGE_TO_MAP) !== 0) {
    frames.put(copy);
    return result;
  }
  const pfn = vmf.page;
  const slot = slotAfterOwner(mm, address);
  if (slot < 0) {
    frames.put(copy);
    return notMapped(cur, vma, address, slot, pfn);
  }
  state.physical.copyFrame(copy, pfn);
  frames.put(pfn);
  addNewAnonRmap(state, vma, address, copy);
  const bits = (vma.vmFlags & VM_WRITE) !== 0 ? PTE_WRITE | PTE_DIRTY : PTE_DIRTY;
  mm.pageTables!.setEntry(slot, copy, vma.vmPageProt, bits);
  if (mm.tracer !== null) mm.tracer.fault('cow', vma, address, COPY_OF_FILE_PAGE);
  return result & VM_FAULT_MAJOR;
}

/** do_shared_fault: handles a first access that writes to a shared page. */
function doSharedFault(vmf: FaultInfo): number {
  const { cur, vma, address } = vmf;
  const mm = vma.vmMm;
  const state = stateOf(mm);
  const frames = state.frames;
  const result = askOwner(vmf);
  if ((result & NO_PAGE_TO_MAP) !== 0) return result;
  const pfn = vmf.page;
  const refused = doPageMkwrite(vmf);
  if (refused !== 0) {
    frames.put(pfn);
    // The page has left the file in the meantime: the access is repeated.
    return refused === VM_FAULT_NOPAGE ? 0 : refused;
  }
  const slot = slotAfterOwner(mm, address);
  if (slot < 0) return notMapped(cur, vma, address, slot, pfn);
  addFileRmap(state, pfn);
  mm.pageTables!.setEntry(slot, pfn, vma.vmPageProt, PTE_WRITE | PTE_DIRTY);
  setPageDirty(frames, pfn);
  if (mm.tracer !== null) mm.tracer.fault('shared', vma, address, 0);
  return result & VM_FAULT_MAJOR;
}
