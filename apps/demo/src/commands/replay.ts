/**
 * `vmarea replay`: reads logs as they are streamed, and prints what came of them.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  ElfError,
  NO_PROGRAMS,
  parseElfJson,
  programsFromDirectory,
  Replay,
  type ProgramSource,
  type ReplayReport,
} from '@vmarea/replay';
import { LogParser, parseMaps, type LogEvent, type MapsLine } from '@vmarea/strace';
import { findLogParts, readLogParts, readPieces } from '@vmarea/strace/node';
import { UsageError, type Io } from '../text/io.ts';
import { buildMachine, CATALOGUES } from '../machine/machine.ts';
import { Progress } from '../text/progress.ts';
import { reportJson } from '../text/report-json.ts';
import { reportText } from '../text/report-text.ts';
import { Sysroot } from '../machine/sysroot.ts';
import {
  parseCapabilityList,
  parseChoice,
  parseCount,
  parseKernel,
  parseMeminfo,
  parseRlimit,
  parseSize,
  parseSysctl,
} from '../text/values.ts';

/** The options of the command, as commander gives them. */
export interface ReplayCommandOptions {
  readonly maps?: string | undefined;
  readonly mapsBefore?: string | undefined;
  readonly sysroot?: string | undefined;
  readonly elf?: string | undefined;
  readonly kernel: string;
  readonly aslr: string;
  readonly vaBits?: string | undefined;
  readonly pageSize: string;
  readonly pid?: string | undefined;
  readonly at?: string | undefined;
  readonly rlimit: readonly string[];
  readonly sysctl: readonly string[];
  readonly capabilities?: string | undefined;
  readonly meminfo?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Reads a whole text file. */
export function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readMap(option: string, file: string): readonly MapsLine[] {
  const { lines } = parseMaps(readText(option, file));
  if (lines.length === 0) throw new UsageError(`${option}: ${file} has no line of /proc/PID/maps`);
  return lines;
}

function readPrograms(options: ReplayCommandOptions): ProgramSource {
  if (options.sysroot !== undefined) {
    if (options.elf !== undefined) throw new UsageError('--sysroot and --elf: give one of them');
    if (!statSync(options.sysroot, { throwIfNoEntry: false })?.isDirectory()) {
      throw new UsageError(`--sysroot: ${options.sysroot} is no directory`);
    }
    return new Sysroot(options.sysroot);
  }
  if (options.elf === undefined) return NO_PROGRAMS;
  try {
    return programsFromDirectory(parseElfJson(readText('--elf', options.elf), options.elf));
  } catch (error) {
    if (error instanceof ElfError) throw new UsageError(`--elf: ${error.message}`);
    throw error;
  }
}

/** Address bits that kernels are built with. */
const VA_SIZES = [39, 42, 47, 48];

/** Address bits that a map was made with: the stack ends near the top of the address space. 0: the map does not tell. */
function vaBitsOf(maps: readonly MapsLine[] | undefined): number {
  const top = maps?.find((line) => line.name === '[stack]')?.end ?? maps?.at(-1)?.end;
  return top === undefined ? 0 : (VA_SIZES.find((bits) => top <= 2 ** bits) ?? 48);
}

/** What the beginning of a log tells about its machine. */
interface Hints {
  /** It is not one of arm64. */
  readonly foreign: boolean;
  /** Address bits, from the highest address that mmap returned; 0 when none did. */
  readonly vaBits: number;
}

/** Answers of mmap that are looked at. */
const PROBED = 100;

async function hintsOf(log: string): Promise<Hints> {
  const parser = new LogParser({ calls: new Set(['mmap', 'mmap2', 'brk', 'arch_prctl']) });
  let highest = 0;
  let seen = 0;
  const look = (event: LogEvent): void => {
    if (event.type !== 'call' || event.call.name === 'brk' || event.call.ret === null) return;
    highest = Math.max(highest, event.call.ret);
    seen++;
  };
  for await (const piece of readPieces(log)) {
    parser.push(piece, look);
    if (seen >= PROBED || parser.lines > 100_000) break;
  }
  const { architecture } = parser.hints.guess();
  const foreign = architecture !== 'arm64' && architecture !== 'unknown';
  // Memory is mapped from the top down: the highest address is near the top.
  const vaBits = highest < 2 ** 38 ? 0 : (VA_SIZES.find((bits) => highest < 2 ** bits) ?? 48);
  return { foreign, vaBits: foreign ? 0 : vaBits };
}

/** Runs the command. Returns the exit status. */
export async function replayCommand(logs: readonly string[], options: ReplayCommandOptions, io: Io): Promise<number> {
  const maps = options.maps === undefined ? undefined : readMap('--maps', options.maps);
  const mapsBefore = options.mapsBefore === undefined ? undefined : readMap('--maps-before', options.mapsBefore);
  if (maps !== undefined && logs.length > 1)
    throw new UsageError('--maps: a map belongs to one log; replay them one by one');
  const machine = {
    profile: parseKernel(options.kernel),
    vaBits: options.vaBits === undefined ? vaBitsOf(maps ?? mapsBefore) : parseCount('--va-bits', options.vaBits, 1),
    pageSize: parseSize('--page-size', options.pageSize),
    sysctls: options.sysctl.map(parseSysctl),
    meminfo:
      options.meminfo === undefined ? null : parseMeminfo(readText('--meminfo', options.meminfo), options.meminfo),
  };
  const settings = {
    programs: readPrograms(options),
    aslr: parseChoice('--aslr', options.aslr, ['auto', 'on', 'off']),
    maps,
    mapsBefore,
    pid: options.pid === undefined ? undefined : parseCount('--pid', options.pid, 0),
    at: options.at === undefined ? undefined : parseCount('--at', options.at, 1),
    rlimits: options.rlimit.map(parseRlimit),
    capabilities: options.capabilities === undefined ? undefined : parseCapabilityList(options.capabilities),
    catalogues: CATALOGUES,
  };
  let status = 0;
  const printed: unknown[] = [];
  for (const log of logs) {
    let report: ReplayReport;
    try {
      const parts = await partsOf(log);
      const hints = parts !== null || log === '-' ? { foreign: false, vaBits: 0 } : await hintsOf(log);
      const vaBits = machine.vaBits || hints.vaBits || 48;
      const kernel = buildMachine({ ...machine, vaBits });
      const replay = new Replay({ kernel, ...settings, recorded: hints.foreign });
      if (parts !== null) for (const event of await readLogParts(parts)) replay.event(event);
      else await stream(replay, log, io);
      report = replay.finish();
    } catch (error) {
      if (error instanceof Error && 'code' in error && 'syscall' in error)
        throw new UsageError(`replay: ${error.message}`);
      throw error;
    }
    if (report.lines === 0 && report.calls === 0) throw new UsageError(`replay: ${log} is empty`);
    if (report.calls === 0 && report.notes.strange.count > 0) {
      const first = report.notes.strange.notes[0]!;
      throw new UsageError(`replay: ${log} is no log of strace: line ${first.line} is ${first.text}`);
    }
    if (report.verdict === 'differs') status = 1;
    if (options.json === true) printed.push({ log, ...reportJson(report) });
    else io.out(`${printed.length > 0 ? '\n' : ''}${reportText(basename(log), report, io)}`);
    if (options.json !== true) printed.push(null);
  }
  if (options.json === true) io.out(`${JSON.stringify({ logs: printed }, null, 2)}\n`);
  return status;
}

/** The files of `strace -ff -o LOG`, when there is no LOG itself. */
async function partsOf(log: string): Promise<Awaited<ReturnType<typeof findLogParts>> | null> {
  if (log === '-' || statSync(log, { throwIfNoEntry: false }) !== undefined) return null;
  const parts = await findLogParts(log).catch(() => []);
  return parts.length === 0 ? null : parts;
}

async function stream(replay: Replay, log: string, io: Io): Promise<void> {
  if (log === '-') {
    for await (const piece of io.input()) replay.push(piece);
    return;
  }
  const progress = new Progress(io, statSync(log).size, basename(log));
  try {
    for await (const piece of readPieces(log, (bytes) => progress.at(bytes, replay.parser.lines))) {
      replay.push(piece);
      if (replay.stopped) break;
    }
  } finally {
    progress.end();
  }
}
