/** The pages of a task as its page tables and the frames have them. */
import type { Kernel, Task } from '@vmarea/kernel';
import { PTE_PRESENT, PTE_PROTNONE, PTE_SPECIAL } from '@vmarea/mm-core';
import { PG_ANON } from '@vmarea/mm-core/memory';

/** One entry of the page tables: a page, or a huge page. */
export interface PageState {
  readonly address: number;
  /** Bytes that the entry covers. */
  readonly size: number;
  /** Generic bits: PTE_PRESENT, PTE_WRITE, PTE_DIRTY, PTE_YOUNG, PTE_HUGE and others. */
  readonly bits: number;
  /** The descriptor, as the processor reads it. */
  readonly descriptor: bigint;
  readonly pfn: number;
  /** How many entries, of any task, map the frame; 0 for the zero page and for pages of the kernel. */
  readonly mapcount: number;
  /** Whether the frame is anonymous memory: made for the task, or copied for it out of a file. */
  readonly anonymous: boolean;
  readonly zeroPage: boolean;
}

/**
 * Returns the entries of a task's page tables in a range, by address. Entries that are not present are left out.
 *
 * @returns an empty list in a kernel without memory
 */
export function pageStates(kernel: Kernel, task: Task, start: number, end: number): PageState[] {
  const tables = task.mm.pageTables;
  const { memory } = kernel;
  if (tables === null || memory === null) return [];
  const { frames, physical } = memory;
  const found: PageState[] = [];
  let next = start < end ? tables.nextEntry(start, end) : -1;
  while (next >= 0) {
    const [address, slot, size] = [next, tables.curSlot, tables.curSize];
    const bits = tables.entry(slot);
    if ((bits & (PTE_PRESENT | PTE_PROTNONE)) !== 0) {
      const pfn = tables.pfn(slot);
      const special = (bits & PTE_SPECIAL) !== 0;
      const descriptor = (BigInt(physical.u32[slot + 1]!) << 32n) | BigInt(physical.u32[slot]!);
      found.push({
        address,
        size,
        bits,
        descriptor,
        pfn,
        mapcount: special ? 0 : frames.mapcount[pfn]!,
        anonymous: !special && (frames.flags[pfn]! & PG_ANON) !== 0,
        zeroPage: pfn === frames.zeroPfn,
      });
    }
    next = address + size < end ? tables.nextEntry(address + size, end) : -1;
  }
  return found;
}
