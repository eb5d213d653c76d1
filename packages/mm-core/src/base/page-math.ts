/**
 * Arithmetic on addresses. Exact to 2^53; wraps as an unsigned long does for values from `fromRegister` (a negative number
 * stands for a value near 2^64).
 */

/** PAGE_ALIGN: rounds up to a multiple of mask + 1 (a power of two). A length near 2^64 becomes 0, as in C. */
export function alignUp(value: number, mask: number): number {
  // Adds no value that could pass 2^53: the page address above `value` is exact, its last byte is not.
  const low = value & mask;
  return low === 0 ? value : value - low + (mask + 1);
}

/** Rounds down to a multiple of mask + 1 (a power of two up to 2^31). */
export function alignDown(value: number, mask: number): number {
  return value - (value & mask);
}

/** Rounds down to a multiple of `size`, which may exceed 2^31 (huge pages of 16 GiB). */
export function alignDownSize(value: number, size: number): number {
  return Math.floor(value / size) * size;
}

/** Rounds up to a multiple of `size`, which may exceed 2^31. */
export function alignUpSize(value: number, size: number): number {
  return Math.ceil(value / size) * size;
}
