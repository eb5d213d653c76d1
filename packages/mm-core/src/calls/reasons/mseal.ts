/** Reasons of mseal. */
import { EINVAL, ENOMEM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MSEAL_FLAGS: number = reason('mseal.flags', {
  errno: EINVAL,
  says: 'The third argument of mseal must be 0: there are no flags.',
  change: 'Pass 0 as flags.',
  source: { fn: 'do_mseal', file: 'mm/mseal.c', kernel: '6.12' },
});

export const MSEAL_UNALIGNED: number = reason('mseal.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'do_mseal', file: 'mm/mseal.c', kernel: '6.12' },
});

export const MSEAL_WRAPS: number = reason('mseal.wraps', {
  errno: EINVAL,
  says: 'The end of the range does not fit in 64 bits.',
  change: 'Use a shorter length.',
  source: { fn: 'do_mseal', file: 'mm/mseal.c', kernel: '6.12' },
});

export const MSEAL_HOLE: number = reason('mseal.hole', {
  errno: ENOMEM,
  says: 'A part of the range is not mapped; nothing was sealed.',
  change: 'Use mapped ranges only.',
  source: { fn: 'check_mm_seal', file: 'mm/mseal.c', kernel: '6.12' },
});
