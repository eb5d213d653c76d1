import { createArm64 } from '@vmarea/arch-arm64';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel, type KernelInit, type Task } from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import { Shmem, tmpfs } from '@vmarea/shmem';
import { DEFAULT_CONFIG, LINUX_6_1 } from '@vmarea/uapi';
import { devfs } from '@vmarea/vfs';
import { expect } from 'vitest';

/** A machine of 64 MiB with everything plugged in. */
export function machine(init: Partial<KernelInit> = {}): Kernel {
  return createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: LINUX_6_1,
    config: { ...DEFAULT_CONFIG, ramBytes: 64 * 2 ** 20, hugePages: [{ size: 2 ** 21, pages: 2 }] },
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
    mounts: [
      { path: '/dev', filesystem: (system) => devfs(system) },
      { path: '/tmp', filesystem: (system) => tmpfs(system) },
      { path: '/noexec', filesystem: (system) => tmpfs(system), options: { noexec: true } },
      { path: '/huge', filesystem: (system) => hugetlbfs(system) },
    ],
    ...init,
  });
}

/** The invariants of every living address space hold. */
export function checkAll(kernel: Kernel): void {
  for (const task of kernel.tasks.values()) if (task.exitStatus === null) expect(validateMm(task.mm)).toEqual([]);
}

/** Ends every task and sees that all frames, VMAs and committed pages came back. */
export function expectNoLeaks(kernel: Kernel, frames: number): void {
  checkAll(kernel);
  kernel.shutdown();
  expect(kernel.system.vmAreaCachep.active).toBe(0);
  expect(kernel.memory!.frames.nrFree).toBe(frames);
}

/** The lines of maps without the fixed ones. */
export function maps(task: Task): string[] {
  return task.kernel.proc
    .maps(task)
    .trimEnd()
    .split('\n')
    .filter((line) => !/\[(stack|vvar|vdso)\]$/.test(line))
    .map((line) => line.trimEnd().replaceAll(/ +/g, ' '));
}
