// Calls about memory that only newer programs make. Each case names the recording that shows it.
import {
  doSyscall,
  mapsEntry,
  PROCMAP_QUERY,
  PROCMAP_QUERY_COVERING_OR_NEXT_VMA,
  PROCMAP_QUERY_FILE_BACKED_VMA,
  procmapQuery,
  type Kernel,
  type Task,
} from '@vmarea/kernel';
import {
  DEFAULT_CONFIG,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENOSYS,
  ENOTTY,
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_EXEC,
  LINUX_6_1,
  LINUX_6_12,
  MADV_COLD,
  MADV_PAGEOUT,
  MADV_UNMERGEABLE,
  MFD_ALLOW_SEALING,
  MFD_EXEC,
  MFD_NOEXEC_SEAL,
  MPOL_BIND,
  MPOL_DEFAULT,
  MPOL_INTERLEAVE,
  MPOL_PREFERRED,
  O_RDONLY,
  PR_GET_MEMORY_MERGE,
  PR_SET_MEMORY_MERGE,
  PR_SET_MM,
  syscallNumber,
  type KernelProfile,
} from '@vmarea/uapi';
import { procCreate, procfs } from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';
import { checkAll, expectNoLeaks, machine, maps } from './machine.ts';

const RW = 3;
const FIXED = 0x32;
const A = 0x10000000;
const P = 4096;

function boot(profile: KernelProfile = LINUX_6_12): Kernel {
  return machine({
    profile,
    config: { ...DEFAULT_CONFIG, ...profile.usualConfig, ramBytes: 64 * 2 ** 20 },
    mounts: [
      {
        path: '/proc',
        filesystem: (system) => {
          const sb = procfs(system);
          procCreate(sb, 'self/maps', mapsEntry());
          return sb;
        },
      },
    ],
  });
}

const areas = (task: Task): string[] => maps(task).map((line) => line.split(' ')[0]!);

/** The start of each area and whether it is mergeable. */
const merging = (task: Task): string[] =>
  task.kernel.proc
    .smaps(task)
    .split(/\n(?=[0-9a-f]{8})/)
    .filter((text) => !/\[(stack|vvar|vdso)\]/.test(text))
    .map((text) => `${text.slice(0, 8)}${/ mg\b/.test(text) ? ' mg' : ''}`);

describe('mbind', () => {
  it('splits areas and joins those with an equal policy (new/073)', () => {
    const kernel = boot();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn();
    task.sys.mmap(A, 9 * P, RW, FIXED, -1, 0);
    expect(task.sys.mbind(A + 3 * P, 3 * P, MPOL_BIND, 1, 0)).toBe(0);
    expect(areas(task)).toEqual(['10000000-10003000', '10003000-10006000', '10006000-10009000']);
    checkAll(kernel);
    expect(task.sys.mbind(A, 3 * P, MPOL_BIND, 1, 0)).toBe(0);
    expect(areas(task)).toEqual(['10000000-10006000', '10006000-10009000']);
    expect(task.sys.mbind(A + 6 * P, 3 * P, MPOL_PREFERRED, 1, 0)).toBe(0);
    expect(areas(task)).toHaveLength(2);
    checkAll(kernel);
    expect(task.sys.mbind(A, 9 * P, MPOL_DEFAULT, null, 0)).toBe(0);
    expect(areas(task)).toEqual(['10000000-10009000']);
    expectNoLeaks(kernel, frames);
  });

  it('changes nothing when the range has a hole or the nodes do not exist', () => {
    const task = boot().spawn();
    task.sys.mmap(A, 2 * P, RW, FIXED, -1, 0);
    task.sys.mmap(A + 3 * P, P, RW, FIXED, -1, 0);
    expect(task.sys.mbind(A, 4 * P, MPOL_BIND, 1, 0)).toBe(-EFAULT);
    expect(task.sys.mbind(A, P, MPOL_INTERLEAVE, 2, 0)).toBe(-EINVAL);
    expect(task.sys.mbind(A, P, MPOL_DEFAULT, 1, 0)).toBe(-EINVAL);
    expect(task.sys.mbind(A, P, 7, 1, 0)).toBe(-EINVAL);
    expect(task.sys.mbind(A, 0, MPOL_BIND, 1, 0)).toBe(0);
    expect(areas(task)).toHaveLength(2);
    expect(task.mm.tree.first!.vmPolicy).toBe(null);
  });

  it('leaves nothing behind when an allocation fails', () => {
    for (let n = 1; n < 6; n++) {
      const kernel = boot();
      const frames = kernel.memory!.frames.nrFree;
      const task = kernel.spawn();
      task.sys.mmap(A, 9 * P, RW, FIXED, -1, 0);
      kernel.system.failCountdown = n;
      const result = task.sys.mbind(A + 3 * P, 3 * P, MPOL_BIND, 1, 0);
      kernel.system.failCountdown = 0;
      expect([0, -ENOMEM]).toContain(result);
      expectNoLeaks(kernel, frames);
    }
  });

  it('reads its node mask from memory when it is called by number', () => {
    const task = boot().spawn();
    task.sys.mmap(A, 4 * P, RW, FIXED, -1, 0);
    task.memory.store64(A, 1, 0);
    const call = (...args: number[]): number => doSyscall(task, syscallNumber('mbind')!, args);
    expect(call(A + P, P, MPOL_BIND, A, 64, 0)).toBe(0);
    expect(call(A + P, P, MPOL_BIND, A + 16 * P, 64, 0)).toBe(-EFAULT);
    expect(areas(task)).toHaveLength(3);
    expect(doSyscall(task, syscallNumber('set_mempolicy')!, [MPOL_BIND, A, 64])).toBe(0);
    expect(doSyscall(task, syscallNumber('set_mempolicy')!, [MPOL_BIND, 0, 0])).toBe(-EINVAL);
  });

  it('does not exist without CONFIG_NUMA', () => {
    const task = machine().spawn();
    expect(task.sys.mbind(task.sys.mmap(A, P, RW, FIXED, -1, 0), P, MPOL_BIND, 1, 0)).toBe(-ENOSYS);
  });
});

describe('PR_SET_MEMORY_MERGE', () => {
  it('marks what is there and what comes, after areas have joined (new/072)', () => {
    const kernel = boot();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn();
    task.setHeap(0x8000000);
    task.sys.mmap(A, P, RW, FIXED, -1, 0);
    task.sys.mmap(A + 8 * P, P, RW, 0x31, -1, 0);
    expect(task.sys.prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)).toBe(0);
    expect(task.sys.prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0)).toBe(1);
    task.sys.mmap(A + P, P, RW, FIXED, -1, 0);
    task.sys.brk(0x8000000 + P);
    expect(merging(task)).toEqual(['08000000 mg', '10000000 mg', '10001000 mg', '10008000']);
    task.sys.brk(0x8000000 + 3 * P);
    task.sys.madvise(A, P, MADV_UNMERGEABLE);
    task.sys.mmap(A - P, P, RW, FIXED, -1, 0);
    expect(merging(task)).toEqual(['08000000 mg', '08001000 mg', '0ffff000', '10001000 mg', '10008000']);
    const child = task.sys.fork() as Task;
    expect(child.sys.prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0)).toBe(1);
    expect(task.sys.prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0)).toBe(0);
    expect(merging(task).join(' ')).not.toContain('mg');
    expect(task.sys.prctl(PR_SET_MEMORY_MERGE, 1, 1, 0, 0)).toBe(-EINVAL);
    expectNoLeaks(kernel, frames);
  });

  it('does not exist in 6.1', () => {
    expect(boot(LINUX_6_1).spawn().sys.prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)).toBe(-EINVAL);
  });
});

describe('PR_SET_MM', () => {
  it('moves the heap, in the right order only (new/071)', () => {
    const task = boot().spawn();
    task.mm.endCode = 1;
    task.setHeap(A);
    task.sys.brk(A + 2 * P);
    const set = (what: number, addr: number): number => task.sys.prctl(PR_SET_MM, what, addr, 0, 0);
    expect(set(6, A + 16 * P)).toBe(-EINVAL);
    expect(set(7, A + 17 * P)).toBe(0);
    expect(set(6, A + 16 * P)).toBe(0);
    expect(task.sys.brk(0)).toBe(A + 17 * P);
    expect(set(7, 0x1000)).toBe(-EINVAL);
    checkAll(task.kernel);
  });
});

describe('process_madvise', () => {
  it('returns the bytes advised, up to the first refusal (new/017)', () => {
    const task = boot().spawn();
    task.sys.mmap(A, 4 * P, RW, FIXED, -1, 0);
    const advise = (advice: number, ...at: number[]): number =>
      task.sys.processMadvise(
        task.pid,
        at.map((addr) => ({ addr, len: P })),
        advice,
        0,
      );
    expect(advise(MADV_COLD, A, A + P)).toBe(2 * P);
    expect(advise(MADV_PAGEOUT, A, A + 16 * P, A + P)).toBe(P);
    expect(advise(MADV_COLD, A + 16 * P)).toBe(-ENOMEM);
    expect(advise(4, A)).toBe(-EINVAL);
  });
});

describe('PROCMAP_QUERY', () => {
  it('finds the mapping of an address, or the next one (new/078)', () => {
    const task = boot().spawn();
    task.sys.mmap(A, P, RW, FIXED, -1, 0);
    const shared = task.sys.mmap(A + 4 * P, 2 * P, RW, 0x31, -1, 0);
    const fd = task.sys.open('/proc/self/maps', O_RDONLY, 0);
    const query = procmapQuery(A + 2 * P);
    expect(task.sys.ioctl(fd, PROCMAP_QUERY, query)).toBe(-ENOENT);
    query.queryFlags = PROCMAP_QUERY_COVERING_OR_NEXT_VMA;
    expect(task.sys.ioctl(fd, PROCMAP_QUERY, query)).toBe(0);
    expect(query).toMatchObject({ vmaStart: shared, vmaEnd: shared + 2 * P, vmaFlags: 0xb, vmaPageSize: P });
    expect(query.vmaName).toBe('/dev/zero (deleted)');
    Object.assign(query, procmapQuery(A, PROCMAP_QUERY_FILE_BACKED_VMA));
    expect(task.sys.ioctl(fd, PROCMAP_QUERY, query)).toBe(-ENOENT);
    Object.assign(query, procmapQuery(A, 0x40));
    expect(task.sys.ioctl(fd, PROCMAP_QUERY, query)).toBe(-EINVAL);
    const old = boot(LINUX_6_1).spawn();
    expect(old.sys.ioctl(old.sys.open('/proc/self/maps', O_RDONLY, 0), PROCMAP_QUERY, query)).toBe(-ENOTTY);
  });
});

describe('memfds that cannot be executed', () => {
  it('are sealed from the start, or by F_SEAL_EXEC (new/075)', () => {
    const { sys } = boot().spawn();
    const sealed = sys.memfdCreate('a', MFD_NOEXEC_SEAL);
    expect(sys.fcntl(sealed, F_GET_SEALS)).toBe(F_SEAL_EXEC);
    expect(sys.fstat(sealed)).toMatchObject({ mode: 0o100666 });
    expect(sys.memfdCreate('b', MFD_NOEXEC_SEAL | MFD_EXEC)).toBe(-EINVAL);
    const later = sys.memfdCreate('c', MFD_ALLOW_SEALING);
    expect(sys.fcntl(later, F_ADD_SEALS, F_SEAL_EXEC)).toBe(0);
    expect(sys.fcntl(later, F_GET_SEALS)).toBe(62);
    const old = boot(LINUX_6_1).spawn();
    expect(old.sys.memfdCreate('a', MFD_NOEXEC_SEAL)).toBe(-EINVAL);
  });
});
