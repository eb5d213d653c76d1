/**
 * Notes and failed calls, kept small: the first ones of each kind, and counts.
 */
import { ownCopy } from '@vmarea/strace';
import type { FailedCalls, NoteList, Reason, ReplayNote } from './report.ts';

/** Notes of a kind that are kept. */
const KEPT_NOTES = 50;
/** Kinds of failures that are kept. */
const KEPT_FAILURES = 200;

type Kind = ReplayNote['kind'];

interface Notes {
  count: number;
  readonly notes: ReplayNote[];
}

/** Collects. */
export class Notebook {
  readonly #kinds: Record<Kind, Notes> = {
    strange: { count: 0, notes: [] },
    descriptor: { count: 0, notes: [] },
    assumed: { count: 0, notes: [] },
    touch: { count: 0, notes: [] },
    unjudged: { count: 0, notes: [] },
    info: { count: 0, notes: [] },
  };
  readonly #said = new Set<string>();
  readonly #failures = new Map<string, { -readonly [K in keyof FailedCalls]: FailedCalls[K] }>();
  failed = 0;
  failuresLeftOut = 0;

  note(kind: Kind, line: number, pid: number, text: string): void {
    const list = this.#kinds[kind];
    list.count++;
    if (list.notes.length < KEPT_NOTES) list.notes.push({ line, pid, kind, text: ownCopy(text) });
  }

  /** A note that is made once, however often it applies. */
  noteOnce(kind: Kind, line: number, pid: number, text: string): void {
    if (this.#said.has(text)) return;
    if (this.#said.size < 1000) this.#said.add(ownCopy(text));
    this.note(kind, line, pid, text);
  }

  failure(name: string, error: string, reason: Reason, call: string, line: number, pid: number): void {
    this.failed++;
    const key = `${name} ${error} ${reason.sentence}`;
    const known = this.#failures.get(key);
    if (known !== undefined) known.count++;
    else if (this.#failures.size >= KEPT_FAILURES) this.failuresLeftOut++;
    else {
      const kept = { call: ownCopy(call), name: ownCopy(name), error: ownCopy(error), reason, count: 1, line, pid };
      this.#failures.set(ownCopy(key), kept);
    }
  }

  get failures(): FailedCalls[] {
    return [...this.#failures.values()].sort((a, b) => a.line - b.line);
  }

  get notes(): Readonly<Record<Kind, NoteList>> {
    return this.#kinds;
  }
}
