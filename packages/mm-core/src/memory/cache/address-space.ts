/**
 * struct address_space with its page cache: the pages of one file, which read(2), write(2) and mappings share.
 *
 * Responsibility boundary: this class knows which frame holds which page of the file, what is dirty, and what is being
 * read. How bytes come in and go out stands in memory/cache/read.ts, filemap-io.ts, truncate.ts and writeback.ts, which work on
 * it; who maps the pages stands in the engine's i_mmap. Mirrors the first part of mm/filemap.c.
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
 * Whether something is an {@link AddressSpace}, of this copy of the package or of another: two may meet in one program,
 * so `instanceof` would not do.
 */
export function isAddressSpace(value: unknown): value is AddressSpace {
  return typeof value === 'object' && value !== null && 'isAddressSpace' in value;
}

/** The pages of a file, and its mappings. */
export class AddressSpace extends FileMapping {
  /** The mark that {@link isAddressSpace} looks for. */
  readonly isAddressSpace = true;
  declare host: VmInode;
  readonly core: MemoryCore;
  readonly frames: Frames;
  readonly aOps: AddressSpaceOperations;
  /** Why the last call that gave -1 did: a negative errno or RETRY. */
  lastError = 0;
  /** Whether the last page that `getOrRead` gave had to be brought in: a major fault. */
  lastMajor = false;
  /** Which pages are there: for the files of this folder. */
  readonly pages: PageTree = new PageTree();
  /** Reads under way, by page: for the files of this folder. */
  reads: Map<number, PendingRead> | null = null;
  /** What became of reads that somebody waits for: for the files of this folder. */
  readErrors: Map<number, number> | null = null;
  /** Writes under way, by page: for the files of this folder. */
  writes: Map<number, Promise<unknown>> | null = null;
  /** The error that the next fsync reports (AS_EIO, AS_ENOSPC): a negative errno, or 0. */
  writebackError = 0;
  /** Write-back errors so far: whoever keeps the last number seen notices a new one (errseq_t). */
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

  /** Pages in the cache (i_data.nrpages). */
  get nrPages(): number {
    return this.pages.size;
  }

  /** Pages that wait to be written back. */
  get nrDirty(): number {
    return this.pages.nrDirty;
  }

  /** find_get_page without the reference: the frame of a page, or -1; it may still be being read ({@link isUptodate}). */
  find(index: number): number {
    return this.pages.find(index);
  }

  /** Whether a page is there and holds the file's contents: what mincore tells. */
  isUptodate(index: number): boolean {
    const pfn = this.pages.find(index);
    return pfn >= 0 && (this.frames.flags[pfn]! & PG_UPTODATE) !== 0;
  }

  /** The first page present at or above `index`, or -1. */
  nextPresent(index: number): number {
    return this.pages.nextPresent(index);
  }

  /**
   * The page, brought in when absent. The end of the file is not looked at.
   *
   * @returns the frame with one reference more; -1 with the errno or RETRY in `lastError`
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
   * Starts to bring in pages [first, end), as far as that needs no waiting; errors are of no interest
   * (force_page_cache_readahead: MADV_WILLNEED).
   */
  readahead(first: number, end: number): void {
    readAhead(this, first, end);
  }

  /** A frame for a new page, charged as the filesystem wants: with one reference, or a negative errno. */
  allocPage(index: number): number {
    const { aOps } = this;
    if (aOps.allocPage !== null) return aOps.allocPage(this, index);
    const pfn = aOps.zeroFill ? this.frames.allocZeroed(0) : this.frames.alloc(0);
    return pfn < 0 ? -ENOMEM : pfn;
  }

  /** add_to_page_cache: the cache takes over the caller's reference. Nothing is there yet. Not up to date, not dirty. */
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

  /** delete_from_page_cache: the page, no longer mapped, leaves; a read under way no longer concerns the file. */
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

  /** SetPageUptodate: a page that was added is filled. */
  setUptodate(pfn: number): void {
    this.frames.flags[pfn] = this.frames.flags[pfn]! | PG_UPTODATE;
  }

  /** set_page_dirty. Nothing happens when the page is absent. */
  setDirty(index: number): void {
    const pfn = this.pages.find(index);
    if (pfn < 0) return;
    this.frames.flags[pfn] = this.frames.flags[pfn]! | PG_DIRTY;
    if (this.accountsDirty && this.pages.setDirty(index)) this.frames.nrFileDirty++;
  }

  /** Whether a page is dirty. */
  isDirty(index: number): boolean {
    const pfn = this.pages.find(index);
    return pfn >= 0 && (this.frames.flags[pfn]! & PG_DIRTY) !== 0;
  }

  /** clear_page_dirty without a look at who maps it: whether it was dirty. */
  clearDirty(index: number): boolean {
    const pfn = this.pages.find(index);
    if (pfn < 0) return false;
    const was = (this.frames.flags[pfn]! & PG_DIRTY) !== 0;
    this.frames.flags[pfn] = this.frames.flags[pfn]! & ~PG_DIRTY;
    if (this.pages.clearDirty(index)) this.frames.nrFileDirty--;
    return was;
  }

  /** The first page at or above `index` that waits to be written back, or -1. */
  nextDirty(index: number): number {
    return this.pages.nextDirty(index);
  }

  /**
   * generic_file_read: copies bytes from `pos` on, up to the end of the file.
   *
   * @param pos byte position
   * @returns bytes copied (0 at the end), a negative errno when none was, or RETRY (nothing counts as read)
   */
  read(pos: number, target: Uint8Array, offset: number, len: number): number {
    return readMapping(this, pos, target, offset, len);
  }

  /**
   * generic_perform_write: copies bytes in, marks pages dirty and extends the file. Limits, O_APPEND, seals and times are
   * the caller's.
   *
   * @returns bytes written, a negative errno when none was, or RETRY (nothing was written)
   */
  write(pos: number, source: Uint8Array, offset: number, len: number): number {
    return writeMapping(this, pos, source, offset, len);
  }

  /**
   * truncate_setsize: sets the size; pages behind it are unmapped everywhere, private copies too, and dropped; the tail of
   * the last page becomes zero. Growing does the same at the new end, so a filesystem that leaves what was stored behind
   * the old end alone (shmem) sets `iSize` itself.
   */
  truncate(newSize: number): void {
    truncateMapping(this, newSize);
  }

  /**
   * truncate_pagecache_range: whole pages of bytes [start, end) are unmapped and dropped, the rest becomes zero.
   *
   * @param evenCows private copies of the pages go too; they stay when a hole is punched
   */
  punchHole(start: number, end: number, evenCows = false): void {
    punchMapping(this, start, end, evenCows);
  }

  /** invalidate_mapping_pages: drops pages [first, end) that are clean, idle and unmapped: how many. */
  invalidate(first: number, end: number): number {
    return invalidatePages(this, first, end);
  }

  /**
   * Writes dirty pages of bytes [start, end) back.
   *
   * @param sync wait until they are there, and report errors (once)
   * @returns 0, a negative errno, or RETRY when there is something to wait for
   */
  writeback(start: number, end: number, sync: boolean): number {
    return writebackRange(this, start, end, sync);
  }

  /** truncate_inode_pages_final: the inode goes; nobody maps the file any more. Every page is dropped, dirty or not. */
  evict(): void {
    for (let at = this.pages.nextPresent(0); at >= 0; at = this.pages.nextPresent(at + 1)) this.remove(at);
    if (this.ownerId !== 0) this.frames.dropOwner(this.ownerId);
    this.ownerId = 0;
    this.readErrors = null;
  }
}

/** The page cache behind a file, or null when its pages are kept in another way (huge pages, devices). */
export function addressSpaceOf(file: VmFile): AddressSpace | null {
  const mapping = file.fMapping;
  return isAddressSpace(mapping) ? mapping : null;
}

/**
 * drop_caches: every page of every file that can be read again is dropped, unless it is dirty, busy or mapped.
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
 * Makes room when memory is exhausted (shrink_page_list, as far as files go): clean pages are dropped; if there were none,
 * dirty ones are sent to storage, and those that are there at once are dropped. `Frames.reclaim` calls it.
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
