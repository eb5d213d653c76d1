/** Reasons of msync. */
import { EBUSY, EINVAL, ENOMEM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MSYNC_BAD_FLAGS: number = reason('msync.bad_flags', {
  errno: EINVAL,
  says: 'The flags contain a bit other than MS_ASYNC, MS_INVALIDATE and MS_SYNC.',
  change: 'Use valid flags.',
  source: { fn: 'msync', file: 'mm/msync.c' },
});

export const MSYNC_UNALIGNED: number = reason('msync.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'msync', file: 'mm/msync.c' },
});

export const MSYNC_BOTH_MODES: number = reason('msync.both_modes', {
  errno: EINVAL,
  says: 'MS_ASYNC and MS_SYNC exclude each other.',
  change: 'Use one of them.',
  source: { fn: 'msync', file: 'mm/msync.c' },
});

export const MSYNC_WRAPS: number = reason('msync.wraps', {
  errno: ENOMEM,
  says: 'The range wraps around the end of the 64-bit space.',
  change: 'Use a shorter range.',
  source: { fn: 'msync', file: 'mm/msync.c' },
});

export const MSYNC_HOLE: number = reason('msync.hole', {
  errno: ENOMEM,
  says: 'A part of the range is not mapped; the rest was written to storage.',
  change: 'Use mapped ranges only.',
  source: { fn: 'msync', file: 'mm/msync.c' },
});

export const MSYNC_LOCKED: number = reason('msync.locked', {
  errno: EBUSY,
  says: 'Locked memory cannot be invalidated.',
  change: 'Unlock it first (munlock).',
  source: { fn: 'msync', file: 'mm/msync.c' },
});
