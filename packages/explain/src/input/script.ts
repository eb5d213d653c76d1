/**
 * Parses the calls to explain. Accepts lines of strace as they are, C, and calls with units.
 *
 *     p = mmap(NULL, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
 *     [pid 12] 10:00:01 mprotect(0x7fb7ff8000, 4096, PROT_NONE) = -1 ENOMEM (Cannot allocate memory)
 *     char *q = (char *)mmap(nullptr, 1UL << 30, PROT_NONE, MAP_ANON | MAP_PRIVATE, -1, 0);
 *     --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10} ---
 *
 * Not here: making the calls (calls/).
 */
import { errnoByName, errnoName } from '@vmarea/uapi';
import { ScriptError } from './error.ts';

/** The result of a call in a line of a log. */
export interface Recorded {
  /** The text, for instance `-1 ENOMEM (Cannot allocate memory)`. */
  readonly text: string;
  /** The value, or `-errno`; null for `?`, and for a signal. */
  readonly ret: number | null;
  /** Whether it failed without an errno (`-1`). */
  readonly unnamed: boolean;
  /** The path after a returned descriptor (`3</lib/x>`). */
  readonly path: string | null;
}

/** One call: its name, and its arguments as text (the name of an earlier result has no value yet). */
export interface Call {
  readonly name: string;
  readonly args: readonly string[];
  /** The variable that the result is assigned to; null for none. */
  readonly assign: string | null;
  /** The call as written, without the text before and after it. */
  readonly text: string;
  /** Line of the script, from 1. */
  readonly line: number;
  /** The result in the line; null when there is none. */
  readonly recorded: Recorded | null;
}

/** Heads of lines of strace: pid, time, instruction pointer. */
const HEAD =
  /^(?:\[pid\s+\d+\]\s*|\[[0-9a-f?]{8,16}\]\s*|\(\+\s*[\d.]+\)\s*|\d+(?:<[^<>]*>)?\s+(?=[\d[(a-zA-Z_?+-])|\d\d:\d\d:\d\d(?:\.\d+)?\s+|\d+\.\d+\s+)/;
/** The head of a line of perf trace: time, duration, program. */
const PERF_HEAD = /^\s*[0-9]+\.[0-9]{3} \([ 0-9.]*(?:ms)?\s*\): \S{1,40}\/[0-9]+ (?=[a-z_0-9]+\()/;
/** Lines of a log without a call, which change nothing. */
const IDLE = /^(?:strace: |Process \d+ |\[ Process PID=|\+\+\+ |\$ |--- stopped)/;
const KEYWORDS: ReadonlySet<string> = new Set(['if', 'while', 'return', 'assert', 'for', 'sizeof', 'defined']);

/** Other names of calls. */
const ALIASES: Readonly<Record<string, string>> = {
  mmap64: 'mmap',
  open64: 'open',
  ftruncate64: 'ftruncate',
  fcntl64: 'fcntl',
  vfork: 'fork',
  prlimit: 'prlimit64',
  memfd: 'memfd_create',
};

/** Returns the index behind the string that begins at `from`. */
function stringEnd(text: string, from: number): number {
  const quote = text[from];
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === quote) return i + 1;
  }
  return text.length;
}

/** Returns whether a `<` begins strace's decoration of a descriptor: `3</lib/x>`. */
function opensDecoration(text: string, i: number): boolean {
  return /[0-9D]/.test(text[i - 1] ?? '') && text[i + 1] !== '<' && text.indexOf('>', i) > 0;
}

/** A scanned list of arguments: the parts, and the index of its end. */
interface Scanned {
  readonly args: readonly string[];
  /** Index of the closing parenthesis; -1 when it is not closed. */
  readonly close: number;
}

/** Splits at the commas outside of strings and brackets, starting behind the opening parenthesis. */
function scan(text: string, from: number): Scanned {
  const args: string[] = [];
  let depth = 0;
  let start = from;
  for (let i = from; i < text.length; i++) {
    const ch = text[i]!;
    if (ch === '"' || ch === "'") i = stringEnd(text, i) - 1;
    else if (ch === '<' && opensDecoration(text, i)) i = text.indexOf('>', i);
    else if (ch === '(' || ch === '[' || ch === '{') depth++;
    else if (ch === ')' && depth === 0) {
      const last = text.slice(start, i).trim();
      if (last !== '' || args.length > 0) args.push(last);
      return { args, close: i };
    } else if (ch === ')' || ch === ']' || ch === '}') depth--;
    else if (ch === ',' && depth === 0) {
      args.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return { args, close: -1 };
}

/** Removes comments: `#`, `//`, and C's, outside of strings. */
function withoutComments(line: string): string {
  let out = '';
  for (let i = 0; i < line.length; i++) {
    const ch = line[i]!;
    if (ch === '"') {
      const end = stringEnd(line, i);
      out += line.slice(i, end);
      i = end - 1;
    } else if (ch === '#' || line.startsWith('//', i)) return out;
    else if (line.startsWith('/*', i)) {
      const close = line.indexOf('*/', i + 2);
      if (close < 0) return out;
      i = close + 1;
    } else out += ch;
  }
  return out;
}

function headEnd(line: string): number {
  const perf = PERF_HEAD.exec(line);
  if (perf !== null) return perf[0].length;
  let at = 0;
  for (let match = HEAD.exec(line); match !== null; match = HEAD.exec(line.slice(at))) at += match[0].length;
  return at;
}

/**
 * Parses the result after a call: `-1 ENOMEM (…)`, `0x7f…`, `3</path>`, `-1 errno=12`, `?`.
 *
 * @returns null for other text
 */
export function parseRecorded(behind: string): Recorded | null {
  const match = /^\s*=\s*(?!=)(.+?)(?:\s+<[\d.]+>)?\s*;?\s*$/.exec(behind);
  if (match === null) return null;
  const text = match[1]!.trim();
  const base = { text, ret: null, unnamed: false, path: null };
  if (text.startsWith('?')) return base;
  const failed = /^-1\s+(?:(E[A-Z0-9]+)|\(?errno[ =](\d+)\)?)/.exec(text) ?? /^-?(E[A-Z0-9]+)\b/.exec(text);
  if (failed !== null) {
    const errno = failed[1] === undefined ? Number(failed[2]) : errnoByName(failed[1]);
    return errno === undefined ? { ...base, unnamed: true } : { ...base, text: plainFailure(text, errno), ret: -errno };
  }
  if (/^-1\b/.test(text)) return { ...base, unnamed: true };
  const value = /^(0x[0-9a-f]+|-?\d+)(?:<([^<>]*)>)?/i.exec(text);
  if (value === null) return null;
  return { ...base, ret: Number(value[1]), path: value[2] ?? null };
}

function plainFailure(text: string, errno: number): string {
  return text.includes('errno') ? `-1 ${errnoName(errno)}` : text;
}

/** Finds the call of a line: its name, the text before it, and its opening parenthesis. */
function findCall(line: string): { name: string; before: string; open: number } | null {
  const pattern = /([A-Za-z_][\w:]*)\s*\(/g;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    const name = match[1]!.replace(/^.*::/, '');
    if (KEYWORDS.has(name)) continue;
    return { name, before: line.slice(0, match.index), open: pattern.lastIndex };
  }
  return null;
}

/** Parses `--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_ACCERR, si_addr=0x10} ---` as an access that raised the signal. */
function readSignal(text: string, line: number): Call | null {
  const match = /^--- (SIGSEGV|SIGBUS)\b(?:.*?si_code=(\w+))?(?:.*?si_addr=(0x[0-9a-f]+|NULL))?/.exec(text);
  if (match?.[3] === undefined) return null;
  const code = match[2] === undefined ? '' : ` (${match[2]})`;
  return {
    name: 'access',
    args: [match[3]],
    assign: null,
    text,
    line,
    recorded: { text: `${match[1]!}${code}`, ret: null, unnamed: false, path: null },
  };
}

/** Converts `syscall(SYS_mmap, …)` and `SYS_mmap(…)` to mmap. */
function plainName(name: string, args: readonly string[]): { name: string; args: readonly string[] } {
  const first = name === 'syscall' ? /^(?:SYS_|__NR_)(\w+)$/.exec(args[0] ?? '')?.[1] : undefined;
  const bare = first ?? name.replace(/^(?:SYS_|__NR_|__)(?=[a-z])/, '');
  return { name: ALIASES[bare] ?? bare, args: first === undefined ? args : args.slice(1) };
}

/** Converts mmap2's offset, which old versions of strace print in pages: one that is no multiple of 4096 bytes. */
function mmap2(args: readonly string[]): readonly string[] {
  const off = args[5] ?? '';
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(off) ? Number(off) : 0;
  return value % 4096 === 0 ? args : [...args.slice(0, 5), `${off}*4096`];
}

/** Arguments that perf trace prints with their names, in order, and what it leaves out: zeros. */
const PERF: Readonly<Record<string, readonly string[]>> = {
  mmap: ['addr', 'len', 'prot', 'flags', 'fd', 'off'],
  munmap: ['addr', 'len'],
  mprotect: ['start', 'len', 'prot'],
  madvise: ['start', 'len_in', 'behavior'],
  mremap: ['addr', 'old_len', 'new_len', 'flags', 'new_addr'],
  mlock: ['start', 'len'],
  brk: ['brk'],
};
const PREFIXES: Readonly<Record<string, string>> = { prot: 'PROT_', flags: 'MAP_', behavior: 'MADV_' };

/** Completes arguments as perf trace prints them (`len: 4096, prot: READ|WRITE`), and ltrace's four arguments of mmap. */
function perfArguments(name: string, args: readonly string[]): readonly string[] {
  const names = PERF[name];
  if (names === undefined) return args;
  const named = args.map((arg) => /^([a-z_]{2,10}): ?(.{0,300})$/.exec(arg));
  if (args.length === 0 || named.some((match) => match === null)) {
    const numeric =
      name.endsWith('mmap') && args.length === 4 && args.every((arg) => /^(?:0x[0-9a-f]+|\d+)$/i.test(arg));
    return numeric ? [...args, '-1', '0'] : args;
  }
  const given = new Map(named.map((match) => [match![1]!, match![2]!]));
  const anonymous = given.get('flags')?.includes('ANONYMOUS') === true;
  return names.map((key) => {
    const value = given.get(key);
    if (value === undefined) return key === 'fd' && anonymous ? '-1' : key === 'prot' ? 'PROT_NONE' : '0';
    const prefix = name === 'mremap' && key === 'flags' ? 'MREMAP_' : PREFIXES[key];
    if (prefix === undefined || /^(?:0x[0-9a-f]+|\d+)$/i.test(value)) return value;
    return value
      .split('|')
      .map((word) => (word.startsWith(prefix) ? word : `${prefix}${word}`))
      .join('|');
  });
}

function readCall(text: string, line: number): Call {
  const found = findCall(text);
  if (found === null) throw new ScriptError(`line ${line} is not a call: ${shown(text)}`);
  const { args, close } = scan(text, found.open);
  if (close < 0) throw new ScriptError(`line ${line}: the call has no closing parenthesis: ${shown(text)}`);
  const assign = /([A-Za-z_]\w*)\s*=(?!=)[^=]*$/.exec(found.before)?.[1] ?? null;
  const plain = plainName(found.name, perfArguments(found.name.replace(/^SYS_/, ''), args));
  const behind = text.slice(close + 1);
  return {
    name: plain.name === 'mmap2' ? 'mmap' : plain.name,
    args: plain.name === 'mmap2' ? mmap2(plain.args) : plain.args,
    assign,
    text: `${found.name}${text.slice(found.open - 1, close + 1)}`,
    line,
    recorded: parseRecorded(behind),
  };
}

function shown(text: string): string {
  return `«${text.length <= 80 ? text : `${text.slice(0, 79)}…`}»`;
}

/** Returns whether the parentheses of a line are all closed. */
function isClosed(text: string): boolean {
  const found = findCall(text);
  return found === null || scan(text, found.open).close >= 0;
}

/** The number of lines over which a call of C may be written. */
const MAX_CONTINUATION = 12;

/**
 * Parses a script.
 *
 * @throws ScriptError for a line without a call, with its number
 */
export function parseScript(text: string): Call[] {
  const calls: Call[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const first = i + 1;
    let line = withoutComments(lines[i]!.replaceAll('\u00a0', ' ').replace(/\r$/, '')).trim();
    line = line.slice(headEnd(line)).trim();
    if (line === '' || /^[{};]+$/.test(line) || IDLE.test(line)) continue;
    if (line.startsWith('---')) {
      const signal = readSignal(line, first);
      if (signal !== null) calls.push(signal);
      continue;
    }
    for (let more = 0; !isClosed(line) && more < MAX_CONTINUATION && i + 1 < lines.length; more++) {
      line += ` ${withoutComments(lines[++i]!).trim()}`;
    }
    calls.push(readCall(line, first));
  }
  if (calls.length === 0) throw new ScriptError('there is no call to explain');
  return calls;
}
