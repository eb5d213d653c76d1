/**
 * Plain memory without a listener: the engine keeps it as records, and makes an object when somebody asks for one. What the
 * kernel answers must not depend on that. (The property test runs half of its sequences this way.)
 */
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_READ, type KernelProfile } from '@vmarea/uapi';
import { describe, expect, test } from 'vitest';
import {
  createCaller,
  doMprotect,
  dupMm,
  exitMmap,
  NO_MEMORY,
  validateMm,
  VM_LOCKED,
  VM_UFFD_MISSING,
  VM_UFFD_WP,
  vmaLink,
  vmStatAccount,
  vmMmapPgoff,
  vmMunmap,
  whyNotMerged,
  type Mm,
  type Vma,
} from '../../src/index.ts';
import { VMA_MERGE_PGOFF } from '../../src/reasons.ts';
import { TestFile } from '../../src/testing/index.ts';
import { BOTH, FIRST_PAGE, PAGE, RW, Scene } from './picture.ts';

/** A scene that nobody listens to. */
function quiet(profile: KernelProfile, picture: string, kinds: Parameters<Scene['at']>[1] = {}): Scene {
  const scene = new Scene(profile);
  scene.mm.tracer = null;
  return scene.at(picture, kinds);
}

function fork(scene: Scene): Mm {
  const child = dupMm(scene.cur);
  if (typeof child === 'number') throw new Error('fork');
  expect(validateMm(child)).toEqual([]);
  return child;
}

const READ = { prot: PROT_READ };

describe.each(BOTH)('plain memory as records, $name', (profile: KernelProfile) => {
  test('the object of a VMA is the same as long as the VMA lives', () => {
    const scene = quiet(profile, 'AAABBB', { B: READ });
    const a = scene.vma(0);
    expect(scene.vma(2)).toBe(a);
    expect(a.vmNext).toBe(scene.vma(3));
    expect(doMprotect(scene.cur, scene.addr(1), PAGE, PROT_READ)).toBe(0);
    // The middle keeps the object, as the kernel's __split_vma has it; the two sides are new.
    expect([a.vmStart, a.vmEnd]).toEqual([scene.addr(1), scene.addr(2)]);
    expect(doMprotect(scene.cur, scene.addr(1), PAGE, RW)).toBe(0);
    expect(scene.check().mm.mapCount).toBe(2);
    // Case 6: the first one swallows the others.
    expect(scene.vma(0)).not.toBe(a);
    expect(scene.vma(0).vmEnd).toBe(scene.addr(3));
  });

  test('a record that is used again has nothing of what was there before', () => {
    const file = new TestFile();
    const scene = quiet(profile, 'AAA', { A: { file } });
    const was = scene.vma(0);
    was.anonName = profile.madvise.anonNames === 'text' ? 'heap' : 4096;
    expect(vmMunmap(scene.cur, scene.addr(0), 3 * PAGE)).toBe(0);
    expect([was.vmFile, was.anonName, was.iMmapNode, file.fCount]).toEqual([null, null, null, 1]);
    scene.map(1, 1);
    const now = scene.check().vma(1);
    expect(now).toBe(was);
    expect([now.vmFile, now.vmPgoff, now.vmPrev, now.vmNext]).toEqual([null, scene.addr(1) / PAGE, null, null]);
  });

  test('touching memory whose pages do not go on is not joined', () => {
    const scene = quiet(profile, 'AAA');
    const moved = scene.mm.vmas.allocVma()!;
    moved.vmStart = scene.addr(3);
    moved.vmEnd = scene.addr(5);
    moved.vmFlags = scene.vma(0).vmFlags & ~2;
    moved.vmPgoff = 7;
    vmaLink(scene.mm, moved);
    vmStatAccount(scene.mm, moved.vmFlags, null, 2);
    expect(doMprotect(scene.cur, scene.addr(3), 2 * PAGE, RW)).toBe(0);
    expect(scene.check().mm.mapCount).toBe(2);
    expect(whyNotMerged(scene.vma(0), scene.vma(3))).toBe(VMA_MERGE_PGOFF);
  });

  test('the peak is remembered when a whole VMA goes', () => {
    const scene = quiet(profile, 'AAAAA');
    expect(vmMunmap(scene.cur, scene.addr(0), 5 * PAGE)).toBe(0);
    expect([scene.mm.totalVm, scene.mm.hiwaterVm, scene.system.committedAs]).toEqual([0, 5, 0]);
  });

  test('munmap of several VMAs, plain and not, leaves nothing of them', () => {
    const file = new TestFile();
    const scene = quiet(profile, 'AABBCCDD', { B: READ, C: { file }, D: { touched: true } });
    expect(vmMunmap(scene.cur, scene.addr(1), 6 * PAGE)).toBe(0);
    expect(scene.check().mm.mapCount).toBe(2);
    expect([file.fCount, file.fMapping.iMmap.size, scene.system.vmAreaCachep.active]).toEqual([1, 0, 2]);
  });

  test('fork: every VMA has a counterpart with records and objects of its own', () => {
    const file = new TestFile();
    const scene = quiet(profile, 'AABBCCDD', { B: READ, C: { file }, D: { touched: true } });
    scene.vma(0).vmFlags |= VM_LOCKED | VM_UFFD_MISSING;
    scene.mm.lockedVm = 2;
    scene.vma(4).vmFlags |= VM_UFFD_WP;
    scene.vma(4).userfaultCtx = {};
    const committed = scene.system.committedAs;
    const child = fork(scene);
    expect(child.mapCount).toBe(4);
    expect(scene.system.committedAs).toBe(2 * committed);
    expect(scene.system.vmAreaCachep.active).toBe(8);
    for (const column of [0, 2, 4, 6]) {
      const [mine, its] = [scene.vma(column), child.tree.find(scene.addr(column))!];
      expect(its).not.toBe(mine);
      expect(its.vmMm).toBe(child);
      expect([its.vmStart, its.vmEnd, its.vmPgoff, its.vmFile]).toEqual([
        mine.vmStart,
        mine.vmEnd,
        mine.vmPgoff,
        mine.vmFile,
      ]);
      expect(its.vmFlags).toBe(mine.vmFlags & ~(VM_LOCKED | VM_UFFD_MISSING | VM_UFFD_WP));
      expect(its.userfaultCtx).toBe(null);
    }
    expect([file.fCount, file.fMapping.iMmap.size]).toEqual([3, 2]);
    expect(child.tree.find(scene.addr(6))!.anonVma!.parent).toBe(scene.vma(6).anonVma);
    // What either does is its own.
    const cur = createCaller(child);
    expect(vmMunmap(cur, scene.addr(0), 4 * PAGE)).toBe(0);
    expect(vmMmapPgoff(cur, null, scene.addr(1), PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0)).toBe(
      scene.addr(1),
    );
    expect(validateMm(child)).toEqual([]);
    expect(scene.check().mm.mapCount).toBe(4);
    exitMmap(child);
    expect([child.mapCount, child.totalVm, child.tree.size]).toEqual([0, 0, 0]);
    expect([file.fCount, scene.system.vmAreaCachep.active, scene.system.committedAs]).toEqual([2, 4, committed]);
    exitMmap(scene.mm);
    expect([file.fCount, scene.system.vmAreaCachep.active, scene.system.committedAs]).toEqual([1, 0, 0]);
  });

  test('fork and exit of more VMAs than a leaf of the index has', () => {
    const scene = quiet(profile, 'A');
    for (let i = 1; i < 40; i++) scene.map(i, 1, i % 2 === 0 ? {} : READ);
    const child = fork(scene);
    expect(child.mapCount).toBe(scene.mm.mapCount);
    let mine = scene.mm.tree.first;
    for (let its = child.tree.first; its !== null; its = its.vmNext, mine = mine!.vmNext) {
      expect([its.vmStart, its.vmEnd, its.vmFlags]).toEqual([mine!.vmStart, mine!.vmEnd, mine!.vmFlags]);
    }
    expect(mine).toBe(null);
    // Both indexes go on separately.
    for (let i = 0; i < 40; i += 3) expect(vmMunmap(createCaller(child), scene.addr(i), PAGE)).toBe(0);
    expect(validateMm(child)).toEqual([]);
    expect(scene.check().mm.mapCount).toBe(40);
    exitMmap(child);
    exitMmap(scene.mm);
    expect([scene.system.vmAreaCachep.active, scene.system.committedAs]).toEqual([0, 0]);
  });

  /** A memory that writes down what it is told, with or without the forms for plain memory. */
  function toldTo(scene: Scene, plain: boolean): string[] {
    const told: string[] = [];
    const at = (addr: number): number => addr / PAGE - FIRST_PAGE;
    const { unmapPlain: _u, protectPlain: _p, plainHasNoPages: _h, ...rest } = NO_MEMORY;
    scene.system.memory = {
      ...rest,
      unmapRegion(_mm, first, start, end) {
        let n = 0;
        for (let vma: Vma | null = first; vma !== null; vma = vma.vmNext) n++;
        told.push(`unmap ${n} from ${at(first.vmStart)}: ${at(start)}-${at(end)}`);
      },
      changeProtection: (vma, start, end) => {
        told.push(`protect ${at(start)}-${at(end)} of ${at(vma.vmStart)} to ${vma.vmPageProt}`);
      },
      copyPageRange: (_made, vma) => {
        told.push(`copy ${at(vma.vmStart)}`);
        return 0;
      },
    };
    if (plain) {
      Object.assign(scene.system.memory, {
        plainHasNoPages: true,
        unmapPlain(_mm: Mm, start: number, end: number, floor: number, ceiling: number): void {
          told.push(`unmapPlain ${at(start)}-${at(end)} between ${floor === 0 ? 'all' : at(floor)} and ${at(ceiling)}`);
        },
        protectPlain(_mm: Mm, start: number, end: number, vmFlags: number, pageProt: number): void {
          told.push(`protectPlain ${at(start)}-${at(end)} to ${vmFlags & 7} ${pageProt}`);
        },
      });
    }
    return told;
  }

  test('a memory without the forms for plain memory hears of every VMA', () => {
    const scene = quiet(profile, 'AAABBB..CC', { B: READ, C: { touched: true } });
    const told = toldTo(scene, false);
    expect(doMprotect(scene.cur, scene.addr(1), PAGE, 0)).toBe(0);
    expect(vmMunmap(scene.cur, scene.addr(3), 3 * PAGE)).toBe(0);
    exitMmap(fork(scene));
    expect(told).toEqual([
      'protect 1-2 of 1 to 0',
      'unmap 1 from 3: 3-6',
      'copy 0',
      'copy 1',
      'copy 2',
      'copy 8',
      'unmap 4 from 0: 0-10',
    ]);
  });

  test('a memory that has them hears of plain VMAs by their bounds', () => {
    const scene = quiet(profile, 'AAABBB..CC', { B: READ, C: { touched: true } });
    const told = toldTo(scene, true);
    expect(doMprotect(scene.cur, scene.addr(1), PAGE, 0)).toBe(0);
    expect(vmMunmap(scene.cur, scene.addr(3), 3 * PAGE)).toBe(0);
    expect(vmMunmap(scene.cur, scene.addr(0), PAGE)).toBe(0);
    exitMmap(fork(scene));
    expect(told).toEqual([
      'protectPlain 1-2 to 0 0',
      'unmapPlain 3-6 between 3 and 8',
      'unmapPlain 0-1 between all and 1',
      'copy 8',
      'unmap 1 from 8: 1-10',
    ]);
  });
});
