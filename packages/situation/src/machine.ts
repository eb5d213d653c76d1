/**
 * The parts of a kernel that a machine decides. The caller adds drivers, file systems and memory.
 */
import type { Kernel, KernelInit } from '@vmarea/kernel';
import { archOf } from './arch.ts';
import type { MachineSpec } from './situation.ts';

/** What {@link kernelInit} gives `createKernel`. */
export type MachineInit = Pick<KernelInit, 'arch' | 'profile' | 'config' | 'sysctl' | 'ram'>;

/**
 * Returns what `createKernel` needs of a machine: architecture, version, configuration, sysctls and the RAM counters.
 *
 * @throws RangeError when an architecture is not built with these pages and address bits
 */
export function kernelInit(spec: MachineSpec): MachineInit {
  const { total, free, swap } = spec.memory;
  const pages = (bytes: number): number => Math.floor(bytes / spec.pageSize);
  return {
    arch: archOf(spec),
    profile: spec.profile,
    config: spec.config,
    sysctl: { ...spec.sysctl },
    ram: { totalPages: () => pages(total), guessFreePages: () => pages(free), swapPages: () => pages(swap) },
  };
}

/**
 * Gives a new kernel what a situation says beyond {@link kernelInit}: the memory that others have committed, and the pool of
 * huge pages, which is a sysctl of the driver.
 *
 * @returns the name and the value of a sysctl that the driver refuses; null when it takes all
 */
export function settleKernel(kernel: Kernel, spec: MachineSpec): readonly [name: string, value: string] | null {
  const { committed } = spec.memory;
  if (committed !== null) kernel.system.committedAs = Math.floor(committed / kernel.system.pageSize);
  for (const [name, value] of spec.sysctls) {
    if (!name.includes('hugepages')) continue;
    const task = kernel.spawn();
    const error = kernel.sysctl.write(task.cur, name, value);
    task.sys.exit(0);
    if (error < 0) return [name, value];
  }
  return null;
}
