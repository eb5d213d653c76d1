/**
 * Facts about /proc: what it prints.
 */

/** Facts about /proc of a kernel version. Each comment says what holds when the fact is `true`. */
export interface ProcFacts {
  /** VmPTE counts tables of every level below the pgd; otherwise leaf tables only. */
  readonly vmPteAllLevels: boolean;
  /** status has RssAnon, RssFile and RssShmem. */
  readonly statusRssDetail: boolean;
  /** VmFlags prints `dw` (VM_DENYWRITE). */
  readonly denywriteShown: boolean;
  /** VmFlags prints `lf` for VM_LOCKONFAULT; otherwise `??`. */
  readonly lockOnFaultShown: boolean;
  /** The name that VmFlags prints for VM_ARCH_1, which is VM_ARM64_BTI on later kernels. */
  readonly vmArch1Name: 'ar' | 'bt';
  /** [heap] labels only mappings that overlap the heap; otherwise also those that only touch it. */
  readonly heapLabelOverlaps: boolean;
  /** The files /proc/PID/maps answer the ioctl PROCMAP_QUERY. */
  readonly procmapQuery: boolean;
  /** status has THP_enabled. */
  readonly thpShown: boolean;
}
