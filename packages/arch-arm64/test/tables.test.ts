// Tables come and go with the mappings that need them: counts as VmPTE shows them, free_pgd_range's rule, no memory.
import { PTE_WRITE, createArm64 } from '@vmarea/arch-arm64';
import { describe, expect, it } from 'vitest';
import { boot, descriptor, machineName, machines } from './machine.ts';
import { translate } from './mmu.ts';

const K4 = createArm64({ pageSize: 4096, vaBits: 48 });
const M2 = 2 ** 21;
const G1 = 2 ** 30;

describe('VmPTE of a fresh static program: its image at 0x400000 and the top of the stack are touched', () => {
  it.each([
    // page size, VA, kB of leaf tables (4.4), kB of all tables below the root (6.1)
    [4096, 48, 8, 24],
    [4096, 39, 8, 16],
    [4096, 52, 8, 24],
    [16384, 47, 32, 64],
    [65536, 42, 128, 128],
  ] as const)('%i/%i: %i kB and %i kB', (pageSize, vaBits, leafKb, allKb) => {
    const arch = createArm64({ pageSize, vaBits });
    const { pt, alloc } = boot(arch);
    for (let addr = 0x400000; addr < 0x506000; addr += pageSize) pt.setEntry(pt.slotAlloc(addr), 1, 3, 0);
    for (let n = 1; n <= 8; n++) pt.setEntry(pt.slotAlloc(arch.stackTop - n * pageSize), 1, 3, 0);
    expect((pt.leafTables * pageSize) / 1024).toBe(leafKb);
    expect(((pt.leafTables + pt.upperTables) * pageSize) / 1024).toBe(allKb);
    expect(alloc.live.size).toBe(1 + pt.leafTables + pt.upperTables + pt.p4dTables);
    pt.destroy();
    expect(alloc.live.size).toBe(0);
  });
});

describe('freeRange', () => {
  /** Tables for one page at each of the addresses. */
  function withPages(...addrs: number[]) {
    const machine = boot(K4);
    for (const addr of addrs) machine.pt.setEntry(machine.pt.slotAlloc(addr), 1, 3, 0);
    return { ...machine, counts: () => [machine.pt.leafTables, machine.pt.upperTables] };
  }

  it('frees every level when nobody else is there', () => {
    const { pt, counts, alloc } = withPages(G1);
    expect(counts()).toEqual([1, 2]);
    pt.freeRange(G1, G1 + 4096, 0, 0);
    expect(counts()).toEqual([0, 0]);
    expect(alloc.live.size).toBe(1);
    expect(pt.slot(G1)).toBe(-1);
  });

  it('keeps a last-level table that the mapping below or above reaches into', () => {
    // |AAA.BBB.CCC| in one 2 MiB table: B goes
    const { pt, counts } = withPages(G1, G1 + 0x10000, G1 + 0x20000);
    pt.freeRange(G1 + 0x10000, G1 + 0x11000, G1 + 0x1000, 0);
    expect(counts()).toEqual([1, 2]);
    pt.freeRange(G1 + 0x10000, G1 + 0x11000, 0, G1 + 0x20000);
    expect(counts()).toEqual([1, 2]);
    pt.freeRange(G1 + 0x10000, G1 + 0x11000, 0, G1 + M2 - 0x1000);
    pt.freeRange(G1 + 0x10000, G1 + 0x11000, G1 + 0x1000, G1 + M2);
    expect(counts()).toEqual([1, 2]);
    pt.freeRange(G1 + 0x10000, G1 + 0x11000, G1, G1 + M2);
    expect(counts()[0]).toBe(0);
  });

  it('keeps the upper tables that others need', () => {
    // AAA|BBB|CCC in three 2 MiB tables below one level-2 table
    const { pt, counts } = withPages(G1, G1 + M2, G1 + 2 * M2);
    expect(counts()).toEqual([3, 2]);
    pt.freeRange(G1 + M2, G1 + 2 * M2, G1 + M2, G1 + 2 * M2);
    expect(counts()).toEqual([2, 2]);
    expect(pt.slot(G1 + M2)).toBe(-1);
    expect(pt.slot(G1)).toBeGreaterThan(0);
    expect(pt.slot(G1 + 2 * M2)).toBeGreaterThan(0);
  });

  it('frees the first and the last table of a range only when the gap around it covers them', () => {
    // ..A|BBBBBB|BBBBBB|B..C: B is 3 tables wide, A and C share its first and last
    const first = G1 + 0x1000;
    const { pt, counts } = withPages(G1, first, G1 + M2, G1 + 2 * M2, G1 + 2 * M2 + 0x5000);
    expect(counts()).toEqual([3, 2]);
    pt.freeRange(first, G1 + 2 * M2 + 0x1000, G1 + 0x1000, G1 + 2 * M2 + 0x5000);
    expect(counts()).toEqual([2, 2]);
    expect(pt.slot(G1 + M2)).toBe(-1);
  });

  it('a ceiling of 0 is the end of the address space, and the last table goes too', () => {
    const { pt, counts } = withPages(2 ** 48 - 4096);
    pt.freeRange(2 ** 48 - 4096, 2 ** 48, 2 ** 47, 0);
    expect(counts()).toEqual([0, 0]);
  });

  it('an empty range frees nothing', () => {
    const { pt, counts } = withPages(G1);
    pt.freeRange(G1, G1, 0, 0);
    expect(counts()).toEqual([1, 2]);
  });

  it('a range over the whole address space frees all', () => {
    const { pt, alloc } = withPages(0, G1, 2 ** 40, 2 ** 48 - 4096);
    pt.freeRange(0, 2 ** 48, 0, 0);
    expect(alloc.live.size).toBe(1);
  });
});

describe('no memory', () => {
  it('for the root: no page tables', () => {
    const alloc = { allocTable: () => -1, freeTable: () => undefined };
    expect(K4.createPageTables({ u32: new Uint32Array(1024) }, alloc)).toBeNull();
  });

  it.each(machines)('for the n-th table, every n: $pageSize/$vaBits', (arch) => {
    for (let n = 0; n < arch.levels - 1; n++) {
      const { pt, alloc } = boot(arch);
      alloc.budget = n;
      expect(pt.slotAlloc(0)).toBe(-1);
      expect(pt.slotHugeAlloc(0, arch.hugeSizes[0]!)).toBe(-1);
      expect(pt.leafTables + pt.upperTables + pt.p4dTables).toBe(n);
      expect(pt.slot(0)).toBe(-1);
      alloc.budget = Infinity;
      expect(pt.slotAlloc(0)).toBeGreaterThan(0);
      pt.destroy();
      expect(alloc.live.size).toBe(0);
    }
  });
});

describe('nextEntry', () => {
  it.each(machines)('finds pages and huge pages in order across empty tables: $pageSize/$vaBits', (arch) => {
    const { pt } = boot(arch);
    const { pageSize, pmdSize, taskSize } = arch;
    const page = (addr: number) => {
      pt.setEntry(pt.slotAlloc(addr), 1, 1, 0);
      return [addr, pageSize];
    };
    const huge = (addr: number, size: number) => {
      pt.setHuge(pt.slotHugeAlloc(addr, size), size, 0, 1, 0);
      return [addr, size];
    };
    const middle = taskSize / 2;
    const [cont, , contPmd] = arch.hugeSizes as [number, number, number];
    const expected = [
      page(0),
      page(pmdSize - pageSize),
      huge(pmdSize, pmdSize),
      huge(2 * pmdSize + cont, cont),
      page(2 * pmdSize + 3 * cont),
      page(middle),
      huge(middle + contPmd, contPmd),
      page(taskSize - pageSize),
    ];
    const found: number[][] = [];
    for (let at = pt.nextEntry(0, taskSize); at >= 0; at = pt.nextEntry(pt.curAddr + pt.curSize, taskSize)) {
      found.push([at, pt.curSize]);
      expect(pt.curAddr).toBe(at);
      expect(pt.curSlot).toBe(pt.curSize === pageSize ? pt.slot(at) : pt.slotHuge(at, pt.curSize));
    }
    expect(found).toEqual(expected);
    // the range is half open, and an address inside a huge page is covered by it
    expect(pt.nextEntry(pageSize, pmdSize - pageSize)).toBe(-1);
    expect(pt.nextEntry(pageSize, pmdSize)).toBe(pmdSize - pageSize);
    for (const [at, size] of expected as [number, number][]) {
      const inside = at + size - pageSize / 2;
      expect(pt.nextEntry(inside, taskSize)).toBe(inside);
      expect([pt.curAddr, pt.curSize]).toEqual([at, size]);
      if (size === pageSize) continue;
      expect(pt.slotHuge(inside, size)).toBe(pt.slotHuge(at, size));
      expect(pt.slotHugeAlloc(inside, size)).toBe(pt.slotHuge(at, size));
    }
    expect(pt.nextEntry(taskSize, taskSize)).toBe(-1);
    expect(machineName(arch)).not.toBe('');
  });
});

describe('memory beyond 4 GiB', () => {
  /** 32 GiB of words of which only those that were written exist. */
  function sparse(): Uint32Array {
    const words = new Map<string, number>();
    return new Proxy(new Uint32Array(0), {
      get: (_, name) => (name === 'length' ? 2 ** 33 : (words.get(String(name)) ?? 0)),
      set: (_, name, value: number) => {
        if (value === 0) words.delete(String(name));
        else words.set(String(name), value >>> 0);
        return true;
      },
    });
  }

  it.each(machines)('tables may lie anywhere: $pageSize/$vaBits', (arch) => {
    const first = (5 * 2 ** 32) / arch.pageSize + 3;
    const { pt, u32, alloc } = boot(arch, sparse(), first);
    expect(pt.ttbr0).toBe(5 * 2 ** 32 + 3 * arch.pageSize);
    const addr = arch.taskSize / 4 + 5 * arch.pageSize;
    const slot = pt.slotAlloc(addr);
    expect(slot).toBeGreaterThan(2 ** 32);
    pt.setEntry(slot, first + 77, 11, PTE_WRITE);
    expect(pt.slot(addr)).toBe(slot);
    expect(pt.pfn(slot)).toBe(first + 77);
    expect(descriptor(u32, slot)).toMatch(/^0x00680005/);
    const hit = translate(u32, pt.ttbr0, arch.pageShift, arch.t0sz, addr + 12);
    expect(hit).toMatchObject({ fault: null, pa: BigInt((first + 77) * arch.pageSize + 12), write: false });
    expect(pt.nextEntry(0, arch.taskSize)).toBe(addr);
    pt.freeRange(addr, addr + arch.pageSize, 0, 0);
    pt.destroy();
    expect(alloc.live.size).toBe(0);
  });
});
