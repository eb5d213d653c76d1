// The calls that were entered and have not returned: by task, and by name for resumed lines without a pid.

import { type ParsedCall } from './parsed-call.ts';

/** One call per task. Every operation takes constant time. */
export class PendingCalls {
  readonly #byPid = new Map<number, ParsedCall>();
  /** Tasks that are in a call of a name, in the order in which they entered it. */
  readonly #byName = new Map<string, Set<number>>();

  get(pid: number): ParsedCall | undefined {
    return this.#byPid.get(pid);
  }

  /** Stores the call of a task, and drops its earlier one. */
  set(pid: number, call: ParsedCall): void {
    this.delete(pid);
    this.#byPid.set(pid, call);
    const named = this.#byName.get(call.name);
    if (named === undefined) this.#byName.set(call.name, new Set([pid]));
    else named.add(pid);
  }

  delete(pid: number): void {
    const call = this.#byPid.get(pid);
    if (call === undefined) return;
    this.#byPid.delete(pid);
    const named = this.#byName.get(call.name)!;
    named.delete(pid);
    if (named.size === 0) this.#byName.delete(call.name);
  }

  /** Returns the task that has been in a call of this name for longest; undefined when there is none. */
  firstInside(name: string): number | undefined {
    return this.#byName.get(name)?.values().next().value;
  }

  /** Returns all calls, in the order of entry. */
  calls(): IterableIterator<ParsedCall> {
    return this.#byPid.values();
  }

  clear(): void {
    this.#byPid.clear();
    this.#byName.clear();
  }
}
