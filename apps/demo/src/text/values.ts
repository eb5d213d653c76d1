/**
 * Option values from text. Every error names the option, the value and what would be right.
 */
import { capabilityByName, parseCapabilities, rlimitByName, PROFILES, type KernelProfile } from '@vmarea/uapi';
import { UsageError } from './io.ts';

const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size: decimal or hexadecimal, with k, m, g or t; `unlimited` is Infinity where that is allowed. */
export function parseSize(option: string, text: string, unlimited = false): number {
  if (unlimited && /^(unlimited|infinity)$/i.test(text)) return Infinity;
  const match = /^(0x[0-9a-f]+|[0-9]+)([kmgt]?)(?:i?b)?$/i.exec(text);
  const value = match === null ? NaN : Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? 1);
  if (!Number.isSafeInteger(value)) {
    throw new UsageError(
      `${option}: «${text}» is no number of bytes (for instance 8388608, 8m${unlimited ? ' or unlimited' : ''})`,
    );
  }
  return value;
}

/** A whole number, at least `least`. */
export function parseCount(option: string, text: string, least: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${option}: «${text}» is no whole number from ${least} on`);
  }
  return value;
}

/** One of some words. */
export function parseChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new UsageError(`${option}: «${text}» is none of ${choices.join(', ')}`);
  return found;
}

/** A kernel profile by name. */
export function parseKernel(text: string): KernelProfile {
  return PROFILES[parseChoice('--kernel', text, ['linux-6.1', 'msm-4.4'])];
}

/** `NAME=SOFT[:HARD]`: resource, soft, hard. */
export function parseRlimit(text: string): [resource: number, soft: number, hard: number] {
  const match = /^([^=]+)=([^:]+)(?::(.+))?$/.exec(text);
  if (match === null) throw new UsageError(`--rlimit: «${text}» is not NAME=SOFT or NAME=SOFT:HARD`);
  const resource = rlimitByName(match[1]!);
  if (resource === undefined) {
    throw new UsageError(`--rlimit: there is no limit «${match[1]!}» (for instance stack, as, data, memlock)`);
  }
  const soft = parseSize('--rlimit', match[2]!, true);
  const hard = match[3] === undefined ? soft : parseSize('--rlimit', match[3], true);
  if (soft > hard) throw new UsageError(`--rlimit: in «${text}» the soft limit is above the hard one`);
  return [resource, soft, hard];
}

/** `NAME=VALUE`. */
export function parseSysctl(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new UsageError(`--sysctl: «${text}» is not NAME=VALUE (for instance vm.max_map_count=1000)`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** `none`, `all`, or names. */
export function parseCapabilityList(text: string): number[] {
  const parsed = parseCapabilities(text);
  if (typeof parsed === 'string') {
    const word = text.split(',').find((part) => capabilityByName(part.trim().replace(/^-/, '')) === undefined) ?? text;
    throw new UsageError(
      `--capabilities: «${word.trim()}» is no capability (for instance ipc_lock,sys_rawio, or none)`,
    );
  }
  return [...parsed];
}

/** kB by name, from the text of /proc/meminfo. */
export function parseMeminfo(text: string, file: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_()0-9]+):\s+([0-9]+)(?: kB)?\s*$/.exec(line);
    if (match !== null) values.set(match[1]!, Number(match[2]));
  }
  if (!values.has('MemTotal')) throw new UsageError(`--meminfo: ${file} has no line «MemTotal: N kB»`);
  return values;
}
