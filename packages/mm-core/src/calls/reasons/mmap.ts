/** Reasons of do_mmap and of what it asks. */
import { EACCES, EAGAIN, EEXIST, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EOVERFLOW, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const DO_MMAP_ZERO_LEN: number = reason('do_mmap.zero_len', {
  errno: EINVAL,
  says: 'The length is 0; a mapping needs at least one byte.',
  change: 'Use a length of 1 or more.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1351] } },
});

export const DO_MMAP_LEN_WRAPS: number = reason('do_mmap.len_wraps', {
  errno: ENOMEM,
  says: 'The length, rounded up to whole pages, does not fit in 64 bits.',
  change: 'Use a length that fits in the address space.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1374] } },
});

export const DO_MMAP_PGOFF_OVERFLOW: number = reason('do_mmap.pgoff_overflow', {
  errno: EOVERFLOW,
  says: 'The page offset plus the pages of the mapping is beyond 2^64 pages.',
  change: 'Use a smaller file offset. On 4.4 a negative offset counts as one near 2^64, also for anonymous memory.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1378] } },
});

export const DO_MMAP_MAX_MAP_COUNT: number = reason('do_mmap.max_map_count', {
  errno: ENOMEM,
  says: 'The process has more mappings than vm.max_map_count allows.',
  change: 'Raise vm.max_map_count, unmap something, or give neighbouring mappings equal flags so that they merge.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1382] } },
});

export const DO_MMAP_NOREPLACE: number = reason('do_mmap.noreplace', {
  errno: EEXIST,
  says: 'The flags contain MAP_FIXED_NOREPLACE, and the range is already mapped.',
  change: 'Choose a free range, or use MAP_FIXED to replace the mapping.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', kernel: '6.1' },
});

export const DO_MMAP_CANNOT_MLOCK: number = reason('do_mmap.cannot_mlock', {
  errno: EPERM,
  says: 'The flags contain MAP_LOCKED, RLIMIT_MEMLOCK is 0, and the caller lacks CAP_IPC_LOCK.',
  change: 'Raise RLIMIT_MEMLOCK or grant CAP_IPC_LOCK.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1399] } },
});

export const DO_MMAP_FILE_OFFSET: number = reason('do_mmap.file_offset', {
  errno: EOVERFLOW,
  says: 'The mapping would end beyond the largest offset of this type of file.',
  change: 'Use a smaller offset: the largest offset of a regular file is 2^63 - 1 bytes.',
  source: { fn: 'file_mmap_ok', file: 'mm/mmap.c', caller: 'do_mmap', lines: { 'msm-4.4': [1409] } },
});

export const DO_MMAP_UNKNOWN_FLAG: number = reason('do_mmap.unknown_flag', {
  errno: EOPNOTSUPP,
  says: 'The flags contain MAP_SHARED_VALIDATE and a flag that the file does not support.',
  change: 'Drop the flag (MAP_SYNC needs a DAX file), or use MAP_SHARED, which ignores it.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', kernel: '6.1' },
});

export const DO_MMAP_SHARED_WRITE_NEEDS_FMODE_WRITE: number = reason('do_mmap.shared_write_needs_fmode_write', {
  errno: EACCES,
  says: 'A shared writable mapping needs a file opened for writing.',
  change: 'Open the file O_RDWR, drop PROT_WRITE, or map it MAP_PRIVATE.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1414] } },
});

export const DO_MMAP_SHARED_APPEND_ONLY: number = reason('do_mmap.shared_append_only', {
  errno: EACCES,
  says: 'The inode is append-only and the file is open for writing; a shared mapping could overwrite its contents.',
  change: 'Open the file O_RDONLY, map it MAP_PRIVATE, or clear the append-only attribute.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1421] } },
});

export const DO_MMAP_MANDATORY_LOCK: number = reason('do_mmap.mandatory_lock', {
  errno: EAGAIN,
  says: 'Another owner holds a lock on a file with mandatory locking.',
  change: 'Wait until the lock is released, or mount without «mand».',
  source: { fn: 'locks_verify_locked', file: 'mm/mmap.c', caller: 'do_mmap', lines: { 'msm-4.4': [1427] } },
});

export const DO_MMAP_BAD_TYPE: number = reason('do_mmap.bad_type', {
  errno: EINVAL,
  says: 'The mapping type is neither MAP_SHARED nor MAP_PRIVATE (nor MAP_SHARED_VALIDATE, for files on 6.1).',
  change: 'Use exactly one of MAP_SHARED and MAP_PRIVATE.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1450, 1470] } },
});

export const DO_MMAP_NEEDS_FMODE_READ: number = reason('do_mmap.needs_fmode_read', {
  errno: EACCES,
  says: 'Every file mapping needs a file opened for reading, even one without PROT_READ.',
  change: 'Open the file O_RDWR or O_RDONLY.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1436] } },
});

export const DO_MMAP_NOEXEC: number = reason('do_mmap.noexec', {
  errno: EPERM,
  says: 'The protection contains PROT_EXEC, and the mount of the file forbids execution.',
  change: 'Drop PROT_EXEC, or remount without noexec.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1438] } },
});

export const DO_MMAP_NO_MMAP_OPERATION: number = reason('do_mmap.no_mmap_operation', {
  errno: ENODEV,
  says: 'The file cannot be mapped: its driver has no mmap operation.',
  change: 'Map another file; directories, pipes and /dev/null are never mapped.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1444] } },
});

export const DO_MMAP_FILE_GROWSDOWN: number = reason('do_mmap.file_growsdown', {
  errno: EINVAL,
  says: 'MAP_GROWSDOWN is for private anonymous memory only.',
  change: 'Drop MAP_GROWSDOWN.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1446] } },
});

export const DO_MMAP_SHARED_GROWSDOWN: number = reason('do_mmap.shared_growsdown', {
  errno: EINVAL,
  says: 'MAP_GROWSDOWN is for private anonymous memory only, and this is shared.',
  change: 'Drop MAP_GROWSDOWN or use MAP_PRIVATE.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', lines: { 'msm-4.4': [1456] } },
});

export const SECURITY_MMAP_FILE_REFUSED: number = reason('security_mmap_file.refused', {
  errno: EACCES,
  says: 'The security module refused to map the file.',
  change: 'Request other rights, or change the policy.',
  source: { fn: 'security_mmap_file', file: 'mm/util.c', caller: 'vm_mmap_pgoff', lines: { 'msm-4.4': [293] } },
});

export const DO_MMAP_DROPPABLE: number = reason('do_mmap.droppable', {
  errno: EINVAL,
  says: 'MAP_DROPPABLE cannot be combined with MAP_LOCKED or MAP_GROWSDOWN.',
  change: 'Leave MAP_LOCKED and MAP_GROWSDOWN out.',
  source: { fn: 'do_mmap', file: 'mm/mmap.c', kernel: '6.12' },
});
