/**
 * do_wp_page: handles a store to a page that is mapped without write permission, in a VMA that allows it.
 *
 * Makes the page writable (when it belongs to this address space alone, or is shared), or copies it. Mirrors do_wp_page,
 * wp_page_copy, wp_page_shared (mm/memory.c) and reuse_swap_page (4.4).
 */
import { anonVmaPrepare } from '../../shape/anon-vma.ts';
import type { Caller } from '../../space/caller.ts';
import {
  FAULT_FLAG_MKWRITE,
  FAULT_FLAG_WRITE,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_WRITE,
} from '../../space/fault-info.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../../ports/arch.ts';
import {
  COPY_OF_DEVICE_MEMORY,
  COPY_OF_FILE_PAGE,
  COPY_OF_SHARED_PAGE,
  COPY_OF_ZEROES,
  FAULT_NO_ANON_VMA,
  FAULT_NO_FRAME,
} from './reasons.ts';
import { VM_SHARED, VM_WRITE } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { doPageMkwrite, failed } from './owner.ts';
import { type MmState, stateOf } from '../tlb/state.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE } from '../frames/flags.ts';
import { addNewAnonRmap, moveAnonRmap, replaceRmap, setPageDirty } from '../frames/meta.ts';
import { flushTlbPage } from '../tlb/flush.ts';
import type { Addr, Pfn, Slot } from '../../base/units.ts';

/**
 * do_wp_page.
 *
 * @param slot the entry of `address`; `bits` its generic bits
 * @returns VM_FAULT_WRITE, or 0 to repeat the access, or an error
 */
export function doWpPage(cur: Caller, vma: Vma, address: Addr, slot: Slot, bits: number): number {
  const state = stateOf(vma.vmMm);
  const shared = (vma.vmFlags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED);
  const pt = state.mm.pageTables!;
  if ((bits & PTE_SPECIAL) !== 0) {
    if (shared) return wpPfnShared(cur, vma, address, slot);
    const why = pt.pfn(slot) === state.frames.zeroPfn ? COPY_OF_ZEROES : COPY_OF_DEVICE_MEMORY;
    return wpPageCopy(cur, vma, address, slot, why);
  }
  const pfn = pt.pfn(slot);
  if ((state.frames.flags[pfn]! & PG_ANON) !== 0) {
    if (!isAlone(state, pfn)) return wpPageCopy(cur, vma, address, slot, COPY_OF_SHARED_PAGE);
    moveAnonRmap(state, vma, pfn);
    return reuse(state, vma, address, slot, pfn);
  }
  if (shared) return wpPageShared(cur, vma, address, slot, pfn);
  return wpPageCopy(cur, vma, address, slot, COPY_OF_FILE_PAGE);
}

/** Returns whether an anonymous page may be made writable without a copy: 4.4 counts its mappings, 6.1 its references. */
function isAlone(state: MmState, pfn: Pfn): boolean {
  const frames = state.frames;
  if (!state.mm.system.profile.faults.anonExclusive) return frames.mapcount[pfn] === 1;
  return (frames.flags[pfn]! & PG_ANON_EXCLUSIVE) !== 0 || frames.refcount[pfn] === 1;
}

/** wp_page_reuse. */
function reuse(state: MmState, vma: Vma, address: Addr, slot: Slot, pfn: Pfn): number {
  const mm = state.mm;
  const pt = mm.pageTables!;
  if ((vma.vmFlags & VM_WRITE) !== 0) pt.mkwriteDirty(slot);
  else pt.setEntry(slot, pfn, vma.vmPageProt, PTE_DIRTY);
  if (mm.tracer !== null) mm.tracer.fault('reuse', vma, address, 0);
  return VM_FAULT_WRITE;
}

/** wp_pfn_shared: calls pfn_mkwrite, with which the driver of a page without a frame may refuse. */
function wpPfnShared(cur: Caller, vma: Vma, address: Addr, slot: Slot): number {
  const ops = vma.vmOps;
  if (ops !== null && ops.pfnMkwrite !== null) {
    const { vmf } = cur.call;
    vmf.begin(cur, vma, address, FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE);
    const result = ops.pfnMkwrite(vma, vmf);
    if (result !== 0) return result;
  }
  return reuse(stateOf(vma.vmMm), vma, address, slot, -1);
}

/** wp_page_shared: calls page_mkwrite, with which the file's driver may refuse the first store. */
function wpPageShared(cur: Caller, vma: Vma, address: Addr, slot: Slot, pfn: Pfn): number {
  const mm = vma.vmMm;
  const state = stateOf(mm);
  const frames = state.frames;
  const ops = vma.vmOps;
  if (ops !== null && ops.pageMkwrite !== null) {
    const { vmf } = cur.call;
    vmf.begin(cur, vma, address, FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE);
    vmf.page = pfn;
    frames.get(pfn);
    const refused = doPageMkwrite(vmf);
    frames.put(pfn);
    if (refused !== 0) return refused === VM_FAULT_NOPAGE ? 0 : refused;
    const pt = mm.pageTables!;
    const now = pt.slot(address);
    if (now !== slot || pt.entry(slot) === 0 || pt.pfn(slot) !== pfn) return 0;
  }
  const result = reuse(state, vma, address, slot, pfn);
  setPageDirty(frames, pfn);
  return result;
}

/** wp_page_copy: replaces the page by a copy; passes `why` to the tracer. */
function wpPageCopy(cur: Caller, vma: Vma, address: Addr, slot: Slot, why: number): number {
  const mm = vma.vmMm;
  const state = stateOf(mm);
  const frames = state.frames;
  const pt = mm.pageTables!;
  if (vma.anonVma === null && anonVmaPrepare(vma) !== 0) {
    return failed(cur, vma, address, FAULT_NO_ANON_VMA, VM_FAULT_OOM);
  }
  const old = pt.pfn(slot);
  const special = why === COPY_OF_ZEROES || why === COPY_OF_DEVICE_MEMORY;
  const fromZero = why === COPY_OF_ZEROES;
  const copy = fromZero ? frames.allocZeroed(0) : frames.alloc(0);
  if (copy < 0) {
    return failed(cur, vma, address, FAULT_NO_FRAME, VM_FAULT_OOM);
  }
  if (old >= frames.nrFrames) {
    // Device memory has no frame to copy from.
    state.physical.zeroFrame(copy);
  } else if (!fromZero) state.physical.copyFrame(copy, old);
  addNewAnonRmap(state, vma, address, copy);
  pt.setEntry(slot, copy, vma.vmPageProt, (vma.vmFlags & VM_WRITE) !== 0 ? PTE_WRITE | PTE_DIRTY : PTE_DIRTY);
  flushTlbPage(mm, address);
  if (!special) replaceRmap(state, old);
  if (mm.tracer !== null) mm.tracer.fault(fromZero ? 'anon' : 'cow', vma, address, why);
  return VM_FAULT_WRITE;
}
