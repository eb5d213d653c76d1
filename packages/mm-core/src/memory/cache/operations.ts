/**
 * struct address_space_operations: what a filesystem does for its page cache.
 *
 * One class with every field, so that all tables have one shape. Operations return 0 or a negative errno; where storage
 * must be awaited they leave a promise in `system.current.pending` and return RETRY. Such a promise tells how it went: resolved
 * with a negative errno or rejected (-EIO), it failed. While it is pending the page cache holds a reference on the frame,
 * so a driver may fill it whatever happens to the file meanwhile.
 */
import type { AddressSpace } from './address-space.ts';

/** The functions that a filesystem may give; what it leaves out is null or false. */
export interface AddressSpaceOperationsInit {
  /**
   * Fills frame `pfn` with page `index` of the file: 0, a negative errno, or RETRY. Bytes behind the end of the file need
   * not be zeroed. Concurrent readers of one page share one call.
   */
  readPage?: ((mapping: AddressSpace, index: number, pfn: number) => number) | undefined;
  /**
   * Brings page `index` to storage from frame `pfn`: 0, a negative errno, or RETRY (write-back is then under way).
   * Without it pages are never written back, and stay dirty.
   */
  writePage?: ((mapping: AddressSpace, index: number, pfn: number) => number) | undefined;
  /** Asked once before bytes [pos, pos + len) are written by write(2): 0, a negative errno, or RETRY. */
  prepareWrite?: ((mapping: AddressSpace, pos: number, len: number) => number) | undefined;
  /**
   * A frame for a new page (with one reference, contents unknown; zeroed when `zeroFill`), or a negative errno: where
   * quotas and accounting are done. Default: any frame, or -ENOMEM.
   */
  allocPage?: ((mapping: AddressSpace, index: number) => number) | undefined;
  /** A page has left the cache: undoes what `allocPage` charged. The frame still has its reference. */
  freePage?: ((mapping: AddressSpace, index: number, pfn: number) => void) | undefined;
  /** There is no storage: pages that are absent are zero (ramfs, shmem). `readPage` is then not called. */
  zeroFill?: boolean | undefined;
  /** read(2) of an absent page does not bring one in but gives zeroes (shmem). */
  readSkipsHoles?: boolean | undefined;
  /** Pages count as shmem, not as file (MM_SHMEMPAGES, NR_SHMEM). */
  swapBacked?: boolean | undefined;
}

/** An operation table. Make it once per filesystem. */
export class AddressSpaceOperations {
  readonly readPage: ((mapping: AddressSpace, index: number, pfn: number) => number) | null;
  readonly writePage: ((mapping: AddressSpace, index: number, pfn: number) => number) | null;
  readonly prepareWrite: ((mapping: AddressSpace, pos: number, len: number) => number) | null;
  readonly allocPage: ((mapping: AddressSpace, index: number) => number) | null;
  readonly freePage: ((mapping: AddressSpace, index: number, pfn: number) => void) | null;
  readonly zeroFill: boolean;
  readonly readSkipsHoles: boolean;
  readonly swapBacked: boolean;

  constructor(init: AddressSpaceOperationsInit) {
    this.readPage = init.readPage ?? null;
    this.writePage = init.writePage ?? null;
    this.prepareWrite = init.prepareWrite ?? null;
    this.allocPage = init.allocPage ?? null;
    this.freePage = init.freePage ?? null;
    this.zeroFill = init.zeroFill ?? false;
    this.readSkipsHoles = init.readSkipsHoles ?? false;
    this.swapBacked = init.swapBacked ?? false;
  }
}
