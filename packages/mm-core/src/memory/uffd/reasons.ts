/** Reasons of userfaultfd's ioctls. */
import { EAGAIN, EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM, EPERM, ESRCH, SIGBUS } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

const FILE = 'fs/userfaultfd.c';

export const USERFAULTFD_NOT_ENABLED: number = reason('userfaultfd.not_enabled', {
  errno: EINVAL,
  says: 'The first ioctl of a userfaultfd must be UFFDIO_API, and it has not been made, or it was refused.',
  change: 'Make UFFDIO_API first, with features that it offers.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_UNKNOWN_IOCTL: number = reason('userfaultfd.unknown_ioctl', {
  errno: EINVAL,
  says: 'This kernel has no such ioctl of a userfaultfd.',
  change: 'Use an ioctl that UFFDIO_API and UFFDIO_REGISTER report. UFFDIO_POISON and UFFDIO_MOVE need 6.6 and 6.8.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const UFFDIO_API_VERSION: number = reason('uffdio_api.version', {
  errno: EINVAL,
  says: 'The field `api` is not UFFD_API (0xaa).',
  change: 'Set `api` to UFFD_API.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFDIO_API_FEATURES: number = reason('uffdio_api.features', {
  errno: EINVAL,
  says: 'The kernel does not offer one of the features that were asked for.',
  change: 'Ask without features first, which reports those that there are.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFDIO_API_FORK_NOT_PERMITTED: number = reason('uffdio_api.fork_not_permitted', {
  errno: EPERM,
  says: 'UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE: its reader gets a descriptor for the memory of a child.',
  change: 'Ask without UFFD_FEATURE_EVENT_FORK, or with CAP_SYS_PTRACE.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const UFFDIO_API_TWICE: number = reason('uffdio_api.twice', {
  errno: EINVAL,
  says: 'UFFDIO_API was made already; a userfaultfd cannot change its features.',
  change: 'Create another userfaultfd.',
  source: { fn: 'userfaultfd_api', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_RANGE_UNALIGNED: number = reason('userfaultfd.range_unaligned', {
  errno: EINVAL,
  says: 'The start and the length of the range must be multiples of the page size.',
  change: 'Round the range to pages.',
  source: { fn: 'validate_range', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_RANGE_EMPTY: number = reason('userfaultfd.range_empty', {
  errno: EINVAL,
  says: 'The length of the range is 0.',
  change: 'Name at least one page.',
  source: { fn: 'validate_range', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_RANGE_OUTSIDE: number = reason('userfaultfd.range_outside', {
  errno: EINVAL,
  says: 'The range begins below vm.mmap_min_addr, ends above the end of user addresses, or wraps.',
  change: 'Name a range of user addresses.',
  source: { fn: 'validate_range', file: FILE, kernel: '6.1' },
});

export const UFFDIO_REGISTER_NO_ADDRESS_SPACE: number = reason('uffdio_register.no_address_space', {
  errno: ENOMEM,
  says: 'The process whose memory the userfaultfd handles has ended or has executed another program.',
  change: 'Close the userfaultfd.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_UNKNOWN_MODE: number = reason('userfaultfd.unknown_mode', {
  errno: EINVAL,
  says: 'The field `mode` has a bit that this ioctl does not know.',
  change: 'Clear the unknown bits.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const UFFDIO_REGISTER_NO_MODE: number = reason('uffdio_register.no_mode', {
  errno: EINVAL,
  says: 'The field `mode` is 0: nothing would be handled.',
  change: 'Set UFFDIO_REGISTER_MODE_MISSING, _WP or _MINOR.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFDIO_REGISTER_NO_WRITE_PROTECTION: number = reason('uffdio_register.no_write_protection', {
  errno: EINVAL,
  says: 'This kernel cannot write-protect pages by userfaultfd on this architecture.',
  change: 'Use 6.10 or newer, or x86-64, or leave UFFDIO_REGISTER_MODE_WP out.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFDIO_REGISTER_NOTHING_MAPPED: number = reason('uffdio_register.nothing_mapped', {
  errno: EINVAL,
  says: 'The range contains no mapping.',
  change: 'Map memory there first.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFDIO_REGISTER_KIND: number = reason('uffdio_register.kind', {
  errno: EINVAL,
  says: 'The range contains a mapping that userfaultfd cannot handle: it handles private anonymous memory, shared memory of shmem (memfd, tmpfs, MAP_SHARED without a file) and hugetlb.',
  change: 'Name only such mappings.',
  source: { fn: 'vma_can_userfault', file: 'include/linux/userfaultfd_k.h', kernel: '6.1' },
});

export const UFFDIO_REGISTER_MINOR_KIND: number = reason('uffdio_register.minor_kind', {
  errno: EINVAL,
  says: 'UFFDIO_REGISTER_MODE_MINOR is for mappings of files of shmem and hugetlb: private anonymous memory has no page that is in a file and not mapped.',
  change: 'Use UFFDIO_REGISTER_MODE_MISSING, or map a memfd.',
  source: { fn: 'vma_can_userfault', file: 'include/linux/userfaultfd_k.h', kernel: '6.1' },
});

export const UFFDIO_REGISTER_READ_ONLY: number = reason('uffdio_register.read_only', {
  errno: EPERM,
  says: 'The range contains a mapping that can never be writable, such as a shared one of a file that was opened for reading.',
  change: 'Open the file for reading and writing.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_HUGE_UNALIGNED: number = reason('userfaultfd.huge_unaligned', {
  errno: EINVAL,
  says: 'The range begins or ends inside a huge page of a hugetlb mapping.',
  change: 'Round the range to huge pages.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const UFFDIO_REGISTER_BUSY: number = reason('uffdio_register.busy', {
  errno: EBUSY,
  says: 'A part of the range is registered with another userfaultfd.',
  change: 'Unregister it there first.',
  source: { fn: 'userfaultfd_register', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_MAPPINGS_CHANGE: number = reason('userfaultfd.mappings_change', {
  errno: EAGAIN,
  says: 'A call that changes the mappings (fork, mremap, munmap, madvise) waits until its event is read.',
  change: 'Read the event, then repeat the ioctl.',
  source: { fn: 'userfaultfd_ioctl', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_NO_ADDRESS_SPACE: number = reason('userfaultfd.no_address_space', {
  errno: ESRCH,
  says: 'The process whose memory the userfaultfd handles has ended or has executed another program.',
  change: 'Close the userfaultfd.',
  source: { fn: 'mmget_not_zero', file: 'include/linux/sched/mm.h', kernel: '6.1' },
});

export const USERFAULTFD_SIGBUS: number = reason('userfaultfd.sigbus', {
  signal: SIGBUS,
  says: 'The memory is registered with a userfaultfd that has UFFD_FEATURE_SIGBUS: a fault that would be reported raises SIGBUS.',
  change:
    'Fill the page first (UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE), end the write protection, or use no UFFD_FEATURE_SIGBUS.',
  source: { fn: 'handle_userfault', file: FILE, kernel: '6.1' },
});

export const USERFAULTFD_USER_MODE_ONLY: number = reason('userfaultfd.user_mode_only', {
  signal: SIGBUS,
  says: 'The userfaultfd handles faults of user code only (UFFD_USER_MODE_ONLY), and the kernel has accessed the memory for a system call.',
  change: 'Create the userfaultfd without UFFD_USER_MODE_ONLY, or fill the page before the system call.',
  source: { fn: 'handle_userfault', file: FILE, kernel: '6.1' },
});

export const UFFDIO_FILL_NOT_REGISTERED: number = reason('uffdio_fill.not_registered', {
  errno: ENOENT,
  says: 'No single mapping that is registered with a userfaultfd contains the whole range.',
  change: 'Register the memory first, and name ranges of one mapping.',
  source: { fn: 'mfill_atomic', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_EXISTS: number = reason('uffdio_fill.exists', {
  errno: EEXIST,
  says: 'The first page of the range is there already: only missing pages can be filled.',
  change: 'Leave the page out; another thread may have filled it. To replace it, drop it with MADV_DONTNEED first.',
  source: { fn: 'mfill_atomic_install_pte', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_KIND: number = reason('uffdio_fill.kind', {
  errno: EINVAL,
  says: 'The ioctl does not apply to this kind of mapping: UFFDIO_ZEROPAGE not to hugetlb, UFFDIO_CONTINUE not to private anonymous memory.',
  change: 'Use an ioctl that UFFDIO_REGISTER has reported for the range.',
  source: { fn: 'mfill_atomic', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_NOT_WRITE_PROTECTED: number = reason('uffdio_fill.not_write_protected', {
  errno: EINVAL,
  says: 'The mode asks for write protection, and the memory is not registered with UFFDIO_REGISTER_MODE_WP.',
  change: 'Register it with UFFDIO_REGISTER_MODE_WP, or leave the mode out.',
  source: { fn: 'mfill_atomic', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_HUGE_UNALIGNED: number = reason('uffdio_fill.huge_unaligned', {
  errno: EINVAL,
  says: 'The range begins or ends inside a huge page.',
  change: 'Fill whole huge pages.',
  source: { fn: 'mfill_atomic_hugetlb', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_BEYOND_END: number = reason('uffdio_fill.beyond_end', {
  errno: EFAULT,
  says: 'The page lies beyond the end of the file.',
  change: 'Extend the file (ftruncate) first.',
  source: { fn: 'mfill_file_over_size', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_NOT_IN_FILE: number = reason('uffdio_fill.not_in_file', {
  errno: EFAULT,
  says: 'UFFDIO_CONTINUE maps a page that is in the file, and this one is not.',
  change: 'Store to the page through another mapping of the file first, or use UFFDIO_COPY.',
  source: { fn: 'mfill_atomic_pte_continue', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_FILL_NO_MEMORY: number = reason('uffdio_fill.no_memory', {
  errno: ENOMEM,
  says: 'There is no memory for the page, its page table or its anon_vma.',
  change: 'Free memory.',
  source: { fn: 'mfill_atomic', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_COPY_SOURCE: number = reason('uffdio_copy.source', {
  errno: EFAULT,
  says: 'The source of the copy is not readable memory of the calling process.',
  change: 'Pass the address of readable memory.',
  source: { fn: 'mfill_atomic', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_WRITEPROTECT_NOT_REGISTERED: number = reason('uffdio_writeprotect.not_registered', {
  errno: ENOENT,
  says: 'The range contains no mapping, or one that is not registered with UFFDIO_REGISTER_MODE_WP.',
  change: 'Register the memory with UFFDIO_REGISTER_MODE_WP first.',
  source: { fn: 'mwriteprotect_range', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_WRITEPROTECT_MODE: number = reason('uffdio_writeprotect.mode', {
  errno: EINVAL,
  says: 'UFFDIO_WRITEPROTECT_MODE_DONTWAKE applies only when protection ends.',
  change: 'Use one of the two bits.',
  source: { fn: 'userfaultfd_writeprotect', file: FILE, kernel: '6.1' },
});

export const UFFDIO_MOVE_AREAS: number = reason('uffdio_move.areas', {
  errno: EINVAL,
  says: 'Pages move between private anonymous mappings with the same protection and lock, both writable, of which the destination is registered with this userfaultfd; each range lies in one mapping.',
  change: 'Make the mappings alike, or use UFFDIO_COPY.',
  source: { fn: 'validate_move_areas', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_MOVE_OTHER_PROCESS: number = reason('uffdio_move.other_process', {
  errno: EINVAL,
  says: 'The userfaultfd handles the memory of another process, and pages move within one process only.',
  change: 'Make the ioctl in the process that created the userfaultfd.',
  source: { fn: 'userfaultfd_move', file: FILE, kernel: '6.12' },
});

export const UFFDIO_MOVE_HOLE: number = reason('uffdio_move.hole', {
  errno: ENOENT,
  says: 'The first page of the source is missing.',
  change: 'Add UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES to leave missing pages out.',
  source: { fn: 'move_pages_pte', file: 'mm/userfaultfd.c', kernel: '6.12' },
});

export const UFFDIO_MOVE_SHARED_PAGE: number = reason('uffdio_move.shared_page', {
  errno: EBUSY,
  says: 'The page may belong to another process as well: it was shared by fork, and this process has not stored to it since.',
  change: 'Store to the page first, or use UFFDIO_COPY.',
  source: { fn: 'move_pages_pte', file: 'mm/userfaultfd.c', kernel: '6.12' },
});
