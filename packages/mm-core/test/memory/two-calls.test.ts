// Two tasks on one address space, each in a call of its own: what one call leaves, the other does not touch.
import { EAGAIN, ENOMEM, MAP_ANONYMOUS, MAP_FIXED, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import {
  createCaller,
  doMlock,
  doMprotect,
  finishPopulate,
  RETRY,
  VM_LOCKED,
  vmMmapPgoff,
  type Caller,
} from '../../src/index.ts';
import {
  MLOCK_CANNOT_POPULATE,
  MLOCK_OUT_OF_MEMORY,
  MPROTECT_NOT_MAPPED,
  MPROTECT_UNALIGNED,
} from '../../src/reasons.ts';
import { copyFromUser } from '../../src/memory/index.ts';
import { Disk } from './fixture.ts';
import { Machine, PAGE, PROFILES_UNDER_TEST, RW, type TestFile, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;
const B = 0x20000000;
const FAR = 0x1000000000;

interface Scene {
  m: Machine;
  a: TestTask;
  /** Another thread of the same process. */
  b: Caller;
  disk: Disk;
  f: TestFile;
}

/** A process of two threads, and a file of 4 pages whose storage must be awaited. */
function scene(profile: (typeof PROFILES_UNDER_TEST)[number]): Scene {
  const m = new Machine(profile);
  const disk = new Disk(4 * PAGE);
  for (let i = 0; i < 4; i++) disk.bytes[i * PAGE] = 10 + i;
  disk.slow = true;
  const a = m.task();
  const b = createCaller(a.mm);
  return { m, a, b, disk, f: m.file(4 * PAGE, disk.aOps) };
}

function mapAnonymous(cur: Caller, addr: number): number {
  return vmMmapPgoff(cur, null, addr, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0);
}

function mapFile(cur: Caller, file: TestFile, addr: number): number {
  return vmMmapPgoff(cur, file, addr, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED | MAP_POPULATE, 0);
}

/** Populates as often as it must, each time after the storage has answered. */
async function finish(cur: Caller, disk: Disk): Promise<number> {
  for (;;) {
    const result = finishPopulate(cur);
    if (result !== RETRY) return result;
    await disk.release();
  }
}

describe.each(PROFILES_UNDER_TEST)('two calls on one address space on $name', (profile) => {
  it('mmap(MAP_POPULATE) that waits populates the whole range, also when another task maps meanwhile', async () => {
    const { m, a, b, disk, f } = scene(profile);
    expect(mapFile(a.cur, f, A)).toBe(A);
    expect(finishPopulate(a.cur)).toBe(RETRY);
    expect(mapAnonymous(b, B)).toBe(B);
    expect(finishPopulate(b)).toBe(0);
    expect(await finish(a.cur, disk)).toBe(0);
    for (let i = 0; i < 4; i++) expect(a.load(A + i * PAGE)).toBe(10 + i);
    // Populate mapped all four pages: the loads did not fault.
    expect([a.mm.rssFile, a.cur.majFlt + a.cur.minFlt]).toEqual([4, 4]);
    m.end();
  });

  it('mlock that waits returns ENOMEM for a page that cannot be faulted in, also when another task maps meanwhile', async () => {
    const { m, a, b, disk, f } = scene(profile);
    a.shared(f, A, 4);
    expect(doMlock(a.cur, A, 4 * PAGE, VM_LOCKED)).toBe(0);
    expect(finishPopulate(a.cur)).toBe(RETRY);
    expect(mapAnonymous(b, B)).toBe(B);
    // Truncates the file while its first page is read: the rest of the range lies beyond its end.
    f.pages.truncate(PAGE);
    expect(await finish(a.cur, disk)).toBe(-ENOMEM);
    expect(a.cur.call.reason).toBe(MLOCK_CANNOT_POPULATE);
    m.end();
  });

  it('mlock that waits returns EAGAIN when memory is exhausted, also when another task maps meanwhile', async () => {
    const { m, a, b, disk, f } = scene(profile);
    a.private_(f, A, 4);
    expect(doMlock(a.cur, A, 4 * PAGE, VM_LOCKED)).toBe(0);
    expect(finishPopulate(a.cur)).toBe(RETRY);
    expect(mapAnonymous(b, B)).toBe(B);
    await disk.release();
    const taken: number[] = [];
    const { frames } = m.memory;
    for (let pfn = frames.alloc(0); pfn >= 0; pfn = frames.alloc(0)) taken.push(pfn);
    expect(await finish(a.cur, disk)).toBe(-EAGAIN);
    expect(a.cur.call.reason).toBe(MLOCK_OUT_OF_MEMORY);
    for (const pfn of taken) frames.put(pfn);
    m.end();
  });

  it("a refused call of another task does not change the reason of this task's call", () => {
    const { m, a, b } = scene(profile);
    expect(doMprotect(a.cur, A + 1, PAGE, RW)).toBeLessThan(0);
    expect(doMprotect(b, FAR, PAGE, RW)).toBe(-ENOMEM);
    expect([a.cur.call.reason, b.call.reason]).toEqual([MPROTECT_UNALIGNED, MPROTECT_NOT_MAPPED]);
    m.end();
  });

  it('two calls wait at once, each for its own page', async () => {
    const { m, a, b, disk, f } = scene(profile);
    a.shared(f, A, 4);
    const bytes = new Uint8Array(1);
    expect(copyFromUser(a.cur, A, bytes, 0, 1)).toBe(RETRY);
    const first = a.cur.call.pending;
    expect(copyFromUser(b, A + PAGE, bytes, 0, 1)).toBe(RETRY);
    expect(a.cur.call.pending).toBe(first);
    expect(b.call.pending).not.toBe(first);
    await disk.release(false);
    await first;
    expect(copyFromUser(a.cur, A, bytes, 0, 1)).toBe(0);
    expect(bytes[0]).toBe(10);
    expect(copyFromUser(b, A + PAGE, bytes, 0, 1)).toBe(RETRY);
    await disk.release();
    expect(copyFromUser(b, A + PAGE, bytes, 0, 1)).toBe(0);
    expect(bytes[0]).toBe(11);
    m.end();
  });

  it("a refused access of another task does not change this task's fault address", () => {
    const { m, a, b } = scene(profile);
    a.anon(A, 1);
    expect(a.load(FAR)).toBe(`SIGSEGV 1 0x${FAR.toString(16)}`);
    copyFromUser(b, B, new Uint8Array(1), 0, 1);
    expect([a.mem.address, b.call.refused.address]).toEqual([FAR, B]);
    m.end();
  });
});
