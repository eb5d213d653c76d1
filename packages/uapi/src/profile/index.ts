/**
 * The kernel profiles. `facts/` has the facts by concern; each other file is one kernel, derived from an older one by naming
 * the differences.
 */
import { LINUX_6_1 } from './linux-6.1.ts';
import { LINUX_6_12 } from './linux-6.12.ts';
import { LINUX_6_18 } from './linux-6.18.ts';
import { MSM_4_4 } from './msm-4.4.ts';
import type { KernelName, KernelProfile } from './profile.ts';

export type { LayoutFacts } from './facts/layout.ts';
export type { MmapFacts } from './facts/mmap.ts';
export type { MergeFacts } from './facts/merge.ts';
export type { LimitsFacts } from './facts/limits.ts';
export type { BrkFacts } from './facts/brk.ts';
export type { MprotectFacts } from './facts/mprotect.ts';
export type { MremapFacts } from './facts/mremap.ts';
export type { MlockFacts } from './facts/mlock.ts';
export type { MadviseFacts } from './facts/madvise.ts';
export type { FilesFacts } from './facts/files.ts';
export type { FaultsFacts } from './facts/faults.ts';
export type { ProcFacts } from './facts/proc.ts';
export type { HugetlbFacts } from './facts/hugetlb.ts';
export type { UserfaultFacts } from './facts/userfault.ts';
export type { IpcFacts } from './facts/ipc.ts';
export type { TasksFacts } from './facts/tasks.ts';
export { deriveProfile, type KernelName, type KernelProfile, type ProfileDifferences } from './profile.ts';
export { LINUX_6_1, LINUX_6_12, LINUX_6_18, MSM_4_4 };

/** The profiles by name, oldest first. */
export const PROFILES: Readonly<Record<KernelName, KernelProfile>> = {
  'msm-4.4': MSM_4_4,
  'linux-6.1': LINUX_6_1,
  'linux-6.12': LINUX_6_12,
  'linux-6.18': LINUX_6_18,
};
