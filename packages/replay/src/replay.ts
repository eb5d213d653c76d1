/**
 * The replay of a log: events in, a report out. Every memory call is made on the kernel package's kernel before the
 * recorded answer is looked at, then compared.
 *
 * It has no placement, merge or accounting code of its own. File and process calls are inputs: file-calls.ts and
 * process-calls.ts put what they returned where the kernel finds it. Memory does not grow with the log.
 */
import { findVmaIntersection, RETRY, type Mm, type VmFile } from '@vmarea/mm-core';
import { NO_RANDOM, type Kernel } from '@vmarea/kernel';
import {
  CallDecoder,
  LogParser,
  type Call,
  type LogEvent,
  type MapsLine,
  type MemoryOp,
  type MmapOp,
  type Op,
} from '@vmarea/strace';
import {
  ADDR_NO_RANDOMIZE,
  EBADF,
  EINVAL,
  errnoName,
  fromRegister,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  O_RDWR,
} from '@vmarea/uapi';
import { callText, formatAnswer } from './answer-text.ts';
import { compareMaps } from './compare-maps.ts';
import { fileCall } from './file-calls.ts';
import {
  biasInMap,
  displacements,
  emptySpace,
  execProgram,
  findProgram,
  isFixed,
  learn,
  pendingExec,
  probeMmap,
  type PendingExec,
} from './launch.ts';
import { restoreMap } from './maps-before.ts';
import { makeCall, makeCallAt, noteGiven, reachesUnknown, sharedSegment } from './memory-calls.ts';
import { Notebook } from './notes.ts';
import { Space, type Process } from './process.ts';
import { ProcessTable } from './process-table.ts';
import { joinPath, type ProgramSource } from './programs.ts';
import { ReasonBook, type DriverCatalogue } from './reasons.ts';
import { RecordedFiles } from './recorded-files.ts';
import type { Difference, ReplayedMap, ReplayReport } from './report.ts';
import { linesAround, snapshotLines, type Snapshot } from './snapshot.ts';
import { VmaCounter } from './vma-counter.ts';
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
  readonly kernel: Kernel;
  readonly files: RecordedFiles;
  readonly notebook: Notebook = new Notebook();
  readonly processes: ProcessTable;
  readonly parser: LogParser = new LogParser({ calls: REPLAYED_CALLS });
  readonly #counter = new VmaCounter();
  readonly #book: ReasonBook;
  readonly #decoder = new CallDecoder();
  readonly #sink = (event: LogEvent): void => this.event(event);
  readonly #segments = new Map<number, number>();
  /** Null until it is decided. */
  #randomized: boolean | null;
  readonly #sysctlRandomize: number;
  #calls = 0;
  #memoryCalls = 0;
  #reproduced = 0;
  #unjudged = 0;
  /** Answers of randomised programs that told the displacements. */
  #told = 0;
  #predictedAny = false;
  #recordedAny = false;
  #difference: Difference | null = null;
  #lastRead: Snapshot | null = null;
  #lastExit: Snapshot | null = null;
  #at: Snapshot | null = null;
  /** Open files that show a map, and whose. */
  readonly mapsFiles: WeakMap<VmFile, number> = new WeakMap<VmFile, number>();

  constructor(options: ReplayOptions) {
    this.options = options;
    this.kernel = options.kernel;
    this.files = new RecordedFiles(this.kernel.system);
    this.#book = new ReasonBook(options.catalogues);
    const { sysctl } = this.kernel.system;
    this.#sysctlRandomize = sysctl.randomizeVaSpace === 0 ? 2 : sysctl.randomizeVaSpace;
    const aslr = options.aslr ?? 'auto';
    this.#randomized = aslr === 'auto' ? null : aslr === 'on';
    this.processes = new ProcessTable(this);
  }

  /** The first answer that differs has been found: the rest of the log changes nothing any more. */
  get stopped(): boolean {
    return this.#difference !== null;
  }

  /** Text of the log, cut anywhere. */
  push(text: string): void {
    if (this.#difference === null) this.parser.push(text, this.#sink);
  }

  /** One event, for callers that parse themselves. */
  event(event: LogEvent): void {
    if (this.#difference !== null) return;
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

  /** An event of a known process. */
  dispatch(process: Process, event: LogEvent): void {
    this.#counter.pid = event.pid;
    this.#counter.line = event.line;
    if (process.exec !== null && this.#holds(process, process.exec, event)) return;
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
    if (this.#difference === null) this.parser.end(this.#sink);
    for (const process of this.processes.all()) if (process.exec !== null) this.settle(process);
    const map = this.#map();
    const counter = this.#counter;
    if (counter.touchRefusals > 0) {
      this.notebook.note(
        'touch',
        0,
        0,
        `areas that did not join because both were taken as written by then: ${counter.touchRefusals}, first at line ${counter.touchLine}`,
      );
    }
    const guess = this.parser.hints.guess();
    const different = this.#difference !== null || (map?.comparison?.different ?? 0) > 0;
    return {
      lines: this.parser.lines,
      calls: this.#calls,
      architecture: guess,
      machine: {
        kernel: this.kernel.system.profile.name,
        vaBits: Math.round(Math.log2(this.kernel.system.arch.taskSize)),
        pageSize: this.kernel.system.pageSize,
        addresses: this.#recordedAny ? (this.#predictedAny ? 'mixed' : 'recorded') : 'predicted',
        randomized: this.#randomized ?? false,
      },
      answers: {
        replayed: this.#memoryCalls,
        reproduced: this.#reproduced - this.#told,
        unjudged: this.#unjudged + this.#told,
        failed: this.notebook.failed,
      },
      difference: this.#difference,
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

  /** Listens to an address space. */
  watch(mm: Mm): void {
    mm.tracer = this.#counter;
  }

  /** A process of which the log shows the first line without having shown its birth. */
  adoptUnknown(process: Process, line: number): void {
    const { mapsBefore } = this.options;
    if (mapsBefore !== undefined) {
      const open = ({ name }: MapsLine): VmFile => this.files.open(name, O_RDWR);
      const { said, heapKnown } = restoreMap(process.task, mapsBefore, open, this.#randomized === false);
      for (const text of said) this.notebook.note('assumed', line, process.pid, text);
      process.space.recorded = this.options.recorded === true;
      process.space.breakUnknown = !heapKnown;
      process.space.given(0, this.kernel.system.arch.taskSize);
      process.space.randomized = this.#randomized !== false;
    }
    this.watch(process.task.mm);
  }

  /** A task has ended. */
  exit(process: Process, line: number): void {
    if (process.exec !== null) this.settle(process);
    const wanted = this.options.pid ?? this.processes.firstPid;
    if (process.tgid === wanted) this.#lastExit = this.#snapshot(process, line, 'at its exit');
    this.processes.end(process);
  }

  // --- exec

  /** A successful exec. */
  exec(process: Process, path: string | null, line: number): void {
    if (process.exec !== null) this.settle(process);
    const absolute = path === null ? null : joinPath(process.cwd, path);
    const program =
      this.options.recorded === true
        ? 'addresses are taken from the log'
        : absolute === null
          ? 'its path is relative, and the log does not tell from where'
          : findProgram(this.options.programs, absolute);
    this.processes.forgetThreads(process);
    process.space = new Space(typeof program === 'string');
    if (typeof program === 'string') {
      const mm = emptySpace(process);
      if (mm !== null) this.watch(mm);
      process.task.cur.files.closeOnExec();
      if (this.options.recorded !== true) {
        this.notebook.noteOnce(
          'assumed',
          line,
          process.pid,
          `what exec maps of ${path ?? 'a program'} is not known: ${program}; its addresses are taken from the log`,
        );
      }
      return;
    }
    process.space.program = program.path;
    process.space.interpreter = program.interpreterPath;
    process.exec = pendingExec(program, line);
    process.waiting = [];
    if (this.#randomized === false || (process.task.cur.personality & ADDR_NO_RANDOMIZE) !== 0) this.settle(process);
  }

  /** Looks at an event that comes between an exec and what tells where things are. True: it waits. */
  #holds(process: Process, exec: PendingExec, event: LogEvent): boolean {
    if (event.type === 'call') {
      const { name } = event.call;
      if (name === 'brk' || name === 'mmap' || name === 'mprotect') {
        const op = this.#decoder.decode(event.call);
        if (op !== null) learn(exec, event.call, op, this.kernel.system.arch);
      }
      if (this.#randomized === null && exec.firstBrk >= 0) this.#decide(process, exec);
      const leaves =
        name.startsWith('exec') || name.startsWith('exit') || name.includes('clone') || name.endsWith('fork');
      if (this.#randomized === false || isFixed(exec) || leaves || process.waiting.length > 4096) {
        this.settle(process);
        return false;
      }
    } else if (event.type !== 'entry' || event.call.name.includes('clone') || event.call.name.endsWith('fork')) {
      this.settle(process);
      return false;
    }
    process.waiting.push(event);
    return true;
  }

  /** Whether programs of this log run at random addresses: they do not when the first break is the one predicted. */
  #decide(process: Process, exec: PendingExec): void {
    this.kernel.system.sysctl.randomizeVaSpace = 0;
    const layout = execProgram(process, exec.program, this.files, NO_RANDOM);
    this.#randomized = typeof layout === 'number' || process.task.mm.brk !== exec.firstBrk;
  }

  /** Execs for good, and lets go of the events that waited. */
  settle(process: Process): void {
    const exec = process.exec;
    if (exec === null) return;
    process.exec = null;
    const { space } = process;
    const { sysctl, arch, pageSize } = this.kernel.system;
    const off = this.#randomized === false || (process.task.cur.personality & ADDR_NO_RANDOMIZE) !== 0;
    if (this.#randomized === null) {
      this.notebook.noteOnce(
        'assumed',
        exec.line,
        process.pid,
        'the log does not tell whether addresses were random: taken as not',
      );
    }
    let random = NO_RANDOM;
    const randomized = !off && this.#randomized === true;
    sysctl.randomizeVaSpace = randomized ? this.#sysctlRandomize : 0;
    space.randomized = randomized;
    if (randomized) {
      const trial = execProgram(process, exec.program, this.files, NO_RANDOM);
      if (typeof trial !== 'number') {
        const real = this.options.maps ?? [];
        const known = real.some((line) => line.name === exec.program.path);
        const assume = (what: string): void => {
          const from = known ? 'taken from the real map' : 'taken as not displaced';
          this.notebook.note('assumed', exec.line, process.pid, `${what} of ${exec.program.path}: ${from}`);
        };
        const stackEnd = known ? (real.find((line) => line.name === '[stack]')?.end ?? arch.stackTop) : arch.stackTop;
        space.assumedStack = true;
        assume('the place of the stack');
        let mmapBase = 0;
        if (exec.firstMmap < 0) {
          space.assumedLibraries = true;
          assume('the place of the mmap area (loader and vdso)');
          const vdso = known ? real.find((line) => line.name === '[vdso]') : undefined;
          if (vdso !== undefined) mmapBase = Math.abs(trial.vdso - vdso.start);
        }
        if (exec.bias < 0) {
          space.assumedProgram = true;
          assume('the place of the program');
        }
        const assumed = {
          stack: Math.max(0, arch.stackTop - stackEnd),
          mmapBase,
          bias: known ? biasInMap(real, exec.program, pageSize) : -1,
        };
        const { brk, mmapLegacy } = process.task.mm;
        const mmap = exec.firstMmap < 0 ? 0 : probeMmap(process, exec.firstMmapLen);
        random = displacements(exec, trial, { mmap, brk, legacy: mmapLegacy }, assumed, arch);
        // These answers were not predicted but told where things are.
        this.#told += (exec.firstMmap < 0 ? 0 : 1) + (exec.firstBrk < 0 ? 0 : 1);
      }
    }
    const layout = execProgram(process, exec.program, this.files, random);
    const events = process.waiting;
    process.waiting = [];
    if (typeof layout === 'number') {
      const text = `exec of ${exec.program.path} fails with ${errnoName(layout)}: its addresses are taken from the log`;
      this.notebook.note('assumed', exec.line, process.pid, text);
      space.recorded = true;
      space.breakUnknown = true;
      emptySpace(process);
    }
    const { mm } = process.task;
    this.watch(mm);
    this.processes.countExisting(this.#counter, mm);
    space.given(0, arch.taskSize);
    for (const event of events) if (this.#difference === null) this.dispatch(process, event);
  }

  // --- calls

  #entered(process: Process, call: Call): void {
    const op = this.#decoder.decode(call);
    if (op === null) return;
    if (op.op === 'fork') this.processes.forkEntered(process, op);
    else if (op.op === 'munmap' || op.op === 'mprotect' || op.op === 'mmap' || op.op === 'mremap') {
      process.entered = { call, op, result: null };
    }
  }

  #returned(process: Process, call: Call): void {
    this.#calls++;
    const op = this.#decoder.decode(call);
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
    if (isMemoryOp(op)) this.#memory(process, call, op);
    else fileCall(this, process, call, op);
  }

  /** Memory given out by the last call counts as written now. */
  write(process: Process): void {
    if (process.space.freshEnd !== 0) process.space.write(process.task.mm);
  }

  #memory(process: Process, call: Call, op: MemoryOp): void {
    const entered = process.entered;
    process.entered = null;
    if (op.op === 'prctl') return;
    this.#memoryCalls++;
    const { space, task } = process;
    this.write(process);
    const { mm } = task;
    const { ret } = call;
    if (op.op === 'mmap' && (op.flags & MAP_ANONYMOUS) === 0 && ret !== -EBADF) this.#openedBefore(process, call, op);
    mm.lastDecision = 0;
    const oldBrk = mm.brk;
    if (op.op === 'shmget' || op.op === 'shmat' || op.op === 'shmdt') {
      this.#sharedMemory(process, call, op);
    } else {
      const recorded = space.recorded;
      const early = entered?.result ?? null;
      let result: number;
      if (early !== null) result = early;
      else if (ret === null) result = makeCall(process, op);
      else if (recorded) result = makeCallAt(process, op, ret);
      else {
        result = makeCall(process, op);
        // Other threads were inside of calls of their own: they may have come first.
        if (result !== ret) result = this.#reorder(process, call, op, result, ret);
      }
      if (result === RETRY) result = -EINVAL;
      if (result >= 0) noteGiven(space, process, op, result, oldBrk);
      this.#judge(process, call, op, result, oldBrk);
    }
    if (this.#memoryCalls === this.options.at) {
      const shown = this.options.pid === undefined ? process : (this.processes.byPid(this.options.pid) ?? process);
      this.#at = this.#snapshot(shown, call.line, `after memory call ${this.#memoryCalls}`);
    }
  }

  #judge(process: Process, call: Call, op: MemoryOp, result: number, oldBrk: number): void {
    const { ret } = call;
    const { space } = process;
    if (space.recorded) this.#recordedAny = true;
    else this.#predictedAny = true;
    if (ret === null) {
      this.#unjudged++;
      return;
    }
    if (result !== ret) {
      if (space.recorded) {
        this.#unjudged++;
        const unknown = reachesUnknown(process, op) ? ' (it reaches memory that the log does not show)' : '';
        this.notebook.note(
          'unjudged',
          call.line,
          call.pid,
          `${callText(call)}: the log says ${formatAnswer(op, ret)}, the kernel here ${formatAnswer(op, result)}${unknown}`,
        );
        return;
      }
      this.#differs(process, call, op, result, ret);
      return;
    }
    if (space.recorded && ret >= 0 && (op.op === 'mmap' || op.op === 'mremap' || op.op === 'brk')) this.#unjudged++;
    else this.#reproduced++;
    const refusedBreak = op.op === 'brk' && Number(op.addr) !== 0 && Number(op.addr) !== ret && oldBrk === ret;
    if (ret < 0 || refusedBreak) {
      const { lastDecision } = process.task.mm;
      const error = ret < 0 ? errnoName(ret) : 'unchanged';
      const reason = this.#book.reason(lastDecision, ret, call.name);
      this.notebook.failure(call.name, error, reason, callText(call), call.line, call.pid);
    }
  }

  #differs(process: Process, call: Call, op: MemoryOp, result: number, ret: number): void {
    const { mm } = process.task;
    const address = ret >= mm.system.pageSize ? ret : 'addr' in op ? Number(op.addr) : 0;
    const reason = result < 0 ? this.#book.reason(mm.lastDecision, result, call.name) : null;
    this.#difference = {
      line: call.line,
      pid: call.pid,
      number: this.#memoryCalls,
      call: callText(call),
      predicted: formatAnswer(op, result),
      recorded: formatAnswer(op, ret),
      reason,
      explanation: explain(op, result, ret),
      around: linesAround(mm, this.files, address),
    };
  }

  /**
   * A call whose answer differs, made again after calls of other threads that had been entered by then.
   *
   * @returns the answer that counts
   */
  #reorder(process: Process, call: Call, op: MemoryOp, result: number, ret: number): number {
    const { space } = process;
    const sharers = this.processes.sharing(process);
    if (sharers.length === 0) return result;
    const undo = (made: number): void => {
      if (made >= 0 && op.op === 'mmap') process.task.sys.munmap(made, op.len);
    };
    const movable = op.op === 'mmap' && (op.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) === 0;
    let at = result;
    for (const other of sharers) {
      const { entered } = other;
      if (entered?.result !== null || (at >= 0 && !movable)) continue;
      undo(at);
      entered.result = makeCall(other, entered.op);
      at = makeCall(process, op);
      if (at === ret) return at;
    }
    if (ret < 0 || !movable || !call.split) return at;
    // It overlapped calls that have returned by now: what matters is that its place is free.
    undo(at);
    const { mm } = process.task;
    const free = findVmaIntersection(mm, ret, ret + Number(op.len)) === null;
    if (!free || makeCallAt(process, op, ret) !== ret) return makeCall(process, op);
    this.#unjudged++;
    this.#reproduced--;
    const text = `${callText(call)}: another thread was inside of a call at the same time, and the log does not tell which came first`;
    this.notebook.note('unjudged', call.line, call.pid, text);
    space.given(ret, ret);
    return ret;
  }

  /** A descriptor that the log never opened: a file of which nothing is known. */
  #openedBefore(process: Process, call: Call, op: MmapOp): void {
    const { files } = process.task.cur;
    if (op.fd < 0 || files.fgetRaw(op.fd) !== null) return;
    const path = op.path ?? `/unknown/descriptor-${op.fd}`;
    files.installAt(this.files.open(path, O_RDWR), op.fd, Infinity, false);
    const what = op.path ?? 'a regular file, open for reading and writing';
    this.notebook.note(
      'descriptor',
      call.line,
      call.pid,
      `descriptor ${op.fd} was opened before the log began: taken as ${what}`,
    );
  }

  #sharedMemory(process: Process, call: Call, op: MemoryOp): void {
    this.#unjudged++;
    const { ret } = call;
    if (ret === null || ret < 0) return;
    if (op.op === 'shmget') {
      this.#segments.set(ret, Number(op.size));
      return;
    }
    this.notebook.noteOnce(
      'unjudged',
      call.line,
      call.pid,
      'System V shared memory is not modelled: its answers are taken from the log',
    );
    if (op.op === 'shmat') sharedSegment(process.task.sys, op, ret, this.#segments);
    else if (op.op === 'shmdt') {
      const line = snapshotLines(process.task.mm, this.files).find((l) => l.start === Number(op.addr));
      if (line !== undefined) process.task.sys.munmap(line.start, line.end - line.start);
    }
  }

  // --- maps

  /** Bytes were read from a file that shows a map. */
  mapsRead(pid: number, line: number, path: string): void {
    if (this.options.pid !== undefined && this.options.pid !== pid) return;
    const process = this.processes.byPid(pid);
    if (process === null) return;
    if (process.exec !== null) this.settle(process);
    this.#lastRead = this.#snapshot(process, line, `when ${path} was read`);
  }

  #snapshot(process: Process, line: number, moment: string): Snapshot {
    this.write(process);
    return { pid: process.tgid, line, moment, lines: snapshotLines(process.task.mm, this.files), space: process.space };
  }

  #map(): ReplayedMap | null {
    let shown = this.#at ?? this.#lastRead ?? this.#lastExit;
    if (this.options.at !== undefined && this.#at === null) {
      this.notebook.note('info', 0, 0, `there is no memory call ${this.options.at}: the log has ${this.#memoryCalls}`);
    }
    if (shown === null) {
      const pid = this.options.pid ?? this.processes.firstPid;
      const process = this.processes.byPid(pid);
      if (process === null) return null;
      shown = this.#snapshot(process, this.parser.lines, 'at the end of the log');
    }
    const { maps } = this.options;
    const { pid, line, moment, lines, space } = shown;
    for (const l of lines) {
      if (!l.touchedApart) continue;
      const text = `the border at ${l.start.toString(16)} is there because the memory on both sides was taken as written; otherwise it would be one area`;
      this.notebook.note('touch', line, pid, text);
    }
    const comparison = maps === undefined || this.#difference !== null ? null : compareMaps(lines, maps, space);
    return { pid, line, moment, lines: comparison === null ? lines : comparison.lines, comparison };
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

/** Why a recorded answer is none that the kernel could have given, in a sentence. */
function explain(op: MemoryOp, result: number, ret: number): string {
  if (result < 0 && ret >= 0) return 'The kernel refuses this call here; the log says that it succeeded.';
  if (result >= 0 && ret < 0) return 'Nothing that the log shows makes this call fail.';
  if (result < 0) return 'The call fails with another error.';
  if (op.op === 'brk') return 'The break ends up elsewhere.';
  if (op.op === 'mmap') {
    const pages = Math.ceil(fromRegister(op.len) / 4096);
    return `The search for ${pages} free pages ends at another place.`;
  }
  return 'The call returns another value.';
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
