// What Linux 6.18 does otherwise than 6.12. Each case names a recording of host-6.18-x86-64 that shows it.
import {
  EFAULT,
  EINVAL,
  LINUX_6_12,
  LINUX_6_18,
  MAP_FIXED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PROT_EXEC,
  PROT_READ,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMprotect, doMremap, vmMmapPgoff } from '../../src/index.ts';
import { MREMAP_NEW_BEYOND_TASK_SIZE, MREMAP_NOT_MAPPED, MREMAP_OVERLAP } from '../../src/reasons.ts';
import { ANON, Machine, PAGE, RW, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;
const B = 0x20000000;
const TO = MREMAP_MAYMOVE | MREMAP_FIXED;

function task(profile: KernelProfile): TestTask {
  return new Machine(profile).task();
}

const put = (t: TestTask, addr: number, pages: number, prot = RW): number =>
  vmMmapPgoff(t.cur, null, addr, pages * PAGE, prot, ANON | MAP_FIXED, 0);

/** The mappings between A and the address behind B, as `start+pages`. */
function areas(t: TestTask): string[] {
  const found: string[] = [];
  for (let vma = t.mm.tree.first; vma !== null; vma = vma.vmNext) {
    if (vma.vmStart < A || vma.vmStart > B + 0x1000000) continue;
    found.push(`${vma.vmStart.toString(16)}+${(vma.vmEnd - vma.vmStart) / PAGE}`);
  }
  return found;
}

describe('mremap of several mappings to a fixed address', () => {
  function prepared(profile: KernelProfile): TestTask {
    const t = task(profile);
    put(t, A, 2);
    put(t, A + 2 * PAGE, 1, PROT_READ);
    put(t, A + 4 * PAGE, 2);
    return t;
  }

  it('moves them all with the holes between them (random/mremap_1014)', () => {
    const t = prepared(LINUX_6_18);
    expect(doMremap(t.cur, A + PAGE, 5 * PAGE, 5 * PAGE, TO, B)).toBe(B);
    expect(areas(t)).toEqual(['10000000+1', '20000000+1', '20001000+1', '20003000+2']);
  });

  it('is refused by 6.12, with the destination gone', () => {
    const t = prepared(LINUX_6_12);
    put(t, B, 1);
    expect(doMremap(t.cur, A + PAGE, 5 * PAGE, 5 * PAGE, TO, B)).toBe(-EFAULT);
    expect(areas(t)).toEqual(['10000000+2', '10002000+1', '10004000+2']);
  });

  it('does not begin in a hole, nor where nothing is mapped', () => {
    const t = prepared(LINUX_6_18);
    expect(doMremap(t.cur, A + 3 * PAGE, 2 * PAGE, 2 * PAGE, TO, B)).toBe(-EFAULT);
    expect(t.cur.call.reason).toBe(MREMAP_NOT_MAPPED);
    expect(doMremap(t.cur, B + 0x100000, PAGE, PAGE, TO, B)).toBe(-EFAULT);
    expect(t.cur.call.reason).toBe(MREMAP_NOT_MAPPED);
  });
});

describe('mremap looks at its arguments before the mapping', () => {
  it.each([
    ['a destination that overlaps', 2 * PAGE, A + PAGE, MREMAP_OVERLAP],
    ['a destination beyond the address space', PAGE, 2 ** 52, MREMAP_NEW_BEYOND_TASK_SIZE],
  ])('%s (random/anon_1000)', (_what, len, to, reason) => {
    const newer = task(LINUX_6_18);
    expect(doMremap(newer.cur, A, len, len + PAGE, TO, to)).toBe(-EINVAL);
    expect(newer.cur.call.reason).toBe(reason);
    const older = task(LINUX_6_12);
    expect(doMremap(older.cur, A, len, len + PAGE, TO, to)).toBe(-EFAULT);
    expect(older.cur.call.reason).toBe(MREMAP_NOT_MAPPED);
  });

  it('a length beyond the address space is invalid', () => {
    const t = task(LINUX_6_18);
    put(t, A, 1);
    expect(doMremap(t.cur, A, PAGE, 2 ** 52, MREMAP_MAYMOVE, 0)).toBe(-EINVAL);
    expect(t.cur.call.reason).toBe(MREMAP_NEW_BEYOND_TASK_SIZE);
  });

  it('a source that crosses its end keeps the destination', () => {
    const t = task(LINUX_6_18);
    put(t, A, 1);
    put(t, B, 1);
    expect(doMremap(t.cur, A, 2 * PAGE, 3 * PAGE, TO, B)).toBe(-EFAULT);
    expect(areas(t)).toEqual(['10000000+1', '20000000+1']);
  });
});

describe('areas with and without an anon_vma', () => {
  /** Three areas of a page each, of which only the middle one was written to. */
  function middleWritten(profile: KernelProfile): TestTask {
    const t = task(profile);
    put(t, A, 1);
    put(t, A + PAGE, 1, RW | PROT_EXEC);
    put(t, A + 2 * PAGE, 1);
    t.store(A + PAGE, 1);
    return t;
  }

  it('join in 6.18, and stay apart in 6.12 (random/anon_1360)', () => {
    for (const [profile, expected] of [
      [LINUX_6_12, ['10000000+1', '10001000+1', '10002000+1']],
      [LINUX_6_18, ['10000000+3']],
    ] as const) {
      const t = middleWritten(profile);
      expect(doMprotect(t.cur, A + PAGE, PAGE, RW)).toBe(0);
      expect([profile.name, areas(t)]).toEqual([profile.name, expected]);
      expect(t.load(A + PAGE)).toBe(1);
    }
  });

  it('stay apart where the pages came through a fork', () => {
    const child = middleWritten(LINUX_6_18).fork();
    expect(doMprotect(child.cur, A + PAGE, PAGE, RW)).toBe(0);
    expect(areas(child)).toEqual(['10000000+1', '10001000+1', '10002000+1']);
  });

  it('join where mremap copies to, and the pages go with them', () => {
    const t = task(LINUX_6_18);
    put(t, A, 2);
    t.store(A + PAGE, 7);
    expect(doMremap(t.cur, A, 2 * PAGE, 2 * PAGE, TO, B)).toBe(B);
    // The copy keeps its page offset, and goes back beside an area that was never written to.
    put(t, A, 1);
    expect(doMremap(t.cur, B + PAGE, PAGE, PAGE, TO, A + PAGE)).toBe(A + PAGE);
    expect(areas(t)).toEqual(['10000000+2', '20000000+1']);
    expect(t.load(A + PAGE)).toBe(7);
    t.machine.check();
  });
});

describe('MREMAP_DONTUNMAP', () => {
  it('joins an old mapping that it comes to touch (random/anon_1210)', () => {
    for (const [profile, areasWanted] of [
      [LINUX_6_12, 2],
      [LINUX_6_18, 1],
    ] as const) {
      const t = task(profile);
      const last = vmMmapPgoff(t.cur, null, 0, PAGE, RW, ANON, 0);
      const before = t.mm.mapCount;
      expect(doMremap(t.cur, last, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0)).toBe(last - PAGE);
      expect([profile.name, t.mm.mapCount - before + 1]).toEqual([profile.name, areasWanted]);
    }
  });
});
