/**
 * user_shm_lock: counts locked pages of shared memory against the RLIMIT_MEMLOCK of a user.
 *
 * Mirrors mm/mlock.c.
 */
import { hasCapability, type Caller, type MmSystem } from '@vmarea/mm-core';
import { CAP_IPC_LOCK } from '@vmarea/uapi';

/** Pages that a segment has counted, and for which user. */
export interface LockedPages {
  readonly uid: number;
  readonly pages: number;
}

/** Counts `size` bytes, rounded up to pages, for the caller's user. Returns null when the limit does not allow it. */
export function userShmLock(cur: Caller, size: number): LockedPages | null {
  const { system } = cur.mm;
  const { uid } = cur.cred;
  const pages = Math.ceil(size / system.pageSize);
  const locked = (system.lockedShm.get(uid) ?? 0) + pages;
  if (locked > Math.floor(cur.rlimits.memlock / system.pageSize) && !hasCapability(cur.cred, CAP_IPC_LOCK)) return null;
  system.lockedShm.set(uid, locked);
  return { uid, pages };
}

/** Counts pages again that were uncounted, without a check. */
export function countLocked(system: MmSystem, { uid, pages }: LockedPages): void {
  system.lockedShm.set(uid, (system.lockedShm.get(uid) ?? 0) + pages);
}

/** user_shm_unlock. */
export function userShmUnlock(system: MmSystem, { uid, pages }: LockedPages): void {
  countLocked(system, { uid, pages: -pages });
}
