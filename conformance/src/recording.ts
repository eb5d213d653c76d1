/**
 * The lines of a recording: format «mmtrace», version 1. One header, then one JSON object per operation.
 *
 * 64-bit quantities are hexadecimal strings, errors are strings like "-ENOMEM", faults are objects.
 */

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
    throw new Error(`conformance: ${header.name}: not a recording of format mmtrace, version 1`);
  }
  return { header, ops: lines.slice(1).map((line) => JSON.parse(line) as Op) };
}

/** A 64-bit quantity: a number when exact, otherwise a bigint. */
export function quantity(value: unknown): number | bigint {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') throw new TypeError(`conformance: ${String(value)} is no quantity`);
  return value.length > 15 ? BigInt(value) : Number(value);
}

/** A 64-bit quantity that must be exact as a number. */
export function exact(value: unknown): number {
  return Number(quantity(value));
}

/** Hexadecimal as recordings write it. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
