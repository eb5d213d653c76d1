/**
 * Removes pages from address spaces: unmap_region, zap_page_range, and the walk over all mappings of a file.
 *
 * Not here: which VMAs are removed (the engine's munmap), what happens to the page cache (truncate). Mirrors zap_pte_range,
 * free_pgtables and unmap_mapping_range (mm/memory.c).
 */
import type { FileMapping } from '../../shape/file-mapping.ts';
import type { Mm } from '../../space/mm.ts';
import { PTE_DIRTY, PTE_SPECIAL } from '../../ports/arch.ts';
import { VM_HUGETLB, VM_UFFD_WP } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import type { Memory } from '../memory.ts';
import { stateOf } from '../tlb/state.ts';
import { PG_ANON, PG_DIRTY } from '../frames/flags.ts';
import { removeRmap, setPageDirty } from '../frames/meta.ts';
import { syncAfterZap, updateHiwaterRss } from '../frames/rss.ts';
import { flushTlbRange } from '../tlb/flush.ts';
import type { Addr, Pages } from '../../base/units.ts';

/** zap_pte_range: empties the entries of [start, end), table by table. */
function zapPteRange(mm: Mm, start: Addr, end: Addr): void {
  const pt = mm.pageTables!;
  // An address space without page tables needs no walk.
  if (pt.leafTables === 0) return;
  const state = stateOf(mm);
  const frames = state.frames;
  const frameFlags = frames.flags;
  const out = state.memory.batch;
  const pmdSize = mm.system.arch.pmdSize;
  const pmdMask = pmdSize - 1;
  let any = false;
  let at = start;
  while (at < end) {
    const tableEnd = at - (at & pmdMask) + pmdSize;
    const stop = tableEnd < end ? tableEnd : end;
    if (pt.slot(at) < 0) {
      at = pt.nextEntry(stop, end);
      if (at < 0) break;
      continue;
    }
    any = true;
    const n = pt.takeRange(at, stop, out);
    for (let i = 0; i < n; i++) {
      const entry = out[i]!;
      const pfn = entry >>> 1;
      if ((entry & 1) !== 0 && (frameFlags[pfn]! & (PG_ANON | PG_DIRTY)) === 0) setPageDirty(frames, pfn);
      removeRmap(state, pfn);
    }
    syncAfterZap(state);
    at = stop;
  }
  if (any) flushTlbRange(mm, start, end);
}

/** {@link zapPteRange} that keeps private copies: used when a hole is punched into the file. */
function zapFilePages(mm: Mm, start: Addr, end: Addr): void {
  const pt = mm.pageTables!;
  const state = stateOf(mm);
  const frames = state.frames;
  const pageSize = state.physical.pageSize;
  let zapped = false;
  for (let at = pt.nextEntry(start, end); at >= 0; at = pt.nextEntry(at + pageSize, end)) {
    const slot = pt.curSlot;
    const bits = pt.entry(slot);
    const pfn = (bits & PTE_SPECIAL) !== 0 ? -1 : pt.pfn(slot);
    if (pfn >= 0 && (frames.flags[pfn]! & PG_ANON) !== 0) continue;
    pt.clear(slot);
    zapped = true;
    if (pfn < 0) continue;
    if ((bits & PTE_DIRTY) !== 0) setPageDirty(frames, pfn);
    removeRmap(state, pfn);
  }
  syncAfterZap(state);
  if (zapped) flushTlbRange(mm, start, end);
}

/** Prepares an unmapping: drains the batches and updates the peaks. */
function beginUnmap(mm: Mm): void {
  const { memory } = stateOf(mm);
  memory.activeMm = mm;
  if (mm.system.profile.faults.unmapDrainsBatches) memory.lazyFree.drain();
  updateHiwaterRss(mm);
}

/** unmap_single_vma: zaps the part of [start, end) that is in the VMA. */
function unmapSingleVma(mm: Mm, vma: Vma, start: Addr, end: Addr): void {
  const from = vma.vmStart > start ? vma.vmStart : start;
  const to = vma.vmEnd < end ? vma.vmEnd : end;
  if (from >= to) return;
  if ((vma.vmFlags & VM_HUGETLB) !== 0) {
    // A VMA without a file was never completed: its driver refused the mapping.
    if (vma.vmFile !== null) mm.system.hugePages!.unmapRange(vma, from, to);
    return;
  }
  zapPteRange(mm, from, to);
}

/** unmap_region. See {@link MemoryPort.unmapRegion}. Takes six parameters, as the port does: every munmap calls it, and an object would be allocated each time. */
export function unmapRegion(mm: Mm, first: Vma, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void {
  beginUnmap(mm);
  let last = first;
  for (let vma: Vma | null = first; vma !== null; vma = vma.vmNext) {
    unmapSingleVma(mm, vma, start, end);
    last = vma;
  }
  const { marks } = stateOf(mm);
  if (marks !== null) marks.drop(start, end, false);
  mm.pageTables!.freeRange(first.vmStart, last.vmEnd, floor, ceiling);
}

/** {@link unmapRegion} for a VMA given by its bounds. See {@link MemoryPort.unmapPlain}. */
export function unmapPlain(mm: Mm, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void {
  beginUnmap(mm);
  zapPteRange(mm, start, end);
  mm.pageTables!.freeRange(start, end, floor, ceiling);
}

/** zap_page_range on one VMA. Page-aligned bytes inside it. */
export function zapRange(vma: Vma, start: Addr, end: Addr): void {
  const mm = vma.vmMm;
  beginUnmap(mm);
  unmapSingleVma(mm, vma, start, end);
  const { marks } = stateOf(mm);
  // Pages of files stay write-protected by userfaultfd, also while they are not mapped.
  if (marks !== null) marks.drop(start, end, vma.vmOps !== null && (vma.vmFlags & VM_UFFD_WP) !== 0);
}

/**
 * unmap_mapping_range: removes pages [startPage, startPage + nrPages) of a file from every address space.
 *
 * @param startPage file page, in pages of the machine
 * @param nrPages Infinity: to the end of every mapping
 * @param evenCows also removes private copies (truncation)
 */
export function zapMappingRange(
  memory: Memory,
  mapping: FileMapping,
  startPage: number,
  nrPages: Pages,
  evenCows: boolean,
): void {
  const tree = mapping.iMmap;
  if (tree.size === 0 || nrPages <= 0) return;
  const pageSize = memory.system.pageSize;
  const lastPage = startPage + nrPages - 1;
  for (
    let node = tree.firstOverlap(startPage, lastPage);
    node !== null;
    node = tree.nextOverlap(node, startPage, lastPage)
  ) {
    const vma = node.item;
    const mm = vma.vmMm;
    // Huge pages have a page cache of their own, and hugetlbfs unmaps them.
    if ((vma.vmFlags & VM_HUGETLB) !== 0 || mm.memory === null) continue;
    const from = startPage > vma.vmPgoff ? vma.vmStart + (startPage - vma.vmPgoff) * pageSize : vma.vmStart;
    const behind = vma.vmStart + (lastPage + 1 - vma.vmPgoff) * pageSize;
    const to = behind < vma.vmEnd ? behind : vma.vmEnd;
    if (memory.system.profile.faults.unmapDrainsBatches) memory.lazyFree.drain();
    updateHiwaterRss(mm);
    if (evenCows) zapPteRange(mm, from, to);
    else zapFilePages(mm, from, to);
    if (evenCows) stateOf(mm).marks?.drop(from, to, (vma.vmFlags & VM_UFFD_WP) !== 0);
  }
}
