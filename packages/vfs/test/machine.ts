/**
 * A whole machine for tests of file drivers: engine, memory, arm64 page tables, a tree of mounts, tasks with descriptors.
 *
 * `machine.end()` ends every task, unmounts everything and checks that no frame and no committed page is lost.
 */
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import {
  createCaller,
  Call,
  createMm,
  dupMm,
  exitMmap,
  MmSystem,
  validateMm,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
  type Credentials,
  type Mm,
} from '@vmarea/mm-core';
import { createMemory, UserMemory, type Memory } from '@vmarea/mm-core/memory';
import { AT_FDCWD, DEFAULT_CONFIG, LINUX_6_1, MSM_4_4, type KernelConfig, type KernelProfile } from '@vmarea/uapi';
import {
  devfs,
  doFcntl,
  doFtruncate,
  doSysOpen,
  doUnlinkat,
  FilesStruct,
  FsStruct,
  killLitterSuper,
  ksysPread,
  ksysPwrite,
  MountTree,
  pipefs,
  procfs,
  ramfs,
  statInode,
  vfsFallocate,
  type File,
  type FileCaller,
  type FileRlimits,
  type Stat,
  type SuperBlock,
} from '@vmarea/vfs';
import { expect } from 'vitest';

export const PAGE = 4096;
export const PROFILES: readonly KernelProfile[] = [MSM_4_4, LINUX_6_1];

/** How a machine is made. */
export interface MachineInit {
  profile?: KernelProfile;
  config?: Partial<KernelConfig>;
  /** RAM in bytes; 0 for a machine without memory. */
  bytes?: number;
  pageSize?: PageSize;
  vaBits?: VaBits;
  /** Plugs drivers in, before anything is mounted. */
  plug?: (system: MmSystem) => void;
  mounts?: Readonly<Record<string, (system: MmSystem) => SuperBlock>>;
}

/** A machine. */
export class Machine {
  readonly system: MmSystem;
  readonly memory: Memory | null;
  readonly tree: MountTree;
  readonly pipes: SuperBlock;
  readonly tasks: Set<TestTask> = new Set<TestTask>();
  readonly freeAtStart: number;

  constructor(init: MachineInit = {}) {
    const arch = createArm64({ pageSize: init.pageSize ?? 4096, vaBits: init.vaBits ?? 48 });
    const config = { ...DEFAULT_CONFIG, ...init.config };
    this.system = new MmSystem({ arch, profile: init.profile ?? MSM_4_4, config });
    const bytes = init.bytes ?? 32 * 2 ** 20;
    this.memory = bytes === 0 ? null : createMemory(this.system, { bytes });
    init.plug?.(this.system);
    this.freeAtStart = this.memory?.frames.nrFree ?? 0;
    this.tree = new MountTree(ramfs(this.system));
    this.tree.mount('/dev', devfs(this.system, { mem: {} }));
    this.tree.mount('/proc', procfs(this.system));
    this.pipes = pipefs(this.system);
    for (const [path, make] of Object.entries(init.mounts ?? {})) this.tree.mount(path, make(this.system));
  }

  task(cred?: Credentials): TestTask {
    const mm = createMm(this.system);
    if (mm === null) throw new Error('createMm: no memory');
    return new TestTask(this, mm, new FilesStruct(), new FsStruct(this.tree), cred);
  }

  check(): void {
    for (const task of this.tasks) expect(validateMm(task.mm)).toEqual([]);
  }

  /** Ends the machine: everything must be back. */
  end(committed = 0): void {
    this.check();
    for (const task of [...this.tasks]) task.exit();
    for (const mnt of [...this.tree.mounts()].reverse()) if (mnt.parent !== null) expect(this.tree.umount(mnt)).toBe(0);
    killLitterSuper(this.tree.root.sb);
    expect(this.system.committedAs).toBe(committed);
    if (this.memory === null) return;
    this.memory.anonOwners.trim();
    const { frames } = this.memory;
    expect(frames.nrFree).toBe(this.freeAtStart);
    expect([frames.nrFilePages, frames.nrShmem, frames.nrPageTable, frames.nrAnonMapped]).toEqual([0, 0, 0, 0]);
  }
}

/** A task: a caller with descriptors. */
export class TestTask implements FileCaller {
  readonly call: Call = new Call();
  readonly machine: Machine;
  readonly mm: Mm;
  readonly rlimits: FileRlimits;
  cred: Credentials;
  personality = 0;
  pkru = 0;
  minFlt = 0;
  majFlt = 0;
  readonly files: FilesStruct;
  readonly fs: FsStruct;
  /** Every refusal so far, the driver's before the engine's. */
  readonly decisions: number[] = [];
  private user: UserMemory | null = null;

  constructor(machine: Machine, mm: Mm, files: FilesStruct, fs: FsStruct, cred?: Credentials) {
    const usual: Caller = createCaller(mm);
    this.machine = machine;
    this.mm = mm;
    this.rlimits = { ...usual.rlimits, nofile: 1024 };
    this.cred = cred ?? usual.cred;
    this.files = files;
    this.fs = fs;
    machine.tasks.add(this);
    mm.tracer = {
      enter: () => undefined,
      decide: (decision, result) => {
        if (result < 0) this.decisions.push(decision);
      },
      vma: () => undefined,
      fault: () => undefined,
    };
  }

  get mem(): UserMemory {
    return (this.user ??= new UserMemory(this));
  }

  open(path: string, flags: number, mode = 0o644): number {
    return doSysOpen(this, AT_FDCWD, path, flags, mode);
  }

  unlink(path: string): number {
    return doUnlinkat(this, AT_FDCWD, path);
  }

  file(fd: number): File {
    const file = this.files.fgetRaw(fd);
    if (file === null) throw new Error(`no file at descriptor ${String(fd)}`);
    return file;
  }

  /** Maps a descriptor (-1: anonymous). */
  mmap(fd: number, addr: number, len: number, prot: number, flags: number, offset = 0): number {
    const file = fd < 0 ? null : this.file(fd);
    const huge = file?.hugePageSize ?? 0;
    const size = huge === 0 ? len : Math.ceil(len / huge) * huge;
    return vmMmapPgoff(this, file, addr, size, prot, flags, offset / this.machine.system.pageSize);
  }

  munmap(addr: number, len: number): number {
    return vmMunmap(this, addr, len);
  }

  /** The bytes at a position, as text; or the errno. */
  pread(fd: number, length: number, pos: number): string | number {
    const buffer = new Uint8Array(length);
    const n = ksysPread(this, this.file(fd), { bytes: buffer, offset: 0, length }, pos);
    return n < 0 ? n : String.fromCharCode(...buffer.subarray(0, n));
  }

  pwrite(fd: number, text: string, pos: number): number {
    const bytes = Uint8Array.from(text, (c) => c.charCodeAt(0));
    return ksysPwrite(this, this.file(fd), { bytes, offset: 0, length: bytes.length }, pos);
  }

  ftruncate(fd: number, length: number): number {
    return doFtruncate(this, this.file(fd), length);
  }

  fallocate(fd: number, mode: number, offset: number, len: number): number {
    return vfsFallocate(this, this.file(fd), mode, offset, len);
  }

  fcntl(fd: number, cmd: number, arg: Parameters<typeof doFcntl>[3] = 0): number {
    return doFcntl(this, fd, cmd, arg, 100);
  }

  fstat(fd: number): Stat {
    return statInode(this.file(fd).fInode);
  }

  /** A byte, or the signal that the access earns. */
  load(addr: number): number | string {
    const value = this.mem.load8(addr);
    return value < 0 ? this.refusal() : value;
  }

  store(addr: number, value: number): string {
    return this.mem.store8(addr, value) < 0 ? this.refusal() : 'ok';
  }

  private refusal(): string {
    return this.mem.signal === 7 ? 'SIGBUS' : this.mem.signal === 11 ? 'SIGSEGV' : `signal ${String(this.mem.signal)}`;
  }

  /** maps, one line for each mapping: offset in pages and name. */
  maps(): string[] {
    const lines: string[] = [];
    for (let vma = this.mm.tree.first; vma !== null; vma = vma.vmNext) {
      lines.push(`${vma.vmStart.toString(16)}-${vma.vmEnd.toString(16)} ${vma.vmFile?.path() ?? ''}`.trim());
    }
    return lines;
  }

  fork(): TestTask {
    const mm = dupMm(this);
    if (typeof mm === 'number') throw new Error(`dupMm: ${String(mm)}`);
    return new TestTask(this.machine, mm, this.files.copy(), this.fs.copy(), this.cred);
  }

  exit(): void {
    this.machine.tasks.delete(this);
    exitMmap(this.mm);
    this.files.put();
  }
}

/** Credentials of an ordinary user, without any capability. */
export function user(uid = 1000): Credentials {
  return { uid, gid: uid, capLow: 0, capHigh: 0 };
}
