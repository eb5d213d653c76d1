/**
 * Reverse mapping: finds every page-table entry that maps a frame or a page of a file.
 *
 * Finds the mappings of a file page in the file's i_mmap, those of an anonymous page in its anon_vma. Mirrors mm/rmap.c.
 */
import type { AnonVma } from '../../shape/anon-vma.ts';
import type { FileMapping } from '../../shape/file-mapping.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../../ports/arch.ts';
import { VM_HUGETLB, VM_SHARED } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import type { Memory } from '../memory.ts';
import { stateOf } from '../tlb/state.ts';
import { PG_ANON, PG_CACHED } from '../frames/flags.ts';
import { removeRmap, setPageDirty } from '../frames/meta.ts';
import { updateHiwaterRss } from '../frames/rss.ts';
import { flushTlbPage } from '../tlb/flush.ts';

/** Receives one mapping of a frame; returns false to end the walk. */
export type RmapVisitor = (vma: Vma, address: number, slot: number) => boolean;

/** page_vma_mapped_walk: returns the slot that maps `pfn` at `address` of the VMA, or -1. */
function mappedSlot(vma: Vma, address: number, pfn: number): number {
  const mm = vma.vmMm;
  const pt = mm.pageTables;
  if (pt === null || address < vma.vmStart || address >= vma.vmEnd) return -1;
  const slot = pt.slot(address);
  if (slot < 0) return -1;
  const bits = pt.entry(slot);
  return bits !== 0 && (bits & PTE_SPECIAL) === 0 && pt.pfn(slot) === pfn ? slot : -1;
}

/** vma_address: returns the address at which the VMA maps page `index` of its owner. */
function vmaAddress(vma: Vma, index: number, pageSize: number): number {
  return vma.vmStart + (index - vma.vmPgoff) * pageSize;
}

/**
 * rmap_walk: visits every entry that maps a frame. The visitor may change entries, but no VMAs.
 */
export function rmapWalk(memory: Memory, pfn: number, visit: RmapVisitor): void {
  const { frames, system } = memory;
  const flags = frames.flags[pfn]!;
  const index = frames.index[pfn]!;
  const owner = frames.owner(pfn);
  if (owner === null) return;
  if ((flags & PG_ANON) !== 0) {
    let avc = (owner as AnonVma).first;
    while (avc !== null) {
      const next = avc.nextSameAnon;
      if (!visitOne(avc.vma, index, pfn, system.pageSize, visit)) return;
      avc = next;
    }
  } else if ((flags & PG_CACHED) !== 0) {
    const tree = (owner as FileMapping).iMmap;
    for (let node = tree.firstOverlap(index, index); node !== null; node = tree.nextOverlap(node, index, index)) {
      if ((node.item.vmFlags & VM_HUGETLB) !== 0) continue;
      if (!visitOne(node.item, index, pfn, system.pageSize, visit)) return;
    }
  }
}

function visitOne(vma: Vma, index: number, pfn: number, pageSize: number, visit: RmapVisitor): boolean {
  const address = vmaAddress(vma, index, pageSize);
  const slot = mappedSlot(vma, address, pfn);
  return slot < 0 || visit(vma, address, slot);
}

/**
 * page_mkclean: see `MemoryCore.pageMkclean`.
 */
export function pageMkclean(memory: Memory, mapping: FileMapping, index: number): boolean {
  const tree = mapping.iMmap;
  const pageSize = memory.system.pageSize;
  let any = false;
  for (let node = tree.firstOverlap(index, index); node !== null; node = tree.nextOverlap(node, index, index)) {
    const vma = node.item;
    if ((vma.vmFlags & (VM_SHARED | VM_HUGETLB)) !== VM_SHARED) continue;
    const pt = vma.vmMm.pageTables;
    if (pt === null) continue;
    const address = vmaAddress(vma, index, pageSize);
    const slot = pt.slot(address);
    if (slot < 0) continue;
    const bits = pt.entry(slot);
    if ((bits & (PTE_DIRTY | PTE_WRITE)) === 0 || (bits & PTE_SPECIAL) !== 0) continue;
    pt.wrprotect(slot);
    pt.mkclean(slot);
    flushTlbPage(vma.vmMm, address);
    any = true;
  }
  return any;
}

/**
 * try_to_unmap: removes a frame from every address space that maps it; moves the dirty bit to the page.
 *
 * @returns whether no entry maps it any more
 */
export function tryToUnmap(memory: Memory, pfn: number): boolean {
  const { frames } = memory;
  frames.get(pfn);
  rmapWalk(memory, pfn, (vma, address, slot) => {
    const mm = vma.vmMm;
    const pt = mm.pageTables!;
    const bits = pt.entry(slot);
    updateHiwaterRss(mm);
    pt.clear(slot);
    flushTlbPage(mm, address);
    if ((bits & PTE_DIRTY) !== 0 && (frames.flags[pfn]! & PG_ANON) === 0) setPageDirty(frames, pfn);
    removeRmap(stateOf(mm), pfn);
    return true;
  });
  const alone = frames.mapcount[pfn] === 0;
  frames.put(pfn);
  return alone;
}
