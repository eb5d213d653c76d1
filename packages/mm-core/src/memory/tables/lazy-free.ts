/**
 * The batch of pages that MADV_FREE has freed and that are not yet marked as lazily freed.
 *
 * The pages are marked when the batch is full, or when a call drains the CPU's batches: unmapping, MADV_DONTNEED, the next
 * MADV_FREE, MADV_COLD, MADV_PAGEOUT. Until then smaps counts them as clean pages. Mirrors lru_lazyfree_fn and
 * mark_page_lazyfree (mm/swap.c).
 */
import type { Frames } from '../frames/buddy.ts';
import { PG_ANON, PG_LAZYFREE, PG_SWAPBACKED } from '../frames/flags.ts';
import type { Pfn } from '../../base/units.ts';

/** PAGEVEC_SIZE. */
const BATCH = 15;

/** The pages of the batch. */
export class LazyFreeBatch {
  private readonly frames: Frames;
  private readonly pfns: Int32Array = new Int32Array(BATCH);
  private count = 0;

  constructor(frames: Frames) {
    this.frames = frames;
  }

  /** mark_page_lazyfree. */
  add(pfn: Pfn): void {
    const { frames } = this;
    const flags = frames.flags[pfn]!;
    if ((flags & (PG_ANON | PG_SWAPBACKED)) !== (PG_ANON | PG_SWAPBACKED)) return;
    // A frame that is freed and allocated again before that loses this flag.
    frames.flags[pfn] = flags | PG_LAZYFREE;
    this.pfns[this.count++] = pfn;
    if (this.count === BATCH) this.drain();
  }

  /** lru_add_drain for these pages: marks them. */
  drain(): void {
    const { flags } = this.frames;
    for (let i = 0; i < this.count; i++) {
      const pfn = this.pfns[i]!;
      if ((flags[pfn]! & (PG_ANON | PG_LAZYFREE)) === (PG_ANON | PG_LAZYFREE)) {
        flags[pfn] = flags[pfn]! & ~PG_SWAPBACKED;
      }
    }
    this.count = 0;
  }
}
