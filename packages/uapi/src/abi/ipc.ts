// System V shared memory: keys, flags of shmget and shmat. Mirrors include/uapi/linux/{ipc,shm}.h.

/** The key that always creates a new segment. */
export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000;
export const IPC_EXCL = 0o2000;
export const IPC_NOWAIT = 0o4000;
export const IPC_RMID = 0;
export const IPC_SET = 1;
export const IPC_STAT = 2;

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
