/**
 * Growing columns of numbers: a table of columns stores rows without an object for each.
 */

/** The typed arrays of columns. */
type Numbers = Float64Array | Int32Array | Uint32Array | Uint8Array;

/** A typed array that grows by doubling. */
export class Column<T extends Numbers> {
  #array: T;
  readonly #make: (length: number) => T;
  length: number = 0;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#array = make(16);
  }

  /** The size in bytes. */
  get bytes(): number {
    return this.#array.byteLength;
  }

  get(i: number): number {
    return this.#array[i]!;
  }

  set(i: number, value: number): void {
    this.#array[i] = value;
  }

  push(value: number): void {
    if (this.length === this.#array.length) {
      const wider = this.#make(this.length * 2);
      wider.set(this.#array);
      this.#array = wider;
    }
    this.#array[this.length++] = value;
  }
}

/** A column of doubles: addresses, sizes, results. */
export function doubles(): Column<Float64Array> {
  return new Column((length) => new Float64Array(length));
}

/** A column of signed 32-bit numbers: flags, pids. */
export function ints(): Column<Int32Array> {
  return new Column((length) => new Int32Array(length));
}

/** A column of unsigned 32-bit numbers: ordinals. */
export function ordinals(): Column<Uint32Array> {
  return new Column((length) => new Uint32Array(length));
}

/** A column of small numbers. */
export function small(): Column<Uint8Array> {
  return new Column((length) => new Uint8Array(length));
}
