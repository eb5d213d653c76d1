/**
 * The kernel of a replay, without memory, from a situation: here architecture, profile and drivers come together.
 */
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import { Shmem } from '@vmarea/shmem';
import { archOf, machineOf, type Situation } from '@vmarea/situation';
import { UsageError } from '../text/io.ts';

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
