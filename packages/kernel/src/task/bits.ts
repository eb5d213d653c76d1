// Flags beyond bit 30. JS's int32 operators make a number with bit 31 negative, so callers may pass such a value.

/** Returns flags as they are in C: a negative number is one of 32 bits. */
export function unsigned(flags: number): number {
  return flags < 0 ? flags + 2 ** 32 : flags;
}

/** Returns whether `flags` have a bit; CLONE_ bits go beyond 31. */
export function hasFlag(flags: number, bit: number): boolean {
  return Math.floor(unsigned(flags) / bit) % 2 === 1;
}
