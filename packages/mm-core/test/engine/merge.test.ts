/**
 * The eight cases of vma_merge, every reason not to merge, and what anonymous memory's owners have to do with it.
 * Pictures: see picture.ts.
 */
import {
  LINUX_6_1,
  LINUX_6_12,
  MADV_DONTFORK,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  MSM_4_4,
  PROT_EXEC,
  PROT_READ,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, test } from 'vitest';
import {
  anonVmaPrepare,
  createCaller,
  doMadvise,
  doMlock,
  doMprotect,
  doMremap,
  dupMm,
  exitMmap,
  prctlSetVmaAnonName,
  sysBrk,
  VM_IO,
  VM_LOCKED,
  VM_UFFD_MISSING,
  vmMunmap,
  whyNotMerged,
} from '../../src/index.ts';
import {
  VMA_MERGE_ANON_NAME,
  VMA_MERGE_ANON_VMA,
  VMA_MERGE_CLOSE_OP,
  VMA_MERGE_FILE,
  VMA_MERGE_FLAGS,
  VMA_MERGE_NOT_ADJACENT,
  VMA_MERGE_PGOFF,
  VMA_MERGE_POLICY,
  VMA_MERGE_SPECIAL,
  VMA_MERGE_USERFAULT,
} from '../../src/reasons.ts';
import { TestFile, TestUserfaultContext } from '../../src/testing/index.ts';
import { BOTH, MAP_SHARED, PAGE, RW, Scene, type Kind } from './picture.ts';

const READ: Kind = { prot: PROT_READ };

function protect(scene: Scene, column: number, n: number, prot: number): void {
  expect(doMprotect(scene.cur, scene.addr(column), n * PAGE, prot)).toBe(0);
  scene.check();
}

/** Decisions that the tracer heard of, which refuse a merge. */
function refusals(scene: Scene): Set<number> {
  return new Set([...scene.tracer.decisions.keys()]);
}

describe.each(BOTH)('merging, $name', (profile: KernelProfile) => {
  test('case 1: a hole filled joins both neighbours', () => {
    //                              AAA***BBB
    const scene = new Scene(profile).at('AAA***BBB');
    scene.map(3, 3);
    expect(scene.check().show(9)).toBe('AAAAAAAAA');
    expect(scene.merges()).toEqual([1]);
    expect(scene.mm.mapCount).toBe(1);
  });

  test('case 2: what is mapped behind an area extends it', () => {
    //                              AAA***...
    const scene = new Scene(profile).at('AAA***...');
    scene.map(3, 3);
    expect(scene.check().show(9)).toBe('AAAAAA...');
    expect(scene.merges()).toEqual([2]);
  });

  test('case 3: what is mapped before an area extends it downwards', () => {
    //                              ...***BBB
    const scene = new Scene(profile).at('...***BBB');
    scene.map(3, 3);
    expect(scene.check().show(9)).toBe('...BBBBBB');
    expect(scene.merges()).toEqual([3]);
    expect(scene.vma(3).vmPgoff).toBe(scene.addr(3) / PAGE);
  });

  test('case 4: the tail of an area becomes the head of the next', () => {
    //                              AAA***BBB, A read-only, * of A made writable
    const scene = new Scene(profile).at('AAAAAABBB', { A: READ });
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toBe('AAABBBBBB');
    expect(scene.merges()).toEqual([4]);
    expect(scene.vma(3).vmPgoff).toBe(scene.addr(3) / PAGE);
  });

  test('case 5: the head of an area becomes the tail of the one before', () => {
    //                              AAA***BBB, B read-only, * of B made writable
    const scene = new Scene(profile).at('AAABBBBBB', { B: READ });
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toBe('AAAAAABBB');
    expect(scene.merges()).toEqual([5]);
    expect(scene.vma(6).vmPgoff).toBe(scene.addr(6) / PAGE);
  });

  test('case 6: a whole area between two that it becomes like', () => {
    //                              AAABBBCCC, B made writable
    const scene = new Scene(profile).at('AAABBBCCC', { B: READ });
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toBe('AAAAAAAAA');
    expect(scene.merges()).toEqual([6]);
    expect(scene.mm.mapCount).toBe(1);
  });

  test('case 7: a whole area joins the one before only', () => {
    //                              AAABBBCCC, B made writable, C stays read-only of another kind
    const scene = new Scene(profile).at('AAABBBCCC', { B: READ, C: { prot: PROT_EXEC } });
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toBe('AAAAAACCC');
    expect(scene.merges()).toEqual([7]);
  });

  test('case 8: a whole area joins the next one only', () => {
    //                              AAABBBCCC, B made writable, A executable
    const scene = new Scene(profile).at('AAABBBCCC', { A: { prot: PROT_EXEC }, B: READ });
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toMatch(/^AAA(B{6}|C{6})$/);
    expect(scene.merges()).toEqual([8]);
    expect(scene.vma(3).vmFlags & 7).toBe(RW);
  });

  test('unlike: one differing flag bit of any kind keeps them apart', () => {
    for (const kind of [READ, { flags: 2 | MAP_NORESERVE }, { flags: 2 | MAP_GROWSDOWN }] satisfies Kind[]) {
      const scene = new Scene(profile).at('AAA***', { A: kind });
      scene.map(3, 3);
      expect(scene.check().show(6)).toBe('AAAaaa');
      expect(refusals(scene)).toContain(VMA_MERGE_FLAGS);
    }
  });

  test('advice and locks are flags: they split, and undone they merge again', () => {
    const scene = new Scene(profile).at('AAAAAAAAA');
    expect(doMadvise(scene.cur, scene.addr(3), 3 * PAGE, MADV_DONTFORK)).toBe(0);
    expect(scene.check().mm.mapCount).toBe(3);
    expect(doMlock(scene.cur, scene.addr(6), 3 * PAGE, VM_LOCKED)).toBe(0);
    expect(scene.check().mm.mapCount).toBe(3);
    expect(scene.mm.lockedVm).toBe(3);
  });

  test('file: another descriptor of the same inode is another file', () => {
    const file = new TestFile();
    const other = new TestFile({ inode: file.fInode });
    const scene = new Scene(profile).at('AAA***', { A: { file } });
    scene.map(3, 3, { file: other });
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(refusals(scene)).toContain(VMA_MERGE_FILE);
    const same = new Scene(profile).at('AAA***', { A: { file } });
    same.map(3, 3, { file });
    expect(same.check().show(6)).toBe('AAAAAA');
    expect(file.calls.filter((call) => call.startsWith('mmap'))).toHaveLength(2);
  });

  test('offset: the pages of the file must continue', () => {
    const file = new TestFile();
    const scene = new Scene(profile).at('AAA***', { A: { file } });
    scene.map(3, 3, { file, pgoff: 1 });
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(refusals(scene)).toContain(VMA_MERGE_PGOFF);
  });

  test('close operation: who wants to hear of the end of each VMA does not merge', () => {
    const file = new TestFile({ vmOps: { close: () => undefined } });
    const scene = new Scene(profile).at('AAA***', { A: { file } });
    scene.map(3, 3, { file });
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(refusals(scene)).toContain(VMA_MERGE_CLOSE_OP);
  });

  test('special mappings never merge', () => {
    const file = new TestFile({ setFlags: VM_IO });
    const scene = new Scene(profile).at('AAABBB', { A: { file, prot: PROT_READ }, B: { file } });
    protect(scene, 3, 3, PROT_READ);
    expect(scene.show(6)).toBe('AAABBB');
    expect(refusals(scene)).toContain(VMA_MERGE_SPECIAL);
  });

  test('names: named memory does not merge with other memory', () => {
    const scene = new Scene(profile).at('AAA***');
    expect(prctlSetVmaAnonName(scene.cur, scene.addr(0), 3 * PAGE, profile === MSM_4_4 ? 0x1234 : 'heap')).toBe(0);
    scene.map(3, 3);
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(refusals(scene)).toContain(VMA_MERGE_ANON_NAME);
  });

  test('shared anonymous memory: each mapping has a file of its own', () => {
    const scene = new Scene(profile).at('AAA***', { A: { flags: MAP_SHARED } });
    scene.map(3, 3, { flags: MAP_SHARED });
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(scene.shared.files).toHaveLength(2);
  });

  test('userfaultfd: a watched area keeps to itself', () => {
    const scene = new Scene(profile).at('AAA***');
    const vma = scene.vma(0);
    vma.userfaultCtx = new TestUserfaultContext('uffd');
    scene.map(3, 3);
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(refusals(scene)).toContain(VMA_MERGE_USERFAULT);
    vma.vmFlags |= VM_UFFD_MISSING;
    expect(whyNotMerged(vma, scene.vma(3))).toBe(VMA_MERGE_FLAGS);
  });

  test('policy: memory with a NUMA policy keeps to itself', () => {
    const scene = new Scene(profile).at('AAA***');
    scene.vma(0).vmPolicy = { mode: 'bind' };
    scene.map(3, 3);
    expect(scene.check().show(6)).toBe('AAAaaa');
    expect(whyNotMerged(scene.vma(0), scene.vma(3))).toBe(VMA_MERGE_POLICY);
  });

  test('areas that do not touch have nothing to merge', () => {
    const scene = new Scene(profile).at('AAA.BBB');
    expect(whyNotMerged(scene.vma(0), scene.vma(4))).toBe(VMA_MERGE_NOT_ADJACENT);
  });

  test('shared anonymous writable neighbours made alike: still two files', () => {
    const scene = new Scene(profile).at('AAABBB', {
      A: { flags: MAP_SHARED },
      B: { flags: MAP_SHARED, prot: PROT_READ },
    });
    protect(scene, 3, 3, RW);
    expect(scene.show(6)).toBe('AAABBB');
  });

  test('the middle of an area cut out and put back: AAA -> AaB -> A', () => {
    const scene = new Scene(profile).at('AAAAAAAAA');
    protect(scene, 3, 3, PROT_READ);
    expect(scene.mm.mapCount).toBe(3);
    expect([scene.tracer.splitsBelow, scene.tracer.splitsAbove]).toEqual([1, 1]);
    protect(scene, 3, 3, RW);
    expect(scene.mm.mapCount).toBe(1);
    expect(scene.merges()).toEqual([6]);
  });

  test('a hole punched: the object keeps the lower part', () => {
    //                              AAA...aaa
    const scene = new Scene(profile).at('AAAAAAAAA');
    expect(vmMunmap(scene.cur, scene.addr(3), 3 * PAGE)).toBe(0);
    expect(scene.check().show(9)).toBe('AAA...aaa');
    expect(scene.vma(6).vmPgoff).toBe(scene.addr(6) / PAGE);
  });
});

describe.each(BOTH)('owners of anonymous memory, $name', (profile: KernelProfile) => {
  test('new memory joins a written neighbour, which gives it its anon_vma', () => {
    const scene = new Scene(profile).at('AAA***', { A: { touched: true } });
    const owner = scene.vma(0).anonVma;
    scene.map(3, 3);
    expect(scene.check().show(6)).toBe('AAAAAA');
    expect(scene.vma(5).anonVma).toBe(owner);
  });

  test('two written areas with owners of their own do not become one', () => {
    //                              AAA***BBB, A and B written before they touched
    const scene = new Scene(profile).at('AAA***BBB', { A: { touched: true }, B: { touched: true } });
    expect(scene.vma(0).anonVma).not.toBe(scene.vma(6).anonVma);
    scene.map(3, 3);
    // 4.4 joins the new area to the one before, 6.1 to the one behind.
    expect(scene.check().show(9)).toBe(profile === LINUX_6_1 ? 'AAABBBBBB' : 'AAAAAABBB');
    expect(refusals(scene)).toContain(VMA_MERGE_ANON_VMA);
  });

  test('neighbours that differ in rights only share an owner, so that they can merge later', () => {
    const scene = new Scene(profile).at('AAAAAA');
    protect(scene, 3, 3, PROT_READ);
    expect(anonVmaPrepare(scene.vma(0))).toBe(0);
    expect(anonVmaPrepare(scene.vma(3))).toBe(0);
    expect(scene.vma(3).anonVma).toBe(scene.vma(0).anonVma);
    protect(scene, 3, 3, RW);
    // The split had made the lower part a new object.
    expect(scene.show(6)).toBe('aaaaaa');
  });

  test('neighbours of different accounting get owners of their own, and stay apart for good', () => {
    const scene = new Scene(profile).at('AAABBB', { A: { touched: true }, B: { ...READ, touched: true } });
    expect(scene.vma(3).anonVma).not.toBe(scene.vma(0).anonVma);
    protect(scene, 3, 3, RW);
    expect(scene.show(6)).toBe('AAABBB');
    expect(scene.vma(3).vmFlags).toBe(scene.vma(0).vmFlags);
  });

  test('case 4: who has no owner does not take pages that have one', () => {
    //                              AAA***BBB, A written: the chain of B is empty, so B is no home for pages of A
    const scene = new Scene(profile).at('AAAAAABBB', { A: READ });
    expect(anonVmaPrepare(scene.vma(0))).toBe(0);
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toBe('aaaAAABBB');
    expect(refusals(scene)).toContain(VMA_MERGE_ANON_VMA);
  });

  test('case 5: who has an owner takes pages that have none', () => {
    const scene = new Scene(profile).at('AAABBBBBB', { A: { touched: true }, B: READ });
    protect(scene, 3, 3, RW);
    expect(scene.show(9)).toBe('AAAAAABBB');
    expect(scene.vma(6).anonVma).toBeNull();
  });

  test('in a child, inherited memory is written by two: new memory does not join it', () => {
    const scene = new Scene(profile).at('AAA***', { A: { touched: true } });
    const child = dupMm(scene.cur);
    if (typeof child === 'number') throw new Error('fork');
    const inherited = child.tree.first!;
    expect(inherited.anonVma).not.toBe(scene.vma(0).anonVma);
    expect(inherited.anonVma!.root).toBe(scene.vma(0).anonVma);
    const parent = scene.cur;
    scene.cur = createCaller(child);
    scene.map(3, 3);
    expect(scene.check().mm.mapCount).toBe(2);
    expect(refusals(scene)).toContain(VMA_MERGE_ANON_VMA);
    scene.cur = parent;
    scene.map(3, 3);
    expect(scene.check().show(6)).toBe('AAAAAA');
    exitMmap(child);
  });

  test('untouched memory has no owner: new memory joins it in a child, too', () => {
    const scene = new Scene(profile).at('AAA***');
    const child = dupMm(scene.cur);
    if (typeof child === 'number') throw new Error('fork');
    scene.cur = createCaller(child);
    scene.map(3, 3);
    expect(scene.check().mm.mapCount).toBe(1);
  });

  test('a chain of forks: the owner of a dead parent is used again', () => {
    // parent -> child -> grandchild; the child ends; the grandchild's child takes the child's owner.
    const scene = new Scene(profile).at('AAA', { A: { touched: true } });
    const child = dupMm(scene.cur);
    if (typeof child === 'number') throw new Error('fork');
    const middle = child.tree.first!.anonVma!;
    const grandchild = dupMm(createCaller(child));
    if (typeof grandchild === 'number') throw new Error('fork');
    exitMmap(child);
    expect(middle.numActiveVmas).toBe(0);
    const last = dupMm(createCaller(grandchild));
    if (typeof last === 'number') throw new Error('fork');
    expect(last.tree.first!.anonVma).toBe(middle);
    expect(middle.numActiveVmas).toBe(1);
    // The next child finds it in use by a VMA and with a child of its own: it gets a new one.
    const another = dupMm(createCaller(grandchild));
    if (typeof another === 'number') throw new Error('fork');
    expect(another.tree.first!.anonVma).not.toBe(middle);
    for (const mm of [last, another, grandchild]) exitMmap(mm);
    expect(scene.check().vma(0).anonVma!.numChildren).toBe(1);
  });

  test('moved unwritten memory counts its pages from its new place, and merges there', () => {
    // On the way it is one with its source and with B; then the source's place is unmapped.
    const scene = new Scene(profile).at('AAA...BBB');
    const moved = doMremap(scene.cur, scene.addr(0), 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, scene.addr(3));
    expect(moved).toBe(scene.addr(3));
    expect(scene.check().show(9)).toBe('...AAAAAA');
    expect(scene.vma(3).vmPgoff).toBe(scene.addr(3) / PAGE);
  });

  test('moved written memory keeps its page offsets, and merges nowhere else', () => {
    const scene = new Scene(profile).at('AAA...BBB', { A: { touched: true } });
    const pgoff = scene.vma(0).vmPgoff;
    doMremap(scene.cur, scene.addr(0), 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, scene.addr(3));
    expect(scene.check().show(9)).toBe('...aaaBBB');
    expect(scene.vma(3).vmPgoff).toBe(pgoff);
    expect(refusals(scene)).toContain(VMA_MERGE_PGOFF);
  });
});

describe('what the versions do differently', () => {
  test('growth in place up to the next area: 6.1 merges, 4.4 does not', () => {
    for (const profile of BOTH) {
      const scene = new Scene(profile).at('AAA***BBB');
      expect(doMremap(scene.cur, scene.addr(0), 3 * PAGE, 6 * PAGE, 0, 0)).toBe(scene.addr(0));
      expect(scene.check().show(9)).toBe(profile === LINUX_6_1 ? 'AAAAAAAAA' : 'AAAAAABBB');
    }
  });

  test('the heap next to an anonymous mapping: 4.4 merges, 6.1 does not', () => {
    for (const profile of BOTH) {
      const scene = new Scene(profile).at('AAA...');
      scene.mm.startBrk = scene.mm.brk = scene.addr(3);
      expect(sysBrk(scene.cur, scene.addr(5))).toBe(scene.addr(5));
      expect(scene.check().mm.mapCount).toBe(profile === LINUX_6_1 ? 2 : 1);
    }
  });

  test('a driver that changes the flags: 6.1 tries to merge once more, when something is mapped below', () => {
    for (const profile of BOTH) {
      const file = new TestFile({ clearFlags: 0x20 });
      const scene = new Scene(profile).at('A.BBB***', { B: { file, flags: MAP_SHARED } });
      scene.map(5, 3, { file, flags: MAP_SHARED });
      expect(scene.check().show(8)).toBe(profile === LINUX_6_1 ? 'A.BBBBBB' : 'A.BBBaaa');
      expect(file.fCount).toBe(profile === LINUX_6_1 ? 2 : 3);
    }
  });
});

describe('a driver with a close operation, on 6.12', () => {
  /** A file that counts the VMAs that its driver knows of, as System V shared memory does. */
  function counted(): { file: TestFile; count: () => number } {
    let count = 1;
    const vmOps = {
      open: () => {
        count++;
      },
      close: () => {
        count--;
      },
    };
    return { file: new TestFile({ vmOps }), count: () => count };
  }

  test('a part of a mapping moves into its neighbour, a whole one does not', () => {
    const { file, count } = counted();
    const scene = new Scene(LINUX_6_12).at('AAAAAA', { A: { file } });
    protect(scene, 3, 3, PROT_READ);
    expect(count()).toBe(2);
    protect(scene, 3, 1, RW);
    expect(scene.show(6)).toBe('aaaaAA');
    expect(count()).toBe(2);
    protect(scene, 4, 2, RW);
    expect(scene.show(6)).toBe('aaaaAA');
    expect(refusals(scene)).toContain(VMA_MERGE_CLOSE_OP);
    expect(count()).toBe(2);
    expect(count()).toBe(scene.mm.mapCount);
  });

  test('a tail moves into the mapping above', () => {
    const { file, count } = counted();
    const scene = new Scene(LINUX_6_12).at('AAAAAA', { A: { file } });
    protect(scene, 3, 3, PROT_READ);
    protect(scene, 2, 1, PROT_READ);
    expect(scene.show(6)).toBe('aaAAAA');
    expect(count()).toBe(2);
  });

  test('a new area between two joins the first only', () => {
    const { file, count } = counted();
    const scene = new Scene(LINUX_6_12).at('AAAAAA', { A: { file } });
    expect(vmMunmap(scene.cur, scene.addr(2), 2 * PAGE)).toBe(0);
    scene.map(2, 2, { file });
    expect(scene.check().show(6)).toBe('AAAAaa');
    expect(count()).toBe(2);
  });
});
