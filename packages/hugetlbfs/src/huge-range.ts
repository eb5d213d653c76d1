/**
 * Page-table entries of huge pages: unmaps, copies at fork, moves, changes protection.
 *
 * Mirrors __unmap_hugepage_range, copy_hugetlb_page_range, move_hugetlb_page_tables and hugetlb_change_protection.
 */
import { ENOMEM } from '@vmarea/uapi';
import {
  PTE_DIRTY,
  PTE_WRITE,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_SHARED,
  VM_WRITE,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';
import { flushTlbRange, PG_ANON, PG_ANON_EXCLUSIVE, type Frames } from '@vmarea/mm-core/memory';
import { memoryOf } from '@vmarea/vfs';
import type { Hstate } from './hstate.ts';
import { hugecacheOffset, inodeOf, setResvUnmapped, vmaResv } from './vma-resv.ts';

/** Returns the frames of a machine with memory. */
export function framesOf(mm: Mm): Frames {
  return memoryOf(mm.system)!.frames;
}

/** Counts one more entry that maps the page. Rss does not count huge pages. */
export function addHugeRmap(mm: Mm, h: Hstate, pfn: number): void {
  const frames = framesOf(mm);
  frames.mapcount[pfn] = frames.mapcount[pfn]! + 1;
  mm.hugetlbBytes += h.size;
}

/**
 * Counts one entry less that maps the page, and drops its reference.
 *
 * @param restoreReserve whether the page is reserved again for the mapping that had reserved it
 */
export function removeHugeRmap(mm: Mm, h: Hstate, pfn: number, restoreReserve: boolean = false): void {
  const frames = framesOf(mm);
  const count = frames.mapcount[pfn]! - 1;
  frames.mapcount[pfn] = count;
  mm.hugetlbBytes -= h.size;
  if (count === 0) frames.flags[pfn] = frames.flags[pfn]! & ~(PG_ANON | PG_ANON_EXCLUSIVE);
  h.put(pfn, restoreReserve);
}

/**
 * Returns whether the page that `vma` loses is reserved for it again: it is the mapping's own copy, no other entry maps it, and
 * the pool has no surplus page. Then removes the page from the map of used reservations.
 */
function restoresReserve(vma: Vma, addr: number, pfn: number): boolean {
  const info = inodeOf(vma);
  if (!info.rules.restoresPrivateReserve || (vma.vmFlags & VM_MAYSHARE) !== 0) return false;
  const { map, owner } = vmaResv(vma);
  const frames = framesOf(vma.vmMm);
  if (map === null || !owner || info.h.surplusHugePages > 0) return false;
  if ((frames.flags[pfn]! & PG_ANON) === 0 || frames.mapcount[pfn] !== 1) return false;
  const index = hugecacheOffset(info.h, vma, addr);
  map.remove(index, index + 1);
  return true;
}

/**
 * unmap_hugepage_range: empties the entries of [start, end) of a VMA.
 *
 * @param onlyPfn unmaps only the entry of this page, and marks the VMA (the owner takes the page back); -1 unmaps all
 */
export function unmapHugepageRange(vma: Vma, start: number, end: number, onlyPfn: number): void {
  const mm = vma.vmMm;
  const tables = mm.pageTables;
  if (tables === null) return;
  const { h } = inodeOf(vma);
  let unmapped = false;
  for (let addr = start; addr < end; addr += h.size) {
    const slot = tables.slotHuge(addr, h.size);
    if (slot < 0 || tables.entry(slot) === 0) continue;
    const pfn = tables.pfn(slot);
    if (onlyPfn >= 0) {
      if (pfn !== onlyPfn) continue;
      setResvUnmapped(vma);
    }
    tables.clearHuge(slot, h.size);
    removeHugeRmap(mm, h, pfn, restoresReserve(vma, addr, pfn));
    unmapped = true;
    if (onlyPfn >= 0) break;
  }
  if (unmapped) flushTlbRange(mm, start, end);
}

/** copy_hugetlb_page_range: shares the pages with the child; makes private ones read-only on both sides. Returns 0 or -ENOMEM. */
export function copyHugetlbPageRange(newVma: Vma, vma: Vma): number {
  const src = vma.vmMm;
  const dst = newVma.vmMm;
  const from = src.pageTables;
  const to = dst.pageTables;
  if (from === null || to === null) return 0;
  const { h, rules } = inodeOf(vma);
  if (!rules.forkCopiesAll && vma.anonVma === null) return 0;
  const cow = (vma.vmFlags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE;
  let changed = false;
  let error = 0;
  for (let addr = vma.vmStart; addr < vma.vmEnd; addr += h.size) {
    const slot = from.slotHuge(addr, h.size);
    if (slot < 0) continue;
    const bits = from.entry(slot);
    if (bits === 0) continue;
    const childSlot = to.slotHugeAlloc(addr, h.size);
    if (childSlot < 0) {
      error = -ENOMEM;
      break;
    }
    const pfn = from.pfn(slot);
    let kept = bits & (PTE_WRITE | PTE_DIRTY);
    if (cow && (kept & PTE_WRITE) !== 0) {
      kept &= ~PTE_WRITE;
      from.setHuge(slot, h.size, pfn, vma.vmPageProt, kept);
      changed = true;
    }
    if (cow) framesOf(src).flags[pfn] = framesOf(src).flags[pfn]! & ~PG_ANON_EXCLUSIVE;
    h.get(pfn);
    to.setHuge(childSlot, h.size, pfn, vma.vmPageProt, kept);
    addHugeRmap(dst, h, pfn);
  }
  if (changed) flushTlbRange(src, vma.vmStart, vma.vmEnd);
  return error;
}

/** move_hugetlb_page_tables: returns the bytes moved; less than `len` when there was no memory for a table. */
export function moveHugetlbPageTables(vma: Vma, oldAddr: number, _newVma: Vma, newAddr: number, len: number): number {
  const mm = vma.vmMm;
  const tables = mm.pageTables;
  if (tables === null) return len;
  const { h } = inodeOf(vma);
  let done = 0;
  for (; done < len; done += h.size) {
    const slot = tables.slotHuge(oldAddr + done, h.size);
    if (slot < 0) continue;
    const bits = tables.entry(slot);
    if (bits === 0) continue;
    const target = tables.slotHugeAlloc(newAddr + done, h.size);
    if (target < 0) break;
    const pfn = tables.pfn(slot);
    tables.clearHuge(slot, h.size);
    tables.setHuge(target, h.size, pfn, vma.vmPageProt, bits & (PTE_WRITE | PTE_DIRTY));
  }
  flushTlbRange(mm, oldAddr, oldAddr + len);
  return done;
}

/** hugetlb_change_protection: entries of shared writable mappings become writable, those of private ones do not. */
export function hugetlbChangeProtection(vma: Vma, start: number, end: number): void {
  const mm = vma.vmMm;
  const tables = mm.pageTables;
  if (tables === null) return;
  const { h } = inodeOf(vma);
  const write = (vma.vmFlags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE) ? PTE_WRITE : 0;
  for (let addr = start; addr < end; addr += h.size) {
    const slot = tables.slotHuge(addr, h.size);
    if (slot < 0) continue;
    const bits = tables.entry(slot);
    if (bits !== 0) tables.setHuge(slot, h.size, tables.pfn(slot), vma.vmPageProt, (bits & PTE_DIRTY) | write);
  }
  flushTlbRange(mm, start, end);
}
