// Memory that runs out: at every single allocation of a script, in the engine's structures and in frames. Whatever a call
// answers, every invariant holds after it, nothing is lost, and the same call succeeds once there is memory again.
import { RETRY, isErr } from '@vmarea/mm-core';
import {
  ENOMEM,
  LINUX_6_1,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_ANONYMOUS,
  MADV_DONTNEED,
  MREMAP_MAYMOVE,
  O_CREAT,
  O_RDWR,
  PROT_READ,
  type KernelProfile,
} from '@vmarea/uapi';
import type { Task } from '@vmarea/kernel';
import { describe, expect, it } from 'vitest';
import { A, ANON, Bench, PAGE, PROFILES, RW } from './memory-machine.ts';

/** The n-th allocation from now fails: n = 0 switches it off. True when one has failed since. */
interface Injector {
  arm(bench: Bench, n: number): void;
  /** Whether the countdown came to its end. */
  fired(bench: Bench): boolean;
}

const INJECTORS: Record<string, Injector> = {
  'structures of the engine': {
    arm: ({ system }, n) => {
      system.failCountdown = n;
    },
    fired: ({ system }) => system.failCountdown === 0,
  },
  frames: {
    arm: ({ kernel }, n) => {
      kernel.memory!.frames.failNth = n;
    },
    fired: ({ kernel }) => kernel.memory!.frames.failNth === 0,
  },
};

/** A task with anonymous, private, shared and huge mappings, several of them touched, and one split. */
function populated(profile: KernelProfile): Bench {
  const b = new Bench(profile);
  const { task } = b;
  b.anon(A, 8);
  for (let i = 0; i < 8; i++) b.store8(A + i * PAGE, i);
  task.mprotect(A + 2 * PAGE, 2 * PAGE, PROT_READ);
  const ram = task.open('/ram/f', O_CREAT | O_RDWR, 0o600);
  const tmp = task.open('/tmp/f', O_CREAT | O_RDWR, 0o600);
  task.ftruncate(ram, 8 * PAGE);
  task.ftruncate(tmp, 8 * PAGE);
  task.mmap(A + 0x100000, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, ram, 0);
  task.mmap(A + 0x200000, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, tmp, 0);
  b.store8(A + 0x100000, 1);
  b.store8(A + 0x200000, 2);
  b.load(A + 0x100000 + PAGE);
  const huge = 0x40000000;
  task.mmap(huge, 2 ** 21, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
  b.store8(huge, 3);
  return b;
}

/** What is tried: it answers a negative errno, or something that the tests of success look at. */
const VERBS: Record<string, (b: Bench) => number | string> = {
  mmap: ({ task }) => task.sys.mmap(A + 0x400000, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0),
  'mmap over parts of others': ({ task }) => task.sys.mmap(A + PAGE, 4 * PAGE, RW, ANON | MAP_FIXED, -1, 0),
  'mmap MAP_POPULATE': ({ task }) => task.sys.mmap(A + 0x400000, 4 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE, -1, 0),
  'mmap of shared memory': ({ task }) =>
    task.sys.mmap(A + 0x400000, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
  'munmap in the middle': ({ task }) => task.sys.munmap(A + 5 * PAGE, PAGE),
  'mprotect in the middle': ({ task }) => task.sys.mprotect(A + 5 * PAGE, PAGE, PROT_READ),
  'mprotect over several': ({ task }) => task.sys.mprotect(A + PAGE, 5 * PAGE, PROT_READ),
  'mremap that moves': ({ task }) => task.sys.mremap(A, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0),
  'mremap that moves a part': ({ task }) =>
    task.sys.mremap(A + 5 * PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE | 2, A + 0x600000),
  mlock: ({ task }) => task.sys.mlock(A + PAGE, 6 * PAGE),
  'madvise DONTNEED': ({ task }) => task.sys.madvise(A, 8 * PAGE, MADV_DONTNEED),
  fork: ({ task }) => {
    const child = task.sys.fork();
    if (typeof child === 'number') return child;
    child.sys.exit(0);
    return task.sys.wait(child.pid) > 0 ? 0 : -1;
  },
  'fork and copy': (b) => {
    const child = b.task.sys.fork();
    if (typeof child === 'number') return child;
    const stored = b.store8(A, 77, child);
    child.sys.exit(0);
    b.task.sys.wait(child.pid);
    return stored;
  },
  'a store that copies': (b) => b.store8(A + 0x100000 + PAGE, 5),
  'a store to fresh memory': (b) => {
    const at = b.task.sys.mmap(0x50000000, PAGE, RW, ANON | MAP_FIXED, -1, 0);
    return isErr(at) ? at : b.store8(at, 5);
  },
  'a load of shared memory': (b) => b.load(A + 0x200000 + 2 * PAGE),
};

/**
 * What 6.1 itself leaves committed for ever when mremap has moved half the way: the growth, when page tables cannot be moved
 * (the new mapping no longer accounts when it goes); and the old mapping, when it cannot be split from what stays.
 */
const KEPT: Readonly<Record<string, readonly number[]>> = {
  'mremap that moves, structures of the engine': [2],
  'mremap that moves a part, structures of the engine': [4],
  'mremap that moves, frames': [1],
  'mremap that moves a part, frames': [2],
};

describe.each(PROFILES)('without memory for $name', (profile) => {
  for (const [kind, injector] of Object.entries(INJECTORS)) {
    it.each(Object.keys(VERBS))(`(${kind}) %s fails cleanly, wherever that happens`, (name) => {
      const verb = VERBS[name]!;
      let n = 1;
      for (; ; n++) {
        const b = populated(profile);
        injector.arm(b, n);
        const got = verb(b);
        const fired = injector.fired(b);
        injector.arm(b, 0);
        b.check();
        if (!fired) {
          expect(typeof got === 'number' ? isErr(got) : got.startsWith('SIG')).toBe(false);
          b.end();
          break;
        }
        if (typeof got === 'string') expect(got).toMatch(/^(ok|SIGKILL|SIGBUS)/);
        else expect([got >= 0 && !isErr(got), got === -ENOMEM, got === -11]).toContain(true);
        expect(got).not.toBe(RETRY);
        // The contents of what is still mapped are what they were.
        expect([6, 0]).toContain(b.load(A + 6 * PAGE));
        b.end(profile === LINUX_6_1 ? (KEPT[`${name}, ${kind}`] ?? []) : []);
      }
      expect(n).toBeLessThan(60);
    });
  }

  it('exec fails cleanly, wherever that happens, and the task goes on', () => {
    let failures = 0;
    for (const [, injector] of Object.entries(INJECTORS)) {
      for (let n = 1; ; n++) {
        const b = populated(profile);
        const task: Task = b.task;
        const fd = task.open('/ram/prog', O_CREAT | O_RDWR, 0o755);
        task.pwrite(fd, new Uint8Array(2 * PAGE).fill(1), 0);
        task.close(fd);
        const reader = task.open('/ram/prog', 0);
        const file = task.cur.files.fget(reader)!;
        const phdrs = [
          { type: 1, flags: 5, offset: 0, vaddr: 0x400000, filesz: PAGE, memsz: PAGE, align: PAGE },
          { type: 1, flags: 6, offset: PAGE, vaddr: 0x402000, filesz: 100, memsz: 3 * PAGE, align: PAGE },
        ];
        const before = task.mm;
        injector.arm(b, n);
        const layout = task.sys.execve({ file, type: 2, phdrs });
        const fired = injector.fired(b);
        injector.arm(b, 0);
        if (typeof layout === 'number') {
          failures++;
          expect(layout).toBe(-ENOMEM);
          expect(task.mm).toBe(before);
          expect(b.load(A + 6 * PAGE)).toBe(6);
        }
        b.end();
        if (!fired) {
          expect(layout).toMatchObject({});
          break;
        }
      }
    }
    expect(failures).toBeGreaterThan(5);
  });
});
