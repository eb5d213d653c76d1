import { showMaps, TextWriter } from '@vmarea/kernel';
import {
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  PR_SET_VMA,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { machine, maps } from './machine.ts';

const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;

describe('TextWriter', () => {
  it('writes hexadecimal of any exact number, padded', () => {
    for (const value of [0, 1, 0xf, 0x10, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 0xffff_ffff_f000, 2 ** 52 + 4096]) {
      const out = new TextWriter(1);
      out.hex(value, 8);
      expect(out.toString()).toBe(value.toString(16).padStart(8, '0'));
    }
  });

  it('pads columns, escapes newlines and writes text beyond ASCII', () => {
    const out = new TextWriter(1);
    out.text('ab');
    out.pad(4);
    out.path('/ä\n→');
    out.newline();
    out.decimal(-1, 3);
    out.decimal(5, 3);
    expect(out.toString()).toBe('ab   /ä\\012→\n18446744073709551615  5');
  });
});

describe('/proc/PID/maps', () => {
  it('has the kernel’s columns', () => {
    const task = machine().spawn();
    const fd = task.open('/tmp/a file', O_RDWR | O_CREAT, 0o644);
    task.mmap(0x10000000, 8192, PROT_READ, MAP_SHARED, fd, 0x1000);
    task.unlink('/tmp/a file');
    task.mmap(0x20000000, 4096, RW, ANON, -1, 0);
    const lines = task.kernel.proc.maps(task).split('\n');
    expect(lines[0]).toMatch(/^10000000-10002000 r--s 00001000 00:[0-9a-f]{2} \d+ +\/tmp\/a file \(deleted\)$/);
    expect(lines[0]!.indexOf('/tmp')).toBe(73);
    expect(lines[1]).toBe('20000000-20001000 rw-p 00000000 00:00 0 ');
  });

  it('shows heap, names of anonymous memory, and shared memory', () => {
    const task = machine({ profile: MSM_4_4 }).spawn();
    task.setHeap(0x30000000);
    task.brk(0x30001000);
    const addr = task.mmap(0, 8192, RW, ANON, -1, 0);
    task.memory.store32(addr, 0x00637273);
    task.prctl(PR_SET_VMA, 0, addr + 4096, 4096, addr);
    task.mmap(0, 4096, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    expect(maps(task).map((line) => line.split(' ').slice(5).join(' '))).toEqual([
      '[heap]',
      '/dev/zero (deleted)',
      '',
      '[anon:src]',
    ]);
  });

  it('is written as bytes for whoever has many mappings', () => {
    const task = machine().spawn();
    for (let i = 0; i < 200; i++) task.mmap(0x10000000 + i * 8192, 4096, RW, ANON, -1, 0);
    expect(new TextDecoder().decode(showMaps(task.mm).view())).toBe(task.kernel.proc.maps(task));
  });
});

describe('/proc/PID/smaps, status and statm', () => {
  it('count what is in memory, shared and private, per version', () => {
    for (const profile of [MSM_4_4, LINUX_6_1]) {
      const kernel = machine({ profile });
      const task = kernel.spawn();
      const addr = task.mmap(0x10000000, 4 * 4096, RW, ANON, -1, 0);
      task.memory.store8(addr, 1);
      task.memory.store8(addr + 4096, 1);
      task.memory.load8(addr + 8192);
      const child = task.sys.fork();
      if (typeof child === 'number') throw new Error('fork failed');
      child.memory.store8(addr, 2);
      const entry = kernel.proc.smaps(task).split('\n').slice(1, 30).join('\n');
      expect(entry).toMatch(/^Size: +16 kB/m);
      expect(entry).toMatch(/^Rss: +8 kB/m);
      expect(entry).toMatch(/^Pss: +6 kB/m);
      expect(entry).toMatch(/^Shared_Dirty: +4 kB/m);
      expect(entry).toMatch(/^Private_Dirty: +4 kB/m);
      expect(entry).toMatch(/^Anonymous: +8 kB/m);
      expect(entry).toMatch(/^VmFlags: rd wr mr mw me ac $/m);
      expect(entry.includes('THPeligible')).toBe(profile === LINUX_6_1);
      const status = kernel.proc.status(task);
      expect(status).toMatch(/^VmRSS:\t +8 kB$/m);
      expect(/^RssAnon:/m.test(status)).toBe(profile === LINUX_6_1);
      expect(kernel.proc.statm(task)).toMatch(/^\d+ 2 0 \d+ 0 \d+ 0\n$/);
      expect(kernel.proc.smapsRollup(task)).toMatch(/^Rss: +8 kB$/m);
    }
  });

  it('tells frames in pagemap to those who may know', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const addr = task.mmap(0, 2 * 4096, RW, ANON, -1, 0);
    task.memory.store8(addr, 1);
    const [first, second] = kernel.proc.pagemap(task, addr, 2);
    expect(first! >> 63n).toBe(1n);
    expect(first! & 0x7f_ffff_ffff_ffffn).not.toBe(0n);
    expect(second).toBe(0n);
    const other = kernel.spawn();
    other.setuid(1000);
    expect(kernel.proc.pagemap(task, addr, 1, other)[0]! & 0x7f_ffff_ffff_ffffn).toBe(0n);
  });
});

describe('/proc/meminfo and sysctls', () => {
  it('show pool and commit as they are', () => {
    const kernel = machine();
    const task = kernel.spawn();
    const before = kernel.proc.memInfo();
    task.mmap(0, 1 << 20, RW, ANON, -1, 0);
    expect(kernel.proc.memInfo().committedAs - before.committedAs).toBe(1024);
    expect(kernel.proc.meminfo()).toMatch(/^HugePages_Total: +2$/m);
    expect(kernel.sysctl.write(task.cur, '/proc/sys/vm/nr_hugepages', '1')).toBe(0);
    expect(kernel.proc.meminfo()).toMatch(/^HugePages_Total: +1$/m);
    expect(kernel.sysctl.read('vm.nr_hugepages')).toBe('1\n');
    expect(kernel.sysctl.write(task.cur, 'vm.overcommit_memory', '3')).toBe(-22);
    expect(kernel.sysctl.write(task.cur, 'vm.none', '3')).toBe(-2);
    expect(kernel.sysctl.write(task.cur, 'vm.overcommit_kbytes', '1000')).toBe(0);
    expect(kernel.sysctl.read('vm.overcommit_ratio')).toBe('0\n');
  });
});
