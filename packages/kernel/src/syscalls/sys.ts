/**
 * The system calls of a task, raw: registers and plain values in, a result or a negative errno (or RETRY) out.
 *
 * Each concern has its class: mappings (syscalls/mm.ts), files (syscalls/file.ts), processes (syscalls/process.ts). This one
 * holds one of each, has their calls by name, and checks what they are given (syscalls/checked.ts). What takes a pointer in C takes a JS value here; syscalls/table.ts has the
 * calls by number, with pointers.
 */
import { checkOf } from './checked.ts';
import { FileCalls } from './file.ts';
import { MmCalls } from './mm.ts';
import { ProcessCalls } from './process.ts';
import type { Task } from '../task/task.ts';

/** The public methods of a class. */
export type CallsOf<Part> = { readonly [K in keyof Part]: Part[K] };

/** Every call of a task. */
export type AllCalls = CallsOf<MmCalls> & CallsOf<FileCalls> & CallsOf<ProcessCalls>;

/** The parts of a {@link Sys}. */
interface Parts {
  readonly mappings: MmCalls;
  readonly files: FileCalls;
  readonly processes: ProcessCalls;
  readonly task: Task;
}

/** No call takes more. */
type Arguments = [unknown?, unknown?, unknown?, unknown?, unknown?, unknown?];

/** Puts each method of `part` on `target`, which calls it on the part that `of` gives. */
function forward(target: object, part: new (task: Task) => object, of: (sys: Parts) => object): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(part.prototype as object))) {
    if (name === 'constructor') continue;
    const method = value as (...args: Arguments) => unknown;
    const check = checkOf(name);
    Object.defineProperty(target, name, {
      configurable: true,
      writable: true,
      // Six parameters rather than a rest: no array per call. A missing one is undefined for both.
      value(this: Parts, a?: unknown, b?: unknown, c?: unknown, d?: unknown, e?: unknown, f?: unknown): unknown {
        check?.(this.task, a, b, c, d, e, f);
        return method.call(of(this), a, b, c, d, e, f);
      },
    });
  }
}

/** The calls of the parts under one roof. */
function joined(): new (task: Task) => AllCalls {
  class Joined implements Parts {
    readonly mappings: MmCalls;
    readonly files: FileCalls;
    readonly processes: ProcessCalls;
    readonly task: Task;

    constructor(task: Task) {
      this.task = task;
      this.mappings = new MmCalls(task);
      this.files = new FileCalls(task);
      this.processes = new ProcessCalls(task);
    }
  }
  forward(Joined.prototype, MmCalls, (sys) => sys.mappings);
  forward(Joined.prototype, FileCalls, (sys) => sys.files);
  forward(Joined.prototype, ProcessCalls, (sys) => sys.processes);
  return Joined as unknown as new (task: Task) => AllCalls;
}

/** Every call of a task: `new Sys(task)`. */
export const Sys: new (task: Task) => AllCalls = joined();
export type Sys = AllCalls;
