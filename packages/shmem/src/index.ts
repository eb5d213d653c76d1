// @vmarea/shmem: memory that several mappings share: tmpfs, shared anonymous mappings, memfd and its seals, and System V
// segments (sysv/).
// Huge pages are not part of it: MFD_HUGETLB calls the system's port. Mirrors mm/shmem.c and mm/memfd.c.

export * from './tmpfs.ts';
export * from './shmem.ts';
export * from './shmem-inode.ts';
export * from './shmem-file.ts';
export * from './seals.ts';
export * from './reasons.ts';
export * from './sysv/index.ts';
