/**
 * Workloads with memory behind the mappings: faults, loads and stores, copies, forks. Each returns the time of the measured part
 * only; mapping and unmapping what it needs is excluded, as in the host's peer.
 */
import {
  createCaller,
  createMm,
  dupMm,
  exitMmap,
  finishPopulate,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
  type Mm,
  type MmSystem,
} from '@vmarea/mm-core';
import { copyFromUser, copyToUser, createMemory, UserMemory, type Memory } from '@vmarea/mm-core/memory';
import { MAP_POPULATE, type KernelProfile } from '@vmarea/uapi';
import { cpuTime } from '../measure/harness.ts';
import { Random } from './random.ts';
import { ANON, benchSystem, PAGE, RW } from './space.ts';

/** Pages of a block that is mapped, touched and unmapped. */
export const BLOCK = 1024;

/** A machine with 256 MiB of RAM, and one process. */
export class MemorySpace {
  readonly system: MmSystem;
  readonly memory: Memory;
  readonly mm: Mm;
  readonly cur: Caller;
  readonly user: UserMemory;
  /** Sum of the loaded values, so that V8 removes no load. */
  sum = 0;
  private readonly random: Random = new Random();
  private readonly buffer: Uint8Array = new Uint8Array(256 * PAGE).fill(1);
  /** 4096 touched pages: four times the entries of the TLB. */
  private readonly touched: number;

  constructor(profile: KernelProfile['name']) {
    this.system = benchSystem(profile);
    this.memory = createMemory(this.system, { bytes: 256 * 1024 * 1024 });
    const mm = createMm(this.system);
    if (mm === null) throw new Error('no memory for an address space');
    this.mm = mm;
    this.cur = createCaller(mm);
    this.user = new UserMemory(this.cur);
    this.touched = this.map(4 * BLOCK, 0);
    this.touch(this.touched, 4 * BLOCK);
  }

  private map(pages: number, flags: number): number {
    const at = vmMmapPgoff(this.cur, null, 0, pages * PAGE, RW, ANON | flags, 0);
    if (at < 0) throw new Error(`mmap: ${at}`);
    return at;
  }

  private unmap(at: number, pages: number): void {
    if (vmMunmap(this.cur, at, pages * PAGE) !== 0) throw new Error('munmap');
  }

  private touch(at: number, pages: number): void {
    const { user } = this;
    for (let i = 0; i < pages; i++) if (user.store32(at + i * PAGE, i) !== 0) throw new Error('store');
  }

  /** First stores to anonymous pages. */
  anonFault(ms: number): number {
    return this.blocks(ms, () => {
      const at = this.map(BLOCK, 0);
      const from = cpuTime();
      this.touch(at, BLOCK);
      const took = cpuTime() - from;
      this.unmap(at, BLOCK);
      return took;
    });
  }

  /** {@link anonFault} for a count of faults: whole blocks. */
  faults(count: number): void {
    for (let done = 0; done < count; done += BLOCK) {
      const at = this.map(BLOCK, 0);
      this.touch(at, BLOCK);
      this.unmap(at, BLOCK);
    }
  }

  /** mmap with MAP_POPULATE. */
  populate(ms: number): number {
    return this.blocks(ms, () => {
      const from = cpuTime();
      const at = this.map(BLOCK, MAP_POPULATE);
      if (finishPopulate(this.cur) !== 0) throw new Error('populate');
      const took = cpuTime() - from;
      this.unmap(at, BLOCK);
      return took;
    });
  }

  /** Stores to pages that a fork has made shared. */
  cowFault(ms: number): number {
    return this.blocks(ms, () => {
      const at = this.map(BLOCK, 0);
      this.touch(at, BLOCK);
      const child = this.fork();
      const from = cpuTime();
      this.touch(at, BLOCK);
      const took = cpuTime() - from;
      exitMmap(child);
      this.unmap(at, BLOCK);
      return took;
    });
  }

  private fork(): Mm {
    const child = dupMm(this.cur);
    if (typeof child === 'number') throw new Error(`fork: ${child}`);
    return child;
  }

  private blocks(ms: number, one: () => number): number {
    let spent = 0;
    let n = 0;
    const begun = cpuTime();
    do {
      spent += one();
      n += BLOCK;
    } while (cpuTime() - begun < ms);
    return (spent * 1e6) / n;
  }

  /** Zeroes one page as a fault does, cold pages in turn. */
  zero(count: number): void {
    const { physical } = this.memory;
    const base = this.memory.frames.nrFrames - 2 * BLOCK;
    for (let i = 0; i < count; i++) physical.zeroFrame(base + (i & (BLOCK - 1)));
  }

  /** 64-bit loads that hit the TLB: 256 pages, every address another page. */
  loadHit(count: number): void {
    const { user, touched } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum = (sum + user.load64(touched + (i & 255) * PAGE + ((i & 7) << 3))) | 0;
    this.sum = sum;
  }

  storeHit(count: number): void {
    const { user, touched } = this;
    let bad = 0;
    for (let i = 0; i < count; i++) bad += user.store64(touched + (i & 255) * PAGE + ((i & 7) << 3), i, 0);
    if (bad !== 0) throw new Error('store');
  }

  /** Loads that miss: 4096 pages in turn through 1024 entries. */
  walk(count: number): void {
    const { user, touched } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) sum = (sum + user.load32(touched + (i & (4 * BLOCK - 1)) * PAGE)) | 0;
    this.sum = sum;
  }

  /** copy_to_user, 16 pages at a time, per page. */
  copyTo(count: number): void {
    const { cur, random, buffer, touched } = this;
    for (let i = 0; i < count; i += 16) {
      const at = touched + (random.next() & 15) * 16 * PAGE;
      if (copyToUser(cur, at, buffer, (random.next() & 15) * 16 * PAGE, 16 * PAGE) !== 0) throw new Error('copy');
    }
  }

  copyFrom(count: number): void {
    const { cur, random, buffer, touched } = this;
    for (let i = 0; i < count; i += 16) {
      const at = touched + (random.next() & 15) * 16 * PAGE;
      if (copyFromUser(cur, at, buffer, (random.next() & 15) * 16 * PAGE, 16 * PAGE) !== 0) throw new Error('copy');
    }
  }

  /** Returns the time that `pages` touched pages add to a fork, per page. */
  forkTouched(pages: number, ms: number): number {
    const bare = this.forkMs(ms / 2);
    const at = this.map(pages, 0);
    this.touch(at, pages);
    const full = this.forkMs(ms / 2);
    this.unmap(at, pages);
    return ((full - bare) * 1e6) / pages;
  }

  /** One fork, in milliseconds. */
  private forkMs(ms: number): number {
    return forkTime(this.cur, ms);
  }

  end(): void {
    exitMmap(this.mm);
  }
}

/** Returns the milliseconds of one dup_mmap, without the child's end. */
export function forkTime(cur: Caller, ms: number): number {
  let spent = 0;
  let n = 0;
  const begun = cpuTime();
  do {
    const from = cpuTime();
    const child = dupMm(cur);
    spent += cpuTime() - from;
    n++;
    if (typeof child === 'number') throw new Error(`fork: ${child}`);
    exitMmap(child);
  } while (n < 3 || cpuTime() - begun < ms);
  return spent / n;
}

/** The raw typed array, as a peer of the soft MMU: the same sequence of addresses. */
export class RawArray {
  private readonly words: Uint32Array = new Uint32Array((256 * PAGE) / 4);
  hi = 0;
  sum = 0;

  load(count: number): void {
    const { words } = this;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const at = (i & 255) * (PAGE / 4) + ((i & 7) << 1);
      this.hi = words[at + 1]!;
      sum += words[at]!;
    }
    this.sum = sum;
  }

  store(count: number): void {
    const { words } = this;
    for (let i = 0; i < count; i++) {
      const at = (i & 255) * (PAGE / 4) + ((i & 7) << 1);
      words[at] = i;
      words[at + 1] = 0;
    }
  }
}
