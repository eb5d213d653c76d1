/**
 * /proc/PID/pagemap: one 64-bit entry per page of the address space. Mirrors pagemap_read of fs/proc/task_mmu.c.
 */
import { PTE_PRESENT, PTE_PROTNONE, PTE_SPECIAL, type Mm } from '@vmarea/mm-core';
import { PG_ANON, type Frames } from '@vmarea/mm-core/memory';

/** Bit 63: the page is in memory. */
export const PM_PRESENT: bigint = 1n << 63n;
/** Bit 61: a page of a file or of shared memory. */
export const PM_FILE: bigint = 1n << 61n;
/** Bit 56: mapped by no other page-table entry. */
export const PM_MMAP_EXCLUSIVE: bigint = 1n << 56n;
/** Bit 55: written since the bits were cleared; always set when the kernel does not track it. */
export const PM_SOFT_DIRTY: bigint = 1n << 55n;

/**
 * Returns the entries of `count` pages from byte address `start` on.
 *
 * @param showPfn whether the reader has CAP_SYS_ADMIN; otherwise frame numbers are 0
 */
export function readPagemap(mm: Mm, frames: Frames, start: number, count: number, showPfn: boolean): BigUint64Array {
  const { pageSize } = mm.system;
  const entries = new BigUint64Array(count);
  const tables = mm.pageTables;
  if (tables === null) return entries;
  const end = Math.min(start + count * pageSize, mm.taskSize);
  let addr = start < end ? tables.nextEntry(start, end) : -1;
  while (addr >= 0) {
    const slot = tables.curSlot;
    const entryEnd = Math.min(addr + tables.curSize, end);
    const bits = tables.entry(slot);
    if ((bits & (PTE_PRESENT | PTE_PROTNONE)) !== 0) {
      const pfn = tables.pfn(slot);
      let flags = PM_PRESENT;
      if ((bits & PTE_SPECIAL) === 0) {
        if ((frames.flags[pfn]! & PG_ANON) === 0) flags |= PM_FILE;
        if (frames.mapcount[pfn] === 1) flags |= PM_MMAP_EXCLUSIVE;
      }
      const first = addr < start ? start : addr;
      for (let a = first; a < entryEnd; a += pageSize) {
        const frame = showPfn ? BigInt(pfn + (a - addr) / pageSize) : 0n;
        entries[(a - start) / pageSize] = flags | frame;
      }
    }
    addr = entryEnd < end ? tables.nextEntry(entryEnd, end) : -1;
  }
  return entries;
}
