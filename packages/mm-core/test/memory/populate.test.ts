// populate, mincore, advice on pages, kernel copies, the memory of another process.
import {
  EFAULT,
  EINVAL,
  LINUX_6_1,
  MADV_COLD,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MSM_4_4,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, doMincore, doMprotect } from '../../src/index.ts';
import {
  accessProcessVm,
  FOLL_FORCE,
  FOLL_WRITE,
  clearUser,
  copyFromUser,
  copyToUser,
  strncpyFromUser,
} from '../../src/memory/index.ts';
import { faultsOf, Machine, PAGE, rssOf, RW, withMachine, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;

function populate(t: TestTask, addr: number, pages: number, ignore = false): number {
  return t.machine.memory.populate(t.cur, addr, pages * PAGE, ignore);
}

function mincore(t: TestTask, addr: number, pages: number): string {
  const vec = new Uint8Array(pages);
  expect(doMincore(t.cur, addr, pages * PAGE, vec)).toBe(0);
  return vec.join('');
}

describe('populate', () => {
  it(
    'writes to private writable memory and reads everything else',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(2 * PAGE);
      t.anon(A, 2);
      t.anon(A + 2 * PAGE, 2, PROT_READ);
      t.shared(f, A + 4 * PAGE, 2);
      t.private_(f, A + 6 * PAGE, 2);
      t.anon(A + 8 * PAGE, 1, PROT_EXEC);
      const counted = faultsOf(t, () => expect(populate(t, A, 9)).toBe(0));
      expect(counted[0] + counted[1]).toBe(9);
      expect(rssOf(t)).toEqual([4, 2, 0]);
      expect(mincore(t, A, 9)).toBe('111111111');
      expect(faultsOf(t, () => t.store(A, 1))).toEqual([0, 0]);
      expect(faultsOf(t, () => t.store(A + 4 * PAGE, 1))).toEqual([1, 0]);
      expect(faultsOf(t, () => expect(populate(t, A, 9)).toBe(0))).toEqual([0, 0]);
    }),
  );

  it(
    'stops at PROT_NONE or the end of a file with -EFAULT, or goes on with the next mapping',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(PAGE);
      t.anon(A, 1, PROT_NONE);
      t.shared(f, A + PAGE, 3);
      t.anon(A + 4 * PAGE, 1);
      expect(populate(t, A, 5)).toBe(-EFAULT);
      expect(rssOf(t)).toEqual([0, 0, 0]);
      expect(populate(t, A, 5, true)).toBe(0);
      expect(rssOf(t)).toEqual([1, 1, 0]);
    }),
  );
});

describe('populate of read-only memory', () => {
  /** Three tables' worth of pages, one of them written before it became read-only, populated. */
  function scene(m: Machine, heard: boolean): { t: TestTask; faults: readonly number[]; tables: number } {
    const t = m.task();
    const pages = 3 * 512;
    t.anon(A + PAGE, pages);
    t.store(A + 700 * PAGE, 7);
    expect(doMprotect(t.cur, A + PAGE, pages * PAGE, PROT_READ)).toBe(0);
    if (heard) {
      const none = (): void => undefined;
      t.mm.tracer = { enter: none, decide: none, vma: none, fault: none };
    }
    let tables = 0;
    const pt = t.mm.pageTables!;
    const real = pt.slotAlloc.bind(pt);
    pt.slotAlloc = (addr) => {
      tables++;
      return real(addr);
    };
    const faults = faultsOf(t, () => expect(populate(t, A + PAGE, pages)).toBe(0));
    return { t, faults, tables };
  }

  it(
    'maps the zero page everywhere as single faults would, with one fault for each table that is made',
    withMachine((m) => {
      const alone = scene(m, false);
      const heard = scene(m, true);
      expect(alone.faults).toEqual(heard.faults);
      expect(alone.faults[0]).toBe(3 * 512 - 1);
      expect(rssOf(alone.t)).toEqual(rssOf(heard.t));
      expect([alone.tables, heard.tables]).toEqual([3, 3 * 512 - 1]);
      const pages = 3 * 512;
      expect(mincore(alone.t, A + PAGE, pages)).toBe(mincore(heard.t, A + PAGE, pages));
      expect([alone.t.load(A + 700 * PAGE), alone.t.load(A + 701 * PAGE), alone.t.load(A + pages * PAGE)]).toEqual([
        7, 0, 0,
      ]);
      expect(alone.t.store(A + 701 * PAGE, 1)).toMatch(/^SIGSEGV/);
      expect(doMprotect(alone.t.cur, A + PAGE, pages * PAGE, RW)).toBe(0);
      expect(alone.t.store(A + 701 * PAGE, 1)).toBe('ok');
      expect([alone.t.load(A + 702 * PAGE), rssOf(alone.t)]).toEqual([0, [2, 0, 0]]);
    }),
  );
});

describe('mincore', () => {
  it(
    'tells of pages in the tables and in the page cache',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(4 * PAGE, 'shmem');
      f.pages.write(PAGE, new Uint8Array([1]), 0, 1);
      t.shared(f, A, 4);
      t.anon(A + 4 * PAGE, 3);
      t.load(A + 5 * PAGE);
      t.store(A + 6 * PAGE, 1);
      expect(mincore(t, A, 7)).toBe('0100011');
    }),
  );

  it('of a file that is not ours says 1 for everything on 6.1', () => {
    for (const [profile, want] of [
      [MSM_4_4, '00'],
      [LINUX_6_1, '11'],
    ] as const) {
      const m = new Machine(profile);
      const t = m.task();
      t.cur.cred.uid = 1000;
      t.cur.cred.gid = 1000;
      t.cur.cred.capLow = 0;
      t.cur.cred.capHigh = 0;
      t.shared(m.file(2 * PAGE), A, 2, PROT_READ);
      expect(mincore(t, A, 2)).toBe(want);
      m.end();
    }
  });
});

describe('advice (6.1)', () => {
  const only = [LINUX_6_1];

  it(
    'golden/145: POPULATE_READ and POPULATE_WRITE',
    withMachine(
      (m) => {
        const t = m.task();
        const advise = (addr: number, pages: number, advice: number): number =>
          doMadvise(t.cur, addr, pages * PAGE, advice);
        t.anon(A, 4);
        expect(faultsOf(t, () => expect(advise(A, 4, MADV_POPULATE_READ)).toBe(0))).toEqual([4, 0]);
        expect(rssOf(t)).toEqual([0, 0, 0]);
        expect(faultsOf(t, () => expect(advise(A, 4, MADV_POPULATE_WRITE)).toBe(0))).toEqual([4, 0]);
        expect(rssOf(t)).toEqual([4, 0, 0]);
        t.anon(A + 0x10000, 2, PROT_READ);
        expect(advise(A + 0x10000, 2, MADV_POPULATE_WRITE)).toBe(-EINVAL);
        t.anon(A + 0x20000, 2, PROT_NONE);
        expect(advise(A + 0x20000, 2, MADV_POPULATE_READ)).toBe(-EINVAL);
        t.shared(m.file(0), A + 0x30000, 2);
        expect(advise(A + 0x30000, 2, MADV_POPULATE_READ)).toBe(-EFAULT);
      },
      {},
      only,
    ),
  );

  it(
    'golden/137: FREE keeps the bytes until somebody needs the memory; a store makes the page count again',
    withMachine(
      (m) => {
        const t = m.task();
        t.anon(A, 2);
        t.store(A, 5);
        t.store(A + PAGE, 6);
        expect(doMadvise(t.cur, A, 2 * PAGE, MADV_FREE)).toBe(0);
        expect(t.load(A)).toBe(5);
        t.store(A, 0x77);
        expect(doMadvise(t.cur, A, 2 * PAGE, MADV_PAGEOUT)).toBe(0);
        expect(t.load(A)).toBe(0x77);
        expect(t.load(A + PAGE)).toBe(0);
        t.private_(m.file(PAGE), A + 0x10000, 1);
        expect(doMadvise(t.cur, A + 0x10000, PAGE, MADV_FREE)).toBe(-EINVAL);
      },
      {},
      only,
    ),
  );

  it(
    'golden/146: COLD and PAGEOUT leave anonymous memory where it is, without swap',
    withMachine(
      (m) => {
        const t = m.task();
        t.anon(A, 4);
        for (let i = 0; i < 4; i++) t.store(A + i * PAGE, 1);
        expect(doMadvise(t.cur, A, 4 * PAGE, MADV_COLD)).toBe(0);
        expect(doMadvise(t.cur, A, 4 * PAGE, MADV_PAGEOUT)).toBe(0);
        expect(mincore(t, A, 4)).toBe('1111');
        expect(t.load(A)).toBe(1);
        expect(rssOf(t)).toEqual([4, 0, 0]);
      },
      {},
      only,
    ),
  );
});

describe('kernel copies', () => {
  it(
    'cross pages, fault pages in, and say how much is missing',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 2);
      const data = Uint8Array.from({ length: 6000 }, (_, i) => i & 255);
      expect(copyToUser(t.cur, A + 100, data, 0, 6000)).toBe(0);
      const back = new Uint8Array(6000);
      expect(copyFromUser(t.cur, A + 100, back, 0, 6000)).toBe(0);
      expect(back).toEqual(data);
      expect(copyToUser(t.cur, A + 2 * PAGE - 10, data, 0, 50)).toBe(40);
      expect(copyFromUser(t.cur, A + 2 * PAGE + 1, back, 0, 5)).toBe(5);
      expect(copyFromUser(t.cur, 2 ** 48 - 1, back, 0, 2)).toBe(2);
      expect(clearUser(t.cur, A + 4000, 200)).toBe(0);
      expect(t.load(A + 4100)).toBe(0);
      doMprotect(t.cur, A + PAGE, PAGE, PROT_READ);
      expect(copyToUser(t.cur, A + PAGE - 3, data, 0, 10)).toBe(7);
    }),
  );

  it(
    'strncpyFromUser ends at the zero, at the limit, or with -EFAULT',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 1);
      copyToUser(t.cur, A + PAGE - 4, new Uint8Array([97, 98, 0, 99]), 0, 4);
      const out = new Uint8Array(16);
      expect(strncpyFromUser(t.cur, A + PAGE - 4, out, 0, 16)).toBe(2);
      expect(strncpyFromUser(t.cur, A + PAGE - 4, out, 0, 2)).toBe(2);
      expect(strncpyFromUser(t.cur, A + PAGE - 1, out, 0, 16)).toBe(-EFAULT);
      expect(strncpyFromUser(t.cur, 2 ** 48, out, 0, 1)).toBe(-EFAULT);
    }),
  );

  it(
    "another process's memory is read and written as it is protected there",
    withMachine((m) => {
      const t = m.task();
      const other = m.task();
      other.anon(A, 2);
      other.anon(A + 2 * PAGE, 1, PROT_READ);
      const buf = new Uint8Array([1, 2, 3, 4]);
      expect(accessProcessVm(t.cur, other.mm, A + PAGE - 2, buf, FOLL_WRITE)).toBe(4);
      expect(other.load(A + PAGE)).toBe(3);
      buf.fill(0);
      expect(accessProcessVm(t.cur, other.mm, A + PAGE - 2, buf, 0)).toBe(4);
      expect([...buf]).toEqual([1, 2, 3, 4]);
      expect(accessProcessVm(t.cur, other.mm, A + 2 * PAGE - 2, buf, FOLL_WRITE)).toBe(2);
      expect(accessProcessVm(t.cur, other.mm, A + 2 * PAGE, buf, FOLL_WRITE)).toBe(-EFAULT);
      expect(accessProcessVm(t.cur, other.mm, A + 2 * PAGE, buf, FOLL_WRITE | FOLL_FORCE)).toBe(4);
      expect(other.load(A + 2 * PAGE)).toBe(1);
      m.check();
    }),
  );
});

describe('loads and stores', () => {
  it(
    'are little-endian, cross pages, and write nothing unless they may write all',
    withMachine((m) => {
      const t = m.task();
      const { mem } = t;
      t.anon(A, 2);
      expect(mem.store64(A + PAGE - 3, 0x44332211, 0x88776655)).toBe(0);
      expect(mem.load64(A + PAGE - 3)).toBe(0x44332211);
      expect(mem.hi).toBe(0x88776655);
      expect(mem.load16(A + PAGE - 1)).toBe(0x4433);
      expect(mem.load32(A + PAGE - 2)).toBe(0x55443322);
      expect(mem.load32(A + PAGE)).toBe(0x77665544);
      expect(mem.store16(A + 1, 0xabcd)).toBe(0);
      expect([t.load(A + 1), t.load(A + 2)]).toEqual([0xcd, 0xab]);
      expect(mem.store32(A + 2 * PAGE - 2, 1)).toBe(-1);
      expect(mem.address).toBe(A + 2 * PAGE);
      expect(mem.load16(A + 2 * PAGE - 2)).toBe(0);
      expect(mem.cas32(A, 0xab_cd00, 7)).toBe(0xab_cd00);
      expect(mem.cas32(A, 1, 9)).toBe(7);
      expect(mem.load32(A)).toBe(7);
      mem.store64(A + 8, 1, 2);
      expect(mem.cas64(A + 8, 1, 2, 3, 4)).toBe(1);
      expect(mem.load64(A + 8)).toBe(3);
      expect(mem.hi).toBe(4);
    }),
  );

  it(
    'see every change of the tables at once',
    withMachine((m) => {
      const t = m.task();
      const heard: string[] = [];
      t.anon(A, 2);
      t.store(A, 1);
      t.store(A + PAGE, 2);
      t.mem.state.onInvalidate = (start, end) =>
        heard.push(`${((start - A) / PAGE).toString()}-${String((end - A) / PAGE)}`);
      doMadvise(t.cur, A, PAGE, MADV_DONTNEED);
      expect(t.load(A)).toBe(0);
      expect(t.load(A + PAGE)).toBe(2);
      doMprotect(t.cur, A + PAGE, PAGE, PROT_READ);
      expect(t.store(A + PAGE, 1)).toContain('SIGSEGV 2');
      doMprotect(t.cur, A, 2 * PAGE, RW);
      expect(t.store(A + PAGE, 1)).toBe('ok');
      expect(heard.length).toBeGreaterThan(1);
      expect(heard[0]).toBe('0-1');
      t.mem.state.onInvalidate = null;
    }),
  );
});
