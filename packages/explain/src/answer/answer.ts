/**
 * The answer to «why did this call give that?»: data of which text, JSON and the page are views.
 */
import type { Reason } from './reason-book.ts';
import type { Neighbours } from './neighbours.ts';
import type { PictureRow } from './picture.ts';
import type { TraceEvent } from './recorder.ts';

/** A check on the path, with what it compared. */
export interface Check {
  readonly reason: Reason;
  readonly passed: boolean;
  readonly operands: string;
}

/** What the call gives under a change. */
export interface ExplainedChange {
  readonly change: string;
  /** As strace would print it. */
  readonly then: string;
  /** Why it is still refused; null when it is not. */
  readonly reason: Reason | null;
  /** What is to be known beside it; empty for nothing. */
  readonly caveat: string;
  /** The command's option that makes the change; empty for a change of the call. */
  readonly option: string;
}

/** What another machine answers. */
export interface Elsewhere {
  readonly kernel: string;
  /** Bytes. */
  readonly pageSize: number;
  readonly then: string;
  readonly reason: Reason | null;
  /** Whether that is the answer of the machine asked about. */
  readonly same: boolean;
  /** Why the question cannot be asked there: an earlier call fails, or the map does not fit. Empty when it can. */
  readonly notAsked: string;
}

/** Why a call was refused. */
export interface Refusal {
  /** The innermost decision: the one that all others follow from. */
  readonly reason: Reason;
  /** Why, in a sentence about this call. */
  readonly sentence: string;
  /** What to do about it, where no change that was tried helps. */
  readonly advice: string;
  /** The errno that the caller gets, by name, or the signal. */
  readonly errno: string;
  /** The numbers behind it, as a sentence; empty when there are none. */
  readonly figures: string;
  /** Decisions that passed it on, from the innermost out. */
  readonly passedOn: readonly Reason[];
  /** Why the caller gets another errno than the one that was decided; empty when it is the same. */
  readonly turned: string;
}

/** What the line says came of the call, against what is answered here. */
export interface Comparison {
  /** As the line has it. */
  readonly recorded: string;
  readonly agrees: boolean;
  /** What would make the answer agree, when it does not. */
  readonly causes: readonly { readonly condition: string; readonly options: readonly string[] }[];
  /** What can be said where nothing of mm gives it; empty otherwise. */
  readonly note: string;
}

/** A call made before the one that was asked about. */
export interface EarlierCall {
  readonly call: string;
  readonly result: string;
}

/** Everything about one call. */
export interface Answer {
  /** The call with its arguments' values. */
  readonly call: string;
  readonly result: string;
  readonly succeeded: boolean;
  /** Null when it was granted. */
  readonly refusal: Refusal | null;
  /** Null when the line does not say what came of it. */
  readonly comparison: Comparison | null;
  /** What the kernel chose and by which rule, what was ignored, replaced or left changed. */
  readonly choices: readonly string[];
  /** What would turn the answer, what most people want first. */
  readonly changes: readonly ExplainedChange[];
  /** What was assumed or left out to ask the question. */
  readonly notes: readonly string[];
  /** What the map before was taken to mean where it does not say. */
  readonly taken: readonly string[];
  readonly picture: readonly PictureRow[];
  readonly earlier: readonly EarlierCall[];
  readonly checks: readonly Check[];
  /** What happened, in order. */
  readonly events: readonly TraceEvent[];
  readonly elsewhere: readonly Elsewhere[];
  readonly neighbours: readonly Neighbours[];
  /** /proc/PID/maps before and after. */
  readonly before: string;
  readonly after: string;
}
