/**
 * The division of an address by granule and VA size: levels, table entries, huge page sizes. Data only.
 * Mirrors arch/arm64/include/asm/pgtable-hwdef.h and the CONT_* definitions.
 */

/** The translation granules of the architecture, bytes. */
export type PageSize = 4096 | 16384 | 65536;
/** The VA sizes that Linux offers for them, bits. */
export type VaBits = 36 | 39 | 42 | 47 | 48 | 52;

const COMBINATIONS: ReadonlyMap<number, readonly number[]> = new Map([
  [4096, [39, 48, 52]],
  [16384, [36, 47, 48, 52]],
  [65536, [42, 48, 52]],
]);

/** A page has this many times fewer entries than bytes (log2): descriptors have 8 bytes. */
const ENTRY_SHIFT = 3;

/** The shape of a translation tree. Sizes in bytes; a size of 0 means that there is no such huge page. */
export interface Geometry {
  readonly pageSize: PageSize;
  readonly pageShift: number;
  readonly vaBits: VaBits;
  /** Number of table levels, the root included: 2 to 5. */
  readonly levels: number;
  /** Address bits that one full table resolves. */
  readonly levelBits: number;
  /**
   * FEAT_LPA2: bits 9:8 of a descriptor are address bits 51:50, and TCR_EL1 defines the shareability of all memory. 52-bit
   * addresses need it with 4K and 16K pages; with 64K pages they need FEAT_LVA only.
   */
  readonly lpa2: boolean;
  /** Entries in use in the root table (it always takes a whole page). */
  readonly rootEntries: number;
  /** Bytes that one last-level table covers; also the size of a level-2 block. */
  readonly pmdSize: number;
  /** Bytes of a level-1 block; only the 4K granule has one. */
  readonly pudSize: number;
  /** Entries in a contiguous run of pages, and its bytes. */
  readonly contPtes: number;
  readonly contPteSize: number;
  /** Entries in a contiguous run of level-2 blocks, and its bytes. */
  readonly contPmds: number;
  readonly contPmdSize: number;
  /** All huge page sizes, ascending. */
  readonly hugeSizes: readonly number[];
}

/**
 * @param pageSize 4096, 16384 or 65536
 * @param vaBits 39, 48 or 52 with 4K pages, 36, 47, 48 or 52 with 16K, 42, 48 or 52 with 64K
 * @throws RangeError for any other pair
 */
export function geometry(pageSize: number, vaBits: number): Geometry {
  const sizes = COMBINATIONS.get(pageSize);
  if (sizes === undefined) {
    throw new RangeError(`createArm64: pageSize ${pageSize} is not one of 4096, 16384, 65536`);
  }
  if (!sizes.includes(vaBits)) {
    throw new RangeError(`createArm64: vaBits ${vaBits} is not one of ${sizes.join(', ')} (pageSize ${pageSize})`);
  }
  const pageShift = Math.log2(pageSize);
  const levelBits = pageShift - ENTRY_SHIFT;
  const levels = Math.ceil((vaBits - pageShift) / levelBits);
  const pmdSize = 2 ** (pageShift + levelBits);
  const pudSize = pageSize === 4096 ? 2 ** (pageShift + 2 * levelBits) : 0;
  const contPtes = pageSize === 4096 ? 16 : pageSize === 16384 ? 128 : 32;
  const contPmds = pageSize === 4096 ? 16 : 32;
  const contPteSize = contPtes * pageSize;
  const contPmdSize = contPmds * pmdSize;
  const hugeSizes = [contPteSize, pmdSize, contPmdSize];
  if (pudSize !== 0) hugeSizes.push(pudSize);
  return {
    pageSize: pageSize as PageSize,
    pageShift,
    vaBits: vaBits as VaBits,
    levels,
    levelBits,
    lpa2: vaBits > 48 && pageSize !== 65536,
    rootEntries: 2 ** (vaBits - pageShift - (levels - 1) * levelBits),
    pmdSize,
    pudSize,
    contPtes,
    contPteSize,
    contPmds,
    contPmdSize,
    hugeSizes,
  };
}
