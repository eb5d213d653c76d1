/**
 * Why this package refused a mapping or an access: the catalogue of its decisions.
 *
 * A decision's number is left in `cur.call.reason`: {@link HUGETLB_DECISION_BASE} plus its place in {@link HUGETLB_REASONS}.
 */
import { EFAULT, EINVAL, ENODEV, ENOMEM, ENOSPC, EPERM } from '@vmarea/uapi';
import type { DriverReason } from '@vmarea/vfs';

/** Numbers of this package's decisions start here. */
export const HUGETLB_DECISION_BASE = 3000;

/** The decisions, by number from {@link HUGETLB_DECISION_BASE} on. For faults the errno is EFAULT; the task gets SIGBUS. */
export const HUGETLB_REASONS: readonly DriverReason[] = [
  {
    id: 'hugetlb.no_size',
    fn: 'hugetlb_file_setup',
    errno: ENODEV,
    sentence: 'The kernel has no huge pages of this size.',
    change: 'Ask for a size that the kernel was booted with.',
  },
  {
    id: 'hugetlb.shm_not_permitted',
    fn: 'hugetlb_file_setup',
    errno: EPERM,
    sentence:
      'SysV segments of huge pages need CAP_IPC_LOCK, the group vm.hugetlb_shm_group, or room in RLIMIT_MEMLOCK.',
    change: 'Join that group, raise the limit, or give the capability.',
  },
  {
    id: 'hugetlb.no_inode',
    fn: 'hugetlb_file_setup',
    errno: ENOSPC,
    sentence: 'The filesystem of huge pages has no inode left.',
    change: 'Delete files, or mount it with a larger nr_inodes.',
  },
  {
    id: 'hugetlb.reserve_exhausted',
    fn: 'hugetlb_reserve_pages',
    errno: ENOMEM,
    sentence:
      'Every page of a huge mapping is reserved when it is made, and the pool has not that many left to promise.',
    change: 'Raise vm.nr_hugepages or vm.nr_overcommit_hugepages, or use MAP_NORESERVE.',
  },
  {
    id: 'hugetlb.offset_unaligned',
    fn: 'hugetlbfs_file_mmap',
    errno: EINVAL,
    sentence: 'The file offset is no multiple of the huge page size.',
    change: 'Align the offset.',
  },
  {
    id: 'hugetlb.offset_overflow',
    fn: 'hugetlbfs_file_mmap',
    errno: EINVAL,
    sentence: 'Offset and length do not fit a file offset.',
    change: 'Use a smaller offset.',
  },
  {
    id: 'hugetlb.length_unaligned',
    fn: 'hugetlb_get_unmapped_area',
    errno: EINVAL,
    sentence: 'Address or length is no multiple of the huge page size.',
    change: 'Align both to the huge page size.',
  },
  {
    id: 'hugetlb.length_too_long',
    fn: 'hugetlb_get_unmapped_area',
    errno: ENOMEM,
    sentence: 'The mapping is longer than the address space.',
    change: 'Ask for less.',
  },
  {
    id: 'hugetlb.sealed_write',
    fn: 'hugetlbfs_file_mmap',
    errno: EPERM,
    sentence: 'The memfd is sealed against new writable shared mappings.',
    change: 'Map it without PROT_WRITE, or privately.',
  },
  {
    id: 'hugetlb.fault_beyond_end',
    fn: 'hugetlb_no_page',
    errno: EFAULT,
    sentence: 'The access lies behind the end of the huge file.',
    change: 'Extend the file, or stay within it.',
  },
  {
    id: 'hugetlb.fault_pool_exhausted',
    fn: 'alloc_huge_page',
    errno: EFAULT,
    sentence: 'There was no reservation for this page, and every free page of the pool is promised to somebody else.',
    change: 'Raise vm.nr_hugepages or vm.nr_overcommit_hugepages, or map without MAP_NORESERVE.',
  },
  {
    id: 'hugetlb.fault_page_taken_back',
    fn: 'hugetlb_no_page',
    errno: EFAULT,
    sentence:
      'The process that made this private mapping wrote to a page when the pool was empty, and took it from this child.',
    change: 'Give the pool enough pages for both, or use MADV_DONTFORK.',
  },
  {
    id: 'hugetlb.fault_no_table',
    fn: 'huge_pte_alloc',
    errno: EFAULT,
    sentence: 'There was no memory for a page table.',
    change: 'Free some memory.',
  },
];

/** Decision numbers by name. */
export const HugetlbDecision: Readonly<
  Record<
    | 'noSize'
    | 'shmNotPermitted'
    | 'noInode'
    | 'reserveExhausted'
    | 'offsetUnaligned'
    | 'offsetOverflow'
    | 'lengthUnaligned'
    | 'lengthTooLong'
    | 'sealedWrite'
    | 'faultBeyondEnd'
    | 'faultPoolExhausted'
    | 'faultPageTakenBack'
    | 'faultNoTable',
    number
  >
> = {
  noSize: HUGETLB_DECISION_BASE,
  shmNotPermitted: HUGETLB_DECISION_BASE + 1,
  noInode: HUGETLB_DECISION_BASE + 2,
  reserveExhausted: HUGETLB_DECISION_BASE + 3,
  offsetUnaligned: HUGETLB_DECISION_BASE + 4,
  offsetOverflow: HUGETLB_DECISION_BASE + 5,
  lengthUnaligned: HUGETLB_DECISION_BASE + 6,
  lengthTooLong: HUGETLB_DECISION_BASE + 7,
  sealedWrite: HUGETLB_DECISION_BASE + 8,
  faultBeyondEnd: HUGETLB_DECISION_BASE + 9,
  faultPoolExhausted: HUGETLB_DECISION_BASE + 10,
  faultPageTakenBack: HUGETLB_DECISION_BASE + 11,
  faultNoTable: HUGETLB_DECISION_BASE + 12,
};
