/**
 * What no register holds is a MisuseError that names verb, argument and value, thrown before anything changes; ranges that no
 * VMA may have are refused by the functions that insert one.
 */
import { DEFAULT_CONFIG, LINUX_6_1, MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MisuseError } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import {
  createCaller,
  createMm,
  doMadvise,
  doMincore,
  doMlock,
  doMlockall,
  doMmap,
  doMprotect,
  doMremap,
  doMseal,
  doMsync,
  doMunlock,
  doMunmap,
  doRemapFilePages,
  insertVmStruct,
  installSpecialMapping,
  MmSystem,
  prctlSetVmaAnonName,
  sysBrk,
  validateMm,
  vmBrk,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
} from '../../src/index.ts';
import { createTestArch } from '../../src/testing/index.ts';

const PAGE = 4096;
const A = 16 * PAGE;
const FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

function scene(): Caller {
  const arch = createTestArch();
  const system = new MmSystem({ arch, profile: LINUX_6_1, config: DEFAULT_CONFIG });
  const cur = createCaller(createMm(system)!);
  expect(vmMmapPgoff(cur, null, A, 4 * PAGE, 3, FLAGS, 0)).toBe(A);
  return cur;
}

/** Every verb with the arguments that are registers, good ones. */
const VERBS: Readonly<Record<string, readonly [args: readonly number[], call: (cur: Caller, a: number[]) => unknown]>> =
  {
    mmap: [[A, PAGE, 3, FLAGS, 0], (c, a) => vmMmapPgoff(c, null, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!)],
    doMmap: [
      [A, PAGE, 3, FLAGS, 0],
      (c, a) =>
        doMmap(c, {
          file: null,
          addr: a[0]!,
          len: a[1]!,
          prot: a[2]!,
          flags: a[3]!,
          vmFlags: 0,
          vmFlagsHigh: 0,
          pgoff: a[4]!,
        }),
    ],
    munmap: [[A, PAGE], (c, a) => vmMunmap(c, a[0]!, a[1]!)],
    doMunmap: [[A, PAGE], (c, a) => doMunmap(c, a[0]!, a[1]!)],
    mprotect: [[A, PAGE, 1], (c, a) => doMprotect(c, a[0]!, a[1]!, a[2]!)],
    mremap: [[A, PAGE, 2 * PAGE, 3, 2 * A], (c, a) => doMremap(c, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!)],
    brk: [[A], (c, a) => sysBrk(c, a[0]!)],
    vmBrk: [[A, PAGE, 0], (c, a) => vmBrk(c, a[0]!, a[1]!, a[2]!)],
    madvise: [[A, PAGE, 4], (c, a) => doMadvise(c, a[0]!, a[1]!, a[2]!)],
    mlock: [[A, PAGE, 0x2000], (c, a) => doMlock(c, a[0]!, a[1]!, a[2]!)],
    munlock: [[A, PAGE], (c, a) => doMunlock(c, a[0]!, a[1]!)],
    mlockall: [[1], (c, a) => doMlockall(c, a[0]!)],
    msync: [[A, PAGE, 4], (c, a) => doMsync(c, a[0]!, a[1]!, a[2]!)],
    mincore: [[A, PAGE], (c, a) => doMincore(c, a[0]!, a[1]!, new Uint8Array(1))],
    mseal: [[A, PAGE, 0], (c, a) => doMseal(c, a[0]!, a[1]!, a[2]!)],
    prctl: [[A, PAGE], (c, a) => prctlSetVmaAnonName(c, a[0]!, a[1]!, null)],
    remap_file_pages: [[A, PAGE, 0, 0, 0], (c, a) => doRemapFilePages(c, a[0]!, a[1]!, a[2]!, a[3]!, a[4]!)],
  };

describe.each(Object.keys(VERBS))('%s', (name) => {
  const [args, call] = VERBS[name]!;
  it.each([NaN, 0.5, Infinity, '4096', undefined, null])(
    'refuses %s wherever it stands, and changes nothing',
    (bad) => {
      for (let at = 0; at < args.length; at++) {
        const cur = scene();
        const given = args.map((value, i) => (i === at ? (bad as unknown as number) : value));
        expect(() => call(cur, given), `argument ${String(at)}`).toThrow(MisuseError);
        expect(validateMm(cur.mm)).toEqual([]);
        expect([cur.mm.mapCount, cur.mm.totalVm]).toEqual([1, 4]);
      }
    },
  );
});

it('the message names verb, argument and value', () => {
  expect(() => vmMunmap(scene(), A, NaN)).toThrow('munmap: len is NaN, not a whole number');
});

describe('a range that no VMA may have', () => {
  const spec = { name: '[x]', fault: null };
  const task = (cur: Caller): number => cur.mm.taskSize;
  const RANGES: Readonly<Record<string, (cur: Caller) => readonly [number, number]>> = {
    empty: () => [32 * PAGE, 32 * PAGE],
    reversed: () => [34 * PAGE, 32 * PAGE],
    'not of whole pages': () => [32 * PAGE + 1, 34 * PAGE],
    'beyond TASK_SIZE': (cur) => [task(cur), task(cur) + PAGE],
    'across TASK_SIZE': (cur) => [task(cur) - PAGE, task(cur) + PAGE],
    negative: () => [-2 * PAGE, -PAGE],
    'not a number': () => [NaN, 32 * PAGE],
  };
  it.each(Object.keys(RANGES))('%s', (name) => {
    const cur = scene();
    const [start, end] = RANGES[name]!(cur);
    expect(() => installSpecialMapping(cur, start, end - start, 0, spec)).toThrow(/^installSpecialMapping: range \[/);
    const vma = cur.mm.vmas.allocVma()!;
    vma.vmStart = start;
    vma.vmEnd = end;
    expect(() => insertVmStruct(cur, vma)).toThrow(MisuseError);
    cur.mm.vmas.release(vma.id);
    expect(validateMm(cur.mm)).toEqual([]);
    expect([cur.mm.mapCount, cur.mm.system.vmAreaCachep.active]).toEqual([1, 1]);
  });
});
