/**
 * The tree of translation tables inside physical memory: finds, allocates and frees tables, and iterates over their entries.
 * Not here: the contents of last-level and block entries (page-tables.ts).
 *
 * An address is split once: `key` is the number of the last-level table that covers it (at most 31 bits, so all indices above
 * are integer operations), the low bits select the entry in it. The last table found is cached, because faults, zaps and forks
 * visit neighbours.
 *
 * Preconditions everywhere: 0 <= addr < 2^vaBits; physical memory starts at frame 0 of the word array.
 * Mirrors mm/memory.c (free_pgd_range) and arch/arm64/include/asm/pgtable.h (pXd_offset).
 */
import { HI_ADDR_MASK, HI_CONT, LO_TABLE, LO_TYPE_MASK } from './bits.ts';
import { type Geometry } from './geometry.ts';

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

/** A descriptor's upper address half, in words: bit 32 of a byte address is bit 30 of a word index. */
const WORDS_PER_4G = 0x40000000;

const TABLE_DESCRIPTOR = 3;

/** See the head of the file. Arm64PageTables extends it. */
export class TableTree {
  /** Frame of the root table (the pgd). */
  readonly root: number;
  /** Physical byte address of the root table, for TTBR0_EL1. */
  readonly ttbr0: number;
  /** Last-level tables in the tree: VmPTE of 4.4 counts them. */
  leafTables: number;
  /** Tables between the root and the last level: VmPTE of 6.1 also counts them. Linux does not count P4D tables (five levels). */
  upperTables: number;

  /** P4D tables, which only a tree of five levels has. */
  p4dTables: number;

  /** Slot of the entry that nextEntry found (of a contiguous run: its first). */
  curSlot: number;
  /** Bytes that this entry covers. */
  curSize: number;
  /** First byte that it covers; the next search starts at `curAddr + curSize`. */
  curAddr: number;

  protected readonly u32: Uint32Array;
  protected readonly geo: Geometry;
  /** First address beyond the tables' reach. */
  protected readonly addrEnd: number;
  protected readonly pageSize: number;
  protected readonly pageShift: number;
  private readonly alloc: TableAllocator;
  private readonly words: number;
  /** Whether physical memory is larger than 4 GiB. */
  private readonly beyond4G: boolean;
  protected readonly rootBase: number;
  private readonly levels: number;
  protected readonly levelBits: number;
  protected readonly indexMask: number;
  /** key >>> topShift is the index into the root table. */
  protected readonly topShift: number;
  private readonly leafSpan: number;
  protected readonly perLeafSpan: number;
  protected readonly leafMask: number;
  /** Clears, in a descriptor's low word divided by 4, the bits that are no address. */
  private readonly tableMask: number;
  /** The last last-level table found: its key (-1 = none) and its first word. */
  protected leafKey: number;
  protected leafBase: number;

  constructor(geo: Geometry, mem: PhysicalMemory, alloc: TableAllocator, root: number) {
    this.root = root;
    this.ttbr0 = root * geo.pageSize;
    this.leafTables = 0;
    this.upperTables = 0;
    this.p4dTables = 0;
    this.curSlot = -1;
    this.curSize = 0;
    this.curAddr = 0;
    this.u32 = mem.u32;
    this.geo = geo;
    this.addrEnd = 2 ** geo.vaBits;
    this.pageSize = geo.pageSize;
    this.pageShift = geo.pageShift;
    this.alloc = alloc;
    this.beyond4G = mem.u32.length > WORDS_PER_4G;
    this.words = geo.pageSize / 4;
    this.rootBase = root * this.words;
    this.levels = geo.levels;
    this.levelBits = geo.levelBits;
    this.indexMask = 2 ** geo.levelBits - 1;
    this.topShift = geo.levelBits * (geo.levels - 2);
    this.leafSpan = geo.pmdSize;
    this.perLeafSpan = 1 / geo.pmdSize;
    this.leafMask = geo.pmdSize - 1;
    this.tableMask = ~(geo.pageSize / 4 - 1);
    this.leafKey = -1;
    this.leafBase = 0;
  }

  /**
   * Returns the word index of the page entry for `addr`.
   *
   * @returns -1 when a table is missing, or when a block entry covers the address
   */
  slot(addr: number): number {
    const key = (addr * this.perLeafSpan) | 0;
    if (key !== this.leafKey && !this.enterLeaf(key)) return -1;
    return this.leafBase + ((addr & this.leafMask) >>> this.pageShift) * 2;
  }

  /**
   * {@link slot} that allocates missing tables.
   *
   * @returns -1 without memory for a table; tables allocated so far stay until freeRange
   * @throws Error when a block entry covers the address: the caller must clear it first
   */
  slotAlloc(addr: number): number {
    const key = (addr * this.perLeafSpan) | 0;
    if (key !== this.leafKey) {
      const base = this.tableAlloc(key, 0);
      if (base < 0) return -1;
      this.leafKey = key;
      this.leafBase = base;
    }
    return this.leafBase + ((addr & this.leafMask) >>> this.pageShift) * 2;
  }

  /**
   * Caches the last-level table of `key`; returns false when a table is missing or a block entry covers it.
   * The levels are written out: a loop takes 1.4 times as long. Reads upper address halves only in memory beyond 4 GiB, because
   * they are on the critical path.
   */
  protected enterLeaf(key: number): boolean {
    const u32 = this.u32;
    const tableMask = this.tableMask;
    let s = this.rootBase + (key >>> this.topShift) * 2;
    let lo = u32[s]!;
    if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return false;
    let table = (lo >>> 2) & tableMask;
    if (this.beyond4G) table += (u32[s + 1]! & HI_ADDR_MASK) * WORDS_PER_4G;
    if (this.levels > 3) {
      if (this.levels > 4) {
        s = table + ((key >>> (2 * this.levelBits)) & this.indexMask) * 2;
        lo = u32[s]!;
        if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return false;
        table = (lo >>> 2) & tableMask;
        if (this.beyond4G) table += (u32[s + 1]! & HI_ADDR_MASK) * WORDS_PER_4G;
      }
      s = table + ((key >>> this.levelBits) & this.indexMask) * 2;
      lo = u32[s]!;
      if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return false;
      table = (lo >>> 2) & tableMask;
      if (this.beyond4G) table += (u32[s + 1]! & HI_ADDR_MASK) * WORDS_PER_4G;
    }
    if (this.levels > 2) {
      s = table + (key & this.indexMask) * 2;
      lo = u32[s]!;
      if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return false;
      table = (lo >>> 2) & tableMask;
      if (this.beyond4G) table += (u32[s + 1]! & HI_ADDR_MASK) * WORDS_PER_4G;
    }
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
    const mask = this.indexMask;
    let table = this.rootBase;
    for (let shift = this.topShift; shift >= downTo; shift -= this.levelBits) {
      const s = table + ((key >>> shift) & mask) * 2;
      const lo = u32[s]!;
      if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return -1;
      table = this.child(s);
    }
    return table;
  }

  private tableAlloc(key: number, downTo: number): number {
    const u32 = this.u32;
    let table = this.rootBase;
    for (let shift = this.topShift; shift >= downTo; shift -= this.levelBits) {
      const s = table + ((key >>> shift) & this.indexMask) * 2;
      const lo = u32[s]!;
      if ((lo & LO_TYPE_MASK) === TABLE_DESCRIPTOR) {
        table = this.child(s);
        continue;
      }
      if (lo !== 0) {
        throw new Error(`slotAlloc: a block already maps 0x${(key * this.leafSpan).toString(16)}`);
      }
      const pfn = this.alloc.allocTable();
      if (pfn < 0) return -1;
      u32[s + 1] = pfn >>> (32 - this.pageShift);
      u32[s] = (pfn << this.pageShift) | TABLE_DESCRIPTOR;
      this.count(shift, 1);
      table = pfn * this.words;
    }
    return table;
  }

  /** Counts a table below a level-`shift` entry. */
  private count(shift: number, change: 1 | -1): void {
    if (shift === 0) this.leafTables += change;
    else if (this.levels > 4 && shift === this.topShift) this.p4dTables += change;
    else this.upperTables += change;
  }

  /** Returns the first word of the table that the table descriptor in `s` points to. */
  protected child(s: number): number {
    const low = (this.u32[s]! >>> 2) & this.tableMask;
    return this.beyond4G ? low + (this.u32[s + 1]! & HI_ADDR_MASK) * WORDS_PER_4G : low;
  }

  /**
   * Returns the word index of the level-2 (`shift` 0) or level-1 (`shift` levelBits) entry for `key`, which may be a block.
   *
   * @returns -1 when a table is missing, or the entry is a table
   */
  protected blockSlot(key: number, shift: number): number {
    const table = this.tableAt(key, shift + this.levelBits);
    if (table < 0) return -1;
    const s = table + ((key >>> shift) & this.indexMask) * 2;
    return (this.u32[s]! & LO_TABLE) !== 0 ? -1 : s;
  }

  /**
   * {@link blockSlot} for `count` entries from there on; allocates tables above, and frees empty tables in their place.
   *
   * @returns -1 without memory
   * @throws Error when a table that is not empty is in their place
   */
  protected blockSlotAlloc(key: number, shift: number, count: number): number {
    const table = this.tableAlloc(key, shift + this.levelBits);
    if (table < 0) return -1;
    const first = table + ((key >>> shift) & this.indexMask) * 2;
    for (let s = first; s < first + 2 * count; s += 2) {
      if ((this.u32[s]! & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) continue;
      if (!this.isEmpty(this.child(s), shift)) {
        throw new Error(`slotHugeAlloc: a page table is in use at 0x${(key * this.leafSpan).toString(16)}`);
      }
      this.freeBelow(s, shift);
    }
    return first;
  }

  /** Returns whether the table below a level-`shift` entry holds only empty tables. */
  private isEmpty(table: number, shift: number): boolean {
    for (let s = table; s < table + this.words; s += 2) {
      const lo = this.u32[s]!;
      if (lo === 0) continue;
      if (shift === 0 || (lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return false;
      if (!this.isEmpty(this.child(s), shift - this.levelBits)) return false;
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
    if (addr < end && ((addr * this.perLeafSpan) | 0) === this.leafKey) {
      const s = this.leafBase + ((addr & this.leafMask) >>> this.pageShift) * 2;
      if (this.u32[s] !== 0 && (this.u32[s + 1]! & HI_CONT) === 0) {
        this.curSlot = s;
        this.curSize = this.pageSize;
        this.curAddr = addr - (addr & (this.pageSize - 1));
        return addr;
      }
    }
    return this.searchEntry(addr, end);
  }

  private searchEntry(addr: number, end: number): number {
    if (addr >= end) return -1;
    const u32 = this.u32;
    const lastKey = ((end - 1) * this.perLeafSpan) | 0;
    let key = (addr * this.perLeafSpan) | 0;
    let index = (addr & this.leafMask) >>> this.pageShift;
    while (key <= lastKey) {
      let table: number;
      if (key === this.leafKey) {
        table = this.leafBase;
      } else {
        // Goes down to the last-level table, to the end of an empty range, or to a block.
        table = this.rootBase;
        let shift = this.topShift;
        let s: number;
        let lo: number;
        for (;;) {
          s = table + ((key >>> shift) & this.indexMask) * 2;
          lo = u32[s]!;
          if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) break;
          table = this.child(s);
          if (shift === 0) break;
          shift -= this.levelBits;
        }
        if (lo === 0) {
          let entry = key >>> shift;
          const last = Math.min(lastKey >>> shift, entry | this.indexMask);
          do {
            entry++;
            s += 2;
          } while (entry <= last && u32[s] === 0);
          key = entry * 2 ** shift;
          index = 0;
          continue;
        }
        if ((lo & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) return this.foundBlock(addr, key, shift, s);
        this.leafKey = key;
        this.leafBase = table;
      }
      const last = key === lastKey ? ((end - 1) & this.leafMask) >>> this.pageShift : this.indexMask;
      let s = table + index * 2;
      while (index <= last && u32[s] === 0) {
        index++;
        s += 2;
      }
      if (index <= last) {
        let size = this.pageSize;
        if ((u32[s + 1]! & HI_CONT) !== 0) {
          size = this.geo.contPteSize;
          const into = index & (this.geo.contPtes - 1);
          index -= into;
          s -= 2 * into;
        }
        const at = key * this.leafSpan + (index << this.pageShift);
        this.curSlot = s;
        this.curSize = size;
        this.curAddr = at;
        return at < addr ? addr : at;
      }
      key++;
      index = 0;
    }
    return -1;
  }

  private foundBlock(addr: number, key: number, shift: number, slot: number): number {
    let entry = key >>> shift;
    let size = shift === 0 ? this.leafSpan : this.geo.pudSize;
    if ((this.u32[slot + 1]! & HI_CONT) !== 0) {
      const into = entry & (this.geo.contPmds - 1);
      entry -= into;
      slot -= 2 * into;
      size = this.geo.contPmdSize;
    }
    const at = entry * (shift === 0 ? this.leafSpan : this.geo.pudSize);
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
    let from = start - (start & this.leafMask);
    if (from < floor) from += this.leafSpan;
    let to = end - 1 - ((end - 1) & this.leafMask) + this.leafSpan;
    if (to > top) to -= this.leafSpan;
    if (from >= to || this.leafTables + this.upperTables + this.p4dTables === 0) return;
    this.freeIn(this.rootBase, this.topShift, start, end, floor, top);
  }

  /** Frees the tables of [start, end) below `table`. Takes six parameters, so that the recursion allocates no object per level. */
  private freeIn(table: number, shift: number, start: number, end: number, floor: number, ceiling: number): void {
    const span = (1 << shift) * this.leafSpan;
    const last = Math.floor((end - 1) / span);
    for (let n = Math.floor(start / span); n <= last; n++) {
      const s = table + (n & this.indexMask) * 2;
      if ((this.u32[s]! & LO_TYPE_MASK) !== TABLE_DESCRIPTOR) continue;
      const from = n * span;
      const to = from + span;
      if (from >= floor && to <= ceiling) {
        this.freeBelow(s, shift);
      } else if (shift > 0) {
        this.freeIn(this.child(s), shift - this.levelBits, Math.max(start, from), Math.min(end, to), floor, ceiling);
      }
    }
  }

  /** Frees the table in the level-`shift` entry `s`, and every table below it, so that none leaks. */
  private freeBelow(s: number, shift: number): void {
    const table = this.child(s);
    if (shift > 0) {
      for (let t = table; t < table + this.words; t += 2) {
        if ((this.u32[t]! & LO_TYPE_MASK) === TABLE_DESCRIPTOR) this.freeBelow(t, shift - this.levelBits);
      }
    }
    this.count(shift, -1);
    this.u32[s] = 0;
    this.u32[s + 1] = 0;
    this.leafKey = -1;
    this.alloc.freeTable(table / this.words);
  }

  /** Frees every table, including the root. The object must not be used afterwards. Does not touch what entries point to. */
  destroy(): void {
    const end = this.rootBase + 2 * this.geo.rootEntries;
    for (let s = this.rootBase; s < end; s += 2) {
      if ((this.u32[s]! & LO_TYPE_MASK) === TABLE_DESCRIPTOR) this.freeBelow(s, this.topShift);
    }
    this.alloc.freeTable(this.root);
  }
}
