/**
 * The layout of a VMA's record in the table of its address space (areas/table.ts).
 */

/** Float64 elements per record. */
export const RECORD = 4;
/** Int32 elements per record. */
export const INTS = 8;
/** Indexes in a record of `nums`: first byte, first byte behind, page offset. */
export const START = 0;
export const END = 1;
export const PGOFF = 2;
/** Indexes in a record of `ints`, which has eight elements: VM_ bits; vm_page_prot with the state bits below. */
export const FLAGS = 6;
export const STATE = 7;
/** The bits of STATE that hold vm_page_prot. */
export const PROT_MASK = 0xffff;
/** Set while the VMA is in the index. */
export const STATE_LINKED = 0x10000;
/** Set when an object holds (or held) a file, an anon_vma or anything else that plain memory lacks. */
export const STATE_OWNS = 0x20000;
