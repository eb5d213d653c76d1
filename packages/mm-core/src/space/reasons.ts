/** Reasons of placement, limits and accounting. */
import { EAGAIN, EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { reason } from '../reasons/table.ts';

export const MLOCK_FUTURE_CHECK_LIMIT: number = reason('mlock_future_check.limit', {
  errno: EAGAIN,
  says: 'The locked pages would exceed RLIMIT_MEMLOCK, and the caller lacks CAP_IPC_LOCK.',
  change: 'Raise RLIMIT_MEMLOCK, lock less, or grant CAP_IPC_LOCK.',
  source: { fn: 'mlock_future_check', file: 'mm/mmap.c', caller: 'do_mmap', lines: { 'msm-4.4': [1403] } },
});

export const SECURITY_MMAP_ADDR_REFUSED: number = reason('security_mmap_addr.refused', {
  errno: EPERM,
  says: 'The address is below vm.mmap_min_addr and the caller lacks CAP_SYS_RAWIO.',
  change: 'Map at vm.mmap_min_addr or above.',
  source: { fn: 'security_mmap_addr', file: 'mm/mmap.c', caller: 'get_unmapped_area', lines: { 'msm-4.4': [2121] } },
});

export const GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE: number = reason('get_unmapped_area.len_over_task_size', {
  errno: ENOMEM,
  says: 'The mapping is longer than the whole user address space.',
  change: 'Map less than TASK_SIZE.',
  source: { fn: 'get_unmapped_area', file: 'mm/mmap.c', lines: { 'msm-4.4': [2105] } },
});

export const GET_UNMAPPED_AREA_LEN_OVER_ROOM: number = reason('get_unmapped_area.len_over_room', {
  errno: ENOMEM,
  says: 'The mapping is longer than the space in which the search may place it: from vm.mmap_min_addr to TASK_SIZE, or the window of MAP_32BIT.',
  change: 'Map less.',
  source: { fn: 'arch_get_unmapped_area', file: 'mm/mmap.c', caller: 'arch_get_unmapped_area_topdown' },
});

export const GET_UNMAPPED_AREA_NO_GAP: number = reason('get_unmapped_area.no_gap', {
  errno: ENOMEM,
  says: 'No gap between the mappings is long enough, neither below mmap_base nor above it (guard gaps below stacks are not free).',
  change: 'Unmap something, map less, or choose the address with MAP_FIXED.',
  source: { fn: 'vm_unmapped_area', file: 'mm/mmap.c' },
});

export const GET_UNMAPPED_AREA_BEYOND_TASK_SIZE: number = reason('get_unmapped_area.beyond_task_size', {
  errno: ENOMEM,
  says: 'The mapping would end beyond TASK_SIZE.',
  change: 'Choose a lower address.',
  source: { fn: 'get_unmapped_area', file: 'mm/mmap.c', lines: { 'msm-4.4': [2115] } },
});

export const GET_UNMAPPED_AREA_OWNER_REFUSED: number = reason('get_unmapped_area.owner_refused', {
  errno: EINVAL,
  says: "The file's own address search refused (huge pages: address or length not aligned, or no gap).",
  change: "Use an address and a length that the driver accepts; the errno is the driver's.",
  source: {
    fn: 'f_op->get_unmapped_area',
    file: 'mm/mmap.c',
    caller: 'get_unmapped_area',
    lines: { 'msm-4.4': [2117] },
  },
});

export const GET_UNMAPPED_AREA_ERROR_VALUE: number = reason('get_unmapped_area.error_value', {
  errno: EPERM,
  says: 'A fixed address among the last 4095 values of 64 bits counts as an errno, and the call returns it as one.',
  change: 'Use an address within the address space.',
  source: { fn: 'get_unmapped_area', file: 'mm/mmap.c', lines: { 'msm-4.4': [2118] } },
});

export const GET_UNMAPPED_AREA_UNALIGNED: number = reason('get_unmapped_area.unaligned', {
  errno: EINVAL,
  says: 'A fixed address must be a multiple of the page size.',
  change: 'Round the address down to a page.',
  source: { fn: 'get_unmapped_area', file: 'mm/mmap.c', lines: { 'msm-4.4': [2117] } },
});

export const MAY_EXPAND_VM_RLIMIT_AS: number = reason('may_expand_vm.rlimit_as', {
  errno: ENOMEM,
  says: 'The address space would exceed RLIMIT_AS.',
  change: 'Raise RLIMIT_AS, or unmap something first.',
  source: { fn: 'may_expand_vm', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1634] } },
});

export const MAY_EXPAND_VM_RLIMIT_DATA: number = reason('may_expand_vm.rlimit_data', {
  errno: ENOMEM,
  says: 'Private writable mappings would exceed RLIMIT_DATA (6.1 counts them all, 4.4 only the heap).',
  change: 'Raise RLIMIT_DATA, or map shared or read-only.',
  source: { fn: 'may_expand_vm', file: 'mm/mmap.c', kernel: '6.1' },
});

export const VM_ENOUGH_MEMORY_GUESS: number = reason('vm_enough_memory.guess', {
  errno: ENOMEM,
  says: 'With vm.overcommit_memory=0 a single request may not exceed RAM and swap together, used or not (on 4.4: the free and reclaimable memory).',
  change: 'Map less, use MAP_NORESERVE, or set vm.overcommit_memory=1.',
  source: { fn: '__vm_enough_memory', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1662] } },
});

export const VM_ENOUGH_MEMORY_NEVER: number = reason('vm_enough_memory.never', {
  errno: ENOMEM,
  says: 'With vm.overcommit_memory=2 the sum of all commitments must stay below CommitLimit, even when memory is free.',
  change:
    'Raise vm.overcommit_ratio or vm.overcommit_kbytes, commit less (read-only and shared file mappings are not counted), or set vm.overcommit_memory=0.',
  source: { fn: '__vm_enough_memory', file: 'mm/mmap.c', caller: 'mmap_region', lines: { 'msm-4.4': [1662] } },
});
