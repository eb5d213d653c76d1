/**
 * The findings of a replay, as plain data for text or JSON. No code.
 */
import type { AreaPattern, Situation } from '@vmarea/situation';
import type { MapsLine } from '@vmarea/strace';

/** A sentence about something in the log. */
export interface ReplayNote {
  /** Line in the log; 0 for the whole log. */
  readonly line: number;
  readonly pid: number;
  /**
   * `strange`: a skipped line. `descriptor`: one that the log never opened. `assumed`: a fact that the log does not show.
   * `touch`: a border that depends on the assumption that memory was written. `unjudged`: an answer that could not be predicted.
   */
  readonly kind: 'strange' | 'descriptor' | 'assumed' | 'touch' | 'unjudged' | 'info';
  readonly text: string;
}

/** Notes of one kind: the first ones, and their number. */
export interface NoteList {
  readonly count: number;
  readonly notes: readonly ReplayNote[];
}

/** The reason for a failed call. */
export interface Reason {
  /** Stable name of the reason, `function.reason`; empty without one. */
  readonly id: string;
  /** The kernel's function that makes the decision. */
  readonly fn: string;
  readonly sentence: string;
  /** What to change for another result. */
  readonly change: string;
}

/**
 * `agrees`: the kernel here fails it in the same way. `cause`: it does so under a setting that is unknown. `outside`: a driver,
 * seccomp or an LSM answered, or memory that the log does not show decided. `unexplained`: no known fact gives it.
 */
export type FailureKind = 'agrees' | 'cause' | 'outside' | 'unexplained';

/** A change that gives a recorded failure. */
export interface FailureCause {
  /** A condition that continues «if». */
  readonly condition: string;
  /** Options that give the failure. */
  readonly options: readonly string[];
}

/** `agrees`: the map explains the signal. `open`: the log does not show what decides. `differs`: the map contradicts it. */
export type SignalKind = 'agrees' | 'open' | 'differs';

/** Signals of the same kind. */
export interface ReplayedSignal {
  readonly line: number;
  readonly pid: number;
  /** For instance `SIGSEGV`. */
  readonly name: string;
  readonly kind: SignalKind;
  readonly sentence: string;
  /** Whether the signal ended the process. */
  readonly deadly: boolean;
  readonly count: number;
}

/** Two areas that touch and look alike, but are not one. */
export interface Border {
  readonly at: number;
  /** The line of the area above. */
  readonly line: MapsLine;
  /**
   * Every rule that keeps the two apart, in the kernel's order, with what differs. Empty when nothing differs: no call has tried
   * to merge them since they became alike.
   */
  readonly reasons: readonly { readonly reason: Reason; readonly operands: string }[];
}

/** Calls that failed in the same way. */
export interface FailedCalls {
  /** The call as printed in the log, shortened. */
  readonly call: string;
  readonly name: string;
  /** For instance `ENOMEM`. */
  readonly error: string;
  readonly reason: Reason;
  readonly kind: FailureKind;
  /** Changes that give the failure; empty unless `kind` is `cause`. */
  readonly causes: readonly FailureCause[];
  readonly count: number;
  /** The line of the first of them. */
  readonly line: number;
  readonly pid: number;
}

/** The first answer that differs from the kernel's. */
export interface Difference {
  readonly line: number;
  readonly pid: number;
  /** Ordinal among the memory calls, from 1. */
  readonly number: number;
  readonly call: string;
  /** The answer of the replay. */
  readonly predicted: string;
  /** The answer in the log. */
  readonly recorded: string;
  /** The reason for the replay's answer, when it is an error. */
  readonly reason: Reason | null;
  /** Why the kernel could not have given the recorded answer. */
  readonly explanation: string;
  /** The map around the address in question. */
  readonly around: readonly MapsLine[];
}

/** The comparison of a line of the final map. */
export interface MapRow {
  /** Replay's line; null when only the real map has it. */
  readonly ours: MapsLine | null;
  /** The real line; null when only replay has it. */
  readonly real: MapsLine | null;
  /** The differences; empty when they agree. */
  readonly differences: readonly string[];
  /** Why the line does not count in the verdict: `assumed`, `grown`, `recorded`. Empty when it counts. */
  readonly excused: string;
}

/** The final map beside the real one. */
export interface MapComparison {
  readonly rows: readonly MapRow[];
  /** Rows that differ and count. */
  readonly different: number;
  /** Rows that do not count although they differ, or because they come from the real map. */
  readonly excused: number;
}

/** The map that is shown. */
export interface ReplayedMap {
  readonly pid: number;
  /** The line of the log at which it was taken; 0 for the end. */
  readonly line: number;
  /** The moment in words, for instance `read from /proc/self/maps`. */
  readonly moment: string;
  readonly lines: readonly MapsLine[];
  readonly comparison: MapComparison | null;
}

/** One call stack, with the figures of its calls. */
export interface StackRow {
  /** The first frames, innermost first: `libjemalloc.so.2+0x1c2f0 (pages_map+0x30)`. Empty in the row of the stacks beyond the limit. */
  readonly frames: readonly string[];
  /** The index of the first frame that is not a system call's wrapper. */
  readonly caller: number;
  /** The number of areas whose start its calls set, and their bytes. */
  readonly areas: number;
  readonly bytes: number;
  /** The number of its memory calls, and of the areas that they split. */
  readonly calls: number;
  readonly splits: number;
  /** The number of calls that failed in the log, by errno name. */
  readonly failed: Readonly<Record<string, number>>;
  /** The kind of most of its areas; null without areas. */
  readonly kind: { readonly text: string; readonly times: number } | null;
}

/** The areas of a map, by the call stacks that they come from. */
export interface StackReport {
  readonly pid: number;
  readonly line: number;
  readonly moment: string;
  readonly areas: number;
  /** The number of memory calls in the log, and of those with a stack. */
  readonly calls: number;
  readonly callsWithStack: number;
  /** The number of different stacks with areas in this map. */
  readonly stacks: number;
  /** The stacks with most areas, at most ten. */
  readonly holding: readonly StackRow[];
  /** The stacks with most failed calls, at most ten. */
  readonly failing: readonly StackRow[];
  /** The number of areas by the file of the first frame that is not a wrapper; most first, at most five. */
  readonly files: readonly (readonly [file: string, areas: number])[];
  /** The number of areas from calls without a stack in the log. */
  readonly withoutStack: number;
  /** The number of areas that no call of the log created: from exec, or from the map before. */
  readonly notByCalls: number;
}

/** A map with nearly vm.max_map_count areas, and their pattern. */
export interface CrowdedMap {
  readonly pid: number;
  readonly line: number;
  readonly moment: string;
  readonly areas: number;
  /** Null when no pair of neighbours covers half of the map. */
  readonly pattern: AreaPattern | null;
}

/** The whole report. */
export interface ReplayReport {
  readonly lines: number;
  /** Calls in the log that replay read. */
  readonly calls: number;
  readonly machine: {
    readonly kernel: string;
    readonly vaBits: number;
    readonly pageSize: number;
    /** `recorded`: addresses were taken from the log. */
    readonly addresses: 'predicted' | 'recorded' | 'mixed';
    /** Null: unknown. */
    readonly randomized: boolean | null;
  };
  readonly answers: {
    /** Memory calls replayed. */
    readonly replayed: number;
    /** Calls whose answer was predicted and equals the kernel's. */
    readonly reproduced: number;
    /** Calls whose answer was taken from the log, or gave the address of a randomised program (and is a possible one). */
    readonly unjudged: number;
    /** Calls that failed in the log. */
    readonly failed: number;
    /** Of these, those that the kernel here fails in the same way. */
    readonly failedAlike: number;
    /** Of these, those that no known fact explains. */
    readonly unexplained: number;
  };
  /** The facts about machine and process, including those learned from the log. */
  readonly situation: Situation;
  /** Assumed facts that a recorded success corrected, as sentences. */
  readonly learned: readonly string[];
  readonly signals: readonly ReplayedSignal[];
  /** Why neighbours that look alike are separate in the map that is shown. */
  readonly borders: readonly Border[];
  readonly difference: Difference | null;
  readonly vmas: {
    readonly created: number;
    readonly merged: number;
    readonly split: number;
    readonly removed: number;
    /** Copied by fork. */
    readonly copied: number;
    readonly peak: number;
    readonly peakPid: number;
    readonly peakLine: number;
    readonly maxMapCount: number;
  };
  readonly processes: {
    readonly seen: number;
    readonly forks: number;
    readonly execs: number;
    readonly threads: number;
  };
  readonly failures: readonly FailedCalls[];
  /** Kinds of failures beyond those listed. */
  readonly failuresLeftOut: number;
  readonly notes: Readonly<Record<ReplayNote['kind'], NoteList>>;
  readonly map: ReplayedMap | null;
  /** Null when no map that was looked at has nine tenths of vm.max_map_count. */
  readonly crowded: CrowdedMap | null;
  /** Null unless stacks are followed. */
  readonly stacks: StackReport | null;
  /** `agrees`: every judged answer and the map. */
  readonly verdict: 'agrees' | 'differs';
}
