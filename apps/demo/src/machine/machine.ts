/**
 * The kernel of a replay, without memory, from a situation: here architecture, profile and drivers come together.
 */
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import type { Arch } from '@vmarea/mm-core';
import { Shmem } from '@vmarea/shmem';
import { isArm64, machineOf, type MachineSpec, type Situation } from '@vmarea/situation';
import { UsageError } from '../text/io.ts';

/** The architecture of a machine. One that is not modelled is stood in for by arm64 with addresses that reach as far. */
export function archOf(spec: MachineSpec): Arch {
  const own = spec.architecture === 'arm64';
  return createArm64({
    pageSize: (own ? spec.pageSize : 4096) as PageSize,
    vaBits: (own ? spec.vaBits : 48) as VaBits,
  });
}

/** Whether placement follows rules that are modelled; otherwise a replay takes addresses from the log. */
export function isModelled(situation: Situation): boolean {
  return isArm64(situation);
}

/** Puts the machine together. */
export function buildMachine(situation: Situation): Kernel {
  const spec = machineOf(situation);
  const arch = archOf(spec);
  const pages = (bytes: number): number => Math.floor(bytes / arch.pageSize);
  const { total, free, swap, committed } = spec.memory;
  const kernel = createKernel({
    arch,
    profile: spec.profile,
    config: spec.config,
    sysctl: { ...spec.sysctl },
    memory: false,
    ram: { totalPages: () => pages(total), guessFreePages: () => pages(free), swapPages: () => pages(swap) },
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
  });
  // What others had committed stays committed.
  if (committed !== null) kernel.system.committedAs = pages(committed);
  for (const [name, value] of spec.sysctls) setPool(kernel, name, value);
  return kernel;
}

/** The pool of huge pages is a sysctl that the drivers hold. */
function setPool(kernel: Kernel, name: string, value: string): void {
  if (!name.includes('hugepages')) return;
  const task = kernel.spawn();
  const error = kernel.sysctl.write(task.cur, name, value);
  task.sys.exit(0);
  if (error < 0) throw new UsageError(`--sysctl: ${name} cannot be «${value}»`);
}
