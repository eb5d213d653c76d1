/**
 * The raw system calls of a task: take registers and plain values, return a result or a negative errno (or RETRY).
 *
 * Each concern has its class: mappings (syscalls/mm.ts), files (syscalls/file.ts), processes (syscalls/process.ts), System V
 * shared memory (syscalls/shm.ts), signals (syscalls/signal.ts). This class
 * has one of each, forwards their calls by name, and checks the arguments (syscalls/checked.ts). A pointer in C is a JS value
 * here; syscalls/table.ts has the calls by number, with pointers.
 */
import { checkOf } from './checked.ts';
import { FileCalls } from './file.ts';
import { MmCalls, type Register } from './mm.ts';
import { ProcessCalls } from './process.ts';
import { ShmCalls } from './shm.ts';
import { SignalCalls } from './signal.ts';
import type { Task } from '../task/task.ts';

/** The methods of a class. */
export type CallsOf<Part> = { readonly [K in keyof Part]: Part[K] };

/** Every call of a task. */
export type AllCalls = CallsOf<MmCalls> &
  CallsOf<FileCalls> &
  CallsOf<ProcessCalls> &
  CallsOf<ShmCalls> &
  CallsOf<SignalCalls>;

/** The parts of a {@link Sys}. */
interface Parts {
  readonly mappings: MmCalls;
  readonly files: FileCalls;
  readonly processes: ProcessCalls;
  readonly segments: ShmCalls;
  readonly signals: SignalCalls;
  readonly task: Task;
}

/** The largest number of arguments of a call. */
type Arguments = [unknown?, unknown?, unknown?, unknown?, unknown?, unknown?];

/** Defines each method of `part` on `target` that it does not have; it calls the method of the part that `of` returns. */
function forward(target: object, part: new (task: Task) => object, of: (sys: Parts) => object): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(part.prototype as object))) {
    if (name === 'constructor' || Object.hasOwn(target, name)) continue;
    const method = value as (...args: Arguments) => unknown;
    const check = checkOf(name);
    Object.defineProperty(target, name, {
      configurable: true,
      writable: true,
      // Six parameters instead of a rest parameter, so that a call allocates no array. A missing one is undefined for both.
      value(this: Parts, a?: unknown, b?: unknown, c?: unknown, d?: unknown, e?: unknown, f?: unknown): unknown {
        check?.(this.task, a, b, c, d, e, f);
        return method.call(of(this), a, b, c, d, e, f);
      },
    });
  }
}

/** Returns whether a value is a 64-bit register. */
function isRegister(value: unknown): boolean {
  return typeof value === 'number' ? Number.isInteger(value) : typeof value === 'bigint';
}

/** Checks the arguments again and throws the error that names the wrong one. */
function misused(call: string, task: Task, args: Arguments): void {
  const [a, b, c, d, e, f] = args;
  checkOf(call)!(task, a, b, c, d, e, f);
}

/** Builds the class with the calls of all parts. */
function joined(): new (task: Task) => AllCalls {
  class Joined implements Parts {
    readonly mappings: MmCalls;
    readonly files: FileCalls;
    readonly processes: ProcessCalls;
    readonly segments: ShmCalls;
    readonly signals: SignalCalls;
    readonly task: Task;

    constructor(task: Task) {
      this.task = task;
      this.mappings = new MmCalls(task);
      this.files = new FileCalls(task);
      this.processes = new ProcessCalls(task);
      this.segments = new ShmCalls(task);
      this.signals = new SignalCalls(task);
    }

    // The calls that a program makes most. V8 compiles the forwarding functions below as one for all names, and calls through
    // it take twice as long as these.

    mmap(addr: Register, len: Register, prot: Register, flags: Register, fd: Register, off: Register): number {
      const valid = isRegister(prot) && isRegister(flags) && isRegister(fd) && isRegister(off);
      if (!this.task.canCall || !isRegister(addr) || !isRegister(len) || !valid) {
        misused('mmap', this.task, [addr, len, prot, flags, fd, off]);
      }
      return this.mappings.mmap(addr, len, prot, flags, fd, off);
    }

    munmap(addr: Register, len: Register): number {
      if (!this.task.canCall || !isRegister(addr) || !isRegister(len)) {
        misused('munmap', this.task, [addr, len]);
      }
      return this.mappings.munmap(addr, len);
    }

    mprotect(addr: Register, len: Register, prot: Register): number {
      if (!this.task.canCall || !isRegister(addr) || !isRegister(len) || !isRegister(prot)) {
        misused('mprotect', this.task, [addr, len, prot]);
      }
      return this.mappings.mprotect(addr, len, prot);
    }

    madvise(addr: Register, len: Register, advice: Register): number {
      if (!this.task.canCall || !isRegister(addr) || !isRegister(len) || !isRegister(advice)) {
        misused('madvise', this.task, [addr, len, advice]);
      }
      return this.mappings.madvise(addr, len, advice);
    }

    brk(value: Register): number {
      if (!this.task.canCall || !isRegister(value)) misused('brk', this.task, [value]);
      return this.mappings.brk(value);
    }
  }
  forward(Joined.prototype, MmCalls, (sys) => sys.mappings);
  forward(Joined.prototype, FileCalls, (sys) => sys.files);
  forward(Joined.prototype, ProcessCalls, (sys) => sys.processes);
  forward(Joined.prototype, ShmCalls, (sys) => sys.segments);
  forward(Joined.prototype, SignalCalls, (sys) => sys.signals);
  return Joined as unknown as new (task: Task) => AllCalls;
}

/** Every call of a task: `new Sys(task)`. */
export const Sys: new (task: Task) => AllCalls = joined();
export type Sys = AllCalls;
