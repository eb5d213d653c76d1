// What the kernel does on x86-64 alone. Each case names the recording of x86only-* that shows it.
import { createX86_64 } from '@vmarea/arch-x86-64';
import { clearRefs, doSyscall, type Kernel, type Task } from '@vmarea/kernel';
import { VM_SOFTDIRTY } from '@vmarea/mm-core';
import {
  DEFAULT_CONFIG,
  EINVAL,
  ENOSPC,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  LINUX_6_12,
  LINUX_6_18,
  MAP_SHARED,
  O_RDWR,
  PROT_READ,
  syscallNumberX86,
  type KernelConfig,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { expectNoLeaks, machine } from './machine.ts';

const RW = 3;
const ANON = 0x22;
const FIXED = 0x32;
const A = 0x10000000;
const MIB = 2 ** 20;

function x86(profile: KernelProfile = LINUX_6_12, config: Partial<KernelConfig> = {}, levels: 4 | 5 = 4): Kernel {
  return machine({
    arch: createX86_64({ levels }),
    profile,
    config: { ...DEFAULT_CONFIG, ...profile.usualConfig, ramBytes: 64 * MIB, ...config },
  });
}

const nr = (name: string): number => syscallNumberX86(name)!;

describe('system calls by x86-64’s numbers', () => {
  it('seal memory, and know protection keys that the processor lacks (x86_mseal, x86_pkey)', () => {
    const kernel = x86();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn();
    const call = (name: string, ...args: (number | bigint)[]): number => doSyscall(task, nr(name), args);
    expect(call('mmap', A, 0x4000, RW, FIXED, -1, 0)).toBe(A);
    expect(call('pkey_alloc', 0, 0)).toBe(-ENOSPC);
    expect(call('pkey_alloc', 1, 0)).toBe(-EINVAL);
    expect(call('pkey_alloc', 0, 4)).toBe(-EINVAL);
    expect(call('pkey_mprotect', A, 0x1000, PROT_READ, 15)).toBe(-EINVAL);
    expect(call('pkey_mprotect', A, 0x1000, PROT_READ, 0xffffffffffffffffn)).toBe(0);
    expect(call('pkey_free', 1)).toBe(-EINVAL);
    expect(task.mm.tree.first!.vmFlags & 2).toBe(0);
    expect(call('mseal', A, 0x1000, 0)).toBe(0);
    expect(call('munmap', A, 0x1000)).toBe(-EPERM);
    expectNoLeaks(kernel, frames);
  });

  it('have the calls that arm64 lacks, and none for another number', () => {
    const kernel = x86();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn({ cwd: '/tmp' });
    const page = doSyscall(task, nr('mmap'), [0, 4096, RW, ANON, -1, 0]);
    new TextEncoder().encode('file\0').forEach((byte, i) => task.memory.store8(page + i, byte));
    expect(doSyscall(task, nr('open'), [page, 0o102, 0o644])).toBe(0);
    expect(doSyscall(task, nr('unlink'), [page])).toBe(0);
    expect(doSyscall(task, nr('pipe'), [page])).toBe(0);
    expect([task.memory.load32(page), task.memory.load32(page + 4)]).toEqual([1, 2]);
    expect(doSyscall(task, nr('fork'), [])).toBe(2);
    kernel.tasks.get(2)!.sys.exit(0);
    expect(doSyscall(task, 100000, [])).toBe(-ENOSYS);
    expectNoLeaks(kernel, frames);
  });

  it('know shadow stacks as far as the kernel was built with them (x86_shadow_stack)', () => {
    const args = [0, 0x4000, 0];
    expect(doSyscall(x86().spawn(), nr('map_shadow_stack'), args)).toBe(-ENOSYS);
    const built = x86(LINUX_6_12, { userShadowStack: true });
    expect(doSyscall(built.spawn(), nr('map_shadow_stack'), args)).toBe(-EOPNOTSUPP);
  });
});

describe('/proc/PID/clear_refs', () => {
  it('forgets which mappings are new, and the peak (x86_soft_dirty)', () => {
    const kernel = x86(LINUX_6_12, { softDirty: true });
    const { mm, sys } = kernel.spawn();
    sys.mmap(A, 0x4000, RW, FIXED, -1, 0);
    const dirty = (): boolean => (mm.tree.find(A)!.vmFlags & VM_SOFTDIRTY) !== 0;
    expect(dirty()).toBe(true);
    expect(clearRefs(mm, '4\n')).toBe(0);
    expect(dirty()).toBe(false);
    mm.hiwaterRss = 1000;
    expect(clearRefs(mm, '5')).toBe(0);
    expect(mm.hiwaterRss).toBe(mm.rssAnon + mm.rssFile + mm.rssShmem);
    expect(clearRefs(mm, '1')).toBe(-EOPNOTSUPP);
    for (const text of ['', '0', '6', '44', 'x']) expect(clearRefs(mm, text)).toBe(-EINVAL);
  });
});

describe('page addresses of five levels', () => {
  it('come through registers exactly (x86_la57)', () => {
    const task = x86(LINUX_6_12, {}, 5).spawn();
    const top = task.sys.mmap(0xffffffffffffffffn, 0x1000, RW, ANON, -1, 0);
    expect(top).toBeGreaterThan(2 ** 53);
    expect(task.sys.mprotect(BigInt(top), 0x1000, PROT_READ)).toBe(0);
    expect(task.mm.tree.find(top)!.vmFlags & 2).toBe(0);
    expect(task.sys.mmap(0xfffffffffff000n, 0x1000, RW, ANON, -1, 0)).toBe(top - 0x1000);
    expect(task.sys.munmap(BigInt(top - 0x1000), 0x2000)).toBe(0);
    expect(task.mm.tree.find(top - 0x1000)).toBeNull();
  });
});

describe('a private mapping of /dev/zero', () => {
  it('is aligned to 2 MiB on 6.18 (x86_thp_align_file)', () => {
    for (const [profile, aligned] of [
      [LINUX_6_12, false],
      [LINUX_6_18, true],
    ] as const) {
      const { sys } = x86(profile).spawn();
      const fd = sys.open('/dev/zero', O_RDWR);
      const at = sys.mmap(0, 4 * MIB, RW, 2, fd, 0);
      expect([profile.name, at % (2 * MIB) === 0]).toEqual([profile.name, aligned]);
      expect(sys.mmap(0, 4 * MIB, RW, MAP_SHARED, fd, 0)).toBe(at - 4 * MIB);
    }
  });
});

describe('protection keys (x86_pkey)', () => {
  const boot = (): Kernel =>
    machine({
      arch: createX86_64({ levels: 4, protectionKeys: true }),
      profile: LINUX_6_12,
      config: { ...DEFAULT_CONFIG, ...LINUX_6_12.usualConfig, ramBytes: 64 * MIB },
    });

  it('deny access through PKRU, whatever the mapping allows, and keep areas apart', () => {
    const kernel = boot();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn();
    const { sys } = task;
    expect([sys.pkeyAlloc(0, 0), sys.pkeyAlloc(0, 1), sys.pkeyAlloc(0, 2)]).toEqual([1, 2, 3]);
    sys.mmap(A, 0x4000, RW, FIXED, -1, 0);
    task.memory.store8(A + 0x2000, 7);
    for (const [page, key] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const)
      expect(sys.pkeyMprotect(A + page * 0x1000, 0x1000, RW, key)).toBe(0);
    expect(task.mm.mapCount).toBe(5);
    expect(task.memory.load8(A)).toBe(0);
    expect(task.memory.load8(A + 0x1000)).toBe(-1);
    expect(task.cur.call.refused).toMatchObject({ signal: 11, code: 4, address: A + 0x1000 });
    expect(task.memory.load8(A + 0x2000)).toBe(7);
    expect(task.memory.store8(A + 0x2000, 8)).toBe(-1);
    expect(task.cur.call.refused.code).toBe(4);
    expect(sys.pkeyFree(2)).toBe(0);
    expect(sys.pkeyFree(2)).toBe(-EINVAL);
    expect(task.memory.load8(A + 0x1000)).toBe(-1);
    expect(sys.pkeyMprotect(A, 0x1000, RW, 9)).toBe(-EINVAL);
    for (let page = 0; page < 3; page++) sys.pkeyMprotect(A + page * 0x1000, 0x1000, RW, 0);
    expect(task.mm.mapCount).toBeLessThan(5);
    expectNoLeaks(kernel, frames);
  });

  it('make memory with PROT_EXEC alone execute-only, in children too, until it gets other rights', () => {
    const kernel = boot();
    const frames = kernel.memory!.frames.nrFree;
    const task = kernel.spawn();
    task.sys.mmap(A, 0x1000, RW, FIXED, -1, 0);
    task.memory.store8(A, 0xc3);
    expect(task.sys.mprotect(A, 0x1000, 4)).toBe(0);
    expect(task.memory.load8(A)).toBe(-1);
    expect(task.cur.call.refused.code).toBe(4);
    const child = task.sys.fork() as Task;
    expect(child.memory.load8(A)).toBe(-1);
    expect(child.sys.mmap(A + 0x1000, 0x1000, 4, FIXED, -1, 0)).toBe(A + 0x1000);
    expect(child.memory.load8(A + 0x1000)).toBe(-1);
    expect(task.sys.pkeyFree(1)).toBe(-EINVAL);
    expect(task.sys.pkeyAlloc(0, 0)).toBe(2);
    expect(task.sys.mprotect(A, 0x1000, PROT_READ)).toBe(0);
    expect(task.memory.load8(A)).toBe(0xc3);
    expectNoLeaks(kernel, frames);
  });
});
