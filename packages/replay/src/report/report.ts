/**
 * What a replay found, as plain data that can be turned into text or JSON. No code.
 */
import type { AreaPattern, Situation } from '@vmarea/situation';
import type { MapsLine } from '@vmarea/strace';

/** A sentence about something in the log. */
export interface ReplayNote {
  /** Line in the log; 0 when it is about the whole. */
  readonly line: number;
  readonly pid: number;
  /**
   * `strange`: a line that was skipped. `descriptor`: one that the log never opened. `assumed`: what the log does not say.
   * `touch`: where it matters that memory was taken as written. `unjudged`: an answer that could not be predicted.
   */
  readonly kind: 'strange' | 'descriptor' | 'assumed' | 'touch' | 'unjudged' | 'info';
  readonly text: string;
}

/** Notes of one kind: the first ones, and how many there were. */
export interface NoteList {
  readonly count: number;
  readonly notes: readonly ReplayNote[];
}

/** Why a call failed. */
export interface Reason {
  /** Stable name of the decision, `function.reason`; empty when no decision was left. */
  readonly id: string;
  /** The kernel's function that decides. */
  readonly fn: string;
  readonly sentence: string;
  /** What would change it. */
  readonly change: string;
}

/**
 * `agrees`: the kernel here fails it in the same way. `cause`: it does under a setting that is not known. `outside`: what is
 * outside of mm's rules (a driver, seccomp, an LSM) or of the log answered. `unexplained`: nothing known gives it.
 */
export type FailureKind = 'agrees' | 'cause' | 'outside' | 'unexplained';

/** Something that would give a recorded failure. */
export interface FailureCause {
  /** To be read after «if». */
  readonly condition: string;
  /** Options with which the failure agrees. */
  readonly options: readonly string[];
}

/** `agrees`: the map explains the signal. `open`: what decides is not in a log. `differs`: the map contradicts it. */
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

/** Two areas that touch, look alike and are not one. */
export interface Border {
  readonly at: number;
  /** As maps shows the area above. */
  readonly line: MapsLine;
  /**
   * Every rule that keeps the two apart, in the kernel's order, with what differs. None when nothing does: no call has tried
   * to join them since they became alike.
   */
  readonly reasons: readonly { readonly reason: Reason; readonly operands: string }[];
}

/** Calls that failed in the same way. */
export interface FailedCalls {
  /** As the log prints it, shortened. */
  readonly call: string;
  readonly name: string;
  /** For instance `ENOMEM`. */
  readonly error: string;
  readonly reason: Reason;
  readonly kind: FailureKind;
  /** What would make the call fail so; empty unless `kind` is `cause`. */
  readonly causes: readonly FailureCause[];
  readonly count: number;
  /** Of the first of them. */
  readonly line: number;
  readonly pid: number;
}

/** The first answer that is not the kernel's. */
export interface Difference {
  readonly line: number;
  readonly pid: number;
  /** Ordinal among the memory calls, from 1. */
  readonly number: number;
  readonly call: string;
  /** What replay says. */
  readonly predicted: string;
  /** What the log says. */
  readonly recorded: string;
  /** Why replay says it, when it refuses. */
  readonly reason: Reason | null;
  /** Why the recorded answer is none that the kernel could have given. */
  readonly explanation: string;
  /** The map around the address in question. */
  readonly around: readonly MapsLine[];
}

/** How a line of the final map compares. */
export interface MapRow {
  /** Replay's line; null: only the real map has one. */
  readonly ours: MapsLine | null;
  /** The real line; null: only replay has one. */
  readonly real: MapsLine | null;
  /** What differs; empty when they agree. */
  readonly differences: readonly string[];
  /** Left out of the verdict, and why: `assumed`, `grown`, `recorded`. Empty when it counts. */
  readonly excused: string;
}

/** The final map beside the real one. */
export interface MapComparison {
  readonly rows: readonly MapRow[];
  /** Rows that differ and count. */
  readonly different: number;
  /** Rows left out of the verdict although they differ, or because they were taken from the real map. */
  readonly excused: number;
}

/** The map that is shown. */
export interface ReplayedMap {
  readonly pid: number;
  /** Where in the log it is from; 0 for the end. */
  readonly line: number;
  /** In words: for instance `read from /proc/self/maps`. */
  readonly moment: string;
  readonly lines: readonly MapsLine[];
  readonly comparison: MapComparison | null;
}

/** One call stack, and what it has done. */
export interface StackRow {
  /** Innermost first, `libjemalloc.so.2+0x1c2f0 (pages_map+0x30)`; the first ones only. Empty for all stacks that were too many to tell apart. */
  readonly frames: readonly string[];
  /** The index of the first frame that is no wrapper of a system call. */
  readonly caller: number;
  /** Areas that begin where they do because of it, and their bytes. */
  readonly areas: number;
  readonly bytes: number;
  /** Memory calls that were made there, and areas that they split. */
  readonly calls: number;
  readonly splits: number;
  /** Calls that failed in the log, by the name of their error. */
  readonly failed: Readonly<Record<string, number>>;
  /** What most of its areas are; null when it holds none. */
  readonly kind: { readonly text: string; readonly times: number } | null;
}

/** The areas of a map by the call stacks that they come from. */
export interface StackReport {
  readonly pid: number;
  readonly line: number;
  readonly moment: string;
  readonly areas: number;
  /** Memory calls of the log, and those whose stack it shows. */
  readonly calls: number;
  readonly callsWithStack: number;
  /** Different stacks that hold areas of this map. */
  readonly stacks: number;
  /** Those that hold most areas, at most ten. */
  readonly holding: readonly StackRow[];
  /** Those whose calls failed most often, at most ten. */
  readonly failing: readonly StackRow[];
  /** Areas by the file in which the program's own part of the stack begins; most first, at most five. */
  readonly files: readonly (readonly [file: string, areas: number])[];
  /** Areas of calls whose stack the log does not show. */
  readonly withoutStack: number;
  /** Areas that no call of the log made: those of exec, or of the map before. */
  readonly notByCalls: number;
}

/** A map that is near vm.max_map_count, and what fills it. */
export interface CrowdedMap {
  readonly pid: number;
  readonly line: number;
  readonly moment: string;
  readonly areas: number;
  /** Null when no pair of neighbours makes up half of it. */
  readonly pattern: AreaPattern | null;
}

/** Everything. */
export interface ReplayReport {
  readonly lines: number;
  /** Calls in the log that replay looked at. */
  readonly calls: number;
  readonly machine: {
    readonly kernel: string;
    readonly vaBits: number;
    readonly pageSize: number;
    /** `recorded`: addresses were taken as the log has them. */
    readonly addresses: 'predicted' | 'recorded' | 'mixed';
    /** Null: nothing told. */
    readonly randomized: boolean | null;
  };
  readonly answers: {
    /** Memory calls replayed. */
    readonly replayed: number;
    /** Those whose answer was predicted and is the kernel's. */
    readonly reproduced: number;
    /** Those whose answer was taken from the log, or told where a randomised program is (and is one that could be). */
    readonly unjudged: number;
    /** Calls that failed in the log. */
    readonly failed: number;
    /** Of these, those that the kernel here fails in the same way. */
    readonly failedAlike: number;
    /** Of these, those that nothing known explains. */
    readonly unexplained: number;
  };
  /** What is known of machine and process, with what the log taught. */
  readonly situation: Situation;
  /** Assumed facts that a recorded success corrected, as sentences. */
  readonly learned: readonly string[];
  readonly signals: readonly ReplayedSignal[];
  /** Why neighbours that look alike stand apart in the map that is shown. */
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
