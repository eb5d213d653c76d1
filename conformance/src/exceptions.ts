/**
 * The exceptions file: comparisons that depend on a value which the recordings do not contain.
 *
 * Each entry names one recording, operation and field, and the unrecorded value. There are no wildcards, at most
 * {@link MAX_EXCEPTIONS} entries, and one whose comparison would pass is an error.
 */
import { readFileSync } from 'node:fs';
import type { Difference, Kind } from './compare.ts';
import { KINDS } from './compare.ts';
import type { Op } from './recording.ts';

/** The largest number of entries, over all sets. */
export const MAX_EXCEPTIONS = 60;

/** One comparison that is not made. */
export interface ExceptionEntry {
  /** For instance `linux-6.1-va48`. */
  readonly set: string;
  /** For instance `random/advlock_1005`. */
  readonly recording: string;
  /** The line number `n` of the operation. */
  readonly operation: number;
  readonly kind: Kind;
  /** The runner's name of it, for instance `VmHWM`. */
  readonly field: string;
  /** The unrecorded value that it depends on; for results, signals, bytes and maps with the arithmetic. */
  readonly dependsOn: string;
}

/**
 * Reads an exceptions file.
 *
 * @throws Error when an entry is incomplete, there are too many, or two are the same
 */
export function readExceptions(path: string): ExceptionEntry[] {
  const entries = JSON.parse(readFileSync(path, 'utf8')) as ExceptionEntry[];
  if (entries.length > MAX_EXCEPTIONS)
    throw new Error(`${path}: ${entries.length} exceptions, ${MAX_EXCEPTIONS} are allowed`);
  const seen = new Set<string>();
  for (const entry of entries) {
    const key = keyOf(entry.set, entry.recording, entry.operation, entry.kind, entry.field);
    const texts: unknown[] = [entry.set, entry.recording, entry.field, entry.dependsOn];
    const complete = texts.every((text) => typeof text === 'string' && text !== '' && !text.includes('*'));
    if (!complete || !Number.isInteger(entry.operation) || !KINDS.includes(entry.kind)) {
      throw new Error(`${path}: incomplete: ${JSON.stringify(entry)}`);
    }
    if (seen.has(key)) throw new Error(`${path}: twice: ${key}`);
    seen.add(key);
  }
  return entries;
}

function keyOf(set: string, recording: string, operation: number, kind: Kind, field: string): string {
  return `${set}/${recording} operation ${operation}: ${kind} ${field}`;
}

/** The entries of one recording, and which of them were needed. */
export class Exceptions {
  private readonly set: string;
  private readonly recording: string;
  private readonly entries = new Map<string, ExceptionEntry>();
  private readonly needed = new Set<string>();

  constructor(all: readonly ExceptionEntry[], set: string, recording: string) {
    this.set = set;
    this.recording = recording;
    for (const entry of all) {
      if (entry.set !== set || entry.recording !== recording) continue;
      this.entries.set(keyOf(set, recording, entry.operation, entry.kind, entry.field), entry);
    }
  }

  /** Returns whether a difference is excepted; marks the entry as needed. */
  covers(op: Op, difference: Difference): boolean {
    const key = keyOf(this.set, this.recording, op.n, difference.kind, difference.field);
    if (!this.entries.has(key)) return false;
    this.needed.add(key);
    return true;
  }

  /** The entries that were needed. */
  get used(): number {
    return this.needed.size;
  }

  /** The entries of the compared kinds that were not needed. */
  needless(kinds: ReadonlySet<Kind>): string[] {
    return [...this.entries]
      .filter(([key, entry]) => kinds.has(entry.kind) && !this.needed.has(key))
      .map(([key]) => key);
  }
}
