/**
 * Why this package refused: the catalogue of its decisions.
 *
 * A decision's number is left in `cur.call.reason`: {@link SHMEM_DECISION_BASE} plus its place in {@link SHMEM_REASONS}.
 */
import { EINVAL, ENOMEM, ENOSPC, EPERM } from '@vmarea/uapi';
import type { DriverReason } from '@vmarea/vfs';

/** Numbers of this package's decisions start here. */
export const SHMEM_DECISION_BASE = 2000;

/** The decisions, by number from {@link SHMEM_DECISION_BASE} on. */
export const SHMEM_REASONS: readonly DriverReason[] = [
  {
    id: 'shmem.size',
    fn: '__shmem_file_setup',
    errno: EINVAL,
    sentence: 'The shared memory would be larger than a file can be.',
    change: 'Ask for less.',
  },
  {
    id: 'shmem.commit',
    fn: 'shmem_acct_size',
    errno: ENOMEM,
    sentence:
      'Shared memory is charged to the commit limit as a whole when it is made, and the limit does not allow it.',
    change: 'Ask for less, use MAP_NORESERVE, or raise vm.overcommit_memory or vm.overcommit_ratio.',
  },
  {
    id: 'shmem.inodes',
    fn: 'shmem_get_inode',
    errno: ENOSPC,
    sentence: 'The internal filesystem of shared memory has no inode left.',
    change: 'Close some shared memory.',
  },
  {
    id: 'shmem.sealed_write',
    fn: 'shmem_mmap',
    errno: EPERM,
    sentence: 'The memfd is sealed against new writable shared mappings.',
    change: 'Map it without PROT_WRITE, or privately.',
  },
];

/** Decision numbers by name. */
export const ShmemDecision: Readonly<Record<'size' | 'commit' | 'inodes' | 'sealedWrite', number>> = {
  size: SHMEM_DECISION_BASE,
  commit: SHMEM_DECISION_BASE + 1,
  inodes: SHMEM_DECISION_BASE + 2,
  sealedWrite: SHMEM_DECISION_BASE + 3,
};
