/**
 * The situation in which the calls are made: machine, limits, rights, files, the map that is there already.
 *
 * Plain data, so that a «what if» is a copy with one field changed; and the texts of the command line for it.
 */
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  LINUX_6_1,
  parseCapabilities,
  PROFILES,
  type KernelConfig,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import { ScriptError } from './script.ts';

/** The machine; what a {@link MachineMaker} is asked for. */
export interface MachineSpec {
  readonly profile: KernelProfile;
  /** Bytes: 4096, 16384 or 65536. */
  readonly pageSize: number;
  readonly config: KernelConfig;
  readonly sysctl: Sysctls;
  /** Bytes of memory behind the mappings; `config.ramBytes` is what overcommit counts with. */
  readonly memoryBytes: number;
  /** Free and reclaimable bytes, for the guess of 4.4. */
  readonly freeBytes: number;
  readonly swapBytes: number;
}

/** Where a file lives, which decides what its driver does. */
export type FileKind = 'ramfs' | 'tmpfs' | 'hugetlbfs' | 'memfd' | 'zero' | 'null' | 'pipe' | 'dir';

const FILE_KINDS: readonly string[] = ['ramfs', 'tmpfs', 'hugetlbfs', 'memfd', 'zero', 'null', 'pipe', 'dir'];

/** A file that is open when the calls begin: descriptors 3, 4, … in their order. */
export interface FileSpec {
  readonly mode: 'ro' | 'wo' | 'rw';
  /** Bytes. */
  readonly size: number;
  readonly kind: FileKind;
  /** Its mount forbids execution. */
  readonly noexec: boolean;
  /** The inode is append-only. */
  readonly append: boolean;
  /** Somebody holds a lock on it, and its filesystem is mounted with mandatory locking. */
  readonly locked: boolean;
  /** F_SEAL_WRITE of a memfd. */
  readonly sealed: boolean;
}

/** Soft limits, bytes; Infinity for none. */
export interface LimitSpec {
  readonly as: number;
  readonly data: number;
  readonly stack: number;
  readonly memlock: number;
  readonly fsize: number;
}

/** What is there before the first call. */
export interface Setup {
  readonly machine: MachineSpec;
  readonly limits: LimitSpec;
  readonly capabilities: ReadonlySet<number>;
  readonly uid: number;
  readonly personality: number;
  readonly files: readonly FileSpec[];
  /** Text of /proc/PID/maps that is to be there first; empty for a new process. */
  readonly maps: string;
  /** Committed pages' bytes at the start; null: what the maps make. */
  readonly committedBytes: number | null;
}

/** A plain file: read-write, 64 KiB, on ramfs. */
export const DEFAULT_FILE: FileSpec = {
  mode: 'rw',
  size: 65536,
  kind: 'ramfs',
  noexec: false,
  append: false,
  locked: false,
  sealed: false,
};

/** A user's process on a machine with 1 GiB. */
export function defaultSetup(profile: KernelProfile = LINUX_6_1, pageSize: number = 4096): Setup {
  const huge = pageSize === 4096 ? 2 ** 21 : pageSize === 16384 ? 2 ** 25 : 2 ** 29;
  const ramBytes = 2 ** 30;
  return {
    machine: {
      profile,
      pageSize,
      config: { ...DEFAULT_CONFIG, hugePages: [{ size: huge, pages: 0 }] },
      sysctl: defaultSysctls(),
      memoryBytes: 2 ** 27,
      freeBytes: ramBytes,
      swapBytes: 0,
    },
    limits: {
      as: Infinity,
      data: Infinity,
      stack: 8 * 2 ** 20,
      memlock: profile.limits.bootMemlock,
      fsize: Infinity,
    },
    capabilities: new Set<number>(),
    uid: 1000,
    personality: 0,
    files: [],
    maps: '',
    committedBytes: null,
  };
}

/** Makes a machine anew with one field of its description changed. */
export function withMachine(setup: Setup, change: Partial<MachineSpec>): Setup {
  return { ...setup, machine: { ...setup.machine, ...change } };
}

/** The same with one sysctl changed. */
export function withSysctl(setup: Setup, change: Partial<Sysctls>): Setup {
  return withMachine(setup, { sysctl: { ...setup.machine.sysctl, ...change } });
}

/** The same on another version or page size: the pool keeps its bytes, in the default huge pages of that size. */
export function onMachine(setup: Setup, profile: KernelProfile, pageSize: number): Setup {
  if (pageSize === setup.machine.pageSize) return withMachine(setup, { profile });
  const { hugePages } = defaultSetup(profile, pageSize).machine.config;
  return withMachine(setup, { profile, pageSize, config: { ...setup.machine.config, hugePages } });
}

const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Bytes or a count: `8192`, `0x2000`, `64k`, `1G`, `unlimited`.
 *
 * @throws ScriptError for anything else
 */
export function parseSize(text: string): number {
  const word = text.trim().toLowerCase();
  if (word === 'unlimited' || word === 'infinity') return Infinity;
  const match = /^(0x[0-9a-f]+|\d+)([kmgt]?)b?$/.exec(word);
  if (match === null) throw new ScriptError(`not a size: «${text}»`);
  return Number(match[1]) * (match[2] === '' ? 1 : UNITS[match[2]!]!);
}

function eachPair(text: string, take: (key: string, value: string | null) => void): void {
  for (const part of text.split(',')) {
    const word = part.trim();
    if (word === '') continue;
    const equals = word.indexOf('=');
    if (equals < 0) take(word, null);
    else take(word.slice(0, equals).trim(), word.slice(equals + 1).trim());
  }
}

/** `ro,size=8192,noexec,append,tmpfs,locked,sealed`. */
export function parseFile(text: string): FileSpec {
  let spec = DEFAULT_FILE;
  eachPair(text, (key, value) => {
    if (key === 'ro' || key === 'wo' || key === 'rw') spec = { ...spec, mode: key };
    else if (key === 'size' && value !== null) spec = { ...spec, size: parseSize(value) };
    else if (key === 'noexec' || key === 'append' || key === 'locked') spec = { ...spec, [key]: true };
    else if (key === 'sealed') spec = { ...spec, sealed: true, kind: 'memfd' };
    else if (FILE_KINDS.includes(key)) spec = { ...spec, kind: key as FileKind };
    else if (key === 'fs' && value !== null && FILE_KINDS.includes(value)) spec = { ...spec, kind: value as FileKind };
    else
      throw new ScriptError(
        `--file: unknown «${key}»; there are ro, wo, rw, size=N, noexec, append, locked, sealed, ${FILE_KINDS.join(', ')}`,
      );
  });
  // Attributes and mandatory locks are what tmpfs has; ramfs has neither.
  if ((spec.append || spec.locked) && spec.kind === 'ramfs') spec = { ...spec, kind: 'tmpfs' };
  return spec;
}

const LIMIT_NAMES: readonly (keyof LimitSpec)[] = ['as', 'data', 'stack', 'memlock', 'fsize'];

/** `as=64M,memlock=0`. */
export function parseLimits(text: string, limits: LimitSpec): LimitSpec {
  let result = limits;
  eachPair(text, (key, value) => {
    const name = LIMIT_NAMES.find((limit) => limit === key.toLowerCase().replace('rlimit_', ''));
    if (name === undefined || value === null) {
      throw new ScriptError(
        `--rlimit: unknown «${key}»; there are ${LIMIT_NAMES.map((limit) => `${limit}=N`).join(', ')}`,
      );
    }
    // A hard limit may follow; nobody here raises the soft one.
    result = { ...result, [name]: parseSize(value.split(':')[0]!) };
  });
  return result;
}

const SYSCTL_NAMES: Readonly<Record<string, keyof Sysctls>> = {
  overcommit_memory: 'overcommitMemory',
  overcommit_ratio: 'overcommitRatio',
  overcommit_kbytes: 'overcommitKbytes',
  max_map_count: 'maxMapCount',
  admin_reserve_kbytes: 'adminReserveKbytes',
  user_reserve_kbytes: 'userReserveKbytes',
  mmap_min_addr: 'mmapMinAddr',
  legacy_va_layout: 'legacyVaLayout',
};

/** `vm.overcommit_memory=2,vm.nr_hugepages=4`. */
export function parseSysctls(text: string, setup: Setup): Setup {
  let result = setup;
  eachPair(text, (key, value) => {
    const bare = key.replace(/^(vm|kernel)[./]/, '');
    if (value === null) throw new ScriptError(`--sysctl: «${key}» has no value`);
    const number = parseSize(value);
    if (bare === 'nr_hugepages') {
      result = withHugePages(result, number);
      return;
    }
    const name = Object.hasOwn(SYSCTL_NAMES, bare) ? SYSCTL_NAMES[bare] : undefined;
    if (name === undefined) {
      throw new ScriptError(
        `--sysctl: unknown «${key}»; there are ${[...Object.keys(SYSCTL_NAMES), 'nr_hugepages'].map((s) => `vm.${s}`).join(', ')}`,
      );
    }
    result = withSysctl(result, { [name]: number });
  });
  return result;
}

/** The default pool with another number of pages; memory for them is found. */
export function withHugePages(setup: Setup, pages: number): Setup {
  const { config } = setup.machine;
  const [first, ...rest] = config.hugePages;
  if (first === undefined) return setup;
  const bytes = Math.max(setup.machine.memoryBytes, 2 ** 26 + pages * first.size);
  return withMachine(setup, {
    config: { ...config, hugePages: [{ size: first.size, pages }, ...rest] },
    memoryBytes: bytes,
  });
}

/** `none`, `all`, `CAP_IPC_LOCK,CAP_SYS_ADMIN`. */
export function parseRights(text: string): ReadonlySet<number> {
  const parsed = parseCapabilities(text);
  if (typeof parsed === 'string') throw new ScriptError(`--capabilities: ${parsed}`);
  return parsed;
}

/** Takes memory sizes, the committed total and the pool from the text of /proc/meminfo. */
export function withMeminfo(setup: Setup, text: string): Setup {
  const kb: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const match = /^([\w()]+):\s+(\d+)/.exec(line);
    if (match !== null) kb[match[1]!] = Number(match[2]);
  }
  if (kb['MemTotal'] === undefined) throw new ScriptError('--meminfo: there is no MemTotal in it');
  const free = kb['MemFree'] ?? kb['MemTotal'];
  const cached = kb['Cached'] ?? 0;
  const slab = kb['SReclaimable'] ?? 0;
  const shmem = kb['Shmem'] ?? 0;
  let result: Setup = {
    ...withMachine(setup, {
      config: { ...setup.machine.config, ramBytes: kb['MemTotal'] * 1024 },
      freeBytes: (free + cached - shmem + slab) * 1024,
      swapBytes: (kb['SwapTotal'] ?? 0) * 1024,
    }),
    committedBytes: kb['Committed_AS'] === undefined ? null : kb['Committed_AS'] * 1024,
  };
  const size = kb['Hugepagesize'];
  if (size !== undefined) {
    const { config } = result.machine;
    result = withMachine(result, { config: { ...config, hugePages: [{ size: size * 1024, pages: 0 }] } });
    result = withHugePages(result, kb['HugePages_Total'] ?? 0);
  }
  return result;
}

/** A kernel version by name. */
export function parseProfile(text: string): KernelProfile {
  const known = Object.hasOwn(PROFILES, text) ? PROFILES[text as KernelProfile['name']] : undefined;
  if (known === undefined)
    throw new ScriptError(`--kernel: unknown «${text}»; there are ${Object.keys(PROFILES).join(', ')}`);
  return known;
}

/** 4096, 16384, 65536, or 4k, 16k, 64k. */
export function parsePageSize(text: string): number {
  const size = parseSize(text);
  if (![4096, 16384, 65536].includes(size)) throw new ScriptError(`--page-size: «${text}»; arm64 has 4k, 16k and 64k`);
  return size;
}
