/**
 * A task waits for storage; another one with the same memory goes on. The first one continues where it waits, and meets what the
 * other has done.
 */
import { DeadTaskError, type Task } from '@vmarea/kernel';
import { RETRY } from '@vmarea/mm-core';
import {
  CLONE_FILES,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VM,
  ENOMEM,
  LINUX_6_1,
  LINUX_6_12,
  MADV_DONTNEED,
  MADV_POPULATE_READ,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  O_RDWR,
  PROT_READ,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { A, Bench, PAGE, RW } from './memory-machine.ts';

const THREAD = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES;

interface Scene {
  readonly b: Bench;
  readonly first: Task;
  readonly second: Task;
  readonly fd: number;
}

/** Two threads; pages 0 and 1 of the file are in the cache, the others must be awaited. */
function scene(profile = LINUX_6_1): Scene {
  const b = new Bench(profile);
  const first = b.task;
  const fd = first.open('/disk/f', O_RDWR);
  first.pread(fd, new Uint8Array(2 * PAGE), 0);
  b.store.slow = true;
  return { b, first, second: first.sys.clone({ flags: THREAD }) as Task, fd };
}

/** Lets the storage answer until the promise has settled. */
async function finish<T>(b: Bench, running: Promise<T>): Promise<T> {
  const state = { ended: false };
  const done = running.finally(() => (state.ended = true));
  done.catch(() => undefined);
  while (!state.ended) await b.store.release();
  return done;
}

describe('while a task waits', () => {
  it('MAP_POPULATE goes on at its page: what the other dropped before stays dropped', async () => {
    const { b, first, second, fd } = scene();
    const mapping = b.kernel.run(first, () =>
      first.sys.mmap(A, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0),
    );
    expect(first.mm.rssFile).toBe(2);
    second.madvise(A, 2 * PAGE, MADV_DONTNEED);
    expect(await finish(b, mapping)).toBe(A);
    expect(first.mm.rssFile).toBe(2);
    b.check();
    b.end();
  });

  it('MADV_POPULATE_READ does not ask again for the pages before', async () => {
    const { b, first, second, fd } = scene();
    first.mmap(A, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    const advising = b.kernel.run(first, () => first.sys.madvise(A, 4 * PAGE, MADV_POPULATE_READ));
    second.munmap(A, 2 * PAGE);
    expect(await finish(b, advising)).toBe(0);
    expect(first.mm.rssFile).toBe(2);
    b.check();
    b.end();
  });

  it('MADV_POPULATE_READ meets a hole that the other has made behind, and remembers one before', async () => {
    const { b, first, second, fd } = scene();
    first.mmap(A, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    first.mmap(A + 2 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 2 * PAGE);
    // 6.1 goes on behind a hole, and says so at the end.
    const advising = b.kernel.run(first, () => first.madvise(A, 4 * PAGE, MADV_POPULATE_READ));
    b.check();
    await expect(finish(b, advising)).rejects.toThrow(/ENOMEM/);
    expect(first.mm.rssFile).toBe(3);
    b.end();
    const later = scene(LINUX_6_12);
    later.first.mmap(A, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, later.fd, 0);
    const walking = later.b.kernel.run(later.first, () => later.first.sys.madvise(A, 4 * PAGE, MADV_POPULATE_READ));
    later.second.munmap(A + 3 * PAGE, PAGE);
    expect(await finish(later.b, walking)).toBe(-ENOMEM);
    expect(later.first.mm.rssFile).toBe(3);
    expect(second.exitStatus).toBe(0);
    later.b.end();
  });

  it('a load of a page that the other unmaps gets its signal, of one that it replaces the new page', async () => {
    const { b, first, second, fd } = scene();
    first.mmap(A, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    const gone = b.kernel.load(first, A + 2 * PAGE, 1);
    second.munmap(A + 2 * PAGE, PAGE);
    await expect(finish(b, gone)).rejects.toThrow(/SIGSEGV/);
    const replaced = b.kernel.load(first, A + 3 * PAGE, 1);
    b.anon(A + 3 * PAGE, 1, RW, undefined, second);
    second.memory.store8(A + 3 * PAGE, 99);
    expect(await finish(b, replaced)).toBe(99);
    b.check();
    b.end();
  });

  it('mprotect of locked memory has made its change, and the other goes on', async () => {
    const { b, first, second, fd } = scene();
    const locked = b.kernel.run(first, () =>
      first.sys.mmap(A, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_LOCKED, fd, 0),
    );
    expect(await finish(b, locked)).toBe(A);
    second.mmap(A + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 2 * PAGE);
    second.sys.mlock2(A + 2 * PAGE, 2 * PAGE, 1);
    const changing = b.kernel.run(first, () => first.sys.mprotect(A, 4 * PAGE, RW));
    second.munmap(A, PAGE);
    expect(await finish(b, changing)).toBe(0);
    expect(second.memory.store8(A + PAGE, 1)).toBe(0);
    b.check();
    b.end();
  });

  it('exit_group by the other ends its call', async () => {
    const { b, first, second, fd } = scene();
    first.mmap(A, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    const loading = b.kernel.load(second, A + 2 * PAGE, 1);
    const populating = b.kernel.run(second, () => waitForever(second));
    first.exitGroup(0);
    await expect(loading).rejects.toThrow(DeadTaskError);
    await expect(populating).rejects.toThrow(/task 2 has exited/);
    await b.store.release();
    b.end();
  });

  it('a single task that ends leaves the waiting one its memory', async () => {
    const { b, first, second, fd } = scene();
    first.mmap(A, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    const loading = b.kernel.load(second, A + 2 * PAGE, 1);
    first.exit(0);
    expect(await finish(b, loading)).toBe(12);
    expect(second.mm.users).toBe(1);
    b.end();
  });
});

/** A call that waits for something that never comes. */
function waitForever(task: Task): number {
  task.cur.call.pending = new Promise(() => undefined);
  return RETRY;
}
