/** Reasons of get_user_pages. */
import { EFAULT } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const GUP_NO_VMA: number = reason('gup.no_vma', {
  errno: EFAULT,
  says: 'Nothing is mapped at the address.',
  change: 'Map the address first.',
  source: { fn: '__get_user_pages', file: 'mm/gup.c' },
});

export const GUP_DEVICE_MEMORY: number = reason('gup.device_memory', {
  errno: EFAULT,
  says: 'Device memory has no pages that could be faulted in.',
  change: 'Leave device memory out of the range.',
  source: { fn: 'check_vma_flags', file: 'mm/gup.c' },
});

export const GUP_NOT_READABLE: number = reason('gup.not_readable', {
  errno: EFAULT,
  says: 'The mapping does not allow reads.',
  change: 'Allow access with mprotect: PROT_READ.',
  source: { fn: 'check_vma_flags', file: 'mm/gup.c' },
});

export const GUP_NOT_WRITABLE: number = reason('gup.not_writable', {
  errno: EFAULT,
  says: 'The mapping does not allow writes.',
  change: 'Allow access with mprotect: PROT_WRITE.',
  source: { fn: 'check_vma_flags', file: 'mm/gup.c' },
});
