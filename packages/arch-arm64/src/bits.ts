/**
 * Bit numbers of a VMSAv8-64 descriptor as Linux uses them, and the generic bits of an entry that all architectures share.
 * A descriptor is two u32 words: `LO_*` are bits 0..31, `HI_*` are bits 32..63 shifted down by 32. Not here: the bits of a
 * protection (protection-map.ts).
 * Mirrors arch/arm64/include/asm/pgtable-hwdef.h and pgtable.h.
 */

/** The entry maps a page: a valid descriptor, or one that PROT_NONE makes invalid for the MMU. */
export const PTE_PRESENT = 1;
/** Bit 51: the kernel may make the page writable; hardware may too, once the entry is also dirty. */
export const PTE_WRITE = 2;
/** Bit 55 (or a hardware-dirty state): the page was written through this entry. */
export const PTE_DIRTY = 4;
/** The access flag, bit 10. */
export const PTE_YOUNG = 8;
/** Bit 56: the frame is no counted page (zero page, special mappings). */
export const PTE_SPECIAL = 16;
/** Present for software, invalid for the MMU: PROT_NONE. Always together with {@link PTE_PRESENT}. */
export const PTE_NONE_PROT = 32;
/** AP[1], bit 6: EL0 may access. */
export const PTE_USER = 64;
/** UXN (bit 54) is clear: EL0 may execute. */
export const PTE_EXEC = 128;
/** The entry is a block, or one of a contiguous run: part of a huge page. */
export const PTE_HUGE = 256;

/** Memory types for bits 4..5 of a `prot` argument: ordinary write-back memory. */
export const MEMTYPE_NORMAL = 0;
/** Device-nGnRnE, what Linux calls noncached. */
export const MEMTYPE_NONCACHED = 1;
/** Normal non-cacheable, what Linux calls write-combine. */
export const MEMTYPE_WRITECOMBINE = 2;
/** Device-nGnRE, what Linux calls device. */
export const MEMTYPE_DEVICE = 3;

export const LO_VALID = 1;
/** Bit 1: set in a table descriptor and in a page (last level) descriptor, clear in a block. */
export const LO_TABLE = 2;
export const LO_TYPE_MASK = 3;
export const LO_ATTRINDX_SHIFT = 2;
/** The MAIR index of ordinary memory is 4, with tags 5. */
export const LO_TAGGED = 0x4;
export const LO_NORMAL = 0x10;
export const LO_USER = 0x40;
export const LO_RDONLY = 0x80;
export const LO_SHARED = 0x300;
export const LO_AF = 0x400;
export const LO_NG = 0x800;

/** Address bits 32..47 in the upper word. */
export const HI_ADDR_MASK = 0xffff;
/** Bit 50, GP: a branch may enter the page only at a landing instruction (FEAT_BTI). */
export const HI_GP = 0x40000;
export const HI_WRITE = 0x80000;
export const HI_CONT = 0x100000;
export const HI_PXN = 0x200000;
export const HI_UXN = 0x400000;
export const HI_DIRTY = 0x800000;
export const HI_SPECIAL = 0x1000000;
export const HI_PROT_NONE = 0x4000000;
