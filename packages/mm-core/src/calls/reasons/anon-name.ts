/** Reasons of prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME). */
import { EBADF, EINVAL } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const PRCTL_SET_VMA_UNALIGNED: number = reason('prctl_set_vma.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'prctl_set_vma', file: 'kernel/sys.c' },
});

export const PRCTL_SET_VMA_WRAPS: number = reason('prctl_set_vma.wraps', {
  errno: EINVAL,
  says: 'The range wraps around the end of the 64-bit space.',
  change: 'Use a shorter range.',
  source: { fn: 'prctl_set_vma', file: 'kernel/sys.c' },
});

export const PRCTL_SET_VMA_FILE: number = reason('prctl_set_vma.file', {
  errno: EBADF,
  says: 'Only anonymous memory can be named.',
  change: 'Leave file mappings out.',
  source: { fn: 'madvise_vma_anon_name', file: 'mm/madvise.c', kernel: '6.1' },
});
