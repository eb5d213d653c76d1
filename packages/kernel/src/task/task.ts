/**
 * A task: an address space, descriptors, a working directory, credentials, signals; and its system calls. Several tasks may
 * share each of these.
 *
 * `task.sys` has the raw calls: they take numbers and return a result or a negative errno. The same names on the task throw.
 * Mirrors struct task_struct.
 */
import { makeCurrent, RETRY, setHeap, type Mm } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import { DeadTaskError, toError } from './errors.ts';
import { refuseCall } from './refuse-call.ts';
import type { Kernel } from '../kernel.ts';
import type { LimitTable } from './limits.ts';
import type { SigHand } from './sighand.ts';
import { forceSigFault, getSignal, setBlocked, signalSetupDone } from './signals.ts';
import type { Fault, Killed, KSignal, SigInfo } from './signals.ts';
import type { SignalStruct } from './signal-struct.ts';
import { Sys } from '../syscalls/sys.ts';
import { SS_DISABLE } from '@vmarea/uapi';
import type { TaskCaller } from './caller.ts';

/** The calls of {@link Sys} with the same arguments, throwing on failure. */
export type ThrowingCalls = {
  readonly [K in keyof Sys as Sys[K] extends (...args: never) => unknown ? K : never]: Sys[K];
};

/** Returns a result, or throws for an errno; so does a call that waits and then goes on. */
function judged(cur: TaskCaller, result: unknown, name: string): unknown {
  if (typeof result !== 'number' || result >= 0 || result < RETRY) return result;
  const { resume } = cur.call;
  if (result === RETRY && resume !== null) cur.call.resume = () => judged(cur, resume(), name) as number;
  throw toError(cur, result, name);
}

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
        return judged(this.cur, call.apply(this.sys, args), name);
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
  readonly comm: string;
  readonly cur: TaskCaller;
  readonly signal: SignalStruct;
  readonly sighand: SigHand;
}

/** The stack of sigaltstack: address and bytes; 0 bytes: none. */
export interface AltStack {
  readonly sp: number;
  readonly size: number;
  /** SS_DISABLE without a stack; otherwise what sigaltstack was given: 0, SS_ONSTACK, and SS_AUTODISARM. */
  readonly flags: number;
}

const NO_ALT_STACK: AltStack = { sp: 0, size: 0, flags: SS_DISABLE };

/** A thread; a process is a thread group. `kernel.spawn`, `fork` and `clone` create it. */
export class Task extends Throwing {
  readonly kernel: Kernel;
  /** Its number (a thread's tid). Exec by a thread other than the leader changes it to the leader's. */
  pid: number;
  /** The thread group. */
  readonly signal: SignalStruct;
  /** The actions of signals; shared with CLONE_SIGHAND. */
  sighand: SigHand;
  /** The program's name, as in /proc/PID/status. */
  comm: string;
  /** The caller that memory and files see. exec replaces it. */
  cur: TaskCaller;
  /** Raw system calls. */
  readonly sys: Sys;
  /** The status with which the task ended; null until then. wait reports its group's. */
  exitStatus: number | null = null;
  /** Whether the task may make calls: it has not ended, and waits for no vfork child. */
  canCall = true;
  /** The signals that are blocked: bit n - 1 for signal n. */
  blocked = 0n;
  /** Signals that were sent to this task and not yet taken. */
  readonly pendingSignals: SigInfo[] = [];
  /** The stack for handlers with SA_ONSTACK. */
  altStack: AltStack = NO_ALT_STACK;
  /** Where 0 is stored when the task leaves its address space (CLONE_CHILD_CLEARTID, set_tid_address); 0: nowhere. */
  clearChildTid = 0;
  /** The child of a vfork for which this task waits, and the parent that waits for this task. */
  vforkChild: Task | null = null;
  vforkParent: Task | null = null;
  private userMemory: UserMemory | null = null;
  /** Called when the task ends, or when its vfork child lets it continue. */
  private readonly endListeners = new Set<() => void>();
  private vforkListeners: (() => void)[] = [];

  constructor(init: TaskInit) {
    super();
    this.kernel = init.kernel;
    this.pid = init.pid;
    this.comm = init.comm;
    this.cur = init.cur;
    this.signal = init.signal;
    this.sighand = init.sighand;
    this.sys = new Sys(this);
  }

  /** The pid of the thread group: what getpid returns. */
  get tgid(): number {
    return this.signal.leader.pid;
  }

  /** The leader of the parent's thread group; null for an orphan and the first process. */
  get parent(): Task | null {
    return this.signal.parent?.leader ?? null;
  }

  /** The leaders of the thread groups for which this one waits. */
  get children(): readonly Task[] {
    return this.signal.children;
  }

  /** The limits of the thread group. */
  get limits(): LimitTable {
    return this.signal.limits;
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

  /**
   * A fault of the program becomes a signal, as on the way back from do_page_fault: force_sig_fault, then get_signal.
   *
   * @param fault `task.memory` or `task.cur.call.refused` after a refused access
   * @param sp the program's stack pointer
   * @returns the handler that the CPU has to call, and then {@link signalSetupDone}; or that the thread group has ended
   * @throws MisuseError when no access was refused; DeadTaskError
   */
  deliverFault(fault: Fault, sp: number): KSignal | Killed {
    if (this.exitStatus !== null) refuseCall(this, 'deliverFault');
    forceSigFault(this, fault);
    return this.getSignal(sp)!;
  }

  /**
   * get_signal: takes the next signal, before the CPU returns to the program.
   *
   * @param sp the program's stack pointer
   */
  getSignal(sp: number): KSignal | Killed | null {
    return getSignal(this, sp);
  }

  /**
   * signal_setup_done: blocks what is blocked while the handler runs. With `failed` (the frame could not be stored) the task gets
   * a SIGSEGV instead: call {@link getSignal} again.
   */
  signalSetupDone(ksig: KSignal, failed: boolean = false): void {
    signalSetupDone(this, ksig, failed);
  }

  /**
   * The kernel's part of rt_sigreturn, which is the CPU's call: restores the mask and the signal stack.
   *
   * @param mask uc_sigmask, `stack` uc_stack, as the frame has them now
   */
  restoreSigmask(mask: bigint, stack: AltStack): void {
    setBlocked(this, mask);
    // restore_altstack ignores an error.
    this.sys.sigaltstack(stack);
  }

  /** Takes over the signal stack of another task. */
  inheritAltStack(other: Task): void {
    this.altStack = other.altStack;
  }

  /** sas_ss_reset: forgets the signal stack. */
  resetAltStack(): void {
    this.altStack = NO_ALT_STACK;
  }

  /** Begins to wait for a vfork child. */
  vforkBegins(child: Task): void {
    this.vforkChild = child;
    this.canCall = false;
    child.vforkParent = this;
  }

  /** The vfork child has called exec or ended. */
  vforkEnded(child: Task): void {
    if (this.vforkChild !== child) return;
    this.vforkChild = null;
    this.canCall = this.exitStatus === null;
    const listeners = this.vforkListeners;
    this.vforkListeners = [];
    for (const listener of listeners) listener();
  }

  /** Returns a promise that settles when the task waits for no vfork child. */
  vforkDone(): Promise<void> {
    if (this.vforkChild === null) return Promise.resolve();
    return new Promise((resolve) => this.vforkListeners.push(resolve));
  }

  /** @internal Marks the task as ended, and tells who waits on its behalf. */
  ended(code: number): void {
    this.exitStatus = code;
    this.canCall = false;
    this.vforkChild = null;
    // A call that waits does not continue.
    this.cur.call.resume = () => refuseCall(this, 'run');
    this.kernel.scheduler.taskDead?.(this);
    const listeners = [...this.endListeners];
    this.endListeners.clear();
    for (const listener of listeners) listener();
  }

  /** @internal Calls `listener` when the task ends. Returns a function that takes it back. */
  onEnded(listener: () => void): () => void {
    this.endListeners.add(listener);
    return () => this.endListeners.delete(listener);
  }
}
