// What an embedder with memory and a CPU of its own relies on: buffers that are shared with workers or with WebAssembly,
// and translations that are dropped exactly when they must be.
import { Worker } from 'node:worker_threads';
import { RETRY } from '@vmarea/mm-core';
import {
  ACCESS_EXEC,
  ACCESS_READ,
  ACCESS_WRITE,
  copyFromUser,
  copyToUser,
  onInvalidate,
  stateOf,
  strncpyFromUser,
  translate,
  UserMemory,
} from '@vmarea/mm-core/memory';
import type { Task } from '@vmarea/kernel';
import {
  MADV_DONTNEED,
  MAP_FIXED,
  MAP_SHARED,
  MREMAP_MAYMOVE,
  O_CREAT,
  O_RDWR,
  PROT_EXEC,
  PROT_NONE,
  PROT_READ,
} from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { A, ANON, Bench, PAGE, PROFILES, RW } from './memory-machine.ts';

const BYTES = 32 * 2 ** 20;

const BUFFERS: Record<string, () => ArrayBufferLike> = {
  ArrayBuffer: () => new ArrayBuffer(BYTES),
  // Full of what was there before: nothing of it may be seen by a program.
  'ArrayBuffer with old contents': () => new Uint8Array(BYTES).fill(0xaa).buffer,
  SharedArrayBuffer: () => new SharedArrayBuffer(BYTES),
  'WebAssembly.Memory': () => wasmMemory(false),
  'shared WebAssembly.Memory': () => wasmMemory(true),
};

/** The part of the global WebAssembly that is needed: the types of Node do not have it. */
interface WasmGlobal {
  WebAssembly: {
    Memory: new (of: { initial: number; maximum: number; shared: boolean }) => { readonly buffer: ArrayBufferLike };
  };
}

function wasmMemory(shared: boolean): ArrayBufferLike {
  const pages = BYTES / 65536;
  const { Memory } = (globalThis as unknown as WasmGlobal).WebAssembly;
  return new Memory({ initial: pages, maximum: pages, shared }).buffer;
}

describe.each(Object.keys(BUFFERS))('physical memory in a caller’s %s', (name) => {
  it.each(PROFILES)('holds everything that programs, files and tables need, on $name', (profile) => {
    const buffer = BUFFERS[name]!();
    const b = new Bench(profile, { memory: { buffer } });
    expect(b.kernel.memory!.physical.buffer).toBe(buffer);
    const { task } = b;
    b.anon(A, 8);
    for (let i = 0; i < 8; i++) expect(b.load(A + i * PAGE + 17)).toBe(0);
    const mem = new UserMemory(task.cur);
    expect(mem.store64(A + PAGE - 4, 0x11223344, 0x55667788)).toBe(0);
    expect([mem.load32(A + PAGE - 4), mem.load32(A + PAGE)]).toEqual([0x11223344, 0x55667788]);
    expect(mem.cas32(A, 0, 7)).toBe(0);
    expect(mem.cas32(A, 7, 8)).toBe(7);
    expect([mem.cas64(A + 8, 0, 0, 1, 2), mem.load64(A + 8), mem.hi]).toEqual([0, 1, 2]);

    // Files, both ways, with more than one page and with single bytes.
    const fd = task.open('/tmp/f', O_CREAT | O_RDWR, 0o600);
    const text = Uint8Array.from({ length: 3 * PAGE + 5 }, (_, i) => i % 251);
    expect(task.pwrite(fd, text, 10)).toBe(text.length);
    const back = new Uint8Array(text.length);
    expect(task.pread(fd, back, 10)).toBe(text.length);
    expect(back).toEqual(text);
    const shared = task.mmap(0, 4 * PAGE, RW, MAP_SHARED, fd, 0);
    expect(mem.load8(shared + 10 + 2 * PAGE)).toBe((2 * PAGE) % 251);

    // Copies, and text.
    expect(copyToUser(task.cur, A + 5, text, 0, 2 * PAGE)).toBe(0);
    expect(copyFromUser(task.cur, A + 5, back, 0, 2 * PAGE)).toBe(0);
    expect(back.subarray(0, 2 * PAGE)).toEqual(text.subarray(0, 2 * PAGE));
    const word = Uint8Array.from('/tmp/f\0', (c) => c.charCodeAt(0));
    copyToUser(task.cur, A + 100, word, 0, word.length);
    expect(strncpyFromUser(task.cur, A + 100, back, 0, 64)).toBe(6);

    // fork copies, and what is shown in /proc is text whatever the buffer is.
    const child = task.fork();
    if (typeof child === 'number') throw new Error('fork');
    b.store8(A + 3 * PAGE, 9, child);
    expect([b.load(A + 3 * PAGE), b.load(A + 3 * PAGE, child)]).toEqual([0, 9]);
    expect(b.kernel.proc.maps(task)).toContain('/tmp/f');
    expect(b.kernel.proc.smaps(task)).toContain('VmFlags');
    if (profile.name === 'msm-4.4') {
      const name = Uint8Array.from('heap of mine\0', (c) => c.charCodeAt(0));
      copyToUser(task.cur, A + 200, name, 0, name.length);
      expect(task.prctl(0x53564d41, 0, A + 4 * PAGE, PAGE, A + 200)).toBe(0);
      expect(b.kernel.proc.maps(task)).toContain('[anon:heap of mine]');
    }
    b.end();
  });
});

describe('a buffer shared with a worker', () => {
  it('shows a worker what a program stores, at the address that translate gives', async () => {
    const buffer = new SharedArrayBuffer(BYTES);
    const b = new Bench(PROFILES[1]!, { memory: { buffer } });
    b.anon(A, 1);
    b.store8(A + 33, 42);
    const at = translate(b.task.cur, A + 33, ACCESS_WRITE);
    const code = `
      const { parentPort, workerData } = require('node:worker_threads');
      const bytes = new Uint8Array(workerData.buffer);
      const seen = bytes[workerData.at];
      bytes[workerData.at] = seen + 1;
      parentPort.postMessage(seen);`;
    const worker = new Worker(code, { eval: true, workerData: { buffer, at } });
    const seen = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    expect([seen, b.load(A + 33)]).toEqual([42, 43]);
    b.end();
  });
});

/** A CPU with a cache of translations, tagged by address space. It never looks at tables while it has one. */
class Cpu {
  task: Task;
  misses = 0;
  private readonly u8: Uint8Array;
  private readonly cache = new Map<string, number>();
  private readonly watched = new Set<number>();

  constructor(b: Bench) {
    this.task = b.task;
    this.u8 = new Uint8Array(b.kernel.memory!.physical.buffer);
  }

  /** The offset of an address in physical memory, or how the access was refused. */
  private at(address: number, access: number): number | string {
    const { cur, mm } = this.task;
    const { asid } = stateOf(mm);
    if (!this.watched.has(asid)) {
      this.watched.add(asid);
      onInvalidate(mm, (start, end) => this.drop(asid, start, end));
    }
    const page = address - (address % PAGE);
    const key = `${asid} ${page} ${access}`;
    let base = this.cache.get(key);
    if (base === undefined) {
      this.misses++;
      base = translate(cur, page, access);
      if (base < 0) {
        const { signal, address: faulted } = cur.call.refused;
        return base === RETRY ? 'RETRY' : `signal ${signal} 0x${faulted.toString(16)}`;
      }
      this.cache.set(key, base);
    }
    return base + (address - page);
  }

  private drop(asid: number, start: number, end: number): void {
    for (const key of this.cache.keys()) {
      const [owner, page] = key.split(' ').map(Number);
      if (owner === asid && page! >= start && page! < end) this.cache.delete(key);
    }
  }

  load(address: number): number | string {
    const at = this.at(address, ACCESS_READ);
    return typeof at === 'string' ? at : this.u8[at]!;
  }

  store(address: number, value: number): string {
    const at = this.at(address, ACCESS_WRITE);
    if (typeof at === 'string') return at;
    this.u8[at] = value;
    return 'ok';
  }

  fetch(address: number): number | string {
    const at = this.at(address, ACCESS_EXEC);
    return typeof at === 'string' ? at : this.u8[at]!;
  }
}

describe.each(PROFILES)('a CPU of the embedder’s on $name', (profile) => {
  it('needs nothing but translate and the hook', () => {
    const b = new Bench(profile);
    const cpu = new Cpu(b);
    const { task } = b;
    b.anon(A, 4);
    expect([cpu.load(A), cpu.store(A, 1), cpu.load(A)]).toEqual([0, 'ok', 1]);
    const misses = cpu.misses;
    for (let i = 0; i < 100; i++) cpu.store(A + i, i);
    expect(cpu.misses).toBe(misses);

    expect(cpu.fetch(A)).toBe('signal 11 0x10000000');
    task.mprotect(A, PAGE, PROT_READ | PROT_EXEC);
    expect([cpu.load(A + 3), cpu.fetch(A + 3), cpu.store(A, 9)]).toEqual([3, 3, 'signal 11 0x10000000']);
    task.mprotect(A, PAGE, PROT_NONE);
    expect(cpu.load(A)).toBe('signal 11 0x10000000');
    task.mprotect(A, PAGE, RW);
    expect(cpu.load(A + 3)).toBe(3);

    task.madvise(A, PAGE, MADV_DONTNEED);
    expect(cpu.load(A + 3)).toBe(0);
    cpu.store(A + 3, 33);
    task.mremap(A, PAGE, PAGE, MREMAP_MAYMOVE | 2, A + 0x100000);
    expect([cpu.load(A + 3), cpu.load(A + 0x100003)]).toEqual(['signal 11 0x10000000', 33]);
    task.munmap(A + 0x100000, PAGE);
    expect(cpu.load(A + 0x100003)).toBe('signal 11 0x10100000');

    const fd = task.open('/ram/f', O_CREAT | O_RDWR, 0o600);
    task.ftruncate(fd, 2 * PAGE);
    task.mmap(A, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    expect([cpu.store(A + PAGE, 5), cpu.load(A + PAGE)]).toEqual(['ok', 5]);
    task.ftruncate(fd, PAGE);
    expect(cpu.load(A + PAGE)).toBe('signal 7 0x10001000');
    b.end();
  });

  it('switches between tasks by asid, and sees copy-on-write on both sides of a fork', () => {
    const b = new Bench(profile);
    const cpu = new Cpu(b);
    b.anon(A, 2);
    cpu.store(A, 1);
    cpu.store(A + PAGE, 2);
    const child = b.task.fork();
    if (typeof child === 'number') throw new Error('fork');
    expect(stateOf(child.mm).asid).not.toBe(stateOf(b.task.mm).asid);
    cpu.task = child;
    expect([cpu.load(A), cpu.store(A, 10), cpu.load(A)]).toEqual([1, 'ok', 10]);
    cpu.task = b.task;
    expect(cpu.load(A)).toBe(1);
    cpu.store(A + PAGE, 20);
    cpu.task = child;
    expect([cpu.load(A), cpu.load(A + PAGE)]).toEqual([10, 2]);
    // No flush on a switch: what was cached for the other is still good.
    const { misses } = cpu;
    cpu.task = b.task;
    expect([cpu.load(A), cpu.load(A + PAGE)]).toEqual([1, 20]);
    expect(cpu.misses).toBe(misses + 1);
    child.exit(0);
    b.task.wait(child.pid);
    expect([cpu.store(A, 3), cpu.load(A)]).toEqual(['ok', 3]);
    b.end();
  });

  it('an address space after another gets an asid of its own', () => {
    const b = new Bench(profile);
    const seen = new Set<number>([stateOf(b.task.mm).asid]);
    for (let i = 0; i < 5; i++) {
      const child = b.task.fork();
      if (typeof child === 'number') throw new Error('fork');
      seen.add(stateOf(child.mm).asid);
      child.exit(0);
      b.task.wait(child.pid);
    }
    expect(seen.size).toBe(6);
    b.anon(A, 1, RW, ANON);
    b.end();
  });
});
