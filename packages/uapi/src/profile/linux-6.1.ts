import { MSM_4_4 } from './msm-4.4.ts';
import { deriveProfile, type KernelProfile } from './profile.ts';

/** Debian's 6.1 (6.1.0-arm64). */
export const LINUX_6_1: KernelProfile = deriveProfile(MSM_4_4, 'linux-6.1', '6.1.0', {
  usualVaBits: 48,
  usualConfig: { ksm: true, thp: true, memoryFailure: true, splitRssCounting: true, faultAroundBytes: 65536 },
  layout: {
    mmapLayout: 'generic-6.1',
    execReadImpliesExec: false,
    elfAlignsToSegment: true,
    specialLayout: '6.1',
    specialMappingRefusesSplit: true,
    denywriteVmas: false,
    dataDefaultMteAllowed: true,
    filesAlignToPmd: true,
  },
  mmap: {
    offsetShiftArithmetic: false,
    sharedValidate: true,
    fixedNoreplace: true,
    failureLeaksCommit: false,
    refusesMovedVma: true,
    protBtiMte: true,
    untagsAddresses: true,
  },
  merge: {
    expandsNextFirst: true,
    retriesAfterDriver: true,
    anonVmaReuseByDegree: false,
  },
  limits: {
    dataCoversMappings: true,
    overcommitGuessFree: false,
    statDataVm: true,
    bootMemlock: 8 * 1024 * 1024,
  },
  brk: {
    mergesThroughVmaMerge: false,
  },
  mprotect: {
    rieNeedsMayexec: true,
  },
  mremap: {
    looksUpFirst: true,
    growMerges: true,
    duplicatesPrivate: false,
    dontunmap: true,
    hugetlb: true,
    fixedChecksMapCount: true,
  },
  mlock: {
    countsOnce: true,
    onfaultCountsTwice: false,
    allOnfaultAlone: false,
  },
  madvise: {
    values: [...MSM_4_4.madvise.values, 8, 18, 19, 20, 21, 22, 23, 24, 25],
    removeMaywrite: true,
    dontneedHugetlb: true,
    dodumpHugetlb: true,
    anonNames: 'text',
  },
  files: {
    mandatoryLocks: false,
    sealedSharedReadonly: true,
    sealFutureWrite: true,
    memfdHugetlb: true,
    tmpfsSetflags: true,
    mincoreNeedsOwner: true,
    readCachesPageAtEnd: false,
  },
  faults: {
    stackGapAtZero: false,
    anonExclusive: true,
    countsFailures: false,
    tablesLate: true,
    gupExpandsStack: false,
    populateChecksLockOnFault: false,
  },
  proc: {
    vmPteAllLevels: true,
    statusRssDetail: true,
    denywriteShown: false,
    vmArch1Name: 'bt',
  },
  hugetlb: {
    bottomUp: false,
    allSizes: true,
    seals: true,
    zeroesPartialPages: true,
    forkCopiesAll: false,
    remembersUsedReserves: true,
    checksOffsetOverflow: true,
  },
  userfault: {
    features: 0x1fff,
  },
  ipc: {
    cyclicIndexes: true,
    staleIdIsInvalid: true,
    statAny: true,
    hugeNeedsGroup: true,
  },
});
