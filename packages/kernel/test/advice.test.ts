// What becomes of contents: advice, fork with its exceptions, exit, exec, memory that is exhausted; and why each page came.
import { describeReason } from '@vmarea/mm-core/reasons';
import { tryToUnmap } from '@vmarea/mm-core/memory';
import {
  EINVAL,
  ENOMEM,
  LINUX_6_1,
  MADV_DOFORK,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_KEEPONFORK,
  MADV_PAGEOUT,
  MADV_REMOVE,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  type KernelProfile,
} from '@vmarea/uapi';
import type { Task } from '@vmarea/kernel';
import { describe, expect, it } from 'vitest';
import { A, ANON, Bench, PAGE, PROFILES, RW, type FaultEvent } from './memory-machine.ts';

function fork(b: Bench, task: Task = b.task): Task {
  const child = task.fork();
  if (typeof child === 'number') throw new Error(`fork: ${child}`);
  return child;
}

/** A file on tmpfs or ramfs with so many pages of bytes 1, 2, 3, … */
function file(b: Bench, path: string, pages: number): number {
  const fd = b.task.open(path, O_CREAT | O_RDWR, 0o600);
  for (let i = 0; i < pages; i++) b.task.pwrite(fd, new Uint8Array(PAGE).fill(i + 1), i * PAGE);
  return fd;
}

describe.each(PROFILES)('advice and contents on $name', (profile) => {
  it('DONTNEED gives zeroes, the file’s bytes, or nothing to a shared mapping', () => {
    const b = new Bench(profile);
    const fd = file(b, '/tmp/f', 2);
    b.anon(A, 1);
    const own = b.task.mmap(0, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
    const shared = b.task.mmap(0, 2 * PAGE, RW, MAP_SHARED, fd, 0);
    for (const at of [A, own, shared + PAGE]) b.store8(at, 99);
    for (const at of [A, own, shared]) expect(b.task.sys.madvise(at, PAGE, MADV_DONTNEED)).toBe(0);
    b.task.madvise(shared + PAGE, PAGE, MADV_DONTNEED);
    expect([b.load(A), b.load(own), b.load(shared), b.load(shared + PAGE)]).toEqual([0, 1, 1, 99]);
    b.end();
  });

  it('REMOVE punches a hole that every mapping sees, but for private copies', () => {
    const b = new Bench(profile);
    const fd = file(b, '/tmp/f', 4);
    const shared = b.task.mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    const own = b.task.mmap(0, 4 * PAGE, RW, MAP_PRIVATE, fd, 0);
    b.store8(own + PAGE, 50);
    expect(b.load(own + 2 * PAGE)).toBe(3);
    expect(b.task.sys.madvise(shared + PAGE, 2 * PAGE, MADV_REMOVE)).toBe(0);
    expect([0, 1, 2, 3].map((i) => b.load(shared + i * PAGE))).toEqual([1, 0, 0, 4]);
    expect([b.load(own + PAGE), b.load(own + PAGE + 1), b.load(own + 2 * PAGE)]).toEqual([50, 2, 0]);
    const byte = new Uint8Array(1);
    b.task.pread(fd, byte, 2 * PAGE);
    expect(byte[0]).toBe(0);
    expect(b.task.sys.madvise(own, PAGE, MADV_REMOVE)).toBeLessThan(0);
    b.end();
  });

  it('FREE keeps bytes until memory is needed; a store in time keeps the page', () => {
    const b = new Bench(profile);
    b.anon(A, 3);
    for (let i = 0; i < 3; i++) b.store8(A + i * PAGE, 7 + i);
    const result = b.task.sys.madvise(A, 3 * PAGE, MADV_FREE);
    if (profile !== LINUX_6_1) {
      expect(result).toBe(-EINVAL);
      b.end();
      return;
    }
    expect([result, b.load(A)]).toEqual([0, 7]);
    b.store8(A + PAGE, 20);
    b.task.madvise(A, 3 * PAGE, MADV_PAGEOUT);
    expect([b.load(A), b.load(A + PAGE), b.load(A + 2 * PAGE)]).toEqual([0, 20, 0]);
    b.end();
  });

  it('DONTFORK leaves a hole in the child, WIPEONFORK zeroes; the parent keeps both', () => {
    const b = new Bench(profile);
    b.anon(A, 3);
    for (let i = 0; i < 3; i++) b.store8(A + i * PAGE, 7);
    expect(b.task.sys.madvise(A, PAGE, MADV_DONTFORK)).toBe(0);
    const wiped = b.task.sys.madvise(A + PAGE, PAGE, MADV_WIPEONFORK);
    expect(wiped).toBe(profile === LINUX_6_1 ? 0 : -EINVAL);
    const child = fork(b);
    expect(b.load(A, child)).toBe('SIGSEGV SEGV_MAPERR 0x10000000');
    expect([b.load(A + PAGE, child), b.load(A + 2 * PAGE, child)]).toEqual([wiped === 0 ? 0 : 7, 7]);
    expect([b.load(A), b.load(A + PAGE)]).toEqual([7, 7]);
    // A wiped mapping is wiped for the grandchild as well.
    if (wiped === 0) {
      b.store8(A + PAGE, 8, child);
      expect(b.load(A + PAGE, fork(b, child))).toBe(0);
      b.task.madvise(A + PAGE, PAGE, MADV_KEEPONFORK);
    }
    b.task.madvise(A, PAGE, MADV_DOFORK);
    const second = fork(b);
    expect([b.load(A, second), b.load(A + PAGE, second)]).toEqual([7, 7]);
    b.check();
    b.end();
  });
});

describe.each(PROFILES)('fork, exec and exit on $name', (profile) => {
  it('exec begins an empty address space, and the old one gives back all it had', () => {
    const b = new Bench(profile);
    const { frames } = b.kernel.memory!;
    const { task } = b;
    const fd = file(b, '/ram/prog', 2);
    const program = task.cur.files.fget(task.open('/ram/prog', 0))!;
    task.close(fd);
    const image = {
      file: program,
      type: 2,
      phdrs: [{ type: 1, flags: 5, offset: 0, vaddr: 0x400000, filesz: PAGE, memsz: PAGE, align: PAGE }],
    };
    expect(task.sys.execve(image)).toMatchObject({});
    const free = frames.nrFree;
    const committed = b.system.committedAs;
    const before = task.mm;
    b.anon(A, 64);
    for (let i = 0; i < 64; i++) b.store8(A + i * PAGE, 1);
    task.mmap(0x40000000, 2 ** 21, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
    b.store8(0x40000000, 1);
    expect(b.kernel.hugePool!.freeHugePages).toBe(1);
    expect(frames.nrFree).toBeLessThan(free - 64);
    expect(task.sys.execve(image)).toMatchObject({});
    expect(task.mm).not.toBe(before);
    expect([frames.nrFree, b.system.committedAs, b.kernel.hugePool!.freeHugePages]).toEqual([free, committed, 2]);
    expect(b.load(A)).toMatch(/^SIGSEGV SEGV_MAPERR/);
    expect(b.load(0x400000)).toBe(1);
    b.end();
  });

  it('memory that ends is ENOMEM for calls, a kill for faults, and comes back', () => {
    const b = new Bench(profile, {
      memory: { bytes: 8 * 2 ** 20 },
      ram: { totalPages: () => 2 ** 20, guessFreePages: () => 2 ** 20, swapPages: () => 0 },
    });
    const { task } = b;
    const { frames } = b.kernel.memory!;
    b.anon(A, 4096);
    let i = 0;
    let got = 'ok';
    while (got === 'ok') got = b.store8(A + i++ * PAGE, 1);
    expect(got).toMatch(/^SIGKILL/);
    expect(describeReason(task.cur.call.refused.decision)?.id).toMatch(/^fault\.no_/);
    expect(frames.nrFree).toBeLessThan(4);
    expect(task.sys.fork()).toBe(-ENOMEM);
    b.check();
    // MAP_POPULATE does as much as it can, and mlock says so.
    const more = task.sys.mmap(0x50000000, 16 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE, -1, 0);
    expect(more).toBe(0x50000000);
    expect(task.sys.mlock(0x50000000, 16 * PAGE)).toBe(-11);
    task.munmap(A, 4096 * PAGE);
    expect(b.store8(0x50000000, 1)).toBe('ok');
    expect(typeof task.sys.fork()).toBe('object');
    b.end();
  });

  it('an exhausted pool of huge pages is SIGBUS, with its reason', () => {
    const b = new Bench(profile);
    const { task } = b;
    const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED;
    task.mmap(0x40000000, 2 * 2 ** 21, RW, flags, -1, 0);
    b.store8(0x40000000, 1);
    b.store8(0x40000000 + 2 ** 21, 1);
    const child = fork(b);
    expect(b.store8(0x40000000, 2, child)).toMatch(/^SIGBUS BUS_ADRERR 0x40000000/);
    expect(child.cur.call.refused.decision).not.toBe(0);
    expect(b.load(0x40000000)).toBe(1);
    b.end();
  });
});

describe.each(PROFILES)('the tracer of faults on $name', (profile) => {
  const last = (events: FaultEvent[]): string => {
    const { kind, decision } = events.at(-1)!;
    return decision === 0 ? kind : `${kind}: ${describeReason(decision)?.id ?? String(decision)}`;
  };

  it('tells what each fault brought, why a page was copied, and why an access was refused', () => {
    const b = new Bench(profile);
    const { task } = b;
    const ram = file(b, '/ram/f', 2);
    b.anon(A, 4);
    const own = task.mmap(0, 3 * PAGE, RW, MAP_PRIVATE, ram, 0);
    const shared = task.mmap(0, 3 * PAGE, RW, MAP_SHARED, ram, 0);
    const events = b.trace();
    const after = (act: () => unknown): string => {
      act();
      return last(events);
    };
    expect(after(() => b.load(A))).toBe('zero');
    expect(after(() => b.store8(A, 1))).toBe('anon: copy.of_zeroes');
    expect(after(() => b.store8(A + PAGE, 1))).toBe('anon');
    expect(after(() => b.store8(own, 1))).toBe('cow: copy.of_file_page');
    expect(after(() => b.load(own + PAGE))).toBe('file');
    expect(after(() => b.store8(own + PAGE, 1))).toBe('cow: copy.of_file_page');
    expect(after(() => b.store8(shared, 1))).toBe('shared');
    expect(after(() => b.load(shared + PAGE))).toBe('file');
    expect(after(() => b.store8(shared + PAGE, 1))).toBe('reuse');
    expect(after(() => b.load(shared + 2 * PAGE))).toBe('sigbus: fault.beyond_eof');
    expect(after(() => b.load(0x1000))).toBe('sigsegv: fault.no_vma');
    task.mprotect(A, PAGE, PROT_READ);
    expect(after(() => b.store8(A, 1))).toBe('sigsegv: fault.not_writable');
    task.mprotect(A, PAGE, RW);
    const child = fork(b);
    expect(after(() => b.store8(A + PAGE, 2))).toBe('cow: copy.of_shared_page');
    child.exit(0);
    task.wait(child.pid);
    expect(after(() => b.store8(A, 3))).toBe('reuse');
    task.mmap(0x40000000, 2 ** 21, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
    expect(after(() => b.store8(0x40000000, 1))).toBe('hugetlb');
    b.end();
  });

  it('an error of storage, and a page that reclaim took and that comes back', () => {
    const b = new Bench(profile);
    const { task } = b;
    const fd = task.open('/disk/f', O_RDWR);
    task.mmap(A, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    const events = b.trace();
    b.store.error = -5;
    expect(b.load(A)).toMatch(/^SIGBUS BUS_ADRERR 0x10000000/);
    expect(last(events)).toBe('sigbus: fault.owner_sigbus');
    b.store.error = 0;
    b.store8(A + PAGE, 77);
    const pt = task.mm.pageTables!;
    expect(tryToUnmap(b.kernel.memory!, pt.pfn(pt.slot(A + PAGE)))).toBe(true);
    expect([b.load(A + PAGE), last(events)]).toEqual([77, 'file']);
    b.end();
    expect(b.store.bytes[PAGE]).toBe(77);
  });
});

describe.each(PROFILES)('a small machine on $name', (profile: KernelProfile) => {
  it('writes dirty pages of a file to storage to make room, and reads them again', () => {
    const b = new Bench(profile, {
      memory: { bytes: 8 * 2 ** 20 },
      config: { ...new Bench(profile).system.config, ramBytes: 8 * 2 ** 20, hugePages: [{ size: 2 ** 21, pages: 0 }] },
    });
    const { task } = b;
    const fd = task.open('/disk/f', O_RDWR);
    const pages = 3000;
    task.ftruncate(fd, pages * PAGE);
    const chunk = new Uint8Array(PAGE);
    for (let i = 0; i < pages; i++) {
      chunk[0] = i % 251;
      expect(task.sys.pwrite(fd, chunk, i * PAGE)).toBe(PAGE);
    }
    expect(b.store.writes).toBeGreaterThan(500);
    const byte = new Uint8Array(1);
    for (let i = 0; i < pages; i += 97) {
      task.pread(fd, byte, i * PAGE);
      expect(byte[0]).toBe(i % 251);
    }
    b.check();
    b.end();
  });
});
