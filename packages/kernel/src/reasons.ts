/**
 * Why a system call said no before a function of the memory subsystem was entered: the catalogue of these decisions.
 *
 * A decision's number is left in `cur.call.reason`: {@link KERNEL_DECISION_BASE} plus its place in {@link KERNEL_REASONS}.
 */
import { EBADF, EINVAL, ENOSYS } from '@vmarea/uapi';
import type { DriverReason } from '@vmarea/vfs';

/** Numbers of this package's decisions start here. */
export const KERNEL_DECISION_BASE = 4000;

/** The decisions, by number from {@link KERNEL_DECISION_BASE} on. */
export const KERNEL_REASONS: readonly DriverReason[] = [
  {
    id: 'sys_mmap.offset_unaligned',
    fn: 'sys_mmap',
    errno: EINVAL,
    sentence: 'The file offset must be a multiple of the page size, even where it is not used.',
    change: 'Round the offset down to a page, and map that much more.',
  },
  {
    id: 'sys_mmap.bad_descriptor',
    fn: 'fget',
    errno: EBADF,
    sentence: 'The descriptor is not open (or is one of O_PATH), and MAP_ANONYMOUS was not given.',
    change: 'Open the file, or add MAP_ANONYMOUS for memory without a file.',
  },
  {
    id: 'sys_mmap.no_huge_file',
    fn: 'sys_mmap_pgoff',
    errno: EINVAL,
    sentence: 'MAP_HUGETLB was given with a descriptor of a file that has no huge pages.',
    change: 'Open a file on hugetlbfs, or add MAP_ANONYMOUS.',
  },
  {
    id: 'sys_mmap.no_huge_size',
    fn: 'hstate_sizelog',
    errno: EINVAL,
    sentence: 'The kernel has no huge pages of the size that the flags name.',
    change: 'Leave the size out for the default one, or boot with that size.',
  },
  {
    id: 'mlock2.bad_flags',
    fn: 'mlock2',
    errno: EINVAL,
    sentence: 'There is no flag but MLOCK_ONFAULT.',
    change: 'Give 0 or MLOCK_ONFAULT.',
  },
  {
    id: 'prctl.unknown_option',
    fn: 'prctl',
    errno: EINVAL,
    sentence: 'Of prctl only PR_SET_VMA with PR_SET_VMA_ANON_NAME is about mappings.',
    change: 'Use that option.',
  },
  {
    id: 'prctl.unused_arguments',
    fn: 'prctl',
    errno: EINVAL,
    sentence: 'The arguments of PR_SET_MDWE and PR_GET_MDWE that are not used must be 0.',
    change: 'Pass 0 for them.',
  },
  {
    id: 'mseal.unknown_call',
    fn: 'mseal',
    errno: ENOSYS,
    sentence: 'This kernel has no mseal; it came with 6.10.',
    change: 'Use a newer kernel.',
  },
];

/** Decision numbers by name. */
export const KernelDecision: Readonly<
  Record<
    | 'mmapOffsetUnaligned'
    | 'mmapBadDescriptor'
    | 'mmapNoHugeFile'
    | 'mmapNoHugeSize'
    | 'mlock2BadFlags'
    | 'prctlUnknownOption'
    | 'prctlUnusedArguments'
    | 'msealUnknownCall',
    number
  >
> = {
  mmapOffsetUnaligned: KERNEL_DECISION_BASE,
  mmapBadDescriptor: KERNEL_DECISION_BASE + 1,
  mmapNoHugeFile: KERNEL_DECISION_BASE + 2,
  mmapNoHugeSize: KERNEL_DECISION_BASE + 3,
  mlock2BadFlags: KERNEL_DECISION_BASE + 4,
  prctlUnknownOption: KERNEL_DECISION_BASE + 5,
  prctlUnusedArguments: KERNEL_DECISION_BASE + 6,
  msealUnknownCall: KERNEL_DECISION_BASE + 7,
};
