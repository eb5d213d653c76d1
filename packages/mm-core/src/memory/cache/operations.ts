/**
 * struct address_space_operations: the operations of a filesystem for its page cache.
 *
 * One class with every field, so that all tables have one shape. Operations return 0 or a negative errno; an operation that
 * must wait for storage stores a promise in `system.current.pending` and returns RETRY. The promise resolves with 0 or a
 * negative errno; a rejected promise counts as -EIO. While it is pending the page cache holds a reference on the frame, so
 * that the driver may fill it even after the file was truncated or removed.
 */
import type { AddressSpace } from './address-space.ts';

/** The operations that a filesystem may give; those that it leaves out are null or false. */
export interface AddressSpaceOperationsInit {
  /**
   * Fills frame `pfn` with page `index` of the file. Returns 0, a negative errno, or RETRY. The driver need not zero the bytes
   * behind the end of the file. Concurrent readers of one page share one call.
   */
  readPage?: ((mapping: AddressSpace, index: number, pfn: number) => number) | undefined;
  /**
   * Writes page `index` from frame `pfn` to storage. Returns 0, a negative errno, or RETRY (write-back is then in progress).
   * Without it, pages are never written back and stay dirty.
   */
  writePage?: ((mapping: AddressSpace, index: number, pfn: number) => number) | undefined;
  /** Called once before write(2) writes bytes [pos, pos + len). Returns 0, a negative errno, or RETRY. */
  prepareWrite?: ((mapping: AddressSpace, pos: number, len: number) => number) | undefined;
  /**
   * Returns a frame for a new page (with one reference, contents unknown; zeroed with `zeroFill`), or a negative errno.
   * Quotas and accounting belong here. Default: any frame, or -ENOMEM.
   */
  allocPage?: ((mapping: AddressSpace, index: number) => number) | undefined;
  /** Called after a page has left the cache: undoes the charge of `allocPage`. The frame still has its reference. */
  freePage?: ((mapping: AddressSpace, index: number, pfn: number) => void) | undefined;
  /** Whether there is no storage, so that absent pages are zero (ramfs, shmem). `readPage` is then not called. */
  zeroFill?: boolean | undefined;
  /** Whether read(2) of an absent page returns zeroes without adding a page (shmem). */
  readSkipsHoles?: boolean | undefined;
  /** Whether pages count as shmem, not as file (MM_SHMEMPAGES, NR_SHMEM). */
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
