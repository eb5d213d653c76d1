/**
 * @vmarea/recordings/node: reads the files of this package.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { RecordingsIndex } from './call-index.ts';
import { parseRecording, splitSet, type Recording, type RecordingText } from './recording.ts';
import type { Vector, VectorFileHeader } from './vectors.ts';

/** The package's folder. */
const HOME: string = join(import.meta.dirname, '..');
/** Where the sets lie: a folder for each. */
export const SETS: string = join(HOME, 'sets');
/** Where the vectors lie: a file for each set, `SET.jsonl`. */
export const VECTORS: string = join(HOME, 'vectors');

/** The names of the sets, for instance `linux-6.1-va48`. */
export function setNames(dir: string = SETS): string[] {
  return readdirSync(dir).sort();
}

/**
 * Reads the recordings of a set, as text.
 *
 * @param dir where the sets lie
 * @throws Error when there is no such set
 */
export function readSet(set: string, dir: string = SETS): RecordingText[] {
  return splitSet(brotliDecompressSync(readFileSync(join(dir, set, 'recordings.jsonl.br'))).toString('utf8'));
}

/**
 * Reads one recording.
 *
 * @param name for instance `scenarios/062_merge_case1`
 * @throws RangeError when the set has none of this name
 */
export function readRecording(set: string, name: string, dir: string = SETS): Recording {
  const found = readSet(set, dir).find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`readRecording: ${set} has no recording ${JSON.stringify(name)}`);
  return parseRecording(found.text);
}

/** Reads the index of calls and answers. */
export function readIndex(): RecordingsIndex {
  return JSON.parse(readFileSync(join(HOME, 'index.json'), 'utf8')) as RecordingsIndex;
}

/** Reads the vectors of a set. */
export function readVectors(set: string): { readonly header: VectorFileHeader; readonly vectors: readonly Vector[] } {
  const [header, ...lines] = readFileSync(join(VECTORS, `${set}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  return {
    header: JSON.parse(header!) as VectorFileHeader,
    vectors: lines.map((line) => JSON.parse(line) as Vector),
  };
}
