/** Reasons of the drivers of this package. */
import { reason } from '@vmarea/mm-core';
import { EAGAIN, EINVAL, EIO, ENODEV, EPERM } from '@vmarea/uapi';

export const PROC_NO_MMAP: number = reason('proc.no_mmap', {
  errno: EIO,
  says: 'A /proc file has no pages that could be mapped.',
  change: 'Read the file instead.',
  source: { fn: 'proc_reg_mmap', file: 'fs/proc/inode.c' },
});

export const ZERO_NO_SHARED_MEMORY: number = reason('zero.no_shared_memory', {
  errno: ENODEV,
  says: 'A shared mapping of /dev/zero is shared memory, and this machine has no shared memory driver.',
  change: 'Add a shared memory driver (shmem) to the system, or map privately.',
  source: { fn: 'mmap_zero', file: 'drivers/char/mem.c' },
});

export const MEM_BEYOND_PHYSICAL_ADDRESSES: number = reason('mem.beyond_physical_addresses', {
  errno: EINVAL,
  says: 'The range ends beyond the physical addresses of the architecture, or wraps around.',
  change: 'Use an offset and a length within 48 bits.',
  source: { fn: 'valid_mmap_phys_addr_range', file: 'arch/arm64/mm/mmap.c' },
});

export const MEM_RANGE_NOT_ALLOWED: number = reason('mem.range_not_allowed', {
  errno: EPERM,
  says: 'The device does not allow access to this range of physical memory.',
  change: 'Map a range that the device allows.',
  source: { fn: 'range_is_allowed', file: 'drivers/char/mem.c' },
});

export const MEM_NO_PAGE_TABLE: number = reason('mem.no_page_table', {
  errno: EAGAIN,
  says: 'There is no memory for the page tables of the mapping.',
  change: 'Free memory.',
  source: { fn: 'remap_pfn_range', file: 'mm/memory.c' },
});
