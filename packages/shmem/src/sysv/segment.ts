/**
 * struct shmid_kernel: one segment of System V shared memory, and who may use it.
 *
 * Mirrors the structures of ipc/shm.c and ipcperms of ipc/util.c.
 */
import { hasCapability, type Call, type Caller } from '@vmarea/mm-core';
import { CAP_IPC_OWNER, IPCMNI, SHM_DEST, type ShmidDs } from '@vmarea/uapi';
import type { File } from '@vmarea/vfs';
import type { LockedPages } from './lock.ts';

/** What newseg knows of a segment. */
export interface SegmentInit {
  readonly id: number;
  readonly key: number;
  /** Permission bits. */
  readonly mode: number;
  /** Bytes. */
  readonly size: number;
  readonly file: File;
  /** Seconds since 1970. */
  readonly now: number;
  /** Pages that creating it has counted against RLIMIT_MEMLOCK (huge pages, 4.4). */
  readonly locked: LockedPages | null;
}

/** What calls change in a segment. */
export type SegmentState = Pick<
  Segment,
  'key' | 'uid' | 'gid' | 'mode' | 'atime' | 'dtime' | 'ctime' | 'lpid' | 'creator' | 'locked'
>;

/** A segment. Its file has the memory. */
export class Segment {
  readonly id: number;
  key: number;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  /** Permission bits, SHM_DEST, SHM_LOCKED. */
  mode: number;
  /** Bytes, as given to shmget. */
  readonly size: number;
  /** The memory: one reference. */
  readonly file: File;
  /** The number of VMAs that map it, and of shmat calls under way. */
  nattch = 0;
  atime = 0;
  dtime = 0;
  ctime: number;
  readonly cpid: number;
  lpid = 0;
  /** The call object of the task that created it; null after that task has ended. */
  creator: Call | null;
  locked: LockedPages | null;

  constructor(cur: Caller, init: SegmentInit) {
    this.id = init.id;
    this.key = init.key;
    this.uid = this.cuid = cur.cred.uid;
    this.gid = this.cgid = cur.cred.gid;
    this.mode = init.mode;
    this.size = init.size;
    this.file = init.file;
    this.ctime = init.now;
    this.cpid = cur.call.pid;
    this.creator = cur.call;
    this.locked = init.locked;
  }

  /** Whether IPC_RMID was called: the last detach removes it. */
  get removed(): boolean {
    return (this.mode & SHM_DEST) !== 0;
  }

  /** Whether the caller's user created or owns it. */
  isOwnedBy(cur: Caller): boolean {
    const { uid } = cur.cred;
    return uid === this.cuid || uid === this.uid;
  }

  /**
   * ipcperms: returns whether the caller has the requested access.
   *
   * @param flag permission bits; a bit for owner, group or others requests that access
   */
  permits(cur: Caller, flag: number): boolean {
    const requested = (flag >> 6) | (flag >> 3) | flag;
    const { gid } = cur.cred;
    let granted = this.mode;
    if (this.isOwnedBy(cur)) granted >>= 6;
    else if (gid === this.cgid || gid === this.gid) granted >>= 3;
    return (requested & ~granted & 0o7) === 0 || hasCapability(cur.cred, CAP_IPC_OWNER);
  }

  /** Returns a copy of what calls change, except `nattch`. */
  state(): SegmentState {
    const { key, uid, gid, mode, atime, dtime, ctime, lpid, creator, locked } = this;
    return { key, uid, gid, mode, atime, dtime, ctime, lpid, creator, locked };
  }

  /** Fills a struct shmid64_ds. */
  copyTo(ds: ShmidDs): void {
    const { key, uid, gid, cuid, cgid, mode, atime, dtime, ctime, cpid, lpid, nattch } = this;
    const seq = Math.floor(this.id / IPCMNI);
    Object.assign(ds, { key, uid, gid, cuid, cgid, mode, seq, segsz: this.size });
    Object.assign(ds, { atime, dtime, ctime, cpid, lpid, nattch });
  }
}
