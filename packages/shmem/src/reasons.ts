/** Reasons of shared memory. */
import { reason } from '@vmarea/mm-core';
import { EINVAL, ENOMEM, ENOSPC, EPERM } from '@vmarea/uapi';

export const SHMEM_SIZE: number = reason('shmem.size', {
  errno: EINVAL,
  says: 'The shared memory would exceed the largest file size.',
  change: 'Use a smaller size.',
  source: { fn: '__shmem_file_setup', file: 'mm/shmem.c' },
});

export const SHMEM_COMMIT: number = reason('shmem.commit', {
  errno: ENOMEM,
  says: 'Shared memory is charged to the commit limit as a whole when it is created, and the limit does not allow it.',
  change: 'Use a smaller size or MAP_NORESERVE, or raise vm.overcommit_memory or vm.overcommit_ratio.',
  source: { fn: 'shmem_acct_size', file: 'mm/shmem.c' },
});

export const SHMEM_INODES: number = reason('shmem.inodes', {
  errno: ENOSPC,
  says: 'The internal filesystem of shared memory has no free inode.',
  change: 'Close other shared memory.',
  source: { fn: 'shmem_get_inode', file: 'mm/shmem.c' },
});

export const SHMEM_SEALED_WRITE: number = reason('shmem.sealed_write', {
  errno: EPERM,
  says: 'The memfd is sealed against new writable shared mappings.',
  change: 'Map it without PROT_WRITE, or with MAP_PRIVATE.',
  source: { fn: 'shmem_mmap', file: 'mm/shmem.c', kernel: '6.1' },
});
