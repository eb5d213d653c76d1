/**
 * Counting resident pages: mm_counter, its per-task cache, and the high-water mark.
 *
 * A kernel compiled for many CPUs lets a task keep what its own faults add, and folds it into the address space after
 * 64 faults or when a page table is unmapped; until then VmRSS and VmHWM lag behind. Mirrors SPLIT_RSS_COUNTING in
 * mm/memory.c. The tasks of one address space share one cache here.
 */
import type { Mm } from '../../space/mm.ts';
import type { MmState } from '../tlb/state.ts';
import { PG_ANON, PG_SWAPBACKED } from './flags.ts';

/** TASK_RSS_EVENTS_THRESH. */
const FOLD_AFTER = 64;

/** How many pages are resident, as far as has been folded in. */
export function mmRss(mm: Mm): number {
  return Math.max(mm.rssFile, 0) + Math.max(mm.rssAnon, 0) + Math.max(mm.rssShmem, 0);
}

/** update_hiwater_rss: remembers the peak before something is unmapped. */
export function updateHiwaterRss(mm: Mm): void {
  const batches = (mm.memory as MmState).rssBatches;
  const rss =
    batches === null
      ? mm.rssFile + mm.rssAnon + mm.rssShmem
      : Math.max(batches.rssFile, 0) + Math.max(batches.rssAnon, 0) + Math.max(batches.rssShmem, 0);
  if (mm.hiwaterRss < rss) mm.hiwaterRss = rss;
}

/** Whether what happens now is counted in the task's cache first. */
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
 * percpu_counter_add_batch: what a type has counted beyond its last fold becomes visible to VmHWM when it reaches a batch.
 * Called at the end of each step that the kernel counts as one addition: a fault, a window of mapped pages, a page table.
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

/** sync_mm_rss: folds the cache in. */
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

/** check_sync_rss_stat, at every fault. */
export function checkSyncRss(state: MmState): void {
  if (isCached(state) && state.rssCache!.events++ > FOLD_AFTER) syncMmRss(state);
}

/** add_mm_rss_vec's fold, when entries of a table have been taken away. */
export function syncAfterZap(state: MmState): void {
  if (isCached(state)) syncMmRss(state);
  foldBatches(state);
}
