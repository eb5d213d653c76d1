/**
 * A task of the log, and what replay keeps beside the kernel package's task: where it is in exec, what is pending.
 */
import { anonVmaPrepare, findVma, VM_SHARED, VM_WRITE, type Mm } from '@vmarea/mm-core';
import type { Task } from '@vmarea/kernel';
import type { Call, LogEvent, MemoryOp } from '@vmarea/strace';
import type { PendingExec } from '../programs/launch.ts';
import type { Origin } from '../stacks/ledger.ts';

/** What replay keeps for an address space. Threads share it. */
export class Space {
  /** Addresses come from the kernel's rules, or (not enough is known) from the log. */
  recorded: boolean;
  randomized = false;
  /** The program, as maps shows it; empty when it is not known. */
  program = '';
  /** The dynamic loader, as maps shows it; empty without one. */
  interpreter = '';
  /** Placed by assumption, not by an answer: left out of the verdict. */
  assumedStack = false;
  assumedProgram = false;
  assumedLibraries = false;
  /** [vdso] lies above the stack, at a place that no answer told. */
  assumedVdso = false;
  /** The break is not known yet (no exec seen): the first answer tells it. */
  breakUnknown: boolean;
  /** The break is known from a map, which shows whole pages. */
  breakRounded = false;
  /** Names that the map before gave to areas, by an address in them. */
  labels: ReadonlyMap<number, string> | null = null;
  /** Who made areas begin, by address; null unless stacks are followed. */
  origins: Map<number, Origin> | null = null;
  /** Bytes that the last call made or changed: written before the next call. Both 0: none. */
  freshStart = 0;
  freshEnd = 0;

  constructor(recorded: boolean) {
    this.recorded = recorded;
    this.breakUnknown = recorded;
  }

  /** For fork. */
  copy(): Space {
    const copy = new Space(this.recorded);
    copy.randomized = this.randomized;
    copy.program = this.program;
    copy.interpreter = this.interpreter;
    copy.assumedStack = this.assumedStack;
    copy.assumedProgram = this.assumedProgram;
    copy.assumedLibraries = this.assumedLibraries;
    copy.assumedVdso = this.assumedVdso;
    copy.breakUnknown = this.breakUnknown;
    copy.breakRounded = this.breakRounded;
    copy.labels = this.labels;
    copy.origins = this.origins === null ? null : new Map(this.origins);
    return copy;
  }

  /** Memory of [start, end) has been given out: it counts as written before the next call. */
  given(start: number, end: number): void {
    this.freshStart = start;
    this.freshEnd = end;
  }

  /** Private writable anonymous memory that was given out is written now: it gets an anon_vma, as a fault would give it. */
  write(mm: Mm): void {
    const end = this.freshEnd;
    if (end === 0) return;
    this.freshEnd = 0;
    for (let vma = findVma(mm, this.freshStart); vma !== null && vma.vmStart < end; vma = vma.vmNext) {
      if (vma.anonVma === null && vma.vmOps === null && (vma.vmFlags & (VM_WRITE | VM_SHARED)) === VM_WRITE) {
        anonVmaPrepare(vma);
      }
    }
  }
}

/** A memory call that has been entered and has not returned. */
export interface Entered {
  readonly call: Call;
  readonly op: MemoryOp;
  /** Its result, when it had to be done before its return was read. */
  result: number | null;
}

/** A task of the log. */
export class Process {
  pid: number;
  /** The thread group. */
  tgid: number;
  task: Task;
  space: Space;
  /** Where relative paths begin; null as long as the log does not tell. */
  cwd: string | null = null;
  /** Made at the entry of a fork that has not returned: its pid is not known yet, or its first line has told it. */
  child: Process | null = null;
  /** Whether a line of the log has shown this task's pid. */
  named = true;
  /** Between exec and the answers that tell where things are: events wait. */
  exec: PendingExec | null = null;
  waiting: LogEvent[] = [];
  entered: Entered | null = null;
  /** How it was counted when it was made; null for the first task. */
  born: { readonly copied: boolean; readonly thread: boolean } | null = null;

  constructor(pid: number, tgid: number, task: Task, space: Space) {
    this.pid = pid;
    this.tgid = tgid;
    this.task = task;
    this.space = space;
  }
}
