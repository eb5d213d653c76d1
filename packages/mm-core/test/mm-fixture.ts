/**
 * A whole machine for tests: engine, memory, arm64 page tables, files that live in the page cache, and the promise that
 * no frame is lost: `machine.end()` ends every address space, drops every file and compares the free frames.
 */
import { createArm64 } from '@vmarea/arch-arm64';
import {
  DEFAULT_CONFIG,
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  PROT_READ,
  PROT_WRITE,
  type KernelConfig,
  type KernelProfile,
} from '@vmarea/uapi';
import { expect } from 'vitest';
import {
  type Arch,
  createCaller,
  createMm,
  doMmap,
  dupMm,
  exitMmap,
  type FileMapping,
  MmSystem,
  validateMm,
  type Caller,
  type Mm,
  type VmFile,
  type VmInode,
} from '../src/index.ts';
import {
  AddressSpace,
  AddressSpaceOperations,
  createMemory,
  filemapFault,
  filemapMapPage,
  genericFileVmOps,
  UserMemory,
  type Memory,
} from '../src/memory/index.ts';
import { VmOperations } from '../src/ports/vm-operations.ts';
import { walkErrors } from './mm-check.ts';

export const PAGE = 4096;
export const RW: number = PROT_READ | PROT_WRITE;
export const ANON: number = MAP_PRIVATE | MAP_ANONYMOUS;
export const PROFILES_UNDER_TEST: readonly KernelProfile[] = [MSM_4_4, LINUX_6_1];

const RAMFS = new AddressSpaceOperations({ zeroFill: true });
const SHMEM = new AddressSpaceOperations({ zeroFill: true, readSkipsHoles: true, swapBacked: true });
const shmemVmOps = new VmOperations({ fault: filemapFault, mapPage: filemapMapPage });

/** A file of a test: ramfs by default. */
export interface TestFile extends VmFile {
  readonly pages: AddressSpace;
}

/** One task. */
export class TestTask {
  readonly machine: Machine;
  readonly cur: Caller;
  readonly mem: UserMemory;

  constructor(machine: Machine, mm: Mm) {
    this.machine = machine;
    this.cur = createCaller(mm);
    this.mem = new UserMemory(this.cur);
    machine.tasks.add(this);
  }

  get mm(): Mm {
    return this.cur.mm;
  }

  /** Maps private anonymous memory at an address (or anywhere). */
  anon(addr: number, pages: number, prot: number = RW, flags: number = ANON): number {
    return this.map(null, addr, pages, prot, flags, 0);
  }

  map(file: TestFile | null, addr: number, pages: number, prot: number, flags: number, pgoff: number): number {
    const size = this.machine.system.pageSize;
    const request = {
      file,
      addr,
      len: pages * size,
      prot,
      flags: addr === 0 ? flags : flags | MAP_FIXED,
      vmFlags: 0,
      vmFlagsHigh: 0,
      pgoff,
    };
    const at = doMmap(this.cur, request);
    expect(at).toBeGreaterThan(0);
    return at;
  }

  shared(file: TestFile, addr: number, pages: number, prot: number = RW, pgoff = 0): number {
    return this.map(file, addr, pages, prot, MAP_SHARED, pgoff);
  }

  private_(file: TestFile, addr: number, pages: number, prot: number = RW, pgoff = 0): number {
    return this.map(file, addr, pages, prot, MAP_PRIVATE, pgoff);
  }

  /** `SIGSEGV 1 0x1000` for a refused access, or the value. */
  load(addr: number): number | string {
    const value = this.mem.load8(addr);
    return value < 0 ? this.refusal() : value;
  }

  store(addr: number, value: number): string {
    return this.mem.store8(addr, value) < 0 ? this.refusal() : 'ok';
  }

  private refusal(): string {
    if (this.mem.fault !== 1) return 'RETRY';
    const name = { 7: 'SIGBUS', 11: 'SIGSEGV', 9: 'SIGKILL' }[this.mem.signal] ?? String(this.mem.signal);
    return `${name} ${String(this.mem.code)} 0x${this.mem.address.toString(16)}`;
  }

  fork(): TestTask {
    const mm = dupMm(this.cur);
    if (typeof mm === 'number') throw new Error(`dupMm: ${String(mm)}`);
    return new TestTask(this.machine, mm);
  }

  exit(): void {
    this.machine.tasks.delete(this);
    exitMmap(this.mm);
  }
}

/** One machine. */
export class Machine {
  readonly system: MmSystem;
  readonly memory: Memory;
  readonly tasks: Set<TestTask> = new Set<TestTask>();
  private readonly files: AddressSpace[] = [];
  private readonly freeAtStart: number;
  private ino = 1;

  constructor(
    profile: KernelProfile,
    config: Partial<KernelConfig> = {},
    bytes: number = 32 * 2 ** 20,
    arch: Arch = createArm64({ pageSize: 4096, vaBits: 48 }),
  ) {
    this.system = new MmSystem({ arch, profile, config: { ...DEFAULT_CONFIG, ...config } });
    this.memory = createMemory(this.system, { bytes });
    this.freeAtStart = this.memory.frames.nrFree;
  }

  task(): TestTask {
    const mm = createMm(this.system);
    if (mm === null) throw new Error('createMm: no memory');
    return new TestTask(this, mm);
  }

  /** A file with `size` bytes. `shmem` files are not told of the first write to a page. */
  file(size: number, kind: 'ramfs' | 'shmem' | AddressSpaceOperations = 'ramfs'): TestFile {
    const aOps = kind === 'ramfs' ? RAMFS : kind === 'shmem' ? SHMEM : kind;
    const inode = {
      iMode: 0o100644,
      iFlags: 0,
      iSize: size,
      iWritecount: 0,
      devMajor: 0,
      devMinor: 18,
      ino: this.ino++,
      iNlink: 1,
    } as unknown as VmInode;
    const pages = new AddressSpace(this.memory, inode, aOps);
    (inode as { iMapping: FileMapping }).iMapping = pages;
    this.files.push(pages);
    const file: TestFile = {
      fMode: 3,
      fFlags: 2,
      fOp: {
        mmap: (_cur, _file, vma) => {
          vma.vmOps = kind === 'shmem' ? shmemVmOps : genericFileVmOps;
          return 0;
        },
        getUnmappedArea: null,
        fsync: null,
        fallocate: null,
      },
      fInode: inode,
      fMapping: pages,
      fCount: 1,
      pages,
      hugePageSize: 0,
      pathNoexec: () => false,
      path: () => `/f${String(inode.ino)}`,
      locksVerifyLocked: () => 0,
      getFile: () => {
        file.fCount++;
        return file;
      },
      fput: () => {
        file.fCount--;
      },
    };
    return file;
  }

  /** Checks every address space: invariants of the VMAs, and of the pages behind them. */
  check(): void {
    for (const task of this.tasks) expect(validateMm(task.mm)).toEqual([]);
    expect(
      walkErrors(
        this.memory,
        [...this.tasks].map((t) => t.mm),
      ),
    ).toEqual([]);
  }

  /** Ends all tasks, drops all files: every frame must be back. */
  end(): void {
    this.check();
    for (const task of [...this.tasks]) task.exit();
    for (const pages of this.files) pages.evict();
    this.memory.anonOwners.trim();
    const { frames } = this.memory;
    expect(frames.nrFree).toBe(this.freeAtStart);
    expect([frames.nrAnonMapped, frames.nrFileMapped, frames.nrPageTable, frames.nrFilePages]).toEqual([0, 0, 0, 0]);
    expect(this.memory.nrAttached).toBe(0);
    expect(frames.owners.filter((o) => o !== null)).toEqual([]);
  }
}

/** Runs a test with a machine of each profile; leaks are found by construction. */
export function withMachine(
  run: (machine: Machine) => void,
  config: Partial<KernelConfig> = {},
  profiles: readonly KernelProfile[] = PROFILES_UNDER_TEST,
): () => void {
  return () => {
    for (const profile of profiles) {
      const machine = new Machine(profile, config);
      run(machine);
      machine.end();
    }
  };
}

/** Faults of a task while `act` runs: minor, major. */
export function faultsOf(task: TestTask, act: () => void): [number, number] {
  const { cur } = task;
  const before = [cur.minFlt, cur.majFlt] as const;
  act();
  return [cur.minFlt - before[0], cur.majFlt - before[1]];
}

/** Rss in pages: anonymous, file, shmem. */
export function rssOf(task: TestTask): [number, number, number] {
  return [task.mm.rssAnon, task.mm.rssFile, task.mm.rssShmem];
}

/** Why the last access was refused. */
export function decisionOf(task: TestTask): number {
  return task.cur.call.refused.decision;
}
