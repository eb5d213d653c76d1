/** Reasons of madvise. */
import { EACCES, EBADF, EINVAL, ENOMEM, EOPNOTSUPP, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MADVISE_UNKNOWN_ADVICE: number = reason('madvise.unknown_advice', {
  errno: EINVAL,
  says: 'This version and configuration do not have the advice.',
  change: 'Use an advice that the version has; 12 and 13 need KSM, 14 and 15 transparent huge pages.',
  source: { fn: 'madvise', file: 'mm/madvise.c' },
});

export const MADVISE_UNALIGNED: number = reason('madvise.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'madvise', file: 'mm/madvise.c' },
});

export const MADVISE_WRAPS: number = reason('madvise.wraps', {
  errno: EINVAL,
  says: 'The range wraps around the end of the 64-bit space.',
  change: 'Use a shorter range.',
  source: { fn: 'madvise', file: 'mm/madvise.c' },
});

export const MADVISE_HOLE: number = reason('madvise.hole', {
  errno: ENOMEM,
  says: 'A part of the range is not mapped; the advice was applied to the rest.',
  change: 'Use mapped ranges only.',
  source: { fn: 'madvise', file: 'mm/madvise.c' },
});

export const MADVISE_DOFORK_IO: number = reason('madvise.dofork_io', {
  errno: EINVAL,
  says: 'Device memory is never copied at fork.',
  change: 'Leave device memory out of the range.',
  source: { fn: 'madvise_behavior', file: 'mm/madvise.c' },
});

export const MADVISE_WIPEONFORK_FILE: number = reason('madvise.wipeonfork_file', {
  errno: EINVAL,
  says: 'MADV_WIPEONFORK is for private anonymous memory only.',
  change: 'Use it on anonymous memory.',
  source: { fn: 'madvise_behavior', file: 'mm/madvise.c', kernel: '6.1' },
});

export const MADVISE_DODUMP_SPECIAL: number = reason('madvise.dodump_special', {
  errno: EINVAL,
  says: 'Special mappings never appear in core dumps.',
  change: 'Leave special mappings out of the range.',
  source: { fn: 'madvise_behavior', file: 'mm/madvise.c' },
});

export const MADVISE_HUGE: number = reason('madvise.huge', {
  errno: EINVAL,
  says: 'On this version the advice cannot free huge pages.',
  change: 'Unmap them, or punch a hole into their file.',
  source: { fn: 'madvise_dontneed', file: 'mm/madvise.c' },
});

export const MADVISE_HUGE_UNALIGNED: number = reason('madvise.huge_unaligned', {
  errno: EINVAL,
  says: 'The range does not begin at a huge page.',
  change: 'Round the address to the huge page size.',
  source: { fn: 'madvise_dontneed', file: 'mm/madvise.c', kernel: '6.1' },
});

export const MADVISE_INJECT_NOT_PERMITTED: number = reason('madvise.inject_not_permitted', {
  errno: EPERM,
  says: 'Making memory fail (MADV_HWPOISON, MADV_SOFT_OFFLINE) needs CAP_SYS_ADMIN.',
  change: 'Run with CAP_SYS_ADMIN.',
  source: { fn: 'madvise_inject_error', file: 'mm/madvise.c' },
});

export const MADVISE_INJECT_UNSUPPORTED: number = reason('madvise.inject_unsupported', {
  errno: EOPNOTSUPP,
  says: 'Failing memory is not modelled: no page is poisoned or taken offline.',
  change: 'Nothing: this model does not have these advices.',
  source: { fn: 'madvise_inject_error', file: 'mm/madvise.c' },
});

export const MADVISE_LOCKED: number = reason('madvise.locked', {
  errno: EINVAL,
  says: 'The range is locked (or is device memory, or has huge pages), so its pages cannot be dropped.',
  change: 'Unlock it first (munlock), or use MADV_DONTNEED_LOCKED on 6.1.',
  source: { fn: 'madvise_dontneed', file: 'mm/madvise.c' },
});

export const MADVISE_FREE_FILE: number = reason('madvise.free_file', {
  errno: EINVAL,
  says: 'MADV_FREE is for private anonymous memory only.',
  change: 'Use MADV_DONTNEED.',
  source: { fn: 'madvise_free', file: 'mm/madvise.c', kernel: '6.1' },
});

export const MADVISE_REMOVE_LOCKED: number = reason('madvise.remove_locked', {
  errno: EINVAL,
  says: 'The range is locked.',
  change: 'Unlock it first (munlock).',
  source: { fn: 'madvise_remove', file: 'mm/madvise.c' },
});

export const MADVISE_REMOVE_NO_FILE: number = reason('madvise.remove_no_file', {
  errno: EINVAL,
  says: 'There is no file to punch a hole into.',
  change: 'Use MADV_DONTNEED for anonymous memory.',
  source: { fn: 'madvise_remove', file: 'mm/madvise.c' },
});

export const MADVISE_REMOVE_NOT_WRITABLE: number = reason('madvise.remove_not_writable', {
  errno: EACCES,
  says: 'Removing pages of a file needs a shared writable mapping (on 6.1 one that may become writable).',
  change: 'Map the file MAP_SHARED and writable.',
  source: { fn: 'madvise_remove', file: 'mm/madvise.c' },
});

export const MADVISE_REMOVE_UNSUPPORTED: number = reason('madvise.remove_unsupported', {
  errno: EOPNOTSUPP,
  says: 'The filesystem does not support punching holes.',
  change: 'Use tmpfs, or truncate.',
  source: { fn: 'vfs_fallocate', file: 'mm/madvise.c', caller: 'madvise_remove' },
});

export const MADVISE_WILLNEED_ANON: number = reason('madvise.willneed_anon', {
  errno: EBADF,
  says: 'Without swap there is nothing to read ahead for anonymous memory.',
  change: 'Leave anonymous memory out of the range, or enable swap.',
  source: { fn: 'madvise_willneed', file: 'mm/madvise.c' },
});

export const MADVISE_COLLAPSE: number = reason('madvise.collapse', {
  errno: EINVAL,
  says: 'The range cannot hold a transparent huge page.',
  change: 'Use a larger, aligned range with transparent huge pages enabled.',
  source: { fn: 'madvise_collapse', file: 'mm/khugepaged.c', kernel: '6.1' },
});

export const MADVISE_SEALED: number = reason('madvise.sealed', {
  errno: EPERM,
  says: 'The mapping is sealed (mseal), anonymous and not writable: advice that loses its contents is refused.',
  change: 'Use advice that keeps the contents.',
  source: { fn: 'can_modify_vma_madv', file: 'mm/madvise.c', kernel: '6.12' },
});

export const MADVISE_DROPPABLE: number = reason('madvise.droppable', {
  errno: EINVAL,
  says: 'MAP_DROPPABLE memory is always wiped at fork and never dumped.',
  change: 'Use MAP_PRIVATE memory.',
  source: { fn: 'madvise_vma_behavior', file: 'mm/madvise.c', kernel: '6.12' },
});
