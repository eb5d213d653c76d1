/** Reasons of mremap. */
import { EFAULT, EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const MREMAP_UNKNOWN_FLAG: number = reason('mremap.unknown_flag', {
  errno: EINVAL,
  says: 'This version does not have one of the flags (4.4 has no MREMAP_DONTUNMAP).',
  change: 'Use MREMAP_MAYMOVE and MREMAP_FIXED only.',
  source: { fn: 'mremap', file: 'mm/mremap.c' },
});

export const MREMAP_FIXED_NEEDS_MAYMOVE: number = reason('mremap.fixed_needs_maymove', {
  errno: EINVAL,
  says: 'MREMAP_FIXED always moves the mapping, so it needs MREMAP_MAYMOVE.',
  change: 'Add MREMAP_MAYMOVE.',
  source: { fn: 'mremap', file: 'mm/mremap.c' },
});

export const MREMAP_DONTUNMAP_RESIZES: number = reason('mremap.dontunmap_resizes', {
  errno: EINVAL,
  says: 'MREMAP_DONTUNMAP needs MREMAP_MAYMOVE and equal lengths.',
  change: 'Use equal lengths and MREMAP_MAYMOVE.',
  source: { fn: 'mremap', file: 'mm/mremap.c', kernel: '6.1' },
});

export const MREMAP_UNALIGNED: number = reason('mremap.unaligned', {
  errno: EINVAL,
  says: 'The old address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'mremap', file: 'mm/mremap.c' },
});

export const MREMAP_ZERO_LEN: number = reason('mremap.zero_len', {
  errno: EINVAL,
  says: 'The new length is 0.',
  change: 'Use munmap to remove a mapping.',
  source: { fn: 'mremap', file: 'mm/mremap.c' },
});

export const MREMAP_NOT_MAPPED: number = reason('mremap.not_mapped', {
  errno: EFAULT,
  says: 'Nothing is mapped at the old address.',
  change: 'Use an address within a mapping.',
  source: { fn: 'vma_to_resize', file: 'mm/mremap.c' },
});

export const MREMAP_HUGE: number = reason('mremap.huge', {
  errno: EINVAL,
  says: 'This version cannot remap mappings of huge pages.',
  change: 'Map new memory and copy.',
  source: { fn: 'vma_to_resize', file: 'mm/mremap.c', kernel: '4.4' },
});

export const MREMAP_HUGE_UNALIGNED: number = reason('mremap.huge_unaligned', {
  errno: EINVAL,
  says: 'Addresses of huge pages must be multiples of the huge page size.',
  change: 'Round both addresses to the huge page size.',
  source: { fn: 'mremap', file: 'mm/mremap.c', kernel: '6.1' },
});

export const MREMAP_HUGE_GROW: number = reason('mremap.huge_grow', {
  errno: EINVAL,
  says: 'A mapping of huge pages can shrink and move, but not grow.',
  change: 'Map the additional part separately.',
  source: { fn: 'mremap', file: 'mm/mremap.c', kernel: '6.1' },
});

export const MREMAP_DUPLICATE_PRIVATE: number = reason('mremap.duplicate_private', {
  errno: EINVAL,
  says: 'An old length of 0 duplicates a mapping; only shared mappings allow that.',
  change: 'Use a shared mapping.',
  source: { fn: 'vma_to_resize', file: 'mm/mremap.c', kernel: '6.1' },
});

export const MREMAP_DONTUNMAP_SPECIAL: number = reason('mremap.dontunmap_special', {
  errno: EINVAL,
  says: 'A mapping that must not grow (VM_DONTEXPAND or VM_PFNMAP) cannot be remapped with MREMAP_DONTUNMAP.',
  change: 'Leave the flag out.',
  source: { fn: 'vma_to_resize', file: 'mm/mremap.c', kernel: '6.1' },
});

export const MREMAP_CROSSES_VMA: number = reason('mremap.crosses_vma', {
  errno: EFAULT,
  says: 'The old range ends beyond the mapping in which it begins.',
  change: 'Call mremap for each mapping; a separate reason tells why neighbours did not merge.',
  source: { fn: 'vma_to_resize', file: 'mm/mremap.c' },
});

export const MREMAP_SPECIAL: number = reason('mremap.special', {
  errno: EFAULT,
  says: 'The mapping must not grow (VM_DONTEXPAND or VM_PFNMAP).',
  change: 'Use a new length that is not longer than the old one.',
  source: { fn: 'vma_to_resize', file: 'mm/mremap.c' },
});

export const MREMAP_NEW_UNALIGNED: number = reason('mremap.new_unaligned', {
  errno: EINVAL,
  says: 'The new address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'mremap_to', file: 'mm/mremap.c' },
});

export const MREMAP_NEW_BEYOND_TASK_SIZE: number = reason('mremap.new_beyond_task_size', {
  errno: EINVAL,
  says: 'The destination ends beyond TASK_SIZE.',
  change: 'Choose a lower address.',
  source: { fn: 'mremap_to', file: 'mm/mremap.c' },
});

export const MREMAP_OVERLAP: number = reason('mremap.overlap', {
  errno: EINVAL,
  says: 'The old and the new range overlap.',
  change: 'Choose a destination that does not overlap the source.',
  source: { fn: 'mremap_to', file: 'mm/mremap.c' },
});

export const MREMAP_MAX_MAP_COUNT: number = reason('mremap.max_map_count', {
  errno: ENOMEM,
  says: 'Moving may add up to three mappings, and the process has nearly vm.max_map_count mappings.',
  change: 'Raise vm.max_map_count.',
  source: { fn: 'move_vma', file: 'mm/mremap.c' },
});

export const MREMAP_MAY_NOT_MOVE: number = reason('mremap.may_not_move', {
  errno: ENOMEM,
  says: 'The mapping cannot grow in place, and the flags do not contain MREMAP_MAYMOVE.',
  change: 'Add MREMAP_MAYMOVE, or unmap the range behind the mapping.',
  source: { fn: 'mremap', file: 'mm/mremap.c' },
});

export const MREMAP_CANNOT_EXTEND: number = reason('mremap.cannot_extend', {
  errno: ENOMEM,
  says: 'The mapping could not be extended: there is no memory for its anon_vma links.',
  change: 'Free memory.',
  source: { fn: 'mremap', file: 'mm/mremap.c', kernel: '6.1' },
});

export const MREMAP_OWNER_REFUSED: number = reason('mremap.owner_refused', {
  errno: EINVAL,
  says: 'The driver of the mapping refused the move: the pages were moved back, and the destination is free again.',
  change: "Use a request that the driver accepts; the errno is the driver's.",
  source: { fn: 'move_vma', file: 'mm/mremap.c' },
});

export const MREMAP_NO_MEMORY: number = reason('mremap.no_memory', {
  errno: ENOMEM,
  says: 'There is no memory for the page tables of the destination.',
  change: 'Free memory.',
  source: { fn: 'move_page_tables', file: 'mm/mremap.c' },
});

export const MREMAP_SEALED: number = reason('mremap.sealed', {
  errno: EPERM,
  says: 'The mapping is sealed (mseal): it cannot be moved, resized or duplicated.',
  change: 'Map new memory and copy; a seal cannot be removed.',
  source: { fn: 'can_modify_vma', file: 'mm/mremap.c', kernel: '6.12' },
});
