// Faults: what the first load and store of a page do, for anonymous memory and files; signals; counts; Rss.
import {
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_GROWSDOWN,
  MSM_4_4,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, doMprotect, doMunmap } from '../../src/index.ts';
import {
  EXPAND_STACK_RLIMIT_STACK,
  FAULT_ABOVE_TASK_SIZE,
  FAULT_BEYOND_EOF,
  FAULT_NOT_EXECUTABLE,
  FAULT_NOT_READABLE,
  FAULT_NOT_WRITABLE,
  FAULT_NO_FRAME,
  FAULT_NO_VMA,
} from '../../src/reasons.ts';
import { ANON, decisionOf, faultsOf, Machine, PAGE, rssOf, RW, withMachine } from '../mm-fixture.ts';

const A = 0x10000000;

describe('anonymous memory', () => {
  it(
    'reads the zero page at the cost of a fault and of no Rss, then gets a frame of its own',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 8);
      expect(faultsOf(t, () => expect(t.load(A + 5)).toBe(0))).toEqual([1, 0]);
      expect(rssOf(t)).toEqual([0, 0, 0]);
      expect(faultsOf(t, () => expect(t.load(A + 6)).toBe(0))).toEqual([0, 0]);
      expect(faultsOf(t, () => expect(t.store(A + 5, 7)).toBe('ok'))).toEqual([1, 0]);
      expect(rssOf(t)).toEqual([1, 0, 0]);
      expect(t.load(A + 5)).toBe(7);
      expect(faultsOf(t, () => t.store(A + PAGE, 1))).toEqual([1, 0]);
      m.check();
    }),
  );

  it(
    'keeps the pages of a PROT_NONE mapping',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 1);
      t.store(A, 9);
      expect(doMprotect(t.cur, A, PAGE, PROT_NONE)).toBe(0);
      expect(rssOf(t)).toEqual([1, 0, 0]);
      expect(t.load(A)).toBe(`SIGSEGV 2 0x${A.toString(16)}`);
      expect(decisionOf(t)).toBe(FAULT_NOT_READABLE);
      doMprotect(t.cur, A, PAGE, RW);
      expect(t.load(A)).toBe(9);
    }),
  );

  it('golden/099: a write after R and back to RW costs a fault on 4.4 and none on 6.1', () => {
    for (const [profile, faults] of [
      [MSM_4_4, 2],
      [LINUX_6_1, 0],
    ] as const) {
      const m = new Machine(profile);
      const t = m.task();
      t.anon(A, 2);
      expect(faultsOf(t, () => [t.store(A, 7), t.store(A + PAGE, 7)])).toEqual([2, 0]);
      const counted = faultsOf(t, () => {
        doMprotect(t.cur, A, 2 * PAGE, PROT_READ);
        expect(t.store(A, 1)).toBe(`SIGSEGV 2 0x${A.toString(16)}`);
        doMprotect(t.cur, A, 2 * PAGE, RW);
        expect(t.store(A, 0x22)).toBe('ok');
      });
      expect(counted).toEqual([faults, 0]);
      expect(t.load(A)).toBe(0x22);
      m.end();
    }
  });

  it(
    'golden/098: write-only and execute-only memory can be read',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 1, PROT_WRITE);
      t.store(A, 5);
      expect(t.load(A)).toBe(5);
      t.anon(A + PAGE, 1, PROT_EXEC);
      expect(t.load(A + PAGE)).toBe(0);
      expect(t.mem.fetch32(A + PAGE)).toBe(0);
      expect(t.mem.fetch32(A)).toBe(-1);
      expect(decisionOf(t)).toBe(FAULT_NOT_EXECUTABLE);
    }),
  );
});

describe('refused accesses', () => {
  it(
    'say signal, code, address and reason',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 1, PROT_READ);
      expect(t.load(A + PAGE + 3)).toBe(`SIGSEGV 1 0x${(A + PAGE + 3).toString(16)}`);
      expect(decisionOf(t)).toBe(FAULT_NO_VMA);
      expect(t.store(A + 1, 1)).toBe(`SIGSEGV 2 0x${(A + 1).toString(16)}`);
      expect(decisionOf(t)).toBe(FAULT_NOT_WRITABLE);
      expect(t.load(2 ** 48)).toBe('SIGSEGV 1 0x1000000000000');
      expect(decisionOf(t)).toBe(FAULT_ABOVE_TASK_SIZE);
      expect(t.load(2 ** 51)).toBe('SIGSEGV 1 0x8000000000000');
    }),
  );

  it(
    'beyond the end of a file is SIGBUS, also for the copy of a private mapping',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(PAGE + 10);
      t.shared(f, A, 3);
      t.private_(f, A + 0x10000, 3);
      expect(t.load(A + PAGE + 100)).toBe(0);
      expect(t.load(A + 2 * PAGE)).toBe(`SIGBUS 2 0x${(A + 2 * PAGE).toString(16)}`);
      expect(decisionOf(t)).toBe(FAULT_BEYOND_EOF);
      expect(t.store(A + 0x10000 + 2 * PAGE + 1, 1)).toContain('SIGBUS 2');
    }),
  );

  it('count as minor faults on 4.4 only', () => {
    for (const [profile, n] of [
      [MSM_4_4, 1],
      [LINUX_6_1, 0],
    ] as const) {
      const m = new Machine(profile);
      const t = m.task();
      const f = m.file(0);
      t.shared(f, A, 1);
      expect(faultsOf(t, () => t.load(A))).toEqual([n, 0]);
      expect(faultsOf(t, () => t.load(A + PAGE))).toEqual([n, 0]);
      m.end();
    }
  });

  it('a failing fault on a file leaves a page table on 4.4 and none on 6.1', () => {
    for (const [profile, n] of [
      [MSM_4_4, 1],
      [LINUX_6_1, 0],
    ] as const) {
      const m = new Machine(profile);
      const t = m.task();
      t.shared(m.file(0), A, 1);
      t.load(A);
      expect(t.mm.pageTables!.leafTables).toBe(n);
      m.end();
    }
  });
});

describe('stacks', () => {
  it(
    'golden/160: grow before the permission is looked at',
    withMachine((m) => {
      const t = m.task();
      t.anon(A + 0x400000, 4, RW, ANON | MAP_GROWSDOWN);
      doMprotect(t.cur, A + 0x400000, PAGE, PROT_READ);
      const below = A + 0x400000 - PAGE;
      expect(t.store(below, 1)).toBe(`SIGSEGV 2 0x${below.toString(16)}`);
      expect(t.load(below)).toBe(0);
      expect(t.mm.tree.find(below)!.vmStart).toBe(below);
    }),
  );

  it(
    'do not grow beyond RLIMIT_STACK: SIGSEGV, SEGV_MAPERR, with the reason of the refusal',
    withMachine((m) => {
      const t = m.task();
      t.cur.rlimits.stack = 8 * PAGE;
      t.anon(A, 4, RW, ANON | MAP_GROWSDOWN);
      expect(t.store(A - 4 * PAGE, 1)).toBe('ok');
      expect(t.store(A - 5 * PAGE, 1)).toBe(`SIGSEGV 1 0x${(A - 5 * PAGE).toString(16)}`);
      expect(decisionOf(t)).toBe(EXPAND_STACK_RLIMIT_STACK);
    }),
  );
});

describe('files', () => {
  it(
    'a shared store is what the file holds, and the other way round',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(2 * PAGE);
      t.shared(f, A, 2);
      f.pages.write(100, new Uint8Array([1, 2, 3]), 0, 3);
      expect(t.load(A + 101)).toBe(2);
      t.store(A + 101, 9);
      const out = new Uint8Array(3);
      f.pages.read(100, out, 0, 3);
      expect([...out]).toEqual([1, 9, 3]);
      expect(rssOf(t)).toEqual([0, 1, 0]);
      expect(f.pages.isDirty(0)).toBe(true);
    }),
  );

  it(
    'a private store is a copy: one fault when the page was not mapped, one more when it was',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(2 * PAGE);
      f.pages.write(0, new Uint8Array(2 * PAGE).fill(5), 0, 2 * PAGE);
      t.private_(f, A, 2);
      expect(faultsOf(t, () => t.store(A, 1))).toEqual([1, 0]);
      expect(rssOf(t)).toEqual([1, 0, 0]);
      expect(faultsOf(t, () => expect(t.load(A + PAGE)).toBe(5))).toEqual([1, 0]);
      expect(rssOf(t)).toEqual([1, 1, 0]);
      expect(faultsOf(t, () => t.store(A + PAGE, 2))).toEqual([1, 0]);
      expect(rssOf(t)).toEqual([2, 0, 0]);
      expect(t.load(A + PAGE + 1)).toBe(5);
      const out = new Uint8Array(1);
      f.pages.read(PAGE, out, 0, 1);
      expect(out[0]).toBe(5);
    }),
  );

  it(
    'a store to a shared page that was read first faults once more, watched or not',
    withMachine((m) => {
      for (const kind of ['ramfs', 'shmem'] as const) {
        const t = m.task();
        const f = m.file(PAGE, kind);
        t.shared(f, A, 1);
        expect(faultsOf(t, () => t.load(A))).toEqual([0, 1]);
        expect(faultsOf(t, () => t.store(A, 1))).toEqual([1, 0]);
        expect(faultsOf(t, () => t.store(A, 2))).toEqual([0, 0]);
        expect(rssOf(t)).toEqual(kind === 'ramfs' ? [0, 1, 0] : [0, 0, 1]);
        t.exit();
      }
    }),
  );

  it(
    'truncation unmaps, private copies too; a punched hole leaves them',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(4 * PAGE, 'shmem');
      t.shared(f, A, 4);
      t.private_(f, A + 0x10000, 4);
      for (let i = 0; i < 4; i++) {
        t.store(A + i * PAGE, 10 + i);
        t.store(A + 0x10000 + i * PAGE, 20 + i);
      }
      expect(rssOf(t)).toEqual([4, 0, 4]);
      f.pages.punchHole(PAGE, 2 * PAGE);
      expect(rssOf(t)).toEqual([4, 0, 3]);
      expect(t.load(A + PAGE)).toBe(0);
      expect(t.load(A + 0x10000 + PAGE)).toBe(21);
      f.pages.truncate(2 * PAGE + 8);
      expect(rssOf(t)).toEqual([3, 0, 3]);
      expect(t.load(A + 3 * PAGE)).toContain('SIGBUS');
      expect(t.load(A + 0x10000 + 3 * PAGE)).toContain('SIGBUS');
      expect(t.load(A + 2 * PAGE)).toBe(12);
      m.check();
    }),
  );

  it(
    'fault-around maps what is cached in the window, cut at the VMA',
    withMachine(
      (m) => {
        const t = m.task();
        const f = m.file(40 * PAGE);
        f.pages.write(0, new Uint8Array(40 * PAGE).fill(1), 0, 40 * PAGE);
        // The VMA begins 3 pages into an aligned window: the window starts with the VMA and has 16 pages.
        t.shared(f, A + 3 * PAGE, 30, PROT_READ, 3);
        expect(faultsOf(t, () => t.load(A + 5 * PAGE))).toEqual([1, 0]);
        expect(rssOf(t)).toEqual([0, 16, 0]);
        expect(faultsOf(t, () => t.load(A + 18 * PAGE))).toEqual([0, 0]);
        expect(faultsOf(t, () => t.load(A + 19 * PAGE))).toEqual([1, 0]);
        // [16, 32) without what is there already
        expect(rssOf(t)).toEqual([0, 29, 0]);
      },
      { faultAroundBytes: 65536 },
    ),
  );
});

describe('zapping', () => {
  it(
    'munmap gives back frames and tables; DONTNEED frames only',
    withMachine((m) => {
      const t = m.task();
      const free = m.memory.frames.nrFree;
      t.anon(A, 600);
      for (let i = 0; i < 600; i++) t.store(A + i * PAGE, i);
      expect(rssOf(t)).toEqual([600, 0, 0]);
      const tables = t.mm.pageTables!.leafTables;
      expect(doMadvise(t.cur, A, 600 * PAGE, 4)).toBe(0);
      expect(rssOf(t)).toEqual([0, 0, 0]);
      expect(t.mm.hiwaterRss).toBe(600);
      expect(t.mm.pageTables!.leafTables).toBe(tables);
      expect(t.load(A + 8)).toBe(0);
      expect(doMunmap(t.cur, A, 600 * PAGE)).toBe(0);
      expect(t.mm.pageTables!.leafTables).toBe(0);
      expect(m.memory.frames.nrFree).toBe(free);
      expect(t.load(A)).toContain('SIGSEGV 1');
    }),
  );

  it('out of memory kills the task and loses nothing', () => {
    const m = new Machine(MSM_4_4, {}, 2 ** 20);
    const t = m.task();
    t.anon(A, 400, RW, ANON | MAP_ANONYMOUS);
    let answer = 'ok';
    for (let i = 0; i < 400 && answer === 'ok'; i++) answer = t.store(A + i * PAGE, 1);
    expect(answer).toContain('SIGKILL');
    expect(decisionOf(t)).toBe(FAULT_NO_FRAME);
    m.end();
  });
});
