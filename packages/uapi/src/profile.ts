/**
 * What a kernel version does: every difference that a program can see, as a named switch.
 *
 * Nothing here is about how a kernel was built or booted (see config.ts) nor about limits that change at run time. The
 * code asks for the switch, never for the version.
 */

/** A kernel version as data. Each switch says what is true when it is `true`. */
export interface KernelProfile {
  /** The profile's name, as `--kernel` takes it. */
  readonly name: 'msm-4.4' | 'linux-6.1';
  /** What `uname -r` would begin with. */
  readonly release: string;

  // --- address-space layout
  /** Which rule gives mmap_base: arm64's own (the stack's random range always counts) or the generic one. */
  readonly mmapLayout: 'arm64-4.4' | 'generic-6.1';
  /** Huge pages are searched bottom-up from TASK_UNMAPPED_BASE whatever the layout; otherwise they follow it. */
  readonly hugetlbBottomUp: boolean;
  /** Exec sets READ_IMPLIES_EXEC for a program that does not say that its stack needs no EXEC. */
  readonly execReadImpliesExec: boolean;
  /** An ET_DYN program is aligned to the largest p_align of its segments. */
  readonly elfAlignsToSegment: boolean;
  /** Pages of [vvar]. */
  readonly vvarPages: number;
  /** Splitting a special mapping ([vvar], [vdso]) is refused with EINVAL. */
  readonly specialMappingRefusesSplit: boolean;
  /** Program segments carry VM_DENYWRITE, and MAP_DENYWRITE is a VMA flag when the kernel itself maps. */
  readonly denywriteVmas: boolean;
  /** VM_DATA_DEFAULT_FLAGS (heap and stack) contains VM_MTE_ALLOWED, which keeps mmap's memory from merging with them. */
  readonly dataDefaultMteAllowed: boolean;

  // --- mmap
  /** A negative file offset is shifted as a signed number, so the page offset can be 2^64 - 1 and overflow. */
  readonly offsetShiftArithmetic: boolean;
  /** MAP_SHARED_VALIDATE exists. */
  readonly mapSharedValidate: boolean;
  /** MAP_FIXED_NOREPLACE exists. */
  readonly mapFixedNoreplace: boolean;
  /** Mandatory file locks refuse shared mappings. */
  readonly mandatoryLocks: boolean;
  /** A driver's failing mmap leaves the pages of a private writable mapping charged for ever. */
  readonly failedMmapLeaksCommit: boolean;
  /** mmap_region looks at both neighbours itself, the next first, so a new area joins the next of two that differ. */
  readonly mmapExpandsNextFirst: boolean;
  /** Where a driver's mmap changed the flags and something is mapped below, mmap_region tries once more to merge. */
  readonly mmapRetriesMerge: boolean;
  /** A driver that moves its mapping is refused with EINVAL; otherwise it is warned of once. */
  readonly mmapRefusesMovedVma: boolean;
  /** A shared read-only mapping through a writable descriptor of a write-sealed memfd is allowed (without MAYWRITE). */
  readonly sealedSharedReadonlyAllowed: boolean;
  /** mmap honours PROT_BTI and PROT_MTE when the CPU has them. */
  readonly protBtiMte: boolean;

  // --- limits
  /** RLIMIT_DATA also covers private writable mappings, not only brk. */
  readonly rlimitDataCoversMappings: boolean;
  /** Overcommit mode 0 compares with free memory; otherwise with all RAM and swap. */
  readonly overcommitGuessFree: boolean;
  /** data_vm exists, exec_vm counts every executable mapping; otherwise shared_vm counts file mappings. */
  readonly statDataVm: boolean;

  // --- brk
  /** brk merges with both neighbours through vma_merge; otherwise it only extends the heap's own VMA. */
  readonly brkMergesThroughVmaMerge: boolean;

  // --- mprotect
  /** READ_IMPLIES_EXEC adds PROT_EXEC in mprotect only where the mapping may become executable. */
  readonly mprotectRieNeedsMayexec: boolean;

  // --- mremap
  /** The source VMA is looked up before anything else. */
  readonly mremapLooksUpFirst: boolean;
  /** Growing in place merges with a following VMA that it comes to touch. */
  readonly mremapGrowMerges: boolean;
  /** old_len 0 on private memory makes a second mapping (and loses accounting); otherwise EINVAL. */
  readonly mremapDuplicatesPrivate: boolean;
  /** MREMAP_DONTUNMAP exists. */
  readonly mremapDontunmap: boolean;
  /** Huge pages can be moved and shrunk by mremap. */
  readonly mremapHugetlb: boolean;
  /** A fixed destination is refused early when the map count is near its limit. */
  readonly mremapFixedChecksMapCount: boolean;

  // --- mlock
  /** mlock counts pages of the range that are locked already only once. */
  readonly mlockCountsOnce: boolean;
  /** Changing LOCKED to LOCKED|LOCKONFAULT or back counts the pages again. */
  readonly mlockOnfaultCountsTwice: boolean;
  /** mlockall(MCL_ONFAULT) alone is accepted and unlocks everything. */
  readonly mlockallOnfaultAlone: boolean;

  // --- madvise
  /** The advice values that exist beside those of the configuration (KSM, THP, memory failure). */
  readonly madvice: readonly number[];
  /** MADV_REMOVE needs VM_MAYWRITE only; otherwise VM_WRITE. */
  readonly madviseRemoveMaywrite: boolean;
  /** MADV_DONTNEED works on huge pages. */
  readonly madviseDontneedHugetlb: boolean;
  /** MADV_DODUMP works on huge pages. */
  readonly madviseDodumpHugetlb: boolean;
  /** What PR_SET_VMA_ANON_NAME stores: the caller's pointer, or a copy of the text. */
  readonly madviseAnonNames: 'pointer' | 'text';

  // --- stack growth
  /** A stack cannot grow to within the guard gap of address zero. */
  readonly stackGapAtZero: boolean;

  // --- files
  /** F_SEAL_FUTURE_WRITE exists. */
  readonly sealFutureWrite: boolean;
  /** MFD_HUGETLB exists. */
  readonly memfdHugetlb: boolean;
  /** tmpfs knows FS_IOC_SETFLAGS. */
  readonly tmpfsSetflags: boolean;
  /** mincore tells about file pages only to the file's owner or a writer. */
  readonly mincoreNeedsOwner: boolean;

  // --- memory and /proc
  /** Write-protect faults reuse a page when it is exclusive to this mapping (PG_anon_exclusive), not by map count. */
  readonly anonExclusive: boolean;
  /** anon_vma_clone reuses an anon_vma of degree below 2, even one that a VMA still uses (fixed in 6.0). */
  readonly anonVmaReuseByDegree: boolean;
  /** A fault that ends in a signal counts as a minor fault too. */
  readonly faultCountsFailures: boolean;
  /** The last-level table is made once there is a page for it; otherwise before the file is asked. */
  readonly faultTablesLate: boolean;
  /** get_user_pages (process_vm_readv and the like) lets a stack grow. */
  readonly gupExpandsStack: boolean;
  /** Populating VM_LOCKONFAULT memory still looks at the permissions (mlock2 of PROT_NONE: ENOMEM). */
  readonly populateChecksLockOnFault: boolean;
  /** VmPTE counts tables of every level below the pgd; otherwise leaf tables only. */
  readonly vmPteAllLevels: boolean;
  /** status has RssAnon, RssFile and RssShmem. */
  readonly statusRssDetail: boolean;
  /** All huge page sizes of the architecture are registered, with empty pools. */
  readonly allHugeSizes: boolean;
}

const COMMON_ADVICE: readonly number[] = [0, 1, 2, 3, 4, 9, 10, 11, 16, 17];

/** The reference: Android's msm-4.4 (4.4.148) on arm64. */
export const MSM_4_4: KernelProfile = {
  name: 'msm-4.4',
  release: '4.4.148',
  mmapLayout: 'arm64-4.4',
  hugetlbBottomUp: true,
  execReadImpliesExec: true,
  elfAlignsToSegment: false,
  vvarPages: 1,
  specialMappingRefusesSplit: false,
  denywriteVmas: true,
  dataDefaultMteAllowed: false,
  offsetShiftArithmetic: true,
  mapSharedValidate: false,
  mapFixedNoreplace: false,
  mandatoryLocks: true,
  failedMmapLeaksCommit: true,
  mmapExpandsNextFirst: false,
  mmapRetriesMerge: false,
  mmapRefusesMovedVma: false,
  sealedSharedReadonlyAllowed: false,
  protBtiMte: false,
  rlimitDataCoversMappings: false,
  overcommitGuessFree: true,
  statDataVm: false,
  brkMergesThroughVmaMerge: true,
  mprotectRieNeedsMayexec: false,
  mremapLooksUpFirst: false,
  mremapGrowMerges: false,
  mremapDuplicatesPrivate: true,
  mremapDontunmap: false,
  mremapHugetlb: false,
  mremapFixedChecksMapCount: false,
  mlockCountsOnce: false,
  mlockOnfaultCountsTwice: true,
  mlockallOnfaultAlone: true,
  madvice: COMMON_ADVICE,
  madviseRemoveMaywrite: false,
  madviseDontneedHugetlb: false,
  madviseDodumpHugetlb: false,
  madviseAnonNames: 'pointer',
  stackGapAtZero: true,
  sealFutureWrite: false,
  memfdHugetlb: false,
  tmpfsSetflags: false,
  mincoreNeedsOwner: false,
  anonExclusive: false,
  faultCountsFailures: true,
  faultTablesLate: false,
  gupExpandsStack: true,
  populateChecksLockOnFault: true,
  anonVmaReuseByDegree: true,
  vmPteAllLevels: false,
  statusRssDetail: false,
  allHugeSizes: false,
};

/** Debian's 6.1 (6.1.0-arm64). */
export const LINUX_6_1: KernelProfile = {
  name: 'linux-6.1',
  release: '6.1.0',
  mmapLayout: 'generic-6.1',
  hugetlbBottomUp: false,
  execReadImpliesExec: false,
  elfAlignsToSegment: true,
  vvarPages: 2,
  specialMappingRefusesSplit: true,
  denywriteVmas: false,
  dataDefaultMteAllowed: true,
  offsetShiftArithmetic: false,
  mapSharedValidate: true,
  mapFixedNoreplace: true,
  mandatoryLocks: false,
  failedMmapLeaksCommit: false,
  mmapExpandsNextFirst: true,
  mmapRetriesMerge: true,
  mmapRefusesMovedVma: true,
  sealedSharedReadonlyAllowed: true,
  protBtiMte: true,
  rlimitDataCoversMappings: true,
  overcommitGuessFree: false,
  statDataVm: true,
  brkMergesThroughVmaMerge: false,
  mprotectRieNeedsMayexec: true,
  mremapLooksUpFirst: true,
  mremapGrowMerges: true,
  mremapDuplicatesPrivate: false,
  mremapDontunmap: true,
  mremapHugetlb: true,
  mremapFixedChecksMapCount: true,
  mlockCountsOnce: true,
  mlockOnfaultCountsTwice: false,
  mlockallOnfaultAlone: false,
  madvice: [...COMMON_ADVICE, 8, 18, 19, 20, 21, 22, 23, 24, 25],
  madviseRemoveMaywrite: true,
  madviseDontneedHugetlb: true,
  madviseDodumpHugetlb: true,
  madviseAnonNames: 'text',
  stackGapAtZero: false,
  sealFutureWrite: true,
  memfdHugetlb: true,
  tmpfsSetflags: true,
  mincoreNeedsOwner: true,
  anonExclusive: true,
  faultCountsFailures: false,
  faultTablesLate: true,
  gupExpandsStack: false,
  populateChecksLockOnFault: false,
  anonVmaReuseByDegree: false,
  vmPteAllLevels: true,
  statusRssDetail: true,
  allHugeSizes: true,
};

/** The profiles by name. */
export const PROFILES: Readonly<Record<KernelProfile['name'], KernelProfile>> = {
  'msm-4.4': MSM_4_4,
  'linux-6.1': LINUX_6_1,
};
