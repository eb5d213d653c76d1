/**
 * The kernel of a replay, without memory, from a situation: here architecture, profile and drivers come together.
 */
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import { Shmem } from '@vmarea/shmem';
import { kernelInit, machineOf, settleKernel, type Situation } from '@vmarea/situation';
import { UsageError } from '../text/io.ts';

/** Puts the machine together. */
export function buildMachine(situation: Situation): Kernel {
  const spec = machineOf(situation);
  const kernel = createKernel({
    ...kernelInit(spec),
    memory: false,
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
  });
  const refused = settleKernel(kernel, spec);
  if (refused !== null) throw new UsageError(`--sysctl: ${refused[0]} cannot be «${refused[1]}»`);
  return kernel;
}
