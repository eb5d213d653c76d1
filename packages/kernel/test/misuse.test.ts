// What only JavaScript can hand in is a named error with the argument's name, and so is a call of a task that has exited;
// what registers can hold never throws.
import {
  errnoName,
  EBADF,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOTDIR,
  EPERM,
  ESPIPE,
  ESRCH,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MisuseError,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  syscallNumber,
} from '@vmarea/uapi';
import { DeadTaskError, doSyscall, SYSCALL_NAMES, type Kernel, type Task } from '@vmarea/kernel';
import { validateMm } from '@vmarea/mm-core';
import { validateFrames } from '@vmarea/mm-core/memory';
import { describe, expect, it } from 'vitest';
import { machine as whole } from './machine.ts';

const PAGE = 4096;

function machine(): { kernel: Kernel; task: Task; fd: number } {
  const kernel = whole();
  const task = kernel.spawn();
  return { kernel, task, fd: task.open('/f', O_CREAT | O_RDWR, 0o644) };
}

describe('a value that no register and no struct holds', () => {
  const CASES: readonly [string, string, (t: Task, fd: number) => unknown][] = [
    ['ftruncate', 'length', (t, fd) => t.sys.ftruncate(fd, NaN)],
    ['lseek', 'offset', (t, fd) => t.sys.lseek(fd, 0.5, 0)],
    ['fallocate', 'len', (t, fd) => t.sys.fallocate(fd, 0, 0, Infinity)],
    ['mmap', 'off', (t, fd) => t.sys.mmap(0, PAGE, 1, 2, fd, 4096.5)],
    ['mmap', 'len', (t, fd) => t.sys.mmap(0, NaN, 1, 2, fd, 0)],
    ['mincore', 'vec', (t) => t.sys.mincore(0, PAGE, [] as unknown as Uint8Array)],
    ['write', 'bytes', (t, fd) => t.sys.write(fd, 'hello' as unknown as Uint8Array)],
    ['read', 'bytes', (t, fd) => t.sys.read(fd, new ArrayBuffer(8) as unknown as Uint8Array)],
    ['pwrite', 'length', (t, fd) => t.sys.pwrite(fd, new Uint8Array(8), 0, 0, 64)],
    ['pread', 'length', (t, fd) => t.sys.pread(fd, new Uint8Array(8), 0, 4, 8)],
    ['open', 'path', (t) => t.sys.open(undefined as unknown as string, 0)],
    ['dup3', 'newFd', (t, fd) => t.sys.dup3(fd, 7.5)],
    ['setrlimit', 'soft', (t) => t.sys.setrlimit(9, 0.5, 1)],
    ['execve', 'program', (t) => t.sys.execve(null as never)],
  ];
  for (const [call, argument, act] of CASES) {
    it(`${call}: ${argument}`, () => {
      const { task, fd } = machine();
      expect(() => act(task, fd)).toThrow(MisuseError);
      expect(() => act(task, fd)).toThrow(new RegExp(`^${call}: ${argument} is `));
      expect(task.fstat(fd)).toMatchObject({ size: 0 });
    });
  }

  it('a register that is no whole number', () => {
    const { task } = machine();
    expect(() => doSyscall(task, syscallNumber('munmap')!, [0, NaN])).toThrow(/^doSyscall: args\[1\] is NaN/);
  });
});

it('an execve that throws leaves the task and no frame behind', () => {
  const { kernel, task } = machine();
  const free = kernel.memory!.frames.nrFree;
  const broken = { file: null, type: 2, entry: 0, headers: null };
  expect(() => task.sys.execve(broken as never)).toThrow(TypeError);
  expect(kernel.memory!.frames.nrFree).toBe(free);
  expect(task.sys.mmap(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)).toBeGreaterThan(0);
});

it('no call of a task that has exited is made, but exit', () => {
  const { kernel, task } = machine();
  const parent = task;
  const child = parent.fork() as Task;
  child.exit(0);
  const calls = new Set<string>();
  for (let p: object = Object.getPrototypeOf(child.sys) as object; p !== Object.prototype;) {
    for (const name of Object.getOwnPropertyNames(p)) calls.add(name);
    p = Object.getPrototypeOf(p) as object;
  }
  for (const helper of ['constructor', 'enter', 'leave', 'populated', 'pageOffset', 'file', 'accessVm', 'mdwe'])
    calls.delete(helper);
  expect(child.sys.exit(0)).toBe(0);
  expect(child.sys.exitGroup(0)).toBe(0);
  calls.delete('exit');
  calls.delete('exitGroup');
  expect(calls.size).toBeGreaterThan(45);
  for (const name of calls) {
    const call = (child.sys as unknown as Record<string, () => unknown>)[name]!;
    expect(() => call.call(child.sys), name).toThrow(DeadTaskError);
  }
  expect(() => child.memory).toThrow(DeadTaskError);
  expect(() => doSyscall(child, syscallNumber('getpid')!, [])).toThrow(/doSyscall: task 2 has exited/);
  expect(parent.sys.processVmReadv(child.pid, 0, new Uint8Array(1))).toBe(-ESRCH);
  expect(parent.sys.wait()).toBe(child.pid);
  kernel.shutdown();
});

describe('a directory that does not exist', () => {
  it('is refused by chdir, and the task stays where it is', () => {
    const { task } = machine();
    expect(task.sys.chdir('/nope')).toBe(-ENOENT);
    expect(task.sys.chdir('/nope/')).toBe(-ENOENT);
    expect(task.sys.chdir('/f')).toBe(-ENOTDIR);
    expect(task.sys.open('f', 0)).toBeGreaterThanOrEqual(0);
  });

  it('is refused by spawn, with its name', () => {
    const { kernel } = machine();
    const free = kernel.memory!.frames.nrFree;
    expect(() => kernel.spawn({ cwd: '/nope' })).toThrow('spawn: cwd "/nope": ENOENT');
    expect(() => kernel.spawn({ cwd: '/f' })).toThrow('spawn: cwd "/f": ENOTDIR');
    expect(kernel.tasks.size).toBe(1);
    expect(kernel.memory!.frames.nrFree).toBe(free);
  });

  it('is refused by every call that takes a path', () => {
    const { task } = machine();
    const { sys } = task;
    for (const path of ['/nope', '/nope/', 'nope', 'nope/.', '/nope/x', './nope/..']) {
      const answers = {
        open: sys.open(path, 0),
        stat: sys.stat(path),
        access: sys.access(path, 0),
        unlink: sys.unlink(path),
        rmdir: sys.rmdir(path),
        chdir: sys.chdir(path),
        truncate: sys.truncate(path, 0),
        rename: sys.rename(path, '/other'),
      };
      for (const [call, answer] of Object.entries(answers)) {
        expect(typeof answer === 'number' ? errnoName(answer) : answer, `${call} ${path}`).toBe('ENOENT');
      }
    }
  });
});

describe('counts, positions and limits by number', () => {
  const call = (t: Task, name: string, ...args: (number | bigint)[]): number =>
    doSyscall(t, syscallNumber(name)!, args);
  const HUGE = [2n ** 63n, 2n ** 63n + 5n, 2n ** 64n - 1n, 2n ** 62n];

  it('a count that no address space holds is EFAULT, after the descriptor has been looked at', () => {
    const { task, fd } = machine();
    const at = task.mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (const count of HUGE) {
      for (const name of ['read', 'write', 'pread64', 'pwrite64']) {
        expect(call(task, name, 99, at, count, 0), `${name} of a closed descriptor`).toBe(-EBADF);
        expect(call(task, name, fd, at, count, 0), name).toBe(-EFAULT);
      }
      expect(call(task, 'pread64', fd, at, count, -1)).toBe(-EINVAL);
    }
    const ends: [number, number] = [0, 0];
    task.pipe2(ends);
    expect(call(task, 'pread64', ends[0], at, HUGE[0]!, 0)).toBe(-ESPIPE);
    expect(task.fstat(fd)).toMatchObject({ size: 0 });
  });

  it('a position whose end is beyond 2^63 is EINVAL', () => {
    const { task, fd } = machine();
    const at = task.mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(call(task, 'pread64', fd, at, PAGE, 2n ** 63n - 1n)).toBe(-EINVAL);
    expect(call(task, 'pwrite64', fd, at, PAGE, 2n ** 63n - 1n)).toBe(-EINVAL);
  });

  it('prlimit64: what there is no limit for, whose task is not there, whose task is another user’s', () => {
    const { kernel, task } = machine();
    const at = task.mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (const resource of [16, -1, 0x7fffffff]) expect(call(task, 'prlimit64', 0, resource, 0, at)).toBe(-EINVAL);
    expect(task.sys.getrlimit(16)).toBe(-EINVAL);
    expect(call(task, 'prlimit64', 77, 7, 0, at)).toBe(-ESRCH);
    const child = task.fork() as Task;
    expect(call(task, 'prlimit64', child.pid, 7, 0, at)).toBe(0);
    expect(task.memory.load32(at)).toBe(1024);
    child.setuid(1000);
    expect(call(child, 'prlimit64', task.pid, 7, 0, at)).toBe(-EPERM);
    kernel.shutdown();
  });
});

it('mincore looks at as many pages as the vector has bytes', () => {
  const { kernel, task } = machine();
  const len = 2 ** 40;
  const NORESERVE = 0x4000;
  const at = task.mmap(0, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | NORESERVE, -1, 0);
  const port = kernel.system.memory;
  const real = port.mincore.bind(port);
  let pages = 0;
  port.mincore = (...args) => {
    pages += (args[3] - args[2]) / PAGE;
    real(...args);
  };
  const vec = new Uint8Array(2).fill(7);
  expect(task.sys.mincore(at, len, vec)).toBe(-EFAULT);
  expect(pages).toBe(2);
  expect([...vec]).toEqual([0, 0]);
  expect(task.sys.mincore(at, 2 * PAGE, vec)).toBe(0);
});

it('a descriptor costs the same however high it is, and none is beyond what Linux allows', () => {
  const { task, fd } = machine();
  const { files } = task.cur;
  const file = files.fget(fd)!;
  const high = 2 ** 31 - 65;
  for (const at of [4095, 4096, 1e8, high]) expect(files.installAt(file.getFile(), at, Infinity, true)).toBe(at);
  expect(files.installAt(file.getFile(), 2 ** 31 - 1, Infinity, false)).toBe(-EBADF);
  expect(files.openFds()).toEqual([fd, 4095, 4096, 1e8, high]);
  const copy = files.copy();
  expect(copy.openFds()).toEqual(files.openFds());
  expect(copy.getCloexec(high)).toBe(true);
  copy.closeOnExec();
  expect(copy.openFds()).toEqual([fd]);
  expect(files.dup(fd, Infinity, 4095)).toBe(4097);
  expect(files.close(high)).toBe(0);
  expect(files.close(high)).toBe(-EBADF);
  copy.put();
});

/** Numbers of one sequence; no clock and no chance. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

it('the table throws for no register values: every call, edges of every kind', () => {
  const { kernel, task, fd } = machine();
  const at = task.mmap(0, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  task.write(fd, new Uint8Array(3 * PAGE));
  const edges: (number | bigint)[] = [0, 1, 2, 3, 7, 9, 16, 22, 0x22, 64, 4095, 4096, 8192, 65536];
  edges.push(-1, -2, -100, -4096, at, at + 1, at + 4095, task.mm.taskSize - PAGE, task.mm.taskSize, 2 ** 31, 2 ** 32);
  for (const bit of [31n, 32n, 47n, 48n, 52n, 53n, 62n, 63n]) edges.push(2n ** bit, 2n ** bit - 1n, 2n ** bit + 4096n);
  edges.push(2n ** 64n - 1n, 2n ** 64n - 4096n, 2n ** 64n - 4095n);
  const pick = numbers(20261128);
  const names = SYSCALL_NAMES.filter((name) => name !== 'exit' && name !== 'exit_group');
  let calls = 0;
  for (let round = 0; round < 400; round++) {
    for (const name of names) {
      // root for the first half: later most calls of others are refused early
      if (name.startsWith('set') && round < 200) continue;
      const args = Array.from({ length: 6 }, () => edges[pick(edges.length)]!);
      let result: unknown;
      try {
        result = doSyscall(task, syscallNumber(name)!, args);
      } catch (error) {
        throw new Error(`${name}(${args.map(String).join(', ')}) threw`, { cause: error });
      }
      calls++;
      expect(Number.isInteger(result), `${name}(${args.map(String).join(', ')}) = ${String(result)}`).toBe(true);
    }
    for (const other of [...kernel.tasks.values()]) if (other !== task) other.sys.exit(0);
    while (task.sys.wait(-1, 1) > 0);
    if (round % 50 !== 0) continue;
    expect(validateMm(task.mm)).toEqual([]);
    expect(validateFrames(kernel.memory!.frames)).toEqual([]);
  }
  expect(calls).toBe(400 * names.length - 200 * names.filter((name) => name.startsWith('set')).length);
  kernel.shutdown();
});
