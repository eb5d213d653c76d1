/** The machine of a replay in the page: here architecture, profile and drivers come together. */
import { Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import { Shmem } from '@vmarea/shmem';
import {
  archOf,
  machineOf,
  parseArchitecture,
  parseKernelName,
  parsePageSize,
  parseRlimits,
  parseSysctls,
  SituationError,
  type GivenFacts,
  type Situation,
} from '@vmarea/situation';
import type { Settings } from './protocol.ts';

/** Puts the machine of a situation together, without memory behind it. */
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
  if (committed !== null) kernel.system.committedAs = pages(committed);
  // The pool of huge pages is a sysctl that the driver holds.
  for (const [name, value] of spec.sysctls) {
    if (!name.includes('hugepages')) continue;
    const task = kernel.spawn();
    const error = kernel.sysctl.write(task.cur, name, value);
    task.sys.exit(0);
    if (error < 0) throw new SituationError(`sysctl: ${name} cannot be «${value}»`);
  }
  return kernel;
}

/**
 * Facts that settings give.
 *
 * @throws SituationError for a value that cannot be
 */
export function factsOf(settings: Settings, base: GivenFacts): GivenFacts {
  const { kernel, arch, pageSize, vaBits, sysctl, rlimit } = settings;
  if (vaBits !== '' && !/^[0-9]{1,2}$/.test(vaBits.trim()))
    throw new SituationError(`address bits: «${vaBits}» is no number`);
  return {
    ...base,
    kernel: kernel === '' ? base.kernel : parseKernelName(kernel),
    architecture: arch === '' ? base.architecture : parseArchitecture(arch),
    pageSize: pageSize === '' ? base.pageSize : parsePageSize(pageSize),
    vaBits: vaBits === '' ? base.vaBits : Number(vaBits),
    sysctls: [...(base.sysctls ?? []), ...parseSysctls(sysctl)],
    limits: [...(base.limits ?? []), ...parseRlimits(rlimit)],
  };
}
