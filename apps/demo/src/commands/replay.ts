/**
 * `vmarea replay`: reads logs as they are streamed, and prints what came of them.
 */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import {
  ElfError,
  NO_PROGRAMS,
  normalizePath,
  parseElfJson,
  programsFromDirectory,
  Replay,
  replayFitting,
  type ProgramSource,
  type ReplayOptions,
  type ReplayReport,
} from '@vmarea/replay';
import { LogParser, type LogEvent } from '@vmarea/strace';
import { findLogParts, readLogParts, readPieces } from '@vmarea/strace/node';
import { isModelled, LogClues, parseKernelName, type Situation } from '@vmarea/situation';
import type { KernelName } from '@vmarea/uapi';
import { buildMachine } from '../machine/machine.ts';
import { Sysroot } from '../machine/sysroot.ts';
import { givenFacts, readMap, readText, situationOf, usage } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';
import { recognizeFile } from '../intake/recognize-file.ts';
import { UsageError, type Io } from '../text/io.ts';
import { startProgress } from '../text/progress.ts';
import { reportJson } from '../text/report-json.ts';
import { grouped, patternText } from '../text/numbers.ts';
import { reportText } from '../text/report-text.ts';
import { parseCount } from '../text/values.ts';
import { compareKernels } from './compare-kernels.ts';

/** The options of the command, as commander gives them. */
export interface ReplayCommandOptions extends SituationOptions {
  readonly maps?: string | undefined;
  readonly sysroot?: string | undefined;
  readonly elf?: string | undefined;
  readonly cwd?: string | undefined;
  readonly pid?: string | undefined;
  readonly at?: string | undefined;
  readonly byStack?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly verbose?: boolean | undefined;
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

/** @throws UsageError for a path that is relative */
function absoluteDirectory(path: string): string {
  if (!path.startsWith('/')) throw new UsageError(`--cwd: ${path} is no absolute path`);
  return normalizePath(path);
}

/** Lines of a log that are looked at for clues about its machine, at most. */
const MOST_LINES = 100_000;

/** Looks at the beginning of a text that arrives in pieces. */
class ClueReader {
  readonly clues = new LogClues();
  readonly #parser = new LogParser();
  readonly #sink = (event: LogEvent): void => this.clues.event(event);

  /** @returns whether more is wanted */
  push(piece: string): boolean {
    this.#parser.push(piece, this.#sink);
    return !this.clues.enough && this.#parser.lines < MOST_LINES;
  }
}

/** A log and what its beginning shows. */
export interface OpenedLog {
  readonly clues: LogClues;
  /** Whether it can be fed to another replay: standard input only as far as it is kept. */
  again(): boolean;
  feed(replay: Replay): Promise<void>;
}

/** Characters of standard input that are kept, so that another kernel can be asked. */
const MOST_KEPT = 2 ** 24;

/**
 * Opens a log, and looks at its beginning for clues about its machine.
 *
 * @param stacks whether the files of `strace -ff` are read with their stacks
 */
export async function openLog(log: string, io: Io, stacks = false): Promise<OpenedLog> {
  const parts = await partsOf(log);
  if (parts !== null) {
    const events = await readLogParts(parts, { stacks });
    const clues = new LogClues();
    for (const event of events) {
      clues.event(event);
      if (clues.enough) break;
    }
    const feed = (replay: Replay): Promise<void> => {
      for (const event of events) replay.event(event);
      return Promise.resolve();
    };
    return { clues, again: () => true, feed };
  }
  const reader = new ClueReader();
  if (log === '-') {
    // What was looked at is kept: standard input cannot be read twice.
    const begin: string[] = [];
    const rest = io.input()[Symbol.asyncIterator]();
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      begin.push(next.value);
      if (!reader.push(next.value)) break;
    }
    let kept = begin.reduce((sum, piece) => sum + piece.length, 0);
    return {
      clues: reader.clues,
      again: () => kept <= MOST_KEPT,
      feed: async (replay) => {
        for (const piece of begin) replay.push(piece);
        for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
          kept += next.value.length;
          if (kept <= MOST_KEPT) begin.push(next.value);
          replay.push(next.value);
        }
      },
    };
  }
  for await (const piece of readPieces(log)) if (!reader.push(piece)) break;
  return { clues: reader.clues, again: () => true, feed: (replay) => stream(replay, log, io) };
}

/** Runs the command. Returns the exit status. */
export async function replayCommand(logs: readonly string[], options: ReplayCommandOptions, io: Io): Promise<number> {
  const maps = options.maps === undefined ? undefined : readMap('--maps', options.maps);
  if (maps !== undefined && logs.length > 1)
    throw new UsageError('--maps: a map belongs to one log; replay them one by one');
  const kernels = options.kernel?.includes(',') === true ? options.kernel.split(',') : null;
  const facts = usage(() => givenFacts(kernels === null ? options : { ...options, kernel: undefined }));
  const settings = {
    programs: readPrograms(options),
    maps,
    cwd: options.cwd === undefined ? undefined : absoluteDirectory(options.cwd),
    pid: options.pid === undefined ? undefined : parseCount('--pid', options.pid, 0),
    stacks: options.byStack === true,
    at: options.at === undefined ? undefined : parseCount('--at', options.at, 1),
  };
  const situationFor = (clues: LogClues, kernel?: KernelName): Situation =>
    situationOf({ ...facts, kernel: kernel ?? facts.kernel }, clues, { mapAfter: maps });
  if (kernels !== null) {
    const names = usage(() => kernels.map(parseKernelName));
    const run = async (log: string, name: KernelName): Promise<ReplayReport> => {
      const report = await replayOne(log, (clues) => situationFor(clues, name), settings, io);
      await refuseNoLog(log, report);
      return report;
    };
    return compareKernels(logs, names, { run, json: options.json === true, io });
  }
  let status = 0;
  const printed: unknown[] = [];
  for (const log of logs) {
    const report = await replayOne(log, situationFor, settings, io);
    await refuseNoLog(log, report);
    if (report.stacks !== null) refuseNoStacks(log, report);
    if (report.verdict === 'differs') status = 1;
    if (options.json === true) printed.push({ log, ...reportJson(report) });
    else {
      const text = reportText(basename(log), report, { io, verbose: options.verbose === true });
      io.out(`${printed.length > 0 ? '\n' : ''}${text}`);
    }
    if (options.json !== true) printed.push(null);
  }
  if (options.json === true) io.out(`${JSON.stringify({ logs: printed }, null, 2)}\n`);
  return status;
}

/** Makes the situation of a log, with the kernel that is asked where one is named. */
type SituationFor = (clues: LogClues, kernel?: KernelName) => Situation;

async function replayAs(
  opened: OpenedLog,
  situation: Situation,
  settings: Omit<ReplayOptions, 'kernel'>,
): Promise<ReplayReport> {
  const kernel = buildMachine(situation);
  const replay = new Replay({ kernel, ...settings, situation, recorded: !isModelled(situation) });
  await opened.feed(replay);
  return replay.finish();
}

/** Replays a log under the kernel that fits it. */
async function replayOne(
  log: string,
  situationFor: SituationFor,
  settings: Omit<ReplayOptions, 'kernel'>,
  io: Io,
): Promise<ReplayReport> {
  try {
    const opened = await openLog(log, io, settings.stacks);
    const situation = situationFor(opened.clues);
    const { report } = await replayFitting({
      situation,
      withKernel: (kernel) => (opened.again() ? { ...situationFor(opened.clues, kernel.value), kernel } : null),
      run: async (one) => ({ report: await replayAs(opened, one, settings) }),
    });
    return report;
  } catch (error) {
    if (error instanceof Error && (error.name === 'SituationError' || ('code' in error && 'syscall' in error)))
      throw new UsageError(`replay: ${error.message}`);
    throw error;
  }
}

/** @throws UsageError for input that is no log, or has no call that a replay looks at */
async function refuseNoLog(log: string, report: ReplayReport): Promise<void> {
  if (report.lines === 0 && report.calls === 0) throw new UsageError(`replay: ${log} is empty`);
  // Calls of which none could be read: another tool's output, which looks alike.
  if (report.calls > 0 && report.answers.replayed === 0 && report.notes.strange.count > 0 && isFile(log))
    await recognizeFile(log);
  if (report.calls > 0 || report.signals.length > 0) return;
  const { strange } = report.notes;
  if (strange.count === 0) return;
  const first = strange.notes[0]!;
  if (strange.count < report.lines) {
    const rest = `${report.lines - strange.count} of ${report.lines} lines`;
    throw new UsageError(
      `replay: ${log} has no call about memory in the ${rest} that strace wrote (record with -e trace=%memory, or with all calls)`,
    );
  }
  throw new UsageError(`replay: ${log} is no log of strace: line ${first.line} is ${first.text}`);
}

/** @throws UsageError when stacks are asked for, and the log has none */
function refuseNoStacks(log: string, { stacks, crowded }: ReplayReport): void {
  if (stacks === null || stacks.callsWithStack > 0) return;
  const fills = crowded?.pattern == null ? '' : ` What fills its map: ${patternText(crowded.pattern)}.`;
  throw new UsageError(
    `replay --by-stack: ${log} has no stack behind any of its ${grouped(stacks.calls)} memory calls: record with «strace -k -f», or -kk for lines of the source.${fills}`,
  );
}

/** Whether the log is a file that can be looked at again. */
function isFile(log: string): boolean {
  return log !== '-' && statSync(log, { throwIfNoEntry: false })?.isFile() === true;
}

/** The files of `strace -ff -o LOG`, when there is no LOG itself. */
async function partsOf(log: string): Promise<Awaited<ReturnType<typeof findLogParts>> | null> {
  if (log === '-' || statSync(log, { throwIfNoEntry: false }) !== undefined) return null;
  const parts = await findLogParts(log).catch(() => []);
  return parts.length === 0 ? null : parts;
}

async function stream(replay: Replay, log: string, io: Io): Promise<void> {
  const progress = await startProgress(io, statSync(log).size, basename(log));
  try {
    for await (const piece of readPieces(log, (bytes) => progress.at(bytes, replay.parser.lines))) {
      replay.push(piece);
      if (replay.stopped) break;
    }
  } finally {
    progress.end();
  }
}
