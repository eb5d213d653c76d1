// Machines for the tests of memory through system calls: files on a storage that answers when the test says so, and the
// promise that nothing is lost: `end()` ends every task, unmounts everything and recounts.
import { createArm64 } from '@vmarea/arch-arm64';
import { Hugetlb, hugetlbfs } from '@vmarea/hugetlbfs';
import { createKernel, type Kernel, type KernelInit, type Task } from '@vmarea/kernel';
import { validateMm, type MmSystem, type Tracer } from '@vmarea/mm-core';
import { UserMemory, validateFrames } from '@vmarea/mm-core/memory';
import { Shmem, tmpfs } from '@vmarea/shmem';
import {
  DEFAULT_CONFIG,
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MSM_4_4,
  PROT_READ,
  PROT_WRITE,
  S_IFREG,
  signalCodeName,
  signalName,
  type KernelProfile,
} from '@vmarea/uapi';
import { killLitterSuper, ramfs, storeFs, type Answer, type Store, type StoreEntry } from '@vmarea/vfs';
import { expect } from 'vitest';

export const PAGE = 4096;
export const RW: number = PROT_READ | PROT_WRITE;
export const ANON: number = MAP_PRIVATE | MAP_ANONYMOUS;
export const A = 0x10000000;
export const PROFILES: readonly KernelProfile[] = [MSM_4_4, LINUX_6_1];

/** One file, «f», of eight pages: the first byte of page i is 10 + i. Slow once it is told to be. */
export class TestStore implements Store<string> {
  readonly name = 'teststore';
  readonly root = '/';
  bytes: Uint8Array = new Uint8Array(8 * PAGE);
  /** Answers wait for {@link release}. */
  slow = false;
  /** A negative errno for what is asked next, or 0. */
  error = 0;
  reads = 0;
  writes = 0;
  private readonly waiting: (() => void)[] = [];

  constructor() {
    for (let i = 0; i < 8; i++) this.bytes[i * PAGE] = 10 + i;
  }

  lookup(_dir: string, name: string): StoreEntry<string> | null {
    return name === 'f' ? this.entry() : null;
  }

  private entry(): StoreEntry<string> {
    return { node: 'f', mode: S_IFREG | 0o666, size: this.bytes.length };
  }

  read(_node: string, target: Uint8Array, pos: number): Answer<number> {
    this.reads++;
    return this.answer(() => {
      const source = this.bytes.subarray(pos, pos + target.length);
      target.set(source);
      return source.length;
    });
  }

  write(_node: string, source: Uint8Array, pos: number): Answer<number> {
    this.writes++;
    return this.answer(() => {
      if (pos + source.length > this.bytes.length) this.truncate('f', pos + source.length);
      this.bytes.set(source, pos);
      return 0;
    });
  }

  truncate(_node: string, size: number): number {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, size));
    this.bytes = bytes;
    return 0;
  }

  /** How many answers wait. */
  get waitingCount(): number {
    return this.waiting.length;
  }

  /** Lets everything go that waits, and has its consequences happen. */
  async release(): Promise<void> {
    for (const go of this.waiting.splice(0)) go();
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  private answer(act: () => number): Answer<number> {
    const { error } = this;
    if (!this.slow) return error === 0 ? act() : error;
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(error === 0 ? act() : error));
    });
  }
}

/** One fault as the tracer tells it. */
export interface FaultEvent {
  readonly kind: string;
  readonly address: number;
  readonly decision: number;
}

/** A machine with one task. */
export class Bench {
  readonly kernel: Kernel;
  readonly store: TestStore = new TestStore();
  readonly task: Task;
  readonly system: MmSystem;
  private readonly free: number;

  constructor(profile: KernelProfile, init: Partial<KernelInit> = {}) {
    this.kernel = createKernel({
      arch: createArm64({ pageSize: 4096, vaBits: 48 }),
      profile,
      config: { ...DEFAULT_CONFIG, ramBytes: 32 * 2 ** 20, hugePages: [{ size: 2 ** 21, pages: 2 }] },
      hugePages: (system) => new Hugetlb(system),
      sharedMemory: (system) => new Shmem(system),
      mounts: [
        { path: '/disk', filesystem: (system) => storeFs(system, this.store) },
        { path: '/tmp', filesystem: (system) => tmpfs(system) },
        { path: '/ram', filesystem: (system) => ramfs(system) },
        { path: '/huge', filesystem: (system) => hugetlbfs(system) },
      ],
      ...init,
    });
    this.system = this.kernel.system;
    this.free = this.available();
    this.task = this.kernel.spawn();
  }

  private available(): number {
    const pool = this.kernel.hugePool!;
    return this.kernel.memory!.frames.nrFree + (pool.nrHugePages * pool.size) / PAGE;
  }

  anon(addr: number, pages: number, prot: number = RW, flags: number = ANON, task: Task = this.task): number {
    return task.mmap(addr, pages * PAGE, prot, flags | MAP_FIXED, -1, 0);
  }

  /** A byte, the signal that the load earns, or RETRY. */
  load(addr: number, task: Task = this.task): number | string {
    const mem = new UserMemory(task.cur);
    const value = mem.load8(addr);
    return value < 0 ? refusal(mem) : value;
  }

  store8(addr: number, value: number, task: Task = this.task): string {
    const mem = new UserMemory(task.cur);
    return mem.store8(addr, value) < 0 ? refusal(mem) : 'ok';
  }

  /** Hears of every fault of a task from now on. */
  trace(task: Task = this.task): FaultEvent[] {
    const events: FaultEvent[] = [];
    const tracer: Tracer = {
      enter: () => undefined,
      decide: () => undefined,
      vma: () => undefined,
      fault: (kind, _vma, address, decision) => events.push({ kind, address, decision }),
    };
    task.mm.tracer = tracer;
    return events;
  }

  /** Every invariant of every living address space, and of the frames. */
  check(): void {
    for (const task of this.kernel.tasks.values())
      if (task.exitStatus === null) expect(validateMm(task.mm)).toEqual([]);
    expect(validateFrames(this.kernel.memory!.frames)).toEqual([]);
  }

  /**
   * Ends everything: nothing may be left.
   *
   * @param committed pages that may stay committed, because the kernel forgets them
   */
  end(committed: readonly number[] = []): void {
    const { kernel, system } = this;
    this.check();
    kernel.shutdown();
    for (const mnt of [...kernel.tree.mounts()].reverse())
      if (mnt.parent !== null) expect(kernel.tree.umount(mnt)).toBe(0);
    killLitterSuper(kernel.tree.root.sb);
    const { frames, lazyFree, anonOwners } = kernel.memory!;
    lazyFree.drain();
    anonOwners.trim();
    expect(validateFrames(frames)).toEqual([]);
    expect(this.available()).toBe(this.free);
    expect([frames.nrPageTable, frames.nrFilePages, frames.nrAnonMapped, frames.nrFileMapped]).toEqual([0, 0, 0, 0]);
    expect(system.vmAreaCachep.active).toBe(0);
    if (!committed.includes(system.committedAs)) expect(system.committedAs).toBe(0);
  }
}

function refusal(mem: UserMemory): string {
  if (mem.fault !== 1) return 'RETRY';
  return `${signalName(mem.signal)} ${signalCodeName(mem.signal, mem.code)} 0x${mem.address.toString(16)}`;
}
