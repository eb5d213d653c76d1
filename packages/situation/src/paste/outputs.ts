/**
 * Reads lines of other commands' outputs: `ulimit -a`, /proc/PID/limits, sysctl, options of Docker and systemd. Each function
 * takes one line.
 */
import { RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, RLIMIT_STACK } from '@vmarea/uapi';
import { SYSCTL_NAMES } from '../values.ts';

/** A limit as a line gives it. */
export interface LimitLine {
  readonly resource: number;
  /** Bytes; Infinity for none. */
  readonly soft: number;
  readonly hard: number;
}

/** Limits of memory: the letter of ulimit, its words, the words of /proc/PID/limits, and the name. */
const LIMITS: readonly (readonly [letter: string, proc: string, name: string, resource: number])[] = [
  ['v', 'Max address space', 'AS', RLIMIT_AS],
  ['d', 'Max data size', 'DATA', RLIMIT_DATA],
  ['l', 'Max locked memory', 'MEMLOCK', RLIMIT_MEMLOCK],
  ['s', 'Max stack size', 'STACK', RLIMIT_STACK],
];

/** Returns the resource of a letter of ulimit; undefined for a limit that memory calls do not ask. */
export function limitByLetter(letter: string): number | undefined {
  return LIMITS.find(([known]) => known === letter)?.[3];
}

/** Returns a limit in bytes; NaN for text that is none. */
export function limitValue(text: string, unit: number): number {
  const word = text.trim().toLowerCase();
  if (word === 'unlimited' || word === 'infinity' || word === '-1') return Infinity;
  return /^[0-9]{1,15}$/.test(word) ? Number(word) * unit : NaN;
}

/** Reads a line of /proc/PID/limits: `Max locked memory  65536  65536  bytes`. */
export function procLimit(line: string): LimitLine | null {
  const match = /^\s{0,20}(Max [a-z ]{4,20}?) {2,}(unlimited|[0-9]+) +(unlimited|[0-9]+) +bytes/.exec(line);
  const found = match === null ? undefined : LIMITS.find(([, proc]) => proc === match[1]);
  if (match === null || found === undefined) return null;
  return { resource: found[3], soft: limitValue(match[2]!, 1), hard: limitValue(match[3]!, 1) };
}

/** Reads a line of `ulimit -a`, of bash (`max locked memory (kbytes, -l) 64`) and of zsh (`-l: locked-in-memory size (kbytes) 64`). */
export function ulimitLine(line: string): LimitLine | null {
  const bash = /\((kbytes|bytes), -([a-z])\) {0,20}(unlimited|[0-9]+)\s{0,4}$/.exec(line);
  const zsh = /^\s{0,20}-([a-z]): [a-z -]{4,40}\((kbytes|bytes|kb)\) +(unlimited|[0-9]+)\s{0,4}$/i.exec(line);
  const [unit, letter, value] = bash === null ? [zsh?.[2], zsh?.[1], zsh?.[3]] : bash.slice(1);
  const resource = letter === undefined ? undefined : limitByLetter(letter);
  if (resource === undefined || value === undefined) return null;
  const soft = limitValue(value, unit === 'bytes' ? 1 : 1024);
  return { resource, soft, hard: soft };
}

/** Reads `LimitMEMLOCK=64K` of systemd, `--ulimit memlock=65536:65536` of Docker, and `* hard memlock 64` of limits.conf. */
export function configuredLimit(line: string): LimitLine | null {
  const systemd = /\bLimit(AS|DATA|MEMLOCK|STACK)=(infinity|[0-9]+)([KMGT]?)(?::(infinity|[0-9]+)([KMGT]?))?/.exec(
    line,
  );
  const units: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
  if (systemd !== null) {
    const soft = limitValue(systemd[2]!, units[systemd[3]!] ?? 1);
    const hard = systemd[4] === undefined ? soft : limitValue(systemd[4], units[systemd[5]!] ?? 1);
    return { resource: resourceNamed(systemd[1]!), soft, hard };
  }
  const docker = /--ulimit[ =](as|data|memlock|stack)=(-1|[0-9]+)(?::(-1|[0-9]+))?/.exec(line);
  if (docker !== null) {
    const soft = limitValue(docker[2]!, 1);
    return {
      resource: resourceNamed(docker[1]!.toUpperCase()),
      soft,
      hard: docker[3] === undefined ? soft : limitValue(docker[3], 1),
    };
  }
  const conf =
    /^\s{0,8}[*@%\w-]{1,32}\s+(?:soft|hard|-)\s+(as|data|memlock|stack)\s+(unlimited|-1|[0-9]+)\s{0,4}$/.exec(line);
  if (conf === null) return null;
  const soft = limitValue(conf[2]!, 1024);
  return { resource: resourceNamed(conf[1]!.toUpperCase()), soft, hard: soft };
}

function resourceNamed(name: string): number {
  return LIMITS.find(([, , known]) => known === name)![3];
}

/** A setting of sysctl: its name with directory, and its value. */
export type SysctlLine = readonly [name: string, value: string];

const SETTINGS: readonly (readonly [pattern: RegExp, name: string])[] = SYSCTL_NAMES.map((name) => {
  const [directory, bare] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
  const pattern = new RegExp(
    `(?:^|[\\s/.«"'\`])(?:${directory}[./])?${bare}[»"'\`]?\\s*(?:=|:|\\bis(?: set)?(?: to)?|\\bset to)?\\s*\\[?([0-9]{1,15})\\b(?!\\.[0-9])`,
  );
  return [pattern, name] as const;
});

/** Finds settings in a line: `vm.max_map_count = 65530`, `vm.max_map_count [65530] is too low`, `overcommit_memory is set to 2`. */
export function sysctlLines(line: string): SysctlLine[] {
  const text = line.slice(0, 500);
  // Most lines name no sysctl.
  if (!text.includes('_')) return [];
  return SETTINGS.flatMap(([pattern, name]) => {
    const value = pattern.exec(text)?.[1];
    return value === undefined ? [] : [[name, value] as const];
  });
}

/** Returns the bytes of `64M`, `1.5G`, `65536k`; NaN for other text. */
export function sizeOf(text: string): number {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,3})?)([kKMmGgTt]?)i?[bB]?$/.exec(text);
  if (match === null) return NaN;
  const unit: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
  return Math.floor(Number(match[1]) * (unit[match[2]!.toUpperCase()] ?? 1));
}
