/** Reasons of fork, and of installing a special mapping. */
import { ENOMEM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const FORK_NO_MEMORY: number = reason('fork.no_memory', {
  errno: ENOMEM,
  says: "There is no memory for the child's mappings or page tables.",
  change: 'Free memory.',
  source: { fn: 'dup_mmap', file: 'kernel/fork.c' },
});

export const INSERT_VM_STRUCT_OVERLAP: number = reason('insert_vm_struct.overlap', {
  errno: ENOMEM,
  says: 'The range is already mapped.',
  change: 'Choose a free range.',
  source: { fn: 'insert_vm_struct', file: 'mm/mmap.c' },
});
