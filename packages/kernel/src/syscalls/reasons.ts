/** Reasons of system calls before they enter a function of the memory subsystem. */
import { reason } from '@vmarea/mm-core';
import { EBADF, EFAULT, EINVAL, ENOENT, ENOSPC, ENOSYS, EPERM, ESRCH } from '@vmarea/uapi';

export const SYS_MMAP_OFFSET_UNALIGNED: number = reason('sys_mmap.offset_unaligned', {
  errno: EINVAL,
  says: 'The file offset must be a multiple of the page size, also for a mapping without a file.',
  change: 'Round the offset down to a page, and map the additional bytes.',
  source: { fn: 'sys_mmap', file: 'arch/arm64/kernel/sys.c' },
});

export const SYS_MMAP_BAD_DESCRIPTOR: number = reason('sys_mmap.bad_descriptor', {
  errno: EBADF,
  says: 'The descriptor is not open (or is an O_PATH one), and the flags do not contain MAP_ANONYMOUS.',
  change: 'Open the file, or add MAP_ANONYMOUS for memory without a file.',
  source: { fn: 'fget', file: 'fs/file.c' },
});

export const SYS_MMAP_NO_HUGE_FILE: number = reason('sys_mmap.no_huge_file', {
  errno: EINVAL,
  says: 'The flags contain MAP_HUGETLB, and the file of the descriptor has no huge pages.',
  change: 'Open a file on hugetlbfs, or add MAP_ANONYMOUS.',
  source: { fn: 'sys_mmap_pgoff', file: 'mm/mmap.c' },
});

export const SYS_MMAP_NO_HUGE_PAGES: number = reason('sys_mmap.no_huge_pages', {
  errno: EINVAL,
  says: 'No driver for huge pages is plugged in (system.hugePages is null).',
  change: 'Plug one in: @vmarea/hugetlbfs, as `hugePages` of createKernel. Or leave MAP_HUGETLB out.',
  source: { fn: 'hstate_sizelog', file: 'include/linux/hugetlb.h' },
});

export const SYS_MMAP_NO_HUGE_SIZE: number = reason('sys_mmap.no_huge_size', {
  errno: EINVAL,
  says: 'The kernel has no huge pages of the size in the flags.',
  change: 'Leave the size out for the default one, or boot with that size.',
  source: { fn: 'hstate_sizelog', file: 'include/linux/hugetlb.h' },
});

export const MLOCK2_BAD_FLAGS: number = reason('mlock2.bad_flags', {
  errno: EINVAL,
  says: 'The flags contain a bit other than MLOCK_ONFAULT.',
  change: 'Use 0 or MLOCK_ONFAULT.',
  source: { fn: 'mlock2', file: 'mm/mlock.c' },
});

export const PRCTL_UNKNOWN_OPTION: number = reason('prctl.unknown_option', {
  errno: EINVAL,
  says: 'The kernel or the processor does not have the option, or it has nothing to do with memory: this model supports only those that do.',
  change: 'Use PR_SET_VMA with PR_SET_VMA_ANON_NAME, PR_SET_MDWE on 6.12, or PR_SET_TAGGED_ADDR_CTRL on arm64.',
  source: { fn: 'prctl', file: 'kernel/sys.c' },
});

export const PRCTL_UNUSED_ARGUMENTS: number = reason('prctl.unused_arguments', {
  errno: EINVAL,
  says: 'The arguments that the option does not use must be 0.',
  change: 'Pass 0 as unused arguments.',
  source: { fn: 'prctl_set_mdwe', file: 'kernel/sys.c', kernel: '6.12' },
});

export const PRCTL_TAGGED_ADDR_BITS: number = reason('prctl.tagged_addr_bits', {
  errno: EINVAL,
  says: 'PR_SET_TAGGED_ADDR_CTRL has a bit that this machine does not support: tag checks need a CPU with memory tagging.',
  change: 'Use PR_TAGGED_ADDR_ENABLE only.',
  source: { fn: 'set_tagged_addr_ctrl', file: 'arch/arm64/kernel/process.c', kernel: '6.1' },
});

export const MSEAL_UNKNOWN_CALL: number = reason('mseal.unknown_call', {
  errno: ENOSYS,
  says: 'This kernel has no mseal; 6.10 introduced it.',
  change: 'Use 6.10 or newer.',
  source: { fn: 'sys_ni_syscall', file: 'kernel/sys_ni.c' },
});

export const USERFAULTFD_UNKNOWN_CALL: number = reason('userfaultfd.unknown_call', {
  errno: ENOSYS,
  says: 'This kernel was built without userfaultfd.',
  change: 'Use a kernel with CONFIG_USERFAULTFD: 4.3 introduced the call.',
  source: { fn: 'sys_ni_syscall', file: 'kernel/sys_ni.c' },
});

export const USERFAULTFD_NOT_PERMITTED: number = reason('userfaultfd.not_permitted', {
  errno: EPERM,
  says: 'Handling faults of the kernel needs CAP_SYS_PTRACE or vm.unprivileged_userfaultfd=1, and the flags do not contain UFFD_USER_MODE_ONLY.',
  change:
    'Add UFFD_USER_MODE_ONLY to the flags, set vm.unprivileged_userfaultfd to 1, or give the process CAP_SYS_PTRACE.',
  source: { fn: 'userfaultfd_syscall_allowed', file: 'fs/userfaultfd.c', kernel: '6.1' },
});

export const USERFAULTFD_BAD_FLAGS: number = reason('userfaultfd.bad_flags', {
  errno: EINVAL,
  says: 'The flags contain a bit other than O_CLOEXEC, O_NONBLOCK and UFFD_USER_MODE_ONLY.',
  change: 'Clear the other bits.',
  source: { fn: 'new_userfaultfd', file: 'fs/userfaultfd.c', kernel: '6.1' },
});

export const SYSV_NO_DRIVER: number = reason('sysv.no_driver', {
  errno: ENOSYS,
  says: 'The driver of shared memory has no System V segments, as in a kernel without CONFIG_SYSVIPC.',
  change: 'Plug one in: @vmarea/shmem, as `sharedMemory` of createKernel. Or use shm_open or memfd_create.',
  source: { fn: 'sys_ni_syscall', file: 'kernel/sys_ni.c' },
});

export const PRCTL_SET_MM_NOT_MODELLED: number = reason('prctl_set_mm.not_modelled', {
  errno: EINVAL,
  says: 'PR_SET_MM does not know this number, or it is one that this model does not have: the auxiliary vector, the executable file, a whole map.',
  change: 'Use PR_SET_MM_START_CODE to PR_SET_MM_ARG_START, or PR_SET_MM_ENV_END.',
  source: { fn: 'prctl_set_mm', file: 'kernel/sys.c' },
});

export const PRCTL_SET_MM_ADDRESS: number = reason('prctl_set_mm.address', {
  errno: EINVAL,
  says: 'The address is below vm.mmap_min_addr or no user address, or an argument that PR_SET_MM does not use is not 0.',
  change: 'Use a user address, and 0 for the last two arguments.',
  source: { fn: 'prctl_set_mm', file: 'kernel/sys.c' },
});

export const PRCTL_SET_MM_PRIVILEGE: number = reason('prctl_set_mm.privilege', {
  errno: EPERM,
  says: 'PR_SET_MM needs CAP_SYS_RESOURCE.',
  change: 'Grant CAP_SYS_RESOURCE.',
  source: { fn: 'prctl_set_mm', file: 'kernel/sys.c' },
});

export const PRCTL_SET_MM_ORDER: number = reason('prctl_set_mm.order', {
  errno: EINVAL,
  says: 'The borders would not be in order (code, data, heap, arguments each begin before they end), or the heap would exceed RLIMIT_DATA.',
  change: 'Set the end first when you move a range up, the start first when you move it down.',
  source: { fn: 'validate_prctl_map_addr', file: 'kernel/sys.c' },
});

export const PRCTL_SET_MM_NO_VMA: number = reason('prctl_set_mm.no_vma', {
  errno: EFAULT,
  says: 'Nothing is mapped at or above the address.',
  change: 'Map memory for the stack first.',
  source: { fn: 'prctl_set_mm', file: 'kernel/sys.c' },
});

export const MEMPOLICY_NO_NUMA: number = reason('mempolicy.no_numa', {
  errno: ENOSYS,
  says: 'The kernel was built without CONFIG_NUMA, so it has no memory policies.',
  change: 'Set `numa` of the configuration, for a kernel of 6.1 or newer.',
  source: { fn: 'sys_ni_syscall', file: 'kernel/sys_ni.c' },
});

export const MEMPOLICY_MODE: number = reason('mempolicy.mode', {
  errno: EINVAL,
  says: 'The mode of the policy is unknown to this kernel, or its flags exclude each other.',
  change: 'Use MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE or MPOL_LOCAL.',
  source: { fn: 'sanitize_mpol_flags', file: 'mm/mempolicy.c' },
});

export const MEMPOLICY_NODES: number = reason('mempolicy.nodes', {
  errno: EINVAL,
  says: 'The node mask does not fit the mode: MPOL_DEFAULT and MPOL_LOCAL take none, the others need a node that exists. This machine has node 0 only.',
  change: 'Set bit 0 of the mask, or use MPOL_DEFAULT without one.',
  source: { fn: 'mpol_new', file: 'mm/mempolicy.c' },
});

export const MBIND_FLAGS: number = reason('mbind.flags', {
  errno: EINVAL,
  says: 'The flags contain a bit other than MPOL_MF_STRICT, MPOL_MF_MOVE and MPOL_MF_MOVE_ALL.',
  change: 'Use 0 or one of them.',
  source: { fn: 'do_mbind', file: 'mm/mempolicy.c' },
});

export const MBIND_MOVE_ALL: number = reason('mbind.move_all', {
  errno: EPERM,
  says: 'MPOL_MF_MOVE_ALL needs CAP_SYS_NICE.',
  change: 'Use MPOL_MF_MOVE, or grant CAP_SYS_NICE.',
  source: { fn: 'do_mbind', file: 'mm/mempolicy.c' },
});

export const MBIND_RANGE: number = reason('mbind.range', {
  errno: EINVAL,
  says: 'The address is not a multiple of the page size, or the range wraps around the end of the 64-bit space.',
  change: 'Round the address down to a page.',
  source: { fn: 'do_mbind', file: 'mm/mempolicy.c' },
});

export const MBIND_HOLE: number = reason('mbind.hole', {
  errno: EFAULT,
  says: 'The range has a hole; nothing was changed.',
  change: 'Call mbind for each mapping.',
  source: { fn: 'queue_pages_test_walk', file: 'mm/mempolicy.c' },
});

export const PROCESS_MADVISE_UNKNOWN_CALL: number = reason('process_madvise.unknown_call', {
  errno: ENOSYS,
  says: 'This kernel has no process_madvise; 5.10 introduced it.',
  change: 'Use 5.10 or newer.',
  source: { fn: 'sys_ni_syscall', file: 'kernel/sys_ni.c' },
});

export const PROCESS_MADVISE_FLAGS: number = reason('process_madvise.flags', {
  errno: EINVAL,
  says: 'The flags are not 0.',
  change: 'Use 0.',
  source: { fn: 'process_madvise', file: 'mm/madvise.c', kernel: '6.1' },
});

export const PROCESS_MADVISE_ADVICE: number = reason('process_madvise.advice', {
  errno: EINVAL,
  says: 'The advice is not one that process_madvise takes. It takes those that lose no data: MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE.',
  change: 'Call madvise in the process itself.',
  source: { fn: 'process_madvise_behavior_valid', file: 'mm/madvise.c', kernel: '6.1' },
});

export const PROCESS_MADVISE_PRIVILEGE: number = reason('process_madvise.privilege', {
  errno: EPERM,
  says: 'The caller lacks CAP_SYS_NICE, which process_madvise needs.',
  change: 'Grant CAP_SYS_NICE.',
  source: { fn: 'process_madvise', file: 'mm/madvise.c', kernel: '6.1' },
});

export const PROCESS_MADVISE_NO_TASK: number = reason('process_madvise.no_task', {
  errno: ESRCH,
  says: 'There is no living process with this number.',
  change: 'Use the number of a living process.',
  source: { fn: 'pidfd_get_task', file: 'kernel/pid.c', kernel: '6.1' },
});

export const PROCESS_MADVISE_NO_PIDFD: number = reason('process_madvise.no_pidfd', {
  errno: EBADF,
  says: 'The first argument is no descriptor of a process: this model has no pidfd_open.',
  change: 'Call `sys.processMadvise` with the number of the process.',
  source: { fn: 'pidfd_get_task', file: 'kernel/pid.c', kernel: '6.1' },
});

export const PROCMAP_QUERY_FLAGS: number = reason('procmap_query.flags', {
  errno: EINVAL,
  says: 'The query has a flag that PROCMAP_QUERY does not know.',
  change: 'Use PROCMAP_QUERY_ flags only.',
  source: { fn: 'query_matching_vma', file: 'fs/proc/task_mmu.c', kernel: '6.12' },
});

export const PROCMAP_QUERY_NONE: number = reason('procmap_query.none', {
  errno: ENOENT,
  says: 'No mapping that the query accepts contains the address.',
  change: 'Add PROCMAP_QUERY_COVERING_OR_NEXT_VMA to find the next one.',
  source: { fn: 'query_matching_vma', file: 'fs/proc/task_mmu.c', kernel: '6.12' },
});

export const PKEY_ALLOC_ARGUMENTS: number = reason('pkey.alloc_arguments', {
  errno: EINVAL,
  says: 'The flags of pkey_alloc are not 0, or the rights have a bit other than PKEY_DISABLE_ACCESS and PKEY_DISABLE_WRITE.',
  change: 'Use 0 as flags.',
  source: { fn: 'pkey_alloc', file: 'mm/mprotect.c', kernel: '6.1' },
});

export const PKEY_NONE_FREE: number = reason('pkey.none_free', {
  errno: ENOSPC,
  says: 'All protection keys are allocated, or the processor has none.',
  change: 'Free one with pkey_free.',
  source: { fn: 'pkey_alloc', file: 'mm/mprotect.c', kernel: '6.1' },
});

export const PKEY_NOT_ALLOCATED: number = reason('pkey.not_allocated', {
  errno: EINVAL,
  says: 'The protection key is not allocated, or is the kernel’s own for execute-only memory.',
  change: 'Allocate it with pkey_alloc.',
  source: { fn: 'mm_pkey_is_allocated', file: 'arch/x86/include/asm/pkeys.h', kernel: '6.1' },
});
