/**
 * The lines of a recording: format «mmtrace», version 1. One header, then one JSON object per operation.
 *
 * 64-bit quantities are hexadecimal strings, errors are strings like "-ENOMEM", faults are objects.
 */

/** One recording as text. */
export interface RecordingText {
  /** For instance `scenarios/062_merge_case1`. */
  readonly name: string;
  /** The lines, the header first. */
  readonly text: string;
}

/** A refused access as the program's signal handler saw it. */
export interface Fault {
  readonly sig: string;
  /** A name for SIGSEGV and SIGBUS; a number for SIGILL. */
  readonly code: string | number;
  readonly addr: string;
  /** Bytes or pages done before it. */
  readonly done: number;
}

/** A result: a number, a hexadecimal string, bytes in hex, "-ENAME", or a fault. */
export type Ret = number | string | Fault;

/** One mapping of a smaps snapshot: text fields, and figures in kB. */
export type SmapsVma = Readonly<Record<string, string | number>>;

/** One operation. */
export interface Op {
  readonly n: number;
  readonly pid: number;
  readonly op: string;
  readonly ret?: Ret;
  readonly child?: number;
  readonly maps?: readonly string[];
  readonly vmas?: readonly SmapsVma[];
  readonly status?: Readonly<Record<string, number>> | number;
  readonly meminfo?: Readonly<Record<string, number>>;
  readonly minflt?: number;
  readonly majflt?: number;
  readonly vec?: string;
  readonly size?: string;
  readonly blocks?: number;
  readonly nlink?: number;
  /** Arguments. */
  readonly [argument: string]: unknown;
}

/** The first line. */
export interface Header {
  readonly name: string;
  readonly kernel: string;
  /** As uname says; older recordings are of arm64. */
  readonly arch?: string;
  readonly page_size: number;
  readonly va_bits: number;
  readonly task_size: string;
  readonly layout: 'topdown' | 'legacy';
  readonly mmap_base: string;
  readonly first_mmap: string;
  readonly sysctl: Readonly<Record<string, number | string>>;
  readonly rlimits: Readonly<Record<string, readonly [soft: string, hard: string]>>;
  readonly personality: string;
  readonly uid: number;
  /** The auxiliary vector: numbers, or hexadecimal texts. */
  readonly auxv?: Readonly<Record<string, string | number>>;
  readonly meminfo: Readonly<Record<string, number>>;
  readonly start_brk: string;
  readonly sp: string;
  /** A page of the executor that is never touched: zapping it makes the kernel tell its counts. */
  readonly scratch_hole: string;
  readonly initial_maps: readonly string[];
  readonly initial_smaps: readonly SmapsVma[];
  readonly initial_status: Readonly<Record<string, number>>;
  readonly initial_faults: { readonly minflt: number; readonly majflt: number };
}

/** A recording. */
export interface Recording {
  readonly header: Header;
  readonly ops: readonly Op[];
}

/** Parses a recording's lines. */
export function parseRecording(text: string): Recording {
  const lines = text.split('\n').filter((line) => line !== '');
  const header = JSON.parse(lines[0]!) as Header & { format: string; version: number };
  if (header.format !== 'mmtrace' || header.version !== 1) {
    throw new Error(`parseRecording: ${header.name}: not a recording of format mmtrace, version 1`);
  }
  return { header, ops: lines.slice(1).map((line) => JSON.parse(line) as Op) };
}

/**
 * Cuts the text of a set into its recordings: each begins with a header, and that tells the name.
 *
 * @throws Error for a header without a name
 */
export function splitSet(text: string): RecordingText[] {
  const result: RecordingText[] = [];
  const mark = '{"format":"mmtrace"';
  let start = 0;
  while (start < text.length) {
    const next = text.indexOf(`\n${mark}`, start);
    const end = next < 0 ? text.length : next + 1;
    const part = text.slice(start, end);
    const name = /"name":"([^"]+)"/.exec(part.slice(0, 400))?.[1];
    if (name === undefined) throw new Error(`splitSet: a recording without a name at character ${start}`);
    result.push({ name, text: part });
    start = end;
  }
  return result;
}
