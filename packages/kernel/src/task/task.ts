/**
 * A task: an address space, descriptors, a working directory, credentials, limits; and its system calls.
 *
 * `task.sys` has the raw calls: they take numbers and return a result or a negative errno. The same names on the task throw.
 * One thread per task: the library is synchronous. Mirrors struct task_struct.
 */
import { makeCurrent, RETRY, setHeap, type Mm } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import { DeadTaskError, toError } from './errors.ts';
import type { Kernel } from '../kernel.ts';
import type { LimitTable } from './limits.ts';
import { Sys } from '../syscalls/sys.ts';
import type { TaskCaller } from './caller.ts';

/** The calls of {@link Sys} with the same arguments, throwing on failure. */
export type ThrowingCalls = {
  readonly [K in keyof Sys as Sys[K] extends (...args: never) => unknown ? K : never]: Sys[K];
};

/** Builds a class with a throwing method for each raw call. */
function throwingTwins(): new () => ThrowingCalls {
  class Twins {
    readonly sys!: Sys;
    cur!: TaskCaller;
  }
  for (const name of Object.getOwnPropertyNames(Sys.prototype)) {
    if (name === 'constructor') continue;
    Object.defineProperty(Twins.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Twins, ...args: unknown[]): unknown {
        const call = (this.sys as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
        makeCurrent(this.cur);
        this.cur.call.reason = 0;
        if (!this.cur.call.repeated) this.cur.mm.system.driverError = null;
        const result = call.apply(this.sys, args);
        if (typeof result === 'number' && result < 0 && result >= RETRY) throw toError(this.cur, result, name);
        return result;
      },
    });
  }
  return Twins as unknown as new () => ThrowingCalls;
}

const Throwing: new () => ThrowingCalls = throwingTwins();

/** The parts of a task. */
export interface TaskInit {
  readonly kernel: Kernel;
  readonly pid: number;
  readonly parent: Task | null;
  readonly comm: string;
  readonly cur: TaskCaller;
  readonly limits: LimitTable;
}

/** A process. `kernel.spawn` and `fork` create it. */
export class Task extends Throwing {
  readonly kernel: Kernel;
  readonly pid: number;
  parent: Task | null;
  readonly children: Task[] = [];
  /** The program's name, as in /proc/PID/status. */
  comm: string;
  /** The caller that memory and files see. exec replaces it. */
  cur: TaskCaller;
  readonly limits: LimitTable;
  /** Raw system calls. */
  readonly sys: Sys;
  /** The status that wait reports; null until the task ends. */
  exitStatus: number | null = null;
  private userMemory: UserMemory | null = null;
  /** Settles when a child ends, so that a wait is repeated. */
  childEnded: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  constructor(init: TaskInit) {
    super();
    this.kernel = init.kernel;
    this.pid = init.pid;
    this.parent = init.parent;
    this.comm = init.comm;
    this.cur = init.cur;
    init.cur.call.pid = init.pid;
    this.limits = init.limits;
    this.sys = new Sys(this);
  }

  /**
   * Loads and stores of the task's memory, with faults: see mm-core's UserMemory. exec replaces the object.
   *
   * @throws RangeError in a kernel without memory; DeadTaskError when the task has exited
   */
  get memory(): UserMemory {
    if (this.exitStatus !== null) throw new DeadTaskError(this.pid, 'task.memory');
    if (this.userMemory === null || this.userMemory.cur !== this.cur) {
      if (this.kernel.memory === null)
        throw new RangeError('task.memory: this kernel has no memory behind its mappings');
      this.userMemory = new UserMemory(this.cur);
    }
    return this.userMemory;
  }

  /**
   * Places an empty heap at `start` (bytes): a task that has executed no program has none, and its `brk` refuses.
   *
   * @throws MisuseError when `start` is no whole number above 0 and below the end of user addresses
   */
  setHeap(start: number): void {
    setHeap(this.cur.mm, start);
  }

  /** The address space. */
  get mm(): Mm {
    return this.cur.mm;
  }
}
