// Files whose storage must be awaited: a fault, populate or copy says RETRY, holds nothing, and finds its mapping again.
import { MADV_POPULATE_READ, LINUX_6_1, MADV_WILLNEED } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, doMunmap, RETRY } from '../../src/index.ts';
import { copyFromUser } from '../../src/memory/index.ts';
import { FAULT_BEYOND_EOF, FAULT_OWNER_SIGBUS } from '../../src/reasons.ts';
import { Disk } from './fixture.ts';
import { decisionOf, Machine, PAGE, PROFILES_UNDER_TEST, rssOf, type TestFile, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;

interface Scene {
  m: Machine;
  t: TestTask;
  disk: Disk;
  f: TestFile;
}

function scenes(): Scene[] {
  return PROFILES_UNDER_TEST.map((profile) => {
    const m = new Machine(profile);
    const disk = new Disk(4 * PAGE);
    for (let i = 0; i < 4; i++) disk.bytes[i * PAGE] = 10 + i;
    disk.slow = true;
    const t = m.task();
    const f = m.file(4 * PAGE, disk.aOps);
    t.shared(f, A, 4);
    return { m, t, disk, f };
  });
}

describe('a fault on a page that must be awaited', () => {
  it('is retried when the read has ended, and counts once, as major', async () => {
    for (const { m, t, disk } of scenes()) {
      expect(t.load(A + PAGE)).toBe('RETRY');
      expect(m.system.current.pending).not.toBeNull();
      expect(t.load(A + PAGE)).toBe('RETRY');
      const other = m.task();
      expect([t.cur.minFlt, t.cur.majFlt]).toEqual([0, 0]);
      await disk.release();
      expect(t.load(A + PAGE)).toBe(11);
      expect([t.cur.minFlt, t.cur.majFlt]).toEqual([0, 1]);
      expect(disk.reads).toBe(1);
      other.exit();
      m.end();
    }
  });

  it('survives munmap, truncate, fork and exit meanwhile', async () => {
    for (const { m, t, disk, f } of scenes()) {
      expect(t.load(A)).toBe('RETRY');
      const child = t.fork();
      doMunmap(t.cur, A, PAGE);
      expect(child.load(A + PAGE)).toBe('RETRY');
      f.pages.truncate(PAGE);
      await disk.release();
      expect(t.load(A)).toContain('SIGSEGV 1');
      expect(child.load(A)).toBe(10);
      expect(child.load(A + PAGE)).toContain('SIGBUS 2');
      expect(decisionOf(child)).toBe(FAULT_BEYOND_EOF);
      child.exit();
      m.end();
    }
  });

  it('becomes SIGBUS when the storage fails, and may succeed later', async () => {
    for (const { m, t, disk } of scenes()) {
      disk.error = -5;
      expect(t.load(A)).toBe('RETRY');
      await disk.release();
      expect(t.load(A)).toContain('SIGBUS 2');
      expect(decisionOf(t)).toBe(FAULT_OWNER_SIGBUS);
      disk.error = 0;
      expect(t.load(A)).toBe('RETRY');
      await disk.release();
      expect(t.load(A)).toBe(10);
      m.end();
    }
  });

  it('also before a private copy: no frame is held while waiting', async () => {
    for (const { m, t, disk, f } of scenes()) {
      t.private_(f, A + 0x10000, 1, 3, 2);
      const free = m.memory.frames.nrFree;
      expect(t.store(A + 0x10000 + 1, 9)).toBe('RETRY');
      // the page of the file, and the tables
      expect(free - m.memory.frames.nrFree).toBeLessThanOrEqual(1 + 3);
      await disk.release();
      expect(t.store(A + 0x10000 + 1, 9)).toBe('ok');
      expect(t.load(A + 0x10000)).toBe(12);
      expect(rssOf(t)).toEqual([1, 0, 0]);
      m.end();
    }
  });
});

describe('calls that need pages', () => {
  it('populate and kernel copies go on where they were', async () => {
    for (const { m, t, disk } of scenes()) {
      let rounds = 0;
      while (m.memory.populate(t.cur, A, 4 * PAGE, false) === RETRY) {
        rounds++;
        await disk.release();
      }
      expect(rounds).toBeGreaterThan(0);
      expect(rssOf(t)).toEqual([0, 4, 0]);
      m.end();
    }
    for (const { m, t, disk } of scenes()) {
      const out = new Uint8Array(2 * PAGE);
      let got = copyFromUser(t.cur, A, out, 0, 2 * PAGE);
      expect(got).toBe(RETRY);
      while (got === RETRY) {
        await disk.release();
        got = copyFromUser(t.cur, A, out, 0, 2 * PAGE);
      }
      expect(got).toBe(0);
      expect([out[0], out[PAGE]]).toEqual([10, 11]);
      m.end();
    }
  });

  it('madvise: WILLNEED starts to read and does not wait; POPULATE_READ waits', async () => {
    for (const { m, t, disk } of scenes()) {
      expect(doMadvise(t.cur, A, 2 * PAGE, MADV_WILLNEED)).toBe(0);
      expect(disk.reads).toBe(2);
      await disk.release();
      expect(t.load(A)).toBe(10);
      if (m.system.profile === LINUX_6_1) {
        expect(doMadvise(t.cur, A, 4 * PAGE, MADV_POPULATE_READ)).toBe(RETRY);
        await disk.release();
        let result = doMadvise(t.cur, A, 4 * PAGE, MADV_POPULATE_READ);
        while (result === RETRY) {
          await disk.release();
          result = doMadvise(t.cur, A, 4 * PAGE, MADV_POPULATE_READ);
        }
        expect(result).toBe(0);
        expect(rssOf(t)).toEqual([0, 4, 0]);
      }
      m.end();
    }
  });
});
