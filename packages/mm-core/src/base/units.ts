/**
 * Names for what a number means in a signature: plain aliases of `number`, so that no cast is needed.
 *
 * An address or a length may come from `fromRegister`; a negative number then stands for a value near 2^64.
 */

/** A byte address in an address space. */
export type Addr = number;
/** A length in bytes. */
export type Bytes = number;
/** A count of pages, or an offset in pages, of the machine's page size. */
export type Pages = number;
/** A page frame number. */
export type Pfn = number;
/** A position in the index of VMAs, or of an entry in a page table. */
export type Slot = number;
/** VM_ bits, int32. */
export type VmFlags = number;
/** 0, or a negative errno. */
export type Errno = number;
/** An address, or a negative errno: `isErr` tells which, as IS_ERR_VALUE does. */
export type AddrOrErrno = number;
/** A position in the index, or a negative errno. */
export type SlotOrErrno = number;
