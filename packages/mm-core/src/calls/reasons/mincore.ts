/** Reasons of mincore. */
import { EFAULT, EINVAL, ENOMEM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MINCORE_UNALIGNED: number = reason('mincore.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'mincore', file: 'mm/mincore.c' },
});

export const MINCORE_BEYOND_TASK_SIZE: number = reason('mincore.beyond_task_size', {
  errno: ENOMEM,
  says: 'The range ends beyond TASK_SIZE.',
  change: 'End at TASK_SIZE or below.',
  source: { fn: 'mincore', file: 'mm/mincore.c' },
});

export const MINCORE_HOLE: number = reason('mincore.hole', {
  errno: ENOMEM,
  says: 'A part of the range is not mapped.',
  change: 'Use mapped ranges only.',
  source: { fn: 'mincore', file: 'mm/mincore.c' },
});

export const MINCORE_VEC_SHORT: number = reason('mincore.vec_short', {
  errno: EFAULT,
  says: 'The vector has fewer bytes than the range has pages.',
  change: 'Pass a vector with one byte for each page of the range.',
  source: { fn: 'mincore', file: 'mm/mincore.c' },
});
