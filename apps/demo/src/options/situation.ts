/**
 * The options that say what the machine and the process are: one table for every command that makes a machine.
 */
import { readFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import {
  inferSituation,
  parseArchitecture,
  parseBytes,
  parseCapabilityNames,
  parseConfig,
  parseFileOption,
  parseKernelName,
  parseMeminfo,
  parsePageSize,
  parsePersonality,
  parseRlimits,
  parseSysctls,
  SituationError,
  type GivenFacts,
  type LogClues,
  type MapBefore,
  type Situation,
} from '@vmarea/situation';
import { parseMaps, type MapsLine } from '@vmarea/strace';
import { PROFILES } from '@vmarea/uapi';
import { parseChoice, parseCount } from '../text/values.ts';
import { UsageError } from '../text/io.ts';

/** The values of these options, as commander gives them. */
export interface SituationOptions {
  readonly mapsBefore?: string | undefined;
  readonly kernel?: string | undefined;
  readonly arch?: string | undefined;
  readonly pageSize?: string | undefined;
  readonly vaBits?: string | undefined;
  readonly aslr?: string | undefined;
  readonly personality?: string | undefined;
  readonly rlimit?: readonly string[] | undefined;
  readonly sysctl?: readonly string[] | undefined;
  readonly capabilities?: string | undefined;
  readonly meminfo?: string | undefined;
  readonly ram?: string | undefined;
  readonly config?: readonly string[] | undefined;
  readonly file?: readonly string[] | undefined;
}

interface Row {
  readonly flags: string;
  readonly help: string;
  /** It may be given several times. */
  readonly several?: boolean;
}

/** The vocabulary, in the order of the help text. */
const ROWS: readonly Row[] = [
  { flags: '--maps-before <FILE>', help: 'the /proc/PID/maps or smaps to start from' },
  {
    flags: `--kernel <${Object.keys(PROFILES).join('|')}>`,
    help: 'whose rules hold; 6.1 is linux-6.1 (default: what the log shows)',
  },
  { flags: '--arch <arm64|x86-64>', help: 'the architecture (default: what the log or the map shows)' },
  { flags: '--page-size <4k|16k|64k>', help: 'bytes of a page (default: what the log or the map shows)' },
  { flags: '--va-bits <N>', help: 'size of the address space (default: what the log or the map shows)' },
  { flags: '--aslr <auto|on|off>', help: 'whether addresses are random (default: what the log shows)' },
  { flags: '--personality <BITS>', help: 'as personality(2) takes it, for instance ADDR_NO_RANDOMIZE' },
  { flags: '--rlimit <NAME=SOFT[:HARD]>', help: 'a limit of the process, for instance stack=8m', several: true },
  { flags: '--sysctl <NAME=VALUE>', help: 'for instance max_map_count=1000; vm. may be left out', several: true },
  { flags: '--capabilities <none|all|LIST>', help: 'of the process (default: none, or what the log shows)' },
  { flags: '--meminfo <FILE>', help: "the machine's /proc/meminfo, for overcommit and huge pages" },
  { flags: '--ram <BYTES>', help: 'RAM, all of it free, where there is no --meminfo' },
  {
    flags: '--config <NAME=VALUE>',
    help: 'how the kernel was built: thp, ksm, swap, …; for instance thp=off',
    several: true,
  },
  {
    flags: '--file <[FD=]MODE,…>',
    help: 'an open file: ro|wo|rw,size=N,noexec,append,o_append,locked,sealed,same=FD,ramfs|tmpfs|hugetlbfs|memfd|zero|null|pipe|dir',
    several: true,
  },
];

/** Sizes in option values. */
export const SIZE_HELP = 'Sizes are bytes, or end in k, m, g, t.';

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Adds the options of the vocabulary to a command. */
export function addSituationOptions(command: Command): Command {
  for (const { flags, help, several } of ROWS) {
    const option = new Option(flags, help);
    if (several === true) option.argParser(collect).default([], 'none');
    command.addOption(option);
  }
  return command;
}

/** Reads a whole text file that an option names. */
export function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Reads a file of /proc/PID/maps. */
export function readMap(option: string, file: string): readonly MapsLine[] {
  const { lines } = parseMaps(readText(option, file));
  if (lines.length === 0) throw new UsageError(`${option}: ${file} has no line of /proc/PID/maps`);
  return lines;
}

function readMapBefore(file: string): MapBefore {
  return { lines: readMap('--maps-before', file), source: `--maps-before ${file}` };
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}

/**
 * What the options give.
 *
 * @throws UsageError for a file that cannot be read; SituationError for a value that cannot be
 */
export function givenFacts(options: SituationOptions): GivenFacts {
  const aslr = optional(options.aslr, (text) =>
    parseChoice<'auto' | 'on' | 'off'>('--aslr', text, ['auto', 'on', 'off']),
  );
  return {
    architecture: optional(options.arch, parseArchitecture),
    pageSize: optional(options.pageSize, parsePageSize),
    vaBits: optional(options.vaBits, (text) => parseCount('--va-bits', text, 1)),
    kernel: optional(options.kernel, parseKernelName),
    config: (options.config ?? []).flatMap(parseConfig),
    sysctls: (options.sysctl ?? []).flatMap(parseSysctls),
    limits: (options.rlimit ?? []).flatMap(parseRlimits),
    capabilities: optional(options.capabilities, parseCapabilityNames),
    personality: optional(options.personality, parsePersonality),
    aslr: aslr === 'auto' ? undefined : aslr,
    meminfo: optional(options.meminfo, (file) => parseMeminfo(readText('--meminfo', file), file)),
    ram: optional(options.ram, (text) => parseBytes('--ram', text)),
    mapBefore: optional(options.mapsBefore, readMapBefore),
    files: (options.file ?? []).map(parseFileOption),
  };
}

/**
 * The situation of a command without a log, or with a log's clues.
 *
 * @throws UsageError for a value that cannot be
 */
export function situationOf(facts: GivenFacts, clues: LogClues | null, mapAfter?: readonly MapsLine[]): Situation {
  return usage(() => inferSituation({ given: facts, clues, mapAfter }));
}

/** Makes a SituationError an error of usage. */
export function usage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof SituationError) throw new UsageError(error.message);
    throw error;
  }
}
