/**
 * Causes of a recorded failure that need no trial: what the text of the question tells about the process, and what a process is
 * most often short of when its map is not given.
 */
import { formatBytes, type Situation, type Told } from '@vmarea/situation';
import {
  EACCES,
  EEXIST,
  EINVAL,
  ENOMEM,
  MAP_NORESERVE,
  MAP_SHARED,
  MAP_TYPE,
  PROT_EXEC,
  PROT_WRITE,
  RLIMIT_AS,
  RLIMIT_DATA,
  RLIMIT_MEMLOCK,
} from '@vmarea/uapi';
import type { ComparisonCause } from './answer.ts';
import type { Call } from '../input/script.ts';

/** A recorded failure. */
export interface Failure {
  readonly call: Call;
  readonly args: readonly bigint[];
  /** Positive. */
  readonly errno: number;
}

/** The default of vm.max_map_count. */
const DEFAULT_MAX_MAP_COUNT = 65530;
/** Calls that can add an area. */
const ADDING: ReadonlySet<string> = new Set([
  'mmap',
  'mprotect',
  'munmap',
  'mremap',
  'madvise',
  'mlock',
  'mlock2',
  'brk',
]);

const grouped = (value: number): string => String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',');

/** Bytes that a call adds to the process; 0 for none. */
function addedBytes({ call: { name }, args }: Failure): number {
  if (name === 'mmap') return Number(args[1] ?? 0n);
  return name === 'mremap' ? Math.max(0, Number((args[2] ?? 0n) - (args[1] ?? 0n))) : 0;
}

/** The causes that the text tells, with the lines that tell them. */
export function toldCauses(failure: Failure, told: Told, situation: Situation): ComparisonCause[] {
  const { errno, call } = failure;
  const causes: ComparisonCause[] = [];
  const because = (condition: string): void => void causes.push({ condition, options: [], known: true });
  const { areas, size, data, locked } = told.process;
  if (errno === ENOMEM && areas !== null && ADDING.has(call.name)) {
    const sysctl = situation.sysctls.get('vm.max_map_count');
    const most = Number(sysctl?.value ?? DEFAULT_MAX_MAP_COUNT);
    // [vsyscall] is a line of maps and no area.
    if (areas.value >= most - 1)
      because(
        `the process has ${grouped(areas.value)} areas (line ${areas.line}), and vm.max_map_count is ${grouped(most)}: a call that needs one more answers ENOMEM. Raise it: sysctl -w vm.max_map_count=${Math.max(262144, 2 * most)}`,
      );
  }
  const limited = (resource: number, name: string, used: Told['process']['size'], letter: string): void => {
    const limit = situation.limits.get(resource)?.value.soft ?? Infinity;
    const more = addedBytes(failure);
    if (used === null || used.value + more <= limit) return;
    because(
      `${formatBytes(used.value)} are mapped (line ${used.line}: ${used.what}), ${formatBytes(more)} more are asked for, and ${name} is ${formatBytes(limit)} (ulimit -${letter}): raise it`,
    );
  };
  if (errno === ENOMEM) {
    limited(RLIMIT_AS, 'RLIMIT_AS', size, 'v');
    limited(RLIMIT_DATA, 'RLIMIT_DATA', data, 'd');
    if (call.name.startsWith('mlock')) limited(RLIMIT_MEMLOCK, 'RLIMIT_MEMLOCK', locked ?? size, 'l');
  }
  if (errno === EACCES && told.security !== null)
    because(
      `line ${told.security.line}: ${told.security.what}. A security module refuses memory that is written and executed; no rule of mm does`,
    );
  return causes;
}

/** Whether the private writable memory of a call is charged. */
function isCharged({ call: { name }, args }: Failure): boolean {
  if (name === 'mprotect') return (Number(args[2] ?? 0n) & PROT_WRITE) !== 0;
  if (name !== 'mmap') return name === 'mremap' || name === 'brk';
  const flags = Number(args[3] ?? 0n);
  if ((flags & MAP_NORESERVE) !== 0) return false;
  return (flags & MAP_TYPE) === MAP_SHARED || (Number(args[2] ?? 0n) & PROT_WRITE) !== 0;
}

/** Requests from which lack of memory is the usual reason; smaller ones meet a limit on the number of areas. */
const LARGE = 2 ** 27;

/**
 * The causes that a process meets whose map is not given, most likely first, each with what shows it. They take the place of
 * the limits that a search on an empty process finds.
 */
export function stateCauses(failure: Failure, found: readonly ComparisonCause[]): ComparisonCause[] {
  const { call, errno } = failure;
  if (errno === EEXIST && call.name === 'mmap') {
    return [
      {
        condition:
          'something is mapped in the range already: MAP_FIXED_NOREPLACE never replaces. /proc/PID/maps shows what (--maps-before gives it); another address, or none, succeeds',
        options: [],
      },
    ];
  }
  if (errno !== ENOMEM || !ADDING.has(call.name)) return [...found];
  const large = addedBytes(failure) >= LARGE;
  const count: ComparisonCause = {
    condition:
      'the process has vm.max_map_count areas already (65530 by default; «wc -l /proc/PID/maps» counts them): raise the sysctl',
    options: [],
  };
  const window = isLow(failure)
    ? [
        {
          condition:
            'the window of MAP_32BIT, 1 GiB from 0x40000000 to 0x80000000, has no hole of this length left: other libraries and earlier allocations fill it. Map without MAP_32BIT',
          options: [],
        },
      ]
    : [];
  const used = found.filter(({ condition }) => condition.includes('is used up by what is mapped already'));
  const others = found.filter((cause) => !used.includes(cause));
  const limits: ComparisonCause[] =
    used.length === 0
      ? []
      : [
          {
            condition:
              'RLIMIT_AS or RLIMIT_DATA is used up by what is mapped already («ulimit -v», «ulimit -d» against VmSize and VmData of /proc/PID/status)',
            options: [],
          },
        ];
  const commit = others
    .filter(({ condition }) => condition.includes('vm.overcommit_memory') && !isLittle(condition, failure))
    .map(commitCause);
  const rest = others.filter(({ condition }) => !condition.includes('vm.overcommit_memory'));
  // A hole, a split or a new mapping needs an area; brk and a growing mapping seldom do.
  const adds = call.name !== 'brk';
  const ordered = large
    ? [
        ...(isCharged(failure) ? commit : []),
        ...rest,
        ...limits,
        ...(isCharged(failure) ? [] : commit),
        ...(adds ? [count] : []),
      ]
    : [
        ...rest.filter(isSpecial),
        ...(adds ? [count] : []),
        ...commit,
        ...limits,
        ...rest.filter((cause) => !isSpecial(cause)),
      ];
  return [...window, ...ordered];
}

/** Whether a call asks for an address in the low 2 GiB. */
function isLow({ call: { name, args } }: Failure): boolean {
  return name === 'mmap' && /\bMAP_32BIT\b/.test(args[3] ?? '');
}

/** No machine has so little RAM. */
function isLittle(condition: string, failure: Failure): boolean {
  return condition.startsWith('vm.overcommit_memory is 0') && addedBytes(failure) < 2 ** 26;
}

/** A cause of overcommit, with the figures that show it. */
function commitCause({ condition, options }: ComparisonCause): ComparisonCause {
  if (!condition.startsWith('vm.overcommit_memory is 2')) return { condition, options };
  return {
    condition: `${condition} (CommitLimit less Committed_AS of /proc/meminfo): free memory does not matter then`,
    options: [],
  };
}

/** Conditions that the call itself makes likely: a locked range, a missing mapping, the size of the address space. */
function isSpecial({ condition }: ComparisonCause): boolean {
  return /RLIMIT_MEMLOCK|is not mapped|-bit addresses/.test(condition);
}

/** What is said of an EACCES or EPERM that only a security module gives; empty for another failure. */
export function securityNote({ call, args, errno }: Failure): string {
  const prot = call.name === 'mmap' || call.name.endsWith('mprotect') ? Number(args[2] ?? 0n) : 0;
  if (errno === EACCES && (prot & PROT_EXEC) !== 0) {
    const anonymous = call.name === 'mmap' && Number(BigInt.asIntN(32, args[4] ?? -1n)) < 0;
    const rules = anonymous
      ? 'No rule of mm refuses executable anonymous memory'
      : 'Of mm two rules give EACCES: the file was opened so that it cannot be read, or its mount is noexec';
    return `${rules}; SELinux does (execmem: anonymous memory that is executable and writable; execmod: a changed file; execstack, execheap), and so do systemd's MemoryDenyWriteExecute, PaX and seccomp filters. «ausearch -m avc» or «dmesg» shows it.`;
  }
  if (errno === EINVAL && call.name === 'mprotect') return '';
  return '';
}
