/**
 * The index: for each call and answer, how often the sets have it and where it stands first.
 */
import { parseRecording, type Op, type RecordingText } from './recording.ts';

/** A set of recordings: one kernel with one page size. */
export interface SetEntry {
  /** The folder's name, for instance `linux-6.1-va48`. */
  readonly set: string;
  /** As uname says. */
  readonly kernel: string;
  readonly arch: string;
  readonly pageSize: number;
  readonly vaBits: number;
  readonly recordings: number;
  readonly operations: number;
}

/** A call with one kind of answer in one set. */
export interface CallIndexEntry {
  readonly set: string;
  /** For instance `mmap`. */
  readonly call: string;
  /** `ok`, the errno's name, or the signal's name. */
  readonly answer: string;
  /** Operations with this answer. */
  readonly count: number;
  /** The first ones, one for each recording, at most PLACES: `scenarios/062_merge_case1:3` (recording, number of the operation). */
  readonly places: readonly string[];
}

/** The whole index. */
export interface RecordingsIndex {
  readonly sets: readonly SetEntry[];
  readonly calls: readonly CallIndexEntry[];
}

/** Places that an entry has at most. */
const PLACES = 20;
/** Operations that observe and ask nothing. */
const OBSERVATIONS: ReadonlySet<string> = new Set(['maps', 'smaps', 'status', 'faults', 'meminfo', 'hash', 'wait']);

function answerOf({ ret }: Op): string {
  if (typeof ret === 'object') return ret.sig;
  return typeof ret === 'string' && ret.startsWith('-') ? ret.slice(1) : 'ok';
}

/**
 * Makes the index of one set.
 *
 * @param set the folder's name
 */
export function indexOf(set: string, recordings: readonly RecordingText[]): RecordingsIndex {
  const found = new Map<string, { call: string; answer: string; count: number; places: string[]; last: string }>();
  let operations = 0;
  let entry: SetEntry | null = null;
  for (const { name, text } of recordings) {
    const { header, ops } = parseRecording(text);
    entry ??= {
      set,
      kernel: header.kernel,
      arch: header.arch ?? 'aarch64',
      pageSize: header.page_size,
      vaBits: header.va_bits,
      recordings: recordings.length,
      operations: 0,
    };
    for (const op of ops) {
      operations++;
      if (op.ret === undefined || OBSERVATIONS.has(op.op)) continue;
      const answer = answerOf(op);
      const key = `${op.op} ${answer}`;
      let one = found.get(key);
      if (one === undefined) found.set(key, (one = { call: op.op, answer, count: 0, places: [], last: '' }));
      one.count++;
      if (one.last !== name && one.places.length < PLACES) one.places.push(`${name}:${op.n}`);
      one.last = name;
    }
  }
  const calls = [...found.values()]
    .map(({ call, answer, count, places }) => ({ set, call, answer, count, places }))
    .sort((a, b) => (a.call < b.call ? -1 : a.call > b.call ? 1 : a.answer < b.answer ? -1 : 1));
  return { sets: entry === null ? [] : [{ ...entry, operations }], calls };
}
