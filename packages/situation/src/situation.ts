/**
 * A situation: all facts about a machine and a process before the first call. Data only: a «what if» is a copy with one fact
 * changed. Not here: the inference (infer.ts), and creating the machine and process (restore.ts and the applications).
 */
import type { VsyscallMode } from '@vmarea/arch-x86-64';
import type { MapsLine } from '@vmarea/strace';
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  LINUX_6_1,
  PROFILES,
  type KernelConfig,
  type KernelName,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import { assumed, type Fact } from './evidence.ts';
import type { FileSpec } from './files.ts';
import { ASSUMED_MOUNTS, type Mounts } from './mounts.ts';

/** The architectures that a log or a map can show; `32-bit` when only the width is known. */
export type Architecture = 'arm64' | 'x86-64' | 'riscv64' | 'arm' | 'i386' | '32-bit';

/** A limit: bytes or a count; Infinity for none. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

/** The figures of /proc/meminfo, in bytes. */
export interface MemoryFigures {
  readonly total: number;
  /** Free and reclaimable memory, which overcommit mode 0 of 4.4 uses. */
  readonly free: number;
  readonly swap: number;
  /** Committed_AS; null when the file does not contain it. */
  readonly committed: number | null;
  /** Hugepagesize and HugePages_Total, and how many of them others have or reserved; null when the file does not contain them. */
  readonly hugePages: { readonly size: number; readonly pages: number; readonly held?: number } | null;
}

/** A line of a map, with its data from smaps. */
export type SituationMapLine = MapsLine & {
  /** VmFlags of smaps (`rd`, `wr`, `ac`, …); absent for a line of maps. */
  readonly vmFlags?: readonly string[] | undefined;
};

/** The map before the first call. */
export interface MapBefore {
  readonly lines: readonly SituationMapLine[];
  /** Its source, for messages. */
  readonly source: string;
}

/** All facts before the first call. */
export interface Situation {
  readonly architecture: Fact<Architecture>;
  /** Bytes. */
  readonly pageSize: Fact<number>;
  /** Address bits of user space. */
  readonly vaBits: Fact<number>;
  readonly kernel: Fact<KernelName>;
  /** Kernels that fit what was read as well, newest first. */
  readonly otherKernels: readonly KernelName[];
  /** The build and boot configuration, where it differs from the usual one of the version. */
  readonly config: ReadonlyMap<keyof KernelConfig, Fact<boolean | number>>;
  /** By name below /proc/sys with dots (`vm.max_map_count`), where they differ from those at boot. */
  readonly sysctls: ReadonlyMap<string, Fact<string>>;
  /** By resource number, where they differ from those at boot. */
  readonly limits: ReadonlyMap<number, Fact<Limit>>;
  readonly capabilities: Fact<ReadonlySet<number>>;
  readonly uid: Fact<number>;
  /** The boot parameter `vsyscall` of an x86-64 kernel, which selects the last line of maps. */
  readonly vsyscall: Fact<VsyscallMode>;
  /** The value of personality(2). */
  readonly personality: Fact<number>;
  /** Whether addresses are random; `unknown`: the first break of the log decides. */
  readonly aslr: Fact<'on' | 'off' | 'unknown'>;
  readonly memory: Fact<MemoryFigures>;
  /** Null: the process starts with exec, or empty. */
  readonly mapBefore: Fact<MapBefore> | null;
  /** Mounts by their directory. */
  readonly mounts: Mounts;
  /** Open files by descriptor. */
  readonly files: ReadonlyMap<number, Fact<FileSpec>>;
  /** The line at which the log installs a seccomp filter; null when it shows none. */
  readonly seccomp: Fact<number> | null;
}

/** Bytes of RAM without evidence: never the cause of a difference (see {@link memoryIsKnown}). */
export const ASSUMED_RAM: number = 8 * 2 ** 30;

/** Returns figures for a machine with a known amount of RAM, all of it free, without swap. */
export function memoryOf(total: number): MemoryFigures {
  return { total, free: total, swap: 0, committed: null, hugePages: null };
}

/** Returns the address bits of arm64 kernels for a page size, ascending; empty for an invalid size. */
export function arm64VaBits(pageSize: number): readonly number[] {
  return VA_BITS.get(pageSize) ?? [];
}

const VA_BITS: ReadonlyMap<number, readonly number[]> = new Map([
  [4096, [39, 48]],
  [16384, [36, 47, 48]],
  [65536, [42, 48]],
]);

/** Address bits of a program on x86-64: with four levels of page tables, and with five. */
const X86_VA_BITS: readonly number[] = [47, 56];

/**
 * Page sizes in bytes that kernels of an architecture are built with; 4 KiB for one that is not modelled.
 */
export function pageSizesOf(architecture: Architecture): readonly number[] {
  return architecture === 'arm64' ? [...VA_BITS.keys()] : [4096];
}

/** Address bits that programs have on an architecture with a page size, ascending; empty where that is not known. */
export function vaBitsOf(architecture: Architecture, pageSize: number): readonly number[] {
  if (architecture === 'x86-64') return X86_VA_BITS;
  return architecture === 'arm64' ? arm64VaBits(pageSize) : [];
}

/** Kernels that run on an architecture, oldest first: msm-4.4 is of phones, which are arm64. */
export function kernelsOf(architecture: Architecture): readonly KernelName[] {
  const all = Object.keys(PROFILES) as KernelName[];
  return architecture === 'arm64' ? all : all.filter((name) => !name.startsWith('msm-'));
}

/** Returns the address bits to use without evidence. */
export function usualVaBits(architecture: Architecture, profile: KernelProfile, pageSize: number): number {
  if (architecture === 'arm64') {
    if (pageSize === 4096) return profile.usualVaBits;
    return pageSize === 16384 ? 47 : 48;
  }
  return architecture === 'x86-64' ? 47 : architecture === 'riscv64' ? 39 : 32;
}

/**
 * Returns the default machine and process of every command: arm64, 4 KiB pages, Linux 6.1 as distributions build it, a user's
 * process without capabilities. Every fact is assumed.
 */
export function defaultSituation(profile: KernelProfile = LINUX_6_1): Situation {
  return {
    architecture: assumed('arm64'),
    pageSize: assumed(4096),
    vaBits: assumed(usualVaBits('arm64', profile, 4096)),
    kernel: assumed(profile.name),
    otherKernels: [],
    config: new Map(),
    sysctls: new Map(),
    limits: new Map(),
    capabilities: assumed(new Set<number>()),
    uid: assumed(1000),
    vsyscall: assumed('xonly'),
    personality: assumed(0),
    aslr: assumed('unknown'),
    memory: assumed(memoryOf(ASSUMED_RAM)),
    mapBefore: null,
    mounts: ASSUMED_MOUNTS,
    files: new Map(),
    seccomp: null,
  };
}

/** Returns whether the amount of RAM is known, so that overcommit may be judged. */
export function memoryIsKnown(situation: Situation): boolean {
  return situation.memory.evidence.kind !== 'assumed';
}

/** Returns whether the machine is arm64, where the kernel's build chooses page size and address bits. */
export function isArm64(situation: Situation): boolean {
  return situation.architecture.value === 'arm64';
}

/** Returns the usual configuration of an architecture, where it differs from arm64's (CONFIG_LSM_MMAP_MIN_ADDR's default). */
function usualConfigOf(architecture: Architecture): Partial<KernelConfig> {
  return architecture === 'x86-64' ? { lsmMmapMinAddr: 65536 } : {};
}

/** Sysctls that distributions set on an architecture otherwise than the kernel does. */
function usualSysctlsOf(architecture: Architecture): Partial<Sysctls> {
  return architecture === 'x86-64' ? { mmapMinAddr: 65536 } : {};
}

/** The parts of a machine as plain values, without evidence. */
export interface MachineSpec {
  readonly architecture: Architecture;
  readonly profile: KernelProfile;
  readonly pageSize: number;
  readonly vaBits: number;
  readonly vsyscall: VsyscallMode;
  readonly config: KernelConfig;
  /** The values of {@link Sysctls}; `sysctls` has all given ones, by name. */
  readonly sysctl: Sysctls;
  readonly sysctls: ReadonlyMap<string, string>;
  readonly memory: MemoryFigures;
}

/** Returns the bytes of the usual huge page for a page size. */
export function usualHugePage(pageSize: number): number {
  return pageSize === 4096 ? 2 ** 21 : pageSize === 16384 ? 2 ** 25 : 2 ** 29;
}

/** Returns the machine of a situation. */
export function machineOf(situation: Situation): MachineSpec {
  const profile = PROFILES[situation.kernel.value];
  const pageSize = situation.pageSize.value;
  const memory = situation.memory.value;
  const own: Record<string, unknown> = {};
  for (const [name, fact] of situation.config) own[name] = fact.value;
  const sysctls = new Map<string, string>();
  for (const [name, fact] of situation.sysctls) sysctls.set(name, fact.value);
  const config: KernelConfig = {
    ...DEFAULT_CONFIG,
    ...profile.usualConfig,
    ...usualConfigOf(situation.architecture.value),
    hugePages: [memory.hugePages ?? { size: usualHugePage(pageSize), pages: 0 }],
    ramBytes: memory.total,
    ...own,
  };
  return {
    architecture: situation.architecture.value,
    profile,
    pageSize,
    vaBits: situation.vaBits.value,
    vsyscall: situation.vsyscall.value,
    config,
    sysctl: sysctlsOf(sysctls, situation.architecture.value),
    sysctls,
    memory,
  };
}

/** Returns the field of {@link Sysctls} for a sysctl's name; undefined for one that is elsewhere (the huge page pool). */
export function sysctlField(name: string): keyof Sysctls | undefined {
  const bare = name.replace(/^(vm|kernel)[./]/, '');
  const field = bare.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.hasOwn(defaultSysctls(), field) ? (field as keyof Sysctls) : undefined;
}

function sysctlsOf(given: ReadonlyMap<string, string>, architecture: Architecture): Sysctls {
  const sysctl = { ...defaultSysctls(), ...usualSysctlsOf(architecture) };
  for (const [name, value] of given) {
    const field = sysctlField(name);
    if (field === undefined) continue;
    sysctl[field] = Number(value);
    // The kernel uses only one of the two.
    if (field === 'overcommitKbytes') sysctl.overcommitRatio = 0;
    if (field === 'overcommitRatio') sysctl.overcommitKbytes = 0;
  }
  return sysctl;
}
