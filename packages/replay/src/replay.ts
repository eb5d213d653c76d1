/**
 * Replays a log: takes events, returns a report. Makes every memory call on the kernel package's kernel before it reads the
 * recorded answer, then compares.
 *
 * It has no placement, merge or accounting code of its own. File and process calls are inputs: process/ stores their recorded
 * results where the kernel reads them. Memory does not grow with the log.
 */
import type { Kernel, Task } from '@vmarea/kernel';
import type { Mm, RamCounters, Tracer, VmFile } from '@vmarea/mm-core';
import {
  defaultSituation,
  given,
  MapFiles,
  memoryIsKnown,
  placementOf,
  restoreMap,
  type Situation,
} from '@vmarea/situation';
import {
  CallDecoder,
  LogParser,
  type Call,
  type LogEvent,
  type MapsLine,
  type MemoryOp,
  type Op,
  type SignalEvent,
} from '@vmarea/strace';
import { allCapabilities, SIGBUS, SIGKILL, SIGSEGV } from '@vmarea/uapi';
import { ExecDriver } from './programs/exec-driver.ts';
import { fileCall } from './process/file-calls.ts';
import { MapKeeper } from './maps/keeper.ts';
import { FailedCallDriver } from './process/failed-calls.ts';
import { judgeSignal } from './process/signals.ts';
import { FanOut } from './report/listeners.ts';
import { MemoryDriver } from './process/memory-driver.ts';
import { Notebook } from './report/notes.ts';
import type { Process } from './process/process.ts';
import { ProcessTable } from './process/table.ts';
import type { ProgramSource } from './programs/programs.ts';
import { RecordedFiles } from './process/recorded-files.ts';
import type { Reason, ReplayReport } from './report/report.ts';
import { Tally } from './report/tally.ts';
import { VmaCounter } from './maps/vma-counter.ts';
import { StackLedger } from './stacks/ledger.ts';
import { REPLAYED_CALLS } from './wanted.ts';

/** A memory call of the log that is about to be made. */
export interface CallToCome {
  /** Ordinal among the memory calls, from 1. */
  readonly number: number;
  readonly line: number;
  readonly pid: number;
  readonly call: Call;
  readonly op: MemoryOp;
  /** The task before the call. Do not change it; `onCopy` of @vmarea/what-if makes a copy. */
  readonly task: Task;
}

/** A memory call that was made. */
export interface CallRecord {
  /** Ordinal among the memory calls, from 1. */
  readonly number: number;
  readonly line: number;
  readonly pid: number;
  readonly call: Call;
  /** The answer of the kernel here, or the log's when the state follows the log; null without a result. */
  readonly result: number | null;
  /** The answer in the log; null without a result. */
  readonly recorded: number | null;
  /** The reason for an error in `result`; null without one. */
  readonly reason: Reason | null;
  readonly op: MemoryOp;
  /** In the state after the call. It must not be changed. */
  readonly task: Task;
}

/** What happened to a process beside its memory calls, in the order in which the replay follows it. */
export interface ProcessRecord {
  /**
   * `begin`: the log shows it first; `fork`: it has a copy of its parent's address space, or shares it (vfork); `thread`;
   * `exec`: it has a new address space, with the program in it where its headers are known; `exit`; `signal`.
   */
  readonly kind: 'begin' | 'fork' | 'thread' | 'exec' | 'exit' | 'signal';
  readonly line: number;
  /** The task. */
  readonly pid: number;
  /** Its thread group. */
  readonly tgid: number;
  /** In the state after it, but for `exit`: before the address space goes. It must not be changed. */
  readonly task: Task;
  /** What the log says between the dashes of a signal; empty otherwise. */
  readonly text: string;
  /** Names that the map before gave to areas, by an address in them; null without one. */
  readonly labels: ReadonlyMap<number, string> | null;
}

/** An event of the log, with its task before the event. */
export interface EventToCome {
  readonly event: LogEvent;
  /** May be copied, but not changed. */
  readonly task: Task;
}

/** The options of a replay. */
export interface ReplayOptions {
  /** A machine without memory: `createKernel({ …, memory: false })`. No other user may change it. */
  readonly kernel: Kernel;
  /** Headers of programs. */
  readonly programs: ProgramSource;
  /**
   * The facts about machine and process: limits, capabilities, the map to start from, whether addresses are random. A recorded
   * success may correct an assumed fact. Default: the kernel's settings, and root.
   */
  readonly situation?: Situation | undefined;
  /** Whether programs run at random addresses; `auto`: by the situation, or by the first break. */
  readonly aslr?: 'auto' | 'on' | 'off' | undefined;
  /** The real map at the end: to compare with, and for facts that a log does not contain. */
  readonly maps?: readonly MapsLine[] | undefined;
  /** The process whose map is shown. */
  readonly pid?: number | undefined;
  /** The directory in which the first process began, absolute: relative paths are seen from it. Left out: not known. */
  readonly cwd?: string | undefined;
  /** The map is shown after this memory call, counted from 1. */
  readonly at?: number | undefined;
  /** Takes all addresses from the log: for logs of other architectures. */
  readonly recorded?: boolean | undefined;
  /** Follows the call stacks that areas come from, in logs of `strace -k` and `-kk`. */
  readonly stacks?: boolean | undefined;
  /** Receive the events of every address space; they must not change one. */
  readonly listeners?: readonly Tracer[] | undefined;
  /** Called before each memory call is made. */
  readonly beforeCall?: ((call: CallToCome) => void) | undefined;
  /** Called before an event of a running process changes anything: signals, forks, calls of every kind. */
  readonly beforeEvent?: ((event: EventToCome) => void) | undefined;
  /** Called after each memory call, with its outcome. */
  readonly onCall?: ((call: CallRecord) => void) | undefined;
  /** Called when a process begins, forks, execs, gets a signal, and before it ends. */
  readonly onProcess?: ((record: ProcessRecord) => void) | undefined;
}

/** More RAM than any log can use: overcommit is judged only when the amount of RAM is known. */
const ENOUGH_RAM: RamCounters = { totalPages: () => 2 ** 40, guessFreePages: () => 2 ** 40, swapPages: () => 0 };

/** The default situation of a replay: the kernel gives every fact, and the process is root's. */
function situationOfKernel(kernel: Kernel): Situation {
  const base = defaultSituation(kernel.system.profile);
  return {
    ...base,
    capabilities: given(allCapabilities(), 'a replay without a situation'),
    uid: given(0, 'a replay without a situation'),
    memory: given(base.memory.value, 'the kernel'),
  };
}

/** A replay. Call {@link Replay.push} or {@link Replay.event}, then {@link Replay.finish}. */
export class Replay {
  readonly options: ReplayOptions;
  /** The machine. */
  readonly kernel: Kernel;
  /** @internal */
  readonly files: RecordedFiles;
  /** @internal */
  readonly notebook: Notebook = new Notebook();
  /** @internal */
  readonly tally: Tally = new Tally();
  /** @internal */
  readonly counter: VmaCounter = new VmaCounter();
  /** @internal */
  readonly decoder: CallDecoder = new CallDecoder();
  /** The log's parser, with the number of lines and their clues about the machine. */
  readonly parser: LogParser;
  /** Null when stacks are not followed. @internal */
  readonly stacks: StackLedger | null;
  /** @internal */
  readonly processes: ProcessTable;
  /** @internal */
  readonly execs: ExecDriver;
  /** @internal */
  readonly maps: MapKeeper;
  /** Open files that show a map, and whose. @internal */
  readonly mapsFiles: WeakMap<VmFile, number> = new WeakMap<VmFile, number>();
  /** @internal */
  readonly failures: FailedCallDriver;
  /** The facts, including those learned from the log so far. */
  situation: Situation;
  /** Assumed facts that a recorded success corrected, as sentences. */
  readonly learned: string[] = [];
  readonly #listener: Tracer;
  readonly #memory: MemoryDriver;
  readonly #sink = (event: LogEvent): void => this.event(event);

  constructor(options: ReplayOptions) {
    this.options = options;
    this.stacks = options.stacks === true ? new StackLedger() : null;
    this.parser = new LogParser({ calls: REPLAYED_CALLS, stacks: options.stacks });
    this.kernel = options.kernel;
    this.situation = options.situation ?? situationOfKernel(options.kernel);
    if (!memoryIsKnown(this.situation)) this.kernel.system.ram = ENOUGH_RAM;
    const listeners = options.listeners ?? [];
    this.#listener = listeners.length === 0 ? this.counter : new FanOut([this.counter, ...listeners]);
    this.failures = new FailedCallDriver(this);
    this.files = new RecordedFiles(this.kernel.system, (path) => placementOf(this.situation.mounts, path));
    this.processes = new ProcessTable(this);
    this.execs = new ExecDriver(this);
    this.maps = new MapKeeper(this);
    this.#memory = new MemoryDriver(this);
  }

  /** Whether an answer differed: the rest of the log is not replayed. */
  get stopped(): boolean {
    return this.tally.difference !== null;
  }

  /** Takes text of the log, cut anywhere. */
  push(text: string): void {
    if (this.tally.difference === null) this.parser.push(text, this.#sink);
  }

  /** Takes one event, for callers with their own parser. */
  event(event: LogEvent): void {
    if (this.tally.difference !== null) return;
    if (event.type === 'call') {
      const process = this.processes.find(event);
      if (process !== null) this.dispatch(process, event);
      return;
    }
    if (event.type === 'strange') {
      this.notebook.note('strange', event.line, event.pid, `skipped: ${event.reason}: ${shorten(event.text, 100)}`);
      return;
    }
    if (event.type === 'note') return;
    if (event.type === 'stack') {
      this.stacks?.stack(event);
      return;
    }
    if (event.type === 'signal') {
      const process = this.processes.byPid(event.pid);
      if (process !== null) this.dispatch(process, event);
      else this.#beforeFirstCall(event);
      return;
    }
    if (event.type === 'killed') this.notebook.deadly(event.pid, event.name);
    if (event.type === 'superseded') {
      this.processes.superseded(event.pid, event.by);
      return;
    }
    const process = this.processes.find(event);
    if (process !== null) this.dispatch(process, event);
  }

  /** Handles an event of a known process. @internal */
  dispatch(process: Process, event: LogEvent): void {
    this.counter.pid = event.pid;
    this.counter.line = event.line;
    if (process.exec !== null && this.execs.holds(process, process.exec, event)) return;
    this.options.beforeEvent?.({ event, task: process.task });
    switch (event.type) {
      case 'call':
        this.#returned(process, event.call);
        return;
      case 'entry':
        this.#entered(process, event.call);
        return;
      case 'pending':
        process.entered = null;
        return;
      case 'signal':
        this.#signal(process, event);
        return;
      case 'killed':
        this.exit(process, event.line);
        return;
      case 'exited':
        this.exit(process, event.line);
        return;
      default:
        return;
    }
  }

  /** Ends the log and returns the report. */
  finish(): ReplayReport {
    const { tally, counter } = this;
    if (tally.difference === null) this.parser.end(this.#sink);
    for (const process of this.processes.all()) if (process.exec !== null) this.execs.settle(process);
    const map = this.maps.final();
    if (counter.touchRefusals > 0) {
      this.notebook.note(
        'touch',
        0,
        0,
        `areas that did not join because both were taken as written by then: ${counter.touchRefusals}, first at line ${counter.touchLine}`,
      );
    }
    const different =
      tally.difference !== null ||
      (map?.comparison?.different ?? 0) > 0 ||
      this.notebook.unexplained > 0 ||
      this.notebook.signalsDiffer > 0;
    return {
      lines: this.parser.lines,
      calls: tally.calls,
      machine: {
        kernel: this.kernel.system.profile.name,
        vaBits: Math.round(Math.log2(this.kernel.system.arch.taskSize)),
        pageSize: this.kernel.system.pageSize,
        addresses: tally.recordedAny ? (tally.predictedAny ? 'mixed' : 'recorded') : 'predicted',
        randomized: this.execs.randomized,
      },
      answers: {
        replayed: tally.memoryCalls,
        reproduced: tally.reproduced - tally.told,
        unjudged: tally.unjudged + tally.told,
        failed: this.notebook.failed,
        failedAlike: this.notebook.failedAlike,
        unexplained: this.notebook.unexplained,
      },
      situation: this.#settled(),
      learned: this.learned,
      signals: this.notebook.signals,
      borders: this.maps.borders,
      difference: tally.difference,
      vmas: {
        created: counter.created,
        merged: counter.merged,
        split: counter.split,
        removed: counter.removed,
        copied: this.processes.copied,
        peak: counter.peak,
        peakPid: counter.peakPid,
        peakLine: counter.peakLine,
        maxMapCount: this.kernel.system.sysctl.maxMapCount,
      },
      processes: this.processes.counts(),
      failures: this.notebook.failures,
      failuresLeftOut: this.notebook.failuresLeftOut,
      notes: this.notebook.notes,
      map,
      crowded: this.maps.crowded,
      stacks: this.maps.stacks,
      verdict: different ? 'differs' : 'agrees',
    };
  }

  /** Returns the situation with what the log has shown about random addresses. */
  #settled(): Situation {
    const { randomized } = this.execs;
    if (randomized === null || this.situation.aslr.value !== 'unknown') return this.situation;
    const what = 'by the first break';
    return { ...this.situation, aslr: { value: randomized ? 'on' : 'off', evidence: { kind: 'log', line: 0, what } } };
  }

  // --- processes

  /** Attaches the listeners to an address space. @internal */
  watch(mm: Mm): void {
    mm.tracer = this.#listener;
  }

  /** Handles a process whose first line appears without its creation. @internal */
  adoptUnknown(process: Process, line: number, begins: boolean): void {
    const { mapBefore, aslr } = this.situation;
    process.cwd ??= this.options.cwd ?? null;
    if (mapBefore !== null) {
      const files = new MapFiles(this.kernel.system, (inode) => this.files.forget(inode));
      const open = (area: MapsLine): VmFile => {
        const file = files.open(area);
        this.files.adopt(area.name, file);
        return file;
      };
      const restored = restoreMap(process.task, mapBefore.value.lines, { open, randomized: aslr.value });
      for (const text of restored.said) this.notebook.note('assumed', line, process.pid, text);
      const { space } = process;
      space.recorded = this.options.recorded === true || !restored.placementKnown;
      if (!restored.placementKnown && this.options.recorded !== true) {
        const text = 'the map before shows no stack and no [vdso], so it is a part: addresses are taken from the log';
        this.notebook.note('assumed', line, process.pid, text);
      }
      space.breakUnknown = !restored.heapKnown;
      space.breakRounded = restored.heapKnown;
      space.labels = restored.labels;
      space.randomized = aslr.value !== 'off';
    } else if (!begins && this.options.recorded !== true) {
      const text =
        'the log begins in the middle of its life: without a map to start from, its addresses are taken from the log';
      this.notebook.note('assumed', line, process.pid, `process ${process.pid}: ${text}`);
    }
    // A process whose beginning the log does not show has not the mappings of a new task.
    if (mapBefore === null && !begins) {
      process.task.sys.munmap(0, process.task.mm.taskSize);
      process.task.mm.startStack = 0;
    }
    this.watch(process.task.mm);
    this.tellProcess('begin', process, line);
  }

  /** Tells what happened to a process. @internal */
  tellProcess(kind: ProcessRecord['kind'], process: Process, line: number, text: string = ''): void {
    const { pid, tgid, task, space } = process;
    this.options.onProcess?.({ kind, line, pid, tgid, task, text, labels: space.labels });
  }

  /** Ends a task. @internal */
  exit(process: Process, line: number): void {
    if (process.exec !== null) this.execs.settle(process);
    this.maps.ending(process, line);
    this.processes.end(process);
  }

  // --- calls

  #signal(process: Process, event: SignalEvent): void {
    this.write(process);
    this.tellProcess('signal', process, event.line, event.text);
    const judged = judgeSignal(process, event);
    if (judged !== null) this.notebook.signal(event, judged.kind, judged.sentence);
  }

  /** Handles a signal of a task that has made no call. */
  #beforeFirstCall(event: SignalEvent): void {
    if (event.stopped || (event.signal !== SIGSEGV && event.signal !== SIGBUS && event.signal !== SIGKILL)) return;
    const sentence =
      'It came before the first call: exec failed after its point of no return, because a segment could not be mapped. ' +
      'Segments with different rights in one page do so, where pages are larger than the alignment that the program was linked for.';
    this.notebook.signal(event, 'open', sentence);
  }

  #entered(process: Process, call: Call): void {
    const op = this.decoder.decode(call);
    if (op === null) return;
    if (op.op === 'fork') this.processes.forkEntered(process, op);
    else if (op.op === 'munmap' || op.op === 'mprotect' || op.op === 'mmap' || op.op === 'mremap') {
      process.entered = { call, op, result: null };
    }
  }

  #returned(process: Process, call: Call): void {
    this.tally.calls++;
    const op = this.decoder.decode(call);
    if (op === null) return;
    if (op.op === 'undecoded') {
      this.notebook.note(
        'strange',
        call.line,
        call.pid,
        `skipped: argument ${op.index + 1} of ${call.name} is «${shorten(op.text, 40)}», which is not known here (${op.expected})`,
      );
      return;
    }
    if (isMemoryOp(op)) this.#memory.memory(process, call, op);
    else fileCall(this, process, call, op);
  }

  /** Counts memory that the last call returned as written. @internal */
  write(process: Process): void {
    if (process.space.freshEnd !== 0) process.space.write(process.task.mm);
  }
}

function isMemoryOp(op: Op): op is MemoryOp {
  return MEMORY_OPS.has(op.op);
}

const MEMORY_OPS: ReadonlySet<string> = new Set<MemoryOp['op']>([
  'mmap',
  'munmap',
  'mprotect',
  'mremap',
  'brk',
  'madvise',
  'mlock',
  'munlock',
  'mlockall',
  'munlockall',
  'msync',
  'mincore',
  'remapFilePages',
  'setVmaName',
  'prctl',
  'shmget',
  'shmat',
  'shmdt',
  'shmctl',
]);

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
