/**
 * Page flags: the bits of `Frames.flags`. Mirrors include/linux/page-flags.h where a bit has a counterpart there.
 */

/** The page is being read: neither use nor change it until the read ends. */
export const PG_LOCKED = 0x1;
/** Its contents equal the file's. */
export const PG_UPTODATE = 0x2;
/** Its contents differ from storage, or it has no storage. */
export const PG_DIRTY = 0x4;
/** It is being written to storage. */
export const PG_WRITEBACK = 0x8;
/** Never freed: the zero page. */
export const PG_RESERVED = 0x10;
/** Anonymous: its owner is an AnonVma and its index counts from the address (PageAnon). */
export const PG_ANON = 0x20;
/** Anonymous and mapped by one address space only (6.1). */
export const PG_ANON_EXCLUSIVE = 0x40;
/** Anonymous or shmem: no file behind it. */
export const PG_SWAPBACKED = 0x80;
/** MADV_FREE: may be dropped while clean. */
export const PG_LAZYFREE = 0x100;
/** The first frame of a block of several; the flags contain the order. */
export const PG_COMPOUND = 0x200;
/** A page table. */
export const PG_TABLE = 0x400;
/** A huge page of hugetlbfs. */
export const PG_HUGETLB = 0x800;
export const PG_MLOCKED = 0x1000;
export const PG_REFERENCED = 0x2000;
/** In the page cache of its owner. */
export const PG_CACHED = 0x4000;
/** A task waits for the read of this page: the first fault after the read counts as major. */
export const PG_WAITERS = 0x8000;
/** For use by drivers. */
export const PG_PRIVATE = 0x10000;
export const PG_PRIVATE2 = 0x20000;
/** Has allocation tags (PG_mte_tagged). */
export const PG_TAGGED = 0x40000;

/** Free, and the first frame of a block in the buddy lists. Internal to memory/frames/buddy.ts. */
export const PG_BUDDY = 0x400000;
/** Was allocated at least once, so its contents are unknown. Internal to memory/frames/buddy.ts. */
export const PG_WRITTEN = 0x800000;
/** The position of a block's order in the flags. Internal to memory/frames/buddy.ts. */
export const PG_ORDER_SHIFT = 24;
export const PG_ORDER_MASK: number = 0x1f << PG_ORDER_SHIFT;
