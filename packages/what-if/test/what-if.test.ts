/** Calls on copies: the process and the machine stay as they are, and what is found turns the answer. */
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel, type Task } from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import { Shmem } from '@vmarea/shmem';
import {
  DEFAULT_CONFIG,
  EAGAIN,
  EINVAL,
  ENOMEM,
  EPERM,
  LINUX_6_1,
  MADV_MERGEABLE,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MCL_FUTURE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import {
  bytes,
  causesOf,
  exactBytes,
  LIMIT_AS,
  onCopy,
  optionBytes,
  searchKnob,
  succeeded,
  type Attempt,
  type Cause,
} from '@vmarea/what-if';
import { describe, expect, it } from 'vitest';

const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const RW = PROT_READ | PROT_WRITE;

function newTask(memory: boolean = false): Task {
  return createKernel({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: LINUX_6_1,
    config: { ...DEFAULT_CONFIG, ksm: true, ramBytes: 2 ** 30 },
    memory: memory ? { bytes: 2 ** 23 } : false,
    sharedMemory: (system) => new Shmem(system),
  }).spawn();
}

const attempt =
  (call: (task: Task) => number): Attempt =>
  (task) => ({ result: call(task), signal: 0, decision: 0 });
const failsWith = (errno: number) => (outcome: { readonly result: number }) => outcome.result === -errno;
const conditions = (causes: readonly Cause[]): string[] => causes.map(({ condition }) => condition);

describe('a copy', () => {
  it.each([false, true])('leaves the process and the machine as they were (memory: %s)', (memory) => {
    const task = newTask(memory);
    const { kernel } = task;
    const at = task.sys.mmap(0, 65536, RW, ANON, -1, 0);
    expect(task.sys.mlock(at, 8192)).toBe(0);
    expect(task.sys.mlockall(MCL_FUTURE)).toBe(0);
    const before = [kernel.proc.maps(task), kernel.system.committedAs, task.mm.lockedVm, kernel.tasks.size];
    const seen = onCopy(task, (copy) => {
      expect(kernel.proc.maps(copy)).toBe(before[0]);
      expect([copy.mm.lockedVm, copy.mm.defFlags]).toEqual([task.mm.lockedVm, task.mm.defFlags]);
      expect(kernel.system.committedAs).toBe(before[1]);
      kernel.system.sysctl.maxMapCount = 1;
      copy.limits.assign(9, 0, 0);
      expect(copy.sys.munmap(at, 65536)).toBe(0);
      validateMm(copy.mm);
      return copy.mm.mapCount;
    });
    expect(seen).toBe(1);
    validateMm(task.mm);
    expect([kernel.proc.maps(task), kernel.system.committedAs, task.mm.lockedVm, kernel.tasks.size]).toEqual(before);
    expect([kernel.system.sysctl.maxMapCount, task.limits.get(9).soft]).toEqual([65530, Infinity]);
  });

  it('is thrown away when the function throws', () => {
    const task = newTask();
    expect(() =>
      onCopy(task, () => {
        throw new RangeError('no');
      }),
    ).toThrow(RangeError);
    expect(task.kernel.tasks.size).toBe(1);
  });
});

describe('the value at which an answer turns', () => {
  it('is the smallest limit that lets a call through', () => {
    const task = newTask();
    task.limits.assign(9, 2 ** 20, Infinity);
    const turn = searchKnob(task, LIMIT_AS, {
      upward: true,
      attempt: attempt((copy) => copy.sys.mmap(0, 2 ** 24, RW, ANON, -1, 0)),
      turned: succeeded,
    });
    expect(turn?.value).toBe(2 ** 24 + task.mm.totalVm * 4096);
  });

  it('is not there for a call that the limit does not touch', () => {
    const task = newTask();
    const never = attempt((copy) => copy.sys.munmap(1, 4096));
    expect(searchKnob(task, LIMIT_AS, { upward: false, attempt: never, turned: succeeded })).toBeNull();
  });
});

describe('causes of a failure that is not shared', () => {
  it('name the limit and the capability', () => {
    const task = newTask();
    const at = task.sys.mmap(0, 65536, RW, ANON, -1, 0);
    const lock = attempt((copy) => copy.sys.mlock(at, 65536));
    expect(causesOf(task, lock, failsWith(ENOMEM))[0]).toMatchObject({
      condition: 'RLIMIT_MEMLOCK is below 64 KiB and CAP_IPC_LOCK is missing',
      options: ['--rlimit memlock=60k', '--capabilities none'],
    });
    const locked = attempt((copy) => copy.sys.mmap(0, 65536, RW, ANON | 0x2000, -1, 0));
    expect(conditions(causesOf(task, locked, failsWith(EAGAIN)))).toEqual([
      'RLIMIT_MEMLOCK is below 64 KiB and CAP_IPC_LOCK is missing',
    ]);
  });

  it('name an earlier mlockall(MCL_FUTURE) for a plain mapping', () => {
    const task = newTask();
    const plain = attempt((copy) => copy.sys.mmap(0, 65536, RW, ANON, -1, 0));
    expect(conditions(causesOf(task, plain, failsWith(EAGAIN)))).toEqual([
      'mlockall(MCL_FUTURE) was called before, RLIMIT_MEMLOCK is below 64 KiB and CAP_IPC_LOCK is missing',
    ]);
    expect(task.mm.defFlags).toBe(0);
  });

  it('name RLIMIT_AS, RLIMIT_DATA, RAM and the commit limit of a private mapping', () => {
    const task = newTask();
    const map = attempt((copy) => copy.sys.mmap(0, 2 ** 24, RW, ANON, -1, 0));
    const causes = causesOf(task, map, failsWith(ENOMEM));
    expect(conditions(causes)).toEqual([
      'RLIMIT_AS is below 16516 KiB',
      'RLIMIT_DATA is below 16 MiB',
      'vm.overcommit_memory is 0 and RAM and swap are less than 16 MiB together',
      'vm.overcommit_memory is 2 and less than 16388 KiB is left of CommitLimit',
    ]);
    for (const { outcome } of causes) expect(outcome.result).toBe(-ENOMEM);
  });

  it('name a forbidden low address and a build option', () => {
    const task = newTask();
    const low = attempt((copy) => copy.sys.mmap(65536, 4096, RW, ANON | MAP_FIXED, -1, 0));
    expect(conditions(causesOf(task, low, failsWith(EPERM)))).toEqual([
      'vm.mmap_min_addr is 69632 or more and CAP_SYS_RAWIO is missing',
    ]);
    const at = task.sys.mmap(0, 4096, RW, ANON, -1, 0);
    const merge = attempt((copy) => copy.sys.madvise(at, 4096, MADV_MERGEABLE));
    expect(conditions(causesOf(task, merge, failsWith(EINVAL)))).toEqual(['the kernel was built without CONFIG_KSM']);
  });

  it('are none for an errno that no rule gives', () => {
    const task = newTask();
    const at = task.sys.mmap(0, 4096, RW, ANON, -1, 0);
    expect(
      causesOf(
        task,
        attempt((copy) => copy.sys.munmap(at, 4096)),
        failsWith(117),
      ),
    ).toEqual([]);
    expect(succeeded({ result: task.sys.munmap(at, 4096), signal: 0, decision: 0 })).toBe(true);
  });
});

describe('numbers', () => {
  it('are in units that keep them exact, or rounded and marked', () => {
    expect([1, 4095, 4096, 2 ** 30 * 4, 4 * 2 ** 40, 1027 * 2 ** 20, Infinity, -4096].map(bytes)).toEqual([
      '1 byte',
      '4095 bytes',
      '4 KiB',
      '4 GiB',
      '4 TiB',
      '1027 MiB',
      'unlimited',
      '-4 KiB',
    ]);
    expect([1.5 * 2 ** 30, 8_000_000 * 1024, 16516 * 1024].map(bytes)).toEqual(['1.5 GiB', '7.63 GiB', '16516 KiB']);
    expect(exactBytes(8_000_004 * 1024)).toBe('8000004 KiB (7.63 GiB)');
    expect([65536, 2 ** 30, 4097, Infinity].map(optionBytes)).toEqual(['64k', '1g', '4097', 'unlimited']);
  });
});
