/**
 * Machines for the tests that go through system calls: the drivers of the demo, and a few devices that do what real ones
 * rarely do.
 */
import { createArm64, type PageSize } from '@vmarea/arch-arm64';
import { Memory, UserMemory, type Frames } from '@vmarea/mm-core/memory';
import { createKernel, type Kernel, type LimitTable, type Task } from '@vmarea/kernel';
import {
  VM_DONTEXPAND,
  VM_IO,
  VM_PFNMAP,
  VmOperations,
  type MmSystem,
  type RamCounters,
  type SecurityHooks,
} from '@vmarea/mm-core';
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  type KernelConfig,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import { addDevice, devfs, FileOperations, procCreate, procfs, type SuperBlock } from '@vmarea/vfs';
import { labDrivers } from '../src/machine/lab.ts';

export const RW: number = PROT_READ | PROT_WRITE;
export const ANON: number = MAP_PRIVATE | MAP_ANONYMOUS;

export interface BootOptions {
  readonly profile?: KernelProfile;
  readonly pageSize?: PageSize;
  /** Where addresses stop being canonical, as on x86-64. */
  readonly canonicalEnd?: number;
  readonly protectionKeys?: number;
  readonly config?: Partial<KernelConfig>;
  readonly sysctl?: Partial<Sysctls>;
  readonly memoryBytes?: number;
  readonly ram?: RamCounters;
  readonly security?: Partial<SecurityHooks>;
  readonly limits?: (table: LimitTable) => void;
  readonly withoutSharedMemory?: boolean;
  readonly withoutHugePages?: boolean;
  readonly onWarning?: (text: string) => void;
}

/** Operations of the devices in /drv, by name. */
function testDevices(frames: () => Frames): Record<string, FileOperations> {
  const io = new VmOperations({});
  const nomove = new VmOperations({ mremap: () => -22 });
  const frozen = new VmOperations({
    fault: (_vma, vmf) => {
      vmf.page = frames().allocZeroed(0);
      return 0;
    },
    pageMkwrite: () => 2,
  });
  return {
    // Refuses to be mapped.
    refuse: new FileOperations({ mmap: () => -71 }),
    // Moves the mapping, as some drivers did.
    move: new FileOperations({
      mmap: (cur, _file, vma) => {
        const page = cur.mm.system.pageSize;
        vma.vmStart += page * 16;
        vma.vmEnd += page * 16;
        return 0;
      },
    }),
    // Device memory.
    io: new FileOperations({
      mmap: (_cur, _file, vma) => {
        vma.vmFlags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND;
        vma.vmOps = io;
        return 0;
      },
    }),
    // Wants to know when it goes, and that is all.
    close: new FileOperations({ mmap: (_cur, _file, vma) => ((vma.vmOps = CLOSE_OPS), 0) }),
    // Gives no operations: a shared mapping has no pages.
    bare: new FileOperations({ mmap: () => 0 }),
    // Has operations, but no fault.
    nofault: new FileOperations({ mmap: (_cur, _file, vma) => ((vma.vmOps = io), 0) }),
    segv: faulty(0x40),
    oom: faulty(0x1),
    bus: faulty(0x2),
    // Never lets a page become writable.
    frozen: new FileOperations({ mmap: (_cur, _file, vma) => ((vma.vmOps = frozen), 0) }),
    // Does not like to be moved.
    nomove: new FileOperations({ mmap: (_cur, _file, vma) => ((vma.vmOps = nomove), 0) }),
    // Each mapping is watched by a userfaultfd of its own, or has a policy of its own.
    watched: new FileOperations({ mmap: (_cur, _file, vma) => ((vma.userfaultCtx = {}), 0) }),
    policy: new FileOperations({ mmap: (_cur, _file, vma) => ((vma.vmPolicy = {}), 0) }),
  };
}

const CLOSE_OPS = new VmOperations({ close: () => undefined });

function faulty(code: number): FileOperations {
  const ops = new VmOperations({ fault: () => code });
  return new FileOperations({ mmap: (_cur, _file, vma) => ((vma.vmOps = ops), 0) });
}

function framesOf(system: MmSystem): Frames {
  if (system.memory instanceof Memory) return system.memory.frames;
  throw new TypeError('this machine has no memory');
}

function testDev(system: MmSystem): SuperBlock {
  const sb = devfs(system);
  let minor = 1;
  for (const [name, fop] of Object.entries(testDevices(() => framesOf(system))))
    addDevice(sb.root!, name, { major: 240, minor: minor++, mode: 0o666, fop });
  return sb;
}

function testProc(system: MmSystem): SuperBlock {
  const sb = procfs(system);
  procCreate(sb, 'version', { read: () => 'Linux version\n' });
  return sb;
}

/** A running machine with a task. */
export class Machine {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly system: MmSystem;

  constructor(options: BootOptions = {}) {
    const pageSize = options.pageSize ?? 4096;
    const drivers = labDrivers();
    const config: KernelConfig = { ...DEFAULT_CONFIG, hugePages: [{ size: 2 ** 21, pages: 4 }], ...options.config };
    this.kernel = createKernel({
      arch: {
        ...createArm64({ pageSize, vaBits: pageSize === 16384 ? 47 : 48 }),
        canonicalEnd: options.canonicalEnd ?? Infinity,
        protectionKeys: options.protectionKeys ?? 0,
      },
      profile: options.profile ?? LINUX_6_1,
      config,
      sysctl: { ...defaultSysctls(), ...options.sysctl },
      memory: { bytes: options.memoryBytes ?? 2 ** 26 },
      ram: options.ram ?? { totalPages: () => 2 ** 18, guessFreePages: () => 2 ** 18, swapPages: () => 0 },
      ...(options.security === undefined ? {} : { security: withHooks(options.security) }),
      ...drivers,
      ...(options.withoutSharedMemory === true ? { sharedMemory: undefined } : {}),
      ...(options.withoutHugePages === true ? { hugePages: undefined } : {}),
      mounts: [
        ...(drivers.mounts ?? []).filter(
          ({ path }) => path !== '/proc' && (options.withoutHugePages !== true || path !== '/huge'),
        ),
        { path: '/proc', filesystem: testProc },
        { path: '/drv', filesystem: testDev },
      ],
      onWarning: options.onWarning,
    });
    this.system = this.kernel.system;
    this.task = this.kernel.spawn(options.limits === undefined ? {} : { limits: options.limits });
    // Room for a heap, as a program would have.
    this.task.setHeap(0x30000000);
  }

  /** A call of the first task by name, with the decision cleared before. */
  call(name: string, ...args: unknown[]): number {
    this.task.cur.call.reason = 0;
    const sys = this.task.sys as unknown as Record<string, (...args: unknown[]) => number>;
    return sys[name]!(...args);
  }

  /** The decision that the last call left. */
  get decision(): number {
    return this.task.cur.call.reason;
  }

  memory(task: Task = this.task): UserMemory {
    return new UserMemory(task.cur);
  }

  /** Private anonymous memory at a fixed address. */
  anon(addr: number, length: number, prot: number = RW, more: number = 0): number {
    return this.task.sys.mmap(addr, length, prot, ANON | MAP_FIXED | more, -1, 0);
  }

  /** The VMA at an address. */
  vma(addr: number): NonNullable<ReturnType<Task['mm']['tree']['find']>> {
    const vma = this.task.mm.tree.find(addr);
    if (vma === null || vma.vmStart > addr) throw new Error(`nothing at ${addr.toString(16)}`);
    return vma;
  }
}

function withHooks(hooks: Partial<SecurityHooks>): SecurityHooks {
  return {
    mmapFile: () => 0,
    mmapAddr: () => 0,
    fileMprotect: () => 0,
    capSysAdmin: () => true,
    capable: () => true,
    ...hooks,
  };
}
