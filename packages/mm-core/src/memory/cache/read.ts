/**
 * Reads a page into the page cache: at once, or by an asynchronous read that all callers who want the page share.
 * Mirrors the page-not-cached half of filemap_fault and do_generic_file_read.
 *
 * No lock is held while a read is pending. The pending read has a reference on its frame, so the file may be truncated and
 * the waiting calls may have ended before it completes. The first call that asks for the page again gets an error of the
 * read; the next one starts a new read, as after ClearPageError.
 */
import { EINVAL, EIO } from '@vmarea/uapi';
import { RETRY } from '../../base/errno.ts';
import type { AddressSpace } from './address-space.ts';
import { PG_LOCKED, PG_UPTODATE, PG_WAITERS } from '../frames/flags.ts';

/** The largest number of bytes that one call starts to read (MAX_READAHEAD). */
const MAX_READAHEAD: number = 2 ** 21;

/** A read in progress. */
export class PendingRead {
  readonly index: number;
  readonly pfn: number;
  /** Resolves when the page is read or the error recorded; never rejects. */
  done: Promise<unknown> = Promise.resolve();
  /** Whether a call waits for it, which then has to get the error. */
  waited = false;
  /** Byte ranges of the page that were truncated or punched in the meantime: pairs of offsets. */
  zeroed: number[] | null = null;

  constructor(index: number, pfn: number) {
    this.index = index;
    this.pfn = pfn;
  }
}

/**
 * The slow half of `getOrRead`: the page is absent, is being read, or has just been read.
 *
 * @param pfn the result of `find`
 * @returns as `getOrRead`
 */
export function readMissing(mapping: AddressSpace, index: number, pfn: number): number {
  const { frames } = mapping;
  let frame = pfn;
  if (frame >= 0) {
    const flags = frames.flags[frame]!;
    if ((flags & PG_UPTODATE) !== 0) {
      frames.flags[frame] = flags & ~PG_WAITERS;
      return give(mapping, frame, true);
    }
    const read = mapping.reads?.get(index);
    if (read !== undefined) return waitFor(mapping, read);
  } else {
    const error = takeReadError(mapping, index);
    if (error !== 0) return fail(mapping, error);
    frame = mapping.allocPage(index);
    if (frame < 0) return fail(mapping, frame);
    mapping.add(index, frame);
  }
  const result = startRead(mapping, index, frame, pfn < 0);
  if (result === 0) return give(mapping, frame, true);
  if (result === RETRY) return waitFor(mapping, mapping.reads!.get(index)!);
  return fail(mapping, result);
}

/** Starts reads of absent pages of [first, end), at most 2 MiB. Ignores errors. */
export function readAhead(mapping: AddressSpace, first: number, end: number): void {
  const { system } = mapping.core;
  const pending = system.current.pending;
  const size = Math.ceil(mapping.host.iSize / system.pageSize);
  const last = Math.min(end, first + MAX_READAHEAD / system.pageSize, size);
  for (let index = first; index < last; index++) {
    if (mapping.find(index) >= 0) continue;
    const pfn = mapping.allocPage(index);
    if (pfn < 0) break;
    mapping.add(index, pfn);
    const result = startRead(mapping, index, pfn, true);
    if (result !== 0 && result !== RETRY) break;
  }
  system.current.pending = pending;
}

/**
 * Calls the driver to fill a page that was added.
 *
 * @param fresh whether the frame was allocated for it, so that with `zeroFill` it is zero already
 * @returns 0, RETRY (the read is in `reads`), or an errno; an error removes the page
 */
function startRead(mapping: AddressSpace, index: number, pfn: number, fresh: boolean): number {
  const { frames, aOps } = mapping;
  if (aOps.zeroFill) {
    if (!fresh) mapping.core.physical.zeroFrame(pfn);
    frames.flags[pfn] = frames.flags[pfn]! | PG_UPTODATE;
    return 0;
  }
  if (aOps.readPage === null) {
    mapping.remove(index);
    return -EINVAL;
  }
  frames.flags[pfn] = frames.flags[pfn]! | PG_LOCKED;
  mapping.core.system.current.pending = null;
  let result = aOps.readPage(mapping, index, pfn);
  if (result === 0) {
    zeroTail(mapping, index, pfn);
    frames.flags[pfn] = (frames.flags[pfn] & ~PG_LOCKED) | PG_UPTODATE;
    return 0;
  }
  const pending = takePending(mapping);
  if (result === RETRY && pending !== null) {
    const read = new PendingRead(index, pfn);
    frames.get(pfn);
    (mapping.reads ??= new Map<number, PendingRead>()).set(index, read);
    read.done = pending.then(
      (value) => {
        endRead(mapping, read, typeof value === 'number' && value < 0 ? value : 0);
      },
      () => {
        endRead(mapping, read, -EIO);
      },
    );
    return RETRY;
  }
  // RETRY without a promise is a bug of the driver; it counts as an I/O error.
  if (result === RETRY) result = -EIO;
  mapping.remove(index);
  return result;
}

/** unlock_page: completes an asynchronous read. */
function endRead(mapping: AddressSpace, read: PendingRead, error: number): void {
  const { frames } = mapping;
  const { index, pfn } = read;
  if (mapping.reads?.get(index) === read) {
    mapping.reads.delete(index);
    if (error === 0) {
      const holes = read.zeroed;
      if (holes !== null) {
        for (let i = 0; i < holes.length; i += 2) {
          mapping.core.physical.fillBytes(pfn, holes[i]!, holes[i + 1]! - holes[i]!, 0);
        }
      }
      zeroTail(mapping, index, pfn);
      const waiters = read.waited ? PG_WAITERS : 0;
      frames.flags[pfn] = (frames.flags[pfn]! & ~PG_LOCKED) | PG_UPTODATE | waiters;
    } else {
      mapping.remove(index);
      if (read.waited) (mapping.readErrors ??= new Map<number, number>()).set(index, error);
    }
  }
  frames.put(pfn);
}

/** Zeroes the bytes behind the end of the file. */
function zeroTail(mapping: AddressSpace, index: number, pfn: number): void {
  const { pageSize } = mapping.core.system;
  const left = mapping.host.iSize - index * pageSize;
  if (left < pageSize && left > 0) mapping.core.physical.fillBytes(pfn, left, pageSize - left, 0);
}

/** Returns the error of a read that a call has waited for, and clears it; 0 for none. */
function takeReadError(mapping: AddressSpace, index: number): number {
  if (mapping.readErrors === null) return 0;
  const error = mapping.readErrors.get(index) ?? 0;
  if (error !== 0) mapping.readErrors.delete(index);
  return error;
}

/** Takes the promise that the driver has stored, and clears it. */
export function takePending(mapping: AddressSpace): Promise<unknown> | null {
  const { system } = mapping.core;
  const { pending } = system.current;
  system.current.pending = null;
  return pending;
}

function give(mapping: AddressSpace, pfn: number, major: boolean): number {
  mapping.lastMajor = major;
  mapping.frames.get(pfn);
  return pfn;
}

function waitFor(mapping: AddressSpace, read: PendingRead): number {
  read.waited = true;
  mapping.core.system.current.pending = read.done;
  return fail(mapping, RETRY);
}

function fail(mapping: AddressSpace, error: number): number {
  mapping.lastError = error;
  mapping.lastMajor = false;
  return -1;
}
