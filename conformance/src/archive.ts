/**
 * Reads recordings from an archive (`recordings.jsonl.br`, all recordings of a set one after another, compressed) or a folder
 * of `.jsonl` files; the guest's files (`guest-meminfo`, `guest-cmdline`) are beside them, and `COMPARED` when the runner
 * does not compare all kinds of answers.
 *
 * Not here: the meaning of the lines (recording.ts).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { splitSet, type RecordingText } from '@vmarea/recordings';

/** The archive's name inside a set's folder. */
export const ARCHIVE = 'recordings.jsonl.br';

/** Files of a set that are not packed. */
const GUEST_FILES: readonly string[] = ['guest-meminfo', 'guest-cmdline', 'KERNEL_LEAKS', 'COMPARED'];

/** Returns every `.jsonl` file below a folder, in the order of names, without the ending. */
function listFiles(dir: string, prefix: string = ''): string[] {
  const names: string[] = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isDirectory()) names.push(...listFiles(join(dir, entry.name), name));
    else if (name.endsWith('.jsonl')) names.push(name.slice(0, -'.jsonl'.length));
  }
  return names.sort();
}

/**
 * Returns the recordings of one set.
 *
 * @param dir the set's folder
 */
export function readSet(dir: string): RecordingText[] {
  const archive = join(dir, ARCHIVE);
  if (existsSync(archive)) return splitSet(brotliDecompressSync(readFileSync(archive)).toString('utf8'));
  return listFiles(dir).map((name) => ({ name, text: readFileSync(join(dir, `${name}.jsonl`), 'utf8') }));
}

/**
 * Returns the folders with sets: `dir` itself when it is one, otherwise those of its subfolders that are.
 *
 * @param dir a set's folder, or one of sets
 */
export function findSets(dir: string): string[] {
  const isSet = (path: string): boolean =>
    existsSync(join(path, ARCHIVE)) ||
    existsSync(join(path, 'guest-meminfo')) ||
    existsSync(join(path, 'scenarios')) ||
    existsSync(join(path, 'random')) ||
    readdirSync(path).some((name) => name.endsWith('.jsonl'));
  if (isSet(dir)) return [dir];
  return readdirSync(dir)
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isDirectory() && isSet(path))
    .sort();
}

/**
 * Writes a set's folder as an archive.
 *
 * @param from a folder of `.jsonl` files
 * @param to the set's folder in the repository
 * @returns the recordings packed
 */
export function packSet(from: string, to: string): number {
  const names = listFiles(from);
  const text = names
    .map((name) => readFileSync(join(from, `${name}.jsonl`), 'utf8'))
    .map((part) => (part.endsWith('\n') ? part : `${part}\n`))
    .join('');
  mkdirSync(to, { recursive: true });
  const packed = brotliCompressSync(Buffer.from(text), {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
    },
  });
  writeFileSync(join(to, ARCHIVE), packed);
  for (const name of GUEST_FILES) {
    if (existsSync(join(from, name))) writeFileSync(join(to, name), readFileSync(join(from, name)));
  }
  return names.length;
}

/**
 * Writes an archive's recordings as files.
 *
 * @returns the recordings written
 */
export function unpackSet(from: string, to: string): number {
  const recordings = readSet(from);
  for (const { name, text } of recordings) {
    const path = join(to, `${name}.jsonl`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  for (const name of GUEST_FILES) {
    if (existsSync(join(from, name))) writeFileSync(join(to, name), readFileSync(join(from, name)));
  }
  return recordings.length;
}
