// Recognises a file by its first bytes: one of the inputs that can be read, or a known format together with the command that
// gives a readable one. Reads no files.

import { isCallName } from './calls.ts';
import { parseMaps } from './maps/file.ts';
import { LogParser } from './parse/parser.ts';
import { LogError } from './parse/limits.ts';

/** The kind of an input. */
export interface Recognized {
  /** `strace`, `maps`, `smaps`, `calls` (a script) can be read; `gzip` is unpacked and recognised again; `other` cannot be read. */
  readonly kind: 'strace' | 'maps' | 'smaps' | 'calls' | 'gzip' | 'other';
  /** A description that continues «x is …». */
  readonly what: string;
  /** What to do instead, as a sentence; empty for an input that can be read. */
  readonly advice: string;
}

/** The number of bytes that suffices to recognise an input. */
export const RECOGNIZED_BYTES: number = 64 * 1024;

const TRACE = 'strace -f -o prog.strace -e trace=%memory,%file,%desc,%process PROGRAM';
const RECORD = `Record with «${TRACE}».`;
const MAPS = 'Save the map with «cat /proc/PID/maps > prog.maps».';

function other(what: string, advice: string): Recognized {
  return { kind: 'other', what, advice };
}

/** First bytes as Latin-1, the format, and the advice. */
const MAGIC: readonly (readonly [string, string, string])[] = [
  [
    '\u007fELF',
    'an ELF file',
    '«vmarea elf-headers» prints what a replay needs of it; «vmarea run -- PROGRAM» traces it.',
  ],
  ['%PDF-', 'a PDF', `vmarea reads text. ${RECORD}`],
  [
    'PK\u0003\u0004',
    'a zip archive',
    'Unpack it, or show a file of it with «vmarea cat-mapped FILE --fs zenfs:zip:ARCHIVE».',
  ],
  ['\u0089PNG', 'a PNG picture', 'A picture of a log cannot be read: give the text.'],
  ['\u00ff\u00d8\u00ff', 'a JPEG picture', 'A picture of a log cannot be read: give the text.'],
  ['GIF8', 'a GIF picture', 'A picture of a log cannot be read: give the text.'],
  [
    'PERFILE2',
    'a recording of perf',
    `«perf script» and «perf trace» print other things than calls and results. ${RECORD}`,
  ],
  ['\u0028\u00b5\u002f\u00fd', 'packed with zstd', 'Unpack it with «zstd -d».'],
  ['\u00fd7zXZ', 'packed with xz', 'Unpack it with «xz -d».'],
  ['BZh', 'packed with bzip2', 'Unpack it with «bzip2 -d».'],
  ['7z\u00bc\u00af', 'a 7z archive', 'Unpack it.'],
  ['SQLite format 3', 'an SQLite database', `vmarea reads text. ${RECORD}`],
  ['\u00ca\u00fe\u00ba\u00be', 'a Java class or a Mach-O file', 'vmarea reads logs and maps of Linux.'],
  ['\u00cf\u00fa\u00ed\u00fe', 'a Mach-O file', 'vmarea reads logs and maps of Linux.'],
  ['MZ', 'a program for Windows', 'vmarea reads logs and maps of Linux.'],
  ['\u00ff\u00fe', 'text in UTF-16', 'Turn it into UTF-8 with «iconv -f UTF-16 -t UTF-8».'],
  ['\u00fe\u00ff', 'text in UTF-16', 'Turn it into UTF-8 with «iconv -f UTF-16 -t UTF-8».'],
];

/** The first formats below are other tracers, whose lines look like calls: how many they are. */
const TRACERS = 2;

/** Patterns of lines that identify a format, each tried on the first lines. They match from the line's start, bounded. */
const FORMATS: readonly (readonly [RegExp, string, string])[] = [
  [
    /^ {0,8}[0-9]{1,10}\.[0-9]{3} \( {0,6}[0-9.]{0,10} {0,3}(?:ms)?\s{0,8}\): /,
    'the output of perf trace',
    `It leaves out arguments that are zero and prints flags without their prefix. ${RECORD}`,
  ],
  [
    /^.{0,120}strace\.go:[0-9]{1,5}\] \[/,
    "the log of gVisor's -strace",
    `Cut each line with «grep ' X ' LOG | sed "s/^.* X //"» and give that.`,
  ],
  [
    /^\*\*\* \*\*\* \*\*\* \*\*\*|^Build fingerprint: '|^ {0,6}(?:--->)?[0-9a-f]{8}'[0-9a-f]{8}[- ]/,
    'a tombstone of Android',
    `It has no memory map that can be read. ${MAPS}`,
  ],
  [
    /^[0-9]{1,8}: {1,4}\S.{0,300}$|^Address {1,20}Kbytes {1,10}(?:RSS|PSS|Mode)|^[0-9a-f]{8,16} {1,12}[0-9]{1,12}K [r-][w-][x-]/,
    'the output of pmap',
    `pmap leaves out offsets, inodes and ends. ${MAPS}`,
  ],
  [
    /^ {0,20}0x[0-9a-f]{1,16} {1,20}0x[0-9a-f]{1,16} {1,20}0x[0-9a-f]{1,16} {1,20}0x[0-9a-f]{1,16}|^Mapped address spaces:$|^ {1,20}Start Addr {1,20}End Addr/,
    'a map as gdb prints it («info proc mappings»)',
    "In gdb, «shell cat /proc/PID/maps» prints the kernel's own.",
  ],
  [/^[0-9a-f]{8,16} (?:default|bind|prefer|interleave|local)\b/, 'a /proc/PID/numa_maps', MAPS],
  [/^MemTotal: {1,20}[0-9]{1,15} kB/, 'a /proc/meminfo', 'Give it with --meminfo beside a log or a call.'],
  [/^Name:\t|^VmPeak:\t/, 'a /proc/PID/status', MAPS],
  [
    /^Rss: {1,20}[0-9]{1,15} kB/,
    'a part of smaps without the lines of the areas',
    'Save all of it with «cat /proc/PID/smaps».',
  ],
  [/^==[0-9]{1,8}== /, 'the output of valgrind', RECORD],
  [/^# tracer: |^# {1,20}TASK-PID/, 'a trace of ftrace', RECORD],
  [/^(?:SYSCALL\(args\)|dtrace: |.{0,60}dtruss)/, 'the output of dtruss', 'vmarea reads logs of Linux.'],
  [/^\[ *[0-9]{1,8}\.[0-9]{6}\] (?![a-z_0-9]{2,30}\()/, 'a log of the kernel (dmesg)', RECORD],
  [/^% time {1,20}seconds {1,20}usecs\/call/, 'a summary of strace -c', `Without -c: «${TRACE}».`],
  [/^[^ ]{1,60}->[^ ]{1,80}\(/, 'a log of ltrace', `Library calls are no system calls. ${RECORD}`],
  [
    /^<(?:!DOCTYPE|html|HTML|\?xml)/,
    'a page of HTML or XML',
    'Save the text of the log (the «raw» link of most sites).',
  ],
  [/^#!/, 'a script of another interpreter', 'Trace what it runs with «vmarea run -- COMMAND».'],
];

function byMagic(bytes: Uint8Array): Recognized | null {
  const begins = (text: string): boolean => {
    for (let i = 0; i < text.length; i += 1) if (bytes[i] !== text.charCodeAt(i)) return false;
    return true;
  };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return { kind: 'gzip', what: 'packed with gzip', advice: '' };
  for (const [magic, what, advice] of MAGIC) {
    if (!begins(magic)) continue;
    if (magic === '\u007fELF' && bytes[16] === 4 && bytes[17] === 0) {
      return other(
        'a core dump',
        'Its map is printed by «eu-readelf -n CORE» or gdb; a running process has /proc/PID/maps.',
      );
    }
    return other(what, advice);
  }
  return null;
}

/** The share of bytes that do not occur in text from which on a file is binary. */
const BINARY = 0.05;

function isBinary(bytes: Uint8Array): boolean {
  let odd = 0;
  for (const byte of bytes) {
    if (byte === 0) return true;
    if (byte < 9 || (byte > 13 && byte < 27) || (byte > 27 && byte < 32)) odd += 1;
  }
  return odd > bytes.length * BINARY;
}

/** Counts lines of calls without results: `p = mmap(…)`, in C or in the script format. */
function scriptLines(lines: readonly string[]): number {
  let found = 0;
  for (const line of lines) {
    const match = /(?:^|[=\s(;])([a-z_][a-z0-9_]{1,30})\s{0,4}\(/.exec(line.slice(0, 500));
    if (match !== null && (isCallName(match[1]!) || SCRIPT_WORDS.has(match[1]!))) found += 1;
  }
  return found;
}

/** Words of scripts that are no system calls. */
const SCRIPT_WORDS: ReadonlySet<string> = new Set(['store', 'load', 'touch', 'fork', 'sbrk', 'malloc']);

/** Counts the lines of strace among these, and whether one of them is a call that returned. */
function straceLines(text: string): { calls: number; others: number } {
  const parser = new LogParser();
  let calls = 0;
  let others = 0;
  try {
    parser.push(text, (event) => {
      if (event.type === 'call' || event.type === 'entry') calls += 1;
      else if (event.type !== 'strange' && event.type !== 'note' && event.type !== 'stack') others += 1;
    });
    parser.push('\n', () => undefined);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
  }
  return { calls, others };
}

/**
 * Recognises an input.
 *
 * @param bytes its beginning: {@link RECOGNIZED_BYTES} suffice
 * @param complete whether these are all of its bytes, so that the last line is whole
 */
export function recognize(bytes: Uint8Array, complete: boolean): Recognized {
  if (bytes.length === 0) return other('empty', `There is nothing to read. ${RECORD}`);
  const known = byMagic(bytes);
  if (known !== null) return known;
  if (isBinary(bytes)) {
    const zeros = bytes.every((byte) => byte === 0);
    return other(zeros ? 'full of zeros' : 'binary, of no format that is known here', `vmarea reads text. ${RECORD}`);
  }
  const text = new TextDecoder().decode(bytes);
  const end = complete ? text.length : text.lastIndexOf('\n') + 1;
  const whole = end === 0 ? text : text.slice(0, end);
  const lines = whole.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) return other('blank', `There is nothing to read. ${RECORD}`);
  const maps = parseMaps(whole);
  const strace = straceLines(whole);
  if (maps.lines.length > strace.calls + strace.others) {
    const smaps = maps.lines.some((line) => line.details !== undefined);
    return smaps
      ? { kind: 'smaps', what: 'a /proc/PID/smaps', advice: '' }
      : { kind: 'maps', what: 'a /proc/PID/maps', advice: '' };
  }
  for (const [i, [pattern, what, advice]] of FORMATS.entries()) {
    const matching = lines.slice(0, 100).filter((line) => pattern.test(line)).length;
    if (matching === 0) continue;
    // The first two also print calls and results, after a head that no log of strace has.
    const sure = i < TRACERS && matching * 2 >= Math.min(lines.length, 100);
    if (sure || strace.calls + strace.others < lines.length / 2) return other(what, advice);
  }
  if (strace.calls > 0 || strace.others > 1) return { kind: 'strace', what: 'a log of strace', advice: '' };
  if (scriptLines(lines) > 0) return { kind: 'calls', what: 'calls without results', advice: '' };
  if (strace.others > 0) return { kind: 'strace', what: 'a log of strace', advice: '' };
  if (/^\s*(?:\{\s*"|\[\s*(?:[[{"\]]|-?\d+\s*,))/.test(whole)) return other('JSON', `vmarea reads text. ${RECORD}`);
  return other('text without a call, a signal or an area', RECORD);
}
