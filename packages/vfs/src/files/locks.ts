/**
 * File locks: POSIX record locks, open-file-description locks, flock, and mandatory locking.
 *
 * Ranges are byte ranges [start, end]; end is Infinity for «to the end of the file». Not here: leases.
 * Mirrors fs/locks.c.
 */
import { EAGAIN, EDEADLK, F_RDLCK, F_UNLCK, F_WRLCK, S_ISGID, S_IXGRP } from '@vmarea/uapi';
import { RETRY, type Caller } from '@vmarea/mm-core';
import type { File } from './file.ts';
import type { Inode } from '../names/inode.ts';

/** One lock. */
export interface FileLock {
  /** F_RDLCK or F_WRLCK. */
  type: number;
  /** Bytes, both inclusive. */
  start: number;
  end: number;
  /** The owner: the descriptor table of the process, or the file itself for open-file-description locks. */
  readonly owner: object;
  /** The pid that F_GETLK returns, -1 for an open-file-description lock. */
  readonly pid: number;
}

/** The locks of an inode. */
export class LockContext {
  posix: FileLock[] = [];
  /** flock locks: by file. */
  readonly flock: Map<File, number> = new Map<File, number>();
  private waiters: (() => void)[] = [];
  /** The owner that each waiting owner waits for, for deadlock detection. */
  readonly blocked: Map<object, object> = new Map<object, object>();

  /** Returns a promise that settles when a lock was released. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  wake(): void {
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}

function context(inode: Inode): LockContext {
  return (inode.iFlctx ??= new LockContext());
}

/** Returns the first lock of another owner that conflicts with `type` on [start, end], or null. */
export function posixTestLock(inode: Inode, owner: object, type: number, start: number, end: number): FileLock | null {
  if (inode.iFlctx === null) return null;
  for (const lock of inode.iFlctx.posix) {
    if (lock.owner === owner || lock.start > end || lock.end < start) continue;
    if (type === F_WRLCK || lock.type === F_WRLCK) return lock;
  }
  return null;
}

/**
 * posix_lock_file: sets, changes or clears a lock.
 *
 * @param wait F_SETLKW: returns RETRY with `system.current.pending` instead of -EAGAIN
 * @returns 0, -EAGAIN, -EDEADLK, or RETRY
 */
export function posixLockFile(inode: Inode, wanted: FileLock, wait: boolean): number {
  const ctx = context(inode);
  const { owner, start, end, type } = wanted;
  if (type !== F_UNLCK) {
    const conflict = posixTestLock(inode, owner, type, start, end);
    if (conflict !== null) {
      if (!wait) return -EAGAIN;
      for (let o: object | undefined = conflict.owner; o !== undefined; o = ctx.blocked.get(o)) {
        if (o === owner) return -EDEADLK;
      }
      ctx.blocked.set(owner, conflict.owner);
      inode.system.current.pending = ctx.wait();
      return RETRY;
    }
  }
  ctx.blocked.delete(owner);
  const result: FileLock[] = [];
  let from = start;
  let to = end;
  for (const lock of ctx.posix) {
    const touches = lock.start <= to + 1 && lock.end >= from - 1;
    if (lock.owner !== owner || !touches) {
      result.push(lock);
    } else if (lock.type === type) {
      from = Math.min(from, lock.start);
      to = Math.max(to, lock.end);
    } else {
      if (lock.start < start) result.push({ ...lock, end: Math.min(lock.end, start - 1) });
      if (lock.end > end) result.push({ ...lock, start: Math.max(lock.start, end + 1) });
    }
  }
  if (type !== F_UNLCK) result.push({ type, start: from, end: to, owner, pid: wanted.pid });
  result.sort((a, b) => a.start - b.start);
  ctx.posix = result;
  // Wakes all waiters: even a change of a write lock to a read lock may let one continue.
  ctx.wake();
  return 0;
}

/**
 * flock(2).
 *
 * @param type F_RDLCK, F_WRLCK or F_UNLCK
 * @returns 0, -EAGAIN, or RETRY when `wait`
 */
export function flockLockFile(file: File, type: number, wait: boolean): number {
  const ctx = context(file.fInode);
  if (type === F_UNLCK) {
    if (ctx.flock.delete(file)) ctx.wake();
    return 0;
  }
  if (ctx.flock.get(file) === type) return 0;
  for (const [other, held] of ctx.flock) {
    if (other === file || (type === F_RDLCK && held === F_RDLCK)) continue;
    // Changing a lock releases the old one first, as in the kernel.
    if (ctx.flock.delete(file)) ctx.wake();
    if (!wait) return -EAGAIN;
    file.fInode.system.current.pending = ctx.wait();
    return RETRY;
  }
  ctx.flock.set(file, type);
  ctx.wake();
  return 0;
}

/** locks_remove_posix: removes all of the process's locks on the file after it closed one descriptor. */
export function locksRemovePosix(inode: Inode, owner: object): void {
  const ctx = inode.iFlctx;
  if (ctx === null) return;
  const left = ctx.posix.filter((lock) => lock.owner !== owner);
  if (left.length === ctx.posix.length) return;
  ctx.posix = left;
  ctx.wake();
}

/** locks_remove_file: removes the locks of a released file. */
export function locksRemoveFile(inode: Inode, file: File): void {
  if (inode.iFlctx === null) return;
  if (inode.iFlctx.flock.delete(file)) inode.iFlctx.wake();
  locksRemovePosix(inode, file);
}

/** mandatory_lock: returns whether the filesystem is mounted with «mand», and the file is setgid without group execution. */
export function mandatoryLock(inode: Inode): boolean {
  return (
    inode.system.profile.files.mandatoryLocks &&
    inode.iSb.mandatoryLocks &&
    (inode.iMode & (S_ISGID | S_IXGRP)) === S_ISGID
  );
}

/**
 * locks_verify_locked: checks whether another owner has a mandatory lock on any part of the file.
 *
 * @returns 0 or -EAGAIN
 */
export function locksVerifyLocked(cur: Caller, file: File): number {
  return locksVerifyArea(cur, file.fInode, file, { type: F_WRLCK, start: 0, end: Infinity });
}

/** Bytes [start, end] to read (F_RDLCK) or write (F_WRLCK). */
export interface LockedArea {
  readonly type: number;
  readonly start: number;
  readonly end: number;
}

/**
 * locks_mandatory_area: checks whether another owner has a mandatory lock that conflicts with reading or writing an area.
 *
 * @param file its own open-file-description locks do not conflict; null when there is none
 */
export function locksVerifyArea(cur: Caller, inode: Inode, file: File | null, area: LockedArea): number {
  if (inode.iFlctx === null || !mandatoryLock(inode)) return 0;
  const { type, start, end } = area;
  for (const lock of inode.iFlctx.posix) {
    if (lock.owner === cur.files || lock.owner === file || lock.start > end || lock.end < start) continue;
    if (type === F_WRLCK || lock.type === F_WRLCK) return -EAGAIN;
  }
  return 0;
}
