/**
 * What a history tells, as plain data. A moment is the number of a step: 0 is before the first, `history.steps` after the last.
 */
import type { Reason } from '@vmarea/replay';
import type { MapsLine } from '@vmarea/strace';

/** What a step was: a memory call, something that happened to a process, or a map of a series. */
export type StepKind = 'call' | 'begin' | 'fork' | 'thread' | 'exec' | 'exit' | 'signal' | 'map';

/** One step of a log. */
export interface Step {
  /** From 1. The moment after it has the same number. */
  readonly moment: number;
  readonly kind: StepKind;
  /** Line in the log; for a map of a series its number, from 1. */
  readonly line: number;
  readonly pid: number;
  /** Index in `history.spaces`. */
  readonly space: number;
  /** Ordinal among the memory calls, from 1; 0 for other steps. */
  readonly number: number;
  /** The call's name; for other steps their kind. */
  readonly name: string;
  /** The call's arguments, a signal's text, or the title of a map. */
  readonly text: string;
  /** What the kernel here answered, negative for an errno; null without a result. */
  readonly result: number | null;
  /** What the log says; null without a result. */
  readonly recorded: number | null;
  /** Why `result` is an error; null when it is none. */
  readonly reason: Reason | null;
  /** Areas of its address space after it. */
  readonly areas: number;
  /** Bytes mapped in its address space after it. */
  readonly bytes: number;
  /** Bytes resident, where smaps said so; null elsewhere. */
  readonly resident: number | null;
}

/** An area during its life: from one change to the next. */
export interface Area extends MapsLine {
  /** Names it: the same at two moments means that nothing of it changed in between. */
  readonly id: number;
  /** VM_ bits, int32; for a map of a series only what its line shows. */
  readonly flags: number;
  /** The moment from which on it was so. */
  readonly since: number;
}

/** An address space. */
export interface Space {
  /** Index in `history.spaces`. */
  readonly index: number;
  /** The thread group whose space it was first. */
  readonly pid: number;
  /** The program, as the map shows the first mapped file when the space was made; empty when nothing tells. */
  readonly program: string;
  /** Its first moment. */
  readonly from: number;
  /** The first moment at which it is gone; `Infinity` when it never goes. */
  readonly to: number;
}

/**
 * `came`, `went`; `grew`, `shrank`: same rights and file, at other borders; `changed`: the same borders, other rights, name or
 * file; `split`: one became several; `joined`: several became one; `redone`: anything else.
 */
export type ChangeKind = 'came' | 'went' | 'grew' | 'shrank' | 'changed' | 'split' | 'joined' | 'redone';

/** Areas of two moments that overlap, none of them the same. */
export interface Change {
  readonly kind: ChangeKind;
  readonly before: readonly Area[];
  readonly after: readonly Area[];
}

/** What is looked for with `history.first`. */
export type Condition =
  | { readonly kind: 'areas'; readonly above: number }
  | { readonly kind: 'bytes'; readonly above: number }
  | { readonly kind: 'mapped'; readonly address: number }
  | { readonly kind: 'failed' }
  | { readonly kind: 'differs' };

/** Figures of one stretch of time, for a picture. */
export interface Stretch {
  /** Its first and last moment. */
  readonly from: number;
  readonly to: number;
  /** Most areas in it. */
  readonly areas: number;
  /** Most bytes in it. */
  readonly bytes: number;
  /** Most bytes resident, null where nothing told. */
  readonly resident: number | null;
  /** Calls that failed. */
  readonly failures: number;
  readonly signals: number;
}
