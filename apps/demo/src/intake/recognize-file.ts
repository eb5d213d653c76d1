/**
 * What a file of the command line is: a bundle, a log, a map, calls; or why it cannot be read, in one line.
 */
import { closeSync, openSync, readSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, constants } from 'node:zlib';
import { MEMORY_CALLS, parseLog, recognize, RECOGNIZED_BYTES, type Recognized } from '@vmarea/strace';
import { UsageError } from '../text/io.ts';
import { BUNDLE_FILE } from './bundle.ts';

/** What the command line was given. */
export type InputKind = 'bundle' | 'strace' | 'maps' | 'calls' | 'question';

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

/** Calls up to which a log without exec counts as a part of one, pasted to ask about it. */
const PART_OF_LOG = 60;
/** Calls up to which a part is about one of them. */
const FEW_CALLS = 12;

/**
 * Returns whether a short text is a question: a few lines of a log with a failure, calls or messages between prose, outputs of
 * other commands beside calls.
 */
async function isQuestion(found: Recognized, text: string): Promise<boolean> {
  if (found.kind === 'gzip' || found.what.startsWith('binary') || found.what === 'empty') return false;
  if (found.kind === 'strace') return isPart(text);
  const { readQuestion } = await import('@vmarea/explain');
  try {
    const { calls, statements } = readQuestion(text);
    if (statements.length > 0) return true;
    // A map beside calls without results is a map; a trace of perf in which nothing failed asks nothing.
    const named = found.kind === 'maps' || found.kind === 'smaps' || found.what.includes('perf trace');
    return named ? calls.some(isFailure) : calls.length > 0;
  } catch (error) {
    if (error instanceof Error && (error.name === 'ScriptError' || error.name === 'SituationError')) return false;
    throw error;
  }
}

function isFailure({
  recorded,
  name,
}: {
  readonly recorded: { readonly ret: number | null } | null;
  readonly name: string;
}): boolean {
  return name === 'access' || (recorded?.ret ?? 0) < 0;
}

/** Returns whether a log is only a part of one, in which a memory call failed or a signal was sent. */
function isPart(text: string): boolean {
  let calls = 0;
  let failed = false;
  let moved = 0;
  for (const event of parseLog(text)) {
    if (event.type === 'signal' && event.addr !== null) failed = true;
    if (event.type !== 'call') continue;
    const { call } = event;
    calls++;
    if (
      call.name === 'mmap' &&
      (call.args[0] ?? '').startsWith('0x') &&
      (call.ret ?? -1) > 0 &&
      Number(call.args[0]) !== call.ret
    )
      moved++;
    if (call.name.startsWith('exec') && !call.failed) return false;
    if (call.failed && (MEMORY_CALLS.has(call.name) || ASKED.test(call.name))) failed = true;
  }
  // A few lines in which nothing failed ask why they gave what they gave.
  return failed ? calls <= PART_OF_LOG : moved > 0 && calls <= FEW_CALLS;
}

/** Calls beside memory calls whose failures are explained. */
const ASKED =
  /^(?:fork|vfork|clone3?|userfaultfd|bpf|io_uring_\w+|shm\w+|memfd_\w+|mbind|perf_event_open|fallocate|ftruncate|pkey_\w+)$/;

/**
 * Says what a file is.
 *
 * @throws UsageError with one line for everything that is not read
 */
export async function recognizeFile(file: string): Promise<InputKind> {
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
  let short: Uint8Array | null;
  try {
    const { bytes, complete } = beginning(file, stats.size);
    short = complete ? bytes : null;
    found = recognize(bytes, complete);
    if (found.kind === 'gzip') found = recognize(unpacked(file, bytes), false);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (short !== null && (await isQuestion(found, new TextDecoder().decode(short)))) return 'question';
  if (found.kind === 'smaps' || found.kind === 'maps') return 'maps';
  if (found.kind === 'strace' || found.kind === 'calls') return found.kind;
  const what = found.kind === 'gzip' ? 'packed twice' : found.what;
  throw new UsageError(`${file} is ${what}. ${found.advice}`.trimEnd());
}
