/** Reasons of userfaultfd's ioctls. */
import { EBUSY, EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

const FILE = 'fs/userfaultfd.c';

export const UFFD_NOT_ENABLED: number = reason('userfaultfd.not_enabled', {
  errno: EINVAL,
  says: 'The first ioctl of a userfaultfd must be UFFDIO_API, and it has not been made, or it was refused.',
  change: 'Make UFFDIO_API first, with features that it offers.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const UFFD_UNKNOWN_IOCTL: number = reason('userfaultfd.unknown_ioctl', {
  errno: EINVAL,
  says: 'This kernel has no such ioctl of a userfaultfd.',
  change: 'Use an ioctl that UFFDIO_API and UFFDIO_REGISTER report. UFFDIO_POISON and UFFDIO_MOVE need 6.6 and 6.8.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const UFFD_API_VERSION: number = reason('uffdio_api.version', {
  errno: EINVAL,
  says: 'The field `api` is not UFFD_API (0xaa).',
  change: 'Set `api` to UFFD_API.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFD_API_FEATURES: number = reason('uffdio_api.features', {
  errno: EINVAL,
  says: 'The kernel does not offer one of the features that were asked for.',
  change: 'Ask without features first, which reports those that there are.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFD_API_FORK: number = reason('uffdio_api.fork_not_permitted', {
  errno: EPERM,
  says: 'UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE: its reader gets a descriptor for the memory of a child.',
  change: 'Ask without UFFD_FEATURE_EVENT_FORK, or with CAP_SYS_PTRACE.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFD_API_TWICE: number = reason('uffdio_api.twice', {
  errno: EINVAL,
  says: 'UFFDIO_API was made already; a userfaultfd cannot change its features.',
  change: 'Create another userfaultfd.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFD_RANGE_UNALIGNED: number = reason('userfaultfd.range_unaligned', {
  errno: EINVAL,
  says: 'The start and the length of the range must be multiples of the page size.',
  change: 'Round the range to pages.',
  source: { fn: 'validate_range', file: FILE, kernel: '6.1' },
});

export const UFFD_RANGE_EMPTY: number = reason('userfaultfd.range_empty', {
  errno: EINVAL,
  says: 'The length of the range is 0.',
  change: 'Name at least one page.',
  source: { fn: 'validate_range', file: FILE, kernel: '6.1' },
});

export const UFFD_RANGE_OUTSIDE: number = reason('userfaultfd.range_outside', {
  errno: EINVAL,
  says: 'The range begins below vm.mmap_min_addr, ends above the end of user addresses, or wraps.',
  change: 'Name a range of user addresses.',
  source: { fn: 'validate_range', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_NO_ADDRESS_SPACE: number = reason('uffdio_register.no_address_space', {
  errno: ENOMEM,
  says: 'The process whose memory the userfaultfd handles has ended or has executed another program.',
  change: 'Close the userfaultfd.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFD_MODE_UNKNOWN: number = reason('userfaultfd.unknown_mode', {
  errno: EINVAL,
  says: 'The field `mode` has a bit that this ioctl does not know.',
  change: 'Clear the unknown bits.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_NO_MODE: number = reason('uffdio_register.no_mode', {
  errno: EINVAL,
  says: 'The field `mode` is 0: nothing would be handled.',
  change: 'Set UFFDIO_REGISTER_MODE_MISSING, _WP or _MINOR.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_NO_WP: number = reason('uffdio_register.no_write_protection', {
  errno: EINVAL,
  says: 'This kernel cannot write-protect pages by userfaultfd on this architecture.',
  change: 'Use 6.10 or newer, or x86-64, or leave UFFDIO_REGISTER_MODE_WP out.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_NOTHING_MAPPED: number = reason('uffdio_register.nothing_mapped', {
  errno: EINVAL,
  says: 'The range contains no mapping.',
  change: 'Map memory there first.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_KIND: number = reason('uffdio_register.kind', {
  errno: EINVAL,
  says: 'The range contains a mapping that userfaultfd cannot handle: it handles private anonymous memory, shared memory of shmem (memfd, tmpfs, MAP_SHARED without a file) and hugetlb.',
  change: 'Name only such mappings.',
  source: { fn: 'vma_can_userfault', file: 'include/linux/userfaultfd_k.h', kernel: '6.1' },
});

export const UFFD_REGISTER_MINOR_KIND: number = reason('uffdio_register.minor_kind', {
  errno: EINVAL,
  says: 'UFFDIO_REGISTER_MODE_MINOR is for mappings of files of shmem and hugetlb: private anonymous memory has no page that is in a file and not mapped.',
  change: 'Use UFFDIO_REGISTER_MODE_MISSING, or map a memfd.',
  source: { fn: 'vma_can_userfault', file: 'include/linux/userfaultfd_k.h', kernel: '6.1' },
});

export const UFFD_REGISTER_READ_ONLY: number = reason('uffdio_register.read_only', {
  errno: EPERM,
  says: 'The range contains a mapping that can never be writable, such as a shared one of a file that was opened for reading.',
  change: 'Open the file for reading and writing.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_HUGE_UNALIGNED: number = reason('userfaultfd.huge_unaligned', {
  errno: EINVAL,
  says: 'The range begins or ends inside a huge page of a hugetlb mapping.',
  change: 'Round the range to huge pages.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFD_REGISTER_BUSY: number = reason('uffdio_register.busy', {
  errno: EBUSY,
  says: 'A part of the range is registered with another userfaultfd.',
  change: 'Unregister it there first.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});
