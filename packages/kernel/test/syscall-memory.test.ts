// Calls by number that move bytes between tasks, files and user memory: lists of ranges, partial results, waiting.
import { doSyscall, type Task } from '@vmarea/kernel';
import {
  EBADF,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  ESRCH,
  MAP_FIXED,
  MAP_SHARED,
  O_RDWR,
  syscallNumber,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { A, Bench, PAGE, PROFILES, RW } from './memory-machine.ts';

const nr = (name: string): number => syscallNumber(name)!;

/** A list of ranges at a user address. */
function putRanges(
  b: Bench,
  address: number,
  ranges: readonly (readonly [base: number | bigint, len: number | bigint])[],
): void {
  ranges.forEach(([base, len], i) => {
    [BigInt(base), BigInt(len)].forEach((value, word) => {
      for (let byte = 0; byte < 8; byte++) {
        b.store8(address + i * 16 + word * 8 + byte, Number((BigInt.asUintN(64, value) >> BigInt(8 * byte)) & 0xffn));
      }
    });
  });
}

const LOCAL = A + 0x10000;
const REMOTE = A + 0x11000;

function scene(index: number): { b: Bench; other: Task; call: (name: string, ...args: number[]) => number } {
  const b = new Bench(PROFILES[index]!);
  b.anon(A, 0x20);
  const other = b.kernel.spawn();
  b.anon(0x50000000, 4, RW, undefined, other);
  for (let i = 0; i < 4 * PAGE; i += 64) b.store8(0x50000000 + i, (i / 64) % 251, other);
  return { b, other, call: (name, ...args) => doSyscall(b.task, nr(name), args) };
}

describe.each([0, 1])('process_vm_readv and process_vm_writev (profile %i)', (index) => {
  it('gather and scatter across pages and ranges', () => {
    const { b, other, call } = scene(index);
    putRanges(b, LOCAL, [
      [A + 10, 100],
      [A + PAGE - 50, 2 * PAGE],
      [A, 0],
    ]);
    putRanges(b, REMOTE, [
      [0x50000000, 64],
      [0x50000000 + PAGE - 64, PAGE],
    ]);
    expect(call('process_vm_readv', other.pid, LOCAL, 3, REMOTE, 2, 0)).toBe(64 + PAGE);
    expect([b.load(A + 10), b.load(A + 74)]).toEqual([0, 63]);
    expect(b.load(A + PAGE - 50 + 28)).toBe(64);
    b.store8(A + 10, 200);
    expect(call('process_vm_writev', other.pid, LOCAL, 3, REMOTE, 2, 0)).toBe(64 + PAGE);
    expect(b.load(0x50000000, other)).toBe(200);
    b.end();
  });

  it('end early where a range cannot be had, and are refused when the first cannot', () => {
    const { b, other, call } = scene(index);
    putRanges(b, LOCAL, [[A, 8 * PAGE]]);
    putRanges(b, REMOTE, [[0x50000000 + 3 * PAGE, 2 * PAGE]]);
    expect(call('process_vm_readv', other.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(PAGE);
    putRanges(b, REMOTE, [[0x60000000, 1]]);
    expect(call('process_vm_readv', other.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(-EFAULT);
    putRanges(b, REMOTE, [[2n ** 63n, 1]]);
    expect(call('process_vm_readv', other.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(-EFAULT);
    putRanges(b, REMOTE, [[0x50000000, -1]]);
    expect(call('process_vm_readv', other.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(-EINVAL);
    putRanges(b, REMOTE, [[0x50000000, 1]]);
    putRanges(b, LOCAL, [[b.task.mm.taskSize - 1, 2]]);
    expect(call('process_vm_readv', other.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(-EFAULT);
    putRanges(b, LOCAL, [[A, 1]]);
    expect(call('process_vm_readv', other.pid, LOCAL, 1, REMOTE, 1, 1)).toBe(-EINVAL);
    expect(call('process_vm_readv', other.pid, LOCAL, 1025, REMOTE, 1, 0)).toBe(-EINVAL);
    expect(call('process_vm_readv', other.pid, 0x1000, 1, REMOTE, 1, 0)).toBe(-EFAULT);
    expect(call('process_vm_readv', other.pid, LOCAL, 0, REMOTE, 1, 0)).toBe(0);
    expect(call('process_vm_readv', 99, LOCAL, 1, REMOTE, 1, 0)).toBe(-ESRCH);
    b.task.setuid(1000);
    expect(call('process_vm_writev', other.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(-EPERM);
    b.end();
  });
});

describe('bytes that must be awaited', () => {
  /** Runs a call by number to its end. */
  async function run(b: Bench, task: Task, name: string, ...args: number[]): Promise<number> {
    const state = { ended: false };
    const running = b.kernel.run(task, () => doSyscall(task, nr(name), args)).finally(() => (state.ended = true));
    while (!state.ended) await b.store.release();
    return running;
  }

  it('reach read, pread64, write and process_vm_readv whole, and the position moves once', async () => {
    const { b, other } = scene(1);
    const { task } = b;
    const size = 40 * PAGE + 5;
    b.store.bytes = Uint8Array.from({ length: size }, (_, i) => Math.floor(i / 100) % 251);
    const fd = task.open('/disk/f', O_RDWR);
    b.anon(0x70000000, 64);
    b.store.slow = true;
    expect(await run(b, task, 'read', fd, 0x70000000, 64 * PAGE)).toBe(size);
    expect(b.load(0x70000000 + size - 1)).toBe(Math.floor((size - 1) / 100) % 251);
    expect(task.lseek(fd, 0, 1)).toBe(size);
    expect(await run(b, task, 'pread64', fd, 0x70000000, 200, 30 * PAGE - 100)).toBe(200);
    // Into memory that must be awaited itself: a mapping of the same file.
    b.task.mmap(0x80000000, 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    expect(await run(b, task, 'write', fd, 0x80000000 + 5 * PAGE, 100)).toBe(100);
    expect(b.store.bytes.length).toBe(size);
    expect(task.sys.fstat(fd)).toMatchObject({ size: size + 100 });
    putRanges(b, LOCAL, [[A, 3 * PAGE]]);
    putRanges(b, REMOTE, [[0x80000000 + PAGE, 3 * PAGE]]);
    expect(await run(b, task, 'process_vm_readv', task.pid, LOCAL, 1, REMOTE, 1, 0)).toBe(3 * PAGE);
    expect(b.load(A + 100)).toBe(Math.floor((PAGE + 100) / 100) % 251);
    other.exit(0);
    b.store.slow = false;
    b.end();
  });

  it('a read that user memory cannot take moves the position by what it took', () => {
    const { b, call } = scene(0);
    const fd = b.task.open('/disk/f', O_RDWR);
    b.task.munmap(A + 8 * PAGE, PAGE);
    expect(call('read', fd, A + 8 * PAGE - 10, 100)).toBe(10);
    expect(b.task.lseek(fd, 0, 1)).toBe(10);
    expect(call('read', fd, A + 8 * PAGE, 100)).toBe(-EFAULT);
    expect(call('read', 77, A, 1)).toBe(-EBADF);
    b.end();
  });

  it('mincore takes any length', () => {
    const { b, call } = scene(0);
    expect(call('mincore', A, b.task.mm.taskSize - A, A)).toBe(-ENOMEM);
    expect(call('mincore', 0, b.task.mm.taskSize, A)).toBe(-ENOMEM);
    expect(call('mincore', 0, b.task.mm.taskSize + PAGE, A)).toBe(-ENOMEM);
    expect(call('mincore', A + 1, PAGE, A)).toBe(-EINVAL);
    expect(call('mincore', A, 0x20 * PAGE, A)).toBe(0);
    expect(call('mincore', A, PAGE, 0x1000)).toBe(-EFAULT);
    b.end();
  });
});
