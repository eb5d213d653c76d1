/** The heap of a task that has executed no program: there is none until somebody places one. */
import { createArm64 } from '@vmarea/arch-arm64';
import { validateMm } from '@vmarea/mm-core';
import { describeReason } from '@vmarea/mm-core/reasons';
import { DEFAULT_CONFIG, LINUX_6_1, MisuseError, MSM_4_4 } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { createKernel, type Kernel } from '../src/index.ts';

const boot = (profile = LINUX_6_1): Kernel =>
  createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile,
    config: DEFAULT_CONFIG,
    memory: { bytes: 2 ** 22 },
  });

describe.each([LINUX_6_1, MSM_4_4])('a task without a program on $name', (profile) => {
  it('has no heap: brk maps nothing at address 0 and says why', () => {
    const task = boot(profile).spawn();
    expect(task.brk(0)).toBe(0);
    expect(task.sys.brk(0x5000)).toBe(0);
    expect(describeReason(task.cur.call.reason)?.id).toBe('brk.no_heap');
    expect(task.memory.load8(0)).toBe(-1);
    validateMm(task.mm);
  });

  it('has one where it is placed', () => {
    const kernel = boot(profile);
    const task = kernel.spawn();
    task.setHeap(0x30000010);
    expect(task.brk(0)).toBe(0x30000010);
    expect(task.brk(0x30002000)).toBe(0x30002000);
    expect(kernel.proc.maps(task)).toMatch(/^30001000-30002000 rw-p .*\[heap\]$/m);
    expect(task.sys.brk(0x30000000)).toBe(0x30002000);
    validateMm(task.mm);
  });

  it.each([0, -4096, 0.5, NaN, 2 ** 52])('refuses a heap at %s', (start) => {
    const task = boot(profile).spawn();
    expect(() => {
      task.setHeap(start);
    }).toThrow(MisuseError);
  });
});
