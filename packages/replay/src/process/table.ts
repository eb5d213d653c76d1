/**
 * The tasks of a log by pid: forks, threads, exec by a thread, exits; and the owner of a pid that no call has announced.
 *
 * A child may log before its clone returns. The address space is copied at the clone's entry; the first new pid is the child's,
 * unless several clones are in progress: then the child's events wait until one of them returns with its pid.
 */
import type { Mm } from '@vmarea/mm-core';
import { copyProcess, DEFAULT_ACTION, TaskCaller, type Task } from '@vmarea/kernel';
import type { Call, ForkOp, LogEvent } from '@vmarea/strace';
import { CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM, SIG_IGN, SIGCHLD } from '@vmarea/uapi';
import { Process, Space } from './process.ts';
import type { Replay } from '../replay.ts';
import type { VmaCounter } from '../maps/vma-counter.ts';

/** What a task can share that the replay follows. A vfork counts as clone with CLONE_VM: the log has the order of the calls. */
const SHARED: readonly number[] = [CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD];

/** Returns those bits, or none of those that the kernel would not let go together (the decoder may have read only a part). */
function followed(flags: number): number {
  const bits = SHARED.reduce((sum, bit) => sum | (flags & bit), 0);
  const needed = CLONE_VM | CLONE_SIGHAND;
  if ((bits & CLONE_THREAD) !== 0) return bits | needed;
  return (bits & CLONE_VM) === 0 ? bits & ~CLONE_SIGHAND : bits;
}

/** The tasks of one replay. */
export class ProcessTable {
  readonly #replay: Replay;
  readonly #byPid = new Map<number, Process>();
  /** Tasks that have entered a fork and whose child was not yet seen. */
  readonly #forking = new Set<Process>();
  /** Events of pids that could be the child of several forks. */
  readonly #orphans = new Map<number, LogEvent[]>();
  #seen = 0;
  #forks = 0;
  #threads = 0;
  #execs = 0;
  /** The number of VMAs copied by forks. */
  copied = 0;
  /** The first task of the log. */
  firstPid = -1;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  all(): IterableIterator<Process> {
    return this.#byPid.values();
  }

  byPid(pid: number): Process | null {
    return this.#byPid.get(pid) ?? null;
  }

  counts(): { seen: number; forks: number; execs: number; threads: number } {
    return { seen: this.#seen, forks: this.#forks, execs: this.#execs, threads: this.#threads };
  }

  /** Returns the task of an event; null when the event must wait, or its task has ended. */
  find(event: LogEvent): Process | null {
    const { pid } = event;
    const known = this.#byPid.get(pid);
    if (known !== undefined) return known;
    if (event.type === 'exited' || event.type === 'killed') {
      const waiting = this.#orphans.get(pid);
      waiting?.push(event);
      return null;
    }
    if (this.#forking.size === 1) {
      for (const parent of this.#forking) return this.#name(parent, pid, event.line);
    }
    if (this.#forking.size > 1) {
      const waiting = this.#orphans.get(pid);
      if (waiting === undefined) this.#orphans.set(pid, [event]);
      else waiting.push(event);
      return null;
    }
    const begins = 'call' in event && event.call.name.startsWith('exec');
    return this.#first(pid, event.line, begins);
  }

  #first(pid: number, line: number, begins: boolean): Process {
    const { kernel, situation } = this.#replay;
    const task = kernel.spawn({
      personality: situation.personality.value,
      limits: (table) => {
        for (const [resource, { value }] of situation.limits) table.assign(resource, value.soft, value.hard);
      },
    });
    // No process of a replay waits for children: the kernel collects them, as it does for a parent that ignores SIGCHLD.
    task.sighand.set(SIGCHLD, { ...DEFAULT_ACTION, handler: SIG_IGN });
    task.sys.capset(situation.capabilities.value);
    task.cur.cred.uid = situation.uid.value;
    const process = new Process(pid, pid, task, new Space(true));
    this.#byPid.set(pid, process);
    this.#seen++;
    if (this.firstPid < 0) this.firstPid = pid;
    this.#replay.adoptUnknown(process, line, begins);
    return process;
  }

  /** Assigns a pid to the child of a fork. */
  #name(parent: Process, pid: number, line: number): Process {
    const child = parent.child!;
    parent.child = null;
    this.#forking.delete(parent);
    child.pid = pid;
    if (child.tgid < 0) child.tgid = pid;
    this.#byPid.set(pid, child);
    this.#seen++;
    this.#replay.tellProcess(child.born?.thread === true ? 'thread' : 'fork', child, line);
    return child;
  }

  /** Begins a fork: creates the child's address space. */
  forkEntered(parent: Process, op: ForkOp): void {
    const { flags } = op;
    this.#replay.write(parent);
    const childTask = copyProcess(parent.task, { flags: followed(flags) });
    if (typeof childTask === 'number') return;
    const thread = (flags & CLONE_THREAD) !== 0;
    const space = (flags & CLONE_VM) !== 0 ? parent.space : parent.space.copy();
    const child = new Process(-1, thread ? parent.tgid : -1, childTask, space);
    child.cwd = parent.cwd;
    parent.child = child;
    this.#forking.add(parent);
    this.#count(child, (flags & CLONE_VM) === 0, thread, 1);
    child.born = { copied: (flags & CLONE_VM) === 0, thread };
  }

  /** Counts a created task, or uncounts it (`sign` -1). */
  #count(child: Process, copied: boolean, thread: boolean, sign: 1 | -1): void {
    if (copied) this.copied += sign * child.task.mm.mapCount;
    if (thread) this.#threads += sign;
    else this.#forks += sign;
  }

  /** Completes a fork. */
  forkReturned(parent: Process, call: Call, op: ForkOp): void {
    if (call.failed || (call.ret !== null && call.ret < 0)) {
      if (parent.child !== null) this.#drop(parent);
      this.#replay.failures.fork(parent, call, op);
      return;
    }
    if (!call.split) this.forkEntered(parent, op);
    const pid = op.child;
    if (parent.child === null) return;
    if (pid === null) {
      this.#drop(parent);
      return;
    }
    const process = this.#name(parent, pid, call.line);
    const waiting = this.#orphans.get(pid);
    this.#orphans.delete(pid);
    if (waiting !== undefined) {
      for (const event of waiting) if (this.#byPid.get(pid) === process) this.#replay.dispatch(process, event);
    }
    // Only one fork is left, so the waiting task is its child.
    if (this.#forking.size === 1 && this.#orphans.size === 1) {
      const [last] = this.#forking;
      const [entry] = this.#orphans;
      if (last === undefined || entry === undefined) return;
      const child = this.#name(last, entry[0], call.line);
      this.#orphans.delete(entry[0]);
      for (const event of entry[1]) if (this.#byPid.get(child.pid) === child) this.#replay.dispatch(child, event);
    }
  }

  #drop(parent: Process): void {
    const { child } = parent;
    parent.child = null;
    this.#forking.delete(parent);
    if (child === null) return;
    if (child.born !== null) this.#count(child, child.born.copied, child.born.thread, -1);
    this.#endTask(child.task);
  }

  #endTask(task: Task): void {
    task.sys.exit(0);
  }

  /** Ends a task. */
  end(process: Process): void {
    if (process.child !== null) this.#drop(process);
    this.#replay.tellProcess('exit', process, this.#replay.counter.line);
    this.#byPid.delete(process.pid);
    this.#endTask(process.task);
  }

  /** Ends the other threads of a process at exec, and gives it a descriptor table of its own. */
  forgetThreads(process: Process): void {
    this.#execs++;
    for (const other of [...this.#byPid.values()]) {
      if (other !== process && other.tgid === process.tgid) this.end(other);
    }
    const { task } = process;
    const { cur } = task;
    if (cur.files.count > 1) {
      const files = cur.files.copy();
      cur.files.count--;
      const { mm, call, cred, personality, fs } = cur;
      task.cur = new TaskCaller({ mm, call, rlimits: task.limits.view, cred, personality, files, fs });
    }
  }

  /** Handles exec by thread `by`: it continues as the leader. */
  superseded(leader: number, by: number): void {
    const thread = this.#byPid.get(by);
    if (thread === undefined) return;
    const old = this.#byPid.get(leader);
    if (old !== undefined) this.end(old);
    this.#replay.tellProcess('exit', thread, this.#replay.counter.line);
    this.#byPid.delete(by);
    thread.pid = leader;
    this.#byPid.set(leader, thread);
  }

  /** Handles exit_group: ends every thread of the group. */
  endGroup(process: Process, line: number): void {
    for (const other of [...this.#byPid.values()]) {
      if (other !== process && other.tgid === process.tgid) this.end(other);
    }
    this.#replay.exit(process, line);
  }

  /** Returns the other tasks in the same address space. */
  sharing(process: Process): Process[] {
    if (process.task.mm.users < 2) return [];
    return [...this.#byPid.values()].filter((other) => other !== process && other.task.mm === process.task.mm);
  }

  /** Counts the VMAs that exec made before a listener was attached. */
  countExisting(counter: VmaCounter, mm: Mm): void {
    counter.created += mm.mapCount;
    if (mm.mapCount > counter.peak) {
      counter.peak = mm.mapCount;
      counter.peakPid = counter.pid;
      counter.peakLine = counter.line;
    }
  }
}
