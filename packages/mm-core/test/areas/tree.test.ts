// VmaTree against a sorted array that is searched from end to end: same lookups, same gaps, same list.
import { describe, expect, it } from 'vitest';
import { createArm64 } from '@vmarea/arch-arm64';
import { DEFAULT_CONFIG, LINUX_6_1 } from '@vmarea/uapi';
import { createMm, MmSystem, type Mm, type Vma, type VmaTree } from '../../src/index.ts';
import { NEXT, type TreeStore } from '../../src/areas/tree/store.ts';
import { random } from '../random.ts';

const PAGE = 4096;
const GUARD = 256 * PAGE;
const VM_GROWSDOWN = 0x100;
const ENOMEM = 12;
const TOP = 2 ** 48;

/** An address space with nothing in it. */
function empty(guard: number): Mm {
  const arch = createArm64({ pageSize: PAGE, vaBits: 48 });
  const config = { ...DEFAULT_CONFIG, stackGuardGapPages: guard / PAGE };
  return createMm(new MmSystem({ arch, profile: LINUX_6_1, config }))!;
}

/** A VMA that is in no index yet. */
function area(mm: Mm, start: number, end: number, flags = 0): Vma {
  const vma = mm.vmas.allocVma()!;
  vma.vmStart = start;
  vma.vmEnd = end;
  vma.vmFlags = flags;
  return vma;
}

const mod = (value: number, mask: number): number => ((value % (mask + 1)) + (mask + 1)) % (mask + 1);

/** The rules of vm_unmapped_area, read aloud. */
class Model {
  list: Vma[] = [];
  private readonly guard: number;
  constructor(guard: number) {
    this.guard = guard;
  }
  find(addr: number): Vma | null {
    return this.list.find((a) => a.vmEnd > addr) ?? null;
  }
  gaps(): [number, number][] {
    let from = 0;
    return this.list.map((a) => {
      const start = (a.vmFlags & VM_GROWSDOWN) !== 0 ? Math.max(0, a.vmStart - this.guard) : a.vmStart;
      const gap: [number, number] = [from, start];
      from = a.vmEnd;
      return gap;
    });
  }
  end(): number {
    return this.list.at(-1)?.vmEnd ?? 0;
  }
  highest(length: number, low: number, high: number, mask: number, offset: number): number {
    const room = length + mask;
    if (high < room || low > high - room) return -ENOMEM;
    const place = (end: number): number => end - length - mod(end - length - offset, mask);
    if (this.end() <= high - room) return place(high);
    const fit = this.gaps().filter(([s, e]) => s <= high - room && e >= low + room && e - s >= room);
    return fit.length === 0 ? -ENOMEM : place(Math.min(fit.at(-1)![1], high));
  }
  lowest(length: number, low: number, high: number, mask: number, offset: number): number {
    const room = length + mask;
    if (high < room || low > high - room) return -ENOMEM;
    const place = (gap: number): number => {
      const start = Math.max(gap, low);
      return start + mod(offset - start, mask);
    };
    const fit = this.gaps().find(([s, e]) => s <= high - room && e >= low + room && e - s >= room);
    if (fit !== undefined) return place(fit[0]);
    return this.end() <= high - room ? place(this.end()) : -ENOMEM;
  }
}

interface Shape {
  /** Pages of the playground. */
  pages: number;
  /** Longest VMA, in pages. */
  longest: number;
  /** Of 100 steps, how many insert (erase gets half of the rest). */
  inserts: number;
  base: number;
  guard: number;
}

class Play {
  readonly model: Model;
  readonly mm: Mm;
  readonly tree: VmaTree;
  readonly shape: Shape;
  private readonly rnd: (n: number) => number;
  constructor(shape: Shape, seed: number) {
    this.shape = shape;
    this.model = new Model(shape.guard);
    this.mm = empty(shape.guard);
    this.tree = this.mm.tree;
    this.rnd = random(seed);
  }
  addr(): number {
    return this.shape.base + this.rnd(this.shape.pages) * PAGE;
  }
  add(vma: Vma): void {
    const at = this.model.list.findIndex((a) => a.vmStart >= vma.vmEnd);
    this.model.list.splice(at === -1 ? this.model.list.length : at, 0, vma);
    this.tree.insert(vma);
  }
  step(): void {
    const { rnd, tree, shape } = this;
    const { list } = this.model;
    const end = shape.base + shape.pages * PAGE;
    const length = (1 + rnd(shape.longest)) * PAGE;
    const dice = rnd(100);
    if (dice < shape.inserts) {
      const flags = rnd(10) === 0 ? VM_GROWSDOWN : 0;
      const kind = rnd(4);
      const start =
        kind === 0
          ? tree.highestGap(length, shape.base, end, 0, 0)
          : kind === 1
            ? tree.lowestGap(length, shape.base, end, 0, 0)
            : this.addr();
      if (start < 0 || start + length > end) return;
      if (list.some((a) => a.vmStart < start + length && a.vmEnd > start)) return;
      this.add(area(this.mm, start, start + length, flags));
      return;
    }
    if (list.length === 0) return;
    const n = rnd(list.length);
    const vma = list[n]!;
    const prev = list[n - 1];
    const next = list[n + 1];
    switch (rnd(9)) {
      case 0:
      case 1:
      case 2: {
        expect(tree.find(vma.vmStart)).toBe(vma);
        tree.erase(vma);
        list.splice(n, 1);
        expect([vma.vmPrev, vma.vmNext]).toEqual([null, null]);
        return;
      }
      case 3: {
        const last = Math.min(list.length - 1, n + rnd(rnd(8) === 0 ? 200 : 4));
        tree.eraseRange(vma, list[last]!);
        const gone = list.splice(n, last - n + 1);
        let at: Vma | null = vma;
        for (const a of gone) {
          expect(at).toBe(a);
          at = at!.vmNext;
        }
        expect(at).toBe(null);
        return;
      }
      case 4: {
        const low = prev?.vmEnd ?? Math.max(0, vma.vmStart - shape.longest * PAGE);
        const high = next?.vmStart ?? vma.vmEnd + shape.longest * PAGE;
        const all = (high - low) / PAGE;
        const from = rnd(2) === 0 ? vma.vmStart : low + rnd(all) * PAGE;
        const to = rnd(2) === 0 && vma.vmEnd > from ? vma.vmEnd : from + (1 + rnd((high - from) / PAGE)) * PAGE;
        tree.setBounds(vma, from, to);
        expect([vma.vmStart, vma.vmEnd]).toEqual([from, to]);
        return;
      }
      case 5: {
        if (next?.vmStart !== vma.vmEnd) return;
        const all = (next.vmEnd - vma.vmStart) / PAGE;
        if (all < 2) return;
        const at = vma.vmStart + (1 + rnd(all - 1)) * PAGE;
        tree.shiftBoundary(vma, next, at);
        expect([vma.vmEnd, next.vmStart]).toEqual([at, at]);
        return;
      }
      case 6:
      case 7: {
        const all = (vma.vmEnd - vma.vmStart) / PAGE;
        if (all < 2) return;
        const at = vma.vmStart + (1 + rnd(all - 1)) * PAGE;
        const below = rnd(2) === 0;
        const part = area(this.mm, 0, 0, vma.vmFlags);
        tree.split(vma, at, part, below);
        list.splice(below ? n : n + 1, 0, part);
        return;
      }
      default: {
        if (next === undefined) return;
        const last = Math.min(list.length - 1, n + 1 + rnd(rnd(8) === 0 ? 40 : 3));
        tree.absorb(vma, last - n);
        expect(vma.vmEnd).toBe(list[last]!.vmEnd);
        list.splice(n + 1, last - n);
      }
    }
  }
  /** Lookups and searches that the step did not need; they may move the finger, never the answers. */
  look(): void {
    const { rnd, tree, model, shape } = this;
    const addr = this.addr();
    expect(tree.find(addr)).toBe(model.find(addr));
    const length = (1 + rnd(shape.longest * 2)) * PAGE;
    const mask = [0, 0, PAGE - 1, 16 * PAGE - 1, 2 ** 31 - 1, 2 ** 34 - 1][rnd(shape.base === 0 ? 4 : 6)]!;
    const offset = rnd(2) === 0 ? 0 : rnd(64) * PAGE;
    const low = [0, shape.base, this.addr()][rnd(3)]!;
    const high = [TOP, shape.base + shape.pages * PAGE, this.addr(), rnd(64) * PAGE][rnd(4)]!;
    expect(tree.highestGap(length, low, high, mask, offset)).toBe(model.highest(length, low, high, mask, offset));
    expect(tree.lowestGap(length, low, high, mask, offset)).toBe(model.lowest(length, low, high, mask, offset));
  }
  check(): void {
    expect(this.tree.validate()).toEqual([]);
    const { list } = this.model;
    expect(this.tree.size).toBe(list.length);
    expect(this.tree.first).toBe(list[0] ?? null);
    expect(this.tree.last).toBe(list.at(-1) ?? null);
    expect(this.tree.highestVmEnd).toBe(this.model.end());
    let at = this.tree.first;
    let strays = 0;
    for (const [n, vma] of list.entries()) {
      if (at !== vma || vma.vmPrev !== (list[n - 1] ?? null)) strays++;
      at = vma.vmNext;
    }
    expect(strays).toBe(0);
    expect(at).toBe(null);
  }
}

describe('VmaTree against a sorted array', () => {
  const shapes: [string, Shape, number][] = [
    [
      'a handful of VMAs at the bottom, guard gaps that underflow',
      { pages: 60, longest: 4, inserts: 45, base: 0, guard: 8 * PAGE },
      6000,
    ],
    ['crowded', { pages: 700, longest: 3, inserts: 55, base: 0, guard: 4 * PAGE }, 12000],
    ['thousands, below 2^48', { pages: 30000, longest: 6, inserts: 75, base: TOP - 30000 * PAGE, guard: GUARD }, 12000],
    ['sparse, filled and emptied', { pages: 2 ** 24, longest: 500, inserts: 50, base: 2 ** 40, guard: GUARD }, 8000],
  ];
  for (const [name, shape, steps] of shapes) {
    it(name, () => {
      const play = new Play(shape, steps);
      for (let i = 0; i < steps; i++) {
        play.step();
        play.look();
        if (i % 16 === 0 || shape.pages < 1000) play.check();
      }
      play.check();
      while (play.tree.first !== null) {
        const from = play.model.list[0]!;
        const to = play.model.list[Math.min(49, play.model.list.length - 1)]!;
        play.tree.eraseRange(from, to);
        play.model.list.splice(0, 50);
        play.check();
      }
    });
  }
});

/** Leaves in use. */
function nrLeaves(tree: VmaTree): number {
  const { firstLeaf, links } = (tree as unknown as { store: TreeStore }).store;
  let n = 0;
  for (let leaf = firstLeaf; leaf !== -1; leaf = links[leaf + NEXT]!) n++;
  return n;
}

describe('VmaTree', () => {
  const fill = (mm: Mm, n: number, order: (k: number) => number): Vma[] => {
    const areas: Vma[] = [];
    for (let k = 0; k < n; k++) {
      const start = TOP - (order(k) + 1) * 4 * PAGE;
      const vma = area(mm, start, start + 3 * PAGE);
      mm.tree.insert(vma);
      areas.push(vma);
    }
    return areas;
  };

  it('is empty at first', () => {
    const mm = empty(GUARD);
    const { tree } = mm;
    expect([tree.size, tree.first, tree.last, tree.highestVmEnd, tree.find(0)]).toEqual([0, null, null, 0, null]);
    expect(tree.highestGap(PAGE, 0, TOP, 0, 0)).toBe(TOP - PAGE);
    expect(tree.lowestGap(PAGE, 5 * PAGE, TOP, 0, 0)).toBe(5 * PAGE);
    expect(tree.lowestGap(PAGE, 5 * PAGE, 5 * PAGE, 0, 0)).toBe(-ENOMEM);
    expect(tree.validate()).toEqual([]);
  });

  it('refuses to erase what it does not hold', () => {
    const mm = empty(GUARD);
    const { tree } = mm;
    const areas = fill(mm, 3, (k) => k);
    tree.erase(areas[1]!);
    expect(() => {
      tree.erase(areas[1]!);
    }).toThrow('not in the index');
  });

  it('keeps a guard gap below a stack that grows down, but lets mappings touch its end', () => {
    const mm = empty(GUARD);
    const { tree } = mm;
    const stack = area(mm, TOP - 32 * PAGE, TOP - PAGE, VM_GROWSDOWN);
    tree.insert(stack);
    expect(tree.highestGap(PAGE, 0, TOP - PAGE, 0, 0)).toBe(stack.vmStart - GUARD - PAGE);
    expect(tree.highestGap(PAGE, 0, TOP, 0, 0)).toBe(stack.vmEnd);
    // a mapping inside the guard gap is possible (MAP_FIXED); the gap between the two is then no gap
    const near = area(mm, stack.vmStart - 2 * PAGE, stack.vmStart - PAGE);
    tree.insert(near);
    expect(tree.highestGap(PAGE, 0, TOP - PAGE, 0, 0)).toBe(near.vmStart - PAGE);
    expect(tree.validate()).toEqual([]);
  });

  it('wants room for the worst alignment, even where the gap happens to be aligned', () => {
    const mm = empty(GUARD);
    const { tree } = mm;
    const big = 512 * PAGE;
    tree.insert(area(mm, 4 * big, 5 * big));
    tree.insert(area(mm, 6 * big, 7 * big));
    expect(tree.highestGap(big, 0, 7 * big, 0, 0)).toBe(5 * big);
    expect(tree.highestGap(big, 0, 7 * big, big - 1, 0)).toBe(3 * big);
    expect(tree.lowestGap(big, 4 * big, 9 * big, big - 1, 0)).toBe(7 * big);
    expect(tree.lowestGap(big, PAGE, 9 * big, big - 1, PAGE)).toBe(PAGE);
  });

  for (const [name, order] of [
    ['upwards', (k: number) => 29999 - k],
    ['downwards', (k: number) => k],
    ['in a scattered order', (k: number) => (k * 7919) % 30000],
  ] as const) {
    it(`stays sound and dense through 30,000 inserts ${name}, then erasing all but every 40th, then the rest`, () => {
      const mm = empty(GUARD);
      const { tree } = mm;
      const areas = fill(mm, 30000, order);
      expect(tree.validate()).toEqual([]);
      // a run of neighbours leaves full leaves behind (30 slots each), a scattered order about two thirds
      expect(nrLeaves(tree)).toBeLessThan(name === 'in a scattered order' ? 1700 : 1100);
      areas.forEach((vma, k) => {
        if (k % 40 !== 0) tree.erase(vma);
        if (k % 4000 === 1) expect(tree.validate()).toEqual([]);
      });
      expect(tree.size).toBe(750);
      expect(tree.validate()).toEqual([]);
      // sparse leaves were united
      expect(nrLeaves(tree)).toBeLessThan(120);
      areas.forEach((vma, k) => {
        if (k % 40 === 0) tree.erase(vma);
      });
      expect([tree.size, tree.first, tree.last, tree.highestVmEnd]).toEqual([0, null, null, 0]);
      expect(tree.validate()).toEqual([]);
    });
  }

  // At the edge a node keeps a single child, with nothing beside it, while its neighbours are too full to take it.
  for (const [name, order, fromTop] of [
    ['upwards, erased from the top', (k: number) => 1999 - k, true],
    ['upwards, erased from the bottom', (k: number) => 1999 - k, false],
    ['downwards, erased from the top', (k: number) => k, true],
    ['downwards, erased from the bottom', (k: number) => k, false],
  ] as const) {
    it(`stays sound through 2,000 inserts ${name}, one by one`, () => {
      const mm = empty(GUARD);
      const { tree } = mm;
      fill(mm, 2000, order);
      while (tree.size > 0) {
        tree.erase(fromTop ? tree.last! : tree.first!);
        expect(tree.validate()).toEqual([]);
      }
    });
  }
});
