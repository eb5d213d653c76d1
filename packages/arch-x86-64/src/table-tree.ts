/**
 * The tree of page tables inside physical memory: finds, allocates and frees tables, and iterates over their entries.
 * Not here: the contents of entries (page-tables.ts).
 *
 * An address is split once: `key` is the number of the last-level table that covers it (26 bits with four levels, 35 with
 * five, hence a double), the low bits select the entry in it. The last table found is cached, because faults, zaps and forks
 * visit neighbours.
 *
 * Preconditions everywhere: 0 <= addr < 2^47 (five levels: 2^56); physical memory starts at frame 0 of the word array.
 * Mirrors mm/memory.c (free_pgd_range) and arch/x86/include/asm/pgtable_64.h.
 */
import { HI_ADDR_MASK, LO_ACCESSED, LO_DIRTY, LO_PRESENT, LO_PS, LO_RW, LO_USER } from './bits.ts';
import { LEVEL_BITS, type Levels, PAGE_SHIFT, PAGE_SIZE, PMD_SIZE, PUD_SIZE, userBits } from './geometry.ts';

/** Physical memory as 32-bit words, frame 0 first. The array must stay the same one for the life of the tables. */
export interface PhysicalMemory {
  readonly u32: Uint32Array;
}

/** The source of frames for tables. */
export interface TableAllocator {
  /** Returns a zeroed frame for one table, or -1 without memory. */
  allocTable(): number;
  /** Frees a frame of allocTable. Its contents are undefined. */
  freeTable(pfn: number): void;
}

/** An entry's upper address half, in words: bit 32 of a byte address is bit 30 of a word index. */
const WORDS_PER_4G = 0x40000000;

/** _PAGE_TABLE: the bits of an entry that points to a table. */
const TABLE_ENTRY: number = LO_PRESENT | LO_RW | LO_USER | LO_ACCESSED | LO_DIRTY;
/** Present and no huge page: a table. */
const KIND_MASK: number = LO_PRESENT | LO_PS;
const TABLE_KIND: number = LO_PRESENT;

const WORDS: number = PAGE_SIZE / 4;
const INDEX_MASK: number = 2 ** LEVEL_BITS - 1;
const LEAF_MASK: number = PMD_SIZE - 1;
const PER_LEAF: number = 1 / PMD_SIZE;
/** Clears, in an entry's low word divided by 4, the bits that are no address. */
const TABLE_MASK: number = ~(WORDS - 1);
/** The shift of the top level of five: its keys do not fit in 32 bits. */
const P4D_SHIFT: number = 3 * LEVEL_BITS;

/** Returns the index that the key selects in a table of a level. */
function indexAt(key: number, shift: number): number {
  return (shift === P4D_SHIFT ? Math.floor(key / 2 ** P4D_SHIFT) : key >>> shift) & INDEX_MASK;
}

/** See the head of the file. X86PageTables extends it. */
export class TableTree {
  /** Frame of the top table (the pgd). */
  readonly root: number;
  /** Physical byte address of the top table, for CR3. */
  readonly ttbr0: number;
  /** Last-level tables in the tree. */
  leafTables: number;
  /** Tables of the second and third level: VmPTE also counts them. */
  upperTables: number;
  /** With five levels: tables below the top one, one for each 256 TiB. VmPTE does not count them. */
  p4dTables: number;

  /** Slot of the entry that nextEntry found. */
  curSlot: number;
  /** Bytes that this entry covers. */
  curSize: number;
  /** First byte that it covers; the next search starts at `curAddr + curSize`. */
  curAddr: number;

  protected readonly u32: Uint32Array;
  /** First address beyond the tables' reach. */
  protected readonly addrEnd: number;
  private readonly alloc: TableAllocator;
  /** Whether physical memory is larger than 4 GiB. */
  private readonly beyond4G: boolean;
  protected readonly rootBase: number;
  /** The shift of a key for the index into the top table. */
  protected readonly topShift: number;
  /** The last last-level table found: its key (-1 = none) and its first word. */
  protected leafKey: number;
  protected leafBase: number;

  constructor(levels: Levels, mem: PhysicalMemory, alloc: TableAllocator, root: number) {
    this.root = root;
    this.ttbr0 = root * PAGE_SIZE;
    this.leafTables = 0;
    this.upperTables = 0;
    this.p4dTables = 0;
    this.curSlot = -1;
    this.curSize = 0;
    this.curAddr = 0;
    this.u32 = mem.u32;
    this.addrEnd = 2 ** userBits(levels);
    this.alloc = alloc;
    this.beyond4G = mem.u32.length > WORDS_PER_4G;
    this.rootBase = root * WORDS;
    this.topShift = LEVEL_BITS * (levels - 2);
    this.leafKey = -1;
    this.leafBase = 0;
  }

  /**
   * Returns the word index of the page entry for `addr`.
   *
   * @returns -1 when a table is missing, or when a huge page covers the address
   */
  slot(addr: number): number {
    const key = Math.floor(addr * PER_LEAF);
    if (key !== this.leafKey && !this.enterLeaf(key)) return -1;
    return this.leafBase + ((addr & LEAF_MASK) >>> PAGE_SHIFT) * 2;
  }

  /**
   * {@link slot} that allocates missing tables.
   *
   * @returns -1 without memory for a table; tables allocated so far stay until freeRange
   * @throws Error when a huge page covers the address: the caller must clear it first
   */
  slotAlloc(addr: number): number {
    const key = Math.floor(addr * PER_LEAF);
    if (key !== this.leafKey) {
      const base = this.tableAlloc(key, 0);
      if (base < 0) return -1;
      this.leafKey = key;
      this.leafBase = base;
    }
    return this.leafBase + ((addr & LEAF_MASK) >>> PAGE_SHIFT) * 2;
  }

  /** Caches the last-level table of `key`; returns false when a table is missing or a huge page covers it. */
  protected enterLeaf(key: number): boolean {
    const table = this.tableAt(key, 0);
    if (table < 0) return false;
    this.leafKey = key;
    this.leafBase = table;
    return true;
  }

  /**
   * Returns the first word of the table below the level-`downTo` entry for `key`: the last-level table when `downTo` is 0, the
   * root when it is above topShift. Returns -1 when a table is missing.
   */
  private tableAt(key: number, downTo: number): number {
    const u32 = this.u32;
    let table = this.rootBase;
    for (let shift = this.topShift; shift >= downTo; shift -= LEVEL_BITS) {
      const s = table + indexAt(key, shift) * 2;
      const lo = u32[s]!;
      if ((lo & KIND_MASK) !== TABLE_KIND) return -1;
      table = this.child(s);
    }
    return table;
  }

  private tableAlloc(key: number, downTo: number): number {
    const u32 = this.u32;
    let table = this.rootBase;
    for (let shift = this.topShift; shift >= downTo; shift -= LEVEL_BITS) {
      const s = table + indexAt(key, shift) * 2;
      const lo = u32[s]!;
      if ((lo & KIND_MASK) === TABLE_KIND) {
        table = this.child(s);
        continue;
      }
      if (lo !== 0) {
        throw new Error(`slotAlloc: a huge page already maps 0x${(key * PMD_SIZE).toString(16)}`);
      }
      const pfn = this.alloc.allocTable();
      if (pfn < 0) return -1;
      u32[s + 1] = pfn >>> (32 - PAGE_SHIFT);
      u32[s] = (pfn << PAGE_SHIFT) | TABLE_ENTRY;
      this.count(shift, 1);
      table = pfn * WORDS;
    }
    return table;
  }

  /** Counts the tables in entries of a level. */
  private count(shift: number, change: number): void {
    if (shift === 0) this.leafTables += change;
    else if (shift === P4D_SHIFT) this.p4dTables += change;
    else this.upperTables += change;
  }

  /** Returns the first word of the table that the entry in `s` points to. */
  protected child(s: number): number {
    const low = (this.u32[s]! >>> 2) & TABLE_MASK;
    return this.beyond4G ? low + (this.u32[s + 1]! & HI_ADDR_MASK) * WORDS_PER_4G : low;
  }

  /**
   * Returns the word index of the entry for `key` of a huge page of 2 MiB (`shift` 0) or 1 GiB (`shift` LEVEL_BITS).
   *
   * @returns -1 when a table is missing, or the entry is a table
   */
  protected hugeSlotAt(key: number, shift: number): number {
    const table = this.tableAt(key, shift + LEVEL_BITS);
    if (table < 0) return -1;
    const s = table + indexAt(key, shift) * 2;
    return (this.u32[s]! & KIND_MASK) === TABLE_KIND ? -1 : s;
  }

  /**
   * {@link hugeSlotAt} that allocates tables above, and frees an empty table in its place.
   *
   * @returns -1 without memory
   * @throws Error when a table that is not empty is in its place
   */
  protected hugeSlotAlloc(key: number, shift: number): number {
    const table = this.tableAlloc(key, shift + LEVEL_BITS);
    if (table < 0) return -1;
    const s = table + indexAt(key, shift) * 2;
    if ((this.u32[s]! & KIND_MASK) === TABLE_KIND) {
      if (!this.isEmpty(this.child(s), shift)) {
        throw new Error(`slotHugeAlloc: a page table is in use at 0x${(key * PMD_SIZE).toString(16)}`);
      }
      this.freeBelow(s, shift);
    }
    return s;
  }

  /** Returns whether the table below an entry of level `shift` holds only empty tables. */
  private isEmpty(table: number, shift: number): boolean {
    for (let s = table; s < table + WORDS; s += 2) {
      const lo = this.u32[s]!;
      if (lo === 0) continue;
      if (shift === 0 || (lo & KIND_MASK) !== TABLE_KIND) return false;
      if (!this.isEmpty(this.child(s), shift - LEVEL_BITS)) return false;
    }
    return true;
  }

  /**
   * Finds the next entry that is not none.
   *
   * @returns the smallest address >= `addr` and < `end` that an entry covers (`addr` itself when it is inside a huge
   * page), or -1. Sets curSlot, curSize and curAddr; the next search starts at `curAddr + curSize`.
   */
  nextEntry(addr: number, end: number): number {
    // Tries the neighbour of the last entry found; small enough to be inlined into the caller's loop.
    if (addr < end && Math.floor(addr * PER_LEAF) === this.leafKey) {
      const s = this.leafBase + ((addr & LEAF_MASK) >>> PAGE_SHIFT) * 2;
      if (this.u32[s] !== 0) {
        this.curSlot = s;
        this.curSize = PAGE_SIZE;
        this.curAddr = addr - (addr & (PAGE_SIZE - 1));
        return addr;
      }
    }
    return this.searchEntry(addr, end);
  }

  private searchEntry(addr: number, end: number): number {
    if (addr >= end) return -1;
    const u32 = this.u32;
    const lastKey = Math.floor((end - PAGE_SIZE) * PER_LEAF);
    let key = Math.floor(addr * PER_LEAF);
    let index = (addr & LEAF_MASK) >>> PAGE_SHIFT;
    while (key <= lastKey) {
      let table: number;
      if (key === this.leafKey) {
        table = this.leafBase;
      } else {
        // Goes down to the last-level table, to the end of an empty range, or to a huge page.
        table = this.rootBase;
        let shift = this.topShift;
        let s: number;
        let lo: number;
        for (;;) {
          s = table + indexAt(key, shift) * 2;
          lo = u32[s]!;
          if ((lo & KIND_MASK) !== TABLE_KIND) break;
          table = this.child(s);
          if (shift === 0) break;
          shift -= LEVEL_BITS;
        }
        if (lo === 0) {
          const scale = 2 ** shift;
          let entry = Math.floor(key / scale);
          const last = Math.min(Math.floor(lastKey / scale), entry - (entry & INDEX_MASK) + INDEX_MASK);
          do {
            entry++;
            s += 2;
          } while (entry <= last && u32[s] === 0);
          key = entry * scale;
          index = 0;
          continue;
        }
        if ((lo & KIND_MASK) !== TABLE_KIND) return this.foundHuge(addr, key, shift, s);
        this.leafKey = key;
        this.leafBase = table;
      }
      const last = key === lastKey ? ((end - PAGE_SIZE) & LEAF_MASK) >>> PAGE_SHIFT : INDEX_MASK;
      let s = table + index * 2;
      while (index <= last && u32[s] === 0) {
        index++;
        s += 2;
      }
      if (index <= last) {
        const at = key * PMD_SIZE + (index << PAGE_SHIFT);
        this.curSlot = s;
        this.curSize = PAGE_SIZE;
        this.curAddr = at;
        return at < addr ? addr : at;
      }
      key++;
      index = 0;
    }
    return -1;
  }

  private foundHuge(addr: number, key: number, shift: number, slot: number): number {
    const size = shift === 0 ? PMD_SIZE : PUD_SIZE;
    const at = Math.floor((key * PMD_SIZE) / size) * size;
    this.curSlot = slot;
    this.curSize = size;
    this.curAddr = at;
    return at < addr ? addr : at;
  }

  /**
   * Frees the tables of [start, end): each table whose whole span is inside [floor, ceiling), where no other mapping is. The
   * caller has cleared the entries.
   *
   * @param floor end of the mapping below (0 when there is none)
   * @param ceiling start of the mapping above; 0 = none, up to the end of the address space
   */
  freeRange(start: number, end: number, floor: number, ceiling: number): void {
    if (start >= end) return;
    const top = ceiling === 0 ? Infinity : ceiling;
    // As free_pgd_range: no table can be freed when not even a last-level table fits inside. This ends most calls.
    let from = start - (start & LEAF_MASK);
    if (from < floor) from += PMD_SIZE;
    let to = end - PAGE_SIZE - ((end - PAGE_SIZE) & LEAF_MASK) + PMD_SIZE;
    if (to > top) to -= PMD_SIZE;
    if (from >= to || this.leafTables + this.upperTables + this.p4dTables === 0) return;
    this.freeIn(this.rootBase, this.topShift, start, end, floor, top);
  }

  /** Frees the tables of [start, end) below `table`. Takes six parameters, so that the recursion allocates no object per level. */
  private freeIn(table: number, shift: number, start: number, end: number, floor: number, ceiling: number): void {
    const span = (1 << shift) * PMD_SIZE;
    const last = Math.floor((end - PAGE_SIZE) / span);
    for (let n = Math.floor(start / span); n <= last; n++) {
      const s = table + (n & INDEX_MASK) * 2;
      if ((this.u32[s]! & KIND_MASK) !== TABLE_KIND) continue;
      const from = n * span;
      const to = from + span;
      if (from >= floor && to <= ceiling) {
        this.freeBelow(s, shift);
      } else if (shift > 0) {
        this.freeIn(this.child(s), shift - LEVEL_BITS, Math.max(start, from), Math.min(end, to), floor, ceiling);
      }
    }
  }

  /** Frees the table in the entry `s` of level `shift`, and every table below it, so that none leaks. */
  private freeBelow(s: number, shift: number): void {
    const table = this.child(s);
    if (shift > 0) {
      for (let t = table; t < table + WORDS; t += 2) {
        if ((this.u32[t]! & KIND_MASK) === TABLE_KIND) this.freeBelow(t, shift - LEVEL_BITS);
      }
    }
    this.count(shift, -1);
    this.u32[s] = 0;
    this.u32[s + 1] = 0;
    this.leafKey = -1;
    this.alloc.freeTable(table / WORDS);
  }

  /** Frees every table, including the root. The object must not be used afterwards. Does not touch what entries point to. */
  destroy(): void {
    const end = this.rootBase + WORDS;
    for (let s = this.rootBase; s < end; s += 2) {
      if ((this.u32[s]! & KIND_MASK) === TABLE_KIND) this.freeBelow(s, this.topShift);
    }
    this.alloc.freeTable(this.root);
  }
}
