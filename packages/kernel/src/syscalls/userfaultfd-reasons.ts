/** Reasons of reading from a userfaultfd. */
import { reason } from '@vmarea/mm-core';
import { EAGAIN, EINVAL } from '@vmarea/uapi';

export const USERFAULTFD_READ_SHORT: number = reason('userfaultfd.read_short', {
  errno: EINVAL,
  says: 'A message of a userfaultfd has 32 bytes, and the buffer is shorter.',
  change: 'Read at least 32 bytes.',
  source: { fn: 'userfaultfd_read', file: 'fs/userfaultfd.c', kernel: '6.1' },
});

export const USERFAULTFD_READ_EMPTY: number = reason('userfaultfd.read_empty', {
  errno: EAGAIN,
  says: 'No fault waits and no event is there, and the userfaultfd was created with O_NONBLOCK.',
  change: 'Read again later, or create the userfaultfd without O_NONBLOCK.',
  source: { fn: 'userfaultfd_read', file: 'fs/userfaultfd.c', kernel: '6.1' },
});
