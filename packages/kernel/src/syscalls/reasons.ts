/** Reasons of system calls before a function of the memory subsystem is entered. */
import { reason } from '@vmarea/mm-core';
import { EBADF, EINVAL, ENOSYS } from '@vmarea/uapi';

export const SYS_MMAP_OFFSET_UNALIGNED: number = reason('sys_mmap.offset_unaligned', {
  errno: EINVAL,
  says: 'The file offset must be a multiple of the page size, even where it is not used.',
  change: 'Round the offset down to a page, and map that much more.',
  source: { fn: 'sys_mmap', file: 'arch/arm64/kernel/sys.c' },
});

export const SYS_MMAP_BAD_DESCRIPTOR: number = reason('sys_mmap.bad_descriptor', {
  errno: EBADF,
  says: 'The descriptor is not open (or is one of O_PATH), and MAP_ANONYMOUS was not given.',
  change: 'Open the file, or add MAP_ANONYMOUS for memory without a file.',
  source: { fn: 'fget', file: 'fs/file.c' },
});

export const SYS_MMAP_NO_HUGE_FILE: number = reason('sys_mmap.no_huge_file', {
  errno: EINVAL,
  says: 'MAP_HUGETLB was given with a descriptor of a file that has no huge pages.',
  change: 'Open a file on hugetlbfs, or add MAP_ANONYMOUS.',
  source: { fn: 'sys_mmap_pgoff', file: 'mm/mmap.c' },
});

export const SYS_MMAP_NO_HUGE_PAGES: number = reason('sys_mmap.no_huge_pages', {
  errno: EINVAL,
  says: 'No driver for huge pages is plugged in (system.hugePages is null).',
  change: 'Plug one in: @vmarea/hugetlbfs, as `hugePages` of createKernel. Or leave MAP_HUGETLB out.',
  source: { fn: 'hstate_sizelog', file: 'include/linux/hugetlb.h' },
});

export const SYS_MMAP_NO_HUGE_SIZE: number = reason('sys_mmap.no_huge_size', {
  errno: EINVAL,
  says: 'The kernel has no huge pages of the size that the flags name.',
  change: 'Leave the size out for the default one, or boot with that size.',
  source: { fn: 'hstate_sizelog', file: 'include/linux/hugetlb.h' },
});

export const MLOCK2_BAD_FLAGS: number = reason('mlock2.bad_flags', {
  errno: EINVAL,
  says: 'There is no flag but MLOCK_ONFAULT.',
  change: 'Give 0 or MLOCK_ONFAULT.',
  source: { fn: 'mlock2', file: 'mm/mlock.c' },
});

export const PRCTL_UNKNOWN_OPTION: number = reason('prctl.unknown_option', {
  errno: EINVAL,
  says: 'Of prctl only PR_SET_VMA with PR_SET_VMA_ANON_NAME is about mappings.',
  change: 'Use that option.',
  source: { fn: 'prctl', file: 'kernel/sys.c' },
});

export const PRCTL_UNUSED_ARGUMENTS: number = reason('prctl.unused_arguments', {
  errno: EINVAL,
  says: 'The arguments of PR_SET_MDWE and PR_GET_MDWE that are not used must be 0.',
  change: 'Pass 0 for them.',
  source: { fn: 'prctl', file: 'kernel/sys.c' },
});

export const MSEAL_UNKNOWN_CALL: number = reason('mseal.unknown_call', {
  errno: ENOSYS,
  says: 'This kernel has no mseal; it came with 6.10.',
  change: 'Use a newer kernel.',
  source: { fn: 'mseal', file: 'mm/mseal.c' },
});
