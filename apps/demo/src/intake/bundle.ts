/**
 * A bundle: what a replay needs of a real run, as plain files in a directory. It holds what strace prints and figures of the
 * machine; no environment, no contents of files.
 *
 *     bundle.json   version, release and machine of the kernel, the user's id, limits, sysctls, directory
 *     log.strace    strace -f of the command
 *     maps          /proc/PID/maps of the first process as it called exit_group; missing when it was killed
 *     meminfo       /proc/meminfo before the run
 *     elf.json      program headers of the programs that were executed, and the links that led to what the map shows
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sysctlField } from '@vmarea/situation';
import { defaultSysctls } from '@vmarea/uapi';
import { UsageError } from '../text/io.ts';

/** The file that makes a directory a bundle. */
export const BUNDLE_FILE = 'bundle.json';

/** What bundle.json holds. */
export interface BundleFacts {
  readonly version: 1;
  /** As uname prints them. */
  readonly release: string;
  readonly machine: string;
  readonly uid: number;
  /** `NAME=SOFT:HARD`, as --rlimit takes them. */
  readonly rlimits: readonly string[];
  /** `NAME=VALUE`, as --sysctl takes them. */
  readonly sysctls: readonly string[];
  /** Where the command began; bundles of earlier versions do not have it. */
  readonly cwd?: string | undefined;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.startsWith('-'));
}

/** @throws UsageError for a file that is none of a bundle */
function readFacts(dir: string): BundleFacts {
  const file = join(dir, BUNDLE_FILE);
  let data: Partial<Record<keyof BundleFacts, unknown>>;
  try {
    data = JSON.parse(readFileSync(file, 'utf8')) as typeof data;
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { version, release, machine, uid, rlimits, sysctls, cwd } = data;
  if (version !== 1) throw new UsageError(`${file}: its version is ${JSON.stringify(version)}, not 1`);
  if (typeof release !== 'string' || typeof machine !== 'string' || typeof uid !== 'number')
    throw new UsageError(`${file}: release and machine are texts, uid is a number`);
  if (!isStrings(rlimits) || !isStrings(sysctls))
    throw new UsageError(`${file}: rlimits and sysctls are lists of NAME=VALUE`);
  if (cwd !== undefined && (typeof cwd !== 'string' || !cwd.startsWith('/')))
    throw new UsageError(`${file}: cwd is an absolute path`);
  return { version, release, machine, uid, rlimits, sysctls, cwd };
}

function isDefault(sysctl: string): boolean {
  const [name = '', value = ''] = sysctl.split('=');
  const field = sysctlField(name);
  // Pools of huge pages are empty at boot.
  return (field === undefined ? '0' : String(defaultSysctls()[field])) === value;
}

/** Whether a limit is as the kernel gives it to the first process, or is none of memory. */
function isUsualLimit(limit: string): boolean {
  return /=(?:unlimited|Infinity):|^nofile=|^stack=8388608:|^memlock=8388608:/.test(limit);
}

/**
 * The command line that opens a bundle.
 *
 * @param options more options; they come last and win
 */
export function bundleArguments(dir: string, options: readonly string[]): string[] {
  const facts = readFacts(dir);
  const args = ['replay', join(dir, 'log.strace')];
  const add = (option: string, file: string): void => {
    if (existsSync(join(dir, file))) args.push(option, join(dir, file));
  };
  add('--maps', 'maps');
  add('--elf', 'elf.json');
  add('--meminfo', 'meminfo');
  if (facts.machine === 'aarch64') args.push('--arch', 'arm64');
  if (facts.machine === 'x86_64') args.push('--arch', 'x86-64');
  if (facts.cwd !== undefined) args.push('--cwd', facts.cwd);
  if (/^[0-9]+\.[0-9]+/.test(facts.release)) args.push('--release', facts.release);
  args.push('--capabilities', facts.uid === 0 ? 'all' : 'none');
  // What is as at boot needs no mention in the report.
  for (const limit of facts.rlimits) if (!isUsualLimit(limit)) args.push('--rlimit', limit);
  for (const sysctl of facts.sysctls) if (!isDefault(sysctl)) args.push('--sysctl', sysctl);
  return [...args, ...options];
}
