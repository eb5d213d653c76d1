/** How much memory a machine gets that asks for none, and when it can get any. */
import { createArm64 } from '@vmarea/arch-arm64';
import { createMm, MmSystem } from '@vmarea/mm-core';
import { createMemory, DEFAULT_MEMORY_BYTES } from '@vmarea/mm-core/memory';
import { DEFAULT_CONFIG, LINUX_6_1, MisuseError } from '@vmarea/uapi';
import { expect, it } from 'vitest';
import { createKernel, type KernelInit } from '../src/index.ts';

const arch = createArm64({ pageSize: 4096, vaBits: 48 });
const init: KernelInit = { arch, profile: LINUX_6_1, config: DEFAULT_CONFIG };
const bytesOf = (more: Partial<KernelInit>): number => createKernel({ ...init, ...more }).memory!.physical.bytes;

it('is 64 MiB, less where the machine has less, more where it is asked for', () => {
  expect(DEFAULT_MEMORY_BYTES).toBe(2 ** 26);
  expect(bytesOf({})).toBe(2 ** 26);
  expect(bytesOf({ config: { ...DEFAULT_CONFIG, ramBytes: 2 ** 23 } })).toBe(2 ** 23);
  expect(bytesOf({ memory: { bytes: 2 ** 27 } })).toBe(2 ** 27);
  expect(bytesOf({ memory: { buffer: new ArrayBuffer(2 ** 22) } })).toBe(2 ** 22);
});

it('is plugged in once, before the first address space', () => {
  const system = new MmSystem(init);
  createMemory(system, { bytes: 2 ** 22 });
  expect(() => createMemory(system, { bytes: 2 ** 22 })).toThrow('createMemory: system has memory already');
  const late = new MmSystem(init);
  createMm(late);
  expect(() => createMemory(late, { bytes: 2 ** 22 })).toThrow(MisuseError);
});
