// The page cache: what read(2) and write(2), truncation and holes do to it, against one array of bytes per file.
import { EIO, ENOMEM, ENOSPC } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { AddressSpaceOperations } from '../../src/memory/cache/operations.ts';
import type { AddressSpace } from '../../src/memory/cache/address-space.ts';
import { PG_CACHED, PG_DIRTY } from '../../src/memory/frames/flags.ts';
import { validateFrames } from '../../src/memory/validate-frames.ts';
import { Disk, MIB, RAMFS, SHMEM, TestCore } from './fixture.ts';
import { random } from '../random.ts';

const PAGE = 4096;

function bytesOf(mapping: AddressSpace, pos: number, len: number): Uint8Array {
  const out = new Uint8Array(len);
  const n = mapping.read(pos, out, 0, len);
  expect(n).toBeGreaterThanOrEqual(0);
  return out.subarray(0, n);
}

function text(s: string): Uint8Array {
  return new TextEncoder().encode(s);
}

function put(mapping: AddressSpace, pos: number, s: string): number {
  const bytes = text(s);
  return mapping.write(pos, bytes, 0, bytes.length);
}

describe('read and write', () => {
  it('a write makes the file longer, a gap reads zero', () => {
    const file = new TestCore().file(RAMFS);
    expect(put(file, 2 * PAGE - 2, 'abcd')).toBe(4);
    expect(file.host.iSize).toBe(2 * PAGE + 2);
    expect(file.nrPages).toBe(2);
    expect(bytesOf(file, 2 * PAGE - 4, 100)).toEqual(text('\0\0abcd'));
    expect(file.read(2 * PAGE + 2, new Uint8Array(1), 0, 1)).toBe(0);
  });

  it('reading a hole brings a page into ramfs, none into shmem', () => {
    const core = new TestCore();
    const ramfs = core.file(RAMFS, 8 * PAGE);
    const shmem = core.file(SHMEM, 8 * PAGE);
    expect(bytesOf(ramfs, 0, 3 * PAGE)).toEqual(new Uint8Array(3 * PAGE));
    expect(bytesOf(shmem, 0, 3 * PAGE)).toEqual(new Uint8Array(3 * PAGE));
    expect(ramfs.nrPages).toBe(3);
    expect(shmem.nrPages).toBe(0);
    expect(core.frames.nrFilePages).toBe(3);
    expect(ramfs.isDirty(0)).toBe(false);
  });

  it('written pages are dirty in a file without storage too, and never wait to be written back', () => {
    const core = new TestCore();
    const file = core.file(SHMEM);
    put(file, 0, 'x');
    expect(file.isDirty(0)).toBe(true);
    expect(file.nrDirty).toBe(0);
    expect(core.frames.nrShmem).toBe(1);
    expect(core.frames.nrFilePages).toBe(1);
  });

  it('reads a page that is written in part, unless it lies behind the end of the file', () => {
    const disk = new Disk(3 * PAGE);
    disk.bytes.fill(0x61);
    const file = new TestCore().file(disk.aOps, 3 * PAGE);
    put(file, 10, 'XY');
    expect(disk.reads).toBe(1);
    expect(bytesOf(file, 9, 4)).toEqual(text('aXYa'));
    file.write(PAGE, new Uint8Array(PAGE), 0, PAGE);
    put(file, 3 * PAGE + 5, 'Z');
    expect(disk.reads).toBe(1);
    expect(bytesOf(file, 3 * PAGE + 4, 9)).toEqual(text('\0Z'));
  });

  it('stops at a page that cannot be had, and says so when it was the first', () => {
    const core = new TestCore();
    const quota = new AddressSpaceOperations({
      zeroFill: true,
      swapBacked: true,
      allocPage: (mapping) => (mapping.nrPages < 2 ? mapping.frames.allocZeroed(0) : -ENOSPC),
    });
    const file = core.file(quota);
    const big = new Uint8Array(4 * PAGE).fill(1);
    expect(file.write(100, big, 0, big.length)).toBe(2 * PAGE - 100);
    expect(file.host.iSize).toBe(2 * PAGE);
    expect(file.write(2 * PAGE, big, 0, 10)).toBe(-ENOSPC);
    const plain = core.file(RAMFS);
    core.frames.failNth = 1;
    expect(plain.write(0, big, 0, 10)).toBe(-ENOMEM);
    expect(plain.host.iSize).toBe(0);
    expect(plain.nrPages).toBe(0);
  });

  it('an error of the device ends a read early', () => {
    const disk = new Disk(4 * PAGE);
    const file = new TestCore().file(disk.aOps, 4 * PAGE);
    bytesOf(file, 0, PAGE);
    disk.error = -EIO;
    expect(file.read(100, new Uint8Array(PAGE), 0, PAGE)).toBe(PAGE - 100);
    expect(file.read(PAGE, new Uint8Array(PAGE), 0, PAGE)).toBe(-EIO);
    expect(file.nrPages).toBe(1);
    disk.error = 0;
    expect(bytesOf(file, PAGE, 10)).toEqual(new Uint8Array(10));
  });
});

describe('truncate and holes', () => {
  it('truncation unmaps everything behind, private copies too, and zeroes the tail of the last page', () => {
    const core = new TestCore();
    const file = core.file(SHMEM);
    file.write(0, new Uint8Array(4 * PAGE).fill(0x41), 0, 4 * PAGE);
    file.truncate(PAGE + 16);
    expect(core.asked).toEqual(['unmap 2+Infinity even']);
    expect(file.nrPages).toBe(2);
    file.host.iSize = 4 * PAGE;
    const back = bytesOf(file, 0, 4 * PAGE);
    expect(back.subarray(0, PAGE + 16).every((b) => b === 0x41)).toBe(true);
    expect(back.subarray(PAGE + 16).every((b) => b === 0)).toBe(true);
  });

  it('what a mapping stored behind the end stays when the file grows over it', () => {
    const core = new TestCore();
    const file = core.file(SHMEM);
    put(file, 0, 'AAAA');
    core.physical.writeBytes(file.find(0), 4, text('BB'), 0, 2);
    file.host.iSize = 16;
    expect(bytesOf(file, 0, 8)).toEqual(text('AAAABB\0\0'));
    file.truncate(2);
    file.host.iSize = 8;
    expect(bytesOf(file, 0, 8)).toEqual(text('AA\0\0\0\0\0\0'));
  });

  it('a punched hole drops whole pages and zeroes the rest; private copies stay', () => {
    const core = new TestCore();
    const file = core.file(SHMEM);
    file.write(0, new Uint8Array(8 * PAGE).fill(0x41), 0, 8 * PAGE);
    file.punchHole(0x800, 3 * PAGE + 0x10);
    expect(core.asked).toEqual(['unmap 1+2 own']);
    expect(file.nrPages).toBe(6);
    const back = bytesOf(file, 0, 8 * PAGE);
    expect(back.every((b, i) => b === (i >= 0x800 && i < 3 * PAGE + 0x10 ? 0 : 0x41))).toBe(true);
    file.punchHole(4 * PAGE + 1, 4 * PAGE + 3);
    expect(bytesOf(file, 4 * PAGE, 4)).toEqual(text('A\0\0A'));
    expect(core.asked.length).toBe(1);
    expect(file.host.iSize).toBe(8 * PAGE);
  });

  it('tells the filesystem of each page that goes', () => {
    const gone: number[] = [];
    const ops = new AddressSpaceOperations({
      zeroFill: true,
      freePage: (_mapping, index) => {
        gone.push(index);
      },
    });
    const core = new TestCore();
    const free = core.frames.nrFree;
    const file = core.file(ops);
    file.write(0, new Uint8Array(5 * PAGE), 0, 5 * PAGE);
    file.truncate(3 * PAGE);
    file.punchHole(0, PAGE);
    file.evict();
    expect(gone).toEqual([3, 4, 0, 1, 2]);
    expect(core.frames.nrFree).toBe(free);
    expect(core.frames.nrFilePages).toBe(0);
  });

  it('a page that somebody else holds outlives the file', () => {
    const core = new TestCore();
    const file = core.file(RAMFS, PAGE);
    const pfn = file.getOrRead(0);
    file.evict();
    expect(core.frames.refcount[pfn]).toBe(1);
    expect(core.frames.flags[pfn]! & (PG_CACHED | PG_DIRTY)).toBe(0);
    expect(core.frames.owner(pfn)).toBe(null);
    core.frames.put(pfn);
  });

  it('invalidation spares what is dirty, mapped or held', () => {
    const disk = new Disk(8 * PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, 8 * PAGE);
    bytesOf(file, 0, 8 * PAGE);
    file.setDirty(1);
    core.frames.mapcount[file.find(2)] = 1;
    core.frames.get(file.find(3));
    expect(file.invalidate(0, 6)).toBe(3);
    expect([0, 1, 2, 3, 4, 5, 6, 7].filter((i) => file.find(i) >= 0)).toEqual([1, 2, 3, 6, 7]);
  });

  it('clean pages make room when memory is exhausted', () => {
    const core = new TestCore(MIB);
    const disk = new Disk(400 * PAGE);
    disk.bytes.fill(0x61);
    const file = core.file(disk.aOps, 400 * PAGE);
    expect(bytesOf(file, 0, 400 * PAGE).every((b) => b === 0x61)).toBe(true);
    expect(file.nrPages).toBeLessThan(256);
    const pinned = core.file(RAMFS);
    const all = new Uint8Array(300 * PAGE);
    expect(pinned.write(0, all, 0, all.length)).toBe(255 * PAGE);
    expect(pinned.write(255 * PAGE, all, 0, 1)).toBe(-ENOMEM);
    expect(file.nrPages).toBe(0);
  });

  it('dirty pages are written to make room', () => {
    const core = new TestCore(MIB);
    const disk = new Disk(0);
    const file = core.file(disk.aOps);
    const data = Uint8Array.from({ length: 400 * PAGE }, (_, i) => i >> 12);
    expect(file.write(0, data, 0, data.length)).toBe(data.length);
    expect(disk.writes).toBeGreaterThanOrEqual(145);
    expect(Buffer.compare(bytesOf(file, 0, data.length), data)).toBe(0);
    expect(validateFrames(core.frames)).toEqual([]);
  });
});

/** What a file is: bytes up to a size. */
class Model {
  bytes: Uint8Array = new Uint8Array(0);

  resize(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.bytes.subarray(0, size));
    this.bytes = next;
  }
}

describe.each(['ramfs', 'shmem', 'disk'] as const)('%s against a byte array', (kind) => {
  it.each([11, 12, 13, 14])('seed %i', (seed) => {
    const next = random(seed);
    const core = new TestCore(4 * MIB, seed % 2 === 0 ? 4096 : 16384);
    const { pageSize } = core.system;
    const free = core.frames.nrFree;
    const disk = new Disk(0);
    const file = core.file(kind === 'disk' ? disk.aOps : kind === 'ramfs' ? RAMFS : SHMEM);
    const model = new Model();
    const limit = 40 * pageSize;
    const data = new Uint8Array(limit);
    const at = (): number => (next(3) === 0 ? next(40) * pageSize : next(limit));
    const resizeDisk = (size: number): void => {
      if (kind === 'disk') disk.resize(size);
    };
    for (let step = 0; step < 1500; step++) {
      const pos = at();
      const len = Math.min(limit - pos, next(4) === 0 ? pageSize * (1 + next(4)) : 1 + next(3 * pageSize));
      switch (next(8)) {
        case 0:
        case 1:
        case 2: {
          data.fill(1 + (step & 127), 0, len);
          expect(file.write(pos, data, 0, len)).toBe(len);
          if (pos + len > model.bytes.length) model.resize(pos + len);
          model.bytes.fill(1 + (step & 127), pos, pos + len);
          break;
        }
        case 3:
          file.truncate(pos);
          resizeDisk(pos);
          model.resize(pos);
          break;
        case 4:
          file.punchHole(pos, pos + len);
          if (kind === 'disk') disk.bytes.fill(0, pos, pos + len);
          model.bytes.fill(0, pos, pos + len);
          break;
        case 5: {
          // a store through a mapping
          const index = Math.floor(pos / pageSize);
          if (index * pageSize >= model.bytes.length) break;
          const pfn = file.getOrRead(index);
          expect(pfn).toBeGreaterThan(0);
          const off = pos & (pageSize - 1);
          const n = Math.min(8, pageSize - off, model.bytes.length - pos);
          if (n > 0) {
            core.physical.fillBytes(pfn, off, n, 0xee);
            model.bytes.fill(0xee, pos, pos + n);
            file.setDirty(index);
          }
          core.frames.put(pfn);
          break;
        }
        case 6:
          if (kind === 'disk' && next(2) === 0) expect(file.writeback(pos, pos + len, true)).toBe(0);
          else if (kind === 'disk') file.invalidate(next(40), 40);
          break;
        default: {
          const out = new Uint8Array(len);
          const n = file.read(pos, out, 0, len);
          const want = model.bytes.subarray(pos, pos + len);
          expect(n).toBe(want.length);
          expect(Buffer.compare(out.subarray(0, n), want)).toBe(0);
        }
      }
      if (file.host.iSize !== model.bytes.length) expect(file.host.iSize).toBe(model.bytes.length);
      if (step % 50 === 0) expect(validateFrames(core.frames)).toEqual([]);
      expect(core.frames.nrFilePages).toBe(file.nrPages);
      expect(core.frames.nrFree).toBe(free - file.nrPages);
      expect(core.frames.nrFileDirty).toBe(file.nrDirty);
    }
    const out = new Uint8Array(model.bytes.length);
    expect(file.read(0, out, 0, out.length)).toBe(out.length);
    expect(Buffer.compare(out, model.bytes)).toBe(0);
    if (kind === 'disk') {
      expect(file.writeback(0, Infinity, true)).toBe(0);
      disk.resize(model.bytes.length);
      expect(Buffer.compare(disk.bytes, model.bytes)).toBe(0);
    }
    file.evict();
    expect(core.frames.nrFree).toBe(free);
    expect(core.frames.nrFileDirty).toBe(0);
  });
});
