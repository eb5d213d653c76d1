// Layout facts, as kernels 6.1 and 6.12 answered them (recordings 053 to 058 of linux-6.1-x86-64, x86_la57).
import { createX86_64, type VsyscallMode } from '@vmarea/arch-x86-64';
import { describe, expect, it } from 'vitest';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const arch = createX86_64();

function base(stackLimit: number, more: { legacy?: boolean; randomize?: boolean; rnd?: number; old?: boolean } = {}) {
  return arch.mmapLayout({
    style: more.old === true ? 'arm64-4.4' : 'generic-6.1',
    stackLimit,
    rndBytes: more.rnd ?? 0,
    legacy: more.legacy ?? false,
    randomize: more.randomize ?? false,
    stackGuardGapBytes: 256 * 4096,
  });
}

describe('the address space', () => {
  it('ends one page below 2^47', () => {
    expect(arch.taskSize).toBe(0x7ffffffff000);
    expect(arch.stackTop).toBe(0x7ffffffff000);
    expect(arch.mapWindow).toBe(0x7ffffffff000);
    expect(arch.taskUnmappedBase).toBe(0x2aaaaaaab000);
    expect(arch.elfEtDynBase).toBe(0x555555554aaa);
    expect(arch.canonicalEnd).toBe(0x800000000000);
  });

  it('is larger with five levels, and laid out as with four', () => {
    const la57 = createX86_64({ levels: 5 });
    expect(la57.taskSize).toBe(0xfffffffffff000);
    expect(la57.vaBits).toBe(56);
    expect(la57.canonicalEnd).toBe(2 ** 56);
    for (const key of ['mapWindow', 'stackTop', 'taskUnmappedBase', 'elfEtDynBase'] as const) {
      expect(la57[key]).toBe(arch[key]);
    }
  });

  it('has huge pages of 2 MiB, and of 1 GiB where the CPU has them', () => {
    expect(arch.hugeSizes).toEqual([2 * MiB, GiB]);
    expect(createX86_64({ gigabytePages: false }).hugeSizes).toEqual([2 * MiB]);
  });

  it('refuses options that are none', () => {
    expect(() => createX86_64({ levels: 3 as 4 })).toThrow(new RangeError('createX86_64: levels 3 is not 4 or 5'));
    expect(() => createX86_64({ vsyscall: 'native' as VsyscallMode })).toThrow(
      new RangeError('createX86_64: vsyscall "native" is not one of none, xonly, emulate'),
    );
  });

  it('ends in [vsyscall] for readers of maps', () => {
    expect(arch.gateArea).toMatchObject({ name: '[vsyscall]', perms: '--xp', start: 'ffffffffff600000' });
    expect(createX86_64({ vsyscall: 'emulate' }).gateArea?.perms).toBe('r-xp');
    expect(createX86_64({ vsyscall: 'none' }).gateArea).toBeNull();
  });
});

describe('mmapLayout', () => {
  it.each([
    [64 * 1024, 0x7ffff7fff000],
    [8 * MiB, 0x7ffff7fff000],
    [64 * MiB, 0x7ffff7fff000],
    [200 * MiB, 0x7ffff36ff000],
    [0x10000123, 0x7fffefeff000],
    [GiB, 0x7fffbfeff000],
    [0xf00000000000, 0x155555556000],
    [Infinity, 0x155555556000],
  ])('RLIMIT_STACK %i', (limit, expected) => {
    expect(base(limit)).toBe(expected);
  });

  it('leaves room for the random part of the stack when randomised', () => {
    const rnd = 0x123456 * 4096;
    expect(base(8 * MiB, { randomize: true, rnd })).toBe(0x7ffffffff000 - 9 * MiB - 0x3fffff * 4096 - rnd);
    expect(base(8 * MiB, { randomize: true, rnd, old: true })).toBe(0x7ffffffff000 - 128 * MiB - 0x3fffff * 4096 - rnd);
    expect(base(200 * MiB, { old: true })).toBe(0x7ffff37ff000);
  });

  it('legacy begins at a third of the window', () => {
    expect(base(8 * MiB, { legacy: true })).toBe(0x2aaaaaaab000);
    expect(base(Infinity, { legacy: true, rnd: 4096 })).toBe(0x2aaaaaaac000);
  });
});

describe('offsetToPgoff', () => {
  it('takes page multiples, also negative registers, and refuses the rest with EINVAL', () => {
    expect(arch.offsetToPgoff(0x3000)).toBe(3);
    expect(arch.offsetToPgoff(2 ** 40)).toBe(2 ** 28);
    expect(arch.offsetToPgoff(-4096)).toBe(2 ** 52 - 1);
    expect(arch.offsetToPgoff(1)).toBe(-22);
  });
});

describe('specialLayout', () => {
  it('counts the pages of [vvar], [vvar_vclock] and [vdso]', () => {
    const pages = (['6.1', '6.12', '6.18'] as const).map((style) => {
      const s = arch.specialLayout(style);
      return [s.vvarPages, s.vclockPages, s.vdsoBytes / 4096, s.aboveStack];
    });
    expect(pages).toEqual([
      [4, 0, 2, true],
      [4, 0, 2, false],
      [4, 2, 2, false],
    ]);
  });
});
