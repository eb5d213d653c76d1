/**
 * Counts resident pages: mm_counter, its per-task cache, and the high-water mark.
 *
 * A kernel for many CPUs keeps the pages of a task's own faults in the task, and adds them to the address space after 64
 * faults or when a page table is unmapped; until then VmRSS and VmHWM do not include them. Mirrors SPLIT_RSS_COUNTING in
 * mm/memory.c. Here the tasks of one address space share one cache.
 */
import type { Mm } from '../../space/mm.ts';
import type { MmState } from '../tlb/state.ts';
import { PG_ANON, PG_SWAPBACKED } from './flags.ts';

/** TASK_RSS_EVENTS_THRESH. */
const FOLD_AFTER = 64;

/** get_mm_rss: returns the resident pages that have been added to the address space. */
export function mmRss(mm: Mm): number {
  return Math.max(mm.rssFile, 0) + Math.max(mm.rssAnon, 0) + Math.max(mm.rssShmem, 0);
}

/** update_hiwater_rss: stores the peak before something is unmapped. */
export function updateHiwaterRss(mm: Mm): void {
  const batches = (mm.memory as MmState).rssBatches;
  const rss =
    batches === null
      ? mm.rssFile + mm.rssAnon + mm.rssShmem
      : Math.max(batches.rssFile, 0) + Math.max(batches.rssAnon, 0) + Math.max(batches.rssShmem, 0);
  if (mm.hiwaterRss < rss) mm.hiwaterRss = rss;
}

/** Returns whether the current change is counted in the task's cache first. */
function isCached(state: MmState): boolean {
  return state.rssCache !== null && state.memory.activeMm === state.mm;
}

/** inc_mm_counter_fast and dec_mm_counter_fast, for a page with these flags. */
export function addRssFast(state: MmState, flags: number, n: number): void {
  const to = isCached(state) ? state.rssCache! : state.mm;
  if ((flags & PG_ANON) !== 0) to.rssAnon += n;
  else if ((flags & PG_SWAPBACKED) !== 0) to.rssShmem += n;
  else to.rssFile += n;
  if (state.rssBatches !== null && !state.rssBatches.stepOpen) foldBatches(state);
}

/**
 * percpu_counter_add_batch: adds a type's count to what VmHWM sees once it has reached a batch. Call it at the end of each
 * step that the kernel counts as one addition: a fault, a window of mapped pages, a page table.
 */
export function foldBatches(state: MmState): void {
  const batches = state.rssBatches;
  if (batches === null) return;
  const { mm } = state;
  const size = mm.system.profile.faults.rssBatch;
  if (Math.abs(mm.rssFile - batches.rssFile) >= size) batches.rssFile = mm.rssFile;
  if (Math.abs(mm.rssAnon - batches.rssAnon) >= size) batches.rssAnon = mm.rssAnon;
  if (Math.abs(mm.rssShmem - batches.rssShmem) >= size) batches.rssShmem = mm.rssShmem;
}

/** sync_mm_rss: adds the cache to the address space. */
export function syncMmRss(state: MmState): void {
  const cache = state.rssCache;
  if (cache === null) return;
  const mm = state.mm;
  mm.rssFile += cache.rssFile;
  mm.rssAnon += cache.rssAnon;
  mm.rssShmem += cache.rssShmem;
  cache.rssFile = 0;
  cache.rssAnon = 0;
  cache.rssShmem = 0;
  cache.events = 0;
}

/** check_sync_rss_stat: called at every fault. */
export function checkSyncRss(state: MmState): void {
  if (isCached(state) && state.rssCache!.events++ > FOLD_AFTER) syncMmRss(state);
}

/** add_mm_rss_vec: adds the cache after entries of a table have been removed. */
export function syncAfterZap(state: MmState): void {
  if (isCached(state)) syncMmRss(state);
  foldBatches(state);
}
