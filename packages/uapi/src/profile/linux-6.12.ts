import { LINUX_6_1 } from './linux-6.1.ts';
import { deriveProfile, type KernelProfile } from './profile.ts';

/** Debian's 6.12 (6.12.117). */
export const LINUX_6_12: KernelProfile = deriveProfile(LINUX_6_1, 'linux-6.12', '6.12.117', {
  usualConfig: { splitRssCounting: false },
  layout: {
    specialLayout: '6.12',
    searchKeepsMinAddr: true,
    mapAbove4G: true,
    anonAlignsToPmd: true,
    alignedSearchTakesUpperEnd: true,
    sealsPageZero: true,
  },
  mmap: {
    fixedFailureKeepsOld: true,
    stackFlagNoHugepage: true,
    seal: true,
    droppable: true,
    denyWriteExec: true,
    policyModes: 7,
  },
  mprotect: {
    readOnlyUncharges: true,
  },
  madvise: {
    populateStopsAtHole: true,
    mergeAny: true,
  },
  files: {
    sealExec: true,
  },
  faults: {
    rssBatch: 32,
  },
  proc: {
    heapLabelOverlaps: true,
    procmapQuery: true,
    lockOnFaultShown: true,
  },
  hugetlb: {
    populateCountsFaults: true,
    restoresPrivateReserve: true,
  },
  merge: {
    expandsNextFirst: false,
    closeForbidsRemovalOnly: true,
  },
  userfault: {
    features: 0x1ffff,
    wpOnEveryArch: true,
    checksOffered: true,
    cutPartsMerge: true,
  },
});
