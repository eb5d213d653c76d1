// System V shared memory: keys, flags of shmget and shmat, commands and structures of shmctl. Mirrors include/uapi/linux/{ipc,shm}.h.

/** The key that always creates a new segment. */
export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const IPC_NOWAIT = 0o4000;
export const IPC_RMID = 0;
export const IPC_SET = 1;
export const IPC_STAT = 2;
export const IPC_INFO = 3;
/** The number of objects of one kind that an IPC namespace can have; an identifier's index is below it. */
export const IPCMNI = 32768;

export const SHM_HUGETLB = 0o4000;
export const SHM_NORESERVE = 0o10000;
export const SHM_RDONLY = 0o10000;
export const SHM_RND = 0o20000;
export const SHM_REMAP = 0o40000;
export const SHM_EXEC = 0o100000;
/** The position of the base-2 logarithm of the huge page size in the flags of shmget. */
export const SHM_HUGE_SHIFT = 26;
/** The mask of that logarithm, after shifting, as in mmap's flags. */
export const SHM_HUGE_MASK = 0x3f;
/** Further commands of shmctl. */
export const SHM_LOCK = 11;
export const SHM_UNLOCK = 12;
export const SHM_STAT = 13;
export const SHM_INFO = 14;
export const SHM_STAT_ANY = 15;
/** Bits of `mode` beside the permissions: the segment is removed with its last mapping; it is locked. */
export const SHM_DEST = 0o1000;
export const SHM_LOCKED = 0o2000;
/** The smallest segment in bytes, and kernel.shmmni at boot. */
export const SHMMIN = 1;
export const SHMMNI = 4096;
/** kernel.shmmax in bytes and kernel.shmall in pages at boot: ULONG_MAX less 2^24. */
export const SHMMAX: bigint = (1n << 64n) - 1n - (1n << 24n);
export const SHMALL: bigint = SHMMAX;

/** struct shmid64_ds: the contents of IPC_STAT and SHM_STAT; IPC_SET reads `uid`, `gid` and `mode`. */
export interface ShmidDs {
  /** 0 is IPC_PRIVATE, also after IPC_RMID. */
  key: number;
  uid: number;
  gid: number;
  /** The creator's. */
  cuid: number;
  cgid: number;
  /** Permission bits, SHM_DEST, SHM_LOCKED. */
  mode: number;
  /** The sequence number in the identifier. */
  seq: number;
  /** Bytes, as given to shmget. */
  segsz: number;
  /** Seconds since 1970 of the last attach, the last detach and the last change; 0: none. */
  atime: number;
  dtime: number;
  ctime: number;
  /** The process that created the segment, and the last one that attached or detached it. */
  cpid: number;
  lpid: number;
  /** The mappings of the segment in all processes. */
  nattch: number;
}

/** struct shminfo64: the limits of a namespace (IPC_INFO). */
export interface ShmLimitsInfo {
  /** Bytes of the largest segment. */
  shmmax: bigint;
  shmmin: number;
  shmmni: number;
  shmseg: number;
  /** Pages of all segments. */
  shmall: bigint;
}

/** struct shm_info: the use of a namespace (SHM_INFO). */
export interface ShmUsageInfo {
  usedIds: number;
  /** Pages of all segments, and how many of them are in memory, and in swap. */
  tot: number;
  rss: number;
  swp: number;
}

/** Returns a zeroed struct shmid64_ds, for shmctl to fill. */
export function newShmidDs(): ShmidDs {
  return {
    key: 0,
    uid: 0,
    gid: 0,
    cuid: 0,
    cgid: 0,
    mode: 0,
    seq: 0,
    segsz: 0,
    atime: 0,
    dtime: 0,
    ctime: 0,
    cpid: 0,
    lpid: 0,
    nattch: 0,
  };
}
