// Kernel copies over several pages: frames that lie one behind the other are copied at once, and nobody can tell.
import { LINUX_6_1, MADV_DONTNEED, PROT_NONE, PROT_READ } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, doMprotect } from '../../src/index.ts';
import { clearUser, copyFromUser, copyToUser, fillUser, remapPfnRange } from '../../src/memory/index.ts';
import { faultsOf, Machine, PAGE, withMachine, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;
const M2 = 2 * 2 ** 20;

/** Bytes in which no two pages are alike. */
function pattern(len: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: len }, (_, i) => (i * 7 + (i >> 12) * 31 + seed) & 255);
}

function frameOf(t: TestTask, addr: number): number {
  const pt = t.mm.pageTables!;
  return pt.pfn(pt.slot(addr));
}

/** Where the frames of `pages` pages lie, from the first one on. */
function layout(t: TestTask, addr: number, pages: number): number[] {
  const first = frameOf(t, addr);
  return Array.from({ length: pages }, (_, i) => frameOf(t, addr + i * PAGE) - first);
}

/** Byte by byte, through the soft MMU. */
function bytesAt(t: TestTask, addr: number, len: number): Uint8Array {
  return Uint8Array.from({ length: len }, (_, i) => t.load(addr + i) as number);
}

/** Copies in and out and fills, at odd borders; what is around stays. */
function roundTrip(t: TestTask, addr: number, pages: number, seed: number): void {
  const len = pages * PAGE - 300;
  const data = pattern(len + 50, seed);
  expect(fillUser(t.cur, addr, pages * PAGE, 0xee)).toBe(0);
  expect(copyToUser(t.cur, addr + 100, data, 50, len)).toBe(0);
  expect(bytesAt(t, addr + 100, len)).toEqual(data.subarray(50));
  expect([t.load(addr + 99), t.load(addr + 100 + len)]).toEqual([0xee, 0xee]);
  const back = new Uint8Array(len + 20).fill(0xdd);
  expect(copyFromUser(t.cur, addr + 100, back, 10, len)).toBe(0);
  expect(back.subarray(10, 10 + len)).toEqual(data.subarray(50));
  expect([back[9], back[10 + len]]).toEqual([0xdd, 0xdd]);
  expect(clearUser(t.cur, addr + PAGE - 1, (pages - 2) * PAGE + 2)).toBe(0);
  expect(bytesAt(t, addr + PAGE - 1, (pages - 2) * PAGE + 2).every((b) => b === 0)).toBe(true);
  expect([t.load(addr + PAGE - 2), t.load(addr + (pages - 1) * PAGE + 1)]).toEqual([
    data[50 + PAGE - 102],
    data[50 + (pages - 1) * PAGE - 99],
  ]);
}

describe('copies over several pages', () => {
  it(
    'find frames that ascend, descend, and have gaps',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 16);
      for (let i = 0; i < 4; i++) t.store(A + i * PAGE, 1);
      for (let i = 7; i >= 4; i--) t.store(A + i * PAGE, 1);
      for (const i of [8, 10, 9, 11]) t.store(A + i * PAGE, 1);
      expect(layout(t, A, 4)).toEqual([0, 1, 2, 3]);
      expect(layout(t, A + 4 * PAGE, 4)).toEqual([0, -1, -2, -3]);
      expect(layout(t, A + 8 * PAGE, 4)).toEqual([0, 2, 1, 3]);
      roundTrip(t, A, 4, 1);
      roundTrip(t, A + 4 * PAGE, 4, 2);
      roundTrip(t, A + 8 * PAGE, 4, 3);
      roundTrip(t, A, 12, 4);
      m.check();
    }),
  );

  it(
    'go on in the next last-level table',
    withMachine((m) => {
      const t = m.task();
      const at = A + M2 - 3 * PAGE;
      t.anon(at, 6);
      // The second table comes first: its own frame must not lie between the pages'.
      t.store(A + M2, 1);
      doMadvise(t.cur, A + M2, PAGE, MADV_DONTNEED);
      for (let i = 0; i < 6; i++) t.store(at + i * PAGE, 1);
      roundTrip(t, at, 6, 5);
      m.check();
    }),
  );

  it(
    'fault pages in on the way, once each',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 8);
      for (const i of [0, 1, 2, 5]) t.store(A + i * PAGE, 1);
      const data = pattern(8 * PAGE);
      expect(faultsOf(t, () => expect(copyToUser(t.cur, A, data, 0, 8 * PAGE)).toBe(0))).toEqual([4, 0]);
      expect(bytesAt(t, A, 8 * PAGE)).toEqual(data);
      m.check();
    }),
  );

  it(
    'read the page of zeroes as often as it is mapped',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 4);
      const back = new Uint8Array(4 * PAGE).fill(9);
      expect(faultsOf(t, () => expect(copyFromUser(t.cur, A, back, 0, 4 * PAGE)).toBe(0))).toEqual([4, 0]);
      expect(layout(t, A, 4)).toEqual([0, 0, 0, 0]);
      expect(back.every((b) => b === 0)).toBe(true);
      m.check();
    }),
  );

  it(
    'stop at the page that must not be accessed, with everything before it copied',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 6);
      for (let i = 0; i < 6; i++) t.store(A + i * PAGE, i);
      expect(layout(t, A, 6)).toEqual([0, 1, 2, 3, 4, 5]);
      const data = pattern(6 * PAGE);
      doMprotect(t.cur, A + 3 * PAGE, PAGE, PROT_READ);
      expect(copyToUser(t.cur, A, data, 0, 6 * PAGE)).toBe(3 * PAGE);
      expect(bytesAt(t, A, 3 * PAGE)).toEqual(data.subarray(0, 3 * PAGE));
      expect([3, 4, 5].map((i) => t.load(A + i * PAGE))).toEqual([3, 4, 5]);
      doMprotect(t.cur, A + 2 * PAGE, PAGE, PROT_NONE);
      const back = new Uint8Array(6 * PAGE);
      expect(copyFromUser(t.cur, A, back, 0, 6 * PAGE)).toBe(4 * PAGE);
      expect(back.subarray(0, 2 * PAGE)).toEqual(data.subarray(0, 2 * PAGE));
      expect(back.subarray(2 * PAGE).every((b) => b === 0)).toBe(true);
      expect(fillUser(t.cur, A, 6 * PAGE, 1)).toBe(4 * PAGE);
      m.check();
    }),
  );

  it(
    'write to own copies after a fork',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 4);
      const data = pattern(4 * PAGE);
      expect(copyToUser(t.cur, A, data, 0, 4 * PAGE)).toBe(0);
      const child = t.fork();
      expect(fillUser(child.cur, A, 4 * PAGE, 3)).toBe(0);
      expect(bytesAt(t, A, 4 * PAGE)).toEqual(data);
      expect(bytesAt(child, A, 4 * PAGE).every((b) => b === 3)).toBe(true);
      m.check();
    }),
  );

  it('cross from one byte window of physical memory into the next', () => {
    const m = new Machine(LINUX_6_1, {}, 2 ** 30 + 2 ** 22);
    const t = m.task();
    t.shared(m.file(4 * PAGE), A, 4);
    const vma = t.mm.tree.find(A)!;
    const border = 2 ** 30 / PAGE;
    expect(remapPfnRange(vma, A, border - 2, 4 * PAGE, 11)).toBe(0);
    roundTrip(t, A, 4, 6);
    roundTrip(t, A, 4, 7);
    expect(m.memory.physical.windows[0]![2 ** 30 - 2 * PAGE]).toBe(0xee);
    expect(m.memory.physical.windows[1]![2 * PAGE - 1]).toBe(0xee);
    const around = [t.load(A + PAGE + 9), t.load(A + 2 * PAGE + 10)];
    m.memory.physical.fillBytes(border - 1, 10, PAGE, 0x55);
    expect(bytesAt(t, A + PAGE + 10, PAGE).every((b) => b === 0x55)).toBe(true);
    expect([t.load(A + PAGE + 9), t.load(A + 2 * PAGE + 10)]).toEqual(around);
    m.end();
  });
});
