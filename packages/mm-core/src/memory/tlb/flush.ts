/**
 * Drops cached translations. No other file does.
 *
 * Every change that removes a present entry or takes a right from it must flush. A new entry, or one with more rights, needs
 * no flush: an access that finds too few rights in the cache walks the tables again before it faults. Calls
 * `MmState.onInvalidate` for an embedder's CPU. Mirrors arch/arm64/include/asm/tlbflush.h.
 */
import type { Mm } from '../../space/mm.ts';
import { stateOf } from './state.ts';
import type { Addr } from '../../base/units.ts';

/** flush_tlb_page: call after the entry of one page has changed or was removed. `page` is page-aligned. */
export function flushTlbPage(mm: Mm, page: number): void {
  mm.tlbGeneration++;
  const state = stateOf(mm);
  if (state.tlb !== null) state.tlb.flushPage(page);
  if (state.onInvalidate !== null) state.onInvalidate(page, page + mm.system.pageSize);
}

/** flush_tlb_range: call after entries of [start, end) have changed or were removed. Page-aligned bytes. */
export function flushTlbRange(mm: Mm, start: Addr, end: Addr): void {
  mm.tlbGeneration++;
  const state = stateOf(mm);
  if (state.tlb !== null) state.tlb.flushRange(start, end);
  if (state.onInvalidate !== null) state.onInvalidate(start, end);
}

/** flush_tlb_mm: flushes the whole address space (fork, exit). */
export function flushTlbMm(mm: Mm): void {
  mm.tlbGeneration++;
  const state = stateOf(mm);
  if (state.tlb !== null) state.tlb.flushAll();
  if (state.onInvalidate !== null) state.onInvalidate(0, mm.taskSize);
}
