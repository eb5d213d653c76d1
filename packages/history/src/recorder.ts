/**
 * Writes the history of a replay while it runs. After each call it compares only the range that the call names or that the
 * events of areas report, so that the cost does not grow with the number of areas.
 */
import type { Task } from '@vmarea/kernel';
import { findVma, type Mm, type Tracer, type Vma, type VmaEvent } from '@vmarea/mm-core';
import type { CallRecord, CallToCome, ProcessRecord, ReplayOptions } from '@vmarea/replay';
import { nameInMap } from '@vmarea/situation';
import type { MemoryOp } from '@vmarea/strace';
import { History } from './history.ts';
import { Table, type AreaRow } from './table.ts';

/** A range of addresses that may have changed; empty when `low` is not below `high`. */
interface Range {
  low: number;
  high: number;
}

/** The state of an address space while the replay runs. */
interface Watched {
  readonly index: number;
  readonly mm: Mm;
  readonly changed: Range;
  /** The number of tasks that use it. */
  users: number;
  readonly labels: ReadonlyMap<number, string> | null;
}

/** A step that no replay makes: {@link HistoryRecorder.add} writes it. */
export interface OwnStep {
  /** The task that made it, in the state after it. */
  readonly task: Task;
  /** The call's name and arguments, as text. */
  readonly name: string;
  readonly text: string;
  readonly result: number | null;
}

/** Writes a history. Use it for one replay. */
export class HistoryRecorder implements Tracer {
  readonly #table = new Table();
  readonly #watched = new Map<Mm, Watched>();
  readonly #byPid = new Map<number, Watched>();
  /** The address space of the last event, so that the next event finds it without a look-up. */
  #told: Watched | null = null;
  /** The number of steps that {@link add} has written. */
  #added = 0;

  /** Returns the options of a replay with this recorder as a listener, besides the listeners that they contain. */
  listen(options: ReplayOptions): ReplayOptions {
    const { beforeCall, onCall, onProcess } = options;
    return {
      ...options,
      listeners: [...(options.listeners ?? []), this],
      beforeCall: (come) => {
        this.#beforeCall(come);
        beforeCall?.(come);
      },
      onCall: (record) => {
        this.#afterCall(record);
        onCall?.(record);
      },
      onProcess: (record) => {
        this.#process(record);
        onProcess?.(record);
      },
    };
  }

  /** The history so far. It may be read while the replay continues. */
  get history(): History {
    return new History(this.#table);
  }

  /**
   * Writes a step of a task that the caller runs itself, and compares its whole address space. The step's line and number are
   * its ordinal.
   *
   * @returns its moment
   */
  add({ task, name, text, result }: OwnStep): number {
    const { pid } = task;
    const watched = this.#use(pid, pid, task, null);
    widen(watched.changed, 0, Infinity);
    const number = ++this.#added;
    const row = { kind: 'call', line: number, pid, space: watched.index, number, name, text } as const;
    const moment = this.#table.addStep({ ...row, result, recorded: result, reason: null });
    this.#look(watched, moment);
    if (task.exitStatus !== null) this.#leave(pid, moment);
    return moment;
  }

  // --- the tracer

  enter(): void {
    // The history does not record entered functions.
  }

  decide(): void {
    // The reason comes with the call's record.
  }

  vma(event: VmaEvent, vma: Vma, detail: number): void {
    const { vmMm } = vma;
    let watched = this.#told;
    if (watched?.mm !== vmMm) {
      watched = this.#watched.get(vmMm) ?? null;
      if (watched === null) return;
      this.#told = watched;
    }
    widen(watched.changed, vma.vmStart, vma.vmEnd);
    if (detail !== 0 && event !== 'merge') widen(watched.changed, detail, detail + 1);
  }

  fault(): void {
    // A replay has no memory, so no faults.
  }

  // --- calls and processes

  /** The old break decides which area has the name [heap] before the call. */
  #beforeCall({ op, task, pid }: CallToCome): void {
    if (op.op === 'brk') widenByHeap(this.#use(pid, pid, task, null).changed, task.mm);
  }

  #afterCall(record: CallRecord): void {
    const { op, task, pid, call, result, recorded, reason, line, number } = record;
    const watched = this.#use(pid, pid, task, null);
    if (op.op === 'brk') widenByHeap(watched.changed, task.mm);
    else widenByCall(watched.changed, op, result ?? recorded);
    const { name, argsText: text } = call;
    const space = watched.index;
    const row = { kind: 'call', line, pid, space, number, name, text, result, recorded, reason } as const;
    this.#look(watched, this.#table.addStep(row));
  }

  #process({ kind, line, pid, tgid, task, text, labels }: ProcessRecord): void {
    const watched = this.#use(pid, tgid, task, labels);
    const space = watched.index;
    const row = { kind, line, pid, space, number: 0, name: kind, text, result: null, recorded: null, reason: null };
    const moment = this.#table.addStep(row);
    this.#look(watched, moment);
    if (kind === 'exit') this.#leave(pid, moment);
  }

  /** Returns the task's current address space: a known one, or a new one whose whole range counts as changed. */
  #use(pid: number, tgid: number, { mm }: Task, labels: ReadonlyMap<number, string> | null): Watched {
    const before = this.#byPid.get(pid);
    if (before?.mm === mm) return before;
    const moment = this.#table.moment + 1;
    this.#leave(pid, moment);
    let watched = this.#watched.get(mm);
    if (watched === undefined) {
      const index = this.#table.addSpace(tgid, moment);
      watched = { index, mm, changed: { low: 0, high: Infinity }, users: 0, labels };
      this.#watched.set(mm, watched);
    }
    watched.users++;
    this.#byPid.set(pid, watched);
    return watched;
  }

  /** Called when a task stops using its address space. */
  #leave(pid: number, moment: number): void {
    const watched = this.#byPid.get(pid);
    if (watched === undefined) return;
    this.#byPid.delete(pid);
    if (--watched.users > 0) return;
    this.#watched.delete(watched.mm);
    if (this.#told === watched) this.#told = null;
    this.#table.spaces[watched.index]!.to = moment;
  }

  // --- what changed

  /** Compares the changed range with the present areas. */
  #look(watched: Watched, moment: number): void {
    const { changed, index, mm } = watched;
    const row = this.#table.spaces[index]!;
    if (changed.low < changed.high) {
      const now: AreaRow[] = [];
      let { low, high } = changed;
      changed.low = Infinity;
      changed.high = -Infinity;
      // Extends the range until no area crosses its borders.
      for (;;) {
        const [from, to] = this.#table.rangeOf(row, low, high);
        let least = low;
        let most = high;
        if (from < to) {
          least = Math.min(least, this.#table.start.get(row.alive[from]!));
          most = Math.max(most, this.#table.end(row.alive[to - 1]!));
        }
        now.length = 0;
        for (let vma = findVma(mm, low); vma !== null && vma.vmStart < high; vma = vma.vmNext) {
          now.push(this.#areaOf(watched, vma));
          least = Math.min(least, vma.vmStart);
          most = Math.max(most, vma.vmEnd);
        }
        if (least === low && most === high) {
          this.#table.replace(index, [from, to], now, moment);
          break;
        }
        low = least;
        high = most;
      }
      if (row.program === '') row.program = this.#programOf(now);
    }
    row.mmapBase = mm.mmapBase;
    row.searchesUp = mm.mmapLegacy;
    this.#table.settle(index, moment);
  }

  #areaOf({ mm, labels }: Watched, vma: Vma): AreaRow {
    const { vmFile: file } = vma;
    const identity = this.#table.identityOf({
      name: nameInMap(mm, vma, labels),
      major: file === null ? 0 : file.fInode.devMajor,
      minor: file === null ? 0 : file.fInode.devMinor,
      inode: file === null ? 0 : file.fInode.ino,
    });
    const offset = file === null ? 0 : vma.vmPgoff * mm.system.pageSize;
    return { start: vma.vmStart, end: vma.vmEnd, offset, flags: vma.vmFlags, identity };
  }

  #programOf(areas: readonly AreaRow[]): string {
    for (const { identity } of areas) {
      const { name } = this.#table.identities[identity]!;
      if (name.startsWith('/')) return name;
    }
    return '';
  }
}

function widen(range: Range, low: number, high: number): void {
  if (low < range.low) range.low = low;
  if (high > range.high) range.high = high;
}

/** The break decides which area has the name [heap]: the areas at its old and new place may be renamed. */
function widenByHeap(range: Range, mm: Mm): void {
  const page = mm.system.pageSize;
  widen(range, Math.max(0, Math.min(mm.startBrk, mm.brk) - page), Math.max(mm.startBrk, mm.brk) + page);
}

/** Adds the range that a call names, and the range of its result. */
function widenByCall(range: Range, op: MemoryOp, result: number | null): void {
  if (op.op === 'mlockall' || op.op === 'munlockall' || op.op === 'prctl' || op.op === 'shmdt') {
    widen(range, 0, Infinity);
    return;
  }
  const about = (addr: number, len: number): void => {
    if (Number.isFinite(addr) && Number.isFinite(len) && addr >= 0) widen(range, addr, addr + Math.max(len, 1));
  };
  const given = result !== null && result > 0 ? result : -1;
  if (op.op === 'mremap') {
    about(Number(op.addr), Number(op.oldLen));
    about(given, Number(op.newLen));
  } else if (op.op === 'shmat') about(given, 1);
  else if ('addr' in op && 'len' in op) {
    about(op.op === 'mmap' ? given : Number(op.addr), Number(op.len));
  }
}
