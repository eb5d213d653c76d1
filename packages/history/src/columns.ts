/**
 * Growing columns of numbers: a table of columns stores rows without an object for each. A column grows by pieces of equal
 * length, so that no more than a piece is unused.
 */

/** The typed arrays of columns. */
type Numbers = Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** Numbers in a piece, as a power of two. */
const PIECE_BITS = 10;
const PIECE = 1 << PIECE_BITS;

/** Bytes of an entry of a Map, estimated for V8. */
const ENTRY_BYTES = 40;

/** A growing list of 8, 16 or 32-bit numbers. */
export class Column<T extends Numbers> {
  readonly #pieces: T[] = [];
  readonly #make: (length: number) => T;
  length: number = 0;

  constructor(make: (length: number) => T) {
    this.#make = make;
  }

  /** The size in bytes. */
  get bytes(): number {
    const [first] = this.#pieces;
    return first === undefined ? 0 : first.byteLength * this.#pieces.length;
  }

  get(i: number): number {
    return this.#pieces[i >> PIECE_BITS]![i & (PIECE - 1)]!;
  }

  set(i: number, value: number): void {
    this.#pieces[i >> PIECE_BITS]![i & (PIECE - 1)] = value;
  }

  push(value: number): void {
    const at = this.length & (PIECE - 1);
    if (at === 0) this.#pieces.push(this.#make(PIECE));
    this.#pieces[this.length++ >> PIECE_BITS]![at] = value;
  }
}

/** Creates a column of unsigned 32-bit numbers. */
export function ordinals(): Column<Uint32Array> {
  return new Column((length) => new Uint32Array(length));
}

/** Added to a number of a {@link Wide} column, so that errnos are positive. */
const BIAS = 2 ** 16;
/** The upper 16 bits of what is no plain number; the lower half says what it is. No kernel places a mapping there by itself. */
const SPECIAL = 0xa5a5;
const IS_NAN = 0;
const IS_KEPT = 1;

/**
 * A column of addresses, sizes and results in 6 bytes each: whole numbers from -65,536 to 2^48 - 65,537, and NaN. Any other
 * number, and those with {@link SPECIAL} as upper bits, are kept in a map.
 */
export class Wide {
  readonly #low = ordinals();
  readonly #high = new Column<Uint16Array>((length) => new Uint16Array(length));
  readonly #kept = new Map<number, number>();

  get length(): number {
    return this.#low.length;
  }

  /** The size in bytes. */
  get bytes(): number {
    return this.#low.bytes + this.#high.bytes + this.#kept.size * ENTRY_BYTES;
  }

  get(i: number): number {
    const high = this.#high.get(i);
    const low = this.#low.get(i);
    if (high !== SPECIAL) return high * 2 ** 32 + low - BIAS;
    return low === IS_NAN ? NaN : this.#kept.get(i)!;
  }

  set(i: number, value: number): void {
    const shifted = value + BIAS;
    const high = Math.floor(shifted / 2 ** 32);
    if (high >= 0 && high <= 0xffff && high !== SPECIAL && Number.isInteger(value)) {
      this.#high.set(i, high);
      this.#low.set(i, shifted >>> 0);
      return;
    }
    this.#high.set(i, SPECIAL);
    this.#low.set(i, Number.isNaN(value) ? IS_NAN : IS_KEPT);
    if (!Number.isNaN(value)) this.#kept.set(i, value);
  }

  push(value: number): void {
    this.#low.push(0);
    this.#high.push(0);
    this.set(this.length - 1, value);
  }
}

/** Bytes that lengths and offsets of areas are multiples of, on every machine. */
const UNIT = 4096;
/** Stands for a number that is kept in a map. */
const KEPT = 0xffffffff;

/** A column of lengths or offsets in 4 bytes each: multiples of 4096 below 2^44. Any other number is kept in a map. */
export class Pages {
  readonly #units = ordinals();
  readonly #kept = new Map<number, number>();

  /** The size in bytes. */
  get bytes(): number {
    return this.#units.bytes + this.#kept.size * ENTRY_BYTES;
  }

  get(i: number): number {
    const units = this.#units.get(i);
    return units === KEPT ? this.#kept.get(i)! : units * UNIT;
  }

  push(value: number): void {
    const units = value / UNIT;
    const plain = Number.isInteger(units) && units >= 0 && units < KEPT;
    if (!plain) this.#kept.set(this.#units.length, value);
    this.#units.push(plain ? units : KEPT);
  }
}

/** An ascending list of numbers, stored as runs of consecutive ones. */
export class Runs {
  /** The first number of each run, and its index in the list. */
  readonly #first = ordinals();
  readonly #index = ordinals();
  #last = -1;
  length: number = 0;

  /** The size in bytes. */
  get bytes(): number {
    return this.#first.bytes + this.#index.bytes;
  }

  /** Adds a number that is larger than the last one. */
  push(value: number): void {
    if (this.length === 0 || value !== this.#last + 1) {
      this.#first.push(value);
      this.#index.push(this.length);
    }
    this.#last = value;
    this.length++;
  }

  /** Returns the number at an index; undefined when there is none. */
  get(i: number): number | undefined {
    if (!(i >= 0 && i < this.length)) return undefined;
    const run = lastNotAbove(this.#index, i);
    return this.#first.get(run) + i - this.#index.get(run);
  }

  /** Returns the index of the last number that is not larger than `limit`; -1 when none is. */
  lastNotAbove(limit: number): number {
    const run = lastNotAbove(this.#first, limit);
    if (run < 0) return -1;
    const next = run + 1 < this.#index.length ? this.#index.get(run + 1) : this.length;
    return Math.min(this.#index.get(run) + Math.floor(limit) - this.#first.get(run), next - 1);
  }

  /** Returns all numbers. */
  all(): Uint32Array {
    const list = new Uint32Array(this.length);
    let at = 0;
    for (let run = 0; run < this.#first.length; run++) {
      const next = run + 1 < this.#index.length ? this.#index.get(run + 1) : this.length;
      for (let value = this.#first.get(run); at < next; value++) list[at++] = value;
    }
    return list;
  }
}

/** Returns the index of the last number that is not larger than `limit`; -1 when none is. The column must ascend. */
export function lastNotAbove(column: Column<Uint32Array>, limit: number): number {
  let low = 0;
  let high = column.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (column.get(middle) > limit) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}
