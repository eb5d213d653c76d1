/**
 * Exec in a replay: decides when to make it. The displacements of a randomised program follow from answers after the exec, so
 * its events wait until these are known.
 */
import { NO_RANDOM } from '@vmarea/kernel';
import type { LogEvent } from '@vmarea/strace';
import { ADDR_NO_RANDOMIZE, errnoName } from '@vmarea/uapi';
import {
  biasInMap,
  displacements,
  emptySpace,
  execProgram,
  findProgram,
  isFixed,
  learn,
  pendingExec,
  placeOfStack,
  probeMmap,
  type PendingExec,
} from './launch.ts';
import { Space, type Process } from '../process/process.ts';
import { joinPath } from './programs.ts';
import type { Replay } from '../replay.ts';

/** The execs of one replay. */
export class ExecDriver {
  readonly #replay: Replay;
  readonly #sysctlRandomize: number;
  /** Whether programs of this log run at random addresses; null before that is decided. */
  randomized: boolean | null;

  constructor(replay: Replay) {
    this.#replay = replay;
    const { sysctl } = replay.kernel.system;
    this.#sysctlRandomize = sysctl.randomizeVaSpace === 0 ? 2 : sysctl.randomizeVaSpace;
    const asked = replay.options.aslr ?? 'auto';
    const aslr = asked === 'auto' ? replay.situation.aslr.value : asked;
    this.randomized = aslr === 'unknown' ? null : aslr === 'on';
  }

  /** Handles a successful exec. */
  exec(process: Process, path: string | null, line: number): void {
    if (process.exec !== null) this.settle(process);
    const absolute = path === null ? null : joinPath(process.cwd, path);
    const program =
      this.#replay.options.recorded === true
        ? 'addresses are taken from the log'
        : absolute === null
          ? 'its path is relative, and the log does not tell from where'
          : findProgram(this.#replay.options.programs, absolute, this.#replay.kernel.system.arch.elfMachine);
    this.#replay.processes.forgetThreads(process);
    process.space = new Space(typeof program === 'string');
    if (typeof program === 'string') {
      const mm = emptySpace(process);
      if (mm !== null) this.#replay.watch(mm);
      process.task.cur.files.closeOnExec();
      this.#replay.tellProcess('exec', process, line);
      if (this.#replay.options.recorded !== true) {
        this.#replay.notebook.noteOnce(
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
    if (this.randomized === false || (process.task.cur.personality & ADDR_NO_RANDOMIZE) !== 0) this.settle(process);
  }

  /** Reads an event between an exec and the answers that give its addresses. Returns whether the event waits. */
  holds(process: Process, exec: PendingExec, event: LogEvent): boolean {
    if (event.type === 'call') {
      const { name } = event.call;
      if (name === 'brk' || name === 'mmap' || name === 'mprotect') {
        const op = this.#replay.decoder.decode(event.call);
        if (op !== null) learn(exec, event.call, op, this.#replay.kernel.system.arch);
      }
      if (this.randomized === null && exec.firstBrk >= 0) this.#decide(process, exec);
      const leaves =
        name.startsWith('exec') || name.startsWith('exit') || name.includes('clone') || name.endsWith('fork');
      if (this.randomized === false || isFixed(exec) || leaves || process.waiting.length > 4096) {
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

  /** Decides whether programs of this log run at random addresses: they do not when the first break is the predicted one. */
  #decide(process: Process, exec: PendingExec): void {
    this.#replay.kernel.system.sysctl.randomizeVaSpace = 0;
    const layout = execProgram(process, exec.program, this.#replay.files, NO_RANDOM);
    this.randomized = typeof layout === 'number' || process.task.mm.brk !== exec.firstBrk;
  }

  /** Makes the exec, and continues with the events that waited. */
  settle(process: Process): void {
    const exec = process.exec;
    if (exec === null) return;
    process.exec = null;
    const { space } = process;
    const { sysctl, arch, pageSize } = this.#replay.kernel.system;
    const off = this.randomized === false || (process.task.cur.personality & ADDR_NO_RANDOMIZE) !== 0;
    if (this.randomized === null) {
      this.#replay.notebook.noteOnce(
        'assumed',
        exec.line,
        process.pid,
        'the log does not tell whether addresses were random: taken as not',
      );
    }
    let random = NO_RANDOM;
    const randomized = !off && this.randomized === true;
    sysctl.randomizeVaSpace = randomized ? this.#sysctlRandomize : 0;
    space.randomized = randomized;
    if (randomized) {
      const real = this.#replay.options.maps ?? [];
      const known = real.some((line) => line.name === exec.program.path);
      const placed = placeOfStack(known ? real : null, arch, this.#replay.kernel.system.profile);
      const trial = execProgram(process, exec.program, this.#replay.files, { ...NO_RANDOM, ...placed });
      if (typeof trial !== 'number') {
        const assume = (what: string): void => {
          const from = known ? 'taken from the real map' : 'taken as not displaced';
          this.#replay.notebook.noteOnce('assumed', exec.line, process.pid, `${what} of ${exec.program.path}: ${from}`);
        };
        space.assumedStack = true;
        space.assumedVdso = placed.vdso !== undefined;
        if (placed.vdso === undefined || known)
          assume(`the place of the stack${space.assumedVdso ? ' and of [vdso]' : ''}`);
        else {
          const text = `the stack of ${exec.program.path}: taken as displaced by ${placed.stack / 2 ** 20} MiB, with [vdso] above it`;
          this.#replay.notebook.noteOnce('assumed', exec.line, process.pid, text);
        }
        let mmapBase = 0;
        if (exec.firstMmap < 0) {
          space.assumedLibraries = true;
          assume(`the place of the mmap area (loader${space.assumedVdso ? '' : ' and vdso'})`);
          const vdso = known ? real.find((line) => line.name === '[vdso]') : undefined;
          if (vdso !== undefined && !space.assumedVdso) mmapBase = Math.abs(trial.vdso - vdso.start);
        }
        if (exec.bias < 0) {
          space.assumedProgram = true;
          assume('the place of the program');
        }
        const assumed = {
          ...placed,
          mmapBase,
          bias: known ? biasInMap(real, exec.program, pageSize) : -1,
        };
        const { brk, mmapLegacy } = process.task.mm;
        const mmap = exec.firstMmap < 0 ? 0 : probeMmap(process, exec.firstMmapLen);
        random = displacements(exec, trial, { mmap, brk, legacy: mmapLegacy }, assumed, arch);
        // These answers were not predicted: they gave the addresses.
        this.#replay.tally.told += (exec.firstMmap < 0 ? 0 : 1) + (exec.firstBrk < 0 ? 0 : 1);
      }
    }
    const layout = execProgram(process, exec.program, this.#replay.files, random);
    const events = process.waiting;
    process.waiting = [];
    if (typeof layout === 'number') {
      const text = `exec of ${exec.program.path} fails with ${errnoName(layout)}: its addresses are taken from the log`;
      this.#replay.notebook.note('assumed', exec.line, process.pid, text);
      space.recorded = true;
      space.breakUnknown = true;
      emptySpace(process);
    }
    const { mm } = process.task;
    this.#replay.watch(mm);
    this.#replay.processes.countExisting(this.#replay.counter, mm);
    space.given(0, arch.taskSize);
    this.#replay.tellProcess('exec', process, exec.line);
    for (const event of events) if (this.#replay.tally.difference === null) this.#replay.dispatch(process, event);
  }
}
