// The numbers of each machine, against the kernels' own: the address-space table of 4.4 and the bases that both kernels used.
import { createArm64, type MmapLayoutStyle, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import { describe, expect, it } from 'vitest';
import { machineName, machines } from './machine.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

function base(
  pageSize: PageSize,
  vaBits: VaBits,
  style: MmapLayoutStyle,
  stackLimit: number,
  { rnd = 0, legacy = false, randomize = false } = {},
): number {
  return createArm64({ pageSize, vaBits }).mmapLayout({
    style,
    stackLimit,
    rndBytes: rnd,
    legacy,
    randomize,
    stackGuardGapBytes: 256 * pageSize,
  });
}

describe('createArm64', () => {
  it.each([
    [4096, 39, 0x8000000000, 3, 18, 24, 0x3ffff],
    [4096, 48, 0x1000000000000, 4, 18, 33, 0x3ffff],
    [4096, 52, 0x10000000000000, 5, 18, 33, 0x3ffff],
    [16384, 36, 0x1000000000, 2, 16, 19, 0xffff],
    [16384, 47, 0x800000000000, 3, 16, 30, 0xffff],
    [16384, 48, 0x1000000000000, 4, 16, 31, 0xffff],
    [16384, 52, 0x10000000000000, 4, 16, 31, 0xffff],
    [65536, 42, 0x40000000000, 2, 14, 23, 0x3fff],
    [65536, 48, 0x1000000000000, 3, 14, 29, 0x3fff],
    [65536, 52, 0x10000000000000, 3, 14, 29, 0x3fff],
  ] as const)('%i/%i', (pageSize, vaBits, taskSize, levels, rndBits, rndBitsMax, stackRnd) => {
    const arch = createArm64({ pageSize, vaBits });
    // Everything but TASK_SIZE is computed from the default window, which ends at 2^48.
    const mapWindow = Math.min(taskSize, 2 ** 48);
    expect(arch).toMatchObject({
      name: 'arm64',
      pageSize,
      pageShift: Math.log2(pageSize),
      pageMask: pageSize - 1,
      vaBits,
      taskSize,
      mapWindow,
      stackTop: mapWindow,
      taskUnmappedBase: mapWindow / 4,
      elfEtDynBase: Number((BigInt(mapWindow) * 2n) / 3n),
      stackRndPages: stackRnd,
      mmapRndBits: rndBits,
      mmapRndBitsMax: rndBitsMax,
      levels,
      t0sz: 64 - vaBits,
    });
  });

  it('has the huge pages of each granule: contiguous pages, blocks, contiguous blocks', () => {
    const sizes = machines.map((arch) => [
      machineName(arch),
      arch.pmdSize / MiB,
      ...arch.hugeSizes.map((s) => s / MiB),
    ]);
    expect(sizes).toEqual([
      ['4K/39', 2, 1 / 16, 2, 32, 1024],
      ['4K/48', 2, 1 / 16, 2, 32, 1024],
      ['4K/52', 2, 1 / 16, 2, 32, 1024],
      ['16K/36', 32, 2, 32, 1024],
      ['16K/47', 32, 2, 32, 1024],
      ['16K/48', 32, 2, 32, 1024],
      ['16K/52', 32, 2, 32, 1024],
      ['64K/42', 512, 2, 512, 16384],
      ['64K/48', 512, 2, 512, 16384],
      ['64K/52', 512, 2, 512, 16384],
    ]);
  });

  it('refuses what Linux does not know, and names it', () => {
    const create = (pageSize: number, vaBits: number) => () =>
      createArm64({ pageSize: pageSize as PageSize, vaBits: vaBits as VaBits });
    expect(create(8192, 48)).toThrow(new RangeError('createArm64: pageSize 8192 is not one of 4096, 16384, 65536'));
    expect(create(4096, 42)).toThrow(new RangeError('createArm64: vaBits 42 is not one of 39, 48, 52 (pageSize 4096)'));
    expect(create(16384, 39)).toThrow(RangeError);
    expect(create(65536, 36)).toThrow(RangeError);
  });

  it('objects have one shape', () => {
    const keys = machines.map((arch) => Object.keys(arch).join());
    expect(new Set(keys).size).toBe(1);
  });
});

describe('offsetToPgoff', () => {
  it('takes page multiples, also negative registers, and refuses the rest with EINVAL', () => {
    const arch = createArm64({ pageSize: 16384, vaBits: 47 });
    expect(arch.offsetToPgoff(3 * 16384)).toBe(3);
    expect(arch.offsetToPgoff(4096)).toBe(-22);
    expect(arch.offsetToPgoff(2 ** 40)).toBe(2 ** 26);
    expect(arch.offsetToPgoff(-16384)).toBe(2 ** 50 - 1);
    expect(arch.offsetToPgoff(-1)).toBe(-22);
  });
});

describe('mmapLayout', () => {
  it.each([
    // page size, VA, 8 MiB stack; the base of a 4.4 kernel
    [4096, 39, 0x7fb8001000],
    [4096, 48, 0xffffb8001000],
    [16384, 36, 0xfb8004000],
    [16384, 47, 0x7fffb8004000],
    [16384, 48, 0xffffb8004000],
    [65536, 42, 0x3ffb8010000],
    [65536, 48, 0xffffb8010000],
  ] as const)(
    '4.4 leaves room for the random part of the stack, randomised or not: %i/%i',
    (pageSize, vaBits, expected) => {
      for (const limit of [64 * 1024, 8 * MiB, GiB]) {
        expect(base(pageSize, vaBits, 'arm64-4.4', limit)).toBe(expected);
        expect(base(pageSize, vaBits, 'arm64-4.4', limit, { randomize: true })).toBe(expected);
      }
    },
  );

  it('4.4 follows a larger stack limit, up to 5/6 of the address space', () => {
    expect(base(4096, 39, 'arm64-4.4', 2 * GiB)).toBe(0x7f80000000);
    expect(base(4096, 48, 'arm64-4.4', 2 * GiB)).toBe(0xffff80000000);
    expect(base(16384, 47, 'arm64-4.4', 0x80001800)).toBe(0x7fff80000000);
    expect(base(65536, 42, 'arm64-4.4', 0x80001800)).toBe(0x3ff80000000);
    expect(base(4096, 39, 'arm64-4.4', 0xf00000000000)).toBe(0x1555556000);
    expect(base(4096, 48, 'arm64-4.4', 0xf00000000000)).toBe(0x2aaaaaaab000);
    expect(base(16384, 47, 'arm64-4.4', 0x780000000000)).toBe(0x155555558000);
    expect(base(65536, 42, 'arm64-4.4', 0x3c000000000)).toBe(0xaaaaab0000);
  });

  it('6.1 pads the stack limit by the guard gap, between 128 MiB and 5/6 of the address space', () => {
    expect(base(4096, 48, 'generic-6.1', 64 * 1024)).toBe(0xfffff8000000);
    expect(base(4096, 48, 'generic-6.1', 8 * MiB)).toBe(0xfffff8000000);
    expect(base(4096, 48, 'generic-6.1', GiB)).toBe(0xffffbff00000);
    expect(base(4096, 48, 'generic-6.1', 0xf00000000000)).toBe(0x2aaaaaaab000);
  });

  it('6.1 adds the random part of the stack only when the process is randomised', () => {
    const rnd = 0x123456 * 4096;
    const stackRandom = 0x3ffff * 4096;
    expect(base(4096, 48, 'generic-6.1', 8 * MiB, { randomize: true, rnd })).toBe(
      2 ** 48 - (8 * MiB + MiB + stackRandom) - rnd,
    );
    expect(base(4096, 48, 'arm64-4.4', 8 * MiB, { randomize: true, rnd })).toBe(0xffffb8001000 - rnd);
  });

  it('legacy begins at a quarter of the address space', () => {
    for (const style of ['arm64-4.4', 'generic-6.1'] as const) {
      expect(base(4096, 48, style, Infinity, { legacy: true })).toBe(0x400000000000);
      expect(base(4096, 39, style, 8 * MiB, { legacy: true })).toBe(0x2000000000);
      expect(base(16384, 47, style, Infinity, { legacy: true })).toBe(0x200000000000);
      expect(base(65536, 42, style, Infinity, { legacy: true, rnd: 65536 })).toBe(0x10000010000);
    }
  });
});
