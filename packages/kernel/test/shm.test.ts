// System V shared memory through a task: what the recordings do not show, failing allocations, and pointers by number.
import { doSyscall, type Kernel, type Task } from '@vmarea/kernel';
import {
  EFAULT,
  EIDRM,
  EINVAL,
  ENOMEM,
  EPERM,
  IPC_CREAT,
  IPC_INFO,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  LINUX_6_1,
  LINUX_6_12,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MCL_CURRENT,
  MCL_FUTURE,
  MSM_4_4,
  newShmidDs,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_MEMLOCK,
  SHM_HUGETLB,
  SHM_INFO,
  SHM_LOCK,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_STAT,
  SHM_STAT_ANY,
  SHM_UNLOCK,
  syscallNumber,
  type KernelProfile,
  type ShmidDs,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { checkAll, expectNoLeaks, machine, maps } from './machine.ts';

const PAGE = 4096;
const A = 0x40000000;
const RW = PROT_READ | PROT_WRITE;
const PROFILES: readonly KernelProfile[] = [MSM_4_4, LINUX_6_1, LINUX_6_12];

function begin(profile: KernelProfile = LINUX_6_1): { kernel: Kernel; task: Task; frames: number } {
  const kernel = machine({ profile });
  const frames = kernel.memory!.frames.nrFree;
  return { kernel, task: kernel.spawn(), frames };
}

function stat(task: Task, id: number): ShmidDs {
  const ds = newShmidDs();
  task.shmctl(id, IPC_STAT, ds);
  return ds;
}

function segment(task: Task, pages: number = 4, flags: number = 0o600): number {
  return task.shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | flags);
}

describe.each(PROFILES)('on $name', (profile) => {
  it('a segment is charged at once, and goes with its last mapping once it was removed', () => {
    const { kernel, task, frames } = begin(profile);
    const before = kernel.system.committedAs;
    const id = segment(task);
    expect(kernel.system.committedAs - before).toBe(4);
    expect(task.shmat(id, A, 0)).toBe(A);
    const child = task.fork() as Task;
    expect(stat(task, id).nattch).toBe(2);
    expect(task.shmctl(id, IPC_RMID)).toBe(0);
    expect(stat(task, id).mode).toBe(0o1600);
    task.memory.store8(A, 7);
    expect(child.memory.load8(A)).toBe(7);
    task.shmdt(A);
    child.exit();
    task.wait(child.pid);
    expect(task.sys.shmctl(id, IPC_STAT, newShmidDs())).toBe(-EINVAL);
    expect(kernel.system.committedAs).toBe(before);
    expectNoLeaks(kernel, frames);
  });

  it('execve and exit detach', () => {
    const { kernel, task, frames } = begin(profile);
    const id = segment(task);
    const child = task.fork() as Task;
    child.shmat(id, 0, 0);
    child.shmat(id, 0, SHM_RDONLY);
    expect(stat(task, id)).toMatchObject({ nattch: 2, cpid: task.pid, lpid: child.pid });
    child.exit();
    expect(stat(task, id)).toMatchObject({ nattch: 0, lpid: child.pid });
    task.wait(child.pid);
    expectNoLeaks(kernel, frames);
  });

  it('the identifier of a removed segment is not that of the next one with its index', () => {
    const { kernel, task } = begin(profile);
    const first = segment(task);
    task.shmctl(first, IPC_RMID);
    let next = segment(task);
    for (let i = 0; i < 70 && next % 32768 !== first % 32768; i++) {
      task.shmctl(next, IPC_RMID);
      next = segment(task);
    }
    expect(next).toBe(32768);
    expect(task.sys.shmctl(first, IPC_STAT, newShmidDs())).toBe(profile === MSM_4_4 ? -EIDRM : -EINVAL);
    expect(task.sys.shmctl(0, SHM_STAT, newShmidDs())).toBe(next);
    expect(task.sys.shmctl(0, SHM_STAT_ANY, newShmidDs())).toBe(profile === MSM_4_4 ? -EINVAL : next);
    kernel.shutdown();
  });

  it('huge pages need a right or the group; on 4.4 RLIMIT_MEMLOCK serves, too', () => {
    const { kernel, task } = begin(profile);
    task.setrlimit(RLIMIT_MEMLOCK, 2 ** 21, 2 ** 21);
    task.setgid(5);
    task.setuid(5);
    const got = task.sys.shmget(IPC_PRIVATE, 1, IPC_CREAT | SHM_HUGETLB | 0o600);
    expect(got).toBe(profile === MSM_4_4 ? 0 : -EPERM);
    if (got === 0) {
      expect(kernel.system.lockedShm.get(5)).toBe(512);
      task.shmctl(got, IPC_RMID);
      expect(kernel.system.lockedShm.get(5)).toBe(0);
    }
    kernel.sysctl.write(kernel.spawn().cur, 'vm/hugetlb_shm_group', '5');
    expect(task.sys.shmget(IPC_PRIVATE, 1, IPC_CREAT | SHM_HUGETLB | 0o600)).toBeGreaterThanOrEqual(0);
    kernel.shutdown();
  });
});

describe('SHM_LOCK', () => {
  it('counts the segment for its user until it is unlocked or gone', () => {
    const { kernel, task } = begin();
    task.setrlimit(RLIMIT_MEMLOCK, 6 * PAGE, 6 * PAGE);
    task.setuid(5);
    const [one, two] = [segment(task), segment(task)];
    expect(task.shmctl(one, SHM_LOCK)).toBe(0);
    expect(task.shmctl(one, SHM_LOCK)).toBe(0);
    expect(stat(task, one).mode).toBe(0o2600);
    expect(task.sys.shmctl(two, SHM_LOCK)).toBe(-ENOMEM);
    expect(task.shmctl(one, SHM_UNLOCK)).toBe(0);
    expect(task.shmctl(two, SHM_LOCK)).toBe(0);
    expect(task.shmctl(two, IPC_RMID)).toBe(0);
    expect(kernel.system.lockedShm.get(5)).toBe(0);
    kernel.shutdown();
  });

  it('mlockall(MCL_FUTURE) brings in what is attached, within RLIMIT_MEMLOCK', () => {
    const { kernel, task, frames } = begin();
    const id = segment(task);
    task.mlockall(MCL_CURRENT | MCL_FUTURE);
    const at = task.shmat(id, 0, 0);
    expect(kernel.memory!.frames.nrShmem).toBe(4);
    expect(task.mm.lockedVm).toBeGreaterThanOrEqual(4);
    task.shmdt(at);
    expectNoLeaks(kernel, frames);
  });
});

describe('limits', () => {
  it('are those of the sysctls; shm_rmid_forced removes what nobody maps', () => {
    const { kernel, task } = begin();
    expect(kernel.sysctl.read('kernel/shmmax')).toBe('18446744073692774399\n');
    expect(kernel.sysctl.read('kernel.shmall')).toBe('18446744073692774399\n');
    expect(kernel.sysctl.write(task.cur, 'kernel/shmmax', '8192')).toBe(0);
    expect(task.sys.shmget(IPC_PRIVATE, 8193, IPC_CREAT)).toBe(-EINVAL);
    expect(kernel.sysctl.write(task.cur, 'kernel/shmmax', '18446744073709551615')).toBe(0);
    expect(kernel.sysctl.read('kernel/shmmax')).toBe('18446744073709551615\n');
    const child = task.fork() as Task;
    const orphan = segment(child);
    const own = segment(task);
    const mapped = segment(task);
    task.shmat(mapped, A, 0);
    child.exit();
    task.wait(child.pid);
    // The creator of the first has ended; that of the others lives.
    kernel.sysctl.write(task.cur, 'kernel/shm_rmid_forced', '1');
    expect(task.sys.shmctl(orphan, IPC_STAT, newShmidDs())).toBe(-EINVAL);
    expect(stat(task, own).nattch).toBe(0);
    task.shmdt(A);
    expect(task.sys.shmctl(mapped, IPC_STAT, newShmidDs())).toBe(-EINVAL);
    const heir = task.fork() as Task;
    task.exit();
    expect(heir.sys.shmctl(own, IPC_STAT, newShmidDs())).toBe(-EINVAL);
    kernel.shutdown();
  });

  it('shm_next_id gives the next segment an identifier', () => {
    const { kernel, task } = begin();
    kernel.sysctl.write(task.cur, 'kernel/shm_next_id', '98311');
    expect(segment(task)).toBe(98311);
    expect(segment(task)).toBe(0);
    expect(kernel.sysctl.read('kernel/shm_next_id')).toBe('-1\n');
    kernel.shutdown();
  });

  it('a size near 2^64 is refused, also without a charge', () => {
    const { kernel, task } = begin();
    expect(task.sys.shmget(IPC_PRIVATE, -1, IPC_CREAT)).toBe(-EINVAL);
    expect(task.sys.shmget(IPC_PRIVATE, 2n ** 50n, IPC_CREAT)).toBe(-ENOMEM);
    kernel.sysctl.write(task.cur, 'vm/overcommit_memory', '1');
    const id = task.sys.shmget(IPC_PRIVATE, 2n ** 50n, IPC_CREAT | 0o600);
    expect(task.sys.shmat(id, 0, 0)).toBe(-ENOMEM);
    expect(stat(task, id).nattch).toBe(0);
    kernel.shutdown();
  });
});

describe('by number', () => {
  const call = (task: Task, name: string, ...args: (number | bigint)[]): number =>
    doSyscall(task, syscallNumber(name)!, args);

  it('the structures are those of the ABI', () => {
    const { kernel, task } = begin();
    task.mmap(A, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    const id = call(task, 'shmget', 0x1234, 3 * PAGE + 1, IPC_CREAT | 0o640);
    const at = call(task, 'shmat', id, 0, 0);
    task.memory.store8(at, 1);
    const word = (offset: number): number => task.memory.load32(A + offset);
    expect(call(task, 'shmctl', id, IPC_STAT, A)).toBe(0);
    // key, mode, sequence number, size, creator, nattch.
    expect([0, 20, 24, 48, 80, 88].map(word)).toEqual([0x1234, 0o640, 0, 3 * PAGE + 1, task.pid, 1]);
    expect(call(task, 'shmctl', 0, IPC_INFO, A)).toBe(0);
    expect([0, 4, 8, 16, 24].map(word)).toEqual([0xfeffffff, 0xffffffff, 1, 4096, 4096]);
    expect(call(task, 'shmctl', 0, SHM_INFO, A)).toBe(0);
    expect([0, 8, 16, 24].map(word)).toEqual([1, 4, 1, 0]);
    task.memory.store32(A + 4, 5);
    task.memory.store32(A + 8, 6);
    task.memory.store32(A + 20, 0o7777);
    expect(call(task, 'shmctl', id, IPC_SET, A)).toBe(0);
    expect(stat(task, id)).toMatchObject({ uid: 5, gid: 6, cuid: 0, mode: 0o777 });
    expect(call(task, 'shmctl', id, IPC_SET, 0)).toBe(-EFAULT);
    expect(call(task, 'shmctl', id, IPC_STAT, 0)).toBe(-EFAULT);
    expect(call(task, 'shmctl', -1, IPC_SET, A)).toBe(-EINVAL);
    expect(call(task, 'shmdt', at)).toBe(0);
    expect(call(task, 'shmctl', id, IPC_RMID, 0)).toBe(0);
    kernel.shutdown();
  });
});

/** What is tried with a segment of four pages at A, of which a page was written, and one of two pages that is not attached. */
const VERBS: Readonly<Record<string, (task: Task, other: number) => unknown>> = {
  shmget: (task) => task.sys.shmget(IPC_PRIVATE, PAGE, IPC_CREAT),
  shmat: (task, other) => task.sys.shmat(other, A + 0x10000, 0),
  'shmat SHM_REMAP': (task, other) => task.sys.shmat(other, A + PAGE, SHM_REMAP),
  shmdt: (task) => task.sys.shmdt(A),
  'munmap in the middle': (task) => task.sys.munmap(A + PAGE, PAGE),
  'mprotect in the middle': (task) => task.sys.mprotect(A + PAGE, PAGE, PROT_READ),
  'mremap of a part': (task) => task.sys.mremap(A + PAGE, PAGE, PAGE, 3, A + 0x20000),
  fork: (task) => task.sys.fork(),
  'store to a new page': (task) => task.memory.store8(A + 2 * PAGE, 1),
};

describe.each([LINUX_6_1, LINUX_6_12])('failing allocations on $name', (profile) => {
  it.each(Object.keys(VERBS))('%s leaves counts right and nothing behind', (verb) => {
    for (const kind of ['structures', 'frames'] as const) {
      for (let n = 1, failed = true; failed; n++) {
        const { kernel, task, frames } = begin(profile);
        const [id, other] = [segment(task), segment(task, 2)];
        task.shmat(id, A, 0);
        task.memory.store8(A, 1);
        if (kind === 'structures') kernel.system.failCountdown = n;
        else kernel.memory!.frames.failNth = n;
        VERBS[verb]!(task, other);
        failed = kind === 'structures' ? kernel.system.failCountdown === 0 : kernel.memory!.frames.failNth === 0;
        kernel.system.failCountdown = 0;
        kernel.memory!.frames.failNth = 0;
        checkAll(kernel);
        for (const one of [id, other]) {
          const lines = [...kernel.tasks.values()].flatMap((any) =>
            maps(any).filter((line) => line.includes(` ${one} /SYSV`)),
          );
          expect(stat(task, one).nattch, `${verb}, ${kind} ${n}`).toBe(lines.length);
        }
        expectNoLeaks(kernel, frames);
      }
    }
  });
});
