/** Pseudo-random numbers that are the same in every run: xorshift32. */

/** A generator. */
export class Random {
  private state: number;

  constructor(seed = 0x92d68ca2) {
    this.state = seed | 0;
  }

  /** Returns 0 to 2^32 - 1. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** Returns 0 to n - 1, for n below 2^21. */
  below(n: number): number {
    return Math.floor(this.next() * 2.3283064365386963e-10 * n);
  }
}
