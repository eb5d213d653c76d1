/**
 * struct ipc_namespace for shared memory: the segments of a machine, their keys and limits; shmget; and when a segment is
 * removed.
 *
 * Not here: shmat and shmdt (shmat.ts), shmctl (shmctl.ts). Mirrors ipc/shm.c.
 */
import { HUGETLB_SHMFS_INODE, refuse, VM_NORESERVE, type Caller, type MmSystem } from '@vmarea/mm-core';
import {
  EACCES,
  EEXIST,
  EIDRM,
  EINVAL,
  ENOENT,
  ENOSPC,
  IPC_CREAT,
  IPC_EXCL,
  IPC_PRIVATE,
  IPCMNI,
  OVERCOMMIT_NEVER,
  SHM_DEST,
  SHM_HUGE_MASK,
  SHM_HUGE_SHIFT,
  SHM_HUGETLB,
  SHM_LOCKED,
  SHM_NORESERVE,
  SHMALL,
  SHMMAX,
  SHMMIN,
  SHMMNI,
} from '@vmarea/uapi';
import type { File } from '@vmarea/vfs';
import type { Shmem } from '../shmem.ts';
import { attachFile } from './attach.ts';
import { IpcIds } from './ids.ts';
import { countLocked, userShmUnlock, type LockedPages } from './lock.ts';
import {
  SHM_ACCESS,
  SHM_NO_SEGMENT,
  SHM_STALE_ID,
  SHMGET_COUNT,
  SHMGET_EXISTS,
  SHMGET_LARGER,
  SHMGET_NO_HUGE_SIZE,
  SHMGET_NO_SEGMENT,
  SHMGET_SIZE,
  SHMGET_TOTAL,
} from './reasons.ts';
import { setObjectLock } from './object-lock.ts';
import { Segment } from './segment.ts';
import { doShmat, doShmdt } from './shmat.ts';
import { doShmctl, type ShmctlBuffer } from './shmctl.ts';

/** A 64-bit register of a program. */
export type Register = number | bigint;

const PERMISSIONS = 0o777;

/** The limits of a namespace, which sysctls set. */
export interface ShmLimits {
  /** kernel.shmmax in bytes. */
  max: bigint;
  /** kernel.shmall in pages. */
  all: bigint;
  /** kernel.shmmni. */
  mni: number;
  /** kernel.shm_rmid_forced: a segment without mappings is removed with its last one, or with its creator. */
  rmidForced: boolean;
}

/** The memory of a new segment. */
interface SegmentMemory {
  readonly file: File;
  readonly locked: LockedPages | null;
}

/** The segments of one machine. {@link Shmem} has one. */
export class ShmNamespace {
  readonly shmem: Shmem;
  readonly system: MmSystem;
  readonly limits: ShmLimits = { max: SHMMAX, all: SHMALL, mni: SHMMNI, rmidForced: false };
  /** Pages of all segments. */
  totalPages = 0;
  private readonly ids: IpcIds<Segment>;

  constructor(shmem: Shmem) {
    this.shmem = shmem;
    this.system = shmem.system;
    this.ids = new IpcIds<Segment>(this.system.profile.ipc);
  }

  /** kernel.shm_next_id: the identifier of the next segment; -1: the kernel chooses. */
  get nextId(): number {
    return this.ids.nextId;
  }

  set nextId(id: number) {
    this.ids.nextId = id;
  }

  /** The number of segments, and the largest index of one (-1: none). */
  get inUse(): number {
    return this.ids.inUse;
  }

  get maxIndex(): number {
    return this.ids.maxIndex();
  }

  /** Returns every segment. */
  segments(): IterableIterator<Segment> {
    return this.ids[Symbol.iterator]();
  }

  /** Returns the segment with the index of an identifier, also when its sequence number is another; or null. */
  segmentOf(id: number): Segment | null {
    return this.ids.atIndex(id) ?? null;
  }

  /** Returns the errno for an identifier of a removed segment. `gone`: its index has no segment now. */
  staleErrno(gone: boolean): number {
    return gone || this.system.profile.ipc.staleIdIsInvalid ? -EINVAL : -EIDRM;
  }

  /** shm_obtain_object_check: returns the segment, or -EINVAL, -EIDRM. */
  obtain(cur: Caller, id: number): Segment | number {
    const segment = this.segmentOf(id);
    if (segment === null) return refuse(cur, SHM_NO_SEGMENT, -EINVAL);
    return segment.id === id ? segment : refuse(cur, SHM_STALE_ID, this.staleErrno(false));
  }

  /**
   * shmget(2).
   *
   * @param size bytes
   * @param flags IPC_CREAT, IPC_EXCL, SHM_HUGETLB, SHM_NORESERVE, the size of huge pages, and permission bits
   * @returns the identifier, or -EACCES, -EEXIST, -EINVAL, -ENOENT, -ENOMEM, -ENOSPC, -EPERM
   */
  shmget(cur: Caller, key: number, size: Register, flags: number): number {
    cur.call.reason = 0;
    const bytes = BigInt.asUintN(64, BigInt(size));
    if (key === IPC_PRIVATE) return this.newseg(cur, key, bytes, flags);
    const segment = [...this.segments()].find((one) => one.key === key);
    if (segment === undefined) {
      if ((flags & IPC_CREAT) === 0) return refuse(cur, SHMGET_NO_SEGMENT, -ENOENT);
      return this.newseg(cur, key, bytes, flags);
    }
    if ((flags & IPC_CREAT) !== 0 && (flags & IPC_EXCL) !== 0) return refuse(cur, SHMGET_EXISTS, -EEXIST);
    if (BigInt(segment.size) < bytes) return refuse(cur, SHMGET_LARGER, -EINVAL);
    return segment.permits(cur, flags) ? segment.id : refuse(cur, SHM_ACCESS, -EACCES);
  }

  private newseg(cur: Caller, key: number, bytes: bigint, flags: number): number {
    const { limits, system } = this;
    if (bytes < BigInt(SHMMIN) || bytes > limits.max) return refuse(cur, SHMGET_SIZE, -EINVAL);
    const size = Number(bytes);
    const pages = Math.ceil(size / system.pageSize);
    if (BigInt(this.totalPages + pages) > limits.all) return refuse(cur, SHMGET_TOTAL, -ENOSPC);
    const name = `SYSV${(key >>> 0).toString(16).padStart(8, '0')}`;
    const memory =
      (flags & SHM_HUGETLB) === 0 ? this.pageMemory(cur, name, size, flags) : this.hugeMemory(cur, name, size, flags);
    if (typeof memory === 'number') return memory;
    const { file, locked } = memory;
    const id = this.ids.inUse >= Math.min(limits.mni, IPCMNI) ? -1 : this.ids.allocate();
    if (id < 0) {
      if (locked !== null) userShmUnlock(system, locked);
      file.fput();
      return refuse(cur, SHMGET_COUNT, -ENOSPC);
    }
    // maps shows the identifier as the inode.
    file.fInode.ino = id;
    const mode = flags & PERMISSIONS;
    this.ids.add(new Segment(cur, { id, key, mode, size, file, now: this.now(), locked }));
    this.totalPages += pages;
    return id;
  }

  private pageMemory(cur: Caller, name: string, size: number, flags: number): SegmentMemory | number {
    const noreserve = (flags & SHM_NORESERVE) !== 0 && this.system.sysctl.overcommitMemory !== OVERCOMMIT_NEVER;
    const file = this.shmem.fileSetup(cur, name, size, noreserve);
    return typeof file === 'number' ? file : { file, locked: null };
  }

  private hugeMemory(cur: Caller, name: string, size: number, flags: number): SegmentMemory | number {
    const { hugePages } = this.system;
    const log = (flags >>> SHM_HUGE_SHIFT) & SHM_HUGE_MASK;
    const hstate = hugePages === null ? null : hugePages.hstateSizelog(log);
    if (hugePages === null || hstate === null) return refuse(cur, SHMGET_NO_HUGE_SIZE, -EINVAL);
    let locked: LockedPages | null = null;
    const file = hugePages.fileSetup(cur, {
      name,
      size: Math.ceil(size / hstate.size) * hstate.size,
      vmFlags: (flags & SHM_NORESERVE) !== 0 ? VM_NORESERVE : 0,
      kind: HUGETLB_SHMFS_INODE,
      log,
      locked: (pages) => {
        locked = { uid: cur.cred.uid, pages };
      },
    });
    // The driver of huge pages uses the same file layer, so its VmFile is a File.
    return typeof file === 'number' ? file : { file: file as unknown as File, locked };
  }

  /** shmat(2): see {@link doShmat}. */
  shmat(cur: Caller, id: number, addr: Register, flags: number): number {
    return doShmat(this, cur, id, addr, flags);
  }

  /** shmdt(2): see {@link doShmdt}. */
  shmdt(cur: Caller, addr: Register): number {
    return doShmdt(this, cur, addr);
  }

  /** shmctl(2): see {@link doShmctl}. */
  shmctl(cur: Caller, id: number, cmd: number, buffer: ShmctlBuffer | null): number {
    return doShmctl(this, cur, id, cmd, buffer);
  }

  /**
   * Opens a segment as shmat does, for restoring a map: mapping the file attaches it.
   *
   * @param flags O_RDONLY or O_RDWR
   * @returns a file with one reference; -EINVAL, -EIDRM
   */
  open(cur: Caller, id: number, flags: number): File | number {
    const segment = this.obtain(cur, id);
    return typeof segment === 'number' ? segment : attachFile(this, segment, flags);
  }

  /** Seconds since 1970, by the clock of the internal mount. */
  now(): number {
    return this.shmem.sb.now();
  }

  /** __shm_open: counts a VMA of the segment. */
  opened(segment: Segment): void {
    segment.atime = this.now();
    segment.lpid = this.system.current.pid;
    segment.nattch++;
  }

  /** __shm_close: uncounts a VMA, and removes the segment with the last one if it was marked. */
  closed(segment: Segment): void {
    segment.lpid = this.system.current.pid;
    segment.dtime = this.now();
    segment.nattch--;
    this.destroyIfUnused(segment);
  }

  /** Removes the segment when nothing maps it and it was marked, or kernel.shm_rmid_forced is set. */
  destroyIfUnused(segment: Segment): void {
    if (segment.nattch === 0 && (segment.removed || this.limits.rmidForced)) this.destroy(segment);
  }

  /** shm_destroy. */
  private destroy(segment: Segment): void {
    this.totalPages -= Math.ceil(segment.size / this.system.pageSize);
    this.ids.remove(segment);
    setObjectLock(segment, false);
    if (segment.locked !== null) userShmUnlock(this.system, segment.locked);
    segment.locked = null;
    segment.file.fput();
  }

  /** do_shm_rmid: removes the segment, or marks it and takes its key away when it is mapped. */
  remove(segment: Segment): void {
    if (segment.nattch === 0) {
      this.destroy(segment);
      return;
    }
    segment.mode |= SHM_DEST;
    segment.key = IPC_PRIVATE;
  }

  /** Sets kernel.shm_rmid_forced; removes unused segments whose creator has ended. */
  setRmidForced(forced: boolean): void {
    this.limits.rmidForced = forced;
    if (!forced) return;
    for (const segment of this.segments()) if (segment.creator === null) this.destroyIfUnused(segment);
  }

  /** exit_shm: called when a task has ended, after its address space. */
  taskEnded(cur: Caller): void {
    for (const segment of this.segments()) {
      if (segment.creator !== cur.call) continue;
      segment.creator = null;
      if (this.limits.rmidForced) this.destroyIfUnused(segment);
    }
  }

  /**
   * Returns a function that sets every segment back, for calls that are only tried: it removes newer segments, and brings
   * back keys, permissions and locks. Until then no segment is removed. Detach what the calls have attached before.
   */
  checkpoint(): () => void {
    const before = new Map([...this.segments()].map((segment) => [segment, segment.state()]));
    const restoreIds = this.ids.checkpoint();
    for (const segment of before.keys()) segment.nattch++;
    return () => {
      for (const segment of this.segments()) if (!before.has(segment)) this.remove(segment);
      for (const [segment, state] of before) {
        segment.nattch--;
        if (segment.locked !== state.locked) {
          if (segment.locked !== null) userShmUnlock(this.system, segment.locked);
          if (state.locked !== null) countLocked(this.system, state.locked);
        }
        Object.assign(segment, state);
        setObjectLock(segment, (state.mode & SHM_LOCKED) !== 0);
      }
      restoreIds();
    };
  }

  /** shm_exit_ns: removes every segment; those that are mapped go with their last mapping. */
  exit(): void {
    for (const segment of this.segments()) this.remove(segment);
  }
}
