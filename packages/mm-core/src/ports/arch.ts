/**
 * Port: the architecture.
 *
 * mm-core knows no page size, no address width and no descriptor format. An architecture is one object of plain data and
 * a few pure functions; `@vmarea/arch-arm64` makes one, and an embedder can make one from data. Nothing here is called
 * on a hot path but the two page-table factories' products.
 */
import type { Addr, Pfn, Slot } from '../base/units.ts';

/** Physical memory as page tables see it: entries are pairs of 32-bit words. */
export interface TableMemory {
  /** All of physical memory as 32-bit words, little-endian. */
  readonly u32: Uint32Array;
}

/** Where page tables take their pages from. */
export interface TableAllocator {
  /** A zeroed frame for a table: its pfn, or -1 when memory is exhausted. */
  allocTable(): number;
  /** Gives a table's frame back. */
  freeTable(pfn: Pfn): void;
}

/** Generic bits of a page-table entry, the same for every architecture. */
export const PTE_PRESENT = 1;
export const PTE_WRITE = 2;
export const PTE_DIRTY = 4;
export const PTE_YOUNG = 8;
export const PTE_SPECIAL = 16;
export const PTE_PROTNONE = 32;
export const PTE_USER = 64;
export const PTE_EXEC = 128;
export const PTE_HUGE = 256;

/**
 * The page tables of one address space, in the hardware's own format, inside physical memory.
 *
 * A slot is an index into `TableMemory.u32`; it stays valid until the tables are freed. A slot of -1 means that there is
 * no table (lookup) or no memory for one (allocation). The caller flushes TLBs.
 */
export interface PageTables {
  /** pfn of the top table. */
  readonly root: number;
  /** What the MMU's base register holds: the physical byte address of the top table. */
  readonly ttbr0: number;
  /** Tables of the last level. */
  readonly leafTables: number;
  /** Tables between the top one and the last level. */
  readonly upperTables: number;
  /** The slot that `nextEntry` found. */
  readonly curSlot: number;
  /** Bytes that the entry found by `nextEntry` covers. */
  readonly curSize: number;
  /** Frees every table, the top one too. Entries are not looked at. */
  destroy(): void;
  slot(addr: Addr): number;
  slotAlloc(addr: Addr): number;
  slotHuge(addr: Addr, size: number): number;
  slotHugeAlloc(addr: Addr, size: number): number;
  /** The generic bits of an entry, 0 when there is none. */
  entry(slot: Slot): number;
  pfn(slot: Slot): number;
  /**
   * Stores an entry.
   *
   * @param prot index into the protection map (vm_flags & 15), plus the memory type shifted by 4
   * @param bits PTE_WRITE, PTE_DIRTY, PTE_SPECIAL
   */
  setEntry(slot: Slot, pfn: Pfn, prot: number, bits: number): void;
  setHuge(slot: Slot, size: number, pfn: Pfn, prot: number, bits: number): void;
  clear(slot: Slot): void;
  clearHuge(slot: Slot, size: number): void;
  /** pte_wrprotect. */
  wrprotect(slot: Slot): void;
  /** pte_mkdirty and, where the entry may be written, pte_mkwrite. */
  mkwriteDirty(slot: Slot): void;
  /** pte_modify: another protection, the same frame, dirtiness, age and memory type. */
  changeProt(slot: Slot, prot: number, bits: number): void;
  mkold(slot: Slot): void;
  mkclean(slot: Slot): void;
  /** The first entry at or above `addr` and below `end`: its address, or -1. Sets `curSlot` and `curSize`. */
  nextEntry(addr: Addr, end: Addr): number;
  /**
   * Copies the entries of [start, end), in the span of one last-level table that both sides have, to a child's tables:
   * old there, clean there if `clean`, without write permission on both sides if `wrprotect`.
   *
   * @param pfns receives the frame of each entry that is not special; room for a whole table
   * @returns how many frames
   */
  copyRange(start: Addr, end: Addr, dst: PageTables, wrprotect: boolean, clean: boolean, pfns: Int32Array): number;
  /**
   * Empties the entries of [start, end), in the span of one last-level table.
   *
   * @param out receives, for each entry that is not special, twice its frame, plus 1 when the entry was dirty
   * @returns how many
   */
  takeRange(start: Addr, end: Addr, out: Int32Array): number;
  /** free_pgd_range: gives back tables of [start, end) whose whole span lies between floor and ceiling (0: the top). */
  freeRange(start: Addr, end: Addr, floor: Addr, ceiling: Addr): void;
}

/** Which rule places mmap_base. */
export type MmapLayoutStyle = 'arm64-4.4' | 'generic-6.1';

/** An architecture. */
export interface Arch {
  readonly name: string;
  /** Bytes in a page. */
  readonly pageSize: number;
  /** log2 of the page size. */
  readonly pageShift: number;
  readonly vaBits: number;
  /** TASK_SIZE in bytes: the first address that no mapping may contain. */
  readonly taskSize: number;
  readonly stackTop: number;
  readonly taskUnmappedBase: number;
  /** Base of ET_DYN programs before randomisation and alignment. */
  readonly elfEtDynBase: number;
  /** Bytes that one leaf table covers: the default huge page. */
  readonly pmdSize: number;
  /**
   * mmap_base in bytes.
   *
   * @param stackLimit soft RLIMIT_STACK in bytes, Infinity when unlimited
   * @param rndBytes the random part, 0 when not randomised
   * @param legacy bottom-up layout
   * @param randomize whether the process is randomised at all
   * @param stackGuardGapBytes the guard gap
   */
  mmapLayout(
    style: MmapLayoutStyle,
    stackLimit: number,
    rndBytes: number,
    legacy: boolean,
    randomize: boolean,
    stackGuardGapBytes: number,
  ): number;
  /** Page tables for one address space, or null when there is no memory for the top table. */
  createPageTables(mem: TableMemory, alloc: TableAllocator): PageTables | null;
}
