/**
 * The replay of a log: events in, a report out. Every memory call is made on the kernel package's kernel before the
 * recorded answer is looked at, then compared.
 *
 * It has no placement, merge or accounting code of its own. File and process calls are inputs: file-calls.ts and
 * process-calls.ts put what they returned where the kernel finds it. Memory does not grow with the log.
 */
import type { Kernel } from '@vmarea/kernel';
import type { Mm, VmFile } from '@vmarea/mm-core';
import {
  CallDecoder,
  LogParser,
  type Call,
  type LogEvent,
  type MapsLine,
  type MemoryOp,
  type Op,
} from '@vmarea/strace';
import { O_RDWR } from '@vmarea/uapi';
import { ExecDriver } from './programs/exec-driver.ts';
import { fileCall } from './process/file-calls.ts';
import { MapKeeper } from './maps/keeper.ts';
import { restoreMap } from './maps/before.ts';
import { MemoryDriver } from './process/memory-driver.ts';
import { Notebook } from './report/notes.ts';
import type { Process } from './process/process.ts';
import { ProcessTable } from './process/table.ts';
import type { ProgramSource } from './programs/programs.ts';
import type { DriverCatalogue } from './report/reasons.ts';
import { RecordedFiles } from './process/recorded-files.ts';
import type { ReplayReport } from './report/report.ts';
import { Tally } from './report/tally.ts';
import { VmaCounter } from './maps/vma-counter.ts';
import { REPLAYED_CALLS } from './wanted.ts';

/** How a log is to be replayed. */
export interface ReplayOptions {
  /** A machine without memory: `createKernel({ …, memory: false })`. The replay is its only user. */
  readonly kernel: Kernel;
  /** Headers of programs. */
  readonly programs: ProgramSource;
  /** Whether programs run at random addresses; `auto`: the first break tells. */
  readonly aslr?: 'auto' | 'on' | 'off' | undefined;
  /** The real map at the end, to compare with, and to take from it what a log cannot tell. */
  readonly maps?: readonly MapsLine[] | undefined;
  /** The map to start from when the log begins in the middle of a process's life. */
  readonly mapsBefore?: readonly MapsLine[] | undefined;
  /** The process whose map is shown. */
  readonly pid?: number | undefined;
  /** The map is shown after this memory call, counted from 1. */
  readonly at?: number | undefined;
  /** Addresses are those of the log, whatever the kernel would choose: for logs of other architectures. */
  readonly recorded?: boolean | undefined;
  /** Capabilities of the first process by number; all of them when left out. */
  readonly capabilities?: Iterable<number> | undefined;
  /** Changes limits of the first process: resource, soft, hard (bytes or a count; Infinity for none). */
  readonly rlimits?: readonly (readonly [resource: number, soft: number, hard: number])[] | undefined;
  /** Catalogues of the drivers that the kernel was made with. */
  readonly catalogues?: readonly DriverCatalogue[] | undefined;
}

/** A replay under way. Feed it with text or events, then call {@link Replay.finish}. */
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
  /** Lines read so far, and what they show about the machine. */
  readonly parser: LogParser = new LogParser({ calls: REPLAYED_CALLS });
  /** @internal */
  readonly processes: ProcessTable;
  /** @internal */
  readonly execs: ExecDriver;
  /** @internal */
  readonly maps: MapKeeper;
  /** Open files that show a map, and whose. @internal */
  readonly mapsFiles: WeakMap<VmFile, number> = new WeakMap<VmFile, number>();
  readonly #memory: MemoryDriver;
  readonly #sink = (event: LogEvent): void => this.event(event);

  constructor(options: ReplayOptions) {
    this.options = options;
    this.kernel = options.kernel;
    this.files = new RecordedFiles(this.kernel.system);
    this.processes = new ProcessTable(this);
    this.execs = new ExecDriver(this);
    this.maps = new MapKeeper(this);
    this.#memory = new MemoryDriver(this);
  }

  /** The first answer that differs has been found: the rest of the log changes nothing any more. */
  get stopped(): boolean {
    return this.tally.difference !== null;
  }

  /** Text of the log, cut anywhere. */
  push(text: string): void {
    if (this.tally.difference === null) this.parser.push(text, this.#sink);
  }

  /** One event, for callers that parse themselves. */
  event(event: LogEvent): void {
    if (this.tally.difference !== null) return;
    if (event.type === 'strange') {
      this.notebook.note('strange', event.line, event.pid, `skipped: ${event.reason}: ${shorten(event.text, 100)}`);
      return;
    }
    if (event.type === 'note' || event.type === 'signal') return;
    if (event.type === 'superseded') {
      this.processes.superseded(event.pid, event.by);
      return;
    }
    const process = this.processes.find(event);
    if (process !== null) this.dispatch(process, event);
  }

  /** An event of a known process. @internal */
  dispatch(process: Process, event: LogEvent): void {
    this.counter.pid = event.pid;
    this.counter.line = event.line;
    if (process.exec !== null && this.execs.holds(process, process.exec, event)) return;
    switch (event.type) {
      case 'entry':
        this.#entered(process, event.call);
        return;
      case 'call':
        this.#returned(process, event.call);
        return;
      case 'pending':
        process.entered = null;
        return;
      case 'exited':
      case 'killed':
        this.exit(process, event.line);
        return;
      default:
        return;
    }
  }

  /** The log is at its end. */
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
    const guess = this.parser.hints.guess();
    const different = tally.difference !== null || (map?.comparison?.different ?? 0) > 0;
    return {
      lines: this.parser.lines,
      calls: tally.calls,
      architecture: guess,
      machine: {
        kernel: this.kernel.system.profile.name,
        vaBits: Math.round(Math.log2(this.kernel.system.arch.taskSize)),
        pageSize: this.kernel.system.pageSize,
        addresses: tally.recordedAny ? (tally.predictedAny ? 'mixed' : 'recorded') : 'predicted',
        randomized: this.execs.randomized ?? false,
      },
      answers: {
        replayed: tally.memoryCalls,
        reproduced: tally.reproduced - tally.told,
        unjudged: tally.unjudged + tally.told,
        failed: this.notebook.failed,
      },
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
      verdict: different ? 'differs' : 'agrees',
    };
  }

  // --- processes

  /** Listens to an address space. @internal */
  watch(mm: Mm): void {
    mm.tracer = this.counter;
  }

  /** A process of which the log shows the first line without having shown its birth. @internal */
  adoptUnknown(process: Process, line: number, begins: boolean): void {
    const { mapsBefore } = this.options;
    if (mapsBefore !== undefined) {
      const open = ({ name }: MapsLine): VmFile => this.files.open(name, O_RDWR);
      const { said, heapKnown } = restoreMap(process.task, mapsBefore, open, this.execs.randomized === false);
      for (const text of said) this.notebook.note('assumed', line, process.pid, text);
      process.space.recorded = this.options.recorded === true;
      process.space.breakUnknown = !heapKnown;
      process.space.given(0, this.kernel.system.arch.taskSize);
      process.space.randomized = this.execs.randomized !== false;
    } else if (!begins && this.options.recorded !== true) {
      const text =
        'the log begins in the middle of its life: without a map to start from, its addresses are taken from the log';
      this.notebook.note('assumed', line, process.pid, `process ${process.pid}: ${text}`);
    }
    this.watch(process.task.mm);
  }

  /** A task has ended. @internal */
  exit(process: Process, line: number): void {
    if (process.exec !== null) this.execs.settle(process);
    this.maps.ending(process, line);
    this.processes.end(process);
  }

  // --- calls

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
        `skipped: argument ${op.index + 1} of ${call.name} is «${shorten(op.text, 40)}», not a ${op.expected}`,
      );
      return;
    }
    if (isMemoryOp(op)) this.#memory.memory(process, call, op);
    else fileCall(this, process, call, op);
  }

  /** Memory given out by the last call counts as written now. @internal */
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
]);

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
