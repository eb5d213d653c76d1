// Contents and mappings of ramfs files; device files, pipes, /proc; locks; a machine without memory.
import {
  EAGAIN,
  EBADF,
  EFBIG,
  EINVAL,
  EIO,
  ENODEV,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  ESPIPE,
  F_GETLK,
  F_RDLCK,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  LINUX_6_1,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  SEEK_END,
  SEEK_SET,
} from '@vmarea/uapi';
import { describeReason, RETRY, VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_PFNMAP } from '@vmarea/mm-core';
import {
  doPipe2,
  fsIocSetflags,
  ksysRead,
  ksysWrite,
  PROC_NO_MMAP,
  procCreate,
  ramfs,
  vfsLlseek,
  type Flock,
} from '@vmarea/vfs';
import { describe, expect, it } from 'vitest';
import { Machine, PAGE, PROFILES, user } from './machine.ts';

const RW = PROT_READ | PROT_WRITE;

function machineWithRamfs(init: ConstructorParameters<typeof Machine>[0] = {}): Machine {
  return new Machine({ mounts: { '/r': (s) => ramfs(s, { mode: 0o777, mandatoryLocks: true }) }, ...init });
}

describe.each(PROFILES)('ramfs on $name', (profile) => {
  it('shares its pages between descriptors and mappings', () => {
    const machine = machineWithRamfs({ profile });
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    expect(t.pwrite(fd, 'hello', PAGE - 2)).toBe(5);
    const shared = t.mmap(fd, 0, 2 * PAGE, RW, MAP_SHARED);
    const own = t.mmap(fd, 0, 2 * PAGE, RW, MAP_PRIVATE);
    expect(t.load(shared + PAGE)).toBe('l'.charCodeAt(0));
    expect(t.store(shared + PAGE, 88)).toBe('ok');
    expect(t.load(own + PAGE)).toBe(88);
    expect(t.store(own + PAGE, 89)).toBe('ok');
    expect(t.pread(fd, 5, PAGE - 2)).toBe('heXlo');
    expect(t.fstat(fd)).toMatchObject({ size: PAGE + 3, blocks: 16 });
    machine.end();
  });

  it('truncation takes pages from every mapping, and zeroes the rest of the last one', () => {
    const machine = machineWithRamfs({ profile });
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    t.pwrite(fd, 'x'.repeat(2 * PAGE), 0);
    const at = t.mmap(fd, 0, 2 * PAGE, RW, MAP_SHARED);
    expect(t.store(at + PAGE, 1)).toBe('ok');
    expect(t.ftruncate(fd, 10)).toBe(0);
    expect(t.load(at + 9)).toBe(120);
    expect(t.load(at + 10)).toBe(0);
    expect(t.load(at + PAGE)).toBe('SIGBUS');
    expect(t.ftruncate(fd, 2 * PAGE)).toBe(0);
    expect(t.load(at + PAGE)).toBe(0);
    machine.end();
  });

  it('has no fallocate, no file flags, and no seals', () => {
    const machine = machineWithRamfs({ profile });
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    expect(t.fallocate(fd, 0, 0, PAGE)).toBe(-EOPNOTSUPP);
    expect(t.fallocate(fd, 3, 0, PAGE)).toBe(-EOPNOTSUPP);
    expect(t.fallocate(fd, 0, 0, 0)).toBe(-EINVAL);
    expect(fsIocSetflags(t, t.file(fd), 0x20)).toBe(-ENOTTY);
    expect(t.fcntl(fd, 1034)).toBe(-EINVAL);
    machine.end();
  });

  it('an unlinked file stays mapped, and its frames come back with the last mapping', () => {
    const machine = machineWithRamfs({ profile });
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    t.pwrite(fd, 'abc', 0);
    const at = t.mmap(fd, 0x10000000, PAGE, RW, MAP_SHARED);
    t.unlink('/r/f');
    t.files.close(fd);
    expect(t.maps()).toEqual(['10000000-10001000 /r/f (deleted)']);
    expect(t.load(at)).toBe(97);
    expect(machine.memory!.frames.nrFilePages).toBe(1);
    t.munmap(at, PAGE);
    expect(machine.memory!.frames.nrFilePages).toBe(0);
    machine.end();
  });
});

describe('reading behind the end of ramfs', () => {
  it.each([
    { profile: MSM_4_4, blocks: 16 },
    { profile: LINUX_6_1, blocks: 8 },
  ])('$profile.name: st_blocks shows whether a page was left there', ({ profile, blocks }) => {
    const machine = machineWithRamfs({ profile });
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    t.pwrite(fd, 'x'.repeat(PAGE), 0);
    expect(t.pread(fd, 1, 3 * PAGE)).toBe('');
    expect(t.fstat(fd).blocks).toBe(blocks);
    machine.end();
  });
});

describe('descriptors', () => {
  it('read and write move the position; RLIMIT_FSIZE ends a file', () => {
    const machine = machineWithRamfs();
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    const file = t.file(fd);
    const bytes = Uint8Array.from([1, 2, 3, 4]);
    expect(ksysWrite(t, file, { bytes: bytes, offset: 0, length: 4 })).toBe(4);
    expect(ksysRead(t, file, { bytes: new Uint8Array(4), offset: 0, length: 4 })).toBe(0);
    expect(vfsLlseek(file, -1, SEEK_END)).toBe(3);
    const back = new Uint8Array(4);
    expect(ksysRead(t, file, { bytes: back, offset: 0, length: 4 })).toBe(1);
    expect(back[0]).toBe(4);
    expect(vfsLlseek(file, -1, SEEK_SET)).toBe(-EINVAL);
    t.rlimits.fsize = 6;
    expect(t.pwrite(fd, 'abcd', 4)).toBe(2);
    expect(t.pwrite(fd, 'abcd', 6)).toBe(-EFBIG);
    expect(t.ftruncate(fd, 7)).toBe(-EFBIG);
    expect(t.ftruncate(fd, 3)).toBe(0);
    const ro = t.open('/r/f', O_RDONLY);
    expect(t.pwrite(ro, 'x', 0)).toBe(-EBADF);
    expect(t.ftruncate(ro, 0)).toBe(-EINVAL);
    const wo = t.open('/r/f', O_WRONLY);
    expect(t.pread(wo, 1, 0)).toBe(-EBADF);
    machine.end();
  });
});

describe('devices', () => {
  it('null, full and zero', () => {
    const machine = machineWithRamfs();
    const t = machine.task();
    const nul = t.open('/dev/null', O_RDWR);
    const full = t.open('/dev/full', O_RDWR);
    const zero = t.open('/dev/zero', O_RDWR);
    expect([t.pread(nul, 4, 0), t.pwrite(nul, 'abc', 0)]).toEqual(['', 3]);
    expect([t.pread(full, 1, 0), t.pwrite(full, 'abc', 0)]).toEqual(['\0', -28]);
    for (const fd of [nul, full]) expect(t.mmap(fd, 0, PAGE, PROT_READ, MAP_PRIVATE)).toBe(-ENODEV);
    const at = t.mmap(zero, 0x10000000, PAGE, RW, MAP_PRIVATE);
    expect(t.store(at, 5)).toBe('ok');
    expect(t.mm.rssAnon).toBe(1);
    expect(t.maps()).toEqual(['10000000-10001000 /dev/zero']);
    expect(t.mmap(zero, 0, PAGE, RW, MAP_SHARED)).toBe(-ENODEV);
    expect(t.decisions.map((number) => describeReason(number)?.id)).toContain('zero.no_shared_memory');
    machine.end();
  });

  it('mem shows physical memory, counted nowhere', () => {
    const machine = machineWithRamfs();
    const t = machine.task();
    const fd = t.open('/dev/mem', O_RDWR);
    const { frames, physical } = machine.memory!;
    const pfn = frames.alloc(0);
    physical.fillBytes(pfn, 0, 1, 77);
    const at = t.mmap(fd, 0, PAGE, RW, MAP_SHARED, pfn * PAGE);
    expect(t.load(at)).toBe(77);
    expect(t.store(at + 1, 78)).toBe('ok');
    expect(t.pread(fd, 2, pfn * PAGE)).toBe('MN');
    const special = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
    expect(t.mm.tree.first!.vmFlags & special).toBe(special);
    expect([t.mm.rssFile, t.mm.rssAnon]).toEqual([0, 0]);
    expect(t.mmap(fd, 0, PAGE, RW, MAP_SHARED, 2 ** 40)).toBe(-EPERM);
    expect(t.mmap(fd, 0, PAGE, RW, MAP_SHARED, 2 ** 48)).toBe(-EINVAL);
    frames.put(pfn);
    t.cred = user();
    expect(t.open('/dev/mem', O_RDONLY)).toBe(-13);
    machine.end();
  });

  it('pipes carry bytes, wait, and cannot be mapped', async () => {
    const machine = machineWithRamfs();
    const t = machine.task();
    const fds: [number, number] = [-1, -1];
    expect(doPipe2(t, machine.pipes, fds, 0)).toBe(0);
    const [r, w] = fds;
    const buffer = new Uint8Array(8);
    expect(ksysRead(t, t.file(r), { bytes: buffer, offset: 0, length: 8 })).toBe(RETRY);
    const waiting = machine.system.current.pending;
    expect(ksysWrite(t, t.file(w), { bytes: Uint8Array.from([9, 8]), offset: 0, length: 2 })).toBe(2);
    await waiting;
    expect(ksysRead(t, t.file(r), { bytes: buffer, offset: 0, length: 8 })).toBe(2);
    expect(t.pread(r, 1, 0)).toBe(-ESPIPE);
    expect(t.mmap(r, 0, PAGE, PROT_READ, MAP_PRIVATE)).toBe(-ENODEV);
    t.files.close(w);
    expect(ksysRead(t, t.file(r), { bytes: buffer, offset: 0, length: 8 })).toBe(0);
    machine.end();
  });

  it('a /proc file is read, and mapping it is EIO with its reason', () => {
    const machine = machineWithRamfs();
    const proc = machine.tree.mounts().find((m) => m.sb.manifest.name === 'proc')!.sb;
    procCreate(proc, 'sys/kernel/ostype', { read: () => 'Linux\n' });
    const t = machine.task();
    const fd = t.open('/proc/sys/kernel/ostype', O_RDONLY);
    expect(t.pread(fd, 100, 2)).toBe('nux\n');
    expect(t.mmap(fd, 0, PAGE, PROT_READ, MAP_PRIVATE)).toBe(-EIO);
    expect(t.decisions).toContain(PROC_NO_MMAP);
    expect(describeReason(PROC_NO_MMAP)).toMatchObject({ id: 'proc.no_mmap', errno: EIO });
    machine.end();
  });
});

describe('locks', () => {
  const lock = (type: number, start: number, len: number): Flock => ({ type, whence: 0, start, len, pid: 0 });

  it('POSIX locks stand between processes, split and join', async () => {
    const machine = machineWithRamfs();
    const a = machine.task();
    const b = machine.task();
    const fa = a.open('/r/f', O_CREAT | O_RDWR);
    const fb = b.open('/r/f', O_RDWR);
    expect(a.fcntl(fa, F_SETLK, lock(F_WRLCK, 0, 100))).toBe(0);
    expect(b.fcntl(fb, F_SETLK, lock(F_RDLCK, 50, 10))).toBe(-EAGAIN);
    expect(a.fcntl(fa, F_SETLK, lock(F_UNLCK, 40, 20))).toBe(0);
    expect(b.fcntl(fb, F_SETLK, lock(F_RDLCK, 40, 20))).toBe(0);
    const asked = lock(F_WRLCK, 0, 0);
    expect(b.fcntl(fb, F_GETLK, asked)).toBe(0);
    expect(asked).toEqual({ type: F_WRLCK, whence: 0, start: 0, len: 40, pid: 100 });
    expect(b.fcntl(fb, F_SETLKW, lock(F_WRLCK, 0, 0))).toBe(RETRY);
    const waiting = machine.system.current.pending;
    // closing any descriptor of the file gives up the process's locks
    expect(a.files.close(a.files.dup(fa, 100))).toBe(0);
    await waiting;
    expect(b.fcntl(fb, F_SETLKW, lock(F_WRLCK, 0, 0))).toBe(0);
    machine.end();
  });

  it.each([
    { profile: MSM_4_4, expected: -EAGAIN },
    { profile: LINUX_6_1, expected: 0 },
  ])('$profile.name: a mandatory lock of somebody else refuses a shared mapping', ({ profile, expected }) => {
    const machine = machineWithRamfs({ profile });
    const a = machine.task();
    const b = machine.task();
    const fa = a.open('/r/f', O_CREAT | O_RDWR, 0o2644);
    const fb = b.open('/r/f', O_RDWR);
    a.pwrite(fa, 'x', 0);
    expect(a.fcntl(fa, F_SETLK, lock(F_RDLCK, 0, 1))).toBe(0);
    expect(Math.min(0, b.mmap(fb, 0, PAGE, PROT_READ, MAP_SHARED))).toBe(expected);
    expect(b.mmap(fb, 0, PAGE, PROT_READ, MAP_PRIVATE)).toBeGreaterThan(0);
    expect(a.mmap(fa, 0, PAGE, PROT_READ, MAP_SHARED)).toBeGreaterThan(0);
    expect(b.pwrite(fb, 'y', 0)).toBe(expected === 0 ? 1 : -EAGAIN);
    machine.end();
  });
});

describe('a machine without memory', () => {
  it('has files with sizes that can be mapped', () => {
    const machine = machineWithRamfs({ bytes: 0 });
    const t = machine.task();
    const fd = t.open('/r/f', O_CREAT | O_RDWR);
    expect(t.pwrite(fd, 'abc', 5000)).toBe(3);
    expect(t.fstat(fd)).toMatchObject({ size: 5003, blocks: 0 });
    expect(t.pread(fd, 3, 5000)).toBe('\0\0\0');
    expect(t.mmap(fd, 0x10000000, 2 * PAGE, RW, MAP_SHARED)).toBe(0x10000000);
    expect(t.mmap(fd, 0x10002000, 2 * PAGE, PROT_READ, MAP_PRIVATE, 2 * PAGE)).toBe(0x10002000);
    expect(t.ftruncate(fd, 0)).toBe(0);
    machine.end();
  });
});
