/**
 * The answer to «why did this call give that?»: data for text, JSON and the page.
 */
import type { CauseKind } from '@vmarea/what-if';
import type { Reason } from './reason-book.ts';
import type { Neighbours } from './neighbours.ts';
import type { PictureRow } from './picture.ts';
import type { TraceEvent } from './recorder.ts';

/** A check of the call, with its operands. */
export interface Check {
  readonly reason: Reason;
  readonly passed: boolean;
  readonly operands: string;
}

/** The result of the call with a change. */
export interface ExplainedChange {
  readonly change: string;
  /** The result as strace prints it. */
  readonly then: string;
  /** The reason when it still fails; null when it succeeds. */
  readonly reason: Reason | null;
  /** A remark on the change; empty for none. */
  readonly caveat: string;
  /** The command's option for the change; empty for a change of the call. */
  readonly option: string;
}

/** The answer of another machine. */
export interface Elsewhere {
  readonly kernel: string;
  /** Bytes. */
  readonly pageSize: number;
  readonly then: string;
  readonly reason: Reason | null;
  /** Whether it equals the answer of the machine in question. */
  readonly same: boolean;
  /** Why the question cannot be asked there: an earlier call fails, or the map does not fit. Empty when it can. */
  readonly notAsked: string;
}

/** Why a call was refused. */
export interface Refusal {
  /** The innermost reason, from which all others follow. */
  readonly reason: Reason;
  /** The reason in a sentence about this call. */
  readonly sentence: string;
  /** What to do, when no change that was tried helps. */
  readonly advice: string;
  /** The errno that the caller gets, by name, or the signal. */
  readonly errno: string;
  /** The numbers, as a sentence; empty when there are none. */
  readonly figures: string;
  /** Reasons of the outer functions that passed it on, from the innermost out. */
  readonly passedOn: readonly Reason[];
  /** Why the caller gets another errno than the inner one; empty when it is the same. */
  readonly turned: string;
}

/** What would make the recorded result and the one here agree. */
export interface ComparisonCause {
  /** Continues «if». */
  readonly condition: string;
  /** Options of the command that make the results agree; empty when there are none. */
  readonly options: readonly string[];
  /** What it is about, where a search found it. */
  readonly kind?: CauseKind;
  /** A limit that is too low, and the lowest value with which the call succeeds. */
  readonly limit?: { readonly name: string; readonly from: number } | null;
  /** Whether the text of the question tells that it is so. */
  readonly known?: boolean;
}

/** The recorded result of the call compared with the one here. */
export interface Comparison {
  /** The result in the line. */
  readonly recorded: string;
  readonly agrees: boolean;
  /** What would make the results agree, when they differ. */
  readonly causes: readonly ComparisonCause[];
  /** A remark when no rule of mm gives the recorded result; empty otherwise. */
  readonly note: string;
}

/** An earlier call. */
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
  /** Null for a successful call. */
  readonly refusal: Refusal | null;
  /** Null when the line has no result. */
  readonly comparison: Comparison | null;
  /** What the kernel chose and by which rule, and what was ignored, replaced or left changed. */
  readonly choices: readonly string[];
  /** The changes of the result, most useful first. */
  readonly changes: readonly ExplainedChange[];
  /** What was assumed or left out for the question. */
  readonly notes: readonly string[];
  /** The assumptions where the map before does not show a fact. */
  readonly taken: readonly string[];
  readonly picture: readonly PictureRow[];
  readonly earlier: readonly EarlierCall[];
  readonly checks: readonly Check[];
  /** The events, in order. */
  readonly events: readonly TraceEvent[];
  readonly elsewhere: readonly Elsewhere[];
  readonly neighbours: readonly Neighbours[];
  /** /proc/PID/maps before and after. */
  readonly before: string;
  readonly after: string;
}
