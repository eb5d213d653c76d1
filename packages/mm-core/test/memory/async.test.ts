// Storage that must be awaited: one read per page for everybody, errors told once, and files that change meanwhile.
import { EIO, ENOSPC } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { RETRY } from '../../src/base/errno.ts';
import { AddressSpaceOperations } from '../../src/memory/cache/operations.ts';
import { PG_LOCKED, PG_WRITEBACK } from '../../src/memory/frames/flags.ts';
import { validateFrames } from '../../src/memory/validate-frames.ts';
import { Disk, MIB, TestCore } from './fixture.ts';
import { random } from '../random.ts';

const PAGE = 4096;

function slowDisk(pages: number): { core: TestCore; disk: Disk; file: ReturnType<TestCore['file']>; free: number } {
  const core = new TestCore();
  const free = core.frames.nrFree;
  const disk = new Disk(pages * PAGE);
  disk.bytes.fill(0x61);
  disk.slow = true;
  return { core, disk, file: core.file(disk.aOps, pages * PAGE), free };
}

describe('a read that must be awaited', () => {
  it('is shared by all who want the page; the first who finds it done had the major fault', async () => {
    const { core, disk, file } = slowDisk(4);
    expect(file.getOrRead(1)).toBe(-1);
    expect(file.lastError).toBe(RETRY);
    const first = core.system.current.pending;
    expect(file.getOrRead(1)).toBe(-1);
    expect(core.system.current.pending).toBe(first);
    expect(disk.reads).toBe(1);
    expect(file.isUptodate(1)).toBe(false);
    expect(core.frames.flags[file.find(1)]! & PG_LOCKED).not.toBe(0);
    await disk.release();
    await first;
    const pfn = file.getOrRead(1);
    expect(pfn).toBeGreaterThan(0);
    expect(file.lastMajor).toBe(true);
    expect(file.getOrRead(1)).toBe(pfn);
    expect(file.lastMajor).toBe(false);
    expect(core.frames.refcount[pfn]).toBe(3);
    expect(core.physical.view.getUint8(pfn * PAGE)).toBe(0x61);
  });

  it('brings in all pages that one read(2) needs', async () => {
    const { core, disk, file } = slowDisk(8);
    const out = new Uint8Array(5 * PAGE);
    expect(file.read(PAGE, out, 0, out.length)).toBe(RETRY);
    const pending = core.system.current.pending;
    expect(disk.reads).toBe(5);
    await disk.release();
    await pending;
    expect(file.read(PAGE, out, 0, out.length)).toBe(out.length);
    expect(out.every((b) => b === 0x61)).toBe(true);
    expect(disk.reads).toBe(5);
  });

  it('an error is told once to those who waited; whoever comes later reads anew', async () => {
    const { core, disk, file, free } = slowDisk(4);
    disk.error = -EIO;
    expect(file.getOrRead(0)).toBe(-1);
    const { pending } = core.system.current;
    await disk.release();
    await pending;
    expect(file.find(0)).toBe(-1);
    expect(core.frames.nrFree).toBe(free);
    expect(file.getOrRead(0)).toBe(-1);
    expect(file.lastError).toBe(-EIO);
    disk.error = 0;
    disk.slow = false;
    expect(file.getOrRead(0)).toBeGreaterThan(0);
  });

  it('a promise that rejects is -EIO, and RETRY without a promise too', async () => {
    const core = new TestCore();
    let with_ = true;
    const ops = new AddressSpaceOperations({
      readPage: (mapping) => {
        if (with_) mapping.core.system.current.pending = Promise.reject(new Error('unplugged'));
        return RETRY;
      },
    });
    const file = core.file(ops, PAGE);
    expect(file.getOrRead(0)).toBe(-1);
    expect(file.lastError).toBe(RETRY);
    await core.system.current.pending;
    expect(file.getOrRead(0)).toBe(-1);
    expect(file.lastError).toBe(-EIO);
    with_ = false;
    core.system.current.pending = Promise.resolve();
    expect(file.getOrRead(0)).toBe(-1);
    expect(file.lastError).toBe(-EIO);
    expect(file.nrPages).toBe(0);
  });

  it('an error of a read ahead, which nobody awaits, is forgotten', async () => {
    const { disk, file, free, core } = slowDisk(4);
    disk.error = -EIO;
    file.readahead(0, 100);
    expect(file.nrPages).toBe(4);
    expect(core.system.current.pending).toBe(null);
    await disk.release();
    expect(core.frames.nrFree).toBe(free);
    disk.error = 0;
    disk.slow = false;
    expect(file.getOrRead(2)).toBeGreaterThan(0);
  });

  it('may end after the page was truncated: the frame stays out of use until then', async () => {
    const { core, disk, file, free } = slowDisk(4);
    expect(file.getOrRead(3)).toBe(-1);
    const { pending } = core.system.current;
    const pfn = file.find(3);
    file.truncate(PAGE);
    expect(file.nrPages).toBe(0);
    expect(core.frames.refcount[pfn]).toBe(1);
    file.host.iSize = 4 * PAGE;
    disk.slow = false;
    disk.bytes.fill(0x62);
    const again = file.getOrRead(3);
    expect(again).not.toBe(pfn);
    await disk.release();
    await pending;
    expect(file.find(3)).toBe(again);
    expect(core.physical.view.getUint8(again * PAGE)).toBe(0x62);
    core.frames.put(again);
    file.evict();
    expect(core.frames.nrFree).toBe(free);
  });

  it('may end while another one of the same page, after a truncation, is still under way', async () => {
    const { core, disk, file, free } = slowDisk(4);
    expect(file.getOrRead(3)).toBe(-1);
    file.truncate(0);
    file.host.iSize = 4 * PAGE;
    expect(file.getOrRead(3)).toBe(-1);
    await disk.release(false);
    expect(file.isUptodate(3)).toBe(false);
    expect(file.getOrRead(3)).toBe(-1);
    expect(file.lastError).toBe(RETRY);
    expect(disk.reads).toBe(2);
    await disk.release();
    expect(file.isUptodate(3)).toBe(true);
    file.evict();
    expect(core.frames.nrFree).toBe(free);
  });

  it('may end after the file has gone', async () => {
    const { core, disk, file, free } = slowDisk(4);
    file.readahead(0, 4);
    file.evict();
    await disk.release();
    expect(core.frames.nrFree).toBe(free);
  });

  it('does not bring back what was truncated or punched within the page', async () => {
    const { core, disk, file } = slowDisk(2);
    expect(file.getOrRead(1)).toBe(-1);
    const { pending } = core.system.current;
    file.truncate(PAGE + 100);
    file.host.iSize = 2 * PAGE;
    file.punchHole(PAGE + 10, PAGE + 20);
    await disk.release();
    await pending;
    const out = new Uint8Array(PAGE);
    expect(file.read(PAGE, out, 0, PAGE)).toBe(PAGE);
    expect(out.every((b, i) => b === (i >= 100 || (i >= 10 && i < 20) ? 0 : 0x61))).toBe(true);
  });
});

describe('a write that must await', () => {
  it('changes nothing before all that it needs is there', async () => {
    const { core, disk, file } = slowDisk(4);
    const data = new Uint8Array(2 * PAGE).fill(0x7a);
    // both ends are written in part
    for (let rounds = 0; ; rounds++) {
      const n = file.write(PAGE + 8, data, 0, 2 * PAGE);
      if (n !== RETRY) {
        expect(n).toBe(2 * PAGE);
        expect(rounds).toBe(2);
        break;
      }
      expect(file.nrDirty).toBe(0);
      const { pending } = core.system.current;
      await disk.release();
      await pending;
    }
    expect(disk.reads).toBe(2);
    disk.slow = false;
    const out = new Uint8Array(4 * PAGE);
    file.read(0, out, 0, out.length);
    expect(out.every((b, i) => b === (i >= PAGE + 8 && i < 3 * PAGE + 8 ? 0x7a : 0x61))).toBe(true);
  });

  it('waits for a page that is being read even if it fills it whole', async () => {
    const { core, disk, file } = slowDisk(2);
    file.readahead(0, 1);
    const data = new Uint8Array(PAGE).fill(0x7a);
    expect(file.write(0, data, 0, PAGE)).toBe(RETRY);
    const { pending } = core.system.current;
    await disk.release();
    await pending;
    expect(file.write(0, data, 0, PAGE)).toBe(PAGE);
    expect(core.physical.view.getUint8(file.find(0) * PAGE)).toBe(0x7a);
  });

  it('writes what comes before a page that cannot be read', () => {
    const disk = new Disk(2 * PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, 2 * PAGE);
    disk.error = -EIO;
    expect(file.write(0, new Uint8Array(PAGE + 5), 0, PAGE + 5)).toBe(PAGE);
    expect(file.write(PAGE, new Uint8Array(5), 0, 5)).toBe(-EIO);
  });
});

describe('write-back', () => {
  it('cleans each dirty page in its mappings, then writes it', () => {
    const disk = new Disk(8 * PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, 8 * PAGE);
    const data = new Uint8Array(3 * PAGE).fill(0x7a);
    file.write(2 * PAGE, data, 0, 3 * PAGE);
    expect(file.nrDirty).toBe(3);
    expect(file.writeback(3 * PAGE + 5, 4 * PAGE, true)).toBe(0);
    expect(core.asked).toEqual(['clean 3']);
    expect(file.nextDirty(0)).toBe(2);
    expect(file.nextDirty(3)).toBe(4);
    expect(file.writeback(0, Infinity, false)).toBe(0);
    expect(disk.writes).toBe(3);
    expect(file.nrDirty).toBe(0);
    expect(core.frames.nrFileDirty).toBe(0);
    expect(disk.bytes[5 * PAGE - 1]).toBe(0x7a);
    expect(disk.bytes[5 * PAGE]).toBe(0);
  });

  it('is awaited by fsync, not by others', async () => {
    const disk = new Disk(2 * PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, 2 * PAGE);
    file.write(0, new Uint8Array(2 * PAGE).fill(1), 0, 2 * PAGE);
    disk.slow = true;
    expect(file.writeback(0, Infinity, false)).toBe(0);
    expect(core.frames.nrWriteback).toBe(2);
    expect(core.frames.flags[file.find(0)]! & PG_WRITEBACK).not.toBe(0);
    expect(file.invalidate(0, 2)).toBe(0);
    expect(file.writeback(0, PAGE, true)).toBe(RETRY);
    const { pending } = core.system.current;
    await disk.release();
    await pending;
    expect(file.writeback(0, PAGE, true)).toBe(0);
    expect(core.frames.nrWriteback).toBe(0);
    expect(disk.bytes[0]).toBe(1);
    expect(file.invalidate(0, 2)).toBe(2);
  });

  it('a page that is stored to while it is written is written again', async () => {
    const disk = new Disk(PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, PAGE);
    file.write(0, new Uint8Array(PAGE).fill(1), 0, PAGE);
    disk.slow = true;
    file.writeback(0, Infinity, false);
    file.write(0, new Uint8Array(PAGE).fill(2), 0, PAGE);
    expect(disk.writes).toBe(1);
    let rounds = 0;
    while (file.writeback(0, Infinity, true) === RETRY) {
      const { pending } = core.system.current;
      await disk.release();
      await pending;
      rounds++;
    }
    expect(rounds).toBe(2);
    expect(disk.writes).toBe(2);
    expect(disk.bytes[0]).toBe(2);
  });

  it('tells an error to the first who waits', async () => {
    const disk = new Disk(PAGE);
    const core = new TestCore();
    const file = core.file(disk.aOps, PAGE);
    file.write(0, new Uint8Array(PAGE), 0, PAGE);
    disk.error = -ENOSPC;
    expect(file.writeback(0, Infinity, false)).toBe(0);
    expect(file.writebackErrors).toBe(1);
    expect(file.writeback(0, Infinity, true)).toBe(-ENOSPC);
    expect(file.writeback(0, Infinity, true)).toBe(0);
    disk.slow = true;
    file.write(0, new Uint8Array(PAGE), 0, PAGE);
    expect(file.writeback(0, Infinity, true)).toBe(RETRY);
    const { pending } = core.system.current;
    await disk.release();
    await pending;
    expect(file.writeback(0, Infinity, true)).toBe(-ENOSPC);
  });

  it('ends in peace when the page was truncated meanwhile', async () => {
    const disk = new Disk(PAGE);
    const core = new TestCore();
    const free = core.frames.nrFree;
    const file = core.file(disk.aOps, PAGE);
    file.write(0, new Uint8Array(PAGE), 0, PAGE);
    disk.slow = true;
    file.writeback(0, Infinity, false);
    file.truncate(0);
    await disk.release();
    expect(core.frames.nrFree).toBe(free);
    expect(core.frames.nrWriteback).toBe(0);
  });
});

describe('a slow disk against a byte array', () => {
  it.each([21, 22, 23])('seed %i: reads and writes that are repeated, while reads end when they like', async (seed) => {
    const next = random(seed);
    const core = new TestCore(4 * MIB);
    const free = core.frames.nrFree;
    const pages = 20;
    const disk = new Disk(pages * PAGE);
    const file = core.file(disk.aOps, pages * PAGE);
    const model = new Uint8Array(pages * PAGE);
    disk.slow = true;
    const wait = async (call: () => number): Promise<number> => {
      for (;;) {
        const n = call();
        if (n !== RETRY) return n;
        const { pending } = core.system.current;
        while (next(3) !== 0) await disk.release(false);
        await disk.release();
        await pending;
      }
    };
    for (let step = 0; step < 400; step++) {
      if (step % 20 === 0) expect(validateFrames(core.frames)).toEqual([]);
      const pos = next(pages * PAGE);
      const len = 1 + next(Math.min(3 * PAGE, pages * PAGE - pos));
      switch (next(5)) {
        case 0:
          file.readahead(next(pages), pages);
          break;
        case 1: {
          const data = new Uint8Array(len).fill(1 + (step & 127));
          expect(await wait(() => file.write(pos, data, 0, len))).toBe(len);
          model.fill(1 + (step & 127), pos, pos + len);
          break;
        }
        case 2:
          if (next(3) === 0) file.invalidate(0, pages);
          else expect(await wait(() => file.writeback(0, Infinity, true))).toBe(0);
          break;
        default: {
          const out = new Uint8Array(len);
          expect(await wait(() => file.read(pos, out, 0, len))).toBe(len);
          expect(Buffer.compare(out, model.subarray(pos, pos + len))).toBe(0);
        }
      }
    }
    file.evict();
    await disk.release();
    expect(core.frames.nrFree).toBe(free);
  });
});
