// @vmarea/hugetlbfs: huge page sizes, pools, reservations, surplus, and files of huge pages. Implements mm-core's port and
// allocates blocks from mm-core's frames. Mirrors mm/hugetlb.c and fs/hugetlbfs.

export * from './hugetlb.ts';
export * from './hugetlbfs.ts';
export * from './hstate.ts';
export * from './subpool.ts';
export * from './region-map.ts';
export * from './huge-inode.ts';
export * from './huge-file.ts';
export * from './reasons.ts';
