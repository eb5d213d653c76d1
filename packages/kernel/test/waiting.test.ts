// Storage that answers later: every call that needs a page goes through kernel.run and ends as if the answer had come at
// once; and whatever happens to the mapping while a read is under way is safe.
import { doSyscall } from '@vmarea/kernel';
import { RETRY, isErr } from '@vmarea/mm-core';
import { ACCESS_READ, accessPfn, copyFromUser, copyToUser, UserMemory } from '@vmarea/mm-core/memory';
import {
  EFAULT,
  EIO,
  LINUX_6_1,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MCL_CURRENT,
  MREMAP_MAYMOVE,
  MS_ASYNC,
  MS_SYNC,
  O_RDWR,
  RLIMIT_NOFILE,
  syscallNumber,
  type KernelProfile,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { A, Bench, PAGE, PROFILES, RW } from './memory-machine.ts';

interface Scene {
  b: Bench;
  fd: number;
}

/** A file of eight pages, mapped shared at A; from now on its storage is slow. */
function scene(profile: KernelProfile): Scene {
  const b = new Bench(profile);
  const fd = b.task.open('/disk/f', O_RDWR);
  b.task.mmap(A, 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
  b.store.slow = true;
  return { b, fd };
}

/** Runs a call to its end, letting the storage answer whenever something waits; how often it did. */
async function finish<T>(
  b: Bench,
  call: () => T | number,
  task = b.task,
): Promise<{ result: T | number; rounds: number }> {
  let rounds = 0;
  const state = { ended: false };
  const running = b.kernel.run(task, call).finally(() => (state.ended = true));
  while (!state.ended) {
    if (b.store.waitingCount > 0) rounds++;
    await b.store.release();
  }
  return { result: await running, rounds };
}

/** A byte, or what refused it. */
function loading(b: Bench, at: number): () => number {
  const mem = new UserMemory(b.task.cur);
  return () => {
    const value = mem.load8(at);
    return value < 0 && mem.fault === RETRY ? RETRY : value;
  };
}

describe('a call by number whose result must wait for its page', () => {
  const rlimit = (soft: number, hard: number): Uint8Array =>
    new Uint8Array(new BigUint64Array([BigInt(soft), BigInt(hard)]).buffer);
  const made = (b: Bench, name: string, args: readonly number[]): Promise<{ result: number; rounds: number }> =>
    finish(b, () => doSyscall(b.task, syscallNumber(name)!, args));

  it('is made once: prlimit64 stores the old limits, pipe2 opens one pipe', async () => {
    const { b } = scene(LINUX_6_1);
    const { soft, hard } = b.task.limits.get(RLIMIT_NOFILE);
    // The new limits lie in memory that is there.
    const there = b.task.mmap(0, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(copyToUser(b.task.cur, there, rlimit(100, hard), 0, 16)).toBe(0);
    expect(await made(b, 'prlimit64', [0, RLIMIT_NOFILE, there, A])).toEqual({ result: 0, rounds: 1 });
    const old = new Uint8Array(16);
    expect(copyFromUser(b.task.cur, A, old, 0, 16)).toBe(0);
    expect(old).toEqual(rlimit(soft, hard));
    expect(b.task.limits.get(RLIMIT_NOFILE).soft).toBe(100);

    const next = b.task.open('/disk/f', O_RDWR);
    expect(await made(b, 'pipe2', [A + PAGE, 0])).toEqual({ result: 0, rounds: 1 });
    const fds = new Uint8Array(8);
    expect(copyFromUser(b.task.cur, A + PAGE, fds, 0, 8)).toBe(0);
    expect([...new Int32Array(fds.buffer)]).toEqual([next + 1, next + 2]);
    expect(b.task.open('/disk/f', O_RDWR)).toBe(next + 3);
    b.store.slow = false;
    b.check();
    b.end();
  });
});

describe.each(PROFILES)('through kernel.run on $name', (profile) => {
  it('a load, and a store that copies', async () => {
    const { b, fd } = scene(profile);
    b.task.mmap(A + 0x100000, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 3 * PAGE);
    expect(b.load(A + PAGE)).toBe('RETRY');
    expect(await finish(b, loading(b, A + PAGE))).toEqual({ result: 11, rounds: 1 });
    const mem = new UserMemory(b.task.cur);
    const storing = (): number => (mem.store8(A + 0x100001, 9) < 0 ? mem.fault : 0);
    expect((await finish(b, storing)).result).toBe(0);
    expect([b.load(A + 0x100000), b.load(A + 0x100001), b.task.cur.majFlt]).toEqual([13, 9, 2]);
    b.check();
    b.end();
  });

  it('MAP_POPULATE, MAP_LOCKED, mlock, mlock2 and mlockall bring every page in', async () => {
    for (const flags of [MAP_POPULATE, MAP_LOCKED]) {
      const { b, fd } = scene(profile);
      const at = A + 0x100000;
      const { result, rounds } = await finish(b, () =>
        b.task.sys.mmap(at, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED | flags, fd, 0),
      );
      expect(result).toBe(at);
      expect(rounds).toBeGreaterThan(0);
      b.store.slow = false;
      const reads = b.store.reads;
      for (let i = 0; i < 4; i++) expect(b.load(at + i * PAGE)).toBe(10 + i);
      expect([b.task.cur.minFlt, b.store.reads]).toEqual([b.task.cur.minFlt, reads]);
      expect(b.task.mm.rssFile).toBe(4);
      b.end();
    }
    for (const [name, call] of Object.entries({
      mlock: (b: Bench) => b.task.sys.mlock(A, 8 * PAGE),
      mlock2: (b: Bench) => b.task.sys.mlock2(A, 8 * PAGE, 0),
      mlockall: (b: Bench) => b.task.sys.mlockall(MCL_CURRENT),
    })) {
      const { b } = scene(profile);
      const { result } = await finish(b, () => call(b));
      expect([name, result, b.task.mm.rssFile, b.store.reads]).toEqual([name, 0, 8, 8]);
      b.end();
    }
  });

  it('a failing read ends mlock with the error, and MAP_POPULATE without', async () => {
    const { b, fd } = scene(profile);
    b.store.error = -EIO;
    const { result } = await finish(b, () => b.task.sys.mlock(A, 2 * PAGE));
    expect(result).toBeLessThan(0);
    const at = A + 0x100000;
    expect(
      (await finish(b, () => b.task.sys.mmap(at, PAGE, RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0))).result,
    ).toBe(at);
    b.store.error = 0;
    expect((await finish(b, loading(b, at))).result).toBe(10);
    b.end();
  });

  it('madvise WILLNEED starts reading and does not wait; POPULATE waits', async () => {
    const { b } = scene(profile);
    expect(b.task.sys.madvise(A, 2 * PAGE, MADV_WILLNEED)).toBe(0);
    expect(b.store.waitingCount).toBe(2);
    await b.store.release();
    b.store.slow = false;
    expect([b.load(A), b.load(A + PAGE), b.store.reads]).toEqual([10, 11, 2]);
    b.store.slow = true;
    if (profile === LINUX_6_1) {
      expect((await finish(b, () => b.task.sys.madvise(A, 4 * PAGE, MADV_POPULATE_READ))).result).toBe(0);
      expect((await finish(b, () => b.task.sys.madvise(A + 4 * PAGE, 2 * PAGE, MADV_POPULATE_WRITE))).result).toBe(0);
      expect(b.task.mm.rssFile).toBe(6);
      b.store.error = -EIO;
      expect((await finish(b, () => b.task.sys.madvise(A + 6 * PAGE, PAGE, MADV_POPULATE_READ))).result).toBe(-EFAULT);
      b.store.error = 0;
    }
    b.store.slow = false;
    b.end();
  });

  it('pread, pwrite within a page, and copies from and to user memory', async () => {
    const { b, fd } = scene(profile);
    const bytes = new Uint8Array(PAGE + 1);
    expect((await finish(b, () => b.task.sys.pread(fd, bytes, PAGE))).result).toBe(PAGE + 1);
    expect([bytes[0], bytes[PAGE]]).toEqual([11, 12]);
    expect((await finish(b, () => b.task.sys.pwrite(fd, new Uint8Array([99]), 4 * PAGE + 1))).result).toBe(1);
    const { cur } = b.task;
    expect((await finish(b, () => copyFromUser(cur, A + 4 * PAGE, bytes, 0, PAGE + 1))).result).toBe(0);
    expect([bytes[0], bytes[1], bytes[PAGE]]).toEqual([14, 99, 15]);
    expect((await finish(b, () => copyToUser(cur, A + 6 * PAGE + 4, new Uint8Array([1, 2]), 0, 2))).result).toBe(0);
    expect(b.load(A + 6 * PAGE)).toBe(16);
    expect(b.load(A + 6 * PAGE + 5)).toBe(2);
    const other = b.kernel.spawn();
    const got = new Uint8Array(2 * PAGE);
    expect((await finish(b, () => other.sys.processVmReadv(b.task.pid, A + 2 * PAGE, got), other)).result).toBe(
      2 * PAGE,
    );
    expect([got[0], got[PAGE]]).toEqual([12, 13]);
    b.store.slow = false;
    b.end();
  });

  it('msync and fsync write what was stored, wait for it, and tell an error once', async () => {
    const { b, fd } = scene(profile);
    b.store.slow = false;
    b.store8(A, 77);
    b.store8(A + 5 * PAGE, 78);
    b.store.slow = true;
    expect(b.task.sys.msync(A, 8 * PAGE, MS_ASYNC)).toBe(0);
    expect(b.store.bytes[0]).toBe(10);
    expect((await finish(b, () => b.task.sys.msync(A, PAGE, MS_SYNC))).result).toBe(0);
    expect([b.store.bytes[0], b.store.bytes[5 * PAGE], b.store.writes]).toEqual([77, 15, 1]);
    expect((await finish(b, () => b.task.sys.fsync(fd))).result).toBe(0);
    expect([b.store.bytes[5 * PAGE], b.store.writes]).toEqual([78, 2]);
    // The pages are clean and write-protected: the next store is noticed.
    expect(b.store8(A, 79)).toBe('ok');
    b.store.error = -EIO;
    expect((await finish(b, () => b.task.sys.fsync(fd))).result).toBe(-EIO);
    b.store.error = 0;
    expect((await finish(b, () => b.task.sys.fsync(fd))).result).toBe(0);
    b.store8(A, 80);
    expect((await finish(b, () => b.task.sys.msync(A, 8 * PAGE, MS_SYNC))).result).toBe(0);
    expect(b.store.bytes[0]).toBe(80);
    b.store.slow = false;
    b.end();
  });
});

/** What happens to the mapping while the read of its second page is under way, and what the access gets then. */
const MEANWHILE: Record<string, (s: Scene) => void | Promise<void>> = {
  'munmap: SIGSEGV': ({ b }) => void b.task.munmap(A, 8 * PAGE),
  'munmap and another mapping there: its byte': ({ b }) => {
    b.task.munmap(A, 8 * PAGE);
    b.anon(A + PAGE, 1);
    b.store8(A + PAGE, 55);
  },
  'mprotect to nothing: SIGSEGV': ({ b }) => void b.task.mprotect(A, 8 * PAGE, 0),
  'truncation: SIGBUS': ({ b, fd }) => void b.task.ftruncate(fd, PAGE),
  'mremap away: SIGSEGV': ({ b }) => void b.task.mremap(A, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | 2, A + 0x800000),
  'a fork, whose child reads too: its byte': ({ b }) => {
    const child = b.task.fork();
    if (typeof child === 'number') throw new Error('fork');
    expect(b.load(A + PAGE, child)).toBe('RETRY');
    b.system.current.pending = null;
    child.exit(0);
    b.task.wait(child.pid);
  },
  'nothing: its byte': () => undefined,
};

describe.each(PROFILES)('while a read is under way on $name', (profile) => {
  it.each(Object.keys(MEANWHILE))('%s', async (name) => {
    const s = scene(profile);
    const { b } = s;
    expect(b.load(A + PAGE)).toBe('RETRY');
    const pending = b.system.current.pending!;
    b.system.current.pending = null;
    const done = MEANWHILE[name]!(s);
    b.check();
    await b.store.release();
    await done;
    await pending;
    b.store.slow = false;
    const got = b.load(A + PAGE);
    if (name.endsWith('SIGSEGV')) expect(got).toMatch(/^SIGSEGV/);
    else if (name.endsWith('SIGBUS')) expect(got).toMatch(/^SIGBUS BUS_ADRERR/);
    else expect(got).toBe(name.includes('another mapping') ? 55 : 11);
    if (name.startsWith('mremap')) expect(b.load(A + 0x800000 + PAGE)).toBe(11);
    b.check();
    b.end();
  });

  it('the exit of the only task, the unlinking of nothing: the frame comes back when the storage answers', async () => {
    const { b } = scene(profile);
    expect(b.load(A)).toBe('RETRY');
    b.system.current.pending = null;
    b.task.exit(0);
    expect(b.store.waitingCount).toBe(1);
    await b.store.release();
    b.end();
  });

  it('two tasks that fault on one page share the read', async () => {
    const { b } = scene(profile);
    const child = b.task.fork();
    if (typeof child === 'number') throw new Error('fork');
    const loads = [b.task, child].map((task) =>
      b.kernel.run(task, () => {
        const pfn = accessPfn(task.cur, A + 2 * PAGE, ACCESS_READ);
        return pfn;
      }),
    );
    while (b.store.waitingCount > 0) await b.store.release();
    const [one, two] = await Promise.all(loads);
    expect(one).toBe(two);
    expect(one! >= 0 && !isErr(one!)).toBe(true);
    expect(b.store.reads).toBe(1);
    b.store.slow = false;
    b.end();
  });

  it('a mapping that is populated may be unmapped meanwhile', async () => {
    const { b, fd } = scene(profile);
    const at = A + 0x100000;
    const mapping = b.kernel.run(b.task, () =>
      b.task.sys.mmap(at, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 4 * PAGE),
    );
    expect(b.store.waitingCount).toBeGreaterThan(0);
    b.task.munmap(at, 4 * PAGE);
    while (b.store.waitingCount > 0) await b.store.release();
    expect(await mapping).toBe(at);
    expect(b.load(at)).toMatch(/^SIGSEGV/);
    b.store.slow = false;
    b.end();
  });
});
