/**
 * Collects notes and failed calls: the first ones of each kind, and counts.
 */
import { ownCopy } from '@vmarea/strace';
import type { Call } from '@vmarea/strace';
import type {
  FailedCalls,
  FailureCause,
  FailureKind,
  NoteList,
  Reason,
  ReplayedSignal,
  ReplayNote,
  SignalKind,
} from './report.ts';

/** The number of notes kept per kind. */
const KEPT_NOTES = 50;
/** The number of kinds of failures kept. */
const KEPT_FAILURES = 200;

type Kind = ReplayNote['kind'];

interface Notes {
  count: number;
  readonly notes: ReplayNote[];
}

/** The notes of one replay. */
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
  readonly #signals = new Map<string, { -readonly [K in keyof ReplayedSignal]: ReplayedSignal[K] }>();
  failed = 0;
  failedAlike = 0;
  unexplained = 0;
  failuresLeftOut = 0;
  signalsDiffer = 0;

  note(kind: Kind, line: number, pid: number, text: string): void {
    const list = this.#kinds[kind];
    list.count++;
    if (list.notes.length < KEPT_NOTES) list.notes.push({ line, pid, kind, text: ownCopy(text) });
  }

  /** Adds a note only once, for all its occurrences. */
  noteOnce(kind: Kind, line: number, pid: number, text: string): void {
    if (this.#said.has(text)) return;
    if (this.#said.size < 1000) this.#said.add(ownCopy(text));
    this.note(kind, line, pid, text);
  }

  /** Adds a call that failed in the log. */
  failure(failed: {
    readonly call: Call;
    readonly text: string;
    readonly error: string;
    readonly reason: Reason;
    readonly kind: FailureKind;
    readonly causes: readonly FailureCause[];
  }): void {
    const { call, text, error, reason, kind, causes } = failed;
    this.failed++;
    if (kind === 'agrees') this.failedAlike++;
    else if (kind === 'unexplained') this.unexplained++;
    const key = `${call.name} ${error} ${reason.sentence}`;
    const known = this.#failures.get(key);
    if (known !== undefined) known.count++;
    else if (this.#failures.size >= KEPT_FAILURES) this.failuresLeftOut++;
    else {
      const { line, pid } = call;
      const name = ownCopy(call.name);
      const kept = { call: ownCopy(text), name, error: ownCopy(error), reason, kind, causes, count: 1, line, pid };
      this.#failures.set(ownCopy(key), kept);
    }
  }

  /** Adds a signal that was judged by the map. */
  signal(
    at: { readonly line: number; readonly pid: number; readonly name: string },
    kind: SignalKind,
    sentence: string,
  ): void {
    if (kind === 'differs') this.signalsDiffer++;
    const key = `${at.name} ${kind} ${sentence.replaceAll(/0x[0-9a-f]+/g, '0x')}`;
    const known = this.#signals.get(key);
    if (known !== undefined) known.count++;
    else if (this.#signals.size < KEPT_NOTES) {
      const { line, pid } = at;
      this.#signals.set(ownCopy(key), { line, pid, name: ownCopy(at.name), kind, sentence, deadly: false, count: 1 });
    }
  }

  /** Notes that a signal ended a process: the last one of its name was the deadly one. */
  deadly(pid: number, name: string): void {
    const last = [...this.#signals.values()].reverse().find((signal) => signal.pid === pid && signal.name === name);
    if (last !== undefined) last.deadly = true;
  }

  get signals(): ReplayedSignal[] {
    return [...this.#signals.values()];
  }

  get failures(): FailedCalls[] {
    return [...this.#failures.values()].sort((a, b) => a.line - b.line);
  }

  get notes(): Readonly<Record<Kind, NoteList>> {
    return this.#kinds;
  }
}
