// copyRange and takeRange say of a whole table what the operations on single entries say of each.
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE, PTE_YOUNG, type X86PageTables } from '@vmarea/arch-x86-64';
import { describe, expect, it } from 'vitest';
import { boot, descriptor, machines } from './machine.ts';

const RW = 3;

for (const arch of machines) {
  describe(`${String(arch.levels)} levels`, () => {
    const page = arch.pageSize;

    function filled(): { pt: X86PageTables; child: X86PageTables; u32: Uint32Array } {
      const { pt, u32, alloc } = boot(arch);
      const child = arch.createPageTables({ u32 }, alloc)!;
      pt.setEntry(pt.slotAlloc(0), 100, RW, PTE_WRITE | PTE_DIRTY);
      pt.setEntry(pt.slotAlloc(2 * page), 101, RW, PTE_WRITE);
      pt.setEntry(pt.slotAlloc(3 * page), 1, RW, PTE_SPECIAL);
      pt.setEntry(pt.slotAlloc(5 * page), 102, RW, PTE_DIRTY);
      pt.setEntry(pt.slotAlloc(9 * page), 103, RW, PTE_WRITE);
      child.slotAlloc(0);
      return { pt, child, u32 };
    }

    it('copyRange makes old, write-protected copies and protects the source', () => {
      const { pt, child, u32 } = filled();
      const out = new Int32Array(arch.pmdSize / page);
      expect(pt.copyRange(0, 8 * page, child, true, false, out)).toBe(3);
      expect([...out.subarray(0, 3)]).toEqual([100, 101, 102]);
      for (const at of [0, 2, 3, 5]) {
        const from = pt.slot(at * page);
        const to = child.slot(at * page);
        expect(pt.entry(from) & PTE_WRITE).toBe(0);
        expect(child.entry(to)).toBe(pt.entry(from) & ~PTE_YOUNG);
        expect(child.pfn(to)).toBe(pt.pfn(from));
        pt.mkold(from);
        expect(descriptor(u32, to)).toBe(descriptor(u32, from));
      }
      expect(pt.entry(pt.slot(9 * page)) & PTE_WRITE).toBe(PTE_WRITE);
      expect(child.entry(child.slot(9 * page))).toBe(0);
    });

    it('copyRange can make clean copies and leave the source alone', () => {
      const { pt, child } = filled();
      const out = new Int32Array(arch.pmdSize / page);
      const before = pt.entry(pt.slot(0));
      pt.copyRange(0, 10 * page, child, false, true, out);
      expect(pt.entry(pt.slot(0))).toBe(before);
      expect(child.entry(child.slot(0))).toBe(before & ~(PTE_DIRTY | PTE_YOUNG));
    });

    it('both find the frame of a PROT_NONE page', () => {
      const { pt, child } = filled();
      const out = new Int32Array(arch.pmdSize / page);
      pt.changeProt(pt.slot(0), 0, 0);
      expect(pt.copyRange(0, page, child, true, false, out)).toBe(1);
      expect([out[0], child.pfn(child.slot(0))]).toEqual([100, 100]);
      expect(pt.takeRange(0, page, out)).toBe(1);
      expect(out[0]).toBe(201);
    });

    it('takeRange empties the range and tells what was in it', () => {
      const { pt } = filled();
      const out = new Int32Array(arch.pmdSize / page);
      expect(pt.takeRange(page, 8 * page, out)).toBe(2);
      expect([...out.subarray(0, 2)]).toEqual([202, 205]);
      expect(pt.nextEntry(page, arch.pmdSize)).toBe(9 * page);
      expect(pt.entry(pt.slot(0))).not.toBe(0);
      expect(pt.takeRange(arch.pmdSize, 2 * arch.pmdSize, out)).toBe(0);
    });
  });
}
