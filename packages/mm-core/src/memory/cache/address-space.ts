/**
 * struct address_space with its page cache: the pages of one file, which read(2), write(2) and mappings share.
 *
 * Responsibility boundary: this class records which frame holds which page of the file, which pages are dirty, and which are
 * being read. memory/cache/read.ts, filemap-io.ts, truncate.ts and writeback.ts read and write the bytes; the engine's i_mmap
 * has the mappings of the pages. Mirrors the first part of mm/filemap.c.
 */
import { ENOMEM } from '@vmarea/uapi';
import { FileMapping } from '../../shape/file-mapping.ts';
import type { VmFile, VmInode } from '../../ports/file.ts';
import type { AddressSpaceOperations } from './operations.ts';
import type { MemoryCore } from '../core.ts';
import { readMapping, writeMapping } from './filemap-io.ts';
import type { Frames } from '../frames/buddy.ts';
import { PageTree } from './page-tree.ts';
import { PG_CACHED, PG_DIRTY, PG_LOCKED, PG_SWAPBACKED, PG_UPTODATE, PG_WAITERS } from '../frames/flags.ts';
import { readAhead, readMissing, type PendingRead } from './read.ts';
import { invalidatePages, punchMapping, truncateMapping } from './truncate.ts';
import { writebackRange } from './writeback.ts';

const READY: number = PG_UPTODATE | PG_WAITERS;

/**
 * Returns whether a value is an {@link AddressSpace}, of this copy of the package or of another: a program may load two
 * copies, and `instanceof` would not recognise the other's.
 */
export function isAddressSpace(value: unknown): value is AddressSpace {
  return typeof value === 'object' && value !== null && 'isAddressSpace' in value;
}

/** The pages of a file, and its mappings. */
export class AddressSpace extends FileMapping {
  /** The mark that {@link isAddressSpace} tests. */
  readonly isAddressSpace = true;
  declare host: VmInode;
  readonly core: MemoryCore;
  readonly frames: Frames;
  readonly aOps: AddressSpaceOperations;
  /** The cause of the last -1: a negative errno or RETRY. */
  lastError = 0;
  /** Whether the last page of `getOrRead` had to be read: a major fault. */
  lastMajor = false;
  /** The cached pages. For the files of this folder. */
  readonly pages: PageTree = new PageTree();
  /** Reads in progress, by page. For the files of this folder. */
  reads: Map<number, PendingRead> | null = null;
  /** Errors of completed reads that a call waits for, by page. For the files of this folder. */
  readErrors: Map<number, number> | null = null;
  /** Writes in progress, by page. For the files of this folder. */
  writes: Map<number, Promise<unknown>> | null = null;
  /** The error that the next fsync reports (AS_EIO, AS_ENOSPC): a negative errno, or 0. */
  writebackError = 0;
  /** The number of write-back errors so far: a descriptor that stores the last number detects a new one (errseq_t). */
  writebackErrors = 0;
  private ownerId = 0;

  /**
   * @param core the machine's memory
   * @param host the inode whose `iSize` bounds the file
   */
  constructor(core: MemoryCore, host: VmInode, aOps: AddressSpaceOperations) {
    super(host);
    this.core = core;
    this.frames = core.frames;
    this.aOps = aOps;
    this.accountsDirty = aOps.writePage !== null;
    const { frames } = core;
    frames.reclaim ??= () => reclaimPages(core);
  }

  /** The number of pages in the cache (i_data.nrpages). */
  get nrPages(): number {
    return this.pages.size;
  }

  /** The number of dirty pages. */
  get nrDirty(): number {
    return this.pages.nrDirty;
  }

  /** find_get_page without the reference: returns the frame of a page, or -1. The page may still be being read ({@link isUptodate}). */
  find(index: number): number {
    return this.pages.find(index);
  }

  /** Returns whether a page is cached and up to date, as mincore reports it. */
  isUptodate(index: number): boolean {
    const pfn = this.pages.find(index);
    return pfn >= 0 && (this.frames.flags[pfn]! & PG_UPTODATE) !== 0;
  }

  /** Returns the first page present at or above `index`, or -1. */
  nextPresent(index: number): number {
    return this.pages.nextPresent(index);
  }

  /**
   * Returns the page, and reads it first when it is absent. Does not check the end of the file.
   *
   * @returns the frame with an additional reference; -1 with the errno or RETRY in `lastError`
   */
  getOrRead(index: number): number {
    const pfn = this.pages.find(index);
    if (pfn >= 0 && (this.frames.flags[pfn]! & READY) === PG_UPTODATE) {
      this.lastMajor = false;
      this.frames.get(pfn);
      return pfn;
    }
    return readMissing(this, index, pfn);
  }

  /**
   * Starts reads of pages [first, end) without waiting, and ignores errors (force_page_cache_readahead: MADV_WILLNEED).
   */
  readahead(first: number, end: number): void {
    readAhead(this, first, end);
  }

  /** Allocates a frame for a new page and charges it as the filesystem defines. Returns it with one reference, or a negative errno. */
  allocPage(index: number): number {
    const { aOps } = this;
    if (aOps.allocPage !== null) return aOps.allocPage(this, index);
    const pfn = aOps.zeroFill ? this.frames.allocZeroed(0) : this.frames.alloc(0);
    return pfn < 0 ? -ENOMEM : pfn;
  }

  /** add_to_page_cache: adds an absent page, neither up to date nor dirty. The cache takes over the caller's reference. */
  add(index: number, pfn: number): void {
    const { frames } = this;
    if (this.ownerId === 0) this.ownerId = frames.addOwner(this);
    this.pages.insert(index, pfn);
    frames.ownerId[pfn] = this.ownerId;
    frames.index[pfn] = index;
    frames.nrFilePages++;
    if (this.aOps.swapBacked) {
      frames.nrShmem++;
      frames.flags[pfn] = frames.flags[pfn]! | PG_CACHED | PG_SWAPBACKED;
    } else frames.flags[pfn] = frames.flags[pfn]! | PG_CACHED;
  }

  /** delete_from_page_cache: removes an unmapped page. A read in progress no longer affects the file. */
  remove(index: number): void {
    const { frames } = this;
    if (this.pages.isDirty(index)) frames.nrFileDirty--;
    const pfn = this.pages.remove(index);
    if (pfn < 0) return;
    if (this.reads !== null) this.reads.delete(index);
    frames.nrFilePages--;
    if (this.aOps.swapBacked) frames.nrShmem--;
    frames.flags[pfn] = frames.flags[pfn]! & ~(PG_CACHED | PG_DIRTY | PG_LOCKED);
    frames.ownerId[pfn] = 0;
    if (this.aOps.freePage !== null) this.aOps.freePage(this, index, pfn);
    frames.put(pfn);
  }

  /** SetPageUptodate: marks an added page as filled. */
  setUptodate(pfn: number): void {
    this.frames.flags[pfn] = this.frames.flags[pfn]! | PG_UPTODATE;
  }

  /** set_page_dirty. Does nothing when the page is absent. */
  setDirty(index: number): void {
    const pfn = this.pages.find(index);
    if (pfn < 0) return;
    this.frames.flags[pfn] = this.frames.flags[pfn]! | PG_DIRTY;
    if (this.accountsDirty && this.pages.setDirty(index)) this.frames.nrFileDirty++;
  }

  /** Returns whether a page is dirty. */
  isDirty(index: number): boolean {
    const pfn = this.pages.find(index);
    return pfn >= 0 && (this.frames.flags[pfn]! & PG_DIRTY) !== 0;
  }

  /** clear_page_dirty without changing the mappings. Returns whether the page was dirty. */
  clearDirty(index: number): boolean {
    const pfn = this.pages.find(index);
    if (pfn < 0) return false;
    const was = (this.frames.flags[pfn]! & PG_DIRTY) !== 0;
    this.frames.flags[pfn] = this.frames.flags[pfn]! & ~PG_DIRTY;
    if (this.pages.clearDirty(index)) this.frames.nrFileDirty--;
    return was;
  }

  /** Returns the first dirty page at or above `index`, or -1. */
  nextDirty(index: number): number {
    return this.pages.nextDirty(index);
  }

  /**
   * generic_file_read: copies bytes from `pos` on, up to the end of the file.
   *
   * @param pos byte position
   * @returns bytes copied (0 at the end), a negative errno when none was, or RETRY (no byte counts as read)
   */
  read(pos: number, target: Uint8Array, offset: number, len: number): number {
    return readMapping(this, pos, target, offset, len);
  }

  /**
   * generic_perform_write: copies bytes in, marks pages dirty and extends the file. The caller handles limits, O_APPEND, seals
   * and times.
   *
   * @returns bytes written, a negative errno when none was, or RETRY (no byte was written)
   */
  write(pos: number, source: Uint8Array, offset: number, len: number): number {
    return writeMapping(this, pos, source, offset, len);
  }

  /**
   * truncate_setsize: sets the size; unmaps the pages behind it everywhere, including private copies, and drops them; zeroes
   * the tail of the last page. Growing does the same at the new end, so a filesystem that keeps what was stored behind the old
   * end (shmem) sets `iSize` itself.
   */
  truncate(newSize: number): void {
    truncateMapping(this, newSize);
  }

  /**
   * truncate_pagecache_range: unmaps and drops the whole pages of bytes [start, end), and zeroes the rest.
   *
   * @param evenCows also drops private copies of the pages; a punched hole keeps them
   */
  punchHole(start: number, end: number, evenCows = false): void {
    punchMapping(this, start, end, evenCows);
  }

  /** invalidate_mapping_pages: drops pages [first, end) that are clean, idle and unmapped. Returns how many. */
  invalidate(first: number, end: number): number {
    return invalidatePages(this, first, end);
  }

  /**
   * Writes dirty pages of bytes [start, end) back.
   *
   * @param sync whether to wait until they are written, and to report errors (once)
   * @returns 0, a negative errno, or RETRY when there is something to wait for
   */
  writeback(start: number, end: number, sync: boolean): number {
    return writebackRange(this, start, end, sync);
  }

  /** truncate_inode_pages_final: drops every page of an inode that is removed and no longer mapped, dirty or not. */
  evict(): void {
    for (let at = this.pages.nextPresent(0); at >= 0; at = this.pages.nextPresent(at + 1)) this.remove(at);
    if (this.ownerId !== 0) this.frames.dropOwner(this.ownerId);
    this.ownerId = 0;
    this.readErrors = null;
  }
}

/** Returns the page cache of a file, or null when it has none (huge pages, devices). */
export function addressSpaceOf(file: VmFile): AddressSpace | null {
  const mapping = file.fMapping;
  return isAddressSpace(mapping) ? mapping : null;
}

/**
 * drop_caches: drops every page of every file that can be read again, unless it is dirty, busy or mapped.
 *
 * @returns pages dropped
 */
export function dropCaches(frames: Frames): number {
  let dropped = 0;
  for (const owner of frames.owners) {
    if (isAddressSpace(owner) && !owner.aOps.zeroFill) dropped += owner.invalidate(0, Infinity);
  }
  return dropped;
}

/**
 * Frees memory when it is exhausted (shrink_page_list for files): drops clean pages; if there are none, writes dirty ones to
 * storage, and drops those whose write is complete at once. `Frames.reclaim` calls it.
 *
 * @returns pages dropped
 */
export function reclaimPages(core: MemoryCore): number {
  const { frames, system } = core;
  const dropped = dropCaches(frames);
  if (dropped > 0 || frames.nrFileDirty === 0) return dropped;
  const { pending } = system.current;
  for (const owner of frames.owners) if (isAddressSpace(owner)) owner.writeback(0, Infinity, false);
  system.current.pending = pending;
  return dropCaches(frames);
}
