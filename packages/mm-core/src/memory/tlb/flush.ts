/**
 * The one place where cached translations are dropped.
 *
 * Everybody who takes something away from an entry that was present must flush. A new entry, or one that allows more,
 * needs none: whoever cached less walks again before it faults. An embedder with a CPU of its own
 * hears of every flush. Mirrors arch/arm64/include/asm/tlbflush.h.
 */
import type { Mm } from '../../space/mm.ts';
import { stateOf } from './state.ts';
import type { Addr } from '../../base/units.ts';

/** flush_tlb_page: the entry of one page has changed or gone. `page` is page-aligned. */
export function flushTlbPage(mm: Mm, page: number): void {
  mm.tlbGeneration++;
  const state = stateOf(mm);
  if (state.tlb !== null) state.tlb.flushPage(page);
  if (state.onInvalidate !== null) state.onInvalidate(page, page + mm.system.pageSize);
}

/** flush_tlb_range: entries of [start, end) have changed or gone. Page-aligned bytes. */
export function flushTlbRange(mm: Mm, start: Addr, end: Addr): void {
  mm.tlbGeneration++;
  const state = stateOf(mm);
  if (state.tlb !== null) state.tlb.flushRange(start, end);
  if (state.onInvalidate !== null) state.onInvalidate(start, end);
}

/** flush_tlb_mm: the whole address space (fork, exit). */
export function flushTlbMm(mm: Mm): void {
  mm.tlbGeneration++;
  const state = stateOf(mm);
  if (state.tlb !== null) state.tlb.flushAll();
  if (state.onInvalidate !== null) state.onInvalidate(0, mm.taskSize);
}
