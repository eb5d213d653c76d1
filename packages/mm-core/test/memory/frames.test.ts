// The frame allocator: blocks never overlap, everything coalesces again, the books balance, exhaustion is an answer.
import { describe, expect, it } from 'vitest';
import { Frames, MAX_BUDDY_ORDER } from '../../src/memory/frames/buddy.ts';
import { PG_COMPOUND, PG_RESERVED, PG_TABLE } from '../../src/memory/frames/flags.ts';
import { MAX_PHYSICAL_BYTES, PhysicalMemory } from '../../src/memory/frames/physical.ts';
import { validateFrames } from '../../src/memory/validate-frames.ts';
import { GIB, KIB, MIB } from './fixture.ts';
import { random } from '../random.ts';

function machine(bytes: number, pageSize = 4096): Frames {
  return new Frames(PhysicalMemory.create({ bytes, pageSize }));
}

describe('the buddy allocator', () => {
  it('keeps one frame of zeroes for itself', () => {
    const frames = machine(1 * MIB);
    expect(frames.nrFree).toBe(255);
    expect(frames.flags[frames.zeroPfn]! & PG_RESERVED).not.toBe(0);
    expect(frames.refcount[frames.zeroPfn]).toBe(1);
  });

  it('gives blocks that are aligned to their size, and the order back', () => {
    const frames = machine(32 * MIB);
    for (let order = 0; order <= MAX_BUDDY_ORDER; order++) {
      const pfn = frames.alloc(order);
      expect(pfn & ((1 << order) - 1)).toBe(0);
      expect(frames.order(pfn)).toBe(order);
      expect((frames.flags[pfn]! & PG_COMPOUND) !== 0).toBe(order > 0);
    }
  });

  it.each([
    [16 * MIB, 4096],
    [16 * MIB + 12 * KIB, 4096],
    [1500 * 16 * KIB, 16384],
    [3 * MIB, 65536],
  ])('never gives a frame twice and ends as it began: %i bytes, pages of %i', (bytes, pageSize) => {
    const frames = machine(bytes, pageSize);
    const next = random(bytes);
    const start = frames.buddyInfo();
    const free = frames.nrFree;
    const owner = new Int32Array(frames.nrFrames).fill(-1);
    owner[frames.zeroPfn] = 0;
    const held: { pfn: number; order: number; extra: number }[] = [];
    let used = 0;
    let overlaps = 0;
    for (let step = 0; step < 20_000; step++) {
      const wantMore = held.length < 40 ? 3 : 1;
      if (next(4) < wantMore) {
        const order = next(3) === 0 ? next(MAX_BUDDY_ORDER + 1) : next(3);
        const pfn = next(2) === 0 ? frames.alloc(order) : frames.allocZeroed(order);
        if (pfn < 0) continue;
        for (let i = pfn; i < pfn + (1 << order); i++) {
          if (owner[i] !== -1) overlaps++;
          owner[i] = step;
        }
        used += 1 << order;
        held.push({ pfn, order, extra: next(2) });
        if (held.at(-1)!.extra === 1) frames.get(pfn);
      } else if (held.length > 0) {
        const [block] = held.splice(next(held.length), 1);
        const { pfn, order, extra } = block!;
        if (extra === 1) {
          frames.put(pfn);
          expect(frames.refcount[pfn]).toBe(1);
        }
        owner.fill(-1, pfn, pfn + (1 << order));
        used -= 1 << order;
        frames.put(pfn);
      }
      if (frames.nrFree !== free - used) expect(frames.nrFree).toBe(free - used);
    }
    expect(overlaps).toBe(0);
    expect(validateFrames(frames)).toEqual([]);
    for (const { pfn, extra } of held) {
      if (extra === 1) frames.put(pfn);
      frames.put(pfn);
    }
    expect(frames.nrFree).toBe(free);
    expect(frames.buddyInfo()).toEqual(start);
  });

  it('hands single frames out in ascending order, and counts those in waiting as free', () => {
    const frames = machine(4 * MIB);
    const blocks = frames.buddyInfo();
    const got = Array.from({ length: 200 }, () => frames.allocZeroed(0));
    expect(got).toEqual(got.map((_, i) => got[0]! + i));
    expect(frames.nrFree).toBe(frames.nrFrames - 1 - 200);
    expect(validateFrames(frames)).toEqual([]);
    // A block that needs the waiting ones gets them back.
    for (const pfn of got) frames.put(pfn);
    expect(frames.alloc(9)).toBe(512);
    expect(frames.alloc(8)).toBe(256);
    expect(frames.alloc(7)).toBe(128);
    for (const pfn of [512, 256, 128]) frames.put(pfn);
    expect(frames.buddyInfo()).toEqual(blocks);
    expect(validateFrames(frames)).toEqual([]);
  });

  it.each([70, 100, 127, 129])('uses all %i frames of a machine, the last ones in small blocks', (n) => {
    const frames = machine(n * 4096);
    const got = new Set<number>();
    for (let pfn = frames.alloc(0); pfn >= 0; pfn = frames.alloc(0)) got.add(pfn);
    expect(got.size).toBe(n - 1);
    expect(frames.nrFree).toBe(0);
    for (const pfn of got) frames.put(pfn);
    expect(frames.nrFree).toBe(n - 1);
    expect(validateFrames(frames)).toEqual([]);
  });

  it('says -1 when nothing is left, and uses the last frame before', () => {
    const frames = machine(1 * MIB);
    const got = new Set<number>();
    for (let pfn = frames.alloc(0); pfn >= 0; pfn = frames.alloc(0)) got.add(pfn);
    expect(got.size).toBe(255);
    expect(frames.nrFree).toBe(0);
    expect(frames.allocZeroed(0)).toBe(-1);
    expect(frames.alloc(3)).toBe(-1);
    expect(frames.allocTable()).toBe(-1);
    for (const pfn of got) frames.put(pfn);
    expect(frames.alloc(5)).toBeGreaterThan(0);
  });

  it('asks for pages back before it says no', () => {
    const frames = machine(1 * MIB);
    const held: number[] = [];
    frames.reclaim = () => {
      const give = held.splice(0, 2);
      for (const pfn of give) frames.put(pfn);
      return give.length;
    };
    for (let i = 0; i < 255; i++) held.push(frames.alloc(0));
    expect(frames.alloc(0)).toBeGreaterThan(0);
    expect(held.length).toBe(253);
  });

  it('fails the allocation that a test chooses', () => {
    const frames = machine(1 * MIB);
    frames.failNth = 3;
    expect(frames.alloc(0)).toBeGreaterThan(0);
    expect(frames.alloc(2)).toBeGreaterThan(0);
    expect(frames.allocZeroed(0)).toBe(-1);
    expect(frames.failNth).toBe(0);
    expect(frames.alloc(0)).toBeGreaterThan(0);
  });

  it('refuses to free a frame twice or one that is mapped', () => {
    const frames = machine(1 * MIB);
    const pfn = frames.alloc(0);
    frames.mapcount[pfn] = 1;
    expect(() => {
      frames.put(pfn);
    }).toThrow(/bad page/);
    const other = frames.alloc(0);
    frames.put(other);
    expect(() => {
      frames.put(other);
    }).toThrow(/bad page/);
  });

  it('finds books that do not balance', () => {
    const frames = machine(1 * MIB);
    expect(validateFrames(frames)).toEqual([]);
    const pfn = frames.alloc(0);
    frames.mapcount[pfn] = 2;
    frames.nrFree++;
    expect(validateFrames(frames)).toHaveLength(2);
  });

  it('counts page tables', () => {
    const frames = machine(1 * MIB);
    const pfn = frames.allocTable();
    expect(frames.flags[pfn]! & PG_TABLE).not.toBe(0);
    expect(frames.nrPageTable).toBe(1);
    frames.freeTable(pfn);
    expect(frames.nrPageTable).toBe(0);
    expect(frames.nrFree).toBe(255);
  });
});

describe('contents', () => {
  it('are zero where zero was asked for, whatever the frame held', () => {
    const frames = machine(1 * MIB);
    const { physical } = frames;
    const page = new Uint8Array(4096);
    for (let round = 0; round < 3; round++) {
      const pfn = frames.allocZeroed(2);
      for (let i = 0; i < 4; i++) {
        physical.readBytes(pfn + i, 0, page, 0, 4096);
        expect(page.every((b) => b === 0)).toBe(true);
      }
      physical.fillBytes(pfn, 100, 4 * 4096 - 200, 0xa5);
      expect(physical.view.getUint8(pfn * 4096 + 100)).toBe(0xa5);
      expect(physical.view.getUint8((pfn + 4) * 4096 - 101)).toBe(0xa5);
      expect(physical.view.getUint8((pfn + 4) * 4096 - 100)).toBe(0);
      frames.put(pfn);
    }
  });

  it("are not trusted in a caller's buffer", () => {
    const buffer = new SharedArrayBuffer(64 * KIB);
    new Uint8Array(buffer).fill(0xff);
    const frames = new Frames(PhysicalMemory.create({ buffer, pageSize: 4096 }));
    expect(frames.physical.buffer).toBe(buffer);
    expect(frames.physical.u32[frames.zeroPfn * 1024]).toBe(0);
    const pfn = frames.allocZeroed(0);
    expect(new Uint8Array(buffer, pfn * 4096, 4096).every((b) => b === 0)).toBe(true);
  });

  it('are copied by frame and by bytes', () => {
    const frames = machine(1 * MIB);
    const { physical } = frames;
    const [a, b] = [frames.allocZeroed(0), frames.allocZeroed(0)];
    const text = Uint8Array.from({ length: 200 }, (_, i) => i);
    physical.writeBytes(a, 4096 - 200, text, 0, 200);
    physical.copyFrame(b, a);
    const back = new Uint8Array(210);
    physical.readBytes(b, 4096 - 200, back, 5, 200);
    expect(back.slice(5, 205)).toEqual(text);
    physical.zeroFrame(a);
    physical.readBytes(a, 4096 - 3, back, 0, 3);
    expect(back.slice(0, 3)).toEqual(new Uint8Array(3));
  });

  it('wants a size that it can have', () => {
    expect(() => PhysicalMemory.create({ pageSize: 4096 })).toThrow(RangeError);
    expect(() => PhysicalMemory.create({ bytes: MIB, pageSize: 5000 })).toThrow(RangeError);
    expect(() => PhysicalMemory.create({ bytes: MAX_PHYSICAL_BYTES + 4096, pageSize: 4096 })).toThrow(RangeError);
  });
});

describe('a large memory', () => {
  it('costs nothing until it is used, and reaches above 4 GiB', () => {
    const frames = machine(6 * GIB);
    const { physical } = frames;
    expect(frames.nrFree).toBe((6 * GIB) / 4096 - 1);
    // three blocks of 1 GiB leave the first gigabyte, which holds the zero page, alone
    const blocks = [1, 2, 3, 4, 5].map(() => frames.allocContiguous(GIB));
    expect(blocks).toEqual([1, 2, 3, 4, 5].map((g) => (g * GIB) / 4096));
    expect(frames.allocContiguous(GIB)).toBe(-1);
    expect(frames.nrContiguous).toBe((5 * GIB) / 4096);
    const top = blocks[4]! + 77;
    const word = Uint8Array.from({ length: 64 }, (_, i) => 255 - i);
    physical.writeBytes(top, 4032, word, 0, 64);
    expect(physical.view.getUint8(5 * GIB + 77 * 4096 + 4032)).toBe(255);
    physical.copyFrame(3, top);
    const back = new Uint8Array(64);
    physical.readBytes(3, 4032, back, 0, 64);
    expect(back).toEqual(word);
    physical.zeroFrame(top);
    expect(physical.u32[(top + 1) * 1024 - 1]).toBe(0);
    for (const pfn of blocks) frames.put(pfn);
    expect(frames.nrFree).toBe((6 * GIB) / 4096 - 1);
    expect(frames.nrContiguous).toBe(0);
    expect(frames.buddyInfo()[MAX_BUDDY_ORDER]).toBe((6 * GIB) / (4 * MIB) - 1);
  });

  it('makes a pool of 512 MiB pages from 64 KiB frames', () => {
    const frames = machine(2560 * MIB, 65536);
    const small = frames.alloc(0);
    const pool = [0, 1, 2, 3].map(() => frames.allocContiguous(512 * MIB));
    expect(pool).toEqual([1, 2, 3, 4].map((n) => n * 8192));
    expect(frames.allocContiguous(512 * MIB)).toBe(-1);
    frames.put(pool[1]!);
    expect(frames.allocContiguous(512 * MIB)).toBe(pool[1]);
    frames.put(small);
  });
});
