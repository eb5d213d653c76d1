// An MMU, written from the processor manual's description of 4- and 5-level paging in user mode, and from nothing else: it
// shares no constant and no function with the package. It does not know Linux: not present is not present.

/** What the MMU answers for one address. */
export type Translation =
  | {
      fault: null;
      /** Physical address. */
      pa: bigint;
      /** Bytes of the translation: 4 KiB, 2 MiB or 1 GiB. */
      size: bigint;
      write: boolean;
      execute: boolean;
      key: number;
      accessed: boolean;
      dirty: boolean;
      /** PWT and PCD. */
      caching: number;
    }
  | { fault: 'not-present' | 'supervisor' | 'not-canonical' };

const bits = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

/**
 * @param u32 physical memory
 * @param cr3 physical address of the top table
 * @param levels 4 or 5
 * @throws Error when an entry has a bit set that the processor reserves
 */
export function translate(u32: Uint32Array, cr3: number, levels: number, va: bigint): Translation {
  const width = levels === 5 ? 57 : 48;
  const upper = BigInt.asUintN(64, va) >> BigInt(width - 1);
  if (upper !== 0n && upper !== (1n << BigInt(65 - width)) - 1n) return { fault: 'not-canonical' };
  const load = (pa: bigint): bigint => {
    const word = Number(pa / 4n);
    return (BigInt(u32[word + 1]!) << 32n) | BigInt(u32[word]!);
  };
  let table = BigInt(cr3);
  let write = true;
  let user = true;
  let execute = true;
  for (let level = levels; level >= 1; level--) {
    const low = 12 + 9 * (level - 1);
    const entry = load(table + bits(va, low + 8, low) * 8n);
    if (bits(entry, 0, 0) === 0n) return { fault: 'not-present' };
    write &&= bits(entry, 1, 1) === 1n;
    user &&= bits(entry, 2, 2) === 1n;
    execute &&= bits(entry, 63, 63) === 0n;
    const pageSize = bits(entry, 7, 7) === 1n;
    if (pageSize && level > 3) throw new Error(`level ${level}: the page-size bit is reserved`);
    if (level > 1 && !pageSize) {
      if (bits(entry, 5, 5) === 0n) throw new Error(`level ${level}: Linux makes entries for tables accessed`);
      table = bits(entry, 51, 12) << 12n;
      continue;
    }
    // Bit 12 of a huge page is PAT; the bits between it and the page's number are reserved.
    if (level > 1 && bits(entry, low - 1, 13) !== 0n) throw new Error(`level ${level}: reserved address bits`);
    if (!user) return { fault: 'supervisor' };
    return {
      fault: null,
      pa: (bits(entry, 51, low) << BigInt(low)) | bits(va, low - 1, 0),
      size: 1n << BigInt(low),
      write,
      execute,
      key: Number(bits(entry, 62, 59)),
      accessed: bits(entry, 5, 5) === 1n,
      dirty: bits(entry, 6, 6) === 1n,
      caching: Number(bits(entry, 4, 3)),
    };
  }
  throw new Error('a walk ends at level 1');
}
