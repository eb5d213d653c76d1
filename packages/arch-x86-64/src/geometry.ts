/**
 * The division of an address. Data only. Mirrors arch/x86/include/asm/pgtable_64_types.h and page_64_types.h.
 */

/** Bytes of a page, always. */
export const PAGE_SIZE = 4096;
export const PAGE_SHIFT = 12;
/** Address bits that one table resolves. */
export const LEVEL_BITS = 9;
/** Bytes that one last-level table covers; also the size of a huge page in a second-level table. */
export const PMD_SIZE = 0x200000;
/** The huge page of a third-level table. */
export const PUD_SIZE = 0x40000000;

/** Levels of page tables: 5 on CPUs with LA57, unless booted with no5lvl. */
export type Levels = 4 | 5;

/**
 * Size of the user half of the address space in bits: 47 or 56.
 *
 * @throws RangeError naming the value, when it is not 4 or 5
 */
export function userBits(levels: number): 47 | 56 {
  if (levels !== 4 && levels !== 5) throw new RangeError(`createX86_64: levels ${levels} is not 4 or 5`);
  return levels === 4 ? 47 : 56;
}
