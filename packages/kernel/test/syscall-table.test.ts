import { doSyscall, SYSCALL_NAMES } from '@vmarea/kernel';
import { EFAULT, ENAMETOOLONG, ENOSYS, syscallNumber } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { expectNoLeaks, machine } from './machine.ts';

const nr = (name: string): number => syscallNumber(name)!;

describe('system calls by number', () => {
  it('take pointers, and refuse bad ones', () => {
    const kernel = machine();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn({ cwd: '/tmp' });
    const call = (name: string, ...args: (number | bigint)[]): number => doSyscall(task, nr(name), args);
    const page = call('mmap', 0, 8192, 3, 0x22, -1, 0);
    const put = (text: string): void => {
      [...new TextEncoder().encode(`${text}\0`)].forEach((byte, i) => task.memory.store8(page + i, byte));
    };
    put('file');
    const fd = call('openat', -100, page, 0o102, 0o644);
    expect(fd).toBe(0);
    put('hello');
    expect(call('write', fd, page, 5)).toBe(5);
    expect(call('lseek', fd, 1, 0)).toBe(1);
    expect(call('read', fd, page + 100, 100)).toBe(4);
    expect(String.fromCharCode(task.memory.load8(page + 100))).toBe('e');
    expect(call('pread64', fd, page + 8190, 5, 0)).toBe(2);
    expect(call('read', fd, 0x1000, 1)).toBe(0);
    expect(call('pread64', fd, 0x1000, 1, 0)).toBe(-EFAULT);
    expect(call('openat', -100, 0x1000, 0, 0)).toBe(-EFAULT);
    for (let i = 0; i < 8192; i++) task.memory.store8(page + i, 0x61);
    expect(call('openat', -100, page, 0, 0)).toBe(-ENAMETOOLONG);
    expect(call('pipe2', page, 0)).toBe(0);
    expect([task.memory.load32(page), task.memory.load32(page + 4)]).toEqual([1, 2]);
    expect(call('mincore', page, 8192, page)).toBe(0);
    expect(task.memory.load32(page) & 0xffff).toBe(0x0101);
    expect(call('prlimit64', 0, 7, 0, page)).toBe(0);
    expect(task.memory.load32(page)).toBe(1024);
    expect(call('clone', 17, 0)).toBe(2);
    doSyscall(kernel.tasks.get(2)!, nr('exit_group'), [3]);
    expect(call('wait4', -1, page, 0, 0)).toBe(2);
    expect(task.memory.load32(page)).toBe(0x300);
    put('file');
    expect(call('unlinkat', -100, page, 0)).toBe(0);
    expect(call('reboot')).toBe(-ENOSYS);
    expect(doSyscall(task, 100000, [])).toBe(-ENOSYS);
    expectNoLeaks(kernel, frames);
  });

  it('are all numbers of arm64', () => {
    for (const name of SYSCALL_NAMES) expect(syscallNumber(name)).toBeTypeOf('number');
  });
});
