// What is in an entry, bit for bit, after each thing that can be done to it.
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
  createX86_64,
  protectionMap,
} from '@vmarea/arch-x86-64';
import { describe, expect, it } from 'vitest';
import { boot, descriptor } from './machine.ts';

const arch = createX86_64();
const hex = ({ lo, hi }: { lo: number; hi: number }) =>
  `0x${hi.toString(16).padStart(8, '0')}${lo.toString(16).padStart(8, '0')}`;

const NONE = '0x0000000000000120';
const READONLY = '0x8000000000000025';
const READONLY_EXEC = '0x0000000000000025';
const SHARED = '0x8000000000000027';
const SHARED_EXEC = '0x0000000000000027';

const RW = 3;
const PFN = 0x12345;

/** A fresh entry for frame 0x12345, and its slot. */
function stored(prot: number, bits: number) {
  const machine = boot(arch);
  const slot = machine.pt.slotAlloc(0x400000);
  machine.pt.setEntry(slot, PFN, prot, bits);
  return { ...machine, slot, text: () => descriptor(machine.u32, slot) };
}

describe('protectionMap', () => {
  it('is protection_map[] of arch/x86/mm/pgprot.c', () => {
    const values = Array.from({ length: 16 }, (_, index) => hex(protectionMap(index)));
    expect(values).toEqual([
      ...[NONE, READONLY, READONLY, READONLY, READONLY_EXEC, READONLY_EXEC, READONLY_EXEC, READONLY_EXEC],
      ...[NONE, READONLY, SHARED, SHARED, READONLY_EXEC, READONLY_EXEC, SHARED_EXEC, SHARED_EXEC],
    ]);
    expect(arch.protectionMap(11)).toEqual(protectionMap(11));
  });

  it('refuses an index that is none', () => {
    expect(() => protectionMap(64)).toThrow(new RangeError('protectionMap: index 64 is not 0..63'));
  });

  it('gives device and write-combine memory its caching bits', () => {
    expect(hex(protectionMap(3 | (MEMTYPE_NONCACHED << 4)))).toBe('0x800000000000003d');
    expect(hex(protectionMap(3 | (MEMTYPE_WRITECOMBINE << 4)))).toBe('0x800000000000002d');
    expect(hex(protectionMap(3 | (MEMTYPE_DEVICE << 4)))).toBe('0x8000000000000035');
  });
});

describe('page entries', () => {
  it('say what was stored', () => {
    expect(stored(1, 0).text()).toBe('0x8000000012345025');
    expect(stored(5, 0).text()).toBe('0x0000000012345025');
    expect(stored(RW, PTE_WRITE).text()).toBe('0x8000000012345027');
    expect(stored(RW, PTE_WRITE | PTE_DIRTY).text()).toBe('0x8000000012345067');
    expect(stored(1, PTE_SPECIAL).text()).toBe('0x8000000012345225');
    const { pt, slot } = stored(7, PTE_WRITE | PTE_DIRTY);
    expect(pt.entry(slot)).toBe(PTE_PRESENT | PTE_USER | PTE_EXEC | PTE_WRITE | PTE_DIRTY | PTE_YOUNG);
    expect(pt.pfn(slot)).toBe(PFN);
  });

  it('hide a PROT_NONE page from the MMU, with its frame inverted against L1TF', () => {
    const { pt, slot, text } = stored(0, PTE_DIRTY);
    expect(text()).toBe('0x000fffffedcba160');
    expect(pt.entry(slot)).toBe(PTE_PRESENT | PTE_NONE_PROT | PTE_DIRTY | PTE_YOUNG);
    expect(pt.pfn(slot)).toBe(PFN);
    pt.changeProt(slot, RW, PTE_WRITE);
    expect(text()).toBe('0x8000000012345067');
    pt.changeProt(slot, 0, 0);
    expect(text()).toBe('0x000fffffedcba160');
  });

  it('hold the frames of 16 TiB', () => {
    const { pt, slot } = stored(1, 0);
    for (const prot of [0, 1]) {
      pt.setEntry(slot, 0xfedcba98, prot, 0);
      expect(pt.pfn(slot)).toBe(0xfedcba98);
    }
  });

  it('keep their dirt when they lose R/W, and lose it alone', () => {
    const { pt, slot, text } = stored(RW, PTE_WRITE | PTE_DIRTY);
    pt.wrprotect(slot);
    expect(text()).toBe('0x8000000012345065');
    pt.mkclean(slot);
    expect(text()).toBe('0x8000000012345025');
    pt.mkold(slot);
    expect(text()).toBe('0x8000000012345005');
    pt.mkwriteDirty(slot);
    expect(text()).toBe('0x8000000012345067');
    pt.clear(slot);
    expect(text()).toBe('0x0000000000000000');
  });

  it('are marked by the MMU', () => {
    const { pt, slot, text } = stored(RW, PTE_WRITE);
    pt.mkold(slot);
    pt.touch(slot, false);
    expect(text()).toBe('0x8000000012345027');
    pt.touch(slot, true);
    expect(text()).toBe('0x8000000012345067');
  });

  it('take and lose single bits', () => {
    const { pt, slot, text } = stored(RW, 0);
    pt.setBits(slot, PTE_WRITE | PTE_SPECIAL);
    expect(text()).toBe('0x8000000012345227');
    pt.clearBits(slot, PTE_SPECIAL | PTE_YOUNG);
    expect(text()).toBe('0x8000000012345007');
  });

  it('keep frame, dirt, age and memory type in pte_modify', () => {
    const { pt, slot, text } = stored(RW | (MEMTYPE_WRITECOMBINE << 4), PTE_WRITE | PTE_DIRTY);
    pt.changeProt(slot, 5, 0);
    expect(text()).toBe('0x000000001234506d');
  });
});

describe('protection keys', () => {
  it('stand in bits 59 to 62', () => {
    const { pt, slot, text } = stored(RW | (5 << 6), PTE_WRITE);
    expect(text()).toBe('0xa800000012345027');
    expect(pt.pkey(slot)).toBe(5);
  });

  it('deny access to data, not to instructions, as pkru says', () => {
    const { pt, slot } = stored(7 | (2 << 6), PTE_WRITE);
    expect(pt.entry(slot) & (PTE_USER | PTE_EXEC)).toBe(PTE_EXEC);
    pt.pkru = 0;
    expect(pt.entry(slot) & PTE_USER).toBe(PTE_USER);
  });

  it('make PROT_EXEC alone execute-only, on CPUs that have them', () => {
    const keys = boot(createX86_64({ protectionKeys: true }));
    const slot = keys.pt.slotAlloc(0x400000);
    keys.pt.setEntry(slot, PFN, 4, 0);
    expect(descriptor(keys.u32, slot)).toBe('0x0800000012345025');
    expect(keys.pt.entry(slot) & (PTE_USER | PTE_EXEC)).toBe(PTE_EXEC);
    keys.pt.changeProt(slot, 5, 0);
    expect(descriptor(keys.u32, slot)).toBe('0x0000000012345025');
    const { pt, slot: plain } = stored(4, 0);
    expect(pt.entry(plain) & PTE_USER).toBe(PTE_USER);
  });
});

describe('huge pages', () => {
  const M2 = 2 ** 21;
  const G1 = 2 ** 30;

  it('are one entry with PS', () => {
    const { pt, u32 } = boot(arch);
    const two = pt.slotHugeAlloc(3 * M2, M2);
    pt.setHuge(two, M2, 0x400, RW, PTE_WRITE);
    expect(descriptor(u32, two)).toBe('0x80000000004000a7');
    expect(pt.entry(two) & PTE_HUGE).toBe(PTE_HUGE);
    const one = pt.slotHugeAlloc(5 * G1, G1);
    pt.setHuge(one, G1, 0x80000, 0, 0);
    expect(descriptor(u32, one)).toBe('0x000fffff7ffff1a0');
    expect([pt.pfn(one), pt.entry(one) & PTE_HUGE]).toEqual([0x80000, PTE_HUGE]);
    expect([pt.leafTables, pt.upperTables]).toEqual([0, 2]);
    pt.clearHuge(one, G1);
    expect(pt.slotHuge(5 * G1, G1)).toBe(one);
    expect(pt.walk(5 * G1)).toBe(0);
  });

  it('have two sizes', () => {
    const { pt } = boot(arch);
    const error = new RangeError('x86-64 page tables: no huge page of 65536 bytes');
    expect(() => pt.slotHuge(0, 65536)).toThrow(error);
    expect(() => pt.setHuge(0, 65536, 0, RW, 0)).toThrow(error);
  });

  it('do not share an address with a table in use', () => {
    const { pt } = boot(arch);
    pt.setEntry(pt.slotAlloc(M2 + 4096), 1, RW, 0);
    expect(pt.slotHuge(M2, M2)).toBe(-1);
    expect(() => pt.slotHugeAlloc(M2, M2)).toThrow('slotHugeAlloc: a page table is in use at 0x200000');
    pt.clear(pt.slot(M2 + 4096));
    const slot = pt.slotHugeAlloc(M2, M2);
    pt.setHuge(slot, M2, 512, RW, 0);
    expect(() => pt.slotAlloc(M2)).toThrow('slotAlloc: a huge page already maps 0x200000');
  });
});
