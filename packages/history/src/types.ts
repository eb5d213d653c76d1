/**
 * The data of a history, without code. A moment is the number of a step: 0 is before the first, `history.steps` after the last.
 */
import type { Reason } from '@vmarea/replay';
import type { MapsLine } from '@vmarea/strace';

/** The kind of a step: a memory call, an event of a process, or a map of a series. */
export type StepKind = 'call' | 'begin' | 'fork' | 'thread' | 'exec' | 'exit' | 'signal' | 'map';

/** One step of a log. */
export interface Step {
  /** The step's number, from 1, and the moment after it. */
  readonly moment: number;
  readonly kind: StepKind;
  /** The line in the log; for a map of a series its number, from 1. */
  readonly line: number;
  readonly pid: number;
  /** The address space, as an index in `history.spaces`. */
  readonly space: number;
  /** Ordinal among the memory calls, from 1; 0 for other steps. */
  readonly number: number;
  /** The call's name; for other steps their kind. */
  readonly name: string;
  /** The call's arguments, a signal's text, or the title of a map. */
  readonly text: string;
  /** The result of the modelled kernel, negative for an errno; null without one. */
  readonly result: number | null;
  /** The result in the log; null without one. */
  readonly recorded: number | null;
  /** The reason when `result` is an error; otherwise null. */
  readonly reason: Reason | null;
  /** The number of areas in its address space after it. */
  readonly areas: number;
  /** The mapped bytes in its address space after it. */
  readonly bytes: number;
  /** The resident bytes, when smaps contains them; otherwise null. */
  readonly resident: number | null;
}

/** A version of an area: the area from one change to the next. */
export interface Area extends MapsLine {
  /** Identifies the version: the same id at two moments means that the area did not change in between. */
  readonly id: number;
  /** VM_ bits, int32; for a map of a series only those that its line shows. */
  readonly flags: number;
  /** The first moment of this version. */
  readonly since: number;
}

/** An address space. */
export interface Space {
  /** Index in `history.spaces`. */
  readonly index: number;
  /** The first thread group that used it. */
  readonly pid: number;
  /** The path of the first mapped file at the space's creation, which is the program; empty when unknown. */
  readonly program: string;
  /** Its first moment. */
  readonly from: number;
  /** The first moment after its end; `Infinity` when it does not end. */
  readonly to: number;
  /** mmap_base: where searches for free addresses begin; 0 when unknown. */
  readonly mmapBase: number;
  /** Whether searches go up from `mmapBase` (the legacy layout), not down. */
  readonly searchesUp: boolean;
}

/**
 * `came`, `went`; `grew`, `shrank`: same rights and file, at other borders; `changed`: the same borders, other rights, name or
 * file; `split`: one became several; `joined`: several became one; `redone`: anything else.
 */
export type ChangeKind = 'came' | 'went' | 'grew' | 'shrank' | 'changed' | 'split' | 'joined' | 'redone';

/** Areas of two moments that overlap, none of them with the same id in both. */
export interface Change {
  readonly kind: ChangeKind;
  readonly before: readonly Area[];
  readonly after: readonly Area[];
}

/** A condition for `history.first`. */
export type Condition =
  | { readonly kind: 'areas'; readonly above: number }
  | { readonly kind: 'bytes'; readonly above: number }
  | { readonly kind: 'mapped'; readonly address: number }
  | { readonly kind: 'failed' }
  | { readonly kind: 'differs' };

/** Figures of one interval of time, for a picture. */
export interface Stretch {
  /** Its first and last moment. */
  readonly from: number;
  readonly to: number;
  /** The highest number of areas. */
  readonly areas: number;
  /** The highest number of mapped bytes. */
  readonly bytes: number;
  /** The highest number of resident bytes; null when unknown. */
  readonly resident: number | null;
  /** The number of failed calls. */
  readonly failures: number;
  readonly signals: number;
}
