// Memory tagging, landing instructions and tagged addresses of arm64. Each case names the recording that shows it.
import {
  loadTag,
  storeTag,
  accessTagged,
  ACCESS_READ,
  ACCESS_WRITE,
  isGuardedPage,
  takeTagFault,
} from '@vmarea/mm-core/memory';
import type { Kernel, Task } from '@vmarea/kernel';
import {
  DEFAULT_CONFIG,
  EINVAL,
  LINUX_6_1,
  MADV_DONTNEED,
  MSM_4_4,
  PR_GET_TAGGED_ADDR_CTRL,
  PR_MTE_TCF_ASYNC,
  PR_MTE_TCF_SYNC,
  PR_SET_TAGGED_ADDR_CTRL,
  PR_TAGGED_ADDR_ENABLE,
  PROT_BTI,
  PROT_EXEC,
  PROT_MTE,
  PROT_READ,
  SEGV_MTEAERR,
  SEGV_MTESERR,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { checkAll, expectNoLeaks, machine, maps } from './machine.ts';

const RW = 3;
const TAGGED = RW | PROT_MTE;
const FIXED = 0x32;
const A = 0x10000000;
const P = 4096;

function tagged(profile: KernelProfile = LINUX_6_1): Kernel {
  return machine({
    profile,
    config: { ...DEFAULT_CONFIG, ...profile.usualConfig, ramBytes: 64 * 2 ** 20, cpuMte: true, cpuBti: true },
  });
}

function checked(kernel: Kernel, mode: number = PR_MTE_TCF_SYNC): Task {
  const task = kernel.spawn();
  expect(task.sys.prctl(PR_SET_TAGGED_ADDR_CTRL, mode | PR_TAGGED_ADDR_ENABLE, 0, 0, null)).toBe(0);
  expect(task.sys.mmap(A, 4 * P, TAGGED, FIXED, -1, 0)).toBe(A);
  return task;
}

const flags = (task: Task, start: string): string =>
  task.kernel.proc.smaps(task).split(`${start}-`)[1]!.split('VmFlags: ')[1]!.split('\n')[0]!.trim();

describe('allocation tags', () => {
  it('belong to 16 bytes, and an access needs them (max/006)', () => {
    const kernel = tagged();
    const frames = kernel.memory!.frames.nrFree;
    const task = checked(kernel);
    expect(storeTag(task.cur, A + 16, 3)).toBe(0);
    expect([loadTag(task.cur, A), loadTag(task.cur, A + 31), loadTag(task.cur, A + 32)]).toEqual([0, 3, 0]);
    expect(accessTagged(task.cur, A + 16, 3, ACCESS_WRITE)).toBeGreaterThan(0);
    expect(accessTagged(task.cur, A + 16, 0, ACCESS_READ)).toBe(-1);
    expect(task.cur.call.refused).toMatchObject({ code: SEGV_MTESERR, address: A + 16 });
    expectNoLeaks(kernel, frames);
  });

  it('fault later when the check is asynchronous, without an address', () => {
    const task = checked(tagged(), PR_MTE_TCF_ASYNC);
    storeTag(task.cur, A, 3);
    expect(takeTagFault(task.cur)).toBe(false);
    expect(accessTagged(task.cur, A, 5, ACCESS_WRITE)).toBeGreaterThan(0);
    expect(takeTagFault(task.cur)).toBe(true);
    expect(task.cur.call.refused).toMatchObject({ code: SEGV_MTEAERR, address: 0 });
    expect(takeTagFault(task.cur)).toBe(false);
  });

  it('are copied with the page, move with it, and are gone with it (max/007)', () => {
    const kernel = tagged();
    const frames = kernel.memory!.frames.nrFree;
    const task = checked(kernel);
    storeTag(task.cur, A, 3);
    const child = task.sys.fork() as Task;
    expect(loadTag(child.cur, A)).toBe(3);
    storeTag(child.cur, A, 4);
    storeTag(child.cur, A + 16, 9);
    expect([loadTag(child.cur, A), loadTag(task.cur, A), loadTag(task.cur, A + 16)]).toEqual([4, 3, 0]);
    expect(child.cur.tagControl).toBe(task.cur.tagControl);
    expect(task.sys.mremap(A, P, P, 3, A + 16 * P)).toBe(A + 16 * P);
    expect(loadTag(task.cur, A + 16 * P)).toBe(3);
    expect(task.sys.madvise(A + 16 * P, P, MADV_DONTNEED)).toBe(0);
    expect(loadTag(task.cur, A + 16 * P)).toBe(0);
    checkAll(kernel);
    expectNoLeaks(kernel, frames);
  });

  it('do not outlive the frame: a page that gets it next has none', () => {
    const kernel = tagged();
    const task = checked(kernel);
    for (let i = 0; i < 4; i++) for (let b = 0; b < P; b += 16) storeTag(task.cur, A + i * P + b, 7);
    task.munmap(A, 4 * P);
    task.mmap(A, 64 * P, TAGGED, FIXED, -1, 0);
    for (let i = 0; i < 64; i++) {
      storeTag(task.cur, A + i * P + 32, 1);
      expect(loadTag(task.cur, A + i * P)).toBe(0);
    }
  });

  it('are shared with every mapping of the page that has PROT_MTE (max/008)', () => {
    const task = checked(tagged());
    const fd = task.sys.memfdCreate('m', 0);
    task.sys.ftruncate(fd, P);
    task.sys.mmap(A + 8 * P, P, TAGGED, 0x11, fd, 0);
    task.sys.mmap(A + 10 * P, P, TAGGED, 0x11, fd, 0);
    task.sys.mmap(A + 12 * P, P, RW, 0x11, fd, 0);
    storeTag(task.cur, A + 8 * P, 3);
    expect([loadTag(task.cur, A + 10 * P), loadTag(task.cur, A + 12 * P)]).toEqual([3, 0]);
    expect(accessTagged(task.cur, A + 12 * P, 0, ACCESS_READ)).toBeGreaterThan(0);
    storeTag(task.cur, A + 12 * P, 5);
    expect(loadTag(task.cur, A + 8 * P)).toBe(3);
  });

  it('are never taken away by mprotect, and keep areas apart (max/004)', () => {
    const task = checked(tagged());
    task.sys.mmap(A + 4 * P, 4 * P, RW, FIXED, -1, 0);
    expect(maps(task)).toHaveLength(2);
    expect(task.sys.mprotect(A + 4 * P, P, TAGGED)).toBe(0);
    expect(maps(task)).toEqual(['10000000-10005000 rw-p 00000000 00:00 0', '10005000-10008000 rw-p 00000000 00:00 0']);
    expect(task.sys.mprotect(A, 5 * P, RW)).toBe(0);
    expect(flags(task, '10000000')).toBe('rd wr mr mw me ac mt');
    expect(flags(task, '10005000')).toBe('rd wr mr mw me ac');
    checkAll(task.kernel);
  });

  it('let the heap and the memory above it merge (max/009)', () => {
    for (const [kernel, lines] of [
      [tagged(), 1],
      [machine(), 2],
    ] as const) {
      const task = kernel.spawn();
      task.setHeap(A);
      expect(task.sys.brk(A + P)).toBe(A + P);
      expect(task.sys.mmap(A + P, P, RW, FIXED, -1, 0)).toBe(A + P);
      expect(maps(task)).toHaveLength(lines);
    }
  });
});

describe('landing instructions (PROT_BTI)', () => {
  it('are a flag that mprotect takes away and that keeps areas apart (max/001)', () => {
    const kernel = tagged();
    const task = kernel.spawn();
    const code = PROT_READ | PROT_EXEC;
    task.sys.mmap(A, 2 * P, code | PROT_BTI, FIXED, -1, 0);
    task.sys.mmap(A + 2 * P, 2 * P, code, FIXED, -1, 0);
    expect(maps(task)).toHaveLength(2);
    expect(isGuardedPage(task.mm, A)).toBe(true);
    expect(task.sys.mprotect(A, 2 * P, code)).toBe(0);
    expect(maps(task)).toHaveLength(1);
    expect(isGuardedPage(task.mm, A)).toBe(false);
    expect(task.sys.mprotect(A + P, P, code | PROT_BTI)).toBe(0);
    expect(flags(task, '10001000')).toBe('rd ex mr mw me bt');
    checkAll(kernel);
  });
});

describe('pointers with a tag', () => {
  it('are taken by the calls that Linux lets them be taken by (new/074)', () => {
    const task = checked(machine(), 0);
    const high = (0x3n << 56n) | BigInt(A);
    expect(task.sys.mprotect(high, P, PROT_READ)).toBe(0);
    expect(task.sys.madvise(high, P, MADV_DONTNEED)).toBe(0);
    expect(task.sys.munmap(high, P)).toBe(0);
    expect(task.sys.mmap(high, P, RW, FIXED, -1, 0)).toBeLessThan(0);
    const old = machine({ profile: MSM_4_4 }).spawn();
    old.sys.mmap(A, P, RW, FIXED, -1, 0);
    expect(old.sys.munmap(high, P)).toBe(-EINVAL);
  });

  it('need PR_SET_TAGGED_ADDR_CTRL, whose bits depend on the processor', () => {
    const plain = machine().spawn();
    expect(plain.sys.prctl(PR_SET_TAGGED_ADDR_CTRL, PR_MTE_TCF_SYNC, 0, 0, null)).toBe(-EINVAL);
    expect(plain.sys.prctl(PR_SET_TAGGED_ADDR_CTRL, PR_TAGGED_ADDR_ENABLE, 0, 0, null)).toBe(0);
    expect(plain.sys.prctl(PR_GET_TAGGED_ADDR_CTRL, 0, 0, 0, null)).toBe(PR_TAGGED_ADDR_ENABLE);
    expect(plain.sys.prctl(PR_GET_TAGGED_ADDR_CTRL, 1, 0, 0, null)).toBe(-EINVAL);
    expect(plain.sys.prctl(PR_SET_TAGGED_ADDR_CTRL, 1, 1, 0, null)).toBe(-EINVAL);
  });
});
