/**
 * Bit numbers of an x86-64 page-table entry as Linux uses them, and the generic bits of an entry that all architectures share.
 * An entry is two u32 words: `LO_*` are bits 0..31, `HI_*` are bits 32..63 shifted down by 32.
 * Not here: the bits of a protection (protection-map.ts).
 * Mirrors arch/x86/include/asm/pgtable_types.h.
 */

/** The entry maps a page: present for the MMU, or hidden from it by PROT_NONE. */
export const PTE_PRESENT = 1;
/** R/W, bit 1: the MMU permits stores. */
export const PTE_WRITE = 2;
/** Bit 6: the page was written through this entry. The MMU sets it with the first store. */
export const PTE_DIRTY = 4;
/** Bit 5: the page was accessed through this entry. The MMU sets it. */
export const PTE_YOUNG = 8;
/** Bit 9 (software): the frame is no counted page (zero page, special mappings). */
export const PTE_SPECIAL = 16;
/** Present for software, not for the MMU: PROT_NONE. Always together with {@link PTE_PRESENT}. */
export const PTE_NONE_PROT = 32;
/** U/S, bit 2, and no protection key that denies access: user mode may load. */
export const PTE_USER = 64;
/** XD (bit 63) is clear: user mode may execute. */
export const PTE_EXEC = 128;
/** PS, bit 7, in a table of the second or third level: the entry is a huge page. */
export const PTE_HUGE = 256;
/** The protection key of the entry denies stores. */
export const PTE_KEY_NO_WRITE = 512;

/** Memory types for bits 4..5 of a `prot` argument: ordinary write-back memory. */
export const MEMTYPE_NORMAL = 0;
/** PAT entry 3 (PCD and PWT): uncached. */
export const MEMTYPE_NONCACHED = 1;
/** PAT entry 1 (PWT), which Linux programs as write-combining. */
export const MEMTYPE_WRITECOMBINE = 2;
/** PAT entry 2 (PCD): uncached-minus, Linux's type for device memory. */
export const MEMTYPE_DEVICE = 3;

export const LO_PRESENT = 1;
export const LO_RW = 2;
export const LO_USER = 4;
export const LO_PWT = 8;
export const LO_PCD = 0x10;
export const LO_ACCESSED = 0x20;
export const LO_DIRTY = 0x40;
export const LO_PS = 0x80;
/** Bit 8: "global" for the MMU, but only in a present entry; Linux marks PROT_NONE with it. */
export const LO_PROT_NONE = 0x100;
export const LO_SPECIAL = 0x200;

/** Address bits 32..51 in the upper word. */
export const HI_ADDR_MASK = 0xfffff;
/** Bits 59..62: the protection key. */
export const HI_PKEY_SHIFT = 27;
export const HI_PKEY_MASK = 0x78000000;
/** Bit 63: forbids instruction fetches. */
export const HI_NX: number = 0x80000000 | 0;
