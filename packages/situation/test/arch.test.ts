/** From the facts of a machine to what the kernel asks of its architecture. */
import { describe, expect, it } from 'vitest';
import { archOf, assumed, defaultSituation, isModelled, machineOf, type Architecture } from '../src/index.ts';

describe('archOf', () => {
  it.each([
    ['arm64', 16384, 47, 'arm64', 16384, 2 ** 47],
    ['arm64', 4096, 39, 'arm64', 4096, 2 ** 39],
    ['x86-64', 4096, 47, 'x86-64', 4096, 2 ** 47 - 4096],
    // Five levels: the last page is out of reach, too.
    ['x86-64', 4096, 56, 'x86-64', 4096, 2 ** 56 - 4096],
    // Not modelled: arm64 stands in.
    ['riscv64', 4096, 39, 'arm64', 4096, 2 ** 48],
    ['i386', 4096, 32, 'arm64', 4096, 2 ** 48],
  ] as const)('%s with pages of %i bytes and %i bits', (architecture, pageSize, vaBits, name, size, taskSize) => {
    expect(archOf({ architecture, pageSize, vaBits })).toMatchObject({ name, pageSize: size, taskSize });
  });

  it('the two whose placement is modelled', () => {
    const all: Architecture[] = ['arm64', 'x86-64', 'riscv64', 'arm', 'i386', '32-bit'];
    const modelled = all.filter((architecture) =>
      isModelled({ ...defaultSituation(), architecture: assumed(architecture) }),
    );
    expect(modelled).toEqual(['arm64', 'x86-64']);
  });
});

describe('machineOf', () => {
  it('CONFIG_LSM_MMAP_MIN_ADDR is 32768 on arm64 and 65536 on x86-64', () => {
    const of = (architecture: Architecture): number =>
      machineOf({ ...defaultSituation(), architecture: assumed(architecture) }).config.lsmMmapMinAddr;
    expect([of('arm64'), of('x86-64')]).toEqual([32768, 65536]);
  });
});
