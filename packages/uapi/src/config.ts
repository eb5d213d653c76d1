/**
 * The configuration of a kernel: how it was built and booted, and its sysctls. Plain data beside the profile.
 */

/** A huge page size configured at boot. */
export interface HugePageConfig {
  /** Bytes of one huge page. */
  readonly size: number;
  /** Huge pages in the pool at boot. */
  readonly pages: number;
}

/** The build and boot configuration. */
export interface KernelConfig {
  /** CONFIG_KSM: MADV_MERGEABLE and MADV_UNMERGEABLE exist. */
  readonly ksm: boolean;
  /** CONFIG_TRANSPARENT_HUGEPAGE: MADV_HUGEPAGE and MADV_NOHUGEPAGE exist. */
  readonly thp: boolean;
  /** CONFIG_MEMORY_FAILURE: MADV_HWPOISON and MADV_SOFT_OFFLINE exist. */
  readonly memoryFailure: boolean;
  /** CONFIG_X86_USER_SHADOW_STACK: map_shadow_stack exists; it fails with EOPNOTSUPP, as on a CPU without shadow stacks. */
  readonly userShadowStack: boolean;
  /** CONFIG_SWAP. */
  readonly swap: boolean;
  /** CONFIG_MEM_SOFT_DIRTY: VM_SOFTDIRTY is a flag of its own (never on arm64 of these versions; configurable). */
  readonly softDirty: boolean;
  /** CONFIG_MSM_APP_SETTINGS: module parameters of app_setting, or null when not built in. */
  readonly msmAppSettings: { readonly useAppSetting: boolean; readonly libNames: readonly string[] } | null;
  /** CONFIG_LSM_MMAP_MIN_ADDR in bytes. */
  readonly lsmMmapMinAddr: number;
  /** Boot parameter stack_guard_gap, in pages. */
  readonly stackGuardGapPages: number;
  /** fault_around_bytes. */
  readonly faultAroundBytes: number;
  /**
   * SPLIT_RSS_COUNTING, in kernels for four or more CPUs: resident pages are counted per task and added to the address space
   * after 64 faults, or when pages are unmapped. VmRSS and VmHWM show it.
   */
  readonly splitRssCounting: boolean;
  /** Huge page sizes: the first is the default. */
  readonly hugePages: readonly HugePageConfig[];
  /** Bytes of RAM as MemTotal counts them. */
  readonly ramBytes: number;
  /** CONFIG_NUMA: memory policies exist. */
  readonly numa: boolean;
  /** The CPU has EPAN: execute-only memory cannot be read. */
  readonly cpuEpan: boolean;
  /** The CPU has BTI. */
  readonly cpuBti: boolean;
  /** The CPU has MTE. */
  readonly cpuMte: boolean;
}

/** The values in `/proc/sys/vm` and the like, which can change at run time. */
export interface Sysctls {
  /** vm.overcommit_memory: 0 guess, 1 always, 2 never. */
  overcommitMemory: number;
  /** vm.overcommit_ratio in percent. */
  overcommitRatio: number;
  /** vm.overcommit_kbytes; when it is not 0 the ratio is ignored. */
  overcommitKbytes: number;
  /** vm.max_map_count. */
  maxMapCount: number;
  /** vm.admin_reserve_kbytes. */
  adminReserveKbytes: number;
  /** vm.user_reserve_kbytes. */
  userReserveKbytes: number;
  /** vm.mmap_min_addr in bytes (dac_mmap_min_addr). */
  mmapMinAddr: number;
  /** vm.legacy_va_layout. */
  legacyVaLayout: number;
  /** kernel.randomize_va_space. */
  randomizeVaSpace: number;
  /** vm.hugetlb_shm_group. */
  hugetlbShmGroup: number;
  /** vm.unprivileged_userfaultfd: 1: handling faults of the kernel by userfaultfd needs no CAP_SYS_PTRACE. */
  unprivilegedUserfaultfd: number;
}

/** The configuration of the recorded machines, for a page size of 4 KiB. */
export const DEFAULT_CONFIG: KernelConfig = {
  ksm: false,
  thp: false,
  memoryFailure: false,
  userShadowStack: false,
  swap: true,
  softDirty: false,
  msmAppSettings: null,
  lsmMmapMinAddr: 32768,
  stackGuardGapPages: 256,
  faultAroundBytes: 4096,
  splitRssCounting: false,
  hugePages: [{ size: 2 ** 21, pages: 0 }],
  ramBytes: 2 ** 30,
  numa: false,
  cpuEpan: false,
  cpuBti: false,
  cpuMte: false,
};

/** Returns a new set of sysctls with the kernel's boot values. */
export function defaultSysctls(): Sysctls {
  return {
    overcommitMemory: 0,
    overcommitRatio: 50,
    overcommitKbytes: 0,
    maxMapCount: 65530,
    adminReserveKbytes: 8192,
    userReserveKbytes: 131072,
    mmapMinAddr: 4096,
    legacyVaLayout: 0,
    randomizeVaSpace: 2,
    hugetlbShmGroup: 0,
    unprivilegedUserfaultfd: 0,
  };
}
