/**
 * What a file of the command line is: a bundle, a log, a map, calls; or why it cannot be read, in one line.
 */
import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, constants } from 'node:zlib';
import { recognize, RECOGNIZED_BYTES, type Recognized } from '@vmarea/strace';
import { UsageError } from '../text/io.ts';
import { BUNDLE_FILE } from './bundle.ts';

/** What the command line was given. */
export type InputKind = 'bundle' | 'strace' | 'maps' | 'calls';

function kindOfNode(stats: Stats): string {
  if (stats.isSocket()) return 'a socket';
  if (stats.isFIFO()) return 'a pipe (give it as standard input: -)';
  if (stats.isBlockDevice() || stats.isCharacterDevice()) return 'a device';
  return 'no file';
}

/** The beginning of a file; that of what is packed, for gzip. */
function beginning(file: string, size: number): { bytes: Uint8Array; complete: boolean } {
  const buffer = new Uint8Array(RECOGNIZED_BYTES);
  const fd = openSync(file, 'r');
  try {
    let length = 0;
    while (length < buffer.length) {
      const count = readSync(fd, buffer, length, buffer.length - length, null);
      if (count === 0) break;
      length += count;
    }
    // Files of /proc have no size: what ends here is complete.
    return { bytes: buffer.subarray(0, length), complete: length < buffer.length || length === size };
  } finally {
    closeSync(fd);
  }
}

function unpacked(file: string, bytes: Uint8Array): Uint8Array {
  try {
    const text = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2 ** 26 });
    return text.subarray(0, RECOGNIZED_BYTES);
  } catch (error) {
    if (error instanceof RangeError)
      throw new UsageError(`${file} unpacks to more than 64 MiB from its first 64 KiB: it is no log`);
    throw new UsageError(`${file} is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Says what a file is.
 *
 * @throws UsageError with one line for everything that is not read
 */
export function recognizeFile(file: string): InputKind {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`${file} does not exist, and is no command (--help lists those)`);
  if (stats.isDirectory()) {
    if (statSync(join(file, BUNDLE_FILE), { throwIfNoEntry: false })?.isFile() === true) return 'bundle';
    throw new UsageError(
      `${file} is a directory without ${BUNDLE_FILE}: «vmarea record -o DIR -- COMMAND» makes a bundle`,
    );
  }
  if (!stats.isFile()) throw new UsageError(`${file} is ${kindOfNode(stats)}: vmarea reads files`);
  let found: Recognized;
  try {
    const { bytes, complete } = beginning(file, stats.size);
    found = recognize(bytes, complete);
    if (found.kind === 'gzip') found = recognize(unpacked(file, bytes), false);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (found.kind === 'smaps' || found.kind === 'maps') return 'maps';
  if (found.kind === 'strace' || found.kind === 'calls') return found.kind;
  const what = found.kind === 'gzip' ? 'packed twice' : found.what;
  throw new UsageError(`${file} is ${what}. ${found.advice}`.trimEnd());
}
