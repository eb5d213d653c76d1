/**
 * read(2) and write(2) through the page cache. Mirrors do_generic_file_read and generic_perform_write.
 *
 * A write first waits for everything that it needs and changes nothing before, so that a call that returned RETRY can be
 * repeated as a whole. A read is always repeated as a whole.
 */
import { RETRY } from '../../base/errno.ts';
import type { AddressSpace } from './address-space.ts';
import { PG_UPTODATE, PG_WAITERS } from '../frames/flags.ts';

/** As `AddressSpace.read`. */
export function readMapping(
  mapping: AddressSpace,
  pos: number,
  target: Uint8Array,
  offset: number,
  len: number,
): number {
  const { frames, aOps, core } = mapping;
  const { pageSize, pageMask } = core.system;
  const size = mapping.host.iSize;
  if (pos >= size) return 0;
  const total = Math.min(len, size - pos);
  let done = 0;
  while (done < total) {
    const at = pos + done;
    const inPage = at & pageMask;
    const index = (at - inPage) / pageSize;
    const n = Math.min(pageSize - inPage, total - done);
    let pfn = mapping.find(index);
    if (pfn < 0 && aOps.readSkipsHoles) target.fill(0, offset + done, offset + done + n);
    else {
      if (pfn < 0 || (frames.flags[pfn]! & (PG_UPTODATE | PG_WAITERS)) !== PG_UPTODATE) {
        pfn = mapping.getOrRead(index);
        if (pfn < 0) {
          const error = mapping.lastError;
          // Starts the reads of all pages that this call will need while it waits for the first.
          if (error === RETRY) mapping.readahead(index + 1, Math.ceil((pos + total) / pageSize));
          else if (done > 0) return done;
          return error;
        }
        frames.put(pfn);
      }
      core.physical.readBytes(pfn, inPage, target, offset + done, n);
    }
    done += n;
  }
  return done;
}

/** As `AddressSpace.write`. */
export function writeMapping(
  mapping: AddressSpace,
  pos: number,
  source: Uint8Array,
  offset: number,
  len: number,
): number {
  if (len <= 0) return 0;
  const { core, host } = mapping;
  const { pageSize, pageMask } = core.system;
  const ready = prepare(mapping, pos, len);
  if (ready !== 0) return ready;
  let done = 0;
  while (done < len) {
    const at = pos + done;
    const inPage = at & pageMask;
    const index = (at - inPage) / pageSize;
    const n = Math.min(pageSize - inPage, len - done);
    const pfn = writeBegin(mapping, index, inPage, n);
    if (pfn < 0) return done > 0 ? done : pfn;
    core.physical.writeBytes(pfn, inPage, source, offset + done, n);
    mapping.setDirty(index);
    done += n;
    if (pos + done > host.iSize) host.iSize = pos + done;
  }
  return done;
}

/** Reads what a write needs before it begins: the pages that it fills only in part, and pages that are being read. */
function prepare(mapping: AddressSpace, pos: number, len: number): number {
  const { aOps } = mapping;
  const { pageSize, pageMask } = mapping.core.system;
  if (aOps.prepareWrite !== null) {
    const result = aOps.prepareWrite(mapping, pos, len);
    if (result !== 0) return result;
  }
  if (aOps.zeroFill) return 0;
  const end = pos + len;
  const first = (pos - (pos & pageMask)) / pageSize;
  const last = Math.ceil(end / pageSize) - 1;
  if ((pos & pageMask) !== 0 || (first === last && (end & pageMask) !== 0)) {
    const error = bringIn(mapping, first);
    if (error !== 0) return error;
  }
  if (last !== first && (end & pageMask) !== 0) {
    const error = bringIn(mapping, last);
    if (error === RETRY) return error;
    // The pages before it are written first; the write meets the error again at this page.
    if (error !== 0) (mapping.readErrors ??= new Map<number, number>()).set(last, error);
  }
  if (mapping.reads !== null && mapping.reads.size > 0) {
    for (const read of mapping.reads.values()) {
      if (read.index < first || read.index > last) continue;
      mapping.core.system.current.pending = read.done;
      return RETRY;
    }
  }
  return 0;
}

/** Reads a page that will be changed in part. Returns 0, an errno, or RETRY. */
function bringIn(mapping: AddressSpace, index: number): number {
  if (mapping.find(index) < 0 && index * mapping.core.system.pageSize >= mapping.host.iSize) return 0;
  const pfn = mapping.getOrRead(index);
  if (pfn < 0) return mapping.lastError;
  mapping.frames.put(pfn);
  return 0;
}

/** write_begin: returns the page, up to date except bytes [inPage, inPage + n), which the caller writes; or an errno. */
function writeBegin(mapping: AddressSpace, index: number, inPage: number, n: number): number {
  const { frames, aOps, core } = mapping;
  const { physical } = core;
  const { pageSize } = core.system;
  let pfn = mapping.find(index);
  if (pfn >= 0 && (frames.flags[pfn]! & PG_UPTODATE) !== 0) return pfn;
  const whole = n === pageSize;
  if (!whole && !aOps.zeroFill && index * pageSize < mapping.host.iSize) {
    pfn = mapping.getOrRead(index);
    if (pfn < 0) return mapping.lastError;
    frames.put(pfn);
    return pfn;
  }
  if (pfn < 0) {
    pfn = mapping.allocPage(index);
    if (pfn < 0) return pfn;
    mapping.add(index, pfn);
  }
  if (!whole) {
    physical.fillBytes(pfn, 0, inPage, 0);
    physical.fillBytes(pfn, inPage + n, pageSize - inPage - n, 0);
  }
  mapping.setUptodate(pfn);
  return pfn;
}
