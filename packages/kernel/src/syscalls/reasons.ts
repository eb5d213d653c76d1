/** Reasons of system calls before they enter a function of the memory subsystem. */
import { reason } from '@vmarea/mm-core';
import { EBADF, EINVAL, ENOSYS, EPERM } from '@vmarea/uapi';

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
