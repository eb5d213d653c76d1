import { SyscallError, WNOHANG } from '@vmarea/kernel';
import { RETRY } from '@vmarea/mm-core';
import {
  EACCES,
  EBADF,
  ECHILD,
  EINVAL,
  EPERM,
  ESRCH,
  F_GETFD,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_AS,
  RLIMIT_NOFILE,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { checkAll, expectNoLeaks, machine, maps } from './machine.ts';

const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;

describe('a task', () => {
  it('has raw calls that return errnos, and the same names that throw', () => {
    const task = machine().spawn();
    expect(task.sys.mmap(0, 4096, RW, MAP_PRIVATE, 3, 0)).toBe(-EBADF);
    expect(task.sys.mmap(0, 0, RW, ANON, -1, 0)).toBe(-EINVAL);
    const error = (() => {
      try {
        task.mmap(0, 0, RW, ANON, -1, 0);
        return null;
      } catch (thrown) {
        return thrown as SyscallError;
      }
    })();
    expect(error).toBeInstanceOf(SyscallError);
    expect(error).toMatchObject({ code: 'EINVAL', errno: -EINVAL, syscall: 'mmap' });
    expect(error!.reason).toMatch(/length/i);
  });

  it('takes registers: numbers and bigints modulo 2^64', () => {
    const task = machine().spawn();
    const addr = task.mmap(0n, 4096n, 3n, BigInt(ANON), -1n, 0n);
    expect(task.sys.munmap(BigInt(addr) + (1n << 64n), 4096)).toBe(0);
    expect(task.sys.mmap(0, 4096, RW, ANON, -1, 1)).toBe(-EINVAL);
    expect(task.sys.mmap(0, 4096, RW, MAP_PRIVATE, 9, -4096)).toBe(-EBADF);
  });

  it('forks: memory is copied on write, shared memory is shared, descriptors are copied', () => {
    const kernel = machine();
    const frames = kernel.memory!.frames.nrFree;
    const parent = kernel.spawn({ cwd: '/tmp' });
    const own = parent.mmap(0, 4096, RW, ANON, -1, 0);
    const shared = parent.mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    parent.memory.store32(own, 1);
    parent.memory.store32(shared, 1);
    const fd = parent.open('f', O_RDWR | O_CREAT, 0o644);
    const child = parent.sys.fork();
    if (typeof child === 'number') throw new Error('fork failed');
    child.memory.store32(own, 2);
    child.memory.store32(shared, 2);
    checkAll(kernel);
    expect(parent.memory.load32(own)).toBe(1);
    expect(child.memory.load32(own)).toBe(2);
    expect(parent.memory.load32(shared)).toBe(2);
    child.write(fd, new TextEncoder().encode('abc'));
    child.close(fd);
    expect(parent.write(fd, new TextEncoder().encode('def'))).toBe(3);
    expect(parent.sys.fstat(fd)).toMatchObject({ size: 6 });
    expect(parent.sys.wait(-1, WNOHANG)).toBe(0);
    child.exit(7);
    const status = new Int32Array(1);
    expect(parent.wait(-1, 0, status)).toBe(child.pid);
    expect(status[0]).toBe(7 << 8);
    expect(parent.sys.wait()).toBe(-ECHILD);
    parent.unlink('f');
    expectNoLeaks(kernel, frames);
  });

  it('waits for a child without blocking the program', async () => {
    const kernel = machine();
    const parent = kernel.spawn();
    const child = parent.sys.fork();
    if (typeof child === 'number') throw new Error('fork failed');
    expect(parent.sys.wait()).toBe(RETRY);
    const waited = kernel.run(parent, () => parent.sys.wait());
    child.exit(1);
    expect(await waited).toBe(child.pid);
  });

  it('keeps limits, and gives them up with its capabilities', () => {
    const task = machine().spawn();
    expect(task.getrlimit(RLIMIT_NOFILE)).toEqual({ soft: 1024, hard: 4096 });
    expect(task.setrlimit(RLIMIT_AS, 1 << 20, Infinity)).toBe(0);
    expect(() => task.mmap(0, 1 << 20, RW, ANON, -1, 0)).toThrow(/ENOMEM/);
    expect(task.sys.setrlimit(RLIMIT_AS, 2, 1)).toBe(-EINVAL);
    task.setrlimit(RLIMIT_AS, Infinity, Infinity);
    task.setuid(1000);
    expect(task.sys.setrlimit(RLIMIT_NOFILE, 1, 8192)).toBe(-EPERM);
    expect(task.sys.setuid(0)).toBe(-EPERM);
    expect(task.kernel.sysctl.write(task.cur, 'vm/max_map_count', '10')).toBe(-EACCES);
  });

  it('reads and writes memory of another task', () => {
    const kernel = machine();
    const a = kernel.spawn();
    const b = kernel.spawn();
    const addr = a.mmap(0, 8192, RW, ANON, -1, 0);
    expect(b.processVmWritev(a.pid, addr + 4094, new Uint8Array([1, 2, 3, 4]))).toBe(4);
    const back = new Uint8Array(4);
    expect(a.processVmReadv(a.pid, addr + 4094, back)).toBe(4);
    expect([...back]).toEqual([1, 2, 3, 4]);
    expect(b.sys.processVmReadv(99, addr, back)).toBe(-ESRCH);
    b.setuid(1000);
    expect(b.sys.processVmReadv(a.pid, addr, back)).toBe(-EPERM);
  });

  it('refuses executable mappings of files on a noexec mount', () => {
    const task = machine().spawn();
    const fd = task.open('/noexec/f', O_RDWR | O_CREAT, 0o755);
    task.ftruncate(fd, 4096);
    expect(task.sys.mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0)).toBe(-EPERM);
    expect(task.sys.mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0)).toBeGreaterThan(0);
  });

  it('replaces a huge mapping while the old one still holds its reservation', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const HUGE = MAP_SHARED | MAP_ANONYMOUS | 0x40000;
    const addr = task.mmap(0, 4 << 20, RW, HUGE, -1, 0);
    // The file of the old mapping is released when the call is over, so its two pages are not free in time.
    expect(task.sys.mmap(addr, 2 << 20, RW, HUGE | MAP_FIXED, -1, 0)).toBe(-12);
    expect(kernel.hugePool!.resvHugePages).toBe(2);
    expect(maps(task)).toHaveLength(1);
    task.munmap(addr + (2 << 20), 2 << 20);
    expect(task.mmap(addr, 2 << 20, RW, HUGE | MAP_FIXED, -1, 0)).toBe(addr);
  });

  it('closes descriptors on exec that ask for it', () => {
    const task = machine().spawn({ cwd: '/tmp' });
    task.close(task.open('a', O_RDWR | O_CREAT, 0o644));
    const keep = task.open('a', O_RDONLY);
    const drop = task.open('b', O_RDWR | O_CREAT | O_CLOEXEC, 0o644);
    const file = task.cur.files.fget(keep)!;
    const phdrs = [{ type: 1, flags: 5, offset: 0, vaddr: 0x400000, filesz: 100, memsz: 100, align: 4096 }];
    expect(task.sys.execve({ file, type: 2, phdrs })).toBeTypeOf('object');
    expect(task.sys.fcntl(keep, F_GETFD)).toBe(0);
    expect(task.sys.fcntl(drop, F_GETFD)).toBe(-EBADF);
  });
});
