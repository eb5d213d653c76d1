/**
 * The behaviour of a kernel version: every difference that a program can see, as a named fact, grouped by concern.
 *
 * Not here: how a kernel was built or booted (config.ts), nor limits that change at run time. Code reads a fact, never a
 * version, and never compares profiles: a copy of a profile behaves as the profile does.
 */
import type { LayoutFacts } from './facts/layout.ts';
import type { MmapFacts } from './facts/mmap.ts';
import type { MergeFacts } from './facts/merge.ts';
import type { LimitsFacts } from './facts/limits.ts';
import type { KernelConfig } from '../config.ts';
import type { BrkFacts } from './facts/brk.ts';
import type { MprotectFacts } from './facts/mprotect.ts';
import type { MremapFacts } from './facts/mremap.ts';
import type { MlockFacts } from './facts/mlock.ts';
import type { MadviseFacts } from './facts/madvise.ts';
import type { FilesFacts } from './facts/files.ts';
import type { FaultsFacts } from './facts/faults.ts';
import type { ProcFacts } from './facts/proc.ts';
import type { HugetlbFacts } from './facts/hugetlb.ts';
import type { UserfaultFacts } from './facts/userfault.ts';
import type { IpcFacts } from './facts/ipc.ts';
import type { TasksFacts } from './facts/tasks.ts';

/** The kernels that ship as profiles: the values of `--kernel`. */
export type KernelName = 'msm-4.4' | 'linux-6.1' | 'linux-6.12' | 'linux-6.18';

/** A kernel version as data. */
export interface KernelProfile {
  /** The profile's name, for messages only. */
  readonly name: KernelName;
  /** The beginning of `uname -r`. */
  readonly release: string;
  /** The usual build and boot configuration of this version: Debian's, or Android's for msm-4.4. */
  readonly usualConfig: Partial<KernelConfig>;
  /** The usual address bits of this version on arm64 with 4 KiB pages. */
  readonly usualVaBits: 39 | 48;
  readonly layout: LayoutFacts;
  readonly mmap: MmapFacts;
  readonly merge: MergeFacts;
  readonly limits: LimitsFacts;
  readonly brk: BrkFacts;
  readonly mprotect: MprotectFacts;
  readonly mremap: MremapFacts;
  readonly mlock: MlockFacts;
  readonly madvise: MadviseFacts;
  readonly files: FilesFacts;
  readonly faults: FaultsFacts;
  readonly proc: ProcFacts;
  readonly hugetlb: HugetlbFacts;
  readonly userfault: UserfaultFacts;
  readonly ipc: IpcFacts;
  readonly tasks: TasksFacts;
}

/** The facts in which a profile differs from another, group by group. */
export type ProfileDifferences = {
  readonly [G in Exclude<keyof KernelProfile, 'name' | 'release' | 'usualVaBits'>]?: Partial<KernelProfile[G]>;
} & { readonly usualVaBits?: 39 | 48 };

/**
 * Returns a copy of `base` with the named differences.
 *
 * @param base the profile to start from; it is not changed
 */
export function deriveProfile(
  base: KernelProfile,
  name: KernelName,
  release: string,
  differences: ProfileDifferences,
): KernelProfile {
  return {
    name,
    release,
    usualVaBits: differences.usualVaBits ?? base.usualVaBits,
    usualConfig: { ...base.usualConfig, ...differences.usualConfig },
    layout: { ...base.layout, ...differences.layout },
    mmap: { ...base.mmap, ...differences.mmap },
    merge: { ...base.merge, ...differences.merge },
    limits: { ...base.limits, ...differences.limits },
    brk: { ...base.brk, ...differences.brk },
    mprotect: { ...base.mprotect, ...differences.mprotect },
    mremap: { ...base.mremap, ...differences.mremap },
    mlock: { ...base.mlock, ...differences.mlock },
    madvise: { ...base.madvise, ...differences.madvise },
    files: { ...base.files, ...differences.files },
    faults: { ...base.faults, ...differences.faults },
    proc: { ...base.proc, ...differences.proc },
    hugetlb: { ...base.hugetlb, ...differences.hugetlb },
    userfault: { ...base.userfault, ...differences.userfault },
    ipc: { ...base.ipc, ...differences.ipc },
    tasks: { ...base.tasks, ...differences.tasks },
  };
}
