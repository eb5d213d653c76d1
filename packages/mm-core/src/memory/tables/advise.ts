/**
 * Applies advice to present pages: MADV_WILLNEED, FREE, COLD, PAGEOUT. (POPULATE_: user/populate.ts.)
 *
 * The engine's madvise has checked that the VMA allows the advice. There is no swap, so anonymous memory is never written
 * out. Mirrors mm/madvise.c, and reclaim_pages on a machine without swap.
 */
import { EINVAL, MADV_COLD, MADV_FREE, MADV_PAGEOUT, MADV_WILLNEED } from '@vmarea/uapi';
import type { Caller } from '../../space/caller.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_YOUNG } from '../../ports/arch.ts';
import type { Vma } from '../../areas/vma.ts';
import type { AddressSpace } from '../cache/address-space.ts';
import { canDoMincore, pageCacheOf } from './mincore.ts';
import { type MmState, stateOf } from '../tlb/state.ts';
import { PG_ANON, PG_CACHED, PG_DIRTY, PG_LOCKED, PG_SWAPBACKED, PG_WRITEBACK } from '../frames/flags.ts';
import { removeRmap, setPageDirty } from '../frames/meta.ts';
import { updateHiwaterRss } from '../frames/rss.ts';
import { flushTlbRange } from '../tlb/flush.ts';
import type { Addr, Pfn, Slot } from '../../base/units.ts';

/** See {@link MemoryPort.advise}, except MADV_POPULATE_. @returns 0 or a negative errno */
export function advise(cur: Caller, vma: Vma, start: Addr, end: Addr, advice: number): number {
  switch (advice) {
    case MADV_WILLNEED:
      willNeed(vma, start, end);
      return 0;
    case MADV_FREE:
      return madviseFree(vma, start, end);
    case MADV_COLD:
      madviseCold(vma, start, end, false);
      return 0;
    case MADV_PAGEOUT:
      // The caller must not see the effect on the pages of another user's file.
      if (canDoMincore(cur, vma)) madviseCold(vma, start, end, true);
      return 0;
    default:
      return 0;
  }
}

/** force_page_cache_readahead: starts reads of pages that have storage; does not wait for them. */
function willNeed(vma: Vma, start: Addr, end: Addr): void {
  const mapping = pageCacheOf(vma.vmFile);
  if (mapping === null || mapping.aOps.zeroFill || mapping.aOps.readPage === null) return;
  const { pageSize } = mapping.core.system;
  const first = vma.vmPgoff + (start - vma.vmStart) / pageSize;
  mapping.readahead(first, first + (end - start) / pageSize);
}

/** madvise_free_pte_range: marks pages clean, so that they may be dropped; a store makes them dirty again. */
function madviseFree(vma: Vma, start: Addr, end: Addr): number {
  if (vma.vmOps !== null) return -EINVAL;
  const mm = vma.vmMm;
  const { lazyFree, frames } = stateOf(mm).memory;
  const { pageSize } = mm.system;
  const pt = mm.pageTables!;
  lazyFree.drain();
  updateHiwaterRss(mm);
  let changed = false;
  for (let at = pt.nextEntry(start, end); at >= 0; at = pt.nextEntry(at + pageSize, end)) {
    const slot = pt.curSlot;
    const bits = pt.entry(slot);
    if ((bits & PTE_SPECIAL) !== 0) continue;
    const pfn = pt.pfn(slot);
    if ((frames.flags[pfn]! & PG_DIRTY) !== 0) {
      if (frames.mapcount[pfn] !== 1) continue;
      frames.flags[pfn] = frames.flags[pfn]! & ~PG_DIRTY;
    }
    if ((bits & (PTE_YOUNG | PTE_DIRTY)) !== 0) {
      pt.mkclean(slot);
      pt.mkold(slot);
      changed = true;
    }
    lazyFree.add(pfn);
  }
  if (changed) flushTlbRange(mm, start, end);
  return 0;
}

/** madvise_cold_or_pageout_pte_range: marks pages of this mapping alone as old; with `out` drops them if possible. */
function madviseCold(vma: Vma, start: Addr, end: Addr, out: boolean): void {
  const mm = vma.vmMm;
  const state = stateOf(mm);
  const { frames } = state;
  const { pageSize } = mm.system;
  const pt = mm.pageTables!;
  state.memory.lazyFree.drain();
  let changed = false;
  for (let at = pt.nextEntry(start, end); at >= 0; at = pt.nextEntry(at + pageSize, end)) {
    const slot = pt.curSlot;
    const bits = pt.entry(slot);
    if ((bits & PTE_SPECIAL) !== 0) continue;
    const pfn = pt.pfn(slot);
    if (frames.mapcount[pfn] !== 1) continue;
    if ((bits & PTE_YOUNG) !== 0) {
      pt.mkold(slot);
      changed = true;
    }
    if (out && reclaim(state, slot, bits, pfn)) changed = true;
  }
  if (changed) flushTlbRange(mm, start, end);
}

/**
 * shrink_page_list for one page that only `slot` maps. Returns whether the entry was removed.
 *
 * Anonymous pages stay (there is no swap) unless MADV_FREE freed them and no store followed. Pages of ramfs are unevictable.
 * Pages of shmem and of storage lose their entry; clean ones of storage leave the cache.
 */
function reclaim(state: MmState, slot: Slot, bits: number, pfn: Pfn): boolean {
  const { frames, mm } = state;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_ANON) !== 0) {
    if ((flags & PG_SWAPBACKED) !== 0 || (bits & PTE_DIRTY) !== 0) return false;
    dropEntry(state, slot, bits, pfn);
    return true;
  }
  if ((flags & PG_CACHED) === 0) return false;
  const mapping = frames.owner(pfn) as AddressSpace;
  const ops = mapping.aOps;
  if (ops.zeroFill && !ops.swapBacked) return false;
  const index = frames.index[pfn]!;
  updateHiwaterRss(mm);
  dropEntry(state, slot, bits, pfn);
  const idle = (frames.flags[pfn]! & (PG_DIRTY | PG_LOCKED | PG_WRITEBACK)) === 0;
  if (!ops.swapBacked && idle && frames.refcount[pfn] === 1) mapping.remove(index);
  return true;
}

function dropEntry(state: MmState, slot: Slot, bits: number, pfn: Pfn): void {
  const { frames } = state;
  updateHiwaterRss(state.mm);
  state.mm.pageTables!.clear(slot);
  if ((bits & PTE_DIRTY) !== 0 && (frames.flags[pfn]! & PG_ANON) === 0) setPageDirty(frames, pfn);
  removeRmap(state, pfn);
}
