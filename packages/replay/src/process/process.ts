/**
 * A task of the log: the state that replay needs in addition to the kernel package's task (its exec, its pending call).
 */
import { anonVmaPrepare, findVma, VM_SHARED, VM_WRITE, type Mm } from '@vmarea/mm-core';
import type { Task } from '@vmarea/kernel';
import type { Call, LogEvent, MemoryOp } from '@vmarea/strace';
import type { PendingExec } from '../programs/launch.ts';
import type { Origin } from '../stacks/ledger.ts';

/** The replay's state of an address space. Threads share it. */
export class Space {
  /** Whether addresses come from the log, because too little is known, instead of from the kernel's rules. */
  recorded: boolean;
  randomized = false;
  /** The program's path in maps; empty when unknown. */
  program = '';
  /** The dynamic loader's path in maps; empty without one. */
  interpreter = '';
  /** Whether the stack was placed by assumption, not by an answer: it does not count in the verdict. */
  assumedStack = false;
  assumedProgram = false;
  assumedLibraries = false;
  /** [vdso] lies above the stack, at a place that no answer told. */
  assumedVdso = false;
  /** Whether the break is unknown (no exec seen): the first answer gives it. */
  breakUnknown: boolean;
  /** Whether the break comes from a map, which shows whole pages. */
  breakRounded = false;
  /** Names of areas from the map before, by an address in them. */
  labels: ReadonlyMap<number, string> | null = null;
  /** The origins of areas, by address; null when stacks are not followed. */
  origins: Map<number, Origin> | null = null;
  /** The range that the last call created or changed: it counts as written before the next call. Both 0: none. */
  freshStart = 0;
  freshEnd = 0;

  constructor(recorded: boolean) {
    this.recorded = recorded;
    this.breakUnknown = recorded;
  }

  /** Returns a copy for fork. */
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

  /** Notes that a call returned the memory [start, end): it counts as written before the next call. */
  given(start: number, end: number): void {
    this.freshStart = start;
    this.freshEnd = end;
  }

  /** Counts the noted private writable anonymous memory as written: gives it an anon_vma, as a fault does. */
  write(mm: Mm): void {
    const end = this.freshEnd;
    if (end === 0) return;
    this.freshEnd = 0;
    let vma = findVma(mm, this.freshStart);
    while (vma !== null && vma.vmStart < end) {
      if (vma.anonVma === null && vma.vmOps === null && (vma.vmFlags & (VM_WRITE | VM_SHARED)) === VM_WRITE) {
        anonVmaPrepare(vma);
      }
      // Most calls return one area, and the next one costs a search.
      vma = vma.vmEnd < end ? vma.vmNext : null;
    }
  }
}

/** A memory call that was entered and has not returned. */
export interface Entered {
  readonly call: Call;
  readonly op: MemoryOp;
  /** Its result, when it was made before its return was read. */
  result: number | null;
}

/** A task of the log. */
export class Process {
  pid: number;
  /** The thread group. */
  tgid: number;
  task: Task;
  space: Space;
  /** The directory at which relative paths start; null while the log does not show it. */
  cwd: string | null = null;
  /** The child of a fork that has not returned: its pid is unknown, or its first line has given it. */
  child: Process | null = null;
  /** Whether a line of the log has shown this task's pid. */
  named = true;
  /** Set between exec and the answers that give its addresses: events wait. */
  exec: PendingExec | null = null;
  waiting: LogEvent[] = [];
  entered: Entered | null = null;
  /** How its creation was counted; null for the first task. */
  born: { readonly copied: boolean; readonly thread: boolean } | null = null;

  constructor(pid: number, tgid: number, task: Task, space: Space) {
    this.pid = pid;
    this.tgid = tgid;
    this.task = task;
    this.space = space;
  }
}
