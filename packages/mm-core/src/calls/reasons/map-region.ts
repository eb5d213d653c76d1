/** Reasons of mmap_region. */
import { EACCES, EINVAL, ENODEV, ENOMEM, EPERM, ETXTBSY } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MMAP_REGION_CLEAR_OLD_MAPS: number = reason('mmap_region.clear_old_maps', {
  errno: ENOMEM,
  says: 'A mapping in the fixed range could not be unmapped (a huge page or a special mapping would be split, or the map count is at its limit).',
  change: 'Use a range of whole huge pages, or unmap the old mapping first.',
  source: { fn: 'mmap_region', file: 'mm/mmap.c', lines: { 'msm-4.4': [1651] } },
});

export const MMAP_REGION_DENY_WRITE: number = reason('mmap_region.deny_write', {
  errno: ETXTBSY,
  says: 'The file is open for writing, so it cannot be mapped as a program.',
  change: 'Close the descriptors that can write.',
  source: { fn: 'deny_write_access', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1696] } },
});

export const MMAP_REGION_SEALED: number = reason('mmap_region.sealed', {
  errno: EPERM,
  says: 'The file is sealed against writing, and a shared mapping of a writable descriptor could write.',
  change: 'Open it read-only, or map it MAP_PRIVATE.',
  source: { fn: 'mapping_map_writable', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1701] } },
});

export const MMAP_REGION_DRIVER_REFUSED: number = reason('mmap_region.driver_refused', {
  errno: ENODEV,
  says: "The file's own mmap operation refused.",
  change: "Use a request that the driver accepts; the errno is the driver's.",
  source: { fn: 'f_op->mmap', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1712] } },
});

export const MMAP_REGION_MOVED: number = reason('mmap_region.moved', {
  errno: EINVAL,
  says: "The file's mmap operation moved the mapping to another address, which later kernels refuse.",
  change: 'Let the driver keep vm_start.',
  source: { fn: 'mmap_region', file: 'mm/mmap.c' },
});

export const MMAP_REGION_NO_SHARED_MEMORY: number = reason('mmap_region.no_shared_memory', {
  errno: ENOMEM,
  says: 'No driver for shared anonymous memory is plugged in (system.sharedMemory is null).',
  change: 'Plug one in: @vmarea/shmem, as `sharedMemory` of createKernel or of the system. Or use MAP_PRIVATE.',
  source: { fn: 'shmem_zero_setup', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1728] } },
});

export const MMAP_REGION_SHARED_MEMORY: number = reason('mmap_region.shared_memory', {
  errno: ENOMEM,
  says: 'The file for shared anonymous memory could not be created: all its pages are charged at once.',
  change: 'Use MAP_NORESERVE, or raise the commit limit.',
  source: { fn: 'shmem_zero_setup', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1728] } },
});

export const MMAP_REGION_MDWE: number = reason('mmap_region.mdwe', {
  errno: EACCES,
  says: 'The process has set PR_SET_MDWE: no mapping may be writable and executable at the same time.',
  change: 'Map without PROT_WRITE or without PROT_EXEC; READ_IMPLIES_EXEC adds PROT_EXEC.',
  source: { fn: 'map_deny_write_exec', file: 'mm/mmap.c', kernel: '6.12' },
});

export const MMAP_REGION_TAGS: number = reason('mmap_region.tags', {
  errno: EINVAL,
  says: 'The protection contains PROT_MTE, and the memory of this file keeps no tags.',
  change: 'Use anonymous memory, a memfd or a file on tmpfs, without huge pages.',
  source: { fn: 'arch_validate_flags', file: 'arch/arm64/include/asm/mman.h', caller: 'mmap_region', kernel: '6.1' },
});
