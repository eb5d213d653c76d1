/** The front door: an address space as an object, throwing or with errnos, populated by itself. */
import { createArm64 } from '@vmarea/arch-arm64';
import {
  EINVAL,
  ENOMEM,
  LINUX_6_1,
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MCL_CURRENT,
  MisuseError,
  MREMAP_MAYMOVE,
  MS_SYNC,
  MSM_4_4,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import {
  createAddressSpace,
  MemoryFaultError,
  SyscallError,
  type AddressSpace,
  type AddressSpaceInit,
} from '../../src/address-space/index.ts';
import { Memory, ram, validateFrames, type UserMemory } from '../../src/memory/index.ts';
import { createMm, validateMm } from '../../src/index.ts';
import '../../src/reasons.ts';

const P = 4096;
const RW = PROT_READ | PROT_WRITE;
const ANON = MAP_PRIVATE | MAP_ANONYMOUS;
const arch = createArm64({ pageSize: 4096, vaBits: 48 });

function space(init: Partial<AddressSpaceInit<UserMemory>> = {}): AddressSpace<UserMemory> {
  return createAddressSpace({ arch, profile: LINUX_6_1, memory: ram({ bytes: 2 ** 22 }), ...init });
}

function sound(s: AddressSpace<UserMemory>): void {
  expect(validateMm(s.mm)).toEqual([]);
}

describe.each([LINUX_6_1, MSM_4_4])('an address space of $name', (profile) => {
  it('maps, changes and unmaps', () => {
    const s = space({ profile });
    const addr = s.mmap({ length: 4 * P, prot: RW, flags: ANON });
    s.mprotect(addr + P, P, PROT_READ);
    sound(s);
    expect(s.maps()).toEqual([
      { start: addr, end: addr + P, perms: 'rw-p', offset: 0, name: '' },
      { start: addr + P, end: addr + 2 * P, perms: 'r--p', offset: 0, name: '' },
      { start: addr + 2 * P, end: addr + 4 * P, perms: 'rw-p', offset: 0, name: '' },
    ]);
    expect(s.munmap(addr, 4 * P)).toBe(0);
    sound(s);
    expect(s.maps()).toEqual([]);
    s.destroy();
    const { memory } = s.system;
    if (!(memory instanceof Memory)) throw new Error('no memory');
    expect(validateFrames(memory.frames)).toEqual([]);
  });

  it('populates by itself', () => {
    const s = space({ profile });
    const present = (addr: number, pages: number): string => {
      const vec = new Uint8Array(pages);
      s.mincore(addr, pages * P, vec);
      return vec.join('');
    };
    const populated = s.mmap({ length: 8 * P, prot: RW, flags: ANON | MAP_POPULATE });
    expect(present(populated, 8)).toBe('11111111');
    const locked = s.mmap({ length: 3 * P, prot: RW, flags: ANON });
    expect(present(locked, 3)).toBe('000');
    s.mlock(locked, 3 * P);
    expect(present(locked, 3)).toBe('111');
    sound(s);
  });

  it('has a heap once it is placed, and says ENOMEM as the C library does', () => {
    const s = space({ profile });
    expect(s.brk(0)).toBe(0);
    expect(() => s.brk(P)).toThrow('ENOMEM: Cannot allocate memory, brk: The address space has no heap');
    s.setHeap(0x10000000);
    expect(s.brk(0x10000000 + P)).toBe(0x10000000 + P);
    expect(s.maps()[0]).toMatchObject({ start: 0x10000000, name: '[heap]' });
    sound(s);
  });
});

it('takes 64-bit values that no number holds as bigints', () => {
  const raw = space({ errors: 'errno' });
  const addr = raw.mmap({ length: 2 * P, prot: RW, flags: ANON });
  expect(raw.mprotect(addr, 0xffff_ffff_ffff_ffffn, PROT_READ)).toBe(-ENOMEM);
  expect(raw.munmap(0xffff_ffff_ffff_f000n, P)).toBe(-EINVAL);
  expect(raw.maps()).toHaveLength(1);
});

it('lays out by the limit of the stack: at least 128 MiB, else the limit and the guard gap of 256 pages', () => {
  const first = (stack: number): number => space({ rlimits: { stack } }).mmap({ length: P, prot: RW, flags: ANON });
  expect(first(8 * 2 ** 20) - first(2 ** 30)).toBe(2 ** 30 + 256 * P - 2 ** 27);
});

it('throws with errno, call and reason; or returns the errno', () => {
  const s = space();
  expect(() => s.munmap(1, P)).toThrow(SyscallError);
  expect(() => s.munmap(1, P)).toThrow(
    'EINVAL: Invalid argument, munmap: The address must be a multiple of the page size.',
  );
  const raw = space({ errors: 'errno' });
  expect(raw.munmap(1, P)).toBe(-EINVAL);
  expect(raw.reason?.id).toBe('do_munmap.unaligned');
  expect(raw.mmap({ length: P, prot: RW, flags: MAP_SHARED | MAP_ANONYMOUS })).toBe(-ENOMEM);
  expect(raw.reason?.id).toBe('mmap_region.no_shared_memory');
  raw.mmap({ length: P, prot: RW, flags: ANON });
  expect(raw.reason).toBeNull();
  expect(raw.brk(P)).toBe(-ENOMEM);
});

it('makes the other calls', () => {
  const s = space();
  const addr = s.mmap({ length: 2 * P, prot: RW, flags: ANON | MAP_FIXED, addr: 0x20000000 });
  expect(addr).toBe(0x20000000);
  s.store(addr, 7);
  const moved = s.mremap({ addr, oldLength: 2 * P, newLength: 64 * P, flags: MREMAP_MAYMOVE });
  expect(s.load(moved)).toBe(7);
  const vec = new Uint8Array(2);
  expect(s.mincore(moved, 2 * P, vec)).toBe(0);
  expect([...vec]).toEqual([1, 0]);
  expect(s.msync(moved, P, MS_SYNC)).toBe(0);
  expect(s.madvise(moved, P, MADV_DONTNEED)).toBe(0);
  expect(s.load(moved)).toBe(0);
  expect(s.mlockall(MCL_CURRENT)).toBe(0);
  expect(s.munlockall()).toBe(0);
  expect(s.munlock(moved, P)).toBe(0);
  sound(s);
});

describe('loads and stores', () => {
  it.each([
    [1, 0x1ff, 0xff],
    [2, -1, 0xffff],
    [4, 0x1_0000_0002, 2],
    [8, -2n, 2n ** 64n - 2n],
  ] as const)('of %i bytes wrap and come back unsigned', (size, value, back) => {
    const s = space();
    const addr = s.mmap({ length: 2 * P, prot: RW, flags: ANON });
    for (const at of [addr, addr + P - 1]) {
      s.store(at, value, size);
      expect(s.load(at, size as 4)).toBe(back);
    }
  });

  it('throw with the signal where a program would get one', () => {
    const s = space();
    const addr = s.mmap({ length: P, prot: PROT_READ, flags: ANON });
    expect(() => s.load(addr + P)).toThrow(MemoryFaultError);
    expect(() => {
      s.store(addr + 4, 1);
    }).toThrow(`SIGSEGV: store at 0x${(addr + 4).toString(16)}: The mapping is not writable.`);
  });

  it('need memory', () => {
    const s = createAddressSpace({ arch, profile: LINUX_6_1 });
    expect(s.memory).toBeNull();
    expect(() => s.load(0)).toThrow(MisuseError);
  });
});

it('forks: private memory parts at the first store', () => {
  const s = space();
  const addr = s.mmap({ length: P, prot: RW, flags: ANON });
  s.store(addr, 1);
  const child = s.fork();
  if (typeof child === 'number') throw new Error('no memory');
  child.store(addr, 2);
  expect([s.load(addr), child.load(addr)]).toEqual([1, 2]);
  expect(s.thread().load(addr)).toBe(1);
  sound(s);
  sound(child);
});

it.each([
  [{ length: 0.5, prot: RW, flags: ANON }, 'len is 0.5'],
  [{ length: P, prot: RW, flags: MAP_PRIVATE }, 'file is missing'],
  [{ length: P, prot: RW, flags: ANON, offset: 5 }, 'offset is 5'],
  [{ length: P, prot: RW, flags: ANON | MAP_HUGETLB }, 'MAP_HUGETLB'],
])('misuse is named: %j', (args, text) => {
  expect(() => space().mmap(args)).toThrow(MisuseError);
  expect(() => space().mmap(args)).toThrow(text);
});

it('takes memory before the first address space only', () => {
  expect(() =>
    space({
      memory: {
        plugIn: (system) => {
          createMm(system);
          ram({ bytes: 2 ** 22 }).plugIn(system);
        },
        access: () => null as never,
      },
    }),
  ).toThrow('address space already');
});
