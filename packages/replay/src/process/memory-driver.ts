/**
 * Memory calls of a log: each made on the kernel, then compared with the recorded answer.
 */
import { Decision, findVmaIntersection, RETRY } from '@vmarea/mm-core';
import type { Call, MemoryOp, MmapOp } from '@vmarea/strace';
import {
  EBADF,
  EINVAL,
  errnoName,
  fromRegister,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  O_RDWR,
} from '@vmarea/uapi';
import { callText, formatAnswer } from '../report/answer-text.ts';
import { makeCall, makeCallAt, noteGiven, reachesUnknown, sharedSegment } from './memory-calls.ts';
import type { Process } from './process.ts';
import { ReasonBook } from '../report/reasons.ts';
import type { Replay } from '../replay.ts';
import type { Reason } from '../report/report.ts';
import { linesAround, snapshotLines } from '../maps/snapshot.ts';
import type { Tally } from '../report/tally.ts';

/** Memory calls of one replay. */
export class MemoryDriver {
  readonly #replay: Replay;
  readonly #tally: Tally;
  readonly #book: ReasonBook;
  /** Bytes of System V segments by id. */
  readonly #segments = new Map<number, number>();

  constructor(replay: Replay) {
    this.#replay = replay;
    this.#tally = replay.tally;
    this.#book = new ReasonBook(replay.options.catalogues);
  }

  /** A memory call has returned: made here, then compared. */
  memory(process: Process, call: Call, op: MemoryOp): void {
    const entered = process.entered;
    process.entered = null;
    if (op.op === 'prctl') return;
    this.#tally.memoryCalls++;
    const { space, task } = process;
    this.#replay.write(process);
    const { mm } = task;
    const { ret } = call;
    if (op.op === 'mmap' && (op.flags & MAP_ANONYMOUS) === 0 && ret !== -EBADF) this.#openedBefore(process, call, op);
    task.cur.call.reason = 0;
    this.#replay.counter.driverDecision = 0;
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
    this.#replay.maps.afterCall(process, call.line);
  }

  #judge(process: Process, call: Call, op: MemoryOp, result: number, oldBrk: number): void {
    const { ret } = call;
    const { space } = process;
    if (space.recorded) this.#tally.recordedAny = true;
    else this.#tally.predictedAny = true;
    if (ret === null) {
      this.#tally.unjudged++;
      return;
    }
    if (result !== ret) {
      if (space.recorded) {
        this.#tally.unjudged++;
        const unknown = reachesUnknown(process, op) ? ' (it reaches memory that the log does not show)' : '';
        this.#replay.notebook.note(
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
    if (space.recorded && ret >= 0 && (op.op === 'mmap' || op.op === 'mremap' || op.op === 'brk'))
      this.#tally.unjudged++;
    else this.#tally.reproduced++;
    const refusedBreak = op.op === 'brk' && Number(op.addr) !== 0 && Number(op.addr) !== ret && oldBrk === ret;
    if (ret < 0 || refusedBreak) {
      const error = ret < 0 ? errnoName(ret) : 'unchanged';
      const reason = this.#reason(process, ret, call.name);
      this.#replay.notebook.failure(call.name, error, reason, callText(call), call.line, call.pid);
    }
  }

  #differs(process: Process, call: Call, op: MemoryOp, result: number, ret: number): void {
    const { mm } = process.task;
    const address = ret >= mm.system.pageSize ? ret : 'addr' in op ? Number(op.addr) : 0;
    const reason = result < 0 ? this.#reason(process, result, call.name) : null;
    this.#tally.difference = {
      line: call.line,
      pid: call.pid,
      number: this.#tally.memoryCalls,
      call: callText(call),
      predicted: formatAnswer(op, result),
      recorded: formatAnswer(op, ret),
      reason,
      explanation: explain(op, result, ret),
      around: linesAround(mm, this.#replay.files, address),
    };
  }

  #reason(process: Process, ret: number, name: string): Reason {
    const { reason } = process.task.cur.call;
    const { driverDecision } = this.#replay.counter;
    const byDriver = reason === Decision.mmapRegionDriverRefused && driverDecision !== 0;
    return this.#book.reason(byDriver ? driverDecision : reason, ret, name);
  }

  /**
   * A call whose answer differs, made again after calls of other threads that had been entered by then.
   *
   * @returns the answer that counts
   */
  #reorder(process: Process, call: Call, op: MemoryOp, result: number, ret: number): number {
    const { space } = process;
    const sharers = this.#replay.processes.sharing(process);
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
    this.#tally.unjudged++;
    this.#tally.reproduced--;
    const text = `${callText(call)}: another thread was inside of a call at the same time, and the log does not tell which came first`;
    this.#replay.notebook.note('unjudged', call.line, call.pid, text);
    space.given(ret, ret);
    return ret;
  }

  /** A descriptor that the log never opened: a file of which nothing is known. */
  #openedBefore(process: Process, call: Call, op: MmapOp): void {
    const { files } = process.task.cur;
    if (op.fd < 0 || files.fgetRaw(op.fd) !== null) return;
    const path = op.path ?? `/unknown/descriptor-${op.fd}`;
    files.installAt(this.#replay.files.open(path, O_RDWR), op.fd, Infinity, false);
    const what = op.path ?? 'a regular file, open for reading and writing';
    this.#replay.notebook.note(
      'descriptor',
      call.line,
      call.pid,
      `descriptor ${op.fd} was opened before the log began: taken as ${what}`,
    );
  }

  #sharedMemory(process: Process, call: Call, op: MemoryOp): void {
    this.#tally.unjudged++;
    const { ret } = call;
    if (ret === null || ret < 0) return;
    if (op.op === 'shmget') {
      this.#segments.set(ret, Number(op.size));
      return;
    }
    this.#replay.notebook.noteOnce(
      'unjudged',
      call.line,
      call.pid,
      'System V shared memory is not modelled: its answers are taken from the log',
    );
    if (op.op === 'shmat') sharedSegment(process.task.sys, op, ret, this.#segments);
    else if (op.op === 'shmdt') {
      const line = snapshotLines(process.task.mm, this.#replay.files).find((l) => l.start === Number(op.addr));
      if (line !== undefined) process.task.sys.munmap(line.start, line.end - line.start);
    }
  }
}

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
