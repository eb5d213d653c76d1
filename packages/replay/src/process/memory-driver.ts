/**
 * Makes the memory calls of a log on the kernel, and compares each with the recorded answer.
 */
import { reasonOf } from '../report/reasons.ts';
import { findVmaIntersection, RETRY } from '@vmarea/mm-core';
import { DO_MMAP_NO_MMAP_OPERATION, MMAP_REGION_DRIVER_REFUSED } from '@vmarea/mm-core/reasons';
import { isAssumed } from '@vmarea/situation';
import type { BrkOp, Call, MemoryOp, MmapOp } from '@vmarea/strace';
import {
  EACCES,
  EBADF,
  EFAULT,
  EINVAL,
  ENOMEM,
  errnoName,
  fromRegister,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_HUGETLB,
  O_RDWR,
} from '@vmarea/uapi';
import { callText, formatAnswer } from '../report/answer-text.ts';
import { attemptOf, type Explained } from './failed-calls.ts';
import { learnFromSuccess } from './learn.ts';
import { makeCall, makeCallAt, makeMemoryCall, noteGiven, reachesUnknown } from './memory-calls.ts';
import { confirmPlacement, correctPlacement, fileThatDecides } from './placement.ts';
import type { Entered, Process } from './process.ts';
import { Segments } from './segments.ts';
import type { Replay } from '../replay.ts';
import type { Reason } from '../report/report.ts';
import { linesAround } from '../maps/snapshot.ts';
import type { Tally } from '../report/tally.ts';

/** The memory calls of one replay. */
export class MemoryDriver {
  readonly #replay: Replay;
  readonly #tally: Tally;
  readonly #segments: Segments;

  constructor(replay: Replay) {
    this.#replay = replay;
    this.#tally = replay.tally;
    this.#segments = new Segments(replay);
  }

  /** Handles a memory call that has returned: makes it here, then compares. */
  memory(process: Process, call: Call, op: MemoryOp): void {
    const entered = process.entered;
    process.entered = null;
    if (op.op === 'prctl') return;
    this.#tally.memoryCalls++;
    const { space, task } = process;
    this.#replay.write(process);
    const { ret } = call;
    this.#replay.options.beforeCall?.({
      number: this.#tally.memoryCalls,
      line: call.line,
      pid: call.pid,
      call,
      op,
      task,
    });
    if (op.op === 'mmap' && (op.flags & MAP_ANONYMOUS) === 0 && ret !== -EBADF) this.#openedBefore(process, call, op);
    if (op.op === 'mmap' && op.fd >= 0) this.#place(process, op);
    task.cur.call.reason = 0;
    this.#replay.counter.driverDecision = 0;
    const oldBrk = task.mm.brk;
    this.#replay.stacks?.before(task.mm, op, this.#replay.counter.split);
    if (space.recorded) this.#tally.recordedAny = true;
    else this.#tally.predictedAny = true;
    let result: number | null;
    if (this.#segments.prepare(process, call, op)) result = null;
    else if (this.#failedInLog(process, call, op)) result = this.#failed(process, call, op, entered);
    else result = this.#succeeded(process, call, op, entered);
    if (result !== null && result >= 0) noteGiven(space, process, op, result, oldBrk);
    this.#followStack(process, call, op, result);
    this.#tell(process, call, op, result);
    this.#replay.maps.afterCall(process, call.line);
  }

  /** Leaves who made areas begin; keeps the map when it is full. */
  #followStack(process: Process, call: Call, op: MemoryOp, result: number | null): void {
    const { mm } = process.task;
    const { stacks, counter, maps } = this.#replay;
    stacks?.after({ mm, space: process.space, call, op, result, splits: counter.split });
    if (call.ret === -ENOMEM || result === -ENOMEM) maps.refused(process, call.line);
  }

  #tell(process: Process, call: Call, op: MemoryOp, result: number | null): void {
    const { onCall } = this.#replay.options;
    if (onCall === undefined) return;
    const reason = result !== null && result < 0 ? this.#reason(process, result, call.name) : null;
    const { line, pid, ret } = call;
    onCall({ number: this.#tally.memoryCalls, line, pid, call, result, recorded: ret, reason, op, task: process.task });
  }

  /** Returns whether the call failed in the log; a failed brk returns the unchanged break. */
  #failedInLog(process: Process, call: Call, op: MemoryOp): boolean {
    if (call.failed || (call.ret !== null && call.ret < 0)) return true;
    if (op.op !== 'brk' || process.space.breakUnknown || call.ret === null) return false;
    return Number(op.addr) !== 0 && Number(op.addr) !== call.ret && call.ret === process.task.mm.brk;
  }

  /** Handles a failed call: it changes nothing here unless it fails in the same way. */
  #failed(process: Process, call: Call, op: MemoryOp, entered: Entered | null): number | null {
    const { failures, notebook } = this.#replay;
    const { ret } = call;
    const refusedBreak = ret !== null && ret >= 0;
    const alike = (outcome: number): boolean => (ret === null ? outcome < 0 : outcome === ret);
    if (entered?.result != null) {
      // The call was made before its answer was read.
      if (alike(entered.result)) this.#agreed(process, call, op, entered.result);
      else this.#unlike(process, call, op);
      return entered.result;
    }
    let outcome = failures.tryCall(process, op, alike);
    if (outcome !== null && !alike(outcome.result) && this.#letOthersGoFirst(process)) {
      outcome = failures.tryCall(process, op, alike);
    }
    if (outcome === null) {
      this.#tally.unjudged++;
      const reason = { id: '', fn: '', sentence: 'Not tried here: the process has too many areas.', change: '' };
      const error = refusedBreak ? 'unchanged' : errorOf(ret);
      notebook.failure({ call, text: callText(call), error, reason, kind: 'outside', causes: [] });
      return ret;
    }
    if (alike(outcome.result)) {
      // It fails in the same way, so what a failed call leaves changed changes here, too.
      const result = makeCall(process, op);
      this.#agreed(process, call, op, result);
      return result;
    }
    this.#unlike(process, call, op);
    return ret;
  }

  #agreed(process: Process, call: Call, op: MemoryOp, result: number): void {
    const lucky = this.#replay.failures.byLuck(process, call, op, result);
    if (lucky !== null) {
      this.#explained(call, lucky);
      return;
    }
    this.#tally.reproduced++;
    const error = result >= 0 ? 'unchanged' : errorOf(call.ret);
    const reason = this.#reason(process, result, call.name);
    this.#replay.notebook.failure({ call, text: callText(call), error, reason, kind: 'agrees', causes: [] });
  }

  /** Handles a failed call that the kernel here does not fail in the same way. */
  #unlike(process: Process, call: Call, op: MemoryOp): void {
    this.#explained(call, this.#replay.failures.explain(process, call, op, call.ret));
  }

  /** Notes a failed call that was explained and not judged. */
  #explained(call: Call, { kind, sentence, causes }: Explained): void {
    const refusedBreak = call.ret !== null && call.ret >= 0;
    this.#tally.unjudged++;
    const error = refusedBreak ? 'unchanged' : errorOf(call.ret);
    const reason = { id: '', fn: `sys_${call.name}`, sentence, change: '' };
    this.#replay.notebook.failure({ call, text: callText(call), error, reason, kind, causes });
  }

  /** Makes the calls that other threads have entered. @returns whether there were any */
  #letOthersGoFirst(process: Process): boolean {
    let made = false;
    for (const { entered, task, space } of this.#replay.processes.sharing(process)) {
      if (space.recorded || entered?.result !== null) continue;
      entered.result = makeMemoryCall(task.sys, entered.op);
      made = true;
    }
    return made;
  }

  /** Handles a call that succeeded in the log, or did not return. */
  #succeeded(process: Process, call: Call, op: MemoryOp, entered: Entered | null): number | null {
    const { space, task } = process;
    const { ret } = call;
    const early = entered?.result ?? null;
    if (ret === null) {
      this.#tally.unjudged++;
      const made = early ?? makeCall(process, op);
      return made === RETRY ? -EINVAL : made;
    }
    if (op.op === 'brk' && this.#breakTold(process, op, ret)) {
      this.#tally.unjudged++;
      return ret;
    }
    let result = early ?? this.#make(process, call, op, ret);
    if (result === RETRY) result = -EINVAL;
    if (result < 0 && this.#learned(process, call, op, ret)) {
      result = this.#make(process, call, op, ret);
    }
    if (op.op === 'mmap' && !space.recorded) result = this.#placed(process, call, op, result, ret);
    if (result === ret) {
      if (space.recorded && !this.#judgedAnyway(op)) this.#tally.unjudged++;
      else this.#tally.reproduced++;
      return result;
    }
    if (result < 0 && op.op === 'mmap' && this.#byDriver(process, call, op)) return ret;
    if (space.recorded && (result >= 0 || this.#mayBeUnknown(process, op, result))) {
      this.#tally.unjudged++;
      const unknown =
        op.op !== 'mmap' && reachesUnknown(process, op) ? ' (it reaches memory that the log does not show)' : '';
      const text = `${callText(call)}: the log says ${formatAnswer(op, ret)}, the kernel here ${formatAnswer(op, result)}${unknown}`;
      this.#replay.notebook.note('unjudged', call.line, call.pid, text);
      if (op.op === 'brk') task.mm.brk = Math.max(task.mm.startBrk, ret);
      return result;
    }
    this.#differs(process, call, op, result, ret);
    return result;
  }

  /** What is known of the mount may have changed since the file was opened. */
  #place(process: Process, op: MmapOp): void {
    const file = process.task.cur.files.fgetRaw(op.fd);
    if (file !== null) this.#replay.files.place(file);
  }

  /** The answer, with what a mapping of a file tells about the file's mount. */
  #placed(process: Process, call: Call, op: MmapOp, result: number, ret: number): number {
    const file = fileThatDecides(this.#replay, process, op);
    if (file === null || result < 0) return result;
    if (result === ret) {
      confirmPlacement(this.#replay, file, call);
      return result;
    }
    process.task.sys.munmap(result, op.len);
    return correctPlacement(this.#replay, process, call, op, ret) ?? makeCall(process, op);
  }

  #make(process: Process, call: Call, op: MemoryOp, ret: number): number {
    if (process.space.recorded) return makeCallAt(process, op, ret);
    const result = makeCall(process, op);
    // Calls that other threads have entered may have come first.
    return result === ret ? result : this.#reorder(process, call, op, result, ret);
  }

  /** brk(NULL): takes the break from the log when no exec and no map gave it. */
  #breakTold(process: Process, op: BrkOp, ret: number): boolean {
    const { space } = process;
    const { mm } = process.task;
    const { pageSize } = mm.system;
    // A map shows the heap in whole pages; the break is in the last one.
    const refines = space.breakRounded && Number(op.addr) === 0 && ret < mm.brk + pageSize && ret > mm.brk - pageSize;
    space.breakRounded = false;
    if (!space.breakUnknown && !refines) return false;
    space.breakUnknown = false;
    if (!refines) mm.startBrk = ret;
    mm.brk = ret;
    return true;
  }

  /** Returns whether a call is judged in a log whose addresses are taken as recorded: when it does not depend on them. */
  #judgedAnyway(op: MemoryOp): boolean {
    if (op.op === 'mmap') return (op.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
    if (op.op === 'mremap' || op.op === 'brk') return false;
    return true;
  }

  /** Returns whether an error in such a log may come from facts that the log does not show. */
  #mayBeUnknown(process: Process, op: MemoryOp, result: number): boolean {
    if (op.op === 'mmap') {
      // Pools of huge pages, and address spaces that are not modelled; wrong assumed limits were corrected before.
      const pools = (op.flags & MAP_HUGETLB) !== 0 || this.#replay.options.recorded === true;
      return pools || (result !== -EINVAL && result !== -EACCES && result !== -ENOMEM);
    }
    if (op.op === 'mremap' || op.op === 'brk') return true;
    if (reachesUnknown(process, op) && (result === -ENOMEM || result === -EFAULT)) return true;
    // The advice may belong to a later version than the assumed one.
    const { kernel } = this.#replay.situation;
    return isAssumed(kernel) && op.op === 'madvise' && op.advice >= NEW_ADVICE && result === -EINVAL;
  }

  /** Corrects an assumed fact that the success of the call disproves. */
  #learned(process: Process, call: Call, op: MemoryOp, ret: number): boolean {
    const replay = this.#replay;
    if (replay.options.situation === undefined || process.task.mm.mapCount > 100_000) return false;
    const { recorded } = process.space;
    const { reason } = process.task.cur.call;
    const { driverDecision } = replay.counter;
    const learned = learnFromSuccess(process, replay.situation, op, attemptOf(op), {
      passes: ({ result }) => (recorded ? result >= 0 : result === ret),
      line: call.line,
      call: callText(call),
    });
    if (learned === null) {
      // The trials have overwritten the reason.
      process.task.cur.call.reason = reason;
      replay.counter.driverDecision = driverDecision;
      return false;
    }
    replay.situation = learned.situation;
    replay.learned.push(`${learned.said}: line ${call.line}, ${callText(call)}, succeeded`);
    return true;
  }

  /** Makes a mapping that only the driver of the file can have allowed as one of a plain file. */
  #byDriver(process: Process, call: Call, op: MmapOp): boolean {
    const { files, call: made } = process.task.cur;
    const file = files.fgetRaw(op.fd);
    const refused = made.reason === MMAP_REGION_DRIVER_REFUSED || made.reason === DO_MMAP_NO_MMAP_OPERATION;
    if (file === null || !refused || call.ret === null || call.ret < 0) return false;
    files.installAt(this.#replay.files.asPlain(file), op.fd, Infinity, false);
    if (makeCallAt(process, op, call.ret) !== call.ret) return false;
    this.#tally.unjudged++;
    const text = `${callText(call)}: ${file.path()} is mapped by its own driver, which is not modelled`;
    this.#replay.notebook.noteOnce('unjudged', call.line, call.pid, text);
    return true;
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
    const byDriver = reason === MMAP_REGION_DRIVER_REFUSED && driverDecision !== 0;
    return reasonOf(byDriver ? driverDecision : reason, ret, name);
  }

  /**
   * Makes a call with another answer again, after calls that other threads had entered by then.
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
    const before: string[] = [];
    for (const other of sharers) {
      const { entered } = other;
      if (entered?.result !== null || (at >= 0 && !movable)) continue;
      undo(at);
      entered.result = makeCall(other, entered.op);
      before.push(`${entered.call.name} of thread ${other.pid} (line ${entered.call.line})`);
      at = makeCall(process, op);
      if (at === ret) {
        const text = `${callText(call)}: it overlapped ${before.join(', ')}, taken to have come first: the answers fit in that order only`;
        this.#replay.notebook.note('info', call.line, call.pid, text);
        return at;
      }
    }
    if (ret < 0 || !movable || !call.split) return at;
    // It overlapped calls that have returned: it only matters that its range is free.
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

  /** Handles a descriptor that the log never opened: opens an unknown file there. */
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
}

/** The first advice (MADV_WIPEONFORK) that 4.4 does not have. */
const NEW_ADVICE = 18;

/** Returns an errno's name; `errno unknown` when the log has none. */
function errorOf(ret: number | null): string {
  return ret === null ? 'errno unknown' : errnoName(ret);
}

/** Explains in a sentence why the kernel could not have given a recorded answer. */
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
