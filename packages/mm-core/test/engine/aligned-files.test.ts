// thp_get_unmapped_area: files of ext4, xfs and btrfs are placed congruent to a PMD huge page. The numbers are those of x86-64,
// where mmap_base is 0x7ffff7fff000 with 8 MiB of stack: the recordings of libstdc++, libjvm and node on ext4 show the rule.
import { createX86_64 } from '@vmarea/arch-x86-64';
import {
  EEXIST,
  ENOMEM,
  LINUX_6_1,
  LINUX_6_12,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MSM_4_4,
  PROT_NONE,
  PROT_READ,
  type KernelConfig,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { thpGetUnmappedArea, validateMm, vmMmapPgoff, type Addr } from '../../src/index.ts';
import { GET_UNMAPPED_AREA_NO_GAP } from '../../src/reasons.ts';
import { TestFile } from '../../src/testing/index.ts';
import { Machine, PAGE, type TestTask } from '../mm-fixture.ts';

const MIB = 2 ** 20;
const HUGE = 2 * MIB;
const BASE = 0x7ffff7fff000;

class Place {
  readonly machine: Machine;
  readonly task: TestTask;
  readonly file = new TestFile({ getUnmappedArea: thpGetUnmappedArea });

  constructor(profile: KernelProfile, config: Partial<KernelConfig> = { thp: true }) {
    this.machine = new Machine(profile, { lsmMmapMinAddr: 65536, ...config }, 32 * MIB, createX86_64());
    this.task = this.machine.task();
  }

  map(len: number, { hint = 0, flags = 0, off = 0 }: { hint?: Addr; flags?: number; off?: number } = {}): number {
    const addr = vmMmapPgoff(this.task.cur, this.file, hint, len, PROT_READ, MAP_PRIVATE | flags, off / PAGE);
    validateMm(this.task.mm);
    return addr;
  }
}

describe.each([LINUX_6_1, LINUX_6_12])('files of a file system that asks for huge pages', (profile) => {
  it('are congruent to 2 MiB, with the offset', () => {
    // The padded hole begins 2 MiB and the length below mmap_base; the mapping goes up in it to the next border.
    expect(new Place(profile).map(HUGE)).toBe(0x7ffff7c00000);
    expect(new Place(profile).map(HUGE + PAGE)).toBe(0x7ffff7c00000);
    const shifted = new Place(profile).map(2 * HUGE, { off: 5 * PAGE });
    expect(shifted % HUGE).toBe(5 * PAGE);
    expect(shifted).toBe(0x7ffff7a05000);
  });

  it('but not when what is mapped contains no whole huge page', () => {
    expect(new Place(profile).map(HUGE - PAGE)).toBe(BASE - HUGE + PAGE);
    // From 4 KiB on, 2 MiB contain none.
    expect(new Place(profile).map(HUGE, { off: PAGE })).toBe(BASE - HUGE);
  });

  it('a hint is taken where 2 MiB more are free, and otherwise lost', () => {
    const place = new Place(profile);
    const hint = 0x10000001000;
    expect(place.map(HUGE, { hint })).toBe(hint);
    const again = place.map(HUGE, { hint: hint - HUGE - PAGE });
    expect(again).toBe(0x7ffff7c00000);
    expect(place.map(HUGE, { hint: hint - 2 * HUGE })).toBe(hint - 2 * HUGE);
  });

  it('MAP_FIXED is not moved', () => {
    const place = new Place(profile);
    expect(place.map(HUGE, { hint: 0x10000001000, flags: MAP_FIXED })).toBe(0x10000001000);
    expect(place.map(HUGE, { hint: 0x10000002000, flags: MAP_FIXED_NOREPLACE })).toBe(-EEXIST);
  });

  it('nothing of it without CONFIG_TRANSPARENT_HUGEPAGE', () => {
    expect(new Place(profile, { thp: false }).map(HUGE)).toBe(BASE - HUGE);
  });

  it('without room to align, any hole is taken; without any, the reason is the search’s', () => {
    const place = new Place(profile);
    const { cur, mm } = place.task;
    const fill = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    // All is taken but 2 MiB and a page.
    const hole = 0x400001000;
    expect(vmMmapPgoff(cur, null, 0x10000, hole - 0x10000, PROT_NONE, fill, 0)).toBe(0x10000);
    const above = hole + HUGE;
    expect(vmMmapPgoff(cur, null, above, mm.taskSize - above, PROT_NONE, fill, 0)).toBe(above);
    expect(place.map(HUGE)).toBe(hole);
    expect(place.map(HUGE)).toBe(-ENOMEM);
    expect(cur.call.reason).toBe(GET_UNMAPPED_AREA_NO_GAP);
  });
});

describe('a hole that is aligned by itself', () => {
  /** With 4 KiB used at the top, mmap_base − 4 KiB less the padded length is a border. */
  const aligned = (profile: KernelProfile): number => {
    const place = new Place(profile);
    const { cur } = place.task;
    const top = BASE - (BASE % HUGE);
    vmMmapPgoff(cur, null, top, BASE - top, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
    return place.map(HUGE);
  };

  it('6.1 takes its lower end, and 6.12 the upper one', () => {
    expect(aligned(LINUX_6_1)).toBe(0x7ffff7a00000);
    expect(aligned(LINUX_6_12)).toBe(0x7ffff7c00000);
  });
});

it('4.4 places these files as any others', () => {
  const place = new Place(MSM_4_4, { thp: true, lsmMmapMinAddr: 65536 });
  expect(place.map(HUGE)).toBe(place.task.mm.mmapBase - HUGE);
});
