/**
 * Why this package refused a mapping: the catalogue of its decisions.
 *
 * A decision's number is left in `cur.call.reason`: {@link VFS_DECISION_BASE} plus its place in {@link VFS_REASONS}.
 */
import { EAGAIN, EINVAL, EIO, ENODEV, EPERM } from '@vmarea/uapi';

/** One refusal. */
export interface DriverReason {
  readonly id: string;
  /** The kernel function that decides. */
  readonly fn: string;
  /** The errno, positive. */
  readonly errno: number;
  readonly sentence: string;
  /** What would change the answer. */
  readonly change: string;
}

/** Numbers of this package's decisions start here. */
export const VFS_DECISION_BASE = 1000;

/** The decisions, by number from {@link VFS_DECISION_BASE} on. */
export const VFS_REASONS: readonly DriverReason[] = [
  {
    id: 'proc.no_mmap',
    fn: 'proc_reg_mmap',
    errno: EIO,
    sentence: 'The /proc file has no memory of its own that could be mapped.',
    change: 'Read the file instead.',
  },
  {
    id: 'zero.no_shared_memory',
    fn: 'mmap_zero',
    errno: ENODEV,
    sentence: 'A shared mapping of /dev/zero is shared memory, and this machine has no shared memory driver.',
    change: 'Plug a shared memory driver (shmem) into the system, or map privately.',
  },
  {
    id: 'mem.beyond_physical_addresses',
    fn: 'valid_mmap_phys_addr_range',
    errno: EINVAL,
    sentence: 'The range lies beyond the physical addresses that the architecture has, or wraps around.',
    change: 'Choose an offset and a length within 48 bits.',
  },
  {
    id: 'mem.range_not_allowed',
    fn: 'range_is_allowed',
    errno: EPERM,
    sentence: 'The device does not show this range of physical memory.',
    change: 'Map a range that the device was made for.',
  },
  {
    id: 'mem.no_page_table',
    fn: 'remap_pfn_range',
    errno: EAGAIN,
    sentence: 'There was no memory for the page tables of the window.',
    change: 'Free some memory.',
  },
];

/** Decision numbers by name. */
export const VfsDecision: Readonly<
  Record<'procNoMmap' | 'zeroNoSharedMemory' | 'memBeyondPhysical' | 'memNotAllowed' | 'memNoPageTable', number>
> = {
  procNoMmap: VFS_DECISION_BASE,
  zeroNoSharedMemory: VFS_DECISION_BASE + 1,
  memBeyondPhysical: VFS_DECISION_BASE + 2,
  memNotAllowed: VFS_DECISION_BASE + 3,
  memNoPageTable: VFS_DECISION_BASE + 4,
};
