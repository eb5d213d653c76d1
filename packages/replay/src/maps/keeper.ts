/**
 * Which map is shown in the end: the one asked for, else that of the last look at it in the log, else that at exit.
 */
import { compareMaps } from './compare.ts';
import type { Process } from '../process/process.ts';
import type { Border, ReplayedMap } from '../report/report.ts';
import type { Replay } from '../replay.ts';
import { bordersOf } from './borders.ts';
import { snapshotLines, type Snapshot } from './snapshot.ts';

/** Maps of one replay. */
export class MapKeeper {
  readonly #replay: Replay;
  #lastRead: Snapshot | null = null;
  #lastExit: Snapshot | null = null;
  #at: Snapshot | null = null;
  /** Of the map that is shown. */
  borders: readonly Border[] = [];

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /** Bytes were read from a file that shows the map of a process. */
  read(pid: number, line: number, path: string): void {
    const { options, processes, execs } = this.#replay;
    if (options.pid !== undefined && options.pid !== pid) return;
    const process = processes.byPid(pid);
    if (process === null) return;
    if (process.exec !== null) execs.settle(process);
    this.#lastRead = this.#snapshot(process, line, `when ${path} was read`);
  }

  /** A task is about to end. */
  ending(process: Process, line: number): void {
    const wanted = this.#replay.options.pid ?? this.#replay.processes.firstPid;
    if (process.tgid === wanted) this.#lastExit = this.#snapshot(process, line, 'at its exit');
  }

  /** A memory call has been made. */
  afterCall(process: Process, line: number): void {
    const { options, processes, tally } = this.#replay;
    if (tally.memoryCalls !== options.at) return;
    const shown = options.pid === undefined ? process : (processes.byPid(options.pid) ?? process);
    this.#at = this.#snapshot(shown, line, `after memory call ${tally.memoryCalls}`);
  }

  #snapshot(process: Process, line: number, moment: string): Snapshot {
    this.#replay.write(process);
    const { mm } = process.task;
    const { files } = this.#replay;
    const lines = snapshotLines(mm, files, process.space.labels);
    const borders = bordersOf(mm, files);
    return { pid: process.tgid, line, moment, lines, space: process.space, borders };
  }

  /** The map to show; null when the log has no process. */
  final(): ReplayedMap | null {
    const { options, notebook, tally, processes, parser } = this.#replay;
    let shown = this.#at ?? this.#lastRead ?? this.#lastExit;
    if (options.at !== undefined && this.#at === null) {
      notebook.note('info', 0, 0, `there is no memory call ${options.at}: the log has ${tally.memoryCalls}`);
    }
    if (shown === null) {
      const pid = options.pid ?? processes.firstPid;
      const process = processes.byPid(pid);
      if (process === null) return null;
      shown = this.#snapshot(process, parser.lines, 'at the end of the log');
    }
    const { maps } = options;
    const { pid, line, moment, lines, space } = shown;
    this.borders = shown.borders;
    const comparison = maps === undefined || tally.difference !== null ? null : compareMaps(lines, maps, space);
    return { pid, line, moment, lines: comparison === null ? lines : comparison.lines, comparison };
  }
}
