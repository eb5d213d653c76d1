/**
 * The kernel of a replay, without memory, from the options of the command line: here architecture, profile and drivers come together.
 */
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import { HUGETLB_DECISION_BASE, HUGETLB_REASONS, Hugetlb } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel } from '@vmarea/kernel';
import type { DriverCatalogue } from '@vmarea/replay';
import { SHMEM_DECISION_BASE, SHMEM_REASONS, Shmem } from '@vmarea/shmem';
import { DEFAULT_CONFIG, EACCES, ENOENT, type KernelProfile } from '@vmarea/uapi';
import { UsageError } from '../text/io.ts';

/** What a machine is asked to be. */
export interface MachineOptions {
  readonly profile: KernelProfile;
  readonly vaBits: number;
  readonly pageSize: number;
  /** NAME=VALUE pairs. */
  readonly sysctls: readonly (readonly [string, string])[];
  /** kB by name; null when no file was given. */
  readonly meminfo: ReadonlyMap<string, number> | null;
}

/** Why the drivers of these machines refuse. */
export const CATALOGUES: readonly DriverCatalogue[] = [
  { base: SHMEM_DECISION_BASE, reasons: SHMEM_REASONS },
  { base: HUGETLB_DECISION_BASE, reasons: HUGETLB_REASONS },
];

/** Bytes of RAM where no meminfo is given. */
const DEFAULT_RAM = 2 ** 31;

/** Puts the machine together. */
export function buildMachine(options: MachineOptions): Kernel {
  const { profile, meminfo, pageSize, vaBits } = options;
  let arch;
  try {
    arch = createArm64({ pageSize: pageSize as PageSize, vaBits: vaBits as VaBits });
  } catch (error) {
    throw new UsageError(
      `--va-bits ${vaBits} with --page-size ${pageSize}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const kernel = createKernel({
    arch,
    profile,
    config: {
      ...DEFAULT_CONFIG,
      ...profile.usualConfig,
      hugePages: [{ size: arch.pmdSize, pages: 0 }],
      ramBytes: meminfo === null ? DEFAULT_RAM : meminfo.get('MemTotal')! * 1024,
    },
    memory: false,
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
  });
  if (meminfo !== null) useMeminfo(kernel, meminfo);
  useSysctls(kernel, options.sysctls);
  return kernel;
}

function useMeminfo(kernel: Kernel, meminfo: ReadonlyMap<string, number>): void {
  const { system } = kernel;
  const pages = (name: string): number => Math.floor(((meminfo.get(name) ?? 0) * 1024) / system.pageSize);
  const free = pages('MemFree') + pages('Cached') + pages('SReclaimable');
  system.ram = {
    totalPages: () => pages('MemTotal'),
    guessFreePages: () => free,
    swapPages: () => pages('SwapTotal'),
  };
  // What others had committed stays committed.
  system.committedAs = pages('Committed_AS');
}

function useSysctls(kernel: Kernel, sysctls: MachineOptions['sysctls']): void {
  if (sysctls.length === 0) return;
  const task = kernel.spawn();
  for (const [name, value] of sysctls) {
    const error = kernel.sysctl.write(task.cur, name, value);
    if (error === -ENOENT || error === -EACCES) {
      const names = kernel.sysctl.names().map((known) => known.replaceAll('/', '.'));
      throw new UsageError(`--sysctl: there is no «${name}»; there are ${names.sort().join(', ')}`);
    }
    if (error < 0) throw new UsageError(`--sysctl: ${name} cannot be «${value}»`);
  }
  task.sys.exit(0);
}
