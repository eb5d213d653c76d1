/**
 * A kernel: one machine's memory subsystem, its filesystems and its tasks, built from the parts in {@link KernelInit}.
 *
 * Names no driver and no architecture: KernelInit contains both.
 */
import {
  createMm,
  MmSystem,
  RETRY,
  rootCredentials,
  type Arch,
  type Caller,
  type HugePages,
  type RamCounters,
  type SecurityHooks,
  type SharedMemory,
  type SpecialMapping,
} from '@vmarea/mm-core';
import { loadValue, MemoryFaultError, repeatCall, storeValue, type AccessSize } from '@vmarea/mm-core/address-space';
import {
  accessPfn,
  ACCESS_READ,
  ACCESS_WRITE,
  clearUser,
  createMemory,
  createSpecialPages,
  type Memory,
} from '@vmarea/mm-core/memory';
import {
  errnoName,
  shownValue,
  SIGCHLD,
  wholeNumber,
  type KernelConfig,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import {
  doChdir,
  FilesStruct,
  FsStruct,
  MountTree,
  pipefs,
  ramfs,
  type File,
  type FileCaller,
  type MountOptions,
  type SuperBlock,
} from '@vmarea/vfs';
import { emptyLayout } from './exec.ts';
import { mmput } from './task/exit.ts';
import { DeadTaskError } from './task/errors.ts';
import { initialLimits, type LimitTable } from './task/limits.ts';
import type { Scheduler } from './task/scheduler.ts';
import { SigHand } from './task/sighand.ts';
import { SignalStruct } from './task/signal-struct.ts';
import { Proc } from './proc/proc.ts';
import { SysctlTable } from './sysctl.ts';
import { anonInodeFs } from './syscalls/userfaultfd.ts';
import { Task } from './task/task.ts';
import { TaskCaller } from './task/caller.ts';
import type { ShmctlBuffer } from './syscalls/shm.ts';

/** Creates a filesystem for a machine. */
export type FileSystemFactory = (system: MmSystem) => SuperBlock;

/** The default huge-page pool, for sysctls and /proc/meminfo: a struct hstate. Counts are huge pages. */
export interface HugePool {
  /** Bytes of a huge page. */
  readonly size: number;
  readonly nrHugePages: number;
  readonly freeHugePages: number;
  readonly resvHugePages: number;
  readonly surplusHugePages: number;
  /** vm.nr_overcommit_hugepages. */
  nrOvercommit: number;
  /** Sets vm.nr_hugepages, as far as there is memory. */
  setNrHugePages(count: number): void;
}

/** A shared-memory driver: shared anonymous memory, and memfd_create and System V segments if it has them. */
export interface SharedMemoryDriver extends SharedMemory {
  /** Returns a file with one reference, or a negative errno. */
  memfdCreate?(cur: FileCaller, name: string, flags: number): File | number;
  readonly sysv?: SysvSharedMemory | undefined;
}

/** System V shared memory: the segments of a machine. The calls return a result or a negative errno, for any argument. */
export interface SysvSharedMemory {
  /** The sysctls kernel.shmmax (bytes), shmall (pages), shmmni and shm_rmid_forced. */
  readonly limits: { max: bigint; all: bigint; mni: number; readonly rmidForced: boolean };
  setRmidForced(forced: boolean): void;
  /** kernel.shm_next_id: the identifier of the next segment, for restoring a machine; -1: the kernel chooses. */
  nextId: number;
  shmget(cur: Caller, key: number, size: number | bigint, flags: number): number;
  /** The kernel then populates the range that the call has stored. */
  shmat(cur: Caller, id: number, addr: number | bigint, flags: number): number;
  shmdt(cur: Caller, addr: number | bigint): number;
  shmctl(cur: Caller, id: number, cmd: number, buffer: ShmctlBuffer | null): number;
  /** Opens a segment as shmat does, for restoring a map: mapping the file attaches it. Returns it with one reference. */
  open(cur: Caller, id: number, flags: number): File | number;
  /** Called when a task has ended, after its address space. */
  taskEnded(cur: Caller): void;
  /** Returns a function that sets every segment back, for calls that are only tried and whose task has ended by then. */
  checkpoint(): () => void;
  /** Removes every segment, when the machine is discarded. */
  exit(): void;
}

/** A huge-page driver. */
export interface HugePagesDriver extends HugePages {
  readonly defaultHstate: HugePool;
}

/** A filesystem to mount at boot. */
export interface MountInit {
  /** The absolute path. */
  readonly path: string;
  readonly filesystem: FileSystemFactory;
  readonly options?: MountOptions | undefined;
}

/** The parts of a kernel. */
export interface KernelInit {
  readonly arch: Arch;
  readonly profile: KernelProfile;
  readonly config: KernelConfig;
  readonly sysctl?: Sysctls | undefined;
  /**
   * The memory behind the mappings: its size in bytes, or a buffer of the caller's; false: none. Default: config.ramBytes,
   * but at most 64 MiB.
   */
  readonly memory?:
    { readonly bytes?: number | undefined; readonly buffer?: ArrayBufferLike | undefined } | false | undefined;
  /** The RAM counters for overcommit; by default the frames are counted. */
  readonly ram?: RamCounters | undefined;
  readonly security?: SecurityHooks | undefined;
  /** The filesystem at «/»; ramfs by default. */
  readonly root?: FileSystemFactory | undefined;
  readonly hugePages?: ((system: MmSystem) => HugePagesDriver) | undefined;
  /** Called after `hugePages`, so that memfd_create can make huge files. */
  readonly sharedMemory?: ((system: MmSystem) => SharedMemoryDriver) | undefined;
  readonly mounts?: readonly MountInit[] | undefined;
  /** The contents of [vdso]; zeroes by default: the kernel places it, the embedder provides the code. */
  readonly vdso?: Uint8Array | undefined;
  /** What the embedder's scheduler or CPU does when tasks appear and end. */
  readonly scheduler?: Scheduler | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** The options of the first process. */
export interface SpawnOptions {
  readonly comm?: string | undefined;
  readonly cwd?: string | undefined;
  readonly personality?: number | undefined;
  /** Changes limits before the layout of the address space is chosen. */
  readonly limits?: ((table: LimitTable) => void) | undefined;
}

/** A running machine. {@link createKernel} creates it. */
export class Kernel {
  readonly system: MmSystem;
  /** The memory behind the mappings; null in a kernel without memory. */
  readonly memory: Memory | null;
  readonly tree: MountTree;
  /** The filesystem of pipes. */
  readonly pipeFs: SuperBlock;
  /** The filesystem of files without a name, such as userfaultfds. */
  readonly anonInodes: SuperBlock;
  readonly hugePool: HugePool | null;
  /** [vvar] and [vdso], which every program maps; null in a kernel without memory. */
  readonly vvar: SpecialMapping | null;
  readonly vdso: SpecialMapping | null;
  readonly sharedMemory: SharedMemoryDriver | null;
  /** /proc text. */
  readonly proc: Proc;
  /** /proc/sys. */
  readonly sysctl: SysctlTable;
  readonly scheduler: Scheduler;
  /** Tasks that run, or that have ended and were not yet waited for, by pid. */
  readonly tasks: Map<number, Task> = new Map<number, Task>();
  private nextPid = 1;

  constructor(init: KernelInit) {
    const system = new MmSystem({
      arch: init.arch,
      profile: init.profile,
      config: init.config,
      sysctl: init.sysctl,
      ram: init.ram,
      security: init.security,
      onWarning: init.onWarning,
    });
    this.system = system;
    this.memory = init.memory === false ? null : createMemory(system, init.memory ?? {});
    if (this.memory !== null && init.ram === undefined) {
      const { frames } = this.memory;
      system.ram = {
        totalPages: () => frames.nrFrames,
        guessFreePages: () => frames.nrFree + frames.nrFilePages - frames.nrShmem,
        swapPages: () => 0,
      };
    }
    const special = (name: string, contents: Uint8Array): SpecialMapping | null =>
      this.memory === null ? null : createSpecialPages(this.memory, name, contents);
    const extra = init.arch.specialLayout(init.profile.layout.specialLayout);
    this.vvar = special('[vvar]', new Uint8Array(extra.vvarPages * system.pageSize));
    this.vdso = special('[vdso]', init.vdso ?? new Uint8Array(extra.vdsoBytes));
    const huge = init.hugePages?.(system) ?? null;
    system.hugePages = huge;
    this.hugePool = huge?.defaultHstate ?? null;
    const shared = init.sharedMemory?.(system) ?? null;
    system.sharedMemory = shared;
    this.sharedMemory = shared;
    this.tree = new MountTree((init.root ?? ramfs)(system));
    for (const { path, filesystem, options } of init.mounts ?? []) {
      const mounted = this.tree.mount(path, filesystem(system), options);
      if (typeof mounted === 'number') {
        const why = path.startsWith('/') ? errnoName(mounted) : 'the path does not begin with a slash';
        throw new RangeError(`createKernel: cannot mount at ${shownValue(path)}: ${why}`);
      }
    }
    this.pipeFs = pipefs(system);
    this.anonInodes = anonInodeFs(system);
    this.scheduler = init.scheduler ?? {};
    this.proc = new Proc(this);
    this.sysctl = new SysctlTable(system, this.hugePool, shared?.sysv ?? null);
  }

  /**
   * Creates a first process: root, no descriptors, an address space with a stack only.
   *
   * @throws RangeError when `cwd` is no directory, or there is no memory for an address space
   */
  spawn(options: SpawnOptions = {}): Task {
    const mm = createMm(this.system);
    if (mm === null) throw new RangeError('spawn: no memory for an address space');
    const limits = initialLimits(this.system.profile.limits.bootMemlock);
    options.limits?.(limits);
    const cur = new TaskCaller({
      mm,
      rlimits: limits.view,
      cred: rootCredentials(),
      personality: options.personality ?? 0,
      files: new FilesStruct(),
      fs: new FsStruct(this.tree),
    });
    emptyLayout(cur);
    const error = options.cwd === undefined ? 0 : doChdir(cur, options.cwd);
    if (error < 0) {
      mmput(cur);
      const why = error === RETRY ? 'its filesystem must be waited for; use chdir' : errnoName(error);
      throw new RangeError(`spawn: cwd ${shownValue(options.cwd)}: ${why}`);
    }
    const task = new Task({
      kernel: this,
      pid: this.allocPid(),
      comm: options.comm ?? 'init',
      cur,
      signal: new SignalStruct(limits, null, SIGCHLD),
      sighand: new SigHand(),
    });
    this.adopt(task);
    return task;
  }

  /** Returns the next free pid. */
  allocPid(): number {
    return this.nextPid++;
  }

  /** Adds a new task to its thread group, and a new group to its parent's children. */
  adopt(task: Task): void {
    const { signal } = task;
    signal.threads.push(task);
    signal.live++;
    if (signal.leader === task) signal.parent?.children.push(task);
    task.cur.call.pid = task.tgid;
    this.tasks.set(task.pid, task);
  }

  /** Removes a task that has been waited for. */
  reap(task: Task): void {
    this.tasks.delete(task.pid);
  }

  /**
   * Makes a call that may have to wait for storage, and repeats it until it has a result.
   *
   * @param call a raw system call or any function that returns RETRY after storing a promise in the task's call
   * @returns its result
   * @throws DeadTaskError when the task ends while the call waits
   */
  async run<T>(task: Task, call: () => T | number): Promise<T | number> {
    return repeatCall(task.cur, call, (pending) => untilEnded(task, pending));
  }

  /**
   * Loads an unsigned little-endian value from a task's memory, and waits for the page where that must be.
   *
   * @param size bytes
   * @returns a number, or for 8 bytes a bigint
   * @throws MemoryFaultError with the signal that the task gets; `cause` is what a driver threw
   */
  async load(task: Task, addr: number, size: 8): Promise<bigint>;
  async load(task: Task, addr: number, size?: 1 | 2 | 4): Promise<number>;
  async load(task: Task, addr: number, size: AccessSize = 4): Promise<number | bigint> {
    return this.run<number | bigint>(task, () => loadValue(task.memory, addr, size));
  }

  /** Stores a little-endian value of `size` bytes into a task's memory. @throws as {@link load} */
  async store(task: Task, addr: number, value: number | bigint, size: AccessSize = 4): Promise<void> {
    await this.run(task, () => {
      storeValue(task.memory, addr, value, size);
      return 0;
    });
  }

  /**
   * Brings in the pages of [addr, addr + length) as an access to each would: afterwards synchronous loads or stores need not
   * wait, until pages are taken away again.
   *
   * @param length bytes, above 0
   * @throws MemoryFaultError for the first page whose access is refused
   */
  async touch(task: Task, addr: number, length: number, access: 'load' | 'store' = 'load'): Promise<void> {
    wholeNumber('touch', 'addr', addr);
    wholeNumber('touch', 'length', length);
    const kind = access === 'store' ? ACCESS_WRITE : ACCESS_READ;
    const { pageSize } = this.system;
    for (let at = addr; at < addr + length; at = Math.floor(at / pageSize + 1) * pageSize) {
      const pfn = await this.run(task, () => accessPfn(task.memory.cur, at, kind));
      if (pfn < 0) throw new MemoryFaultError(task.cur, access);
    }
  }

  /** clear_user for exec; does nothing without memory. */
  clearUser(cur: TaskCaller, addr: number, len: number): void {
    if (this.memory !== null) clearUser(cur, addr, len);
  }

  /** Ends every task and removes System V segments. For embedders that discard a machine and check that nothing leaks. */
  shutdown(): void {
    for (const task of [...this.tasks.values()]) task.sys.exit(0);
    this.tasks.clear();
    this.sharedMemory?.sysv?.exit();
  }
}

/** Waits for a promise; rejects when the task ends before it has settled: a task that is killed stops waiting. */
function untilEnded(task: Task, pending: Promise<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const forget = task.onEnded(() => reject(new DeadTaskError(task.pid, 'run')));
    pending.then(resolve, reject).finally(forget);
  });
}

/**
 * Creates a machine.
 *
 * @throws RangeError when a filesystem cannot be mounted
 */
export function createKernel(init: KernelInit): Kernel {
  return new Kernel(init);
}
