/**
 * Chooses the map to show: the requested one, else that at the last read of a map in the log, else that at exit. With a real map,
 * it compares both of the last two and shows the one that is more like it, because the log does not show when the real map was read.
 */
import { compareMaps } from './compare.ts';
import type { Process } from '../process/process.ts';
import { areaPattern } from '@vmarea/situation';
import type { HeldMap } from '../stacks/ledger.ts';
import type { Border, CrowdedMap, ReplayedMap, StackReport } from '../report/report.ts';
import type { Replay } from '../replay.ts';
import { bordersOf } from './borders.ts';
import { snapshotLines, type Snapshot } from './snapshot.ts';

/** The share of vm.max_map_count from which on a map counts as nearly full. */
const CROWDED = 0.9;

/** The maps of one replay. */
export class MapKeeper {
  readonly #replay: Replay;
  #lastRead: Snapshot | null = null;
  #lastExit: Snapshot | null = null;
  #at: Snapshot | null = null;
  #held: HeldMap | null = null;
  /** The first map that was full when a call was refused, else the map that is shown. */
  crowded: CrowdedMap | null = null;
  /** The stacks of the same map. */
  stacks: StackReport | null = null;
  /** The borders of the map that is shown. */
  borders: readonly Border[] = [];

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  /** Notes that a task has read a file that shows the map of a process. */
  read(pid: number, line: number, path: string): void {
    const { options, processes, execs } = this.#replay;
    if (options.pid !== undefined && options.pid !== pid) return;
    const process = processes.byPid(pid);
    if (process === null) return;
    if (process.exec !== null) execs.settle(process);
    this.#lastRead = this.#snapshot(process, line, `when ${path} was read`);
  }

  /** Takes the map of a task that is about to end. */
  ending(process: Process, line: number): void {
    const wanted = this.#replay.options.pid ?? this.#replay.processes.firstPid;
    if (process.tgid === wanted) this.#lastExit = this.#snapshot(process, line, 'at its exit');
  }

  /** Called when the kernel refuses a call for want of memory or of areas. */
  refused(process: Process, line: number): void {
    if (this.crowded !== null || !this.#isCrowded(process.task.mm.mapCount)) return;
    const shown = this.#snapshot(process, line, 'when a call was refused');
    this.#crowd(shown);
    // The option at wins.
    if (this.#replay.options.at === undefined) this.#held = shown.held;
  }

  #isCrowded(areas: number): boolean {
    return areas >= CROWDED * this.#replay.kernel.system.sysctl.maxMapCount;
  }

  #crowd(shown: Snapshot): void {
    const { pid, line, moment, lines } = shown;
    this.crowded = { pid, line, moment, areas: lines.length, pattern: areaPattern(lines) };
  }

  /** Called after each memory call. */
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
    const { space, tgid: pid } = process;
    const held = this.#replay.stacks?.hold({ lines, space, pid, line, moment }) ?? null;
    return { pid, line, moment, lines, space, borders, held };
  }

  /** Returns the map to show; null when the log has no process. */
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
    if (this.crowded === null && this.#isCrowded(shown.lines.length)) this.#crowd(shown);
    const held = this.#held ?? shown.held;
    if (held !== null) this.stacks = this.#replay.stacks?.report(held) ?? null;
    const { maps } = options;
    let comparison = null;
    if (maps !== undefined && tally.difference === null) {
      comparison = compareMaps(shown.lines, maps, shown.space);
      const exit = this.#lastExit;
      if (comparison.different > 0 && exit !== null && shown === this.#lastRead) {
        const other = compareMaps(exit.lines, maps, exit.space);
        if (other.different < comparison.different) [shown, comparison] = [exit, other];
      }
    }
    const { pid, line, moment, lines } = shown;
    this.borders = shown.borders;
    return { pid, line, moment, lines: comparison === null ? lines : comparison.lines, comparison };
  }
}
