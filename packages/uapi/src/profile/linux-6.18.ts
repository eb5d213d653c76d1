import { LINUX_6_12 } from './linux-6.12.ts';
import { deriveProfile, type KernelProfile } from './profile.ts';

/** Linux 6.18 (6.18.44). */
export const LINUX_6_18: KernelProfile = deriveProfile(LINUX_6_12, 'linux-6.18', '6.18.44', {
  layout: {
    specialLayout: '6.18',
    zeroDeviceAlignsToPmd: true,
  },
  faults: {
    unmapDrainsBatches: false,
  },
  hugetlb: {
    searchesAsOthers: true,
  },
  merge: {
    faultedJoinsUnfaulted: true,
  },
  tasks: {
    thpDisableExceptAdvised: true,
  },
  mremap: {
    checksArgumentsFirst: true,
    movesManyVmas: true,
    dontunmapCountsLocked: true,
    dontunmapJoinsSource: true,
  },
});
