// Tables come and go with the mappings that need them: counts as VmPTE shows them, free_pgd_range's rule, no memory.
import { PTE_WRITE, createX86_64 } from '@vmarea/arch-x86-64';
import { describe, expect, it } from 'vitest';
import { boot, machines } from './machine.ts';
import { translate } from './mmu.ts';

const M2 = 2 ** 21;
const G1 = 2 ** 30;
const K4 = createX86_64();

describe('VmPTE of a fresh static program: its image at 0x400000 and the top of the stack are touched', () => {
  it.each(machines)('24 kB with $levels levels', (arch) => {
    const { pt, alloc } = boot(arch);
    for (let addr = 0x400000; addr < 0x506000; addr += 4096) pt.setEntry(pt.slotAlloc(addr), 1, 3, 0);
    for (let n = 1; n <= 8; n++) pt.setEntry(pt.slotAlloc(arch.stackTop - n * 4096), 1, 3, 0);
    expect(4 * (pt.leafTables + pt.upperTables)).toBe(24);
    expect(pt.p4dTables).toBe(arch.levels === 5 ? 1 : 0);
    expect(alloc.live.size).toBe(1 + pt.leafTables + pt.upperTables + pt.p4dTables);
    pt.destroy();
    expect(alloc.live.size).toBe(0);
  });

  it('12 kB more for a page in a new piece of 256 TiB (x86_la57)', () => {
    const { pt } = boot(machines[1]!);
    pt.slotAlloc(0x400000);
    const before = pt.leafTables + pt.upperTables;
    pt.slotAlloc(0xfffffff7fff000 - 4096);
    expect(pt.leafTables + pt.upperTables - before).toBe(3);
    expect(pt.p4dTables).toBe(2);
  });
});

describe('freeRange', () => {
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

  it('keeps a last-level table that a neighbour reaches into, and upper tables that others need', () => {
    // |AAA|BBB| in two 2 MiB tables below one table of the third level
    const { pt, counts } = withPages(G1, G1 + M2);
    pt.freeRange(G1 + M2, G1 + M2 + 4096, G1 + M2 + 4096, 0);
    expect(counts()).toEqual([2, 2]);
    pt.freeRange(G1 + M2, G1 + M2 + 4096, G1 + 4096, 0);
    expect(counts()).toEqual([1, 2]);
    expect(pt.slot(G1)).toBeGreaterThan(0);
  });

  it('reaches the last page of the address space', () => {
    for (const arch of machines) {
      const { pt, alloc } = boot(arch);
      const last = arch.taskSize - 4096;
      pt.setEntry(pt.slotAlloc(last), 1, 3, 0);
      expect(pt.nextEntry(0, arch.taskSize)).toBe(last);
      pt.clear(pt.slot(last));
      pt.freeRange(last, arch.taskSize, 0, 0);
      expect(alloc.live.size).toBe(1);
    }
  });
});

describe('without memory', () => {
  it('there is no tree without a top table', () => {
    const u32 = new Uint32Array(1024);
    expect(K4.createPageTables({ u32 }, { allocTable: () => -1, freeTable: () => undefined })).toBeNull();
  });

  it('slotAlloc answers -1, and what was made until then goes with freeRange', () => {
    const { pt, alloc } = boot(K4);
    alloc.budget = 2;
    expect(pt.slotAlloc(G1)).toBe(-1);
    expect([pt.leafTables, pt.upperTables]).toEqual([0, 2]);
    pt.freeRange(G1, G1 + 4096, 0, 0);
    expect(alloc.live.size).toBe(1);
    alloc.budget = 1;
    expect(pt.slotHugeAlloc(G1, M2)).toBe(-1);
  });
});

describe('physical memory beyond 4 GiB', () => {
  it('is reached through the upper halves of entries', () => {
    // The words of frame 2^20 and after, without the 4 GiB before them.
    const words = new Map<number, number>();
    const u32 = new Proxy(new Uint32Array(0), {
      get: (_, key) => (key === 'length' ? 2 ** 31 : (words.get(Number(key)) ?? 0)),
      set: (_, key, value) => {
        words.set(Number(key), Number(value) >>> 0);
        return true;
      },
    });
    let next = 2 ** 20;
    const pt = K4.createPageTables({ u32 }, { allocTable: () => next++, freeTable: () => undefined })!;
    pt.setEntry(pt.slotAlloc(G1), 2 ** 21 + 5, 3, PTE_WRITE);
    expect(pt.slot(G1)).toBeGreaterThan(2 ** 30);
    expect(translate(u32, pt.ttbr0, 4, BigInt(G1) + 7n)).toMatchObject({ pa: (2n ** 21n + 5n) * 4096n + 7n });
  });
});
