/**
 * Finds what an arm64 MMU finds in translation tables: every page and block of a TTBR0 value, with its permissions.
 *
 * Written from the architecture's description of the VMSAv8-64 stage 1 translation at EL0 only: no constant and no function is
 * shared with the package that builds the tables. It does not depend on Linux.
 */

/** A page, a block, or a whole contiguous run of either. Addresses and sizes in bytes. */
export interface Translation {
  readonly va: number;
  readonly pa: number;
  readonly size: number;
  /** The rights of EL0; none while the access flag is clear, since every access faults then. */
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  /** FEAT_BTI: a branch may enter only at a landing instruction. */
  readonly guarded: boolean;
  /** Index into MAIR_EL1. */
  readonly attrIndex: number;
}

const TWO32 = 2 ** 32;

/** Entries of a contiguous run: by log2 of the granule, and whether they are pages (level 3) or blocks. */
function runLength(granule: number, level: number): number {
  if (granule === 12) return 16;
  if (granule === 14) return level === 3 ? 128 : 32;
  return 32;
}

/** The levels that may have a block. */
function mayBeBlock(granule: number, level: number): boolean {
  return level === 2 || (level === 1 && granule === 12);
}

/** Walks one set of tables. */
class Walk {
  readonly found: Translation[] = [];
  private readonly u32: Uint32Array;
  private readonly granule: number;
  private readonly inputBits: number;
  /** TCR_EL1.DS (FEAT_LPA2): bits 9:8 of a descriptor are bits 51:50 of the output address, 49:48 are in their place. */
  private readonly ds: boolean;

  constructor(u32: Uint32Array, granule: number, inputBits: number) {
    this.u32 = u32;
    this.granule = granule;
    this.inputBits = inputBits;
    // T0SZ below 16 needs DS with 4K and 16K granules, and FEAT_LVA with 64K.
    this.ds = inputBits > 48 && granule < 16;
  }

  /** Walks one table; `limits` are the restrictions of the tables above: bit 0 read-only, bit 1 not for EL0, bit 2 no execution. */
  table(base: number, level: number, va: number, limits: number): void {
    const { granule, u32 } = this;
    const low = granule + (granule - 3) * (3 - level);
    const entries = 2 ** (Math.min(low + granule - 3, this.inputBits) - low);
    const span = 2 ** low;
    for (let i = 0; i < entries; i++) {
      const word = base / 4 + i * 2;
      const lo = u32[word]!;
      if ((lo & 1) === 0) continue;
      const hi = u32[word + 1]!;
      const isTable = (lo & 2) !== 0;
      if (level < 3 && isTable) {
        const below = limits | (bit(hi, 30) ? 1 : 0) | (bit(hi, 29) ? 2 : 0) | (bit(hi, 28) ? 4 : 0);
        this.table(this.address(lo, hi, granule), level + 1, va + i * span, below);
        continue;
      }
      if (level < 3 ? !mayBeBlock(granule, level) : !isTable) {
        throw new Error(`a reserved descriptor at level ${level}, entry ${i}`);
      }
      const run = bit(hi, 20) ? runLength(granule, level) : 1;
      if (run > 1) {
        this.checkRun(word, i, run, span, low);
        if (i % run !== 0) continue;
      }
      this.leaf(word, va + i * span, span * run, low, limits);
    }
  }

  private address(lo: number, hi: number, from: number): number {
    const below = 2 ** Math.min(from, 32);
    const lowPart = from >= 32 ? 0 : Math.floor(lo / below) * below;
    if (this.ds && (lo & 0x300) !== 0) throw new Error('an output address beyond 50 bits');
    const highPart = from > 32 ? Math.floor((hi & 0xffff) / 2 ** (from - 32)) * 2 ** (from - 32) : hi & 0xffff;
    return highPart * TWO32 + lowPart;
  }

  /** Adds the translation of the page or block descriptor at `word`; `low` is the number of its offset bits. */
  private leaf(word: number, va: number, size: number, low: number, limits: number): void {
    const lo = this.u32[word]!;
    const hi = this.u32[word + 1]!;
    const pa = this.address(lo, hi, low);
    if (pa !== this.address(lo, hi, this.granule))
      throw new Error(`an output address that is not aligned, for 0x${va.toString(16)}`);
    const accessFlag = bit(lo, 10);
    const el0 = accessFlag && bit(lo, 6) && (limits & 2) === 0;
    this.found.push({
      va,
      pa,
      size,
      read: el0,
      write: el0 && !bit(lo, 7) && (limits & 1) === 0,
      execute: accessFlag && !bit(hi, 22) && (limits & 4) === 0,
      guarded: bit(hi, 18),
      attrIndex: (lo >>> 2) & 7,
    });
  }

  /** Checks that all entries of a run are equal except for consecutive addresses, the first one aligned to the run. */
  private checkRun(word: number, index: number, run: number, span: number, low: number): void {
    const { u32 } = this;
    const first = word - (index % run) * 2;
    const start = this.address(u32[first]!, u32[first + 1]!, low);
    if (start % (run * span) !== 0) throw new Error('a contiguous run that is not aligned');
    const offset = this.address(u32[word]!, u32[word + 1]!, low) - start;
    const attributes = (at: number): number => (u32[at]! & 0xfff) + (u32[at + 1]! >>> 16) * 4096;
    if (offset !== (index % run) * span || attributes(word) !== attributes(first)) {
      throw new Error(`entry ${index % run} of a contiguous run differs`);
    }
  }
}

function bit(word: number, number: number): boolean {
  return ((word >>> number) & 1) !== 0;
}

/**
 * Returns every translation of a set of tables, in the order of addresses.
 *
 * @param u32 physical memory
 * @param ttbr0 byte address of the first table
 * @param granule log2 of the granule: 12, 14, 16
 * @param t0sz TCR_EL1.T0SZ
 * @throws Error when the tables break a rule for which the architecture defines no behaviour
 */
export function translations(u32: Uint32Array, ttbr0: number, granule: number, t0sz: number): Translation[] {
  const inputBits = 64 - t0sz;
  const walk = new Walk(u32, granule, inputBits);
  walk.table(ttbr0, 4 - Math.ceil((inputBits - granule) / (granule - 3)), 0, 0);
  return walk.found;
}
