/** The machine of a replay in the page: here architecture, profile and drivers come together. */
import { createKernel, type Kernel } from '@vmarea/kernel';
import { Shmem } from '@vmarea/shmem';
import {
  kernelInit,
  machineOf,
  parseArchitecture,
  parseKernelName,
  parsePageSize,
  parseRlimits,
  parseSysctls,
  settleKernel,
  SituationError,
  type GivenFacts,
  type Situation,
} from '@vmarea/situation';
import { hugePages } from './lazy/huge-pages.ts';
import type { Settings } from './protocol.ts';

/** Puts the machine of a situation together, without memory behind it. */
export function buildMachine(situation: Situation): Kernel {
  const spec = machineOf(situation);
  const kernel = createKernel({
    ...kernelInit(spec),
    memory: false,
    hugePages: hugePages(),
    sharedMemory: (system) => new Shmem(system),
  });
  const refused = settleKernel(kernel, spec);
  if (refused !== null) throw new SituationError(`sysctl: ${refused[0]} cannot be «${refused[1]}»`);
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
