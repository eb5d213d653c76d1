// fork, COW, mremap and the reverse mapping: which frames are shared, copied, moved; what it costs.
import { LINUX_6_1, MREMAP_MAYMOVE, MSM_4_4, PROT_READ } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMprotect, doMremap } from '../../src/index.ts';
import { rmapWalk, tryToUnmap, walkPfn } from '../../src/memory/index.ts';
import { faultsOf, Machine, PAGE, rssOf, RW, withMachine, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;

function pfnAt(t: TestTask, addr: number): number {
  return walkPfn(t.mm, addr, 0);
}

describe('fork', () => {
  it(
    'shares private pages until one side writes: golden/175, golden/176',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 4);
      for (let i = 0; i < 4; i++) t.store(A + i * PAGE, 1);
      const child = t.fork();
      m.check();
      expect(rssOf(child)).toEqual([4, 0, 0]);
      expect(faultsOf(child, () => [child.store(A, 2), child.store(A + PAGE, 2)])).toEqual([2, 0]);
      expect(child.load(A)).toBe(2);
      expect(t.load(A)).toBe(1);
      t.store(A + 2 * PAGE, 3);
      expect(child.load(A + 2 * PAGE)).toBe(1);
      m.check();
      child.exit();
      // Every write costs one fault, also when the other side has gone.
      expect(faultsOf(t, () => [0, 1, 2, 3].forEach((i) => t.store(A + i * PAGE, 3)))).toEqual([3, 0]);
      expect(rssOf(t)).toEqual([4, 0, 0]);
    }),
  );

  it(
    'does not copy what the child can fault in: file pages without a private copy',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(2 * PAGE);
      t.shared(f, A, 2);
      t.private_(f, A + 0x10000, 2);
      t.store(A, 1);
      t.load(A + 0x10000 + PAGE);
      let child = t.fork();
      expect(rssOf(child)).toEqual([0, 0, 0]);
      expect(child.load(A)).toBe(1);
      child.store(A, 2);
      expect(t.load(A)).toBe(2);
      child.exit();
      t.store(A + 0x10000, 7);
      child = t.fork();
      expect(rssOf(child)).toEqual([1, 1, 0]);
      expect(child.load(A + 0x10000)).toBe(7);
    }),
  );

  it(
    'a grandchild and the reverse mapping: every mapping of a frame is found',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 2);
      t.store(A, 5);
      const child = t.fork();
      const grand = child.fork();
      const pfn = pfnAt(t, A);
      const seen: number[] = [];
      rmapWalk(m.memory, pfn, (vma, address) => {
        expect(address).toBe(A);
        seen.push(vma.vmMm === t.mm ? 0 : vma.vmMm === child.mm ? 1 : 2);
        return true;
      });
      expect(seen.sort()).toEqual([0, 1, 2]);
      child.store(A, 6);
      grand.store(A, 7);
      m.check();
      expect([t.load(A), child.load(A), grand.load(A)]).toEqual([5, 6, 7]);
      child.exit();
      expect(grand.load(A)).toBe(7);
    }),
  );

  it(
    'gives the child the zero page and old entries: its first read of each page faults where the CPU has no access flag',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 2);
      t.load(A);
      t.store(A + PAGE, 1);
      const child = t.fork();
      expect(faultsOf(child, () => expect(child.load(A)).toBe(0))).toEqual([1, 0]);
      expect(faultsOf(child, () => expect(child.load(A + PAGE)).toBe(1))).toEqual([1, 0]);
      expect(faultsOf(child, () => child.load(A + PAGE))).toEqual([0, 0]);
      expect(faultsOf(t, () => t.load(A + PAGE))).toEqual([0, 0]);
    }),
  );

  it('fails with -ENOMEM and loses nothing, wherever memory ends', () => {
    for (let n = 1; n < 8; n++) {
      const m = new Machine(MSM_4_4);
      const t = m.task();
      t.anon(A, 2);
      t.anon(A + 0x40000000, 2);
      t.store(A, 1);
      t.store(A + 0x40000000, 1);
      m.memory.frames.failNth = n;
      try {
        t.fork();
        expect(n).toBeGreaterThan(5);
      } catch {
        expect(t.load(A)).toBe(1);
      }
      m.memory.frames.failNth = 0;
      m.end();
    }
  });

  it('exclusiveness: a page that fork has shared is not made writable by mprotect (6.1)', () => {
    const m = new Machine(LINUX_6_1);
    const t = m.task();
    t.anon(A, 1);
    t.store(A, 1);
    const child = t.fork();
    doMprotect(t.cur, A, PAGE, PROT_READ);
    doMprotect(t.cur, A, PAGE, RW);
    expect(faultsOf(t, () => t.store(A, 2))).toEqual([1, 0]);
    expect(child.load(A)).toBe(1);
    m.end();
  });
});

describe('mremap', () => {
  it(
    'moves entries, not contents, across tables that are not aligned alike',
    withMachine((m) => {
      const t = m.task();
      t.anon(A + 510 * PAGE, 600);
      for (let i = 0; i < 600; i += 7) t.store(A + (510 + i) * PAGE, i & 255);
      const before = pfnAt(t, A + 510 * PAGE);
      const to = doMremap(t.cur, A + 510 * PAGE, 600 * PAGE, 1200 * PAGE, MREMAP_MAYMOVE, 0);
      expect(to).toBeGreaterThan(0);
      expect(pfnAt(t, to)).toBe(before);
      for (let i = 0; i < 600; i += 7) expect(t.load(to + i * PAGE)).toBe(i & 255);
      m.check();
    }),
  );

  it(
    'keeps anonymous pages findable',
    withMachine((m) => {
      const t = m.task();
      t.anon(A, 2);
      t.store(A + PAGE, 3);
      const to = doMremap(t.cur, A, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, 0);
      const found: number[] = [];
      rmapWalk(m.memory, pfnAt(t, to + PAGE), (_vma, address) => {
        found.push(address);
        return true;
      });
      expect(found).toEqual([to + PAGE]);
    }),
  );
});

describe('try_to_unmap', () => {
  it(
    'takes a file page out of every address space, its dirtiness kept',
    withMachine((m) => {
      const t = m.task();
      const f = m.file(PAGE, 'shmem');
      t.shared(f, A, 1);
      t.load(A);
      t.store(A, 1);
      const child = t.fork();
      child.load(A);
      expect(tryToUnmap(m.memory, f.pages.find(0))).toBe(true);
      expect([...rssOf(t), ...rssOf(child)]).toEqual([0, 0, 0, 0, 0, 0]);
      expect(f.pages.isDirty(0)).toBe(true);
      expect(child.load(A)).toBe(1);
    }),
  );
});
