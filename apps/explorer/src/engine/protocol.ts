/** What the page and its worker say to each other: plain data. */
import type { Answer } from '@vmarea/explain';
import type { ChangeKind, Stretch, StepKind } from '@vmarea/history';

/** A file that was dropped, chosen or fetched. */
export interface InputFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Settings of the machine and the process, as the command's options take them; empty where the input decides. */
export interface Settings {
  readonly kernel: string;
  readonly arch: string;
  readonly pageSize: string;
  readonly vaBits: string;
  readonly sysctl: string;
  readonly rlimit: string;
}

export const NO_SETTINGS: Settings = { kernel: '', arch: '', pageSize: '', vaBits: '', sysctl: '', rlimit: '' };

/** One call of a kind that failed, or a signal, with where to find it. */
export interface Trouble {
  readonly moment: number;
  readonly line: number;
  readonly text: string;
}

/** A process, for choosing. */
export interface SpaceInfo {
  readonly index: number;
  readonly pid: number;
  readonly program: string;
  readonly from: number;
  /** First moment at which it is gone; -1: never. */
  readonly to: number;
}

/** A range of addresses, the end not included. */
export type Range = readonly [start: number, end: number];

/** What the map shows beside areas. */
export interface Landmarks {
  /** mmap_base, where searches for free addresses begin; 0 when it is not known. */
  readonly mmapBase: number;
  /** Whether searches go up from there. */
  readonly searchesUp: boolean;
  /** Ranges below areas that grow down, which searches leave free. */
  readonly guards: readonly Range[];
  /** The address that the call named; -1 for none. */
  readonly named: number;
  /** Whether `named` was a hint that the kernel may pass over. */
  readonly isHint: boolean;
  /** Where the call's memory came to be; -1 for none. */
  readonly given: number;
  /** The free range, before the call, out of which the kernel took its memory; null when it chose none. */
  readonly hole: Range | null;
}

/** What came of opening an input. */
export interface Opened {
  readonly title: string;
  /** A log, maps that were taken now and then, or a tour that the page makes itself. */
  readonly kind: 'log' | 'series' | 'tour';
  readonly steps: number;
  readonly calls: number;
  readonly lines: number;
  readonly spaces: readonly SpaceInfo[];
  /** The address space and the moment to begin with. */
  readonly space: number;
  readonly moment: number;
  /** First address behind the user's part of the address space; 0 when it is not known. */
  readonly taskSize: number;
  readonly pageSize: number;
  readonly maxMapCount: number;
  /** What is known of machine and process, as sentences. */
  readonly situation: readonly string[];
  /** The answer in a sentence or two. */
  readonly verdict: string;
  readonly good: boolean;
  /** What a reader should look at first. */
  readonly troubles: readonly Trouble[];
  /** Lines that were skipped, and what was assumed. */
  readonly notes: readonly string[];
  /** Milliseconds that reading and replaying took. */
  readonly took: number;
}

/** A row of the list of steps. */
export interface Row {
  readonly moment: number;
  readonly kind: StepKind;
  readonly line: number;
  readonly pid: number;
  readonly space: number;
  readonly number: number;
  readonly text: string;
  /** What the log says, as strace prints it; empty without a result. */
  readonly recorded: string;
  /** What the kernel here answers. */
  readonly result: string;
  readonly failed: boolean;
  readonly differs: boolean;
  readonly areas: number;
  /** In a tour: what the step does, in a sentence. */
  readonly title: string;
}

/** Areas of a moment, in columns, by address. */
export interface AreaColumns {
  readonly ids: Uint32Array;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** Bits: 1 read, 2 write, 4 exec, 8 shared. */
  readonly rights: Uint8Array;
  readonly offsets: Float64Array;
  /** Index in `names`. */
  readonly name: Uint32Array;
  readonly names: readonly string[];
  /** Index in {@link MARKS} of what the step did to it. */
  readonly marks: Uint8Array;
}

/** Marks of areas: nothing, or the kind of the change that made them. */
export const MARKS: readonly ('' | ChangeKind)[] = [
  '',
  'came',
  'went',
  'grew',
  'shrank',
  'changed',
  'split',
  'joined',
  'redone',
];

/** An area as a row of text. */
export interface AreaLine {
  readonly start: number;
  readonly end: number;
  /** As /proc/PID/maps prints it. */
  readonly text: string;
}

/** One area, when it is looked at. */
export interface AreaView extends AreaLine {
  /** The step that made it so. */
  readonly since: Row;
}

/** A change, for a table. */
export interface ChangeLine {
  readonly kind: ChangeKind;
  readonly before: readonly AreaLine[];
  readonly after: readonly AreaLine[];
  /** Bytes more; negative: fewer. */
  readonly bytes: number;
}

/** The map at a moment. */
export interface MapView {
  readonly moment: number;
  readonly space: number;
  readonly columns: AreaColumns;
  /** Areas that went at this step. */
  readonly gone: readonly AreaLine[];
  readonly bytes: number;
  readonly landmarks: Landmarks;
  /** The pages in memory, by address; null for an input that does not tell. */
  readonly pages: readonly PageView[] | null;
}

/** A page, or a huge page, that the page tables have. */
export interface PageView {
  readonly address: number;
  readonly size: number;
  readonly frame: number;
  /** Written since it was mapped. */
  readonly dirty: boolean;
  /** Mapped by more than one entry. */
  readonly shared: boolean;
  /** A copy of the file's page, made for this process. */
  readonly copied: boolean;
  /** The descriptor as the processor reads it, in hexadecimal, and the names of its bits. */
  readonly descriptor: string;
  readonly bits: readonly string[];
}

/** The tours: the kinds of mapping, or what becomes of pages. */
export type TourName = 'mappings' | 'pages';

/** One step of a tour. */
export interface TourStepView {
  readonly title: string;
  readonly call: string;
  readonly result: string;
  /** The functions that were passed and what they decided, one line each. */
  readonly path: readonly string[];
}

/** Two moments compared. */
export interface Comparison {
  readonly a: number;
  readonly b: number;
  readonly changes: readonly ChangeLine[];
  readonly areas: readonly [a: number, b: number];
  readonly bytes: readonly [a: number, b: number];
}

/** A check on the way of a call. */
export interface CheckView {
  readonly passed: boolean;
  /** The reason of its refusal: the function that decides, the stable id, the sentence. */
  readonly fn: string;
  readonly id: string;
  readonly sentence: string;
  readonly operands: string;
}

/** Why a call was answered so. */
export interface WhyView {
  readonly answer: Answer;
  /** The functions entered and what they decided, one line each; the depth says how far in. */
  readonly path: readonly string[];
  readonly checks: readonly CheckView[];
  readonly apart: readonly string[];
}

/** An answer, for comparing two runs. */
export interface AnswerLine {
  readonly moment: number;
  readonly line: number;
  readonly text: string;
  readonly result: string;
}

/** What came of a call that the user typed. */
export interface Tried {
  readonly call: string;
  readonly result: string;
  readonly succeeded: boolean;
  readonly why: readonly string[];
  /** Lines of the map that are new, and those that are gone. */
  readonly came: readonly string[];
  readonly went: readonly string[];
  readonly areas: number;
}

/** A search: its moments, and what was looked for in words; or why it cannot be done. */
export interface Found {
  readonly moments: Uint32Array;
  readonly what: string;
}

export type { Stretch };
