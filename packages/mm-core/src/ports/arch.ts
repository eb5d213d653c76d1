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
  /**
   * What an MMU with `Arch.hardwareFlags` does to an entry that lets an access pass: young, and dirty if it is a store.
   * Called only on such architectures.
   */
  touch(slot: Slot, store: boolean): void;
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

/** What decides about mmap_base. Sizes and addresses are bytes. */
export interface MmapLayoutRequest {
  readonly style: MmapLayoutStyle;
  /** Soft RLIMIT_STACK; Infinity when unlimited. */
  readonly stackLimit: number;
  /** The random part; 0 when not randomised. */
  readonly rndBytes: number;
  /** Bottom-up layout. */
  readonly legacy: boolean;
  /** Whether the process is randomised at all. */
  readonly randomize: boolean;
  /** stack_guard_gap. */
  readonly stackGuardGapBytes: number;
}

/** A part of the address space that a flag of mmap(2) confines a search to. */
export interface FlagWindow {
  /** The MAP_ bit. */
  readonly flag: number;
  /** First byte, and the byte behind the last. */
  readonly start: number;
  readonly end: number;
  /** A randomised process begins its search at a random page of so many bytes from `start`. */
  readonly rndBytes: number;
}

/** Which kernels' special mappings: each name is the first version of its rule, and holds up to the next. */
export type SpecialLayoutStyle = '4.4' | '6.1' | '6.12' | '6.18';

/** The mappings that exec adds to every program, one behind the other from low to high addresses. */
export interface SpecialLayout {
  readonly vvarPages: number;
  /** [vvar_vclock], between the two others; 0: there is none. */
  readonly vclockPages: number;
  /** Bytes of code; the mapping is rounded up to pages. */
  readonly vdsoBytes: number;
  /** [vvar] carries VM_IO and VM_DONTDUMP. */
  readonly vvarIo: boolean;
  /** A randomised process has them above its stack, where there is room. */
  readonly aboveStack: boolean;
}

/** A line of /proc/PID/maps that is no mapping of the process: counted nowhere, out of reach of every call. */
export interface GateArea {
  readonly name: string;
  /** Addresses as 16 digits of hexadecimal: they are beyond what a number holds exactly. `end` is the byte behind. */
  readonly start: string;
  readonly end: string;
  /** Bytes. */
  readonly size: number;
  /** The column of maps. */
  readonly perms: string;
  /** The mnemonics of smaps. */
  readonly vmFlags: string;
}

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
  /** DEFAULT_MAP_WINDOW in bytes: where searches end, unless the hint is above. TASK_SIZE where there is only one. */
  readonly mapWindow: number;
  readonly stackTop: number;
  readonly taskUnmappedBase: number;
  /** Base of ET_DYN programs before randomisation and alignment. */
  readonly elfEtDynBase: number;
  /** Bytes that one leaf table covers: the default huge page. */
  readonly pmdSize: number;
  /** Every huge page size in bytes, ascending. */
  readonly hugeSizes: readonly number[];
  /** RLIMIT_STACK unlimited at exec chooses the legacy layout. */
  readonly unlimitedStackIsLegacy: boolean;
  /**
   * The top-down search has its own lower limit, one page, and leaves vm.mmap_min_addr to the check behind it; kernels
   * whose `layout.searchKeepsMinAddr` holds raise it for every architecture.
   */
  readonly searchesFromPageOne: boolean;
  /** MAP_32BIT; null: there is no such flag. */
  readonly map32Bit: FlagWindow | null;
  /** MAP_ABOVE4G, heeded by kernels that have it; 0: there is no such flag. */
  readonly mapAbove4G: number;
  /** Kernels with a search of its own for huge pages round a hint down to the huge page; otherwise up. */
  readonly hugeHintRoundsDown: boolean;
  /** VM_DATA_DEFAULT_FLAGS contains VM_MTE_ALLOWED in kernels that know tags (`layout.dataDefaultMteAllowed`). */
  readonly dataMteAllowed: boolean;
  /** The MMU sets the accessed and dirty flags of entries itself: a store to a clean writable page does not fault. */
  readonly hardwareFlags: boolean;
  /**
   * An instruction fetch of a missing page is to the kernel what a load is: the page is brought in, and only when it is
   * there the right to execute is looked at. Otherwise the right comes first.
   */
  readonly fetchBringsIn: boolean;
  /** si_code of an access to data in memory that may only be executed; 0: this machine lets such memory be read. */
  readonly executeOnlyCode: number;
  /**
   * From here to 2^64 less as much, addresses are not canonical: SIGSEGV with SI_KERNEL, and no address. Infinity: the
   * architecture knows no such thing.
   */
  readonly canonicalEnd: number;
  /** What /proc/PID/maps and smaps print behind the last mapping, or null. */
  readonly gateArea: GateArea | null;
  /** mmap_base in bytes. */
  mmapLayout(request: MmapLayoutRequest): number;
  /** The special mappings of kernels of a style. */
  specialLayout(style: SpecialLayoutStyle): SpecialLayout;
  /** Page tables for one address space, or null when there is no memory for the top table. */
  createPageTables(mem: TableMemory, alloc: TableAllocator): PageTables | null;
}

/** The answers of the generic code and of a plain MMU, for architectures that are made from data. */
export const GENERIC_ARCH: Pick<
  Arch,
  | 'unlimitedStackIsLegacy'
  | 'searchesFromPageOne'
  | 'map32Bit'
  | 'mapAbove4G'
  | 'hugeHintRoundsDown'
  | 'dataMteAllowed'
  | 'hardwareFlags'
  | 'fetchBringsIn'
  | 'executeOnlyCode'
  | 'canonicalEnd'
  | 'gateArea'
  | 'specialLayout'
> = {
  unlimitedStackIsLegacy: true,
  searchesFromPageOne: false,
  map32Bit: null,
  mapAbove4G: 0,
  hugeHintRoundsDown: false,
  dataMteAllowed: true,
  hardwareFlags: false,
  fetchBringsIn: false,
  executeOnlyCode: 0,
  canonicalEnd: Infinity,
  gateArea: null,
  specialLayout: () => ({ vvarPages: 1, vclockPages: 0, vdsoBytes: 1, vvarIo: false, aboveStack: false }),
};
