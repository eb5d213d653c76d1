/** Reasons of do_munmap. */
import { EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const DO_MUNMAP_UNALIGNED: number = reason('do_munmap.unaligned', {
  errno: EINVAL,
  says: 'The address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'do_munmap', file: 'mm/mmap.c' },
});

export const DO_MUNMAP_BEYOND_TASK_SIZE: number = reason('do_munmap.beyond_task_size', {
  errno: EINVAL,
  says: 'The range ends beyond TASK_SIZE.',
  change: 'End at TASK_SIZE or below.',
  source: { fn: 'do_munmap', file: 'mm/mmap.c' },
});

export const DO_MUNMAP_ZERO_LEN: number = reason('do_munmap.zero_len', {
  errno: EINVAL,
  says: 'The length is 0.',
  change: 'Use a length of at least one byte.',
  source: { fn: 'do_munmap', file: 'mm/mmap.c' },
});

export const DO_MUNMAP_MAX_MAP_COUNT: number = reason('do_munmap.max_map_count', {
  errno: ENOMEM,
  says: 'A hole splits one mapping into two, and the process has vm.max_map_count mappings already.',
  change: 'Raise vm.max_map_count, or unmap up to one end of the mapping.',
  source: { fn: 'do_munmap', file: 'mm/mmap.c' },
});

export const MUNMAP_SEALED: number = reason('munmap.sealed', {
  errno: EPERM,
  says: 'A mapping of the range is sealed (mseal): it cannot be unmapped or replaced.',
  change: 'Leave sealed mappings out of the range; a seal cannot be removed.',
  source: { fn: 'can_modify_vma', file: 'mm/vma.c', kernel: '6.12' },
});
