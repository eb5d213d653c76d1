/**
 * Arithmetic on addresses, in one place: exact to 2^53, and wrapping as an unsigned long does for values that come from
 * `fromRegister` (negative ones stand for values near 2^64).
 */

/** PAGE_ALIGN: up to the next multiple of mask + 1 (a power of two). A length near 2^64 becomes 0, as in C. */
export function alignUp(value: number, mask: number): number {
  // No sum that could pass 2^53: a page address above it is exact, the byte behind it is not.
  const low = value & mask;
  return low === 0 ? value : value - low + (mask + 1);
}

/** Down to a multiple of mask + 1 (a power of two up to 2^31). */
export function alignDown(value: number, mask: number): number {
  return value - (value & mask);
}

/** Down to a multiple of `size`, which may exceed 2^31 (huge pages of 16 GiB). */
export function alignDownSize(value: number, size: number): number {
  return Math.floor(value / size) * size;
}

/** Up to a multiple of `size`, which may exceed 2^31. */
export function alignUpSize(value: number, size: number): number {
  return Math.ceil(value / size) * size;
}
