/**
 * Port: the architecture.
 *
 * mm-core names no page size, no address width and no descriptor format. An architecture is one object of plain data and a
 * few pure functions: `@vmarea/arch-arm64` exports one, and an embedder can build one from data. Only the page tables that
 * `createPageTables` returns are used on a hot path.
 */
import { PROT_BTI, PROT_MTE } from '@vmarea/uapi';
import type { Addr, Pfn, Slot } from '../base/units.ts';

/** Physical memory as page tables see it: entries are pairs of 32-bit words. */
export interface TableMemory {
  /** All of physical memory as 32-bit words, little-endian. */
  readonly u32: Uint32Array;
}

/** The source of frames for page tables. */
export interface TableAllocator {
  /** Returns the pfn of a zeroed frame for a table, or -1 when memory is exhausted. */
  allocTable(): number;
  /** Frees a table's frame. */
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
/** A protection key denies stores. */
export const PTE_KEY_NO_WRITE = 512;

/**
 * The page tables of one address space, in the hardware's own format, inside physical memory.
 *
 * A slot is an index into `TableMemory.u32`; it is valid until the tables are freed. A slot of -1 means that there is no
 * table (lookup) or no memory for one (allocation). The caller flushes TLBs.
 */
export interface PageTables {
  /** pfn of the top table. */
  readonly root: number;
  /** The value of the MMU's base register: the physical byte address of the top table. */
  readonly ttbr0: number;
  /** Tables of the last level. */
  readonly leafTables: number;
  /** Tables between the top one and the last level. */
  readonly upperTables: number;
  /** The slot that `nextEntry` found. */
  readonly curSlot: number;
  /** Bytes that the entry found by `nextEntry` covers. */
  readonly curSize: number;
  /** Frees every table, including the top one. Does not read the entries. */
  destroy(): void;
  slot(addr: Addr): number;
  slotAlloc(addr: Addr): number;
  slotHuge(addr: Addr, size: number): number;
  slotHugeAlloc(addr: Addr, size: number): number;
  /** Returns the generic bits of an entry, 0 when there is none. */
  entry(slot: Slot): number;
  pfn(slot: Slot): number;
  /**
   * Stores an entry.
   *
   * @param prot index into the protection map (vm_flags & 15), plus the memory type shifted by 4, VM_ARCH_1 as bit 6 and
   *   VM_HIGH_ARCH_0 to 3 as bits 6 to 9: an architecture has either the one or the others
   * @param bits PTE_WRITE, PTE_DIRTY, PTE_SPECIAL
   */
  setEntry(slot: Slot, pfn: Pfn, prot: number, bits: number): void;
  setHuge(slot: Slot, size: number, pfn: Pfn, prot: number, bits: number): void;
  clear(slot: Slot): void;
  clearHuge(slot: Slot, size: number): void;
  /** pte_wrprotect. */
  wrprotect(slot: Slot): void;
  /** pte_mkdirty and, if the mapping permits writing, pte_mkwrite. */
  mkwriteDirty(slot: Slot): void;
  /** pte_modify: changes the protection; keeps the frame, the dirty and accessed bits and the memory type. */
  changeProt(slot: Slot, prot: number, bits: number): void;
  mkold(slot: Slot): void;
  mkclean(slot: Slot): void;
  /**
   * Updates an entry as an MMU with `Arch.hardwareFlags` does when it permits an access: sets the accessed bit, and the dirty
   * bit for a store. Called only on such architectures.
   */
  touch(slot: Slot, store: boolean): void;
  /** Finds the first entry at or above `addr` and below `end`. Returns its address, or -1. Sets `curSlot` and `curSize`. */
  nextEntry(addr: Addr, end: Addr): number;
  /**
   * Copies the entries of [start, end), in the span of one last-level table that both sides have, to a child's tables.
   * Clears the accessed bit of the copies, their dirty bit if `clean`, and the write permission on both sides if `wrprotect`.
   *
   * @param pfns receives the frame of each entry that is not special; has room for a whole table
   * @returns the number of frames
   */
  copyRange(start: Addr, end: Addr, dst: PageTables, wrprotect: boolean, clean: boolean, pfns: Int32Array): number;
  /**
   * Empties the entries of [start, end), in the span of one last-level table.
   *
   * @param out receives, for each entry that is not special, twice its frame, plus 1 when the entry was dirty
   * @returns the number of elements written
   */
  takeRange(start: Addr, end: Addr, out: Int32Array): number;
  /** free_pgd_range: frees the tables of [start, end) whose whole span lies between floor and ceiling (0: the top). */
  freeRange(start: Addr, end: Addr, floor: Addr, ceiling: Addr): void;
}

/** The rule that places mmap_base. */
export type MmapLayoutStyle = 'arm64-4.4' | 'generic-6.1';

/** The values that mmap_base depends on. Sizes and addresses are bytes. */
export interface MmapLayoutRequest {
  readonly style: MmapLayoutStyle;
  /** Soft RLIMIT_STACK; Infinity when unlimited. */
  readonly stackLimit: number;
  /** The random part; 0 without randomisation. */
  readonly rndBytes: number;
  /** Whether the layout is bottom-up. */
  readonly legacy: boolean;
  /** Whether the process has address space randomisation. */
  readonly randomize: boolean;
  /** stack_guard_gap. */
  readonly stackGuardGapBytes: number;
}

/** The part of the address space to which a flag of mmap(2) limits the search. */
export interface FlagWindow {
  /** The MAP_ bit. */
  readonly flag: number;
  /** First byte, and the first byte behind. */
  readonly start: number;
  readonly end: number;
  /** A randomised process starts its search at a random page within this many bytes from `start`. */
  readonly rndBytes: number;
}

/** The layout of the special mappings: each name is the first version that has the rule. */
export type SpecialLayoutStyle = '4.4' | '6.1' | '6.12' | '6.18';

/** The mappings that exec adds to every program, from low to high addresses. */
export interface SpecialLayout {
  readonly vvarPages: number;
  /** Pages of [vvar_vclock], between the two others; 0: there is none. */
  readonly vclockPages: number;
  /** Bytes of code; the mapping is rounded up to pages. */
  readonly vdsoBytes: number;
  /** [vvar] carries VM_IO and VM_DONTDUMP. */
  readonly vvarIo: boolean;
  /** Whether a randomised process has them above its stack, if there is room. */
  readonly aboveStack: boolean;
}

/** A line of /proc/PID/maps that is no mapping of the process: no counter includes it and no call can change it. */
export interface GateArea {
  readonly name: string;
  /** Addresses as 16 hexadecimal digits: a number cannot hold them exactly. `end` is the first byte behind. */
  readonly start: string;
  readonly end: string;
  /** Bytes. */
  readonly size: number;
  /** The permissions column of maps. */
  readonly perms: string;
  /** The VmFlags line of smaps. */
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
  /** e_machine (EM_) of the ELF files that exec takes; 0: it takes any. */
  readonly elfMachine: number;
  /** TASK_SIZE in bytes: the first address that no mapping may contain. */
  readonly taskSize: number;
  /** DEFAULT_MAP_WINDOW in bytes: where searches end, unless the hint is above. Equals TASK_SIZE where there is one window. */
  readonly mapWindow: number;
  readonly stackTop: number;
  readonly taskUnmappedBase: number;
  /** Base of ET_DYN programs before randomisation and alignment. */
  readonly elfEtDynBase: number;
  /** Bytes that one leaf table covers: the default huge page. */
  readonly pmdSize: number;
  /** Every huge page size in bytes, ascending. */
  readonly hugeSizes: readonly number[];
  /** Whether an unlimited RLIMIT_STACK at exec selects the legacy layout. */
  readonly unlimitedStackIsLegacy: boolean;
  /**
   * Whether the top-down search starts at page one and leaves vm.mmap_min_addr to a later check. Kernels with
   * `layout.searchKeepsMinAddr` start at vm.mmap_min_addr on every architecture.
   */
  readonly searchesFromPageOne: boolean;
  /** MAP_32BIT; null when the architecture does not have it. */
  readonly map32Bit: FlagWindow | null;
  /** MAP_ABOVE4G, for kernels that implement it; 0 when the architecture does not have it. */
  readonly mapAbove4G: number;
  /** Whether kernels with an own search for huge pages round a hint down to the huge page; otherwise up. */
  readonly hugeHintRoundsDown: boolean;
  /** Whether VM_DATA_DEFAULT_FLAGS contains VM_MTE_ALLOWED, in kernels with `layout.dataDefaultMteAllowed`. */
  readonly dataMteAllowed: boolean;
  /**
   * The PROT_ bits beyond the common ones that a CPU of the architecture may have: PROT_BTI and PROT_MTE. The configuration
   * says which of them the machine's CPU has (`cpuBti`, `cpuMte`).
   */
  readonly protBits: number;
  /** The number of protection keys of the processor; 0: it has none. */
  readonly protectionKeys: number;
  /** Whether the processor ignores bits 63 to 56 of an address, so that programs may keep a tag there. */
  readonly ignoresTopByte: boolean;
  /** Whether the MMU sets the accessed and dirty bits itself: a store to a clean writable page does not fault. */
  readonly hardwareFlags: boolean;
  /** Whether kernels before `userfault.wpOnEveryArch` can write-protect pages by userfaultfd. */
  readonly userfaultWp: boolean;
  /**
   * Whether the kernel treats an instruction fetch from a missing page as a load: it faults the page in, and checks the
   * right to execute at the next attempt. Otherwise it checks the right first.
   */
  readonly fetchBringsIn: boolean;
  /** si_code of a load from execute-only memory; 0: this architecture permits such loads. */
  readonly executeOnlyCode: number;
  /**
   * The first non-canonical address; the range up to 2^64 less this value raises SIGSEGV with SI_KERNEL and no address.
   * Infinity: every address is canonical.
   */
  readonly canonicalEnd: number;
  /** The line that /proc/PID/maps and smaps print after the last mapping, or null. */
  readonly gateArea: GateArea | null;
  /** Returns mmap_base in bytes. */
  mmapLayout(request: MmapLayoutRequest): number;
  /** Returns the special mappings of kernels of a style. */
  specialLayout(style: SpecialLayoutStyle): SpecialLayout;
  /** Creates page tables for one address space. Returns null when there is no memory for the top table. */
  createPageTables(mem: TableMemory, alloc: TableAllocator): PageTables | null;
}

/** The values of the generic code and of a plain MMU, for architectures that are built from data. */
export const GENERIC_ARCH: Pick<
  Arch,
  | 'elfMachine'
  | 'unlimitedStackIsLegacy'
  | 'searchesFromPageOne'
  | 'map32Bit'
  | 'mapAbove4G'
  | 'hugeHintRoundsDown'
  | 'dataMteAllowed'
  | 'protBits'
  | 'ignoresTopByte'
  | 'protectionKeys'
  | 'hardwareFlags'
  | 'userfaultWp'
  | 'fetchBringsIn'
  | 'executeOnlyCode'
  | 'canonicalEnd'
  | 'gateArea'
  | 'specialLayout'
> = {
  elfMachine: 0,
  unlimitedStackIsLegacy: true,
  searchesFromPageOne: false,
  map32Bit: null,
  mapAbove4G: 0,
  hugeHintRoundsDown: false,
  dataMteAllowed: true,
  protBits: PROT_BTI | PROT_MTE,
  ignoresTopByte: false,
  protectionKeys: 0,
  hardwareFlags: false,
  userfaultWp: false,
  fetchBringsIn: false,
  executeOnlyCode: 0,
  canonicalEnd: Infinity,
  gateArea: null,
  specialLayout: () => ({ vvarPages: 1, vclockPages: 0, vdsoBytes: 1, vvarIo: false, aboveStack: false }),
};
