/**
 * Removes pages from the page cache: truncation, punched holes, invalidation. Mirrors mm/truncate.c, and shmem_undo_range
 * for shmem.
 */
import type { AddressSpace } from './address-space.ts';
import { PG_DIRTY, PG_LOCKED, PG_SWAPBACKED, PG_UPTODATE, PG_WRITEBACK } from '../frames/flags.ts';

/** As `AddressSpace.truncate`. */
export function truncateMapping(mapping: AddressSpace, newSize: number): void {
  const { pageSize } = mapping.core.system;
  mapping.host.iSize = newSize;
  const first = Math.ceil(newSize / pageSize);
  mapping.core.unmapMappingRange(mapping, first, Infinity, true);
  const tail = newSize & (pageSize - 1);
  if (tail !== 0) zeroPart(mapping, first - 1, tail, pageSize);
  dropPages(mapping, first, Infinity);
}

/** As `AddressSpace.punchHole`. */
export function punchMapping(mapping: AddressSpace, start: number, end: number, evenCows: boolean): void {
  if (end <= start) return;
  const { pageSize } = mapping.core.system;
  const first = Math.ceil(start / pageSize);
  const last = Math.floor(end / pageSize);
  if (first < last) mapping.core.unmapMappingRange(mapping, first, last - first, evenCows);
  const head = start & (pageSize - 1);
  const tail = end === Infinity ? 0 : end & (pageSize - 1);
  if (first > last) {
    zeroPart(mapping, last, head, tail);
    return;
  }
  if (head !== 0) zeroPart(mapping, first - 1, head, pageSize);
  if (tail !== 0) zeroPart(mapping, last, 0, tail);
  dropPages(mapping, first, last);
}

/** As `AddressSpace.invalidate`. */
export function invalidatePages(mapping: AddressSpace, first: number, end: number): number {
  const { frames } = mapping;
  const busy = PG_DIRTY | PG_LOCKED | PG_WRITEBACK;
  let dropped = 0;
  for (let at = mapping.nextPresent(first); at >= 0 && at < end; at = mapping.nextPresent(at + 1)) {
    const pfn = mapping.find(at);
    // One reference is the cache's own.
    if ((frames.flags[pfn]! & busy) !== 0 || frames.mapcount[pfn]! !== 0 || frames.refcount[pfn]! !== 1) continue;
    mapping.remove(at);
    dropped++;
  }
  return dropped;
}

function dropPages(mapping: AddressSpace, first: number, end: number): void {
  for (let at = mapping.nextPresent(first); at >= 0 && at < end; at = mapping.nextPresent(at + 1)) mapping.remove(at);
}

/** Zeroes bytes [from, to) of a cached page; if it is being read, after the read. */
function zeroPart(mapping: AddressSpace, index: number, from: number, to: number): void {
  const pfn = mapping.find(index);
  if (pfn < 0 || from >= to) return;
  const { frames } = mapping;
  const flags = frames.flags[pfn]!;
  if ((flags & PG_UPTODATE) !== 0) {
    mapping.core.physical.fillBytes(pfn, from, to - from, 0);
    if ((flags & PG_SWAPBACKED) !== 0) mapping.setDirty(index);
    return;
  }
  const read = mapping.reads?.get(index);
  if (read !== undefined) (read.zeroed ??= []).push(from, to);
}
