// @vmarea/shmem: memory that several mappings share: tmpfs, shared anonymous mappings, memfd and its seals.
// It knows nothing of huge pages: MFD_HUGETLB goes through the system's port. Mirrors mm/shmem.c and mm/memfd.c.

export * from './tmpfs.ts';
export * from './shmem.ts';
export * from './shmem-inode.ts';
export * from './shmem-file.ts';
export * from './seals.ts';
export * from './reasons.ts';
