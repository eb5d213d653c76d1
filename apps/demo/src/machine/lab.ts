/**
 * A machine with one of everything, for explain, tour and the tests: both shared-memory drivers, every filesystem.
 */
import { filesOf, ReasonBook, setStage, type MachineMaker, type Stage } from '@vmarea/explain';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { createKernel, type KernelInit } from '@vmarea/kernel';
import type { MmSystem } from '@vmarea/mm-core';
import { Shmem, tmpfs } from '@vmarea/shmem';
import { kernelInit, type Situation } from '@vmarea/situation';
import { devfs, procfs, ramfs, type SuperBlock } from '@vmarea/vfs';
import { UsageError } from '../text/io.ts';

/**
 * The reasons of all packages: this module loads the drivers, whose reasons are in the table then.
 *
 * @param situation of the kernel whose line numbers are shown, where the table has them for it
 */
export function reasonBook(situation?: Situation): ReasonBook {
  return new ReasonBook(situation?.kernel.value);
}

function lockable(system: MmSystem): SuperBlock {
  const sb = tmpfs(system);
  sb.mandatoryLocks = true;
  return sb;
}

/** Filesystems and drivers of the machine: /ram, /tmp, both once more without execution, /huge, /dev, /proc. */
export function labDrivers(): Pick<KernelInit, 'hugePages' | 'sharedMemory' | 'mounts'> {
  return {
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
    mounts: [
      { path: '/dev', filesystem: (system) => devfs(system, { mem: {} }) },
      { path: '/proc', filesystem: procfs },
      { path: '/ram', filesystem: (system) => ramfs(system) },
      { path: '/ram-noexec', filesystem: (system) => ramfs(system), options: { noexec: true } },
      { path: '/tmp', filesystem: lockable },
      { path: '/tmp-noexec', filesystem: lockable, options: { noexec: true } },
      { path: '/dev/shm', filesystem: lockable },
      { path: '/huge', filesystem: (system) => hugetlbfs(system) },
    ],
  };
}

/** Bytes of memory behind the mappings beside the huge pages, at least, where calls touch them. */
const MEMORY_BYTES = 2 ** 27;

/**
 * Bytes of memory for a machine with a pool: whole huge pages, so that those of the pool can be had beside what else is in
 * use. A huge page is an aligned block, and everything else breaks up at least one.
 */
export function memoryBytes(pools: readonly { readonly size: number; readonly pages: number }[]): number {
  const largest = pools.reduce((size, pool) => Math.max(size, pool.size), 1);
  const pool = pools.reduce((sum, { size, pages }) => sum + size * pages, 0);
  return Math.ceil(MEMORY_BYTES / largest) * largest + pool;
}

/** Makes a machine as explain wants it. */
export const makeMachine: MachineMaker = (spec, { memory }) => {
  return createKernel({
    ...kernelInit(spec),
    memory: memory ? { bytes: memoryBytes(spec.config.hugePages) } : false,
    ...labDrivers(),
  });
};

/**
 * A machine with memory and a task in it, as a situation describes them.
 *
 * @throws UsageError for a file or a map of the situation that cannot be made
 */
export function stageFor(situation: Situation, comm: string): Stage {
  try {
    const stage = setStage(makeMachine, { situation, files: filesOf(situation), needs: { memory: true } });
    stage.task.comm = comm;
    return stage;
  } catch (error) {
    if (error instanceof Error && error.name === 'ScriptError') throw new UsageError(error.message);
    throw error;
  }
}
