/** A copy of the areas around a range: a call that fails there fails in the whole process, with the same errno and the same reason. */
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel, type Task } from '@vmarea/kernel';
import { anonVmaPrepare, validateMm, type AddressRange } from '@vmarea/mm-core';
import {
  DEFAULT_CONFIG,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_MERGEABLE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  PROFILES,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_AS,
  RLIMIT_MEMLOCK,
} from '@vmarea/uapi';
import { onCopy, type Attempt } from '@vmarea/what-if';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const PAGE = 4096;
const BASE = 0x10000000;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

interface Area {
  readonly page: number;
  readonly pages: number;
  readonly prot: number;
  readonly shared: boolean;
  readonly locked: boolean;
  readonly written: boolean;
  readonly noFork: boolean;
}

interface Asked {
  readonly verb: string;
  readonly page: number;
  readonly pages: number;
  readonly more: number;
  readonly prot: number;
  readonly unaligned: boolean;
}

const prot = fc.constantFrom(PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE);
const area: fc.Arbitrary<Area> = fc.record({
  page: fc.integer({ min: 0, max: 40 }),
  pages: fc.integer({ min: 1, max: 6 }),
  prot,
  shared: fc.boolean(),
  locked: fc.boolean(),
  written: fc.boolean(),
  noFork: fc.boolean(),
});
const asked: fc.Arbitrary<Asked> = fc.record({
  verb: fc.constantFrom('munmap', 'mprotect', 'madvise', 'ksm', 'mlock', 'munlock', 'msync', 'mremap', 'mmap', 'fixed'),
  page: fc.integer({ min: 0, max: 44 }),
  pages: fc.integer({ min: 0, max: 12 }),
  more: fc.integer({ min: 0, max: 12 }),
  prot,
  unaligned: fc.boolean(),
});

function build(areas: readonly Area[], limits: { readonly maps: number; readonly total: number }): Task {
  const task = createKernel({
    arch: createArm64({ pageSize: PAGE, vaBits: 48 }),
    profile: PROFILES['linux-6.12'],
    config: { ...DEFAULT_CONFIG, ksm: true },
    memory: false,
  }).spawn();
  for (const { page, pages, prot: rights, shared, locked, written, noFork } of areas) {
    const at = BASE + page * PAGE;
    const flags = shared ? MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED : ANON;
    if (task.sys.mmap(at, pages * PAGE, rights, flags, -1, 0) < 0) continue;
    const vma = task.mm.tree.find(at);
    if (written && vma !== null && !shared) anonVmaPrepare(vma);
    if (locked) task.sys.mlock(at, pages * PAGE);
    if (noFork) task.sys.madvise(at, pages * PAGE, MADV_DONTFORK);
  }
  task.kernel.system.sysctl.maxMapCount = task.mm.mapCount + limits.maps;
  task.limits.assign(RLIMIT_AS, (task.mm.totalVm + limits.total) * PAGE, Infinity);
  task.limits.assign(RLIMIT_MEMLOCK, (task.mm.lockedVm + limits.total) * PAGE, Infinity);
  task.sys.capset(new Set());
  return task;
}

function rangeOf({ page, pages, more, unaligned }: Asked): AddressRange {
  const start = BASE + page * PAGE + (unaligned ? 8 : 0);
  return { start, end: start + (Math.max(pages, pages + more) + 1) * PAGE };
}

function attemptOf({ verb, page, pages, more, prot: rights, unaligned }: Asked): Attempt {
  const at = BASE + page * PAGE + (unaligned ? 8 : 0);
  const len = pages * PAGE;
  const make = (task: Task): number => {
    const { sys } = task;
    switch (verb) {
      case 'munmap':
        return sys.munmap(at, len);
      case 'mprotect':
        return sys.mprotect(at, len, rights);
      case 'madvise':
        return sys.madvise(at, len, MADV_DONTNEED);
      case 'ksm':
        return sys.madvise(at, len, MADV_MERGEABLE);
      case 'mlock':
        return sys.mlock(at, len);
      case 'munlock':
        return sys.munlock(at, len);
      case 'msync':
        return sys.msync(at, len, MS_ASYNC);
      case 'mremap':
        return sys.mremap(at, len, (pages + more) * PAGE, more % 2 === 0 ? 0 : MREMAP_MAYMOVE);
      case 'mmap':
        return sys.mmap(at, len, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      default:
        return sys.mmap(at, len, rights, ANON, -1, 0);
    }
  };
  return (task) => {
    task.cur.call.reason = 0;
    const result = make(task);
    return { result, signal: 0, decision: result < 0 ? task.cur.call.reason : 0 };
  };
}

describe('a copy of the areas around a range', () => {
  it('fails a call as the process does, and leaves the process as it was', () => {
    let failed = 0;
    fc.assert(
      fc.property(
        fc.array(area, { minLength: 1, maxLength: 12 }),
        asked,
        fc.record({ maps: fc.integer({ min: 0, max: 3 }), total: fc.integer({ min: 0, max: 20 }) }),
        (areas, call, limits) => {
          const task = build(areas, limits);
          const before = task.mm.tree.size;
          const attempt = attemptOf(call);
          const around = onCopy(task, attempt, rangeOf(call))!;
          expect(validateMm(task.mm)).toEqual([]);
          expect(task.mm.tree.size).toBe(before);
          const committed = task.kernel.system.committedAs;
          const made = attempt(task);
          expect(around.result < 0).toBe(made.result < 0);
          if (made.result < 0) {
            expect(around).toEqual(made);
            failed++;
          }
          expect(validateMm(task.mm)).toEqual([]);
          if (made.result < 0 && call.verb === 'mmap') expect(task.kernel.system.committedAs).toBe(committed);
        },
      ),
      { numRuns: 1500, seed: 19 },
    );
    // Many of the calls fail, so that this is no empty sentence.
    expect(failed).toBeGreaterThan(300);
  });

  it('has the areas of the range, one on each side, and the counts of the whole', () => {
    const task = build(
      [0, 4, 8, 12, 16, 20].map((page) => ({
        page,
        pages: 1,
        prot: PROT_READ,
        shared: false,
        locked: page === 8,
        written: false,
        noFork: page === 8,
      })),
      { maps: 10, total: 100 },
    );
    const { mapCount, totalVm, lockedVm } = task.mm;
    const seen = onCopy(
      task,
      (copy) => {
        const starts: number[] = [];
        for (let vma = copy.mm.tree.first; vma !== null; vma = vma.vmNext) starts.push((vma.vmStart - BASE) / PAGE);
        return [starts, copy.mm.mapCount, copy.mm.totalVm, copy.mm.lockedVm];
      },
      { start: BASE + 8 * PAGE, end: BASE + 13 * PAGE },
    );
    expect(seen).toEqual([[4, 8, 12, 16], mapCount, totalVm, lockedVm]);
    expect(validateMm(task.mm)).toEqual([]);
  });
});
