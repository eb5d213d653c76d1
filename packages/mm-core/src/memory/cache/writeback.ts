/**
 * Writes dirty pages to storage. Mirrors mm/page-writeback.c and the fdatawrite/fdatawait half of mm/filemap.c.
 *
 * A page is cleaned in every mapping before it is written, so a later store makes it dirty again. The mapping stores an
 * error, and the first fsync or msync that waits returns it.
 */
import { EIO } from '@vmarea/uapi';
import { RETRY } from '../../base/errno.ts';
import type { AddressSpace } from './address-space.ts';
import { PG_WRITEBACK } from '../frames/flags.ts';
import { takePending } from './read.ts';

/** As `AddressSpace.writeback`. */
export function writebackRange(mapping: AddressSpace, start: number, end: number, sync: boolean): number {
  const { pageSize, pageMask } = mapping.core.system;
  const first = (start - (start & pageMask)) / pageSize;
  const last = Math.ceil(end / pageSize);
  // Skips a page whose earlier write is not yet complete: the call waits for that write and is repeated.
  let at = mapping.nextDirty(first);
  while (at >= 0 && at < last) {
    if (mapping.writes?.has(at) !== true) writePage(mapping, at);
    at = mapping.nextDirty(at + 1);
  }
  if (!sync) return 0;
  const underWay = pendingWrites(mapping, first, last);
  if (underWay.length > 0) {
    mapping.core.system.current.pending = underWay.length === 1 ? underWay[0]! : Promise.all(underWay);
    return RETRY;
  }
  const error = mapping.writebackError;
  mapping.writebackError = 0;
  return error;
}

/** clear_page_dirty_for_io and writepage for one dirty page. */
function writePage(mapping: AddressSpace, index: number): void {
  const { frames, aOps, core } = mapping;
  const pfn = mapping.find(index);
  core.pageMkclean(mapping, index);
  mapping.clearDirty(index);
  if (aOps.writePage === null) return;
  core.system.current.pending = null;
  const result = aOps.writePage(mapping, index, pfn);
  if (result === 0) return;
  const pending = takePending(mapping);
  if (result !== RETRY || pending === null) {
    mappingSetError(mapping, result === RETRY ? -EIO : result);
    return;
  }
  frames.get(pfn);
  frames.flags[pfn] = frames.flags[pfn]! | PG_WRITEBACK;
  frames.nrWriteback++;
  const writes = (mapping.writes ??= new Map<number, Promise<unknown>>());
  const done = pending.then(
    (value) => {
      endWriteback(typeof value === 'number' && value < 0 ? value : 0);
    },
    () => {
      endWriteback(-EIO);
    },
  );
  writes.set(index, done);

  function endWriteback(error: number): void {
    // No other write of this index has begun, even if the page was truncated in the meantime.
    writes.delete(index);
    frames.flags[pfn] = frames.flags[pfn]! & ~PG_WRITEBACK;
    frames.nrWriteback--;
    if (error !== 0) mappingSetError(mapping, error);
    frames.put(pfn);
  }
}

/** mapping_set_error. */
function mappingSetError(mapping: AddressSpace, error: number): void {
  mapping.writebackError = error;
  mapping.writebackErrors++;
}

function pendingWrites(mapping: AddressSpace, first: number, last: number): Promise<unknown>[] {
  const out: Promise<unknown>[] = [];
  if (mapping.writes !== null) {
    for (const [index, done] of mapping.writes) if (index >= first && index < last) out.push(done);
  }
  return out;
}
