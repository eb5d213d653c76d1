/**
 * Mapping a frame and letting it go: the counts of a frame and of an address space that go with one page-table entry.
 *
 * One entry holds one reference and one map count. Mirrors page_add_*_rmap, page_remove_rmap and mm_counter (mm/rmap.c,
 * include/linux/mm.h).
 */
import type { Mm } from '../mm.ts';
import type { Vma } from '../vma.ts';
import type { AddressSpace } from './address-space.ts';
import type { Frames } from './frames.ts';
import type { MmState } from './mm-state.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE, PG_CACHED, PG_DIRTY, PG_SWAPBACKED, PG_UPTODATE } from './page-flags.ts';

/** What a new anonymous page is. */
export const NEW_ANON: number = PG_ANON | PG_ANON_EXCLUSIVE | PG_SWAPBACKED | PG_UPTODATE;

/** How many pages are resident. */
export function mmRss(mm: Mm): number {
  return mm.rssFile + mm.rssAnon + mm.rssShmem;
}

/** update_hiwater_rss: remembers the peak before something is unmapped. */
export function updateHiwaterRss(mm: Mm): void {
  const rss = mm.rssFile + mm.rssAnon + mm.rssShmem;
  if (mm.hiwaterRss < rss) mm.hiwaterRss = rss;
}

/** linear_page_index: the page of `address` in its mapping. */
export function linearPageIndex(vma: Vma, address: number, pageSize: number): number {
  return vma.vmPgoff + (address - vma.vmStart) / pageSize;
}

/** page_add_new_anon_rmap: frame `pfn` is a new page of `vma` at `address`; its one reference belongs to the entry. */
export function addNewAnonRmap(state: MmState, vma: Vma, address: number, pfn: number): void {
  const frames = state.frames;
  frames.flags[pfn] = frames.flags[pfn]! | NEW_ANON;
  frames.mapcount[pfn] = 1;
  frames.index[pfn] = vma.vmPgoff + (address - vma.vmStart) / state.physical.pageSize;
  frames.ownerId[pfn] = state.memory.anonOwners.hold(vma.anonVma!);
  frames.nrAnonMapped++;
  state.mm.rssAnon++;
}

/** page_move_anon_rmap: the page is only `vma`'s from now on. */
export function moveAnonRmap(state: MmState, vma: Vma, pfn: number): void {
  const frames = state.frames;
  const owners = state.memory.anonOwners;
  const old = frames.ownerId[pfn]!;
  const id = owners.hold(vma.anonVma!);
  owners.release(old);
  frames.ownerId[pfn] = id;
  frames.flags[pfn] = frames.flags[pfn]! | PG_ANON_EXCLUSIVE;
}

/** page_add_file_rmap: one more entry maps a page of the page cache. The entry takes over a reference of the caller. */
export function addFileRmap(state: MmState, pfn: number): void {
  const frames = state.frames;
  const count = frames.mapcount[pfn]!;
  frames.mapcount[pfn] = count + 1;
  if (count === 0) frames.nrFileMapped++;
  if ((frames.flags[pfn]! & PG_SWAPBACKED) !== 0) state.mm.rssShmem++;
  else state.mm.rssFile++;
}

/** page_remove_rmap, the counters of the address space, and put_page: an entry that mapped the frame has gone. */
export function removeRmap(state: MmState, pfn: number): void {
  const frames = state.frames;
  const mm = state.mm;
  const flags = frames.flags[pfn]!;
  const count = frames.mapcount[pfn]! - 1;
  frames.mapcount[pfn] = count;
  if ((flags & PG_ANON) !== 0) {
    mm.rssAnon--;
    if (count === 0) {
      frames.nrAnonMapped--;
      state.memory.anonOwners.release(frames.ownerId[pfn]!);
      frames.ownerId[pfn] = 0;
    }
  } else {
    if ((flags & PG_SWAPBACKED) !== 0) mm.rssShmem--;
    else mm.rssFile--;
    if (count === 0) frames.nrFileMapped--;
  }
  frames.put(pfn);
}

/** set_page_dirty for a page that is not anonymous: a page of the page cache goes to its file's dirty pages. */
export function setPageDirty(frames: Frames, pfn: number): void {
  const flags = frames.flags[pfn]!;
  if ((flags & PG_DIRTY) !== 0) return;
  if ((flags & PG_CACHED) !== 0) (frames.owner(pfn) as AddressSpace).setDirty(frames.index[pfn]!);
  else frames.flags[pfn] = flags | PG_DIRTY;
}
