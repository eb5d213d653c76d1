// What is in a descriptor, bit for bit, after each thing that can be done to an entry.
import {
  MEMTYPE_DEVICE,
  MEMTYPE_NONCACHED,
  MEMTYPE_WRITECOMBINE,
  PTE_DIRTY,
  PTE_EXEC,
  PTE_HUGE,
  PTE_NONE_PROT,
  PTE_PRESENT,
  PTE_SPECIAL,
  PTE_USER,
  PTE_WRITE,
  PTE_YOUNG,
  createArm64,
  protectionMap,
} from '@vmarea/arch-arm64';
import { describe, expect, it } from 'vitest';
import { boot, descriptor, machineName, machines } from './machine.ts';

const arch = createArm64({ pageSize: 4096, vaBits: 48 });
const hex = ({ lo, hi }: { lo: number; hi: number }) =>
  `0x${hi.toString(16).padStart(8, '0')}${lo.toString(16).padStart(8, '0')}`;

const NONE = '0x0460000000000f12';
const READONLY = '0x0060000000000f53';
const READONLY_EXEC = '0x0020000000000f53';
const SHARED = '0x0068000000000f53';
const SHARED_EXEC = '0x0028000000000f53';

/** A fresh entry for frame 0x12345 in a 4K table, as text. */
function stored(prot: number, bits: number): string {
  const { u32, pt } = boot(arch);
  const slot = pt.slotAlloc(0x400000);
  pt.setEntry(slot, 0x12345, prot, bits);
  return descriptor(u32, slot);
}

describe('protectionMap', () => {
  it('is what vm_get_page_prot gives for each combination of READ, WRITE, EXEC, SHARED', () => {
    const values = Array.from({ length: 16 }, (_, index) => hex(protectionMap(index)));
    expect(values.slice(0, 8)).toEqual([
      NONE,
      ...[READONLY, READONLY, READONLY],
      ...[READONLY_EXEC, READONLY_EXEC, READONLY_EXEC, READONLY_EXEC],
    ]);
    expect(values.slice(8)).toEqual([
      NONE,
      ...[READONLY, SHARED, SHARED],
      ...[READONLY_EXEC, READONLY_EXEC, SHARED_EXEC, SHARED_EXEC],
    ]);
    expect(arch.protectionMap(11)).toEqual(protectionMap(11));
  });

  it('refuses an index that is none', () => {
    expect(() => protectionMap(256)).toThrow(new RangeError('protectionMap: index 256 is not 0..255'));
  });

  it('gives device and write-combine memory its attribute index and never lets it be executed', () => {
    expect(hex(protectionMap(7 | (MEMTYPE_NONCACHED << 4)))).toBe('0x0060000000000f43');
    expect(hex(protectionMap(15 | (MEMTYPE_WRITECOMBINE << 4)))).toBe('0x0068000000000f4f');
    expect(hex(protectionMap(3 | (MEMTYPE_DEVICE << 4)))).toBe('0x0060000000000f47');
  });
});

describe('setEntry', () => {
  it('a read-only page carries RDONLY', () => {
    expect(stored(1, 0)).toBe('0x0060000012345fd3');
    expect(stored(5, 0)).toBe('0x0020000012345fd3');
  });

  it('a clean writable page carries WRITE and RDONLY: the first store must fault', () => {
    expect(stored(11, PTE_WRITE)).toBe('0x0068000012345fd3');
    expect(stored(15, PTE_WRITE)).toBe('0x0028000012345fd3');
  });

  it('a dirty writable page has RDONLY clear', () => {
    expect(stored(11, PTE_WRITE | PTE_DIRTY)).toBe('0x00e8000012345f53');
    expect(stored(3, PTE_WRITE | PTE_DIRTY)).toBe('0x00e8000012345f53');
  });

  it('WRITE comes from the bits alone: a shared writable mapping may be stored write-protected', () => {
    expect(stored(11, 0)).toBe('0x0060000012345fd3');
    expect(stored(11, PTE_DIRTY)).toBe('0x00e0000012345fd3');
  });

  it('a PROT_NONE page is present for software and invalid for the MMU', () => {
    expect(stored(0, 0)).toBe('0x0460000012345f92');
    const { pt } = boot(arch);
    const slot = pt.slotAlloc(0x400000);
    pt.setEntry(slot, 0x12345, 0, 0);
    expect(pt.entry(slot)).toBe(PTE_PRESENT | PTE_NONE_PROT | PTE_YOUNG);
  });

  it('the zero page is special', () => {
    expect(stored(3, PTE_SPECIAL)).toBe('0x0160000012345fd3');
  });

  it.each(machines)('keeps frames apart from attributes at every granule: $pageSize/$vaBits', (machine) => {
    const { pt } = boot(machine);
    const slot = pt.slotAlloc(machine.taskSize - machine.pageSize);
    for (const pfn of [0, 1, 2 ** 20 - 1, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
      pt.setEntry(slot, pfn, 7, PTE_WRITE | PTE_DIRTY);
      expect(pt.pfn(slot)).toBe(pfn);
      expect(pt.entry(slot)).toBe(PTE_PRESENT | PTE_WRITE | PTE_DIRTY | PTE_YOUNG | PTE_USER | PTE_EXEC);
    }
    expect(machineName(machine)).toContain('K/');
  });
});

describe('changing an entry', () => {
  function entry(prot: number, bits: number) {
    const { u32, pt } = boot(arch);
    const slot = pt.slotAlloc(0x400000);
    pt.setEntry(slot, 0x12345, prot, bits);
    return { pt, slot, now: () => descriptor(u32, slot), u32 };
  }

  it('wrprotect takes WRITE, keeps DIRTY, and forbids stores', () => {
    const { pt, slot, now } = entry(3, PTE_WRITE | PTE_DIRTY);
    pt.wrprotect(slot);
    expect(now()).toBe('0x00e0000012345fd3');
  });

  it('mkwriteDirty is what a write fault leaves', () => {
    const { pt, slot, now } = entry(3, 0);
    pt.mkold(slot);
    pt.mkwriteDirty(slot);
    expect(now()).toBe('0x00e8000012345f53');
  });

  it('mkclean makes the next store fault and keeps WRITE', () => {
    const { pt, slot, now } = entry(11, PTE_WRITE | PTE_DIRTY);
    pt.mkclean(slot);
    expect(now()).toBe('0x0068000012345fd3');
  });

  it('mkold clears the access flag, setBits sets it again', () => {
    const { pt, slot, now } = entry(1, 0);
    pt.mkold(slot);
    expect(now()).toBe('0x0060000012345bd3');
    expect(pt.entry(slot) & PTE_YOUNG).toBe(0);
    pt.setBits(slot, PTE_YOUNG);
    expect(now()).toBe('0x0060000012345fd3');
  });

  it('setBits and clearBits keep RDONLY in step', () => {
    const { pt, slot, now } = entry(3, 0);
    pt.setBits(slot, PTE_WRITE);
    expect(now()).toBe('0x0068000012345fd3');
    pt.setBits(slot, PTE_DIRTY);
    expect(now()).toBe('0x00e8000012345f53');
    pt.clearBits(slot, PTE_DIRTY | PTE_YOUNG);
    expect(now()).toBe('0x0068000012345bd3');
    pt.setBits(slot, PTE_SPECIAL);
    pt.clearBits(slot, PTE_WRITE);
    expect(now()).toBe('0x0160000012345bd3');
  });

  it('changeProt keeps frame, DIRTY, AF and SPECIAL, through PROT_NONE and back', () => {
    const { pt, slot, now } = entry(3, PTE_WRITE | PTE_DIRTY | PTE_SPECIAL);
    pt.changeProt(slot, 0, 0);
    expect(now()).toBe('0x05e0000012345f92');
    pt.changeProt(slot, 7, PTE_WRITE);
    expect(now()).toBe('0x01a8000012345f53');
    pt.changeProt(slot, 1, 0);
    expect(now()).toBe('0x01e0000012345fd3');
  });

  it('changeProt keeps the memory type', () => {
    const { pt, slot, now } = entry(11 | (MEMTYPE_DEVICE << 4), PTE_WRITE | PTE_DIRTY);
    pt.changeProt(slot, 1 | (MEMTYPE_DEVICE << 4), 0);
    expect(now()).toBe('0x00e0000012345fc7');
  });

  it('a page that hardware made dirty (WRITE, RDONLY clear) is dirty, and stays so', () => {
    const { pt, slot, now, u32 } = entry(11, PTE_WRITE);
    u32[slot]! &= ~0x80;
    expect(pt.entry(slot) & PTE_DIRTY).toBe(PTE_DIRTY);
    pt.wrprotect(slot);
    expect(now()).toBe('0x00e0000012345fd3');
  });

  it('clear leaves nothing', () => {
    const { pt, slot, now } = entry(3, PTE_WRITE);
    pt.clear(slot);
    expect(now()).toBe('0x0000000000000000');
    expect(pt.entry(slot)).toBe(0);
    expect(pt.walk(0x400000)).toBe(0);
  });
});

describe('huge pages', () => {
  it('a 2 MiB block lies in the level-2 table', () => {
    const { u32, pt } = boot(arch);
    const slot = pt.slotHugeAlloc(0x40200000, 0x200000);
    pt.setHuge(slot, 0x200000, 0x200, 11, PTE_WRITE | PTE_DIRTY);
    expect(descriptor(u32, slot)).toBe('0x00e8000000200f51');
    expect([pt.leafTables, pt.upperTables]).toEqual([0, 2]);
    expect(pt.entry(slot)).toBe(PTE_PRESENT | PTE_WRITE | PTE_DIRTY | PTE_YOUNG | PTE_USER | PTE_HUGE);
    expect(pt.slot(0x40200000)).toBe(-1);
    expect(pt.slotHuge(0x40212345, 0x200000)).toBe(slot);
    expect(pt.walk(0x40212345)).toBe(pt.entry(slot));
    expect([pt.walkPfn, pt.walkSize]).toEqual([0x212, 0x200000]);
  });

  it('a 64 KiB run is sixteen pages with CONT, changed together', () => {
    const { u32, pt } = boot(arch);
    const slot = pt.slotHugeAlloc(0x40018000, 0x10000);
    expect(slot).toBe(pt.slot(0x40010000));
    pt.setHuge(slot, 0x10000, 0x110, 3, PTE_WRITE | PTE_DIRTY);
    expect(descriptor(u32, slot)).toBe('0x00f8000000110f53');
    expect(descriptor(u32, slot + 30)).toBe('0x00f800000011ff53');
    pt.changeProtHuge(slot, 0x10000, 0, 0);
    expect(descriptor(u32, slot)).toBe('0x04f0000000110f92');
    expect(descriptor(u32, slot + 30)).toBe('0x04f000000011ff92');
    pt.clearHuge(slot, 0x10000);
    expect(pt.nextEntry(0, arch.taskSize)).toBe(-1);
  });

  it('a PROT_NONE block is no table', () => {
    const { u32, pt } = boot(arch);
    const slot = pt.slotHugeAlloc(0x40000000, 2 ** 30);
    pt.setHuge(slot, 2 ** 30, 0, 1, 0);
    pt.changeProtHuge(slot, 2 ** 30, 0, 0);
    expect(descriptor(u32, slot)).toBe('0x0460000000000f90');
    expect(pt.walk(0x40000000)).toBe(PTE_PRESENT | PTE_NONE_PROT | PTE_YOUNG | PTE_HUGE);
    expect(pt.slot(0x40000000)).toBe(-1);
  });

  it('DIRTY and YOUNG of any entry count for the run', () => {
    const { u32, pt } = boot(arch);
    const slot = pt.slotHugeAlloc(0x40000000, 0x10000);
    pt.setHuge(slot, 0x10000, 0x100, 11, PTE_WRITE);
    pt.mkoldHuge(slot, 0x10000);
    expect(pt.entryHuge(slot, 0x10000) & (PTE_DIRTY | PTE_YOUNG)).toBe(0);
    u32[slot + 14] = (u32[slot + 14]! & ~0x80) | 0x400;
    expect(pt.entryHuge(slot, 0x10000) & (PTE_DIRTY | PTE_YOUNG)).toBe(PTE_DIRTY | PTE_YOUNG);
  });

  it('an empty table gives way to a block, a table in use does not', () => {
    const { pt, alloc } = boot(arch);
    const page = pt.slotAlloc(0x40201000);
    pt.setEntry(page, 7, 1, 0);
    expect(pt.slotHuge(0x40200000, 0x200000)).toBe(-1);
    expect(() => pt.slotHugeAlloc(0x40200000, 0x200000)).toThrow('a page table is in use at 0x40200000');
    expect(() => pt.slotHugeAlloc(0x40000000, 2 ** 30)).toThrow('a page table is in use');
    pt.clear(page);
    pt.setHuge(pt.slotHugeAlloc(0x40000000, 2 ** 30), 2 ** 30, 0, 1, 0);
    expect([pt.leafTables, pt.upperTables, alloc.live.size]).toEqual([0, 1, 2]);
    expect(() => pt.slotAlloc(0x40201000)).toThrow('a block already maps 0x40200000');
  });

  it('refuses a size that the granule does not have', () => {
    const { pt } = boot(arch);
    const message = 'arm64 page tables: no huge page of 4194304 bytes with this granule';
    expect(() => pt.slotHuge(0, 2 ** 22)).toThrow(new RangeError(message));
    expect(() => pt.slotHugeAlloc(0, 2 ** 22)).toThrow(RangeError);
  });
});
