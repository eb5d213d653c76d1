/**
 * A machine with the driver under test mounted at /m, and a task. Every call uses `kernel.run`, so drivers may wait.
 */
import { createArm64 } from '@vmarea/arch-arm64';
import { createKernel, type Kernel, type KernelInit, type Task } from '@vmarea/kernel';
import { RETRY, validateMm, type MmSystem } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import {
  DEFAULT_CONFIG,
  LINUX_6_1,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import {
  dDrop,
  judgeDriver,
  killLitterSuper,
  type File,
  type Mount,
  type MountOptions,
  type Stat,
  type SuperBlock,
} from '@vmarea/vfs';
import { equal, ok, show } from './assert.ts';
import { FIXTURE_FILES } from './fixture.ts';

/** The result of a driver's `create`. */
export interface DriverInstance {
  readonly superBlock: SuperBlock;
  /** Called after the machine has ended: removes directories, servers and the like. */
  close?(): void | Promise<void>;
}

/** Creates a driver's filesystem for a machine: empty, or with `files` in its root if it is read-only. */
export type CreateDriver = (
  system: MmSystem,
  files: Readonly<Record<string, Uint8Array>>,
) => SuperBlock | DriverInstance | Promise<SuperBlock | DriverInstance>;

/** The options of a rig. */
export interface RigInit {
  readonly create: CreateDriver;
  /** Further properties of the machine: huge pages, another profile. */
  readonly kernel?: Partial<KernelInit> | undefined;
  /** Wraps the driver before it is mounted. */
  readonly wrap?: ((sb: SuperBlock) => void) | undefined;
  readonly mount?: MountOptions | undefined;
}

const RW = PROT_READ | PROT_WRITE;
/** Bytes of memory: so few that a leak becomes visible soon. */
const MEMORY_BYTES = 2 ** 25;

/** A machine with the driver. */
export class Rig {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly sb: SuperBlock;
  readonly page: number;
  private readonly mount: Mount;
  private readonly instance: DriverInstance | null;
  private readonly freeAtStart: number;

  /** What the driver threw that is no errno, with its stack: told with the failure of the test. */
  readonly thrown: readonly string[];

  private constructor(
    kernel: Kernel,
    thrown: readonly string[],
    freeAtStart: number,
    made: SuperBlock | DriverInstance,
    init: RigInit,
  ) {
    this.kernel = kernel;
    this.thrown = thrown;
    this.freeAtStart = freeAtStart;
    this.instance = 'superBlock' in made ? made : null;
    this.sb = 'superBlock' in made ? made.superBlock : made;
    this.page = kernel.system.pageSize;
    // The judge is next to the driver, inside of a wrapper, so that it does not judge the wrapper.
    judgeDriver(this.sb);
    init.wrap?.(this.sb);
    const mount = kernel.tree.mount('/m', this.sb, init.mount ?? {});
    if (typeof mount === 'number') throw new Error(`cannot mount the driver: ${show(mount)}`);
    this.mount = mount;
    this.task = kernel.spawn();
  }

  static async create(init: RigInit): Promise<Rig> {
    const thrown: string[] = [];
    const kernel = createKernel({
      arch: createArm64({ pageSize: 4096, vaBits: 48 }),
      profile: LINUX_6_1,
      config: DEFAULT_CONFIG,
      memory: { bytes: MEMORY_BYTES },
      ...init.kernel,
      onWarning: (text) => {
        if (text.startsWith('driver ')) thrown.push(text);
        init.kernel?.onWarning?.(text);
      },
    });
    const free = kernel.memory!.frames.nrFree;
    return new Rig(kernel, thrown, free, await init.create(kernel.system, FIXTURE_FILES), init);
  }

  /** Makes a call, and repeats it until it has a result. */
  async run<T>(call: () => T | number, task: Task = this.task): Promise<T | number> {
    return this.kernel.run(task, call);
  }

  async open(path: string, flags: number = O_RDONLY, mode: number = 0o644, task: Task = this.task): Promise<number> {
    return this.run(() => task.sys.open(`/m/${path}`, flags, mode), task);
  }

  /** Opens a file of the fixture for reading, or one that the suite has written. */
  async given(name: string, flags: number = O_RDONLY): Promise<number> {
    if (this.sb.manifest.capabilities.write) {
      const fd = await this.make(name, FIXTURE_FILES[name]!);
      await this.uncache(fd);
      this.forgetName(fd);
      this.close(fd);
    }
    const fd = await this.open(name, flags);
    ok(fd >= 0, `open ${name} of the fixture: ${show(fd)}`);
    return fd;
  }

  /** Creates a file with contents, open for reading and writing. */
  async make(name: string, bytes: Uint8Array): Promise<number> {
    const fd = await this.open(name, O_CREAT | O_TRUNC | O_RDWR);
    ok(fd >= 0, `make ${name}: ${show(fd)}`);
    equal(await this.pwrite(fd, bytes, 0), bytes.length, `write ${name}`);
    return fd;
  }

  /** Writes dirty pages to storage and drops them, if there is storage, so that the next access reads. */
  async uncache(fd: number): Promise<void> {
    const pages = this.file(fd).fInode.iPages;
    if (pages === null || pages.aOps.zeroFill) return;
    equal(await this.run(() => this.task.sys.fsync(fd)), 0, 'fsync');
    pages.invalidate(0, Infinity);
  }

  file(fd: number, task: Task = this.task): File {
    return task.cur.files.fgetRaw(fd)!;
  }

  close(fd: number, task: Task = this.task): number {
    return task.sys.close(fd);
  }

  async pread(fd: number, length: number, pos: number): Promise<Uint8Array | number> {
    const target = new Uint8Array(length);
    const n = await this.run(() => this.task.sys.pread(fd, target, pos));
    return n < 0 ? n : target.subarray(0, n);
  }

  /** {@link pread} that must succeed. */
  async bytes(fd: number, length: number, pos: number): Promise<Uint8Array> {
    const result = await this.pread(fd, length, pos);
    if (typeof result === 'number') throw new Error(`pread of ${length} bytes at ${pos}: ${show(result)}`);
    return result;
  }

  async pwrite(fd: number, bytes: Uint8Array, pos: number): Promise<number> {
    return this.run(() => this.task.sys.pwrite(fd, bytes, pos));
  }

  async write(fd: number, bytes: Uint8Array): Promise<number> {
    return this.run(() => this.task.sys.write(fd, bytes));
  }

  fstat(fd: number): Stat {
    const stat = this.task.sys.fstat(fd);
    if (typeof stat === 'number') throw new Error(`fstat: ${show(stat)}`);
    return stat;
  }

  /** Maps `pages` pages of a file, shared or private. Takes six parameters, three of which have defaults that most tests use. */
  async map(
    fd: number,
    pages: number,
    kind: 'shared' | 'private',
    prot: number = RW,
    firstPage = 0,
    task: Task = this.task,
  ): Promise<number> {
    const flags = kind === 'shared' ? MAP_SHARED : MAP_PRIVATE;
    return this.run(() => task.sys.mmap(0, pages * this.page, prot, flags, fd, firstPage * this.page), task);
  }

  /** {@link map} that must succeed. */
  async mapped(...args: Parameters<Rig['map']>): Promise<number> {
    const addr = await this.map(...args);
    ok(addr > 0, `mmap ${args[2]}: ${show(addr)}`);
    return addr;
  }

  /** Loads a byte. Returns it, or the signal of the access. */
  async load(addr: number, task: Task = this.task): Promise<number | string> {
    const memory = new UserMemory(task.cur);
    const value = await this.run(() => access(memory, memory.load8(addr)), task);
    return value === REFUSED ? signalName(memory.signal) : value;
  }

  /** Loads bytes, all of which must be readable. */
  async loadBytes(addr: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const value = await this.load(addr + i);
      if (typeof value === 'string') throw new Error(`load of byte ${i}: ${value}`);
      bytes[i] = value;
    }
    return bytes;
  }

  /** Stores a byte. Returns 'ok', or the signal of the access. */
  async store(addr: number, value: number, task: Task = this.task): Promise<string> {
    const memory = new UserMemory(task.cur);
    const result = await this.run(() => access(memory, memory.store8(addr, value)), task);
    return result === REFUSED ? signalName(memory.signal) : 'ok';
  }

  /** Forks the task. Returns the child. */
  fork(): Task {
    const child = this.task.sys.fork();
    if (typeof child === 'number') throw new Error(`fork: ${show(child)}`);
    return child;
  }

  /** Returns the path that maps shows for an address. */
  mapsPath(addr: number): string {
    const vma = this.task.mm.tree.find(addr);
    return vma?.vmFile?.path() ?? '';
  }

  /** Drops a name from the cache when the driver has storage, so that the driver looks it up again. */
  forgetName(fd: number): void {
    const { dentry } = this.file(fd);
    if (dentry.dParent.dInode!.iOp.lookup !== null) dDrop(dentry);
  }

  check(): void {
    for (const task of this.kernel.tasks.values()) {
      if (task.exitStatus !== null) continue;
      const problems = validateMm(task.mm);
      ok(problems.length === 0, `the address space is broken: ${problems.join('; ')}`);
    }
  }

  /** Waits for writes in progress. */
  async settle(): Promise<void> {
    for (let i = 0; i < 64; i++) await Promise.resolve();
    for (const owner of this.kernel.memory!.frames.owners) {
      const writes = (owner as { writes?: Map<number, Promise<unknown>> | null } | null)?.writes;
      if (writes != null) await Promise.all(writes.values());
    }
    await new Promise<void>((resolve) => queueLater(resolve));
  }

  /**
   * Ends the machine: every task exits, all filesystems are unmounted, and every frame must be free.
   *
   * @param lost the number of frames that are still in use, because a driver has not answered
   * @param committed the number of pages that stay charged, for a kernel version that leaks some
   */
  async end(lost = 0, committed = 0): Promise<void> {
    this.check();
    this.kernel.shutdown();
    await this.settle();
    equal(this.kernel.tree.umount(this.mount), 0, 'umount');
    killLitterSuper(this.kernel.tree.root.sb);
    await this.settle();
    const { frames, anonOwners } = this.kernel.memory!;
    anonOwners.trim();
    equal(frames.nrFree, this.freeAtStart - lost, 'free frames at the end');
    equal(this.kernel.system.committedAs, committed, 'committed pages at the end');
    await this.instance?.close?.();
  }
}

/** A result other than RETRY and a byte. */
const REFUSED = -1;

function access(memory: UserMemory, value: number): number {
  if (value >= 0) return value;
  return memory.fault === RETRY ? RETRY : REFUSED;
}

function signalName(signal: number): string {
  return signal === 7 ? 'SIGBUS' : signal === 11 ? 'SIGSEGV' : `signal ${signal}`;
}

/** Calls `action` in a later turn of the host's event loop, if there is one; otherwise as a microtask. */
function queueLater(action: () => void): void {
  const host = globalThis as {
    setImmediate?: (f: () => void) => void;
    setTimeout?: (f: () => void, ms: number) => void;
  };
  if (host.setImmediate !== undefined) host.setImmediate(action);
  else if (host.setTimeout !== undefined) host.setTimeout(action, 0);
  else void Promise.resolve().then(action);
}
