/**
 * Causes of a recorded failure that need no trial: what the text of the question tells about the process, and what a process is
 * most often short of when its map is not given.
 */
import { formatBytes, type Situation, type Told } from '@vmarea/situation';
import {
  EACCES,
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
import { usualCauses } from '@vmarea/what-if';
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

/** The causes that a process meets whose map is not given, most likely first. */
export function stateCauses(failure: Failure, found: readonly ComparisonCause[]): ComparisonCause[] {
  const { call, errno } = failure;
  const low = call.name === 'mmap' && /\bMAP_32BIT\b/.test(call.args[3] ?? '');
  const recorded = { call: call.name, errno, bytes: addedBytes(failure), charged: isCharged(failure), low };
  return usualCauses(recorded, found);
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
  return '';
}
