/** Reasons of System V shared memory. */
import { reason } from '@vmarea/mm-core';
import { EACCES, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM, ENOSPC, EPERM } from '@vmarea/uapi';

export const SHMGET_SIZE: number = reason('shmget.size', {
  errno: EINVAL,
  says: 'The size of a new segment must be at least 1 byte and at most kernel.shmmax.',
  change: 'Use another size, or raise kernel.shmmax.',
  source: { fn: 'newseg', file: 'ipc/shm.c' },
});

export const SHMGET_TOTAL: number = reason('shmget.total', {
  errno: ENOSPC,
  says: 'All segments together would have more pages than kernel.shmall.',
  change: 'Remove segments (ipcs -m lists them), or raise kernel.shmall.',
  source: { fn: 'newseg', file: 'ipc/shm.c' },
});

export const SHMGET_COUNT: number = reason('shmget.count', {
  errno: ENOSPC,
  says: 'There are as many segments as kernel.shmmni allows.',
  change: 'Remove segments (ipcs -m lists them), or raise kernel.shmmni.',
  source: { fn: 'ipc_addid', file: 'ipc/util.c' },
});

export const SHMGET_NO_SEGMENT: number = reason('shmget.no_segment', {
  errno: ENOENT,
  says: 'No segment has the key, and the flags do not contain IPC_CREAT.',
  change: 'Add IPC_CREAT to create it.',
  source: { fn: 'ipcget_public', file: 'ipc/util.c' },
});

export const SHMGET_EXISTS: number = reason('shmget.exists', {
  errno: EEXIST,
  says: 'A segment has the key, and the flags contain IPC_CREAT and IPC_EXCL.',
  change: 'Leave IPC_EXCL out to get the existing segment, or remove it first.',
  source: { fn: 'ipcget_public', file: 'ipc/util.c' },
});

export const SHMGET_LARGER: number = reason('shmget.larger', {
  errno: EINVAL,
  says: 'The segment with the key is smaller than the requested size.',
  change: 'Use a size of at most that of the segment (0 for any), or remove it first.',
  source: { fn: 'shm_more_checks', file: 'ipc/shm.c' },
});

export const SHMGET_NO_HUGE_SIZE: number = reason('shmget.no_huge_size', {
  errno: EINVAL,
  says: 'The flags contain SHM_HUGETLB, and the kernel has no huge pages of the requested size.',
  change: 'Leave the size out for the default one, or boot with that size.',
  source: { fn: 'newseg', file: 'ipc/shm.c' },
});

export const SHM_ACCESS: number = reason('shm.access', {
  errno: EACCES,
  says: 'The permissions of the segment do not allow the requested access, and the caller has no CAP_IPC_OWNER.',
  change: 'Request less, for instance SHM_RDONLY, or let the owner change the permissions (IPC_SET).',
  source: { fn: 'ipcperms', file: 'ipc/util.c' },
});

export const SHM_NO_SEGMENT: number = reason('shm.no_segment', {
  errno: EINVAL,
  says: 'No segment has the identifier.',
  change: 'Use an identifier that shmget returned, of a segment that still exists.',
  source: { fn: 'ipc_obtain_object_idr', file: 'ipc/util.c' },
});

export const SHM_STALE_ID: number = reason('shm.stale_id', {
  errno: EINVAL,
  says: 'The segment with the identifier was removed; a newer segment has its index. 4.4 answers EIDRM.',
  change: 'Call shmget for the identifier of the newer segment.',
  source: { fn: 'ipc_obtain_object_check', file: 'ipc/util.c' },
});

export const SHM_REMOVED: number = reason('shm.removed', {
  errno: EINVAL,
  says: 'The segment of the mapping was removed, so it cannot be mapped again.',
  change: 'Attach the segment a second time before the first mapping is changed.',
  source: { fn: 'shm_mmap', file: 'ipc/shm.c' },
});

export const SHMAT_UNALIGNED: number = reason('shmat.unaligned', {
  errno: EINVAL,
  says: 'The address is not a multiple of SHMLBA, which is the page size, and the flags do not contain SHM_RND.',
  change: 'Align the address, or add SHM_RND to round it down.',
  source: { fn: 'do_shmat', file: 'ipc/shm.c' },
});

export const SHMAT_REMAP_NO_ADDRESS: number = reason('shmat.remap_no_address', {
  errno: EINVAL,
  says: 'SHM_REMAP needs an address, and the address is 0, or is 0 after SHM_RND has rounded it down.',
  change: 'Pass an address of at least one page, or leave SHM_REMAP out.',
  source: { fn: 'do_shmat', file: 'ipc/shm.c' },
});

export const SHMAT_OCCUPIED: number = reason('shmat.occupied', {
  errno: EINVAL,
  says: 'Something is mapped in the range that the segment would cover, and the flags do not contain SHM_REMAP.',
  change: 'Pass 0 as address, use a free range, or add SHM_REMAP to replace what is there.',
  source: { fn: 'do_shmat', file: 'ipc/shm.c' },
});

export const SHMAT_WRAPS: number = reason('shmat.wraps', {
  errno: EINVAL,
  says: 'The address and the size of the segment together exceed 2^64.',
  change: 'Use a lower address.',
  source: { fn: 'do_shmat', file: 'ipc/shm.c' },
});

export const SHMAT_SECURITY: number = reason('shmat.security', {
  errno: EACCES,
  says: 'The security module refuses to map the segment.',
  change: 'Change its policy.',
  source: { fn: 'security_mmap_file', file: 'security/security.c' },
});

export const SHMDT_UNALIGNED: number = reason('shmdt.unaligned', {
  errno: EINVAL,
  says: 'The address is not page-aligned.',
  change: 'Pass the address that shmat returned.',
  source: { fn: 'ksys_shmdt', file: 'ipc/shm.c' },
});

export const SHMDT_NOT_ATTACHED: number = reason('shmdt.not_attached', {
  errno: EINVAL,
  says: 'No segment, and no part of one, is mapped such that the segment would begin at the address.',
  change: 'Pass the address that shmat returned; a part that mremap has moved is unmapped with munmap.',
  source: { fn: 'ksys_shmdt', file: 'ipc/shm.c' },
});

export const SHMCTL_BAD_COMMAND: number = reason('shmctl.bad_command', {
  errno: EINVAL,
  says: 'The command is unknown, or the command or the identifier is negative.',
  change: 'Use IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK or SHM_UNLOCK with an identifier that shmget returned.',
  source: { fn: 'ksys_shmctl', file: 'ipc/shm.c' },
});

export const SHMCTL_NO_BUFFER: number = reason('shmctl.no_buffer', {
  errno: EFAULT,
  says: 'IPC_SET reads a structure, and the pointer to it is invalid.',
  change: 'Pass a pointer to a struct shmid_ds, for instance one that IPC_STAT has filled.',
  source: { fn: 'copy_shmid_from_user', file: 'ipc/shm.c' },
});

export const SHMCTL_NOT_OWNER: number = reason('shmctl.not_owner', {
  errno: EPERM,
  says: 'IPC_RMID and IPC_SET are for the owner and the creator of the segment, or need CAP_SYS_ADMIN.',
  change: 'Call it as the owner.',
  source: { fn: 'ipcctl_obtain_check', file: 'ipc/util.c' },
});

export const SHMCTL_BAD_OWNER: number = reason('shmctl.bad_owner', {
  errno: EINVAL,
  says: 'IPC_SET was given a user or group that does not exist: 4294967295 (-1).',
  change: 'Pass the present user and group to leave them as they are.',
  source: { fn: 'ipc_update_perm', file: 'ipc/util.c' },
});

export const SHMCTL_LOCK_NOT_OWNER: number = reason('shmctl.lock_not_owner', {
  errno: EPERM,
  says: 'SHM_LOCK and SHM_UNLOCK are for the owner and the creator of the segment, or need CAP_IPC_LOCK.',
  change: 'Call it as the owner.',
  source: { fn: 'shmctl_do_lock', file: 'ipc/shm.c' },
});

export const SHMCTL_LOCK_LIMIT_ZERO: number = reason('shmctl.lock_limit_zero', {
  errno: EPERM,
  says: 'RLIMIT_MEMLOCK is 0, and the caller has no CAP_IPC_LOCK.',
  change: 'Raise RLIMIT_MEMLOCK.',
  source: { fn: 'shmctl_do_lock', file: 'ipc/shm.c' },
});

export const SHMCTL_LOCK_LIMIT: number = reason('shmctl.lock_limit', {
  errno: ENOMEM,
  says: 'The locked segments of the user would have more bytes than RLIMIT_MEMLOCK, and the caller has no CAP_IPC_LOCK.',
  change: 'Unlock other segments, or raise RLIMIT_MEMLOCK.',
  source: { fn: 'user_shm_lock', file: 'mm/mlock.c' },
});
