/**
 * Builds the machine of a set: kernel version, configuration, page size, memory; from a recording's header and the guest's
 * files.
 *
 * The tables here have what no file contains: how the kernels were built.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createArm64, type PageSize, type VaBits } from '@vmarea/arch-arm64';
import { createX86_64, type VsyscallMode } from '@vmarea/arch-x86-64';
import { hugetlbfs, Hugetlb } from '@vmarea/hugetlbfs';
import { clearRefs, createKernel, type Kernel } from '@vmarea/kernel';
import { Shmem, tmpfs } from '@vmarea/shmem';
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  LINUX_6_1,
  LINUX_6_12,
  LINUX_6_18,
  MSM_4_4,
  type KernelConfig,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import { devfs, procCreate, procfs, ramfs } from '@vmarea/vfs';
import type { Arch, MmSystem } from '@vmarea/mm-core';
import type { MemoryInit } from '@vmarea/mm-core/memory';
import { addProcFiles } from './rest.ts';
import type { Header } from './recording.ts';

/** The properties that all recordings of a set share. */
export interface Guest {
  /** The kernel's command line, '' when unknown. */
  readonly cmdline: string;
  /** kB by name, from the guest's /proc/meminfo at boot. */
  readonly meminfo: Readonly<Record<string, number>>;
  /** The processor has protection keys (x86-64); those of two sets of recordings had. */
  readonly protectionKeys?: boolean | undefined;
}

/** Reads the guest's files. Without them the figures come from each header. */
export function readGuest(dir: string): Guest {
  const path = join(dir, 'guest-meminfo');
  const meminfo: Record<string, number> = {};
  if (existsSync(path)) {
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const match = /^([\w()]+):\s+(\d+)/.exec(line);
      if (match !== null) meminfo[match[1]!] = Number(match[2]);
    }
  }
  const cmdline = join(dir, 'guest-cmdline');
  // No file of a guest has the features of its processor: the name of the set does.
  const protectionKeys = /-(pku|la57)$/.test(basename(dir));
  return { meminfo, protectionKeys, cmdline: existsSync(cmdline) ? readFileSync(cmdline, 'utf8') : '' };
}

/** The profile for a kernel's release string. */
export function profileOf(release: string): KernelProfile {
  if (release.startsWith('4.4')) return MSM_4_4;
  if (release.startsWith('6.18.')) return LINUX_6_18;
  if (release.startsWith('6.12.')) return LINUX_6_12;
  if (release.startsWith('6.1.')) return LINUX_6_1;
  throw new Error(`conformance: no profile for kernel ${release}`);
}

/** RAM above this counts in limits only: such a machine gets 1 GiB of frames, because no recording accesses more. */
const MOST_FRAMES_BYTES = 2 ** 34;

/** The default huge page of each page size, in bytes, when the guest's files do not contain it. */
const DEFAULT_HUGE: Readonly<Record<number, number>> = { 4096: 2 ** 21, 16384: 2 ** 25, 65536: 2 ** 29 };

/** The build of x86-64 kernels, where it differs from Debian's arm64 kernels: Debian's have soft-dirty bits and (6.12) shadow stacks, the native 6.18 has neither. */
function x86Config(header: Header): Partial<KernelConfig> {
  const softDirty = header.initial_smaps.some((vma) => String(vma['VmFlags']).split(' ').includes('sd'));
  return { softDirty, lsmMmapMinAddr: 65536, userShadowStack: header.kernel.startsWith('6.12.') };
}

/** HWCAP_PACA: of the two processors that the arm64 guests had, the newer one, which has landing instructions, too. */
const HWCAP_PACA = 2 ** 30;

/** The processor of an arm64 guest. The machine of the scripts `max/` has memory for tags. */
function arm64Config(header: Header): Partial<KernelConfig> {
  const hwcap = Number(header.auxv?.['AT_HWCAP'] ?? 0);
  return { cpuBti: Math.floor(hwcap / HWCAP_PACA) % 2 === 1, cpuMte: header.name.startsWith('max/') };
}

function configOf(header: Header, guest: Guest, profile: KernelProfile): KernelConfig {
  const hugeSize = (guest.meminfo['Hugepagesize'] ?? DEFAULT_HUGE[header.page_size]! / 1024) * 1024;
  const pages = header.meminfo['HugePages_Total'] ?? 0;
  const ratio = Number(header.sysctl['overcommit_ratio']);
  const limit = header.meminfo['CommitLimit'] ?? 0;
  const ramKb = guest.meminfo['MemTotal'] ?? Math.ceil((limit * 100) / ratio) + (pages * hugeSize) / 1024;
  return {
    ...DEFAULT_CONFIG,
    ...profile.usualConfig,
    hugePages: [{ size: hugeSize, pages }],
    ...(header.arch === 'x86_64' ? x86Config(header) : arm64Config(header)),
    ramBytes: ramKb * 1024,
  };
}

/**
 * Whether the scripts ran on a machine in use, in a container: its root is a tmpfs, root has not CAP_SYS_RESOURCE (a hard
 * limit could not be raised), and /dev has no full.
 */
export function inContainer(header: Header): boolean {
  return header.kernel.startsWith('6.18.') && header.kernel.includes('-fc-');
}

/** The `vsyscall=` of an x86-64 command line; otherwise what the first map has, which is how the kernel was built. */
function vsyscallOf(header: Header, cmdline: string): VsyscallMode {
  const told = /(?:^|\s)vsyscall=(\w+)/.exec(cmdline)?.[1];
  if (told !== undefined) return told as VsyscallMode;
  const line = header.initial_maps.find((text) => text.endsWith('[vsyscall]'));
  if (line === undefined) return 'none';
  return line.includes(' r-xp ') ? 'emulate' : 'xonly';
}

function archOf(header: Header, guest: Guest): Arch {
  if (header.arch !== 'x86_64') {
    return createArm64({ pageSize: header.page_size as PageSize, vaBits: header.va_bits as VaBits });
  }
  return createX86_64({
    levels: header.va_bits > 47 ? 5 : 4,
    vsyscall: vsyscallOf(header, guest.cmdline),
    protectionKeys: guest.protectionKeys,
  });
}

function sysctlsOf(header: Header): Sysctls {
  const of = (name: string): number => Number(header.sysctl[name] ?? 0);
  return {
    ...defaultSysctls(),
    overcommitMemory: of('overcommit_memory'),
    overcommitRatio: of('overcommit_ratio'),
    overcommitKbytes: of('overcommit_kbytes'),
    maxMapCount: of('max_map_count'),
    adminReserveKbytes: of('admin_reserve_kbytes'),
    userReserveKbytes: of('user_reserve_kbytes'),
    mmapMinAddr: of('mmap_min_addr'),
    legacyVaLayout: of('legacy_va_layout'),
    randomizeVaSpace: of('randomize_va_space'),
  };
}

/**
 * Free memory as overcommit's guess counts it, in kB, when the guest had booted: free and page cache and reclaimable slab,
 * less the reserves. 4.4's MemAvailable is computed from the low watermarks, which gives the high ones (6 : 5).
 */
function freeAtBoot(guest: Guest): number | null {
  const { MemFree: free, MemAvailable: available, Cached: cached, SReclaimable: slab } = guest.meminfo;
  if (free === undefined || available === undefined || cached === undefined || slab === undefined) return null;
  const lru = (guest.meminfo['Active(file)'] ?? 0) + (guest.meminfo['Inactive(file)'] ?? 0);
  // available = free - low + lru - min(lru / 2, low) + slab - min(slab / 2, low)
  const low = free + lru - Math.floor(lru / 2) + slab - Math.floor(slab / 2) - available;
  const reserve = Math.max(low, 0) * 1.2;
  return free + cached + slab - reserve;
}

let spare: ArrayBuffer = new ArrayBuffer(0);

/** Returns the memory of the last machine, for the next one: a new buffer for each took a third of the time of a set. */
function memoryOf(bytes: number): MemoryInit {
  if (spare.byteLength < bytes) spare = new ArrayBuffer(bytes);
  return { bytes, buffer: spare };
}

/**
 * Builds the machine, with fresh filesystems such as each script found. It takes the memory of the machine that was built before
 * in this thread, so only the last one can be used.
 *
 * @param profile the kernel; default the recorded one
 */
export function buildMachine(header: Header, guest: Guest, profile: KernelProfile = profileOf(header.kernel)): Kernel {
  const config = configOf(header, guest, profile);
  const proc = (system: MmSystem): ReturnType<typeof procfs> => {
    const sb = procfs(system);
    procCreate(sb, 'self/clear_refs', { read: () => '', write: (cur, text) => clearRefs(cur.mm, text) });
    procCreate(sb, 'version', { read: () => `Linux version ${header.kernel}\n` });
    addProcFiles(sb);
    return sb;
  };
  const kernel = createKernel({
    arch: archOf(header, guest),
    profile,
    config,
    sysctl: sysctlsOf(header),
    memory: memoryOf(config.ramBytes > MOST_FRAMES_BYTES ? 2 ** 30 : config.ramBytes),
    hugePages: (system) => new Hugetlb(system),
    sharedMemory: (system) => new Shmem(system),
    root: (system) => (inContainer(header) ? tmpfs(system) : ramfs(system)),
    mounts: [
      { path: '/dev', filesystem: (system) => devfs(system) },
      { path: '/proc', filesystem: proc },
      { path: '/w', filesystem: (system) => tmpfs(system) },
      { path: '/wn', filesystem: (system) => tmpfs(system), options: { noexec: true } },
      { path: '/r', filesystem: (system) => ramfs(system) },
      { path: '/huge', filesystem: (system) => hugetlbfs(system, { mode: 0o1777 }) },
    ],
  });
  const { ram } = kernel.system;
  if (config.ramBytes > MOST_FRAMES_BYTES) {
    kernel.system.ram = { ...ram, totalPages: () => Math.floor(config.ramBytes / header.page_size) };
  }
  const free = freeAtBoot(guest);
  if (free !== null && kernel.memory !== null) {
    const { frames } = kernel.memory;
    const counted = (): number => frames.nrFree + frames.nrFilePages - frames.nrShmem;
    const base = Math.floor((free * 1024) / header.page_size) - counted();
    const now = kernel.system.ram;
    kernel.system.ram = {
      ...now,
      guessFreePages: () => base + counted(),
    };
  }
  return kernel;
}
