// An MMU, written from the architecture's description of the VMSAv8-64 stage 1 translation at EL0, and from nothing else:
// it shares no constant and no function with the package. It does not know Linux: invalid is invalid.

/** What the MMU answers for one address. */
export type Translation =
  | {
      fault: null;
      /** Output address. */
      pa: bigint;
      /** Level of the page or block descriptor. */
      level: number;
      /** Bytes of the translation, a contiguous run counted as one. */
      size: bigint;
      read: boolean;
      write: boolean;
      execute: boolean;
      attrIndex: number;
      shareability: number;
      notGlobal: boolean;
    }
  | { fault: 'translation' | 'access-flag'; level: number };

const field = (value: bigint, high: number, low: number): bigint =>
  (value >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n);

/** Entries of a contiguous run at a level, by log2 of the granule. */
const contiguous: Record<number, Record<number, number>> = {
  12: { 1: 16, 2: 16, 3: 16 },
  14: { 2: 32, 3: 128 },
  16: { 2: 32, 3: 32 },
};
/** Levels at which a block descriptor is allowed (no LPA2). */
const blockLevels: Record<number, number[]> = { 12: [1, 2], 14: [2], 16: [2] };

/**
 * @param u32 physical memory
 * @param granule log2 of the granule: 12, 14, 16
 * @param t0sz TCR_EL1.T0SZ
 * @throws Error when the tables break a rule for which the architecture promises nothing
 */
export function translate(u32: Uint32Array, ttbr0: number, granule: number, t0sz: number, va: number): Translation {
  const inputBits = 64 - t0sz;
  const address = BigInt(va);
  const stride = granule - 3;
  const start = 4 - Math.ceil((inputBits - granule) / stride);
  if (address >> BigInt(inputBits) !== 0n) return { fault: 'translation', level: start };
  const load = (pa: bigint): bigint => {
    const word = Number(pa / 4n);
    return (BigInt(u32[word + 1]!) << 32n) | BigInt(u32[word]!);
  };
  let base = BigInt(ttbr0);
  let readOnlyTable = false;
  let noEl0Table = false;
  let uxnTable = false;
  for (let level = start; level <= 3; level++) {
    const low = granule + stride * (3 - level);
    const high = Math.min(low + stride, inputBits) - 1;
    const index = field(address, high, low);
    const at = base + index * 8n;
    const d = load(at);
    const type = Number(field(d, 1, 0));
    if (type === 0 || type === 2) return { fault: 'translation', level };
    if (type === 3 && level < 3) {
      base = field(d, 47, granule) << BigInt(granule);
      readOnlyTable ||= field(d, 62, 62) === 1n;
      noEl0Table ||= field(d, 61, 61) === 1n;
      uxnTable ||= field(d, 60, 60) === 1n;
      continue;
    }
    if (type === 1 && !blockLevels[granule]!.includes(level)) return { fault: 'translation', level };
    let size = 1n << BigInt(low);
    if (field(d, 47, granule) << BigInt(granule) !== field(d, 47, low) << BigInt(low)) {
      throw new Error(`level ${level}: a block at an output address that is not aligned`);
    }
    const pa = (field(d, 47, low) << BigInt(low)) | field(address, low - 1, 0);
    if (field(d, 52, 52) === 1n) {
      // every entry of the run must be the same but for the address, which must be consecutive and aligned
      const count = BigInt(contiguous[granule]![level]!);
      const firstAt = at - (index % count) * 8n;
      const first = load(firstAt);
      if ((field(first, 47, low) << BigInt(low)) % (count * size) !== 0n)
        throw new Error('a contiguous run is not aligned');
      for (let i = 0n; i < count; i++) {
        if (load(firstAt + i * 8n) !== first + i * size) throw new Error(`entry ${i} of a contiguous run differs`);
      }
      size *= count;
    }
    if (field(d, 10, 10) === 0n) return { fault: 'access-flag', level };
    const el0 = field(d, 6, 6) === 1n && !noEl0Table;
    return {
      fault: null,
      pa,
      level,
      size,
      read: el0,
      write: el0 && field(d, 7, 7) === 0n && !readOnlyTable,
      execute: field(d, 54, 54) === 0n && !uxnTable,
      attrIndex: Number(field(d, 4, 2)),
      shareability: Number(field(d, 9, 8)),
      notGlobal: field(d, 11, 11) === 1n,
    };
  }
  throw new Error('a walk ends at level 3');
}
