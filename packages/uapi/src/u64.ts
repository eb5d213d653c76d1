/**
 * Converts 64-bit registers: how a C `unsigned long` enters a program whose numbers are exact to 2^53.
 *
 * Inside, every address, length and page number is a JS number. A small register value is itself, and so is a page address below 2^57. A value near 2^64 becomes
 * the negative number of the same signed long, so that `start + len` wraps as in C. A value in between exceeds every address
 * space and becomes {@link OUT_OF_RANGE} plus its low 16 bits, so that alignment tests have the same result.
 */

/** A value beyond every address space (2^52 bytes), whose low 16 bits hold a register's alignment. */
export const OUT_OF_RANGE: number = 2 ** 53 - 2 ** 17;

/** The bound below which a register value is exact: addresses of arm64 have at most 52 bits. */
const EXACT = 2 ** 52;
/** User addresses of x86-64 with five levels have 56 bits: those of pages are exact as numbers, too. */
const WIDEST = 1n << 57n;
const TWO64 = 1n << 64n;

/**
 * Converts a register for the engine.
 *
 * @param value the register: a number (an integer, negative ones are their two's complement) or a bigint (taken modulo 2^64)
 * @returns the value itself, the negative signed value, or {@link OUT_OF_RANGE} with the low 16 bits kept
 * @throws RangeError for a number that is no integer
 */
export function fromRegister(value: number | bigint): number {
  if (typeof value === 'number') {
    if (value >= -EXACT && value < EXACT && Number.isInteger(value)) return value;
    if (!Number.isInteger(value)) throw new RangeError(`fromRegister: ${String(value)} is not an integer`);
    return fromBig(BigInt(value));
  }
  return fromBig(value);
}

function fromBig(value: bigint): number {
  const u = BigInt.asUintN(64, value);
  if (u < BigInt(EXACT) || (u < WIDEST && (u & 0xfffn) === 0n)) return Number(u);
  const signed = u >= TWO64 >> 1n ? u - TWO64 : u;
  if (signed < 0n && signed >= -BigInt(EXACT)) return Number(signed);
  return OUT_OF_RANGE + Number(u & 0xffffn);
}

/**
 * Returns whether a value from {@link fromRegister} exceeds, as an unsigned long, every address space.
 *
 * @param value a value from {@link fromRegister}
 */
export function isHuge(value: number): boolean {
  return value < 0 || value >= EXACT;
}

/**
 * Compares two register values as unsigned longs.
 *
 * @returns negative, zero or positive, as for sort
 */
export function compareUnsigned(a: number, b: number): number {
  if (a < 0 !== b < 0) return a < 0 ? 1 : -1;
  return a - b;
}

/**
 * Returns the page offset of mmap's `off` argument, as sys_mmap computes it.
 *
 * @param off the register: bytes, already known to be page-aligned
 * @param pageShift log2 of the page size
 * @param arithmetic whether the shift keeps the sign (4.4), so that a negative offset stays negative (near 2^64)
 * @returns pages, exact: 0 to 2^52, or negative for a value near 2^64
 */
export function pgoffFromOffset(off: number | bigint, pageShift: number, arithmetic: boolean): number {
  const u = BigInt.asUintN(64, BigInt(off));
  const signed = arithmetic ? BigInt.asIntN(64, u) : u;
  return Number(signed >> BigInt(pageShift));
}
