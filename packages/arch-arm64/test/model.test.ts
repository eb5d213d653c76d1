// Random lives of page tables. The judges: a Map of what was stored, a Set of the tables that must exist, and the MMU of
// mmu.ts, which reads the memory knowing only TTBR0, the granule and T0SZ.
import {
  PTE_DIRTY,
  PTE_EXEC,
  PTE_HUGE,
  PTE_NONE_PROT,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
  type Arm64,
} from '@vmarea/arch-arm64';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boot, lpa2, type Machine, machines } from './machine.ts';
import { translate } from './mmu.ts';

const MUTABLE = PTE_WRITE | PTE_DIRTY | PTE_YOUNG | PTE_SPECIAL;

interface Mapped {
  size: number;
  pfn: number;
  prot: number;
  /** PTE_WRITE, PTE_DIRTY, PTE_YOUNG, PTE_SPECIAL. */
  bits: number;
}

/** The naive machine. */
class Model {
  readonly entries = new Map<number, Mapped>();
  /** `shift:number` of every table below the root: shift 0 = last level. */
  readonly tables = new Set<string>();
  private readonly arch: Arm64;
  constructor(arch: Arm64) {
    this.arch = arch;
  }

  /** Shifts of the levels below the root, last level first, with the bytes that one table covers. */
  levels(): [number, number][] {
    return Array.from({ length: this.arch.levels - 1 }, (_, i) => [
      i,
      this.arch.pmdSize * 2 ** ((this.arch.pageShift - 3) * i),
    ]);
  }

  overlaps(addr: number, size: number): boolean {
    return [...this.entries].some(([at, e]) => at < addr + size && at + e.size > addr);
  }

  map(addr: number, e: Mapped): void {
    this.entries.set(addr, e);
    for (const [level, span] of this.levels()) {
      // tables smaller than the huge page itself are not needed, and give way when they are empty
      if (span > e.size || (level === 0 && e.size < this.arch.pmdSize)) {
        this.tables.add(`${level}:${Math.floor(addr / span)}`);
      } else {
        this.drop((l, from, to) => l <= level && from >= addr && to <= addr + e.size);
      }
    }
  }

  drop(test: (level: number, from: number, to: number) => boolean): void {
    for (const name of this.tables) {
      const [level, n] = name.split(':').map(Number) as [number, number];
      const span = this.levels()[level]![1];
      if (test(level, n * span, (n + 1) * span)) this.tables.delete(name);
    }
  }

  /** munmap of [start, end): the entries, then the tables between the neighbours. */
  unmap(start: number, end: number): { floor: number; ceiling: number; gone: [number, Mapped][] } {
    const gone = [...this.entries].filter(([at]) => at >= start && at < end);
    for (const [at] of gone) this.entries.delete(at);
    let floor = 0;
    let ceiling = 0;
    for (const [at, e] of this.entries) {
      if (at < start) floor = Math.max(floor, at + e.size);
      else if (ceiling === 0 || at < ceiling) ceiling = at;
    }
    const top = ceiling === 0 ? Infinity : ceiling;
    const inside = (from: number, to: number): boolean => from >= floor && to <= top;
    const hit = (from: number, to: number): boolean => from < end && to > start && inside(from, to);
    // a table goes when it is hit itself, or hangs below one that is
    const goners = [...this.tables]
      .map((name) => name.split(':').map(Number) as [number, number])
      .map(([level, n]) => [level, n * this.levels()[level]![1], (n + 1) * this.levels()[level]![1]] as const)
      .filter(([, from, to]) => hit(from, to));
    this.drop((level, from, to) => goners.some(([l, f, t]) => l >= level && from >= f && to <= t));
    return { floor, ceiling, gone };
  }

  genericBits(e: Mapped): number {
    const { prot } = e;
    let bits = PTE_PRESENT | e.bits;
    if ((prot & 7) === 0) bits |= PTE_NONE_PROT;
    else bits |= PTE_USER | ((prot & 4) !== 0 ? PTE_EXEC : 0);
    return e.size === this.arch.pageSize ? bits : bits | PTE_HUGE;
  }
}

/** Everything that can be asked, compared with what must be answered. */
function check({ arch, u32, alloc, pt }: Machine, model: Model): void {
  const levels = [0, 1, 2, 3].map((level) => [...model.tables].filter((name) => name.startsWith(`${level}:`)).length);
  expect([pt.leafTables, pt.upperTables, pt.p4dTables]).toEqual([levels[0], levels[1]! + levels[2]!, levels[3]]);
  expect(alloc.live.size).toBe(1 + model.tables.size);
  const sorted = [...model.entries].sort(([a], [b]) => a - b);
  const found: [number, number][] = [];
  for (let at = pt.nextEntry(0, arch.taskSize); at >= 0; at = pt.nextEntry(pt.curAddr + pt.curSize, arch.taskSize)) {
    found.push([at, pt.curSize]);
  }
  expect(found).toEqual(sorted.map(([at, e]) => [at, e.size]));
  for (const [at, e] of sorted) {
    const small = e.size === arch.pageSize;
    const slot = small ? pt.slot(at) : pt.slotHuge(at, e.size);
    const bits = model.genericBits(e);
    expect(small ? pt.entry(slot) : pt.entryHuge(slot, e.size)).toBe(bits);
    expect(pt.pfn(slot)).toBe(e.pfn);
    for (const offset of [0, e.size - 1, Math.floor(e.size / 2) + 8]) {
      expect(pt.walk(at + offset)).toBe(bits);
      expect([pt.walkPfn, pt.walkSize]).toEqual([e.pfn + Math.floor(offset / arch.pageSize), e.size]);
      agree(arch, u32, pt.ttbr0, at + offset, e);
    }
    for (const beside of [at - 1, at + e.size]) {
      if (beside < 0 || model.overlaps(beside, 1)) continue;
      expect(pt.walk(beside)).toBe(0);
      agree(arch, u32, pt.ttbr0, beside, undefined);
    }
  }
}

/** What the hardware would do at an address, and what the protection promises. */
function agree(arch: Arm64, u32: Uint32Array, ttbr0: number, addr: number, e: Mapped | undefined): void {
  const hw = translate(u32, ttbr0, arch.pageShift, arch.t0sz, addr);
  if (e === undefined || (e.prot & 7) === 0) {
    expect(hw.fault).toBe('translation');
  } else if ((e.bits & PTE_YOUNG) === 0) {
    expect(hw.fault).toBe('access-flag');
  } else {
    const into = addr - Math.floor(addr / e.size) * e.size;
    expect(hw).toMatchObject({
      fault: null,
      pa: BigInt(e.pfn) * BigInt(arch.pageSize) + BigInt(into),
      size: BigInt(e.size),
      read: true,
      write: (e.bits & (PTE_WRITE | PTE_DIRTY)) === (PTE_WRITE | PTE_DIRTY),
      execute: (e.prot & 4) !== 0,
      attrIndex: 4,
      shareability: lpa2(arch) ? 0 : 3,
      notGlobal: true,
    });
  }
}

type Op = [kind: number, region: number, page: number, size: number, prot: number, bits: number, pfn: number];

const op: fc.Arbitrary<Op> = fc.tuple(
  fc.nat(9),
  fc.nat(4),
  fc.nat(2 ** 20),
  fc.nat(3),
  fc.nat(15),
  fc.nat(511),
  fc.nat(2 ** 32 - 1),
);

/** An address near one of a few places where tables begin, in pages of `size`. */
function place(arch: Arm64, region: number, page: number, size: number): number {
  const base = [0, arch.taskUnmappedBase, arch.taskSize / 2, arch.taskSize - 4 * arch.pmdSize, 2 ** 35][region]!;
  const count = [64, 2 * (arch.pmdSize / arch.pageSize)][page & 1]!;
  const addr = base + ((page >>> 1) % count) * arch.pageSize * ((page & 2) !== 0 ? 3 : 1);
  return Math.min(Math.floor(addr / size) * size, arch.taskSize - size);
}

function apply(machine: Machine, model: Model, [kind, region, page, sizeIndex, prot, rawBits, rawPfn]: Op): void {
  const { arch, pt } = machine;
  const hugeSize = arch.hugeSizes[sizeIndex % arch.hugeSizes.length]!;
  const existing = [...model.entries][page % Math.max(1, model.entries.size)];
  const make = (size: number): void => {
    const addr = place(arch, region, page, size);
    if (model.overlaps(addr, size)) return;
    const bits = rawBits & (PTE_WRITE | PTE_DIRTY | PTE_SPECIAL);
    const frames = size / arch.pageSize;
    const pfn = Math.floor(rawPfn / frames) * frames;
    if (size === arch.pageSize) pt.setEntry(pt.slotAlloc(addr), pfn, prot, bits);
    else pt.setHuge(pt.slotHugeAlloc(addr, size), size, pfn, prot, bits);
    model.map(addr, { size, pfn, prot, bits: bits | PTE_YOUNG });
  };
  if (kind <= 2 || existing === undefined) {
    make(arch.pageSize);
    return;
  }
  if (kind === 3) {
    make(hugeSize);
    return;
  }
  const [at, e] = existing;
  const huge = e.size !== arch.pageSize;
  const slot = huge ? pt.slotHuge(at, e.size) : pt.slot(at);
  const bits = rawBits & MUTABLE;
  switch (kind) {
    case 4:
      if (huge) pt.wrprotectHuge(slot, e.size);
      else pt.wrprotect(slot);
      e.bits &= ~PTE_WRITE;
      break;
    case 5:
      if (huge) pt.mkwriteDirtyHuge(slot, e.size);
      else pt.mkwriteDirty(slot);
      e.bits |= PTE_WRITE | PTE_DIRTY | PTE_YOUNG;
      break;
    case 6:
      if (huge) pt.changeProtHuge(slot, e.size, prot, bits & PTE_WRITE);
      else pt.changeProt(slot, prot, bits & PTE_WRITE);
      e.prot = prot;
      e.bits = (e.bits & ~PTE_WRITE) | (bits & PTE_WRITE);
      break;
    case 7:
      if (huge) pt.setBitsHuge(slot, e.size, bits);
      else pt.setBits(slot, bits);
      e.bits |= bits;
      break;
    case 8:
      if ((rawBits & 256) !== 0) {
        if (huge) pt.mkcleanHuge(slot, e.size);
        else pt.mkclean(slot);
        if (huge) pt.mkoldHuge(slot, e.size);
        else pt.mkold(slot);
        e.bits &= ~(PTE_DIRTY | PTE_YOUNG);
      } else {
        if (huge) pt.clearBitsHuge(slot, e.size, bits);
        else pt.clearBits(slot, bits);
        e.bits &= ~bits;
      }
      break;
    default: {
      const end = Math.max(at + e.size, place(arch, region, page, e.size));
      const last = [...model.entries].filter(([a]) => a >= at && a < end);
      const stop = Math.max(end, ...last.map(([a, x]) => a + x.size));
      const { floor, ceiling, gone } = model.unmap(at, stop);
      for (const [a, x] of gone) {
        if (x.size === arch.pageSize) pt.clear(pt.slot(a));
        else pt.clearHuge(pt.slotHuge(a, x.size), x.size);
      }
      pt.freeRange(at, stop, floor, ceiling);
    }
  }
}

describe('page tables against the model and the MMU', () => {
  it.each(machines)('$pageSize/$vaBits', (arch) => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 40 }), (ops) => {
        const machine = boot(arch);
        const model = new Model(arch);
        for (const step of ops) apply(machine, model, step);
        check(machine, model);
        machine.pt.destroy();
        expect(machine.alloc.live.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it.each(machines)('after every single step: $pageSize/$vaBits', (arch) => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 10, maxLength: 30 }), (ops) => {
        const machine = boot(arch);
        const model = new Model(arch);
        for (const step of ops) {
          apply(machine, model, step);
          check(machine, model);
        }
      }),
      { numRuns: 8 },
    );
  });
});
