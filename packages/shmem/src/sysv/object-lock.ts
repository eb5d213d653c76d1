/**
 * shmem_lock: whether the pages of a segment are locked in memory (SHM_LOCK). Huge pages always are.
 *
 * Mirrors mm/shmem.c.
 */
import { shmemInfo } from '../shmem-inode.ts';
import type { Segment } from './segment.ts';

/** Locks or unlocks the memory of a segment; counts nothing. */
export function setObjectLock(segment: Segment, locked: boolean): void {
  const inode = segment.file.fInode;
  if (inode.hugePageSize === 0) shmemInfo(inode).locked = locked;
}

/** Returns whether the memory of a segment is locked. */
export function isObjectLocked(segment: Segment): boolean {
  const inode = segment.file.fInode;
  return inode.hugePageSize === 0 && shmemInfo(inode).locked;
}
