/**
 * The state that a kernel has once per machine: architecture, version, build, sysctls, the commit counter, and the plugged
 * in ports. No other module has module-level state.
 */
import { defaultSysctls, PROT_BTI, PROT_MTE, type KernelConfig, type KernelProfile, type Sysctls } from '@vmarea/uapi';
import { checkAppSettings } from './app-setting.ts';
import { Call } from './call.ts';
import type { Arch } from '../ports/arch.ts';
import {
  CAPABILITY_SECURITY,
  type Audit,
  type PerfEvents,
  type RamCounters,
  type SecurityHooks,
  type Uprobes,
} from '../ports/hooks.ts';
import type { HugePages, SharedMemory } from '../ports/huge-pages.ts';
import { NO_MEMORY, type MemoryPort } from '../ports/memory.ts';
import { Slab } from '../base/slab.ts';

/** The parts of an {@link MmSystem}. Only the first three are required. */
export interface MmSystemInit {
  arch: Arch;
  profile: KernelProfile;
  config: KernelConfig;
  sysctl?: Sysctls | undefined;
  ram?: RamCounters | undefined;
  security?: SecurityHooks | undefined;
  /** Called once per kind of warning (WARN_ON_ONCE) with a sentence. */
  onWarning?: ((text: string) => void) | undefined;
}

/** A machine's memory subsystem. */
export class MmSystem {
  readonly arch: Arch;
  readonly profile: KernelProfile;
  readonly config: KernelConfig;
  readonly sysctl: Sysctls;
  readonly pageSize: number;
  readonly pageShift: number;
  /** Pages per byte: 1 / pageSize. A power of two, so that multiplying is exact; it takes 4 cycles, dividing 14. */
  readonly perPage: number;
  /** pageSize - 1: `addr & pageMask` is the offset in the page. */
  readonly pageMask: number;
  /** The guard gap below a stack, in bytes. */
  readonly stackGuardGap: number;
  ram: RamCounters;
  security: SecurityHooks;
  audit: Audit | null = null;
  perf: PerfEvents | null = null;
  uprobes: Uprobes | null = null;
  hugePages: HugePages | null = null;
  sharedMemory: SharedMemory | null = null;
  memory: MemoryPort = NO_MEMORY;
  /** Whether an address space was made: memory cannot be plugged in any more then. */
  hasMm = false;
  /** The pages committed: vm_committed_as, exact (the kernel's per-CPU batches are not modelled). */
  committedAs = 0;
  /** vm_area_cachep. */
  /** The PROT_ bits that this machine has beyond the common ones: PROT_BTI, PROT_MTE. */
  readonly archProt: number;
  readonly vmAreaCachep: Slab;
  /**
   * Whether calls on plain memory work on records where they can. False: they use objects for everything, as the kernel
   * does. A program sees no difference; for tests.
   */
  fastPaths = true;
  /** Fault injection: the number of the next allocation that fails, counted from 1; 0 for none (see `shouldFail`). */
  failCountdown = 0;
  /**
   * task_work: work that runs when the current system call returns, such as the release of a file whose last reference was
   * dropped (so the old file keeps its charges while a mapping that replaces it is checked). Null: such work runs at once.
   */
  taskWork: (() => void)[] | null = null;
  /**
   * The current call: what the kernel finds through `current`. An unused Call until the first one begins. A driver that must
   * wait stores its promise in `system.current.pending` and returns RETRY.
   */
  current: Call = new Call();
  /** The last exception of a driver that is no errno. A caller that reads it sets it to null before the call. */
  driverError: Error | null = null;
  /** Pages locked per user id (user_struct.locked_shm), for huge SysV segments. */
  readonly lockedShm: Map<number, number> = new Map<number, number>();
  private readonly warned: Set<string> = new Set<string>();
  private readonly onWarning: (text: string) => void;

  constructor(init: MmSystemInit) {
    checkAppSettings(init.config);
    this.arch = init.arch;
    this.profile = init.profile;
    this.config = init.config;
    this.sysctl = init.sysctl ?? defaultSysctls();
    this.pageSize = init.arch.pageSize;
    this.pageShift = init.arch.pageShift;
    this.perPage = 1 / init.arch.pageSize;
    this.pageMask = init.arch.pageSize - 1;
    this.stackGuardGap = init.config.stackGuardGapPages * init.arch.pageSize;
    const total = Math.floor(init.config.ramBytes / init.arch.pageSize);
    this.ram = init.ram ?? { totalPages: () => total, guessFreePages: () => total, swapPages: () => 0 };
    const { profile, config, arch } = init;
    const cpu = (config.cpuBti ? PROT_BTI : 0) | (config.cpuMte ? PROT_MTE : 0);
    this.archProt = profile.mmap.protBtiMte ? arch.protBits & cpu : 0;
    this.security = init.security ?? CAPABILITY_SECURITY;
    this.vmAreaCachep = new Slab(this);
    this.onWarning = init.onWarning ?? (() => undefined);
  }

  /** max(dac_mmap_min_addr, CONFIG_LSM_MMAP_MIN_ADDR), in bytes. */
  get mmapMinAddr(): number {
    return Math.max(this.sysctl.mmapMinAddr, this.config.lsmMmapMinAddr);
  }

  /** Counts down to an injected failure. Returns whether the current allocation must fail. */
  shouldFail(): boolean {
    if (this.failCountdown === 0) return false;
    this.failCountdown--;
    return this.failCountdown === 0;
  }

  /**
   * WARN_ON_ONCE.
   *
   * @param kind identifies the place
   * @param text the sentence, reported once per kind
   */
  warnOnce(kind: string, text: string): void {
    if (this.warned.has(kind)) return;
    this.warned.add(kind);
    this.onWarning(text);
  }
}
