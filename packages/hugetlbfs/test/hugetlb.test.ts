// Huge pages: pools, promises, faults, copies, files. Most cases are those of the recordings, with a pool of four.
import { createArm64 } from '@vmarea/arch-arm64';
import {
  CAP_IPC_LOCK,
  EINVAL,
  ENODEV,
  ENOMEM,
  ENOSPC,
  EOPNOTSUPP,
  EPERM,
  LINUX_6_1,
  MAP_FIXED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { describeReason, HUGETLB_ANONHUGE_INODE, HUGETLB_SHMFS_INODE, VM_NORESERVE } from '@vmarea/mm-core';
import { Hugetlb, hugetlbfs, RegionMap, type Hstate, type HugetlbfsOptions } from '@vmarea/hugetlbfs';
import { describe, expect, it } from 'vitest';
import { Machine, PROFILES, user, type TestTask } from '../../vfs/test/machine.ts';

const RW = PROT_READ | PROT_WRITE;
const HUGE = 2 ** 21;

function machineWith(profile: KernelProfile, pages = 4, options: HugetlbfsOptions = {}, bytes = 32 * 2 ** 20): Machine {
  return new Machine({
    profile,
    bytes,
    config: { hugePages: [{ size: HUGE, pages }] },
    plug: (system) => {
      system.hugePages = new Hugetlb(system);
    },
    mounts: { '/huge': (system) => hugetlbfs(system, options) },
  });
}

function hstate(machine: Machine): Hstate {
  return (machine.system.hugePages as Hugetlb).defaultHstate;
}

/** Total, Free, Rsvd, Surp. */
function pool(machine: Machine): number[] {
  const h = hstate(machine);
  return [h.nrHugePages, h.freeHugePages, h.resvHugePages, h.surplusHugePages];
}

/** An anonymous huge mapping, as MAP_HUGETLB makes it. */
function anonHuge(t: TestTask, pages: number, prot = RW, flags = MAP_PRIVATE, addr = 0): number {
  const hugetlb = t.machine.system.hugePages!;
  const file = hugetlb.fileSetup(t, {
    name: 'anon_hugepage',
    size: pages * HUGE,
    vmFlags: VM_NORESERVE,
    kind: HUGETLB_ANONHUGE_INODE,
    log: 0,
  });
  if (typeof file === 'number') return file;
  const fd = t.files.install(file as never, 1024, false);
  const at = t.mmap(fd, addr, pages * HUGE, prot, flags);
  t.files.close(fd);
  return at;
}

/** The last reason that this package gave. */
function why(t: TestTask): string | undefined {
  const ids = t.decisions.map((number) => describeReason(number)?.id);
  return ids.filter((id) => id?.startsWith('hugetlb.')).at(-1);
}

describe.each(PROFILES)('private huge mappings on $name', (profile) => {
  it('promise their pages when made, take them when touched, and give the rest back', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const at = anonHuge(t, 4);
    expect(pool(machine)).toEqual([4, 4, 4, 0]);
    expect(t.store(at, 1)).toBe('ok');
    expect(t.load(at + HUGE)).toBe(0);
    expect(pool(machine)).toEqual([4, 2, 2, 0]);
    expect([t.mm.hugetlbBytes, t.mm.rssAnon]).toEqual([2 * HUGE, 0]);
    expect(t.munmap(at, 4096)).toBe(-EINVAL);
    expect(t.munmap(at, HUGE)).toBe(0);
    expect(pool(machine)).toEqual([4, 3, 2, 0]);
    expect(t.munmap(at + HUGE, 3 * HUGE)).toBe(0);
    expect(pool(machine)).toEqual([4, 4, 0, 0]);
    machine.end();
  });

  it('ENOMEM when the pool cannot promise more; SIGBUS when a NORESERVE mapping finds nothing free', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const at = anonHuge(t, 3);
    expect(anonHuge(t, 2)).toBe(-ENOMEM);
    const lazy = anonHuge(t, 2, RW, MAP_PRIVATE | MAP_NORESERVE);
    expect(anonHuge(t, 1)).toBeGreaterThan(0);
    expect(t.store(lazy, 1)).toBe('SIGBUS');
    expect(why(t)).toBe('hugetlb.fault_pool_exhausted');
    t.munmap(at, HUGE);
    expect(t.store(lazy, 1)).toBe('ok');
    expect(pool(machine)).toEqual([4, 3, 3, 0]);
    machine.end();
  });

  it('a child copies from the free pages; both keep what they had', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const at = anonHuge(t, 2);
    t.store(at, 11);
    t.store(at + HUGE, 22);
    const child = t.fork();
    expect(child.store(at, 33)).toBe('ok');
    expect(pool(machine)).toEqual([4, 1, 0, 0]);
    expect([t.load(at), child.load(at), child.load(at + HUGE)]).toEqual([11, 33, 22]);
    child.exit();
    expect(pool(machine)).toEqual([4, 2, 0, 0]);
    expect(t.store(at + HUGE, 44)).toBe('ok');
    machine.end();
  });

  it('with an empty pool the owner takes the page back from its child, who gets SIGBUS', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const at = anonHuge(t, 4);
    t.store(at, 1);
    t.store(at + HUGE, 1);
    const child = t.fork();
    expect(child.load(at)).toBe(1);
    expect(child.store(at + HUGE, 9)).toBe('SIGBUS');
    expect(child.load(at + HUGE)).toBe(1);
    expect(t.store(at, 7)).toBe('ok');
    expect(pool(machine)).toEqual([4, 2, 2, 0]);
    expect(child.load(at)).toBe('SIGBUS');
    expect(why(child)).toBe('hugetlb.fault_page_taken_back');
    expect([child.load(at + HUGE), t.load(at)]).toEqual([1, 7]);
    machine.end();
  });

  it('surplus pages come and go with what needs them', () => {
    const machine = machineWith(profile, 2);
    const h = hstate(machine);
    h.nrOvercommit = 2;
    const t = machine.task();
    anonHuge(t, 2);
    const more = anonHuge(t, 2);
    expect(anonHuge(t, 1)).toBe(-ENOMEM);
    expect(pool(machine)).toEqual([4, 4, 4, 2]);
    expect(machine.system.hugePages!.totalPages()).toBe(4 * 512);
    t.store(more, 1);
    expect(pool(machine)).toEqual([4, 3, 3, 2]);
    t.munmap(more, 2 * HUGE);
    expect(pool(machine)).toEqual([2, 2, 2, 0]);
    machine.end();
  });
});

describe('private pages of a file that was truncated', () => {
  it.each([
    { profile: MSM_4_4, rsvd: -1 },
    { profile: LINUX_6_1, rsvd: 0 },
  ])('$profile.name: faulted again they leave HugePages_Rsvd at $rsvd', ({ profile, rsvd }) => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/huge/f', O_CREAT | O_RDWR);
    const at = t.mmap(fd, 0, HUGE, RW, MAP_PRIVATE);
    t.store(at, 1);
    expect(t.ftruncate(fd, 0)).toBe(0);
    expect(t.ftruncate(fd, HUGE)).toBe(0);
    expect(t.store(at, 1)).toBe('ok');
    t.munmap(at, HUGE);
    expect(pool(machine)).toEqual([4, 4, rsvd, 0]);
    machine.end();
  });
});

describe.each(PROFILES)('huge files on $name', (profile) => {
  it('shared mappings promise a page once, and the promise stays with the file', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/huge/s', O_CREAT | O_RDWR);
    const a = t.mmap(fd, 0, 3 * HUGE, RW, MAP_SHARED);
    const b = t.mmap(fd, 0, 3 * HUGE, RW, MAP_SHARED);
    expect(pool(machine)).toEqual([4, 4, 3, 0]);
    t.store(a, 5);
    expect(t.load(b)).toBe(5);
    expect(pool(machine)).toEqual([4, 3, 2, 0]);
    t.munmap(a, 3 * HUGE);
    t.munmap(b, 3 * HUGE);
    expect(pool(machine)).toEqual([4, 3, 2, 0]);
    expect(t.fstat(fd)).toMatchObject({ size: 3 * HUGE, blocks: 4096 });
    expect(t.pread(fd, 2, 0)).toBe('\x05\0');
    expect(t.pwrite(fd, 'x', 0)).toBe(-EINVAL);
    t.files.close(fd);
    expect(t.unlink('/huge/s')).toBe(0);
    expect(pool(machine)).toEqual([4, 4, 0, 0]);
    machine.end();
  });

  it('lengths are rounded up, offsets must be aligned, read-only mappings do not extend', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/huge/f', O_CREAT | O_RDWR);
    const at = t.mmap(fd, 0, 4096, PROT_READ, MAP_SHARED);
    expect(t.fstat(fd).size).toBe(0);
    expect(t.load(at)).toBe('SIGBUS');
    expect(why(t)).toBe('hugetlb.fault_beyond_end');
    expect(t.mmap(fd, 0, HUGE, RW, MAP_SHARED, 4096)).toBe(-EINVAL);
    expect(why(t)).toBe('hugetlb.offset_unaligned');
    expect(t.mmap(fd, 0x10000000 + 4096, HUGE, RW, MAP_SHARED | MAP_FIXED)).toBe(-EINVAL);
    expect(t.mmap(fd, 0, HUGE, RW, MAP_SHARED)).toBeGreaterThan(0);
    expect(t.fstat(fd).size).toBe(HUGE);
    expect(t.load(at)).toBe(0);
    machine.end();
  });

  it('goes bottom-up or below mmap_base as the version does', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    t.mm.mmapBase = 0xfffff8000000;
    const at = anonHuge(t, 1);
    expect(at).toBe(profile.hugetlb.bottomUp ? 2 ** 46 : 0xfffff8000000 - HUGE);
    expect(anonHuge(t, 1, RW, MAP_PRIVATE, 0x10001000)).toBe(0x10200000);
    machine.end();
  });

  it('truncation takes pages from mappings, and promises with them', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/huge/f', O_CREAT | O_RDWR);
    const at = t.mmap(fd, 0, 2 * HUGE, RW, MAP_SHARED);
    t.store(at, 1);
    t.store(at + HUGE, 1);
    expect(t.ftruncate(fd, 4096)).toBe(-EINVAL);
    expect(t.ftruncate(fd, HUGE)).toBe(0);
    expect([t.load(at), t.load(at + HUGE)]).toEqual([1, 'SIGBUS']);
    expect(pool(machine)).toEqual([4, 3, 0, 0]);
    expect(t.ftruncate(fd, 3 * HUGE)).toBe(0);
    expect(t.load(at + HUGE)).toBe(0);
    machine.end();
  });

  it('fallocate makes pages present, and punches whole ones out', () => {
    const machine = machineWith(profile);
    const t = machine.task();
    const fd = t.open('/huge/f', O_CREAT | O_RDWR);
    expect(t.fallocate(fd, 0, 0, 2 * HUGE)).toBe(0);
    expect(t.fstat(fd)).toMatchObject({ size: 2 * HUGE, blocks: 8192 });
    const at = t.mmap(fd, 0, 2 * HUGE, RW, MAP_SHARED);
    expect(pool(machine)).toEqual([4, 2, 0, 0]);
    t.store(at, 1);
    expect(t.fallocate(fd, 3, 0, HUGE + 4096)).toBe(0);
    expect(pool(machine)).toEqual([4, 3, 0, 0]);
    expect(t.load(at)).toBe(0);
    expect(t.fallocate(fd, 0, 0, 8 * HUGE)).toBe(-ENOSPC);
    expect(pool(machine)).toEqual([4, 0, 0, 0]);
    expect(t.fallocate(fd, 8, 0, HUGE)).toBe(-EOPNOTSUPP);
    machine.end();
  });

  it('size= and min_size= of a mount', () => {
    const machine = machineWith(profile, 4, { size: 2 * HUGE, minSize: HUGE });
    expect(pool(machine)).toEqual([4, 4, 1, 0]);
    const t = machine.task();
    const fd = t.open('/huge/f', O_CREAT | O_RDWR);
    expect(t.mmap(fd, 0, 3 * HUGE, RW, MAP_SHARED)).toBe(-ENOMEM);
    const at = t.mmap(fd, 0, 2 * HUGE, RW, MAP_SHARED);
    expect(pool(machine)).toEqual([4, 4, 2, 0]);
    t.store(at, 1);
    t.munmap(at, 2 * HUGE);
    t.files.close(fd);
    t.unlink('/huge/f');
    expect(pool(machine)).toEqual([4, 4, 1, 0]);
    machine.end();
    expect(pool(machine)).toEqual([4, 4, 0, 0]);
  });
});

describe('sizes, limits and rights', () => {
  it('4.4 has the configured size, 6.1 all of the architecture', () => {
    const sizes = (profile: KernelProfile): number[] => {
      const machine = machineWith(profile, 1);
      return (machine.system.hugePages as Hugetlb).hstates.map((h) => h.size);
    };
    expect(sizes(MSM_4_4)).toEqual([HUGE]);
    const { hugeSizes } = createArm64({ pageSize: 4096, vaBits: 48 });
    expect(sizes(LINUX_6_1).sort((a, b) => a - b)).toEqual(hugeSizes);
  });

  it('an unknown size is ENODEV; a SysV segment needs the right or the limit', () => {
    const machine = machineWith(MSM_4_4);
    const t = machine.task(user());
    const hugetlb = machine.system.hugePages as Hugetlb;
    expect(hugetlb.fileSetup(t, { name: 'x', size: HUGE, vmFlags: 0, kind: HUGETLB_ANONHUGE_INODE, log: 16 })).toBe(
      -ENODEV,
    );
    t.rlimits.memlock = HUGE - 1;
    expect(
      hugetlb.fileSetup(t, { name: 'SYSV00000000', size: HUGE, vmFlags: 0, kind: HUGETLB_SHMFS_INODE, log: 0 }),
    ).toBe(-EPERM);
    expect(why(t)).toBe('hugetlb.shm_not_permitted');
    t.rlimits.memlock = HUGE;
    const file = hugetlb.fileSetup(t, {
      name: 'SYSV00000000',
      size: HUGE,
      vmFlags: 0,
      kind: HUGETLB_SHMFS_INODE,
      log: 0,
    });
    expect(typeof file).toBe('object');
    expect(machine.system.lockedShm.get(1000)).toBe(512);
    if (typeof file !== 'number') file.fput();
    hugetlb.userShmUnlock(1000, 512);
    t.cred = { ...user(), capLow: 1 << CAP_IPC_LOCK };
    t.rlimits.memlock = 0;
    const allowed = hugetlb.fileSetup(t, {
      name: 'SYSV00000000',
      size: HUGE,
      vmFlags: 0,
      kind: HUGETLB_SHMFS_INODE,
      log: 0,
    });
    expect(machine.system.lockedShm.get(1000)).toBe(0);
    if (typeof allowed !== 'number') allowed.fput();
    machine.end();
  });

  it('vm.nr_hugepages grows the pool, and shrinks it down to what is in use', () => {
    const machine = machineWith(MSM_4_4, 4);
    const h = hstate(machine);
    const t = machine.task();
    const at = anonHuge(t, 2);
    h.setNrHugePages(1);
    expect([h.nrHugePages, h.nrPersistent, h.surplusHugePages]).toEqual([2, 1, 1]);
    t.munmap(at, 2 * HUGE);
    expect(pool(machine)).toEqual([1, 1, 0, 0]);
    h.setNrHugePages(3);
    expect(pool(machine)).toEqual([3, 3, 0, 0]);
    // more than there is memory for
    h.setNrHugePages(1000);
    expect(h.nrHugePages).toBeLessThan(16);
    h.setNrHugePages(4);
    expect(pool(machine)).toEqual([4, 4, 0, 0]);
    machine.end();
  });

  it.each([
    { pageSize: 4096, vaBits: 48 },
    { pageSize: 16384, vaBits: 47 },
    { pageSize: 65536, vaBits: 42 },
  ] as const)('every size of a granule of $pageSize that fits has its entries', ({ pageSize, vaBits }) => {
    const sizes = createArm64({ pageSize, vaBits }).hugeSizes.filter((size) => size <= 2 ** 26);
    const machine = new Machine({
      pageSize,
      vaBits,
      bytes: 2 ** 29,
      profile: LINUX_6_1,
      config: { hugePages: sizes.map((size) => ({ size, pages: 3 })) },
      plug: (system) => {
        system.hugePages = new Hugetlb(system, { otherSizes: [] });
      },
    });
    const hugetlb = machine.system.hugePages as Hugetlb;
    for (const size of sizes) {
      const t = machine.task();
      const file = hugetlb.fileSetup(t, {
        name: 'x',
        size: 2 * size,
        vmFlags: VM_NORESERVE,
        kind: HUGETLB_ANONHUGE_INODE,
        log: Math.log2(size),
      });
      if (typeof file === 'number') throw new Error(String(file));
      const fd = t.files.install(file, 1024, false);
      const at = t.mmap(fd, 0, 2 * size, RW, MAP_PRIVATE);
      expect(t.store(at + 2 * size - 1, 7)).toBe('ok');
      const child = t.fork();
      expect(child.store(at + size, 8)).toBe('ok');
      expect([t.load(at + 2 * size - 1), t.load(at + size), child.load(at + 2 * size - 1)]).toEqual([7, 0, 7]);
      expect([t.mm.hugetlbBytes, hugetlb.hstateOfSize(size)!.freeHugePages]).toEqual([size, 1]);
      child.exit();
      t.exit();
      expect(hugetlb.hstateOfSize(size)!.freeHugePages).toBe(3);
    }
    for (const h of hugetlb.hstates) h.setNrHugePages(0);
    expect(machine.memory!.frames.nrContiguous).toBe(0);
  });

  it('works without memory: promises only', () => {
    const machine = machineWith(MSM_4_4, 4, {}, 0);
    const t = machine.task();
    const at = anonHuge(t, 3);
    expect(anonHuge(t, 2)).toBe(-ENOMEM);
    t.munmap(at, HUGE);
    expect(pool(machine)).toEqual([4, 4, 2, 0]);
    machine.end();
  });
});

describe('RegionMap', () => {
  it('joins, splits and counts', () => {
    const map = new RegionMap();
    expect(map.add(2, 4)).toBe(2);
    expect(map.add(6, 8)).toBe(2);
    expect(map.missing(0, 10)).toBe(6);
    expect(map.add(3, 7)).toBe(2);
    expect(map.remove(4, 5)).toBe(1);
    expect([map.count(0, 10), map.size, map.count(4, 5)]).toEqual([5, 5, 0]);
    expect(map.remove(5, Infinity)).toBe(3);
    expect(map.add(4, 4)).toBe(0);
    expect(map.missing(5, 2)).toBe(0);
  });
});
