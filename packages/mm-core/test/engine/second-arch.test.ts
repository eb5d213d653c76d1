// What an architecture decides, on one that decides otherwise than arm64: x86-64. Each case names the recording that shows it.
import { createArm64 } from '@vmarea/arch-arm64';
import { createX86_64, type X86_64Options } from '@vmarea/arch-x86-64';
import {
  DEFAULT_CONFIG,
  EINVAL,
  ENOMEM,
  EPERM,
  LINUX_6_1,
  MADV_POPULATE_READ,
  MAP_32BIT,
  MAP_ABOVE4G,
  MAP_FIXED,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import {
  type Arch,
  createCaller,
  createMm,
  doMadvise,
  doMlock,
  doMprotect,
  finishPopulate,
  MmSystem,
  pickMmapLayout,
  VM_LOCKED,
  vmMmapPgoff,
  vmMunmap,
} from '../../src/index.ts';
import { accessProcessVm, FOLL_FORCE } from '../../src/memory/index.ts';
import {
  FAULT_NOT_CANONICAL,
  FAULT_NOT_EXECUTABLE,
  GET_UNMAPPED_AREA_LEN_OVER_ROOM,
  GET_UNMAPPED_AREA_NO_GAP,
} from '../../src/reasons.ts';
import { ANON, decisionOf, faultsOf, Machine, PAGE, RW, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** 6.1 with the facts of later kernels that decide here. */
const LATER: KernelProfile = {
  ...LINUX_6_1,
  layout: { ...LINUX_6_1.layout, searchKeepsMinAddr: true, mapAbove4G: true },
};

function machine(options: X86_64Options = {}, profile: KernelProfile = LINUX_6_1): Machine {
  return new Machine(profile, { lsmMmapMinAddr: 65536 }, 32 * MIB, createX86_64(options));
}

const any = (t: TestTask, hint: number, len: number, flags = 0): number =>
  vmMmapPgoff(t.cur, null, hint, len, len > 32 * MIB ? PROT_NONE : RW, ANON | flags, 0);

describe('where a mapping goes', () => {
  it('MAP_32BIT keeps to the second gigabyte, from below (x86_32bit_flag)', () => {
    const m = machine();
    const t = m.task();
    expect(any(t, 0, PAGE, MAP_32BIT)).toBe(0x40000000);
    expect(any(t, 0, PAGE, MAP_32BIT)).toBe(0x40001000);
    expect(any(t, 0x20000000, PAGE, MAP_32BIT)).toBe(0x20000000);
    expect(any(t, 0x7ffff000, 2 * PAGE, MAP_32BIT)).toBe(0x40002000);
    expect(any(t, 0x80000000, PAGE, MAP_32BIT)).toBe(0x40004000);
    expect(any(t, 0x90000000, PAGE, MAP_32BIT | MAP_FIXED)).toBe(0x90000000);
    expect(any(t, 0, 0x80001000, MAP_32BIT)).toBe(-ENOMEM);
    expect(t.cur.call.reason).toBe(GET_UNMAPPED_AREA_LEN_OVER_ROOM);
    expect(any(t, 0, GIB, MAP_32BIT)).toBe(-ENOMEM);
    expect(t.cur.call.reason).toBe(GET_UNMAPPED_AREA_NO_GAP);
    m.end();
  });

  it('MAP_ABOVE4G is heeded by kernels that have it (x86_above4g_flag)', () => {
    for (const [profile, low] of [
      [LINUX_6_1, true],
      [LATER, false],
    ] as const) {
      const m = machine({}, profile);
      const t = m.task();
      // Only below 4 GiB there is room below mmap_base.
      expect(any(t, 2 ** 32, t.mm.mmapBase - 2 ** 32, MAP_FIXED)).toBe(2 ** 32);
      const at = any(t, 0, PAGE, MAP_ABOVE4G);
      expect(at < 2 ** 32).toBe(low);
      expect(at).toBeGreaterThan(0);
      m.end();
    }
  });

  it('the search goes down to the second page, and the check behind it refuses (x86_topdown_low)', () => {
    for (const [profile, capable, result] of [
      [LINUX_6_1, true, 0x3000],
      [LINUX_6_1, false, -EPERM],
      [LATER, false, 0x7ffff7fff000],
    ] as const) {
      const m = machine({}, profile);
      const t = m.task();
      m.system.sysctl.mmapMinAddr = 65536;
      const cur = capable ? t.cur : { ...t.cur, cred: { ...t.cur.cred, capLow: 0, capHigh: 0 } };
      expect(any(t, 0x10000, t.mm.mmapBase - 0x10000, MAP_FIXED)).toBe(0x10000);
      expect(vmMmapPgoff(cur, null, 0, 0xd000, RW, ANON, 0)).toBe(result);
      m.end();
    }
  });

  it('five levels open above the window to hints from there only (x86_la57)', () => {
    const m = machine({ levels: 5 });
    const t = m.task();
    expect(any(t, 0, PAGE)).toBe(0x7ffff7ffe000);
    expect(any(t, 0x800000000000, PAGE)).toBe(0x800000000000);
    expect(any(t, 0x800000000000, PAGE)).toBe(0xfffffff7ffe000);
    expect(any(t, 0x7fffffffe000, 2 * PAGE)).toBe(0x7ffff7ffc000);
    expect(any(t, 0x7ffffffff000, PAGE)).toBe(0x7ffff7ffb000);
    expect(any(t, 0, 2 ** 47)).toBe(-ENOMEM);
    expect(any(t, 2 ** 48, 2 ** 47)).toBe(2 ** 48);
    const wide = 2 ** 55;
    expect(any(t, wide, PAGE)).toBe(wide);
    expect(t.store(wide, 7)).toBe('ok');
    expect(t.load(wide)).toBe(7);
    m.check();
    expect(vmMunmap(t.cur, wide, PAGE)).toBe(0);
    m.end();
  });

  it('an unlimited stack leaves the layout top-down (054)', () => {
    const layouts = [createX86_64(), createArm64({ pageSize: 4096, vaBits: 48 })].map((arch: Arch) => {
      const system = new MmSystem({ arch, profile: LINUX_6_1, config: DEFAULT_CONFIG });
      const usual = createCaller(createMm(system)!);
      const cur = { ...usual, rlimits: { ...usual.rlimits, stack: Infinity } };
      pickMmapLayout(cur, 0);
      return [cur.mm.mmapLegacy, cur.mm.mmapBase.toString(16)];
    });
    expect(layouts).toEqual([
      [false, '155555556000'],
      [true, '400000000000'],
    ]);
  });
});

describe('faults', () => {
  it('a store to a clean page of a shared mapping marks it without a fault (165, x86_hw_dirty)', () => {
    for (const [arch, faults] of [
      [createX86_64(), 0],
      [createArm64({ pageSize: 4096, vaBits: 48 }), 1],
    ] as const) {
      const m = new Machine(LINUX_6_1, {}, 32 * MIB, arch);
      const t = m.task();
      const file = m.file(PAGE, 'shmem');
      t.shared(file, A, 1);
      expect(faultsOf(t, () => t.load(A))).toEqual([0, 1]);
      expect(faultsOf(t, () => t.store(A, 3))).toEqual([faults, 0]);
      expect(t.load(A)).toBe(3);
      m.end();
    }
  });

  it('a fetch brings the page in before it is refused (x86_exec_fault_populates)', () => {
    const m = machine();
    const t = m.task();
    t.shared(m.file(PAGE), A, 1, PROT_READ);
    expect(faultsOf(t, () => expect(t.mem.fetch32(A)).toBe(-1))).toEqual([0, 1]);
    expect([t.mem.code, decisionOf(t)]).toEqual([2, FAULT_NOT_EXECUTABLE]);
    expect(t.mm.rssFile).toBe(1);
    expect(faultsOf(t, () => expect(t.mem.fetch32(A)).toBe(-1))).toEqual([0, 0]);
    t.anon(A + PAGE, 1, PROT_NONE);
    expect(faultsOf(t, () => expect(t.mem.fetch32(A + PAGE)).toBe(-1))).toEqual([0, 0]);
    m.end();
  });

  it('an address that is not canonical is told to nobody (x86_high_hint)', () => {
    const m = machine();
    const t = m.task();
    expect(t.load(2 ** 47)).toBe('SIGSEGV 128 0x0');
    expect(decisionOf(t)).toBe(FAULT_NOT_CANONICAL);
    expect(t.load(2 ** 47 - PAGE)).toBe('SIGSEGV 1 0x7ffffffff000');
    expect(t.load(2 ** 64 - 2 ** 47)).toBe('SIGSEGV 1 0xffff800000000000');
    const five = machine({ levels: 5 });
    expect(five.task().load(2 ** 47)).toBe('SIGSEGV 1 0x800000000000');
    m.end();
    five.end();
  });

  it('PROT_EXEC alone is readable, or with protection keys SEGV_PKUERR (x86_prot_matrix)', () => {
    for (const [protectionKeys, loaded] of [
      [false, 0],
      [true, `SIGSEGV 4 0x${A.toString(16)}`],
    ] as const) {
      const m = machine({ protectionKeys });
      const t = m.task();
      t.anon(A, 1, PROT_EXEC);
      expect(t.load(A)).toBe(loaded);
      expect(t.mem.fetch32(A)).toBe(0);
      expect(t.load(A)).toBe(loaded);
      t.anon(A + PAGE, 1, PROT_WRITE);
      expect(t.load(A + PAGE)).toBe(0);
      m.end();
    }
  });

  it('with protection keys PROT_EXEC alone cannot be populated, as seen on 6.18 natively', () => {
    for (const [protectionKeys, locked] of [
      [false, 0],
      [true, -ENOMEM],
    ] as const) {
      const m = machine({ protectionKeys }, LINUX_6_1);
      const t = m.task();
      t.anon(A, 1, PROT_EXEC);
      expect(doMadvise(t.cur, A, PAGE, MADV_POPULATE_READ)).toBe(-EINVAL);
      expect(doMlock(t.cur, A, PAGE, VM_LOCKED)).toBe(0);
      expect(finishPopulate(t.cur)).toBe(locked);
      // Who reads it for another task is not asked for a key.
      expect(accessProcessVm(t.cur, t.mm, A, new Uint8Array(1), FOLL_FORCE)).toBe(1);
      m.end();
    }
  });

  it('with protection keys PROT_EXEC alone lends its anon_vma to nobody else, as seen on 6.18 natively', () => {
    for (const protectionKeys of [false, true]) {
      const m = machine({ protectionKeys }, LINUX_6_1);
      const t = m.task();
      for (const at of [A, A + PAGE]) {
        t.anon(at, 1);
        t.store(at, 1);
        expect(doMprotect(t.cur, at, PAGE, PROT_EXEC)).toBe(0);
      }
      expect(t.mm.mapCount).toBe(protectionKeys ? 2 : 1);
      m.end();
    }
  });
});
