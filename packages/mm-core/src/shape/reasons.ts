/** Reasons why an area is not made, split or merged. A refused merge has no errno: the call goes on. */
import { EINVAL, ENOMEM } from '@vmarea/uapi';
import { reason } from '../reasons/table.ts';

export const KMEM_CACHE_NO_VMA: number = reason('kmem_cache.no_vma', {
  errno: ENOMEM,
  says: 'There is no memory for another VMA object.',
  change: 'Free memory, or lower the number of mappings.',
  source: { fn: 'kmem_cache_zalloc', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1680] } },
});

export const ANON_VMA_NO_MEMORY: number = reason('anon_vma.no_memory', {
  errno: ENOMEM,
  says: 'There is no memory for an anon_vma or a link to one.',
  change: 'Free memory.',
  source: { fn: 'anon_vma_clone', file: 'mm/rmap.c' },
});

export const SPLIT_VMA_HUGE_UNALIGNED: number = reason('split_vma.huge_unaligned', {
  errno: EINVAL,
  says: 'A mapping of huge pages can be cut only at a multiple of the huge page size.',
  change: 'Round address and length to the huge page size.',
  source: { fn: '__split_vma', file: 'mm/mmap.c' },
});

export const SPLIT_VMA_REFUSED: number = reason('split_vma.refused', {
  errno: EINVAL,
  says: 'The driver of the mapping refuses a cut at that address ([vdso] and [vvar] on 6.1; huge pages at no multiple of their size).',
  change: 'Change the whole mapping.',
  source: { fn: '__split_vma', file: 'mm/mmap.c', kernel: '6.1' },
});

export const SPLIT_VMA_MAX_MAP_COUNT: number = reason('split_vma.max_map_count', {
  errno: ENOMEM,
  says: 'Cutting a mapping adds one, and the process has vm.max_map_count mappings already.',
  change: 'Raise vm.max_map_count, or change whole mappings.',
  source: { fn: 'split_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_NOT_ADJACENT: number = reason('vma_merge.not_adjacent', {
  says: 'The two mappings do not touch.',
  change: 'Map them side by side.',
  source: { fn: 'vma_merge', file: 'mm/mmap.c' },
});

export const VMA_MERGE_SPECIAL: number = reason('vma_merge.special', {
  says: 'A mapping of device memory, huge pages or a special mapping never merges (VM_SPECIAL).',
  change: 'Nothing: such mappings always stay apart.',
  source: { fn: 'vma_merge', file: 'mm/mmap.c' },
});

export const VMA_MERGE_FLAGS: number = reason('vma_merge.flags', {
  says: 'Their flags differ.',
  change:
    'Give both the same protection, the same accounting (a mapping made read-only at once is not accounted, one made read-only later is), the same lock and advice.',
  source: { fn: 'is_mergeable_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_FILE: number = reason('vma_merge.file', {
  says: 'They belong to different open files, even if both refer to one file on disk.',
  change: 'Map both through one descriptor (or a dup of it).',
  source: { fn: 'is_mergeable_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_CLOSE_OP: number = reason('vma_merge.close_op', {
  says: 'The driver of the mapping has a close operation. 6.1 and older never merge such a mapping; 6.12 and newer make no merge that removes one.',
  change: 'Nothing: whole mappings of such a driver always stay apart.',
  source: { fn: 'is_mergeable_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_USERFAULT: number = reason('vma_merge.userfault', {
  says: 'They are registered with different userfaultfds, or only one is.',
  change: 'Register both with one.',
  source: { fn: 'is_mergeable_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_ANON_NAME: number = reason('vma_merge.anon_name', {
  says: 'Their names differ (PR_SET_VMA_ANON_NAME; 4.4 compares the pointers, not the texts).',
  change: 'Give both the same name.',
  source: { fn: 'is_mergeable_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_POLICY: number = reason('vma_merge.policy', {
  says: 'Their memory policies differ.',
  change: 'Give both the same policy.',
  source: { fn: 'vma_merge', file: 'mm/mmap.c' },
});

export const VMA_MERGE_ANON_VMA: number = reason('vma_merge.anon_vma', {
  says: 'Each was written on its own (or one was copied by fork), so their pages belong to different anon_vmas.',
  change: 'Map them side by side before the first write.',
  source: { fn: 'is_mergeable_anon_vma', file: 'mm/mmap.c' },
});

export const VMA_MERGE_PGOFF: number = reason('vma_merge.pgoff', {
  says: 'Their page offsets are not consecutive (file offsets; for anonymous memory the address at the first write, which mremap keeps).',
  change: 'Map consecutive offsets.',
  source: { fn: 'can_vma_merge_after', file: 'mm/mmap.c' },
});
