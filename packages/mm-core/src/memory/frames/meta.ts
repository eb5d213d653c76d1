/**
 * Maps and unmaps a frame: the counts of a frame and of an address space that belong to one page-table entry.
 *
 * One entry holds one reference and one map count. Mirrors page_add_*_rmap, page_remove_rmap and mm_counter (mm/rmap.c,
 * include/linux/mm.h).
 */
import type { Vma } from '../../areas/vma.ts';
import { VM_HIGH_DROPPABLE } from '../../base/flags.ts';
import type { AddressSpace } from '../cache/address-space.ts';
import type { Frames } from './buddy.ts';
import type { MmState } from '../tlb/state.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE, PG_CACHED, PG_DIRTY, PG_SWAPBACKED, PG_UPTODATE } from './flags.ts';
import { addRssFast } from './rss.ts';

/** The flags of a new anonymous page. */
const NEW_ANON: number = PG_ANON | PG_ANON_EXCLUSIVE | PG_SWAPBACKED | PG_UPTODATE;

/** page_add_new_anon_rmap: frame `pfn` is a new page of `vma` at `address`; its one reference belongs to the entry. */
export function addNewAnonRmap(state: MmState, vma: Vma, address: number, pfn: number): void {
  const frames = state.frames;
  // Droppable pages have no PG_SWAPBACKED.
  const droppable = (vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0;
  frames.flags[pfn] = frames.flags[pfn]! | (droppable ? NEW_ANON & ~PG_SWAPBACKED : NEW_ANON);
  frames.mapcount[pfn] = 1;
  frames.index[pfn] = vma.vmPgoff + (address - vma.vmStart) * state.memory.system.perPage;
  frames.ownerId[pfn] = state.memory.anonOwners.hold(vma.anonVma!);
  frames.nrAnonMapped++;
  addRssFast(state, PG_ANON, 1);
}

/** page_move_anon_rmap: the page now belongs to `vma` alone. */
export function moveAnonRmap(state: MmState, vma: Vma, pfn: number): void {
  const frames = state.frames;
  const owners = state.memory.anonOwners;
  const old = frames.ownerId[pfn]!;
  const id = owners.hold(vma.anonVma!);
  owners.release(old);
  frames.ownerId[pfn] = id;
  frames.flags[pfn] = frames.flags[pfn]! | PG_ANON_EXCLUSIVE;
}

/** page_add_file_rmap: counts an entry that maps a page of the page cache. The entry takes over a reference of the caller. */
export function addFileRmap(state: MmState, pfn: number): void {
  const frames = state.frames;
  const count = frames.mapcount[pfn]!;
  frames.mapcount[pfn] = count + 1;
  if (count === 0) frames.nrFileMapped++;
  addRssFast(state, frames.flags[pfn]!, 1);
}

/** page_remove_rmap and put_page: uncounts an entry that mapped the frame. */
function dropRmap(state: MmState, pfn: number, flags: number): void {
  const frames = state.frames;
  const count = frames.mapcount[pfn]! - 1;
  frames.mapcount[pfn] = count;
  if (count === 0) {
    if ((flags & PG_ANON) !== 0) {
      frames.nrAnonMapped--;
      state.memory.anonOwners.release(frames.ownerId[pfn]!);
      frames.ownerId[pfn] = 0;
    } else frames.nrFileMapped--;
  }
  frames.put(pfn);
}

/** Uncounts a removed entry in the page and in the address space. */
export function removeRmap(state: MmState, pfn: number): void {
  const flags = state.frames.flags[pfn]!;
  const mm = state.mm;
  if ((flags & PG_ANON) !== 0) mm.rssAnon--;
  else if ((flags & PG_SWAPBACKED) !== 0) mm.rssShmem--;
  else mm.rssFile--;
  dropRmap(state, pfn, flags);
}

/** {@link removeRmap} when another page replaces it (wp_page_copy). */
export function replaceRmap(state: MmState, pfn: number): void {
  const flags = state.frames.flags[pfn]!;
  addRssFast(state, flags, -1);
  dropRmap(state, pfn, flags);
}

/** set_page_dirty for a page that is not anonymous: adds a page of the page cache to its file's dirty pages. */
export function setPageDirty(frames: Frames, pfn: number): void {
  const flags = frames.flags[pfn]!;
  if ((flags & PG_DIRTY) !== 0) return;
  if ((flags & PG_CACHED) !== 0) (frames.owner(pfn) as AddressSpace).setDirty(frames.index[pfn]!);
  else frames.flags[pfn] = flags | PG_DIRTY;
}
