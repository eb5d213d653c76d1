/** Reasons of mlock, mlock2 and mlockall, and of populating what they lock. */
import { EAGAIN, EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MLOCK_NOT_PERMITTED: number = reason('mlock.not_permitted', {
  errno: EPERM,
  says: 'RLIMIT_MEMLOCK is 0 and the caller lacks CAP_IPC_LOCK.',
  change: 'Raise RLIMIT_MEMLOCK or grant CAP_IPC_LOCK.',
  source: { fn: 'can_do_mlock', file: 'mm/mlock.c', caller: 'do_mlock' },
});

export const MLOCK_LIMIT: number = reason('mlock.limit', {
  errno: ENOMEM,
  says: 'The locked pages would exceed RLIMIT_MEMLOCK, and the caller lacks CAP_IPC_LOCK.',
  change: 'Raise RLIMIT_MEMLOCK, lock less, or grant CAP_IPC_LOCK.',
  source: { fn: 'do_mlock', file: 'mm/mlock.c' },
});

export const MLOCK_WRAPS: number = reason('mlock.wraps', {
  errno: EINVAL,
  says: 'The range wraps around the end of the 64-bit space.',
  change: 'Use a shorter range.',
  source: { fn: 'apply_vma_lock_flags', file: 'mm/mlock.c' },
});

export const MLOCK_NOT_MAPPED: number = reason('mlock.not_mapped', {
  errno: ENOMEM,
  says: 'Nothing is mapped at the beginning of the range.',
  change: 'Use a range that begins within a mapping.',
  source: { fn: 'apply_vma_lock_flags', file: 'mm/mlock.c' },
});

export const MLOCK_HOLE: number = reason('mlock.hole', {
  errno: ENOMEM,
  says: 'The range has a hole; the part before it is marked as locked.',
  change: 'Call mlock for each mapping.',
  source: { fn: 'apply_vma_lock_flags', file: 'mm/mlock.c' },
});

export const MLOCK_CANNOT_POPULATE: number = reason('mlock.cannot_populate', {
  errno: ENOMEM,
  says: 'The range is marked as locked, but a page of it cannot be faulted in: the mapping allows no access, or the page lies beyond the end of its file.',
  change: "Allow access first (mprotect), or end within the file's size.",
  source: { fn: '__mm_populate', file: 'mm/gup.c' },
});

export const MLOCK_OUT_OF_MEMORY: number = reason('mlock.out_of_memory', {
  errno: EAGAIN,
  says: 'The range is marked as locked, but there is no memory for all of its pages.',
  change: 'Free memory.',
  source: { fn: '__mm_populate', file: 'mm/gup.c' },
});

export const MLOCKALL_BAD_FLAGS: number = reason('mlockall.bad_flags', {
  errno: EINVAL,
  says: 'The flags must be MCL_CURRENT, MCL_FUTURE or both; MCL_ONFAULT needs one of them.',
  change: 'Use valid flags.',
  source: { fn: 'mlockall', file: 'mm/mlock.c' },
});
