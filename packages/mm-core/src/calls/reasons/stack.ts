/** Reasons why a stack does not grow. */
import { EFAULT, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../../reasons/table.ts';

export const EXPAND_STACK_NOT_GROWSDOWN: number = reason('expand_stack.not_growsdown', {
  errno: EFAULT,
  says: 'The mapping above the address does not grow down.',
  change: 'Map the address, or use MAP_GROWSDOWN for the mapping above.',
  source: { fn: 'expand_stack', file: 'mm/mmap.c' },
});

export const EXPAND_STACK_GAP_AT_ZERO: number = reason('expand_stack.gap_at_zero', {
  errno: ENOMEM,
  says: 'A stack keeps its guard gap also from address 0.',
  change: 'Use a stack at a higher address.',
  source: { fn: 'expand_downwards', file: 'mm/mmap.c', kernel: '4.4' },
});

export const EXPAND_STACK_BELOW_MIN_ADDR: number = reason('expand_stack.below_min_addr', {
  errno: EPERM,
  says: 'A stack cannot grow below vm.mmap_min_addr, also with capabilities.',
  change: 'Lower vm.mmap_min_addr.',
  source: { fn: 'expand_downwards', file: 'mm/mmap.c' },
});

export const EXPAND_STACK_GUARD_GAP: number = reason('expand_stack.guard_gap', {
  errno: ENOMEM,
  says: 'The stack would come closer to the mapping below than the guard gap (256 pages).',
  change: 'Unmap the mapping below, or use less stack.',
  source: { fn: 'expand_downwards', file: 'mm/mmap.c' },
});

export const EXPAND_STACK_PGOFF: number = reason('expand_stack.pgoff', {
  errno: ENOMEM,
  says: 'The mapping was moved by mremap, and its page offset leaves no room to grow.',
  change: 'Do not use the addresses below a moved mapping.',
  source: { fn: 'expand_downwards', file: 'mm/mmap.c' },
});

export const EXPAND_STACK_RLIMIT_STACK: number = reason('expand_stack.rlimit_stack', {
  errno: ENOMEM,
  says: 'The stack would exceed RLIMIT_STACK.',
  change: 'Raise RLIMIT_STACK (ulimit -s), or use less stack.',
  source: { fn: 'acct_stack_growth', file: 'mm/mmap.c' },
});

export const EXPAND_STACK_RLIMIT_MEMLOCK: number = reason('expand_stack.rlimit_memlock', {
  errno: ENOMEM,
  says: 'The stack is locked, and growing it would exceed RLIMIT_MEMLOCK.',
  change: 'Raise RLIMIT_MEMLOCK.',
  source: { fn: 'acct_stack_growth', file: 'mm/mmap.c' },
});
