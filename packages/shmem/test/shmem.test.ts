// tmpfs, shared anonymous memory and memfd: pages and what is charged for them, holes, limits, seals.
import { createArm64 } from '@vmarea/arch-arm64';
import {
  EBUSY,
  EFBIG,
  EINVAL,
  ENOMEM,
  ENOSPC,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_HUGETLB,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  SEEK_DATA,
  SEEK_HOLE,
  type KernelProfile,
} from '@vmarea/uapi';
import { describeReason } from '@vmarea/mm-core';
import { fsIocSetflags, vfsLlseek } from '@vmarea/vfs';
import { Shmem, SHMEM_SEALED_WRITE, tmpfs, type TmpfsOptions } from '@vmarea/shmem';
import { describe, expect, it } from 'vitest';
import { Machine, PAGE, PROFILES, type MachineInit, type TestTask } from '../../vfs/test/machine.ts';

const RW = PROT_READ | PROT_WRITE;

function machineWith(profile: KernelProfile, options: TmpfsOptions = {}, init: MachineInit = {}): Machine {
  return new Machine({
    profile,
    plug: (system) => {
      system.sharedMemory = new Shmem(system);
    },
    mounts: { '/w': (system) => tmpfs(system, options) },
    ...init,
  });
}

function memfd(t: TestTask, name: string, flags = 0): number {
  const file = (t.machine.system.sharedMemory as Shmem).memfdCreate(t, name, flags);
  return typeof file === 'number' ? file : t.files.install(file, 1024, false);
}

describe.each(PROFILES)('tmpfs on $name', (profile) => {
  it('charges each page when it comes, and counts it in st_blocks', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/w/f', O_CREAT | O_RDWR);
    expect(t.ftruncate(fd, 8 * PAGE)).toBe(0);
    expect(machine.system.committedAs).toBe(0);
    expect(t.pwrite(fd, 'x', PAGE)).toBe(1);
    expect([machine.system.committedAs, t.fstat(fd).blocks]).toEqual([1, 8]);
    const at = t.mmap(fd, 0, 8 * PAGE, RW, MAP_SHARED);
    expect(t.pread(fd, 1, 2 * PAGE)).toBe('\0');
    expect(t.fstat(fd).blocks).toBe(8);
    expect(t.load(at + 2 * PAGE)).toBe(0);
    expect([machine.system.committedAs, t.fstat(fd).blocks]).toEqual([2, 16]);
    expect([t.minFlt, t.majFlt, t.mm.rssShmem]).toEqual([1, 0, 1]);
    expect(t.load(at + 8 * PAGE - 1)).toBe(0);
    expect(t.ftruncate(fd, PAGE)).toBe(0);
    expect(t.load(at + PAGE)).toBe('SIGBUS');
    expect([machine.system.committedAs, t.fstat(fd).blocks]).toEqual([0, 0]);
    machine.end();
  });

  it('punches holes out of shared mappings and leaves private copies', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/w/f', O_CREAT | O_RDWR);
    t.pwrite(fd, 'A'.repeat(4 * PAGE), 0);
    const shared = t.mmap(fd, 0, 4 * PAGE, RW, MAP_SHARED);
    const own = t.mmap(fd, 0, 4 * PAGE, RW, MAP_PRIVATE);
    for (let i = 0; i < 4; i++) t.load(shared + i * PAGE);
    expect(t.store(own + PAGE, 90)).toBe('ok');
    expect(t.fallocate(fd, 3, PAGE, 2 * PAGE + 10)).toBe(0);
    expect(t.fstat(fd).blocks).toBe(16);
    expect([t.load(shared + PAGE), t.load(shared + 3 * PAGE + 9), t.load(shared + 3 * PAGE + 10)]).toEqual([0, 0, 65]);
    expect([t.load(own + PAGE), t.load(own + PAGE + 1), t.load(own + 2 * PAGE)]).toEqual([90, 65, 0]);
    expect(t.fallocate(fd, 2, 0, PAGE)).toBe(-EOPNOTSUPP);
    expect(t.fallocate(fd, 8, 0, PAGE)).toBe(-EOPNOTSUPP);
    machine.end();
  });

  it('allocates, with and without a new size, and finds data and holes', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/w/f', O_CREAT | O_RDWR);
    expect(t.fallocate(fd, 1, 2 * PAGE, PAGE)).toBe(0);
    expect(t.fstat(fd)).toMatchObject({ size: 0, blocks: 8 });
    expect(t.fallocate(fd, 0, 2 * PAGE, PAGE + 1)).toBe(0);
    expect(t.fstat(fd)).toMatchObject({ size: 3 * PAGE + 1, blocks: 16 });
    expect(vfsLlseek(t.file(fd), 0, SEEK_DATA)).toBe(2 * PAGE);
    expect(vfsLlseek(t.file(fd), 0, SEEK_HOLE)).toBe(0);
    expect(vfsLlseek(t.file(fd), 2 * PAGE, SEEK_HOLE)).toBe(3 * PAGE + 1);
    expect(vfsLlseek(t.file(fd), 4 * PAGE, SEEK_DATA)).toBe(-ENXIO);
    t.rlimits.fsize = PAGE;
    expect(t.fallocate(fd, 1, 8 * PAGE, PAGE)).toBe(-EFBIG);
    machine.end();
  });

  it('is full at size=, for write, fallocate and faults', () => {
    const machine = machineWith(profile, { size: 2 * PAGE });
    const t = machine.task();
    const fd = t.open('/w/f', O_CREAT | O_RDWR);
    expect(t.pwrite(fd, 'x'.repeat(3 * PAGE), 0)).toBe(2 * PAGE);
    expect(t.pwrite(fd, 'x', 2 * PAGE)).toBe(-ENOSPC);
    expect(t.fallocate(fd, 0, 0, 3 * PAGE)).toBe(-ENOSPC);
    expect(t.ftruncate(fd, 4 * PAGE)).toBe(0);
    const at = t.mmap(fd, 0, 4 * PAGE, RW, MAP_SHARED);
    expect(t.load(at + 3 * PAGE)).toBe('SIGBUS');
    expect(t.fallocate(fd, 3, 0, PAGE)).toBe(0);
    expect(t.load(at + 3 * PAGE)).toBe(0);
    expect(machine.system.committedAs).toBe(2);
    machine.end();
  });

  it('a failing fallocate leaves what was there before', () => {
    const machine = machineWith(profile, { size: 3 * PAGE });
    const t = machine.task();
    const fd = t.open('/w/f', O_CREAT | O_RDWR);
    const other = t.open('/w/g', O_CREAT | O_RDWR);
    t.pwrite(other, 'x', 0);
    t.pwrite(fd, 'x', PAGE);
    expect(t.fallocate(fd, 0, 0, 3 * PAGE)).toBe(-ENOSPC);
    expect(t.fstat(fd)).toMatchObject({ size: PAGE + 1, blocks: 8 });
    expect(t.pread(fd, 2, PAGE)).toBe('x');
    machine.end();
  });

  it('nr_inodes= limits files', () => {
    const machine = machineWith(profile, { nrInodes: 2 });
    const t = machine.task();
    expect(t.open('/w/a', O_CREAT | O_RDWR)).toBe(0);
    expect(t.open('/w/b', O_CREAT | O_RDWR)).toBe(-ENOSPC);
    t.files.close(0);
    expect(t.unlink('/w/a')).toBe(0);
    expect(t.open('/w/b', O_CREAT | O_RDWR)).toBe(0);
    machine.end();
  });

  it('FS_IOC_SETFLAGS makes a file append-only where the version has it', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/w/f', O_CREAT | O_RDWR);
    t.pwrite(fd, 'abc', 0);
    const has = profile.files.tmpfsSetflags;
    expect(fsIocSetflags(t, t.file(fd), 0x20)).toBe(has ? 0 : -ENOTTY);
    expect(t.ftruncate(fd, 0)).toBe(has ? -EPERM : 0);
    expect(t.mmap(fd, 0, PAGE, PROT_READ, MAP_SHARED) > 0).toBe(!has);
    expect(t.open('/w/f', O_RDWR) >= 0).toBe(!has);
    expect(t.unlink('/w/f')).toBe(has ? -EPERM : 0);
    fsIocSetflags(t, t.file(fd), 0);
    machine.end();
  });
});

describe.each(PROFILES)('shared anonymous memory on $name', (profile) => {
  it('is charged whole when it is made, or page by page with MAP_NORESERVE', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const at = t.mmap(-1, 0x10000000, 8 * PAGE, 0, MAP_SHARED | MAP_ANONYMOUS);
    expect([at, machine.system.committedAs]).toEqual([0x10000000, 8]);
    const lazy = t.mmap(-1, 0x20000000, 8 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE);
    expect(machine.system.committedAs).toBe(8);
    expect(t.store(lazy, 1)).toBe('ok');
    expect(machine.system.committedAs).toBe(9);
    expect(t.maps()).toEqual(['10000000-10008000 /dev/zero (deleted)', '20000000-20008000 /dev/zero (deleted)']);
    t.munmap(at, 4 * PAGE);
    expect(machine.system.committedAs).toBe(9);
    t.munmap(at + 4 * PAGE, 4 * PAGE);
    expect(machine.system.committedAs).toBe(1);
    machine.end();
  });

  it('parent and child see each other', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const at = t.mmap(-1, 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS);
    const child = t.fork();
    expect(child.store(at, 7)).toBe('ok');
    expect(t.load(at)).toBe(7);
    child.exit();
    machine.end();
  });

  it('is refused beyond the commit limit, with the reason', () => {
    const machine = machineWith(profile);
    machine.system.sysctl.overcommitMemory = 2;
    machine.system.sysctl.overcommitKbytes = 16384;
    const t = machine.task();
    expect(t.mmap(-1, 0, 2 ** 26, RW, MAP_SHARED | MAP_ANONYMOUS)).toBe(-ENOMEM);
    const ids = t.decisions.map((number) => describeReason(number)?.id);
    expect(ids.filter((id) => id?.startsWith('shmem.'))).toEqual(['shmem.commit']);
    machine.end();
  });

  it('/dev/zero mapped shared is the same thing', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/dev/zero', O_RDWR);
    const at = t.mmap(fd, 0x10000000, PAGE, RW, MAP_SHARED);
    expect(t.store(at, 3)).toBe('ok');
    expect(t.maps()).toEqual(['10000000-10001000 /dev/zero (deleted)']);
    expect([t.file(fd).fCount, t.mm.rssShmem, machine.system.committedAs]).toEqual([1, 1, 1]);
    machine.end();
  });
});

describe.each(PROFILES)('memfd on $name', (profile) => {
  it('has a name, and no seals unless asked for', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = memfd(t, 'foo');
    expect(t.file(fd).path()).toBe('/memfd:foo (deleted)');
    expect(t.fstat(fd)).toMatchObject({ size: 0, blocks: 0, nlink: 0, mode: 0o100777 });
    expect(t.fcntl(fd, F_GET_SEALS)).toBe(F_SEAL_SEAL);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)).toBe(-EPERM);
    expect(memfd(t, 'n'.repeat(250))).toBe(-EINVAL);
    expect(memfd(t, 'x', 0x100)).toBe(-EINVAL);
    // no driver of huge pages is plugged in
    expect(memfd(t, 'x', MFD_HUGETLB)).toBe(-EINVAL);
    machine.end();
  });

  it('F_SEAL_SHRINK and F_SEAL_GROW fix the size', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = memfd(t, 'foo', MFD_ALLOW_SEALING);
    t.ftruncate(fd, 2 * PAGE);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)).toBe(0);
    expect([t.ftruncate(fd, PAGE), t.ftruncate(fd, 3 * PAGE), t.ftruncate(fd, 2 * PAGE)]).toEqual([-EPERM, -EPERM, 0]);
    expect(t.pwrite(fd, 'x'.repeat(2 * PAGE), PAGE)).toBe(PAGE);
    expect(t.pwrite(fd, 'x', 2 * PAGE)).toBe(-EPERM);
    expect(t.fallocate(fd, 0, 0, 3 * PAGE)).toBe(-EPERM);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL)).toBe(0);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)).toBe(-EPERM);
    machine.end();
  });

  it('F_SEAL_WRITE waits for writable shared mappings to go, and then keeps them away', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = memfd(t, 'foo', MFD_ALLOW_SEALING);
    t.ftruncate(fd, PAGE);
    const at = t.mmap(fd, 0, PAGE, RW, MAP_SHARED);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)).toBe(-EBUSY);
    t.munmap(at, PAGE);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)).toBe(0);
    expect(t.mmap(fd, 0, PAGE, RW, MAP_SHARED)).toBe(-EPERM);
    expect([t.pwrite(fd, 'x', 0), t.fallocate(fd, 3, 0, PAGE)]).toEqual([-EPERM, -EPERM]);
    const own = t.mmap(fd, 0, PAGE, RW, MAP_PRIVATE);
    expect(t.store(own, 1)).toBe('ok');
    machine.end();
  });

  it('F_SEAL_FUTURE_WRITE lets what is mapped write on, where the version has it', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = memfd(t, 'foo', MFD_ALLOW_SEALING);
    t.ftruncate(fd, PAGE);
    const at = t.mmap(fd, 0, PAGE, RW, MAP_SHARED);
    expect(t.fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)).toBe(profile.files.sealFutureWrite ? 0 : -EINVAL);
    expect(t.store(at, 1)).toBe('ok');
    const again = t.mmap(fd, 0, PAGE, RW, MAP_SHARED);
    expect(again).toBe(profile.files.sealFutureWrite ? -EPERM : at - PAGE);
    expect(t.decisions.includes(SHMEM_SEALED_WRITE)).toBe(profile.files.sealFutureWrite);
    machine.end();
  });
});

describe('other page sizes', () => {
  it.each([
    { pageSize: 16384, vaBits: 47 },
    { pageSize: 65536, vaBits: 42 },
  ] as const)('st_blocks counts pages of $pageSize bytes', ({ pageSize, vaBits }) => {
    const machine = machineWith(MSM_4_4, {}, { pageSize, vaBits });
    const t = machine.task();
    const fd = memfd(t, 'foo');
    t.pwrite(fd, 'x', pageSize);
    expect(createArm64({ pageSize, vaBits }).pageSize).toBe(pageSize);
    expect(t.fstat(fd)).toMatchObject({ size: pageSize + 1, blocks: pageSize / 512 });
    machine.end();
  });
});
