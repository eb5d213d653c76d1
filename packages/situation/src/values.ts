/**
 * Parses the values of options. Each error names the option, the value and valid values.
 */
import {
  capabilityByName,
  parseCapabilities,
  PROFILES,
  rlimitByName,
  type KernelConfig,
  type KernelName,
} from '@vmarea/uapi';
import { SituationError } from './error.ts';
import { sysctlField, type Architecture, type Limit, type MemoryFigures } from './situation.ts';

const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Parses bytes: decimal or hexadecimal, with k, m, g or t; `unlimited` is Infinity if allowed.
 *
 * @throws SituationError for anything else
 */
export function parseBytes(option: string, text: string, unlimited = false): number {
  const word = text.trim();
  if (unlimited && /^(unlimited|infinity)$/i.test(word)) return Infinity;
  const match = /^(0x[0-9a-f]+|[0-9]+)([kmgt]?)(?:i?b)?$/i.exec(word);
  const value = match === null ? NaN : Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? 1);
  if (!Number.isSafeInteger(value)) {
    const more = unlimited ? ' or unlimited' : '';
    throw new SituationError(`${option}: «${text}» is no number of bytes (for instance 8388608, 8m${more})`);
  }
  return value;
}

/** Parses `6.1`, `linux-6.1`, `msm-4.4`. */
export function parseKernelName(text: string): KernelName {
  const word = text.trim().toLowerCase();
  const names = Object.keys(PROFILES) as KernelName[];
  const found = names.find((name) => name === word || name.replace(/^[a-z]+-/, '') === word);
  if (found === undefined) throw new SituationError(`--kernel: «${text}» is none of ${names.join(', ')}`);
  return found;
}

const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
  ['x86-64', 'x86-64'],
  ['x86_64', 'x86-64'],
  ['amd64', 'x86-64'],
]);

/** Parses `arm64` or `x86-64`, and their other names. */
export function parseArchitecture(text: string): Architecture {
  const found = ARCHITECTURES.get(text.trim().toLowerCase());
  if (found === undefined) throw new SituationError(`--arch: «${text}» is none of arm64, x86-64`);
  return found;
}

/** Parses 4096, 16384 or 65536; `4k`, `16k`, `64k`; a bare 4, 16 or 64 counts as KiB. */
export function parsePageSize(text: string): number {
  const bare = /^(4|16|64)$/.test(text.trim());
  const size = bare ? Number(text) * 1024 : parseBytes('--page-size', text);
  if (size !== 4096 && size !== 16384 && size !== 65536)
    throw new SituationError(`--page-size: «${text}» is none of 4k, 16k, 64k`);
  return size;
}

/** A limit by its resource number, from `NAME=SOFT` or `NAME=SOFT:HARD`. */
export interface NamedLimit extends Limit {
  readonly resource: number;
}

/** Parses one or more limits: `stack=8m`, `as=64m:unlimited,memlock=0`. */
export function parseRlimits(text: string): NamedLimit[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const match = /^\s*([^=]+)=([^:]+)(?::(.+))?$/.exec(part);
      if (match === null) throw new SituationError(`--rlimit: «${part}» is not NAME=SOFT or NAME=SOFT:HARD`);
      const resource = rlimitByName(match[1]!.trim());
      if (resource === undefined) {
        throw new SituationError(
          `--rlimit: there is no limit «${match[1]!}» (for instance stack, as, data, memlock, fsize, nofile)`,
        );
      }
      const soft = parseBytes('--rlimit', match[2]!, true);
      const hard = match[3] === undefined ? soft : parseBytes('--rlimit', match[3], true);
      if (soft > hard) throw new SituationError(`--rlimit: in «${part}» the soft limit is above the hard one`);
      return { resource, soft, hard };
    });
}

const ELSEWHERE: readonly string[] = ['vm.nr_hugepages', 'vm.nr_overcommit_hugepages'];

/** The supported sysctls, with their directories. */
export const SYSCTL_NAMES: readonly string[] = [
  'kernel.randomize_va_space',
  'vm.admin_reserve_kbytes',
  'vm.hugetlb_shm_group',
  'vm.unprivileged_userfaultfd',
  'vm.legacy_va_layout',
  'vm.max_map_count',
  'vm.mmap_min_addr',
  ...ELSEWHERE,
  'vm.overcommit_kbytes',
  'vm.overcommit_memory',
  'vm.overcommit_ratio',
  'vm.user_reserve_kbytes',
];

/** Parses one or more `NAME=VALUE`; the directory (`vm.`) may be left out. */
export function parseSysctls(text: string): (readonly [name: string, value: string])[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      if (equals <= 0)
        throw new SituationError(`--sysctl: «${part}» is not NAME=VALUE (for instance vm.max_map_count=1000)`);
      const typed = part.slice(0, equals).trim().replaceAll('/', '.');
      const name = SYSCTL_NAMES.find((known) => known === typed || known.slice(known.indexOf('.') + 1) === typed);
      if (name === undefined)
        throw new SituationError(`--sysctl: there is no «${typed}»; there are ${SYSCTL_NAMES.join(', ')}`);
      const value = parseBytes(`--sysctl ${name}`, part.slice(equals + 1));
      const most = name === 'vm.overcommit_memory' ? 2 : sysctlField(name) === undefined ? 2 ** 31 - 1 : 2 ** 53 - 1;
      if (value > most) throw new SituationError(`--sysctl ${name}: ${value} is more than ${most}`);
      return [name, String(value)] as const;
    });
}

/** Parses `none`, `all`, or names. */
export function parseCapabilityNames(text: string): ReadonlySet<number> {
  const parsed = parseCapabilities(text);
  if (typeof parsed !== 'string') return parsed;
  const word = text.split(',').find((part) => capabilityByName(part.trim().replace(/^-/, '')) === undefined) ?? text;
  throw new SituationError(
    `--capabilities: «${word.trim()}» is no capability (for instance ipc_lock,sys_rawio, or none, or all)`,
  );
}

/** The switches of `--config`, by name. */
const SWITCHES: ReadonlyMap<string, keyof KernelConfig> = new Map<string, keyof KernelConfig>([
  ['ksm', 'ksm'],
  ['thp', 'thp'],
  ['memory_failure', 'memoryFailure'],
  ['swap', 'swap'],
  ['soft_dirty', 'softDirty'],
  ['epan', 'cpuEpan'],
  ['bti', 'cpuBti'],
  ['mte', 'cpuMte'],
]);

/** The numbers of `--config`, by name. */
const NUMBERS: ReadonlyMap<string, keyof KernelConfig> = new Map<string, keyof KernelConfig>([
  ['stack_guard_gap', 'stackGuardGapPages'],
  ['lsm_mmap_min_addr', 'lsmMmapMinAddr'],
]);

/** Parses `thp=off,ksm=on,stack_guard_gap=256`. */
export function parseConfig(text: string): (readonly [name: keyof KernelConfig, value: boolean | number])[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [key = '', value = ''] = part.split('=', 2).map((half) => half.trim().toLowerCase());
      const name = key.replace(/^config_/, '').replaceAll('-', '_');
      const number = NUMBERS.get(name);
      if (number !== undefined) return [number, parseBytes(`--config ${name}`, value)] as const;
      const found = SWITCHES.get(name);
      if (found === undefined) {
        const all = [...SWITCHES.keys(), ...NUMBERS.keys()].join(', ');
        throw new SituationError(`--config: unknown «${key}»; there are ${all}`);
      }
      if (!/^(on|off|y|n|yes|no|1|0)$/.test(value))
        throw new SituationError(`--config: «${part}»: ${key}=on or ${key}=off`);
      return [found, /^(on|y|yes|1)$/.test(value)] as const;
    });
}

/** Returns the name in `--config` of a switch. */
export function configWord(name: keyof KernelConfig): string {
  for (const [word, key] of [...SWITCHES, ...NUMBERS]) if (key === name) return word;
  return name;
}

/**
 * Reads a release as `uname -r` prints it.
 *
 * @throws SituationError for a text that does not begin with two numbers
 */
export function parseRelease(text: string): string {
  if (!/^[0-9]{1,3}\.[0-9]{1,3}(?![0-9])/.test(text.trim()))
    throw new SituationError(`--release: «${text}» is no release of a kernel (for instance 6.8.0-45-generic)`);
  return text.trim();
}

const PERSONALITIES: ReadonlyMap<string, number> = new Map([
  ['addr_no_randomize', 0x0040000],
  ['mmap_page_zero', 0x0100000],
  ['addr_compat_layout', 0x0200000],
  ['read_implies_exec', 0x0400000],
]);

/** Parses `0x40000`, or names joined by `|`: `ADDR_NO_RANDOMIZE|READ_IMPLIES_EXEC`. */
export function parsePersonality(text: string): number {
  let bits = 0;
  for (const part of text.split('|')) {
    const word = part.trim();
    const named = PERSONALITIES.get(word.toLowerCase());
    const value = named ?? (/^(0x[0-9a-f]+|[0-9]+)$/i.test(word) ? Number(word) : NaN);
    if (!(value <= 0xffffffff))
      throw new SituationError(
        `--personality: «${word}» is none of ${[...PERSONALITIES.keys()].join(', ')}, and no number`,
      );
    bits = (bits | value) >>> 0;
  }
  return bits;
}

/**
 * Parses the text of /proc/meminfo.
 *
 * @param file its name, for the error
 */
export function parseMeminfo(text: string, file: string): MemoryFigures {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_()0-9]+):\s+([0-9]+)(?: kB)?\s*$/.exec(line);
    if (match !== null) values.set(match[1]!, Number(match[2]));
  }
  const total = values.get('MemTotal');
  if (total === undefined) throw new SituationError(`--meminfo: ${file} has no line «MemTotal: N kB»`);
  const kb = (name: string): number => values.get(name) ?? 0;
  const committed = values.get('Committed_AS');
  const size = values.get('Hugepagesize');
  const free = (values.get('MemFree') ?? total) + kb('Cached') - kb('Shmem') + kb('SReclaimable');
  return {
    total: total * 1024,
    free: free * 1024,
    swap: kb('SwapTotal') * 1024,
    committed: committed === undefined ? null : committed * 1024,
    hugePages: size === undefined ? null : poolOf(size * 1024, values),
  };
}

/** Returns the pool of huge pages: what is not free, or is reserved, is held by others. */
function poolOf(size: number, values: ReadonlyMap<string, number>): MemoryFigures['hugePages'] {
  const pages = values.get('HugePages_Total') ?? 0;
  const free = values.get('HugePages_Free') ?? pages;
  const held = Math.max(0, pages - free + (values.get('HugePages_Rsvd') ?? 0));
  return held === 0 ? { size, pages } : { size, pages, held };
}
