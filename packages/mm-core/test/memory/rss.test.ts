// How resident pages are counted: at once, or in a task's cache that is folded in; and pages that count nowhere.
import { MADV_FREE, LINUX_6_1, MADV_DONTNEED, MSM_4_4 } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, installSpecialMapping } from '../../src/index.ts';
import { createSpecialPages } from '../../src/memory/index.ts';
import { PG_SWAPBACKED } from '../../src/memory/frames/flags.ts';
import { walkPfn } from '../../src/memory/user/walk.ts';
import { VM_MAYREAD, VM_PFNMAP, VM_READ } from '../../src/base/flags.ts';
import { Machine, PAGE, rssOf } from '../mm-fixture.ts';

const A = 0x10000000;

describe('split counting', () => {
  it('shows the pages of a task after 66 faults, or when it unmaps something', () => {
    const m = new Machine(LINUX_6_1, { splitRssCounting: true });
    const t = m.task();
    t.anon(A, 100);
    for (let i = 0; i < 65; i++) t.store(A + i * PAGE, 1);
    expect(rssOf(t)).toEqual([0, 0, 0]);
    t.store(A + 65 * PAGE, 1);
    expect(rssOf(t)).toEqual([65, 0, 0]);
    t.store(A + 66 * PAGE, 1);
    expect(rssOf(t)).toEqual([65, 0, 0]);
    // The peak is noted before the fold.
    doMadvise(t.cur, A + 90 * PAGE, PAGE, MADV_DONTNEED);
    expect(t.mm.hiwaterRss).toBe(65);
    expect(rssOf(t)).toEqual([67, 0, 0]);
    for (const task of [...m.tasks]) task.exit();
    expect(m.memory.nrAttached).toBe(0);
  });

  it('is off unless the configuration says so', () => {
    const m = new Machine(MSM_4_4);
    const t = m.task();
    t.anon(A, 1);
    t.store(A, 1);
    expect(rssOf(t)).toEqual([1, 0, 0]);
    m.end();
  });
});

describe('special mappings', () => {
  it('count as file pages, but not where they are VM_PFNMAP', () => {
    const m = new Machine(LINUX_6_1);
    const pages = createSpecialPages(m.memory, '[vdso]', new Uint8Array([1, 2, 3]))!;
    const t = m.task();
    installSpecialMapping(t.cur, A, PAGE, VM_READ | VM_MAYREAD, pages);
    installSpecialMapping(t.cur, A + PAGE, PAGE, VM_READ | VM_MAYREAD | VM_PFNMAP, pages);
    expect(t.load(A + 1)).toBe(2);
    expect(rssOf(t)).toEqual([0, 1, 0]);
    expect(t.load(A + PAGE + 2)).toBe(3);
    expect(rssOf(t)).toEqual([0, 1, 0]);
    t.exit();
    expect(m.memory.frames.nrFileMapped).toBe(0);
  });
});

describe('MADV_FREE', () => {
  it('marks pages when their batch is drained', () => {
    const m = new Machine(LINUX_6_1);
    const t = m.task();
    t.anon(A, 40);
    for (let i = 0; i < 40; i++) t.store(A + i * PAGE, 1);
    const marked = (): number => {
      let n = 0;
      for (let i = 0; i < 40; i++) {
        const pfn = walkPfn(t.mm, A + i * PAGE, 0);
        if (pfn >= 0 && (m.memory.frames.flags[pfn]! & PG_SWAPBACKED) === 0) n++;
      }
      return n;
    };
    doMadvise(t.cur, A, 20 * PAGE, MADV_FREE);
    for (let i = 0; i < 20; i++) t.load(A + i * PAGE);
    expect(marked()).toBe(15);
    doMadvise(t.cur, A + 39 * PAGE, PAGE, MADV_DONTNEED);
    expect(marked()).toBe(20);
    m.end();
  });
});
