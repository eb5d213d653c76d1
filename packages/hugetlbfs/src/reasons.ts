/** Reasons of huge pages. */
import { reason } from '@vmarea/mm-core';
import { EINVAL, ENODEV, ENOMEM, ENOSPC, EPERM, SIGBUS } from '@vmarea/uapi';

export const HUGETLB_NO_SIZE: number = reason('hugetlb.no_size', {
  errno: ENODEV,
  says: 'The kernel has no huge pages of this size.',
  change: 'Use a size that the kernel was booted with.',
  source: { fn: 'hugetlb_file_setup', file: 'fs/hugetlbfs/inode.c' },
});

export const HUGETLB_SHM_NOT_PERMITTED: number = reason('hugetlb.shm_not_permitted', {
  errno: EPERM,
  says: 'SysV segments of huge pages need CAP_IPC_LOCK, the group vm.hugetlb_shm_group, or room in RLIMIT_MEMLOCK.',
  change: 'Join that group, raise the limit, or grant the capability.',
  source: { fn: 'hugetlb_file_setup', file: 'fs/hugetlbfs/inode.c' },
});

export const HUGETLB_NO_INODE: number = reason('hugetlb.no_inode', {
  errno: ENOSPC,
  says: 'The filesystem of huge pages has no free inode.',
  change: 'Delete files, or mount it with a larger nr_inodes.',
  source: { fn: 'hugetlb_file_setup', file: 'fs/hugetlbfs/inode.c' },
});

export const HUGETLB_RESERVE_EXHAUSTED: number = reason('hugetlb.reserve_exhausted', {
  errno: ENOMEM,
  says: 'All pages of a huge mapping are reserved when it is created, and the pool has too few unreserved pages.',
  change: 'Raise vm.nr_hugepages or vm.nr_overcommit_hugepages, or use MAP_NORESERVE.',
  source: { fn: 'hugetlb_reserve_pages', file: 'mm/hugetlb.c' },
});

export const HUGETLB_OFFSET_UNALIGNED: number = reason('hugetlb.offset_unaligned', {
  errno: EINVAL,
  says: 'The file offset is no multiple of the huge page size.',
  change: 'Round the offset to the huge page size.',
  source: { fn: 'hugetlbfs_file_mmap', file: 'fs/hugetlbfs/inode.c' },
});

export const HUGETLB_OFFSET_OVERFLOW: number = reason('hugetlb.offset_overflow', {
  errno: EINVAL,
  says: 'Offset plus length exceeds the largest file offset.',
  change: 'Use a smaller offset.',
  source: { fn: 'hugetlbfs_file_mmap', file: 'fs/hugetlbfs/inode.c', kernel: '6.1' },
});

export const HUGETLB_LENGTH_UNALIGNED: number = reason('hugetlb.length_unaligned', {
  errno: EINVAL,
  says: 'Address or length is no multiple of the huge page size.',
  change: 'Round both to the huge page size.',
  source: { fn: 'hugetlb_get_unmapped_area', file: 'fs/hugetlbfs/inode.c' },
});

export const HUGETLB_LENGTH_TOO_LONG: number = reason('hugetlb.length_too_long', {
  errno: ENOMEM,
  says: 'The mapping is longer than the address space.',
  change: 'Map less.',
  source: { fn: 'hugetlb_get_unmapped_area', file: 'fs/hugetlbfs/inode.c' },
});

export const HUGETLB_SEALED_WRITE: number = reason('hugetlb.sealed_write', {
  errno: EPERM,
  says: 'The memfd is sealed against new writable shared mappings.',
  change: 'Map it without PROT_WRITE, or with MAP_PRIVATE.',
  source: { fn: 'hugetlbfs_file_mmap', file: 'fs/hugetlbfs/inode.c', kernel: '6.1' },
});

export const HUGETLB_FAULT_BEYOND_END: number = reason('hugetlb.fault_beyond_end', {
  signal: SIGBUS,
  says: 'The access lies beyond the end of the huge file.',
  change: 'Extend the file, or access only bytes within its size.',
  source: { fn: 'hugetlb_no_page', file: 'mm/hugetlb.c' },
});

export const HUGETLB_FAULT_POOL_EXHAUSTED: number = reason('hugetlb.fault_pool_exhausted', {
  signal: SIGBUS,
  says: 'The page has no reservation, and every free page of the pool is reserved for other mappings.',
  change: 'Raise vm.nr_hugepages or vm.nr_overcommit_hugepages, or map without MAP_NORESERVE.',
  source: { fn: 'alloc_huge_page', file: 'mm/hugetlb.c' },
});

export const HUGETLB_FAULT_PAGE_TAKEN_BACK: number = reason('hugetlb.fault_page_taken_back', {
  signal: SIGBUS,
  says: 'The process that created this private mapping wrote to a page while the pool was empty, and took the page from this child.',
  change: 'Add pages to the pool for both, or use MADV_DONTFORK.',
  source: { fn: 'hugetlb_no_page', file: 'mm/hugetlb.c' },
});

export const HUGETLB_FAULT_NO_TABLE: number = reason('hugetlb.fault_no_table', {
  signal: SIGBUS,
  says: 'There is no memory for a page table.',
  change: 'Free memory.',
  source: { fn: 'huge_pte_alloc', file: 'mm/hugetlb.c', caller: 'hugetlb_fault' },
});
