/**
 * Page tables of one address space in the hardware's own format: reads and changes entries. table-tree.ts finds them.
 * No allocation, no policy: the caller decides who may write.
 *
 * One rule holds after every store: RDONLY is clear exactly when the entry is WRITE and DIRTY, so that the first
 * store through a clean writable entry faults.
 * A huge page is one block, or a contiguous run of entries that all carry CONT and always change together.
 * Mirrors arch/arm64/include/asm/pgtable.h (set_pte_at, pte_modify) and mm/hugetlbpage.c.
 */
import {
  HI_CONT,
  HI_DIRTY,
  HI_GP,
  HI_PROT_NONE,
  HI_PXN,
  HI_SPECIAL,
  HI_UXN,
  HI_WRITE,
  LO_AF,
  LO_NORMAL,
  LO_RDONLY,
  LO_TABLE,
  LO_TYPE_MASK,
  LO_USER,
  LO_VALID,
  PTE_DIRTY,
  PTE_EXEC,
  PTE_HUGE,
  PTE_NONE_PROT,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
} from './bits.ts';
import { type Geometry } from './geometry.ts';
import { PROT_HI, protLo } from './protection-map.ts';
import { TableTree, type PhysicalMemory, type TableAllocator } from './table-tree.ts';

export { type PhysicalMemory, type TableAllocator } from './table-tree.ts';

/** The bits that pte_modify replaces. */
const LO_PROT_BITS = LO_VALID | LO_USER;
const HI_PROT_BITS = HI_PXN | HI_UXN | HI_PROT_NONE | HI_WRITE | HI_GP;

/** Distances between the descriptor bits and the generic bits. */
const WRITE_SHIFT = 18;
const DIRTY_SHIFT = 21;
const SPECIAL_SHIFT = 20;
const YOUNG_SHIFT = 7;
const RDONLY_SHIFT = 5;
const BLOCK_SHIFT = 7;
const HI_GENERIC_SHIFT = 19;

/** See the head of the file. `createPageTables` of an arch object creates it. */
export class Arm64PageTables extends TableTree {
  /** Result of {@link walk}: the frame of the page that contains the address, also inside a huge page. */
  walkPfn: number;
  /** Result of {@link walk}: bytes that the translation covers, naturally aligned. */
  walkSize: number;
  private readonly protLo: Int32Array;

  constructor(geo: Geometry, mem: PhysicalMemory, alloc: TableAllocator, root: number) {
    super(geo, mem, alloc, root);
    this.walkPfn = 0;
    this.walkSize = 0;
    this.protLo = protLo(geo.lpa2);
  }

  // ---- reading

  /** Returns the generic bits of an entry; 0 when there is none. */
  entry(slot: number): number {
    const lo = this.u32[slot]!;
    return lo === 0 ? 0 : genericBits(lo, this.u32[slot + 1]!);
  }

  /** Returns the frame of an entry; for a huge page's first slot, its first frame. Frames are below 2^32. */
  pfn(slot: number): number {
    const shift = this.pageShift;
    return ((this.u32[slot + 1]! << (32 - shift)) | (this.u32[slot]! >>> shift)) >>> 0;
  }

  /**
   * Translates as the MMU does, with the last last-level table as its walk cache.
   *
   * @returns the generic bits; 0 when nothing is mapped or `addr` is outside the address space. The MMU refuses any
   * access when PTE_NONE_PROT is set, and a write unless PTE_WRITE and PTE_DIRTY are both set. Sets walkPfn, walkSize.
   */
  walk(addr: number): number {
    if (!(addr >= 0 && addr < this.addrEnd)) return 0;
    const key = (addr * this.perLeafSpan) | 0;
    if (key !== this.leafKey && !this.enterLeaf(key)) return this.walkBlock(addr);
    const s = this.leafBase + ((addr & this.leafMask) >>> this.pageShift) * 2;
    const lo = this.u32[s]!;
    if (lo === 0) return 0;
    const hi = this.u32[s + 1]!;
    this.walkPfn = ((hi << (32 - this.pageShift)) | (lo >>> this.pageShift)) >>> 0;
    this.walkSize = (hi & HI_CONT) === 0 ? this.pageSize : this.geo.contPteSize;
    return genericBits(lo, hi);
  }

  private walkBlock(addr: number): number {
    const key = (addr * this.perLeafSpan) | 0;
    let table = this.rootBase;
    for (let shift = this.topShift; shift >= 0; shift -= this.levelBits) {
      const s = table + ((key >>> shift) & this.indexMask) * 2;
      const lo = this.u32[s]!;
      if ((lo & LO_TYPE_MASK) === LO_TYPE_MASK) {
        table = this.child(s);
        continue;
      }
      if (lo === 0) return 0;
      const hi = this.u32[s + 1]!;
      const into = ((key & ((1 << shift) - 1)) << this.levelBits) + ((addr & this.leafMask) >>> this.pageShift);
      this.walkPfn = this.pfn(s) + into;
      if (shift > 0) this.walkSize = this.geo.pudSize;
      else this.walkSize = (hi & HI_CONT) === 0 ? this.geo.pmdSize : this.geo.contPmdSize;
      return genericBits(lo, hi);
    }
    return 0;
  }

  // ---- page entries

  /**
   * Stores an entry (set_pte_at). Sets AF: Linux makes entries young on CPUs that do not set it.
   *
   * @param prot index into the protection map (0..15), plus a `MEMTYPE_*` shifted left by 4
   * @param bits PTE_WRITE, PTE_DIRTY, PTE_SPECIAL; WRITE comes from here alone, not from `prot`
   */
  setEntry(slot: number, pfn: number, prot: number, bits: number): void {
    const shift = this.pageShift;
    const hi = PROT_HI[prot]! | highBits(bits) | (pfn >>> (32 - shift));
    const lo = this.protLo[prot]! | (pfn << shift);
    this.u32[slot + 1] = hi;
    this.u32[slot] = withRdonly(lo, hi);
  }

  /** Empties an entry. */
  clear(slot: number): void {
    this.u32[slot] = 0;
    this.u32[slot + 1] = 0;
  }

  /** Clears WRITE (fork, write-notify); a dirty entry stays dirty. */
  wrprotect(slot: number): void {
    const lo = this.u32[slot]!;
    const hi = settled(lo, this.u32[slot + 1]!);
    this.u32[slot + 1] = hi & ~HI_WRITE;
    this.u32[slot] = lo | LO_RDONLY;
  }

  /** Sets writable, dirty and young, as after a write fault. */
  mkwriteDirty(slot: number): void {
    this.u32[slot + 1]! |= HI_WRITE | HI_DIRTY;
    this.u32[slot] = (this.u32[slot]! & ~LO_RDONLY) | LO_AF;
  }

  /** Clears the access flag; the next access through the MMU faults, or sets it on hardware that can. */
  mkold(slot: number): void {
    this.u32[slot]! &= ~LO_AF;
  }

  /** Clears the dirty state (write-back begins): the next store faults. */
  mkclean(slot: number): void {
    this.u32[slot + 1]! &= ~HI_DIRTY;
    this.u32[slot]! |= LO_RDONLY;
  }

  /** Updates an entry as hardware that manages access flag and dirty state does when it permits an access. */
  touch(slot: number, store: boolean): void {
    this.setBits(slot, store ? PTE_YOUNG | PTE_DIRTY : PTE_YOUNG);
  }

  /** Sets any of PTE_WRITE, PTE_DIRTY, PTE_YOUNG, PTE_SPECIAL. */
  setBits(slot: number, bits: number): void {
    const lo = this.u32[slot]!;
    const hi = settled(lo, this.u32[slot + 1]!) | highBits(bits);
    this.u32[slot + 1] = hi;
    this.u32[slot] = withRdonly(lo | ((bits & PTE_YOUNG) << YOUNG_SHIFT), hi);
  }

  /** Clears any of PTE_WRITE, PTE_DIRTY, PTE_YOUNG, PTE_SPECIAL. */
  clearBits(slot: number, bits: number): void {
    const lo = this.u32[slot]!;
    const hi = settled(lo, this.u32[slot + 1]!) & ~highBits(bits);
    this.u32[slot + 1] = hi;
    this.u32[slot] = withRdonly(lo & ~((bits & PTE_YOUNG) << YOUNG_SHIFT), hi);
  }

  /**
   * Replaces the protection (pte_modify): frame, DIRTY, AF, SPECIAL and memory type stay.
   *
   * @param prot as in setEntry
   * @param bits PTE_WRITE sets or clears WRITE; PTE_DIRTY and PTE_SPECIAL may be added
   */
  changeProt(slot: number, prot: number, bits: number): void {
    const lo = this.u32[slot]!;
    const hi = (settled(lo, this.u32[slot + 1]!) & ~HI_PROT_BITS) | PROT_HI[prot]! | highBits(bits);
    this.u32[slot + 1] = hi;
    // Ordinary memory may get tags or lose them.
    const mask = LO_PROT_BITS | ((lo & LO_NORMAL) >>> 2);
    this.u32[slot] = withRdonly((lo & ~mask) | (this.protLo[prot]! & mask), hi);
  }

  // ---- huge pages: one block, or a contiguous run that changes as a whole. `size` is one of the arch's hugeSizes.

  /**
   * Returns the first slot of the huge page of `size` bytes around `addr`.
   *
   * @returns -1 when a table is missing, or the block's entry is a table
   * @throws RangeError when the granule has no such huge page
   */
  slotHuge(addr: number, size: number): number {
    const { contPteSize, contPmds, contPmdSize, pmdSize, pudSize } = this.geo;
    if (size === contPteSize) return this.slot(addr - (addr & (size - 1)));
    const key = (addr * this.perLeafSpan) | 0;
    if (size === pmdSize) return this.blockSlot(key, 0);
    if (size === contPmdSize) return this.blockSlot(key & -contPmds, 0);
    if (size === pudSize) return this.blockSlot(key, this.levelBits);
    throw noHugeSize(size);
  }

  /**
   * {@link slotHuge} that allocates the tables above, and frees an empty table in the block's place.
   *
   * @returns -1 without memory for a table
   * @throws RangeError as slotHuge; Error when a table in use is in its place
   */
  slotHugeAlloc(addr: number, size: number): number {
    const { contPteSize, contPmds, contPmdSize, pmdSize, pudSize } = this.geo;
    if (size === contPteSize) return this.slotAlloc(addr - (addr & (size - 1)));
    const key = (addr * this.perLeafSpan) | 0;
    if (size === pmdSize) return this.blockSlotAlloc(key, 0, 1);
    if (size === contPmdSize) return this.blockSlotAlloc(key & -contPmds, 0, contPmds);
    if (size === pudSize) return this.blockSlotAlloc(key, this.levelBits, 1);
    throw noHugeSize(size);
  }

  /** {@link entry} of a whole huge page: DIRTY and YOUNG when any entry of the run is. */
  entryHuge(slot: number, size: number): number {
    let bits = this.entry(slot);
    for (let s = slot + 2, end = this.runEnd(slot, size); s < end; s += 2) {
      bits |= this.entry(s) & (PTE_DIRTY | PTE_YOUNG);
    }
    return bits;
  }

  /** {@link setEntry} for a huge page; `pfn` is its first frame, aligned to `size`. */
  setHuge(slot: number, size: number, pfn: number, prot: number, bits: number): void {
    const end = this.runEnd(slot, size);
    const count = (end - slot) / 2;
    const step = size / count / this.geo.pageSize;
    const hiBits = PROT_HI[prot]! | highBits(bits) | (count > 1 ? HI_CONT : 0);
    const typeMask = size === this.geo.contPteSize ? -1 : ~LO_TABLE;
    const shift = this.pageShift;
    for (let s = slot, frame = pfn; s < end; s += 2, frame += step) {
      const hi = hiBits | (frame >>> (32 - shift));
      this.u32[s + 1] = hi;
      this.u32[s] = withRdonly((this.protLo[prot]! | (frame << shift)) & typeMask, hi);
    }
  }

  /** {@link clear} for a huge page. */
  clearHuge(slot: number, size: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.clear(s);
  }

  /** {@link wrprotect} for a huge page. */
  wrprotectHuge(slot: number, size: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.wrprotect(s);
  }

  /** {@link mkwriteDirty} for a huge page. */
  mkwriteDirtyHuge(slot: number, size: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.mkwriteDirty(s);
  }

  /** {@link mkold} for a huge page. */
  mkoldHuge(slot: number, size: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.mkold(s);
  }

  /** {@link mkclean} for a huge page. */
  mkcleanHuge(slot: number, size: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.mkclean(s);
  }

  /** {@link setBits} for a huge page. */
  setBitsHuge(slot: number, size: number, bits: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.setBits(s, bits);
  }

  /** {@link clearBits} for a huge page. */
  clearBitsHuge(slot: number, size: number, bits: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.clearBits(s, bits);
  }

  /** {@link changeProt} for a huge page. */
  changeProtHuge(slot: number, size: number, prot: number, bits: number): void {
    for (let s = slot, end = this.runEnd(slot, size); s < end; s += 2) this.changeProt(s, prot, bits);
  }

  /** Returns the index behind the last word of a huge page's entries. */
  private runEnd(slot: number, size: number): number {
    if (size === this.geo.contPteSize) return slot + 2 * this.geo.contPtes;
    if (size === this.geo.contPmdSize) return slot + 2 * this.geo.contPmds;
    return slot + 2;
  }

  // ---- many page entries of one last-level table

  /**
   * Copies the entries of [start, end) for a child (fork) as old, and write-protects both sides if requested.
   * Takes six parameters, as mm-core's port does: fork calls it for each last-level table.
   *
   * @param start page-aligned like `end`; both in the span of one last-level table, which holds no huge page
   * @param dst the child's tables; it has an empty last-level table there
   * @param wrprotect whether to clear WRITE on both sides
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
    const shift = this.pageShift;
    const distance = dst.slot(start) - first;
    const last = first + ((end - start) >>> shift) * 2;
    const takeHi = wrprotect ? HI_WRITE : 0;
    const takeChild = clean ? HI_DIRTY : 0;
    let n = 0;
    for (let s = first; s < last; s += 2) {
      let lo = u32[s]! | 0;
      if (lo === 0) continue;
      const was = u32[s + 1]! | 0;
      let hi = was;
      if ((was & takeHi) !== 0) {
        hi = settled(lo, was) & ~HI_WRITE;
        lo |= LO_RDONLY;
        u32[s] = lo;
        u32[s + 1] = hi;
      }
      const childHi = hi & ~takeChild;
      u32[s + distance] = withRdonly(lo, childHi) & ~LO_AF;
      u32[s + distance + 1] = childHi;
      if ((hi & HI_SPECIAL) === 0) pfns[n++] = (hi << (32 - shift)) | (lo >>> shift);
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
    const shift = this.pageShift;
    const last = first + ((end - start) >>> shift) * 2;
    let n = 0;
    for (let s = first; s < last; s += 2) {
      const lo = u32[s]! | 0;
      if (lo === 0) continue;
      const hi = u32[s + 1]! | 0;
      u32[s] = 0;
      u32[s + 1] = 0;
      if ((hi & HI_SPECIAL) !== 0) continue;
      const dirty = (settled(lo, hi) & HI_DIRTY) !== 0 ? 1 : 0;
      out[n++] = (((hi << (32 - shift)) | (lo >>> shift)) << 1) | dirty;
    }
    return n;
  }
}

function noHugeSize(size: number): RangeError {
  return new RangeError(`arm64 page tables: no huge page of ${size} bytes with this granule`);
}

/** Returns WRITE, DIRTY and SPECIAL of the generic bits, in the high word. */
function highBits(bits: number): number {
  return (
    ((bits & PTE_WRITE) << WRITE_SHIFT) | ((bits & PTE_DIRTY) << DIRTY_SHIFT) | ((bits & PTE_SPECIAL) << SPECIAL_SHIFT)
  );
}

/** Returns the low word with RDONLY as the high word requires it. */
function withRdonly(lo: number, hi: number): number {
  const both = HI_WRITE | HI_DIRTY;
  return (hi & both) === both ? lo & ~LO_RDONLY : lo | LO_RDONLY;
}

/** Returns the high word, with DIRTY for a page that hardware made dirty (WRITE and not RDONLY). */
function settled(lo: number, hi: number): number {
  return (hi & HI_WRITE) !== 0 && (lo & LO_RDONLY) === 0 ? hi | HI_DIRTY : hi;
}

/** The generic bits of descriptor bits 51..58: one look-up instead of a dozen operations in every walk. */
const HI_GENERIC: Uint16Array = Uint16Array.from({ length: 256 }, (_, i) => {
  const hi = i << HI_GENERIC_SHIFT;
  return (
    ((hi & HI_PROT_NONE) !== 0 ? PTE_PRESENT | PTE_NONE_PROT : 0) |
    ((hi & HI_WRITE) !== 0 ? PTE_WRITE : 0) |
    ((hi & HI_DIRTY) !== 0 ? PTE_DIRTY : 0) |
    ((hi & HI_SPECIAL) !== 0 ? PTE_SPECIAL : 0) |
    ((hi & HI_UXN) === 0 ? PTE_EXEC : 0) |
    ((hi & HI_CONT) !== 0 ? PTE_HUGE : 0)
  );
});

function genericBits(lo: number, hi: number): number {
  const bits = HI_GENERIC[(hi >>> HI_GENERIC_SHIFT) & 255]!;
  return (
    bits |
    // Hardware made it dirty: WRITE, and RDONLY is clear.
    ((bits << 1) & ~(lo >>> RDONLY_SHIFT) & PTE_DIRTY) |
    (lo & (PTE_PRESENT | PTE_USER)) |
    ((lo >>> YOUNG_SHIFT) & PTE_YOUNG) |
    ((~lo & LO_TABLE) << BLOCK_SHIFT)
  );
}
