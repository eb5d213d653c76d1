/**
 * Page tables of one address space in the hardware's own format: reads and changes entries. table-tree.ts finds them.
 * No allocation, no policy: the caller decides who may write.
 *
 * The MMU sets the accessed and the dirty bit; {@link X86PageTables.touch} does the same. It permits stores through a writable
 * clean entry.
 * An entry that is not present for the MMU (PROT_NONE) has its frame number inverted, as in Linux, against L1TF.
 * Mirrors arch/x86/include/asm/pgtable.h (pte_modify), pgtable-invert.h and mm/hugetlbpage.c.
 */
import {
  HI_PKEY_MASK,
  HI_PKEY_SHIFT,
  LO_ACCESSED,
  LO_DIRTY,
  LO_PCD,
  LO_PRESENT,
  LO_PROT_NONE,
  LO_PS,
  LO_PWT,
  LO_RW,
  LO_SPECIAL,
  LO_USER,
  PTE_DIRTY,
  PTE_EXEC,
  PTE_HUGE,
  PTE_KEY_NO_WRITE,
  PTE_NONE_PROT,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
} from './bits.ts';
import { LEVEL_BITS, type Levels, PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, PUD_SIZE } from './geometry.ts';
import { protHi, protLo } from './protection-map.ts';
import { TableTree, type PhysicalMemory, type TableAllocator } from './table-tree.ts';

export { type PhysicalMemory, type TableAllocator } from './table-tree.ts';

/** The bits that pte_modify replaces in the low word, in addition to R/W; frame, accessed, dirty and memory type stay. */
const LO_PROT_BITS: number = LO_PRESENT | LO_USER | LO_PROT_NONE | LO_RW;
const LO_KEPT: number = LO_ACCESSED | LO_DIRTY | LO_PWT | LO_PCD | LO_PS | LO_SPECIAL;
/** Address bits 44..51, which are ones in an inverted frame number below 2^32. */
const HI_ADDR_ABOVE = 0xff000;
const HI_ADDR_SHIFT: number = 32 - PAGE_SHIFT;
/** pkru of a new task: every key but 0 denies access. */
const INIT_PKRU = 0x55555554;

/** The properties that are fixed when the tables are created. */
export interface TableKind {
  readonly levels: Levels;
  /** Pages with PROT_EXEC alone get a protection key that denies access to their data. */
  readonly executeOnly: boolean;
}

/** execute_only_pkey: the first key that a process allocates. */
const EXECUTE_ONLY_PKEY: number = 1 << 6;
const VM_ACCESS = 7;
const VM_EXEC = 4;

/** See the head of the file. `createPageTables` of an arch object creates it. */
export class X86PageTables extends TableTree {
  /** Result of {@link walk}: the frame of the page that contains the address, also inside a huge page. */
  walkPfn: number;
  /** Result of {@link walk}: bytes that the translation covers, naturally aligned. */
  walkSize: number;
  /**
   * The protection key register: bit 2k denies access to data through key k (it clears PTE_USER), bit 2k + 1 stores (it sets
   * PTE_KEY_NO_WRITE).
   */
  pkru: number;

  private readonly executeOnly: boolean;

  constructor(kind: TableKind, mem: PhysicalMemory, alloc: TableAllocator, root: number) {
    super(kind.levels, mem, alloc, root);
    this.executeOnly = kind.executeOnly;
    this.walkPfn = 0;
    this.walkSize = 0;
    this.pkru = INIT_PKRU;
  }

  // ---- reading

  /** Returns the generic bits of an entry; 0 when there is none. */
  entry(slot: number): number {
    const lo = this.u32[slot]!;
    if (lo === 0) return 0;
    const hi = this.u32[slot + 1]! | 0;
    const bits = GENERIC[lo & GENERIC_MASK]! | (hi < 0 || (lo & LO_PRESENT) === 0 ? 0 : PTE_EXEC);
    return (hi & HI_PKEY_MASK) === 0 ? bits : this.withKey(bits, hi);
  }

  private withKey(bits: number, hi: number): number {
    const denied = (this.pkru >>> (2 * ((hi & HI_PKEY_MASK) >>> HI_PKEY_SHIFT))) & 3;
    if ((denied & 1) !== 0) return bits & ~PTE_USER;
    return denied !== 0 ? bits | PTE_KEY_NO_WRITE : bits;
  }

  /** Returns the frame of an entry; for a huge page, its first frame. Frames are below 2^32. */
  pfn(slot: number): number {
    const lo = this.u32[slot]!;
    const raw = (this.u32[slot + 1]! << HI_ADDR_SHIFT) | (lo >>> PAGE_SHIFT);
    return ((lo & LO_PRESENT) !== 0 ? raw : ~raw) >>> 0;
  }

  /** Returns the protection key of an entry, 0..15. */
  pkey(slot: number): number {
    return (this.u32[slot + 1]! & HI_PKEY_MASK) >>> HI_PKEY_SHIFT;
  }

  /**
   * Translates as the MMU does, with the last last-level table as its walk cache. Sets walkPfn and walkSize.
   *
   * @returns the generic bits; 0 when nothing is mapped or `addr` is outside the address space. The MMU refuses any
   * access when PTE_NONE_PROT is set, access to data when PTE_USER is not set, and a store unless PTE_WRITE is set.
   */
  walk(addr: number): number {
    if (!(addr >= 0 && addr < this.addrEnd)) return 0;
    const key = Math.floor(addr / PMD_SIZE);
    if (key !== this.leafKey && !this.enterLeaf(key)) return this.walkHuge(addr, key);
    const s = this.leafBase + ((addr & (PMD_SIZE - 1)) >>> PAGE_SHIFT) * 2;
    if (this.u32[s] === 0) return 0;
    this.walkPfn = this.pfn(s);
    this.walkSize = PAGE_SIZE;
    return this.entry(s);
  }

  private walkHuge(addr: number, key: number): number {
    for (const size of [PUD_SIZE, PMD_SIZE]) {
      const s = this.hugeSlotAt(key, size === PMD_SIZE ? 0 : LEVEL_BITS);
      if (s < 0 || this.u32[s] === 0) continue;
      this.walkPfn = this.pfn(s) + ((addr & (size - 1)) >>> PAGE_SHIFT);
      this.walkSize = size;
      return this.entry(s);
    }
    return 0;
  }

  // ---- page entries

  /**
   * Stores an entry (set_pte_at), young as Linux makes them.
   *
   * @param prot index into the protection map (0..15), plus a `MEMTYPE_*` shifted left by 4, plus a protection key
   *   shifted left by 6
   * @param bits PTE_WRITE, PTE_DIRTY, PTE_SPECIAL; R/W comes from here alone, not from `prot`
   */
  setEntry(slot: number, pfn: number, prot: number, bits: number): void {
    this.store(slot, pfn, protLo(prot) | lowBits(bits), this.high(prot));
  }

  /** Returns XD and the key of a protection: execute-only memory without a key gets {@link EXECUTE_ONLY_PKEY}. */
  private high(prot: number): number {
    const only = this.executeOnly && (prot & VM_ACCESS) === VM_EXEC && prot >>> 6 === 0;
    return protHi(only ? prot | EXECUTE_ONLY_PKEY : prot);
  }

  private store(slot: number, pfn: number, lo: number, hi: number): void {
    const present = (lo & LO_PRESENT) !== 0;
    const frame = present ? pfn : ~pfn;
    this.u32[slot + 1] = hi | (present ? 0 : HI_ADDR_ABOVE) | (frame >>> HI_ADDR_SHIFT);
    this.u32[slot] = lo | (frame << PAGE_SHIFT);
  }

  /** Empties an entry. */
  clear(slot: number): void {
    this.u32[slot] = 0;
    this.u32[slot + 1] = 0;
  }

  /** Clears R/W (fork, write-notify); a dirty entry stays dirty. */
  wrprotect(slot: number): void {
    this.u32[slot]! &= ~LO_RW;
  }

  /** Sets writable, dirty and young, as after a write fault. */
  mkwriteDirty(slot: number): void {
    this.u32[slot]! |= LO_RW | LO_DIRTY | LO_ACCESSED;
  }

  /** Updates an entry as the MMU does when it permits an access: sets accessed, and dirty for a store. */
  touch(slot: number, store: boolean): void {
    this.u32[slot]! |= store ? LO_ACCESSED | LO_DIRTY : LO_ACCESSED;
  }

  /** Clears the accessed bit; the next access sets it. */
  mkold(slot: number): void {
    this.u32[slot]! &= ~LO_ACCESSED;
  }

  /** Clears the dirty bit (write-back begins); the next store sets it. */
  mkclean(slot: number): void {
    this.u32[slot]! &= ~LO_DIRTY;
  }

  /** Sets any of PTE_WRITE, PTE_DIRTY, PTE_YOUNG, PTE_SPECIAL. */
  setBits(slot: number, bits: number): void {
    this.u32[slot]! |= lowBits(bits);
  }

  /** Clears any of PTE_WRITE, PTE_DIRTY, PTE_YOUNG, PTE_SPECIAL. */
  clearBits(slot: number, bits: number): void {
    this.u32[slot]! &= ~lowBits(bits);
  }

  /**
   * Replaces the protection (pte_modify): frame, dirty, accessed, special and memory type stay.
   *
   * @param prot as in setEntry
   * @param bits PTE_WRITE sets or clears R/W; PTE_DIRTY and PTE_SPECIAL may be added
   */
  changeProt(slot: number, prot: number, bits: number): void {
    const lo = (this.u32[slot]! & LO_KEPT) | (protLo(prot) & LO_PROT_BITS) | lowBits(bits);
    this.store(slot, this.pfn(slot), lo, this.high(prot));
  }

  // ---- huge pages: one entry in a table of the second (2 MiB) or third level (1 GiB)

  /**
   * Returns the slot of the huge page of `size` bytes around `addr`.
   *
   * @returns -1 when a table is missing, or the huge page's entry is a table
   * @throws RangeError when there is no such huge page
   */
  slotHuge(addr: number, size: number): number {
    return this.hugeSlotAt(Math.floor(addr / PMD_SIZE), hugeShift(size));
  }

  /**
   * {@link slotHuge} that allocates the tables above, and frees an empty table in the huge page's place.
   *
   * @returns -1 without memory for a table
   * @throws RangeError as slotHuge; Error when a table in use is in its place
   */
  slotHugeAlloc(addr: number, size: number): number {
    return this.hugeSlotAlloc(Math.floor(addr / PMD_SIZE), hugeShift(size));
  }

  /** {@link setEntry} for a huge page of `size` bytes; `pfn` is its first frame, aligned to `size`. */
  setHuge(slot: number, size: number, pfn: number, prot: number, bits: number): void {
    hugeShift(size);
    this.store(slot, pfn, protLo(prot) | lowBits(bits) | LO_PS, this.high(prot));
  }

  /** {@link clear} for a huge page. */
  clearHuge(slot: number, size: number): void {
    hugeShift(size);
    this.clear(slot);
  }

  // ---- many page entries of one last-level table

  /**
   * Copies the entries of [start, end) for a child (fork) as old, and write-protects both sides if requested.
   * Takes six parameters, as mm-core's port does: fork calls it for each last-level table.
   *
   * @param start page-aligned like `end`; both in the span of one last-level table, which holds no huge page
   * @param dst the child's tables; it has an empty last-level table there
   * @param wrprotect whether to clear R/W on both sides
   * @param clean whether the child's entries are clean
   * @param pfns receives the frame of each entry that is not SPECIAL
   * @returns the number of frames
   */
  copyRange(
    start: number,
    end: number,
    dst: { slot(addr: number): number },
    wrprotect: boolean,
    clean: boolean,
    pfns: Int32Array,
  ): number {
    const first = this.slot(start);
    if (first < 0) return 0;
    const u32 = this.u32;
    const distance = dst.slot(start) - first;
    const last = first + ((end - start) >>> PAGE_SHIFT) * 2;
    const taken = wrprotect ? LO_RW : 0;
    const takenThere = LO_ACCESSED | (clean ? LO_DIRTY : 0);
    let n = 0;
    for (let s = first; s < last; s += 2) {
      const was = u32[s]! | 0;
      if (was === 0) continue;
      const lo = was & ~taken;
      u32[s] = lo;
      u32[s + distance] = lo & ~takenThere;
      u32[s + distance + 1] = u32[s + 1]!;
      if ((lo & LO_SPECIAL) === 0) pfns[n++] = this.pfn(s) | 0;
    }
    return n;
  }

  /**
   * Empties the entries of [start, end), and returns what they mapped.
   *
   * @param start page-aligned like `end`; both in the span of one last-level table, which holds no huge page
   * @param out receives, for each entry that is not SPECIAL, twice its frame, plus 1 when the entry was dirty
   * @returns the number of elements written
   */
  takeRange(start: number, end: number, out: Int32Array): number {
    const first = this.slot(start);
    if (first < 0) return 0;
    const u32 = this.u32;
    const last = first + ((end - start) >>> PAGE_SHIFT) * 2;
    let n = 0;
    for (let s = first; s < last; s += 2) {
      const lo = u32[s]! | 0;
      if (lo === 0) continue;
      if ((lo & LO_SPECIAL) === 0) out[n++] = (this.pfn(s) << 1) | ((lo & LO_DIRTY) !== 0 ? 1 : 0);
      u32[s] = 0;
      u32[s + 1] = 0;
    }
    return n;
  }
}

/** Returns the level whose entry is a huge page of `size` bytes, as a shift of the key. */
function hugeShift(size: number): number {
  if (size === PMD_SIZE) return 0;
  if (size === PUD_SIZE) return LEVEL_BITS;
  throw new RangeError(`x86-64 page tables: no huge page of ${size} bytes`);
}

/** Returns WRITE, DIRTY, YOUNG and SPECIAL of the generic bits, in the low word. */
function lowBits(bits: number): number {
  return (bits & PTE_WRITE) | ((bits & PTE_DIRTY) << 4) | ((bits & PTE_YOUNG) << 2) | ((bits & PTE_SPECIAL) << 5);
}

const GENERIC_MASK = 0x3ff;

/** The generic bits of bits 0..9 of an entry: one look-up instead of a dozen operations in every walk. */
const GENERIC: Uint16Array = Uint16Array.from({ length: GENERIC_MASK + 1 }, (_, lo) => {
  const present = (lo & (LO_PRESENT | LO_PROT_NONE)) !== 0;
  return (
    (present ? PTE_PRESENT : 0) |
    (present && (lo & LO_PRESENT) === 0 ? PTE_NONE_PROT : 0) |
    ((lo & LO_RW) !== 0 ? PTE_WRITE : 0) |
    ((lo & LO_DIRTY) !== 0 ? PTE_DIRTY : 0) |
    ((lo & LO_ACCESSED) !== 0 ? PTE_YOUNG : 0) |
    ((lo & LO_SPECIAL) !== 0 ? PTE_SPECIAL : 0) |
    ((lo & LO_USER) !== 0 ? PTE_USER : 0) |
    ((lo & LO_PS) !== 0 ? PTE_HUGE : 0)
  );
});
