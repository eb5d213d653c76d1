/** Reasons of brk. */
import { EINVAL, ENOMEM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const BRK_NO_HEAP: number = reason('brk.no_heap', {
  errno: ENOMEM,
  says: 'The address space has no heap: no program was executed, and nobody has placed one.',
  change: 'Execute a program, or place a heap with setHeap.',
  source: { fn: 'brk', file: 'mm/mmap.c' },
});

export const BRK_BELOW_START: number = reason('brk.below_start', {
  errno: ENOMEM,
  says: 'The new end is below the beginning of the heap.',
  change: 'Use a value at or above start_brk.',
  source: { fn: 'brk', file: 'mm/mmap.c' },
});

export const BRK_RLIMIT_DATA: number = reason('brk.rlimit_data', {
  errno: ENOMEM,
  says: 'Heap and data would exceed RLIMIT_DATA.',
  change: 'Raise RLIMIT_DATA.',
  source: { fn: 'brk', file: 'mm/mmap.c' },
});

export const BRK_NOTHING_TO_SHRINK: number = reason('brk.nothing_to_shrink', {
  errno: EINVAL,
  says: "The heap's memory has been unmapped or replaced; there is nothing to shrink.",
  change: 'Do not unmap or replace memory of the heap.',
  source: { fn: 'brk', file: 'mm/mmap.c', kernel: '6.1' },
});

export const BRK_NO_ROOM: number = reason('brk.no_room', {
  errno: ENOMEM,
  says: "Another mapping is too near: one page, or a stack's guard gap, must stay free above the heap.",
  change: 'Unmap that mapping, or use mmap for more memory.',
  source: { fn: 'brk', file: 'mm/mmap.c' },
});

export const BRK_CLEAR_OLD_MAPS: number = reason('brk.clear_old_maps', {
  errno: ENOMEM,
  says: 'A mapping in the range could not be unmapped.',
  change: 'Unmap it first.',
  source: { fn: 'do_brk', file: 'mm/mmap.c' },
});

export const BRK_MAX_MAP_COUNT: number = reason('brk.max_map_count', {
  errno: ENOMEM,
  says: 'The process has more mappings than vm.max_map_count allows.',
  change: 'Raise vm.max_map_count.',
  source: { fn: 'do_brk', file: 'mm/mmap.c' },
});
