// System calls by number on x86-64: its own numbers, the calls that arm64 never had, and the values of its open flags.
import { createX86_64 } from '@vmarea/arch-x86-64';
import { createKernel, doSyscall, SYSCALL_NAMES, type Kernel } from '@vmarea/kernel';
import { RETRY } from '@vmarea/mm-core';
import { DEFAULT_CONFIG, EBADF, ENOSYS, ENOTDIR, LINUX_6_1, syscallNumberX86 } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';

function machine(): Kernel {
  return createKernel({ arch: createX86_64(), profile: LINUX_6_1, config: DEFAULT_CONFIG, memory: { bytes: 2 ** 22 } });
}

describe('system calls by number on x86-64', () => {
  it('have its numbers', () => {
    for (const name of SYSCALL_NAMES) expect(syscallNumberX86(name)).toBeTypeOf('number');
    const task = machine().spawn();
    // mmap 9, munmap 11, brk 12, getpid 39; 222 is arm64's mmap, and timer_create here.
    const page = doSyscall(task, 9, [0, 8192, 3, 0x22, -1, 0]);
    expect(page).toBeGreaterThan(0x7ff000000000);
    expect(doSyscall(task, 12, [0])).toBe(task.mm.brk);
    expect(doSyscall(task, 39, [])).toBe(task.pid);
    expect(doSyscall(task, 222, [0, 8192, 3, 0x22, -1, 0])).toBe(-ENOSYS);
    expect(doSyscall(task, 11, [page, 8192])).toBe(0);
    // MAP_32BIT.
    expect(doSyscall(task, 9, [0, 4096, 3, 0x62, -1, 0])).toBe(0x40000000);
  });

  it('are those that arm64 has, and the older ones', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const call = (name: string, ...args: number[]): number => doSyscall(task, syscallNumberX86(name)!, args);
    const page = call('mmap', 0, 4096, 3, 0x22, -1, 0);
    const put = (text: string): number => {
      [...new TextEncoder().encode(`${text}\0`)].forEach((byte, i) => task.memory.store8(page + i, byte));
      return page;
    };
    expect(call('mkdir', put('/d'), 0o755)).toBe(0);
    expect(call('creat', put('/d/f'), 0o644)).toBe(0);
    expect(call('open', put('/d/f'), 2, 0)).toBe(1);
    // O_DIRECTORY is 0200000 here: arm64's value is O_DIRECT here.
    expect(call('open', put('/d/f'), 0o200000, 0)).toBe(-ENOTDIR);
    expect(call('openat', -100, put('/d'), 0o200000, 0)).toBe(2);
    expect(call('fcntl', 2, 3, 0) & 0o740000).toBe(0o200000);
    expect(call('dup2', 1, 9)).toBe(9);
    expect(call('dup2', 9, 9)).toBe(9);
    expect(call('dup2', 8, 8)).toBe(-EBADF);
    expect(call('pipe', page)).toBe(0);
    expect([task.memory.load32(page), task.memory.load32(page + 4)]).toEqual([3, 4]);
    expect(call('unlink', put('/d/f'))).toBe(0);
    expect(call('rmdir', put('/d'))).toBe(0);
    expect([call('fork'), call('vfork')]).toEqual([2, RETRY]);
    expect(kernel.tasks.get(3)?.parent).toBe(task);
  });
});
