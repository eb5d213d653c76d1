// The reader of strace logs: pieces of text in, events out, in one pass and with memory only for what is pending.
// It knows the lines, who they belong to and how split calls join; what a call means is read by decode*.ts.
// A line whose call nobody wants is recognised by its name alone and costs nothing more.

import { errnoByName, signalByName, signalCodeByName } from '@vmarea/uapi';
import { ArchitectureHints } from '../architecture.ts';
import { cutArgs, parseRegister, scanArgs } from './args.ts';
import { type Call, type LogSink, type StrangeReason } from '../events.ts';
import { LineHead } from './line-head.ts';
import { ownCopy } from './own-copy.ts';

/** How a log is to be read. */
export interface LogParserOptions {
  /** Names of the calls that are wanted; events of other calls are left out. All calls without it. */
  readonly calls?: ReadonlySet<string> | undefined;
  /** The task of lines without a pid, as in the files of `-ff`. */
  readonly pid?: number | undefined;
}

const UNFINISHED = '<unfinished ...>';
const DETACHED = '<detached ...>';

/** What is known of a call's name after its first line. */
interface NameInfo {
  readonly name: string;
  readonly wanted: boolean;
}

/**
 * Reads one log. Feed it with {@link LogParser.push} in pieces of any size, then call {@link LogParser.end}.
 * Lines are numbered from 1. Nothing of the text is kept but what is pending.
 */
export class LogParser {
  /** Lines read so far. */
  lines = 0;
  /** Lines of calls that were not wanted. */
  skipped = 0;
  /** What the log has shown about the machine that made it. */
  readonly hints: ArchitectureHints = new ArchitectureHints();

  readonly #wanted: ReadonlySet<string> | null;
  readonly #names = new Map<string, NameInfo>();
  readonly #head = new LineHead();
  readonly #commas: number[] = [];
  /** The call of each task that has been entered but has not returned. */
  readonly #pending = new Map<number, Call>();
  /** Tasks that are alive, as far as the log tells: a line without pid belongs to the only one. */
  readonly #alive = new Set<number>();
  /** The task of the first lines, when they have no pid; -1 as long as no such line was seen. */
  #main = -1;
  /** The pid that later lines give to the task of the first lines; -1 as long as that is not known. */
  #mainNamed = -1;
  readonly #givenPid: number;
  /** The beginning of a line that strace interrupted by a message about itself. */
  #held = '';
  #rest = '';
  /** The line that is being read: a text and where in it the line lies. */
  #text = '';
  #from = 0;
  #end = 0;
  #last = false;

  constructor(options: LogParserOptions = {}) {
    this.#wanted = options.calls ?? null;
    this.#givenPid = options.pid ?? 0;
  }

  /** The pid that the log gives to the task that its first, unprefixed lines belong to; null when it never does. */
  get mainPid(): number | null {
    return this.#mainNamed >= 0 ? this.#mainNamed : null;
  }

  /** Reads the next piece of the log; lines may be cut anywhere between two pieces. */
  push(text: string, sink: LogSink): void {
    let from = 0;
    let newline = text.indexOf('\n');
    if (newline < 0) {
      this.#rest += text;
      return;
    }
    if (this.#rest !== '') {
      const first = this.#rest + text.slice(0, newline);
      this.#rest = '';
      this.#line(first, 0, first.length, sink);
      from = newline + 1;
      newline = text.indexOf('\n', from);
    }
    while (newline >= 0) {
      this.#line(text, from, newline, sink);
      from = newline + 1;
      newline = text.indexOf('\n', from);
    }
    if (from < text.length) this.#rest = text.slice(from);
  }

  /**
   * Ends the log and reports the calls that never returned. A last line without newline counts as cut off: a call on it
   * is entered, but its result may be half of one and is not used.
   */
  end(sink: LogSink): void {
    if (this.#rest !== '') {
      const last = this.#rest;
      this.#rest = '';
      this.#line(last, 0, last.length, sink, true);
    }
    if (this.#held !== '') {
      const held = this.#held;
      this.#held = '';
      sink({ type: 'strange', pid: 0, line: this.lines, text: held, reason: 'the log ends in the middle of it' });
    }
    for (const call of this.#pending.values()) {
      call.state = 'cut';
      sink({ type: 'pending', pid: call.pid, line: this.lines, call });
    }
    this.#pending.clear();
  }

  #strange(pid: number, reason: StrangeReason, sink: LogSink): void {
    const text = this.#text.slice(this.#from, this.#end);
    const why = this.#last ? 'the log ends in the middle of it' : reason;
    sink({ type: 'strange', pid, line: this.lines, text, reason: why });
  }

  #line(text: string, from: number, lineEnd: number, sink: LogSink, last = false): void {
    this.lines += 1;
    let end = lineEnd;
    if (end > from && text.charCodeAt(end - 1) === 13) end -= 1;
    if (end === from) return;
    if (this.#held !== '') {
      const first = text.charCodeAt(from);
      // What follows an interruption is the rest of the line: `, child_tidptr=…) = 12`, ` => {…}`, `) = 12`, ` <unfinished ...>`.
      const continues = first === 44 || first === 41 || (first === 32 && text.charCodeAt(from + 1) !== 62);
      const held = this.#held;
      this.#held = '';
      if (continues) {
        const whole = held + text.slice(from, end);
        this.#body(whole, 0, whole.length, sink, last);
        return;
      }
      const reason = 'its call has no closing parenthesis';
      sink({ type: 'strange', pid: 0, line: this.lines - 1, text: held, reason });
    }
    this.#body(text, from, end, sink, last);
  }

  #body(text: string, from: number, end: number, sink: LogSink, last: boolean): void {
    const head = this.#head;
    this.#text = text;
    this.#from = from;
    this.#end = end;
    this.#last = last;
    // A line of `-k`: ` > /lib/libc.so.6(mmap+0x1f) [0x11db]`.
    if (text.charCodeAt(from) === 32 && text.charCodeAt(from + 1) === 62) return;
    head.read(text, from, end);
    const at = head.at;
    const c = at < end ? text.charCodeAt(at) : 0;

    if ((c >= 97 && c <= 122) || c === 95 || c === 63 || (c >= 65 && c <= 90)) {
      const open = nameEnd(text, at, end);
      if (open > at && text.charCodeAt(open) === 40) {
        const info = this.#info(text.slice(at, open));
        const pid = this.#pidOf(head.pid);
        if (!info.wanted) {
          this.skipped += 1;
          return;
        }
        this.#entry(pid, info.name, text, open + 1, end, sink);
        return;
      }
    } else if (c === 60 && text.startsWith('<... ', at)) {
      const resumed = text.indexOf(' resumed>', at + 5);
      if (resumed > 0 && resumed < end) {
        const info = this.#info(text.slice(at + 5, resumed));
        if (!info.wanted) {
          this.#pidOf(head.pid);
          this.skipped += 1;
          return;
        }
        this.#resume(head.pid, info.name, text, resumed + 9, end, sink);
        return;
      }
    } else if (last && (c === 45 || c === 43) && !text.endsWith(c === 45 ? ' ---' : ' +++', end)) {
      this.#strange(this.#pidOf(head.pid), 'the log ends in the middle of it', sink);
      return;
    } else if (c === 45 && text.startsWith('--- ', at)) {
      this.#signal(this.#pidOf(head.pid), text.slice(at + 4, end), sink);
      return;
    } else if (c === 43 && text.startsWith('+++ ', at)) {
      if (this.#ended(this.#pidOf(head.pid), text.slice(at + 4, end), sink)) return;
    }
    this.#other(text.slice(at, end), sink);
  }

  #info(slice: string): NameInfo {
    let info = this.#names.get(slice);
    if (info === undefined) {
      const name = ownCopy(slice);
      info = { name, wanted: this.#wanted === null || this.#wanted.has(name) };
      this.#names.set(name, info);
      this.hints.call(name);
    }
    return info;
  }

  /** The task of a line, from its prefix (-1 without one); `resumed` is the call that the line resumes, if it does. */
  #pidOf(prefix: number, resumed = ''): number {
    if (prefix >= 0) {
      if (this.#alive.has(prefix)) return prefix;
      if (this.#main >= 0 && this.#givenPid === 0) {
        if (prefix === this.#mainNamed) return this.#main;
        const waiting = this.#pending.get(this.#main);
        if (this.#mainNamed < 0 && this.#alive.has(this.#main) && (!waiting || waiting.name === resumed)) {
          // The first pid that no call and no message announced is the one of the first lines, unless that task is
          // inside of a call that this line does not resume.
          this.#mainNamed = prefix;
          return this.#main;
        }
      }
      this.#alive.add(prefix);
      return prefix;
    }
    if (this.#alive.size === 1) for (const pid of this.#alive) return pid;
    if (this.#main < 0) {
      this.#main = this.#givenPid;
      this.#alive.add(this.#main);
    }
    return this.#main;
  }

  #entry(pid: number, name: string, text: string, from: number, lineEnd: number, sink: LogSink): void {
    const head = this.#head;
    let end = lineEnd;
    let unfinished = false;
    if (text.charCodeAt(end - 1) === 62) {
      if (text.endsWith(UNFINISHED, end)) {
        unfinished = true;
        end -= UNFINISHED.length;
      } else if (text.endsWith(DETACHED, end)) {
        unfinished = true;
        end -= DETACHED.length;
      }
      if (unfinished && text.charCodeAt(end - 1) === 32) end -= 1;
    }
    const commas = this.#commas;
    const close = scanArgs(text, from, end, commas);
    if (close < 0 && !unfinished) {
      this.#broken(pid, text.slice(this.#from, end), sink);
      return;
    }
    const stop = close < 0 ? end : close;
    const call: Call = {
      pid,
      entryPid: pid,
      name,
      argsText: text.slice(from, stop),
      args: cutArgs(text, from, stop, commas),
      entryLength: stop - from,
      ret: null,
      errno: 0,
      result: '',
      entryLine: this.lines,
      line: this.lines,
      state: 'entered',
      split: unfinished,
      time: head.timeEnd > head.timeAt ? text.slice(head.timeAt, head.timeEnd) : '',
      returnTime: '',
      ip: head.ipEnd > head.ipAt ? text.slice(head.ipAt, head.ipEnd) : '',
      elapsed: '',
    };
    if (unfinished) {
      this.#pending.set(pid, call);
      sink({ type: 'entry', pid, line: this.lines, call });
      return;
    }
    this.#return(call, text, close + 1, end, sink);
  }

  /** A call without its closing parenthesis: interrupted by a message, cut off at the end of the log, or strange. */
  #broken(pid: number, line: string, sink: LogSink): void {
    const message = line.lastIndexOf('strace: Process ');
    const text = message > 0 ? line.slice(message) : '';
    if (/^strace: Process [0-9]+ (attached|detached)$/.test(text)) {
      this.#held = line.slice(0, message);
      this.#attached(text);
      sink({ type: 'note', pid, line: this.lines, text });
      return;
    }
    this.#strange(pid, 'its call has no closing parenthesis', sink);
  }

  #resume(prefix: number, name: string, text: string, after: number, end: number, sink: LogSink): void {
    let pid = this.#pidOf(prefix, name);
    let call = this.#pending.get(pid);
    if (prefix < 0 && call?.name !== name) {
      // Without a pid: the task that waits for a call of this name.
      for (const [other, waiting] of this.#pending) {
        if (waiting.name === name) {
          pid = other;
          call = waiting;
          break;
        }
      }
    }
    if (call?.name !== name) {
      const reason = call ? 'it resumes another call than the one begun' : 'it resumes a call that was never begun';
      this.#strange(pid, reason, sink);
      return;
    }
    // 4.x puts a blank behind `resumed>`; when the task died inside of the call, the marker is printed once more.
    let from = after;
    if (text.startsWith(` ${UNFINISHED}`, from)) from += UNFINISHED.length + 1;
    const joined = call.argsText + text.slice(from, end);
    const commas = this.#commas;
    const close = scanArgs(joined, 0, joined.length, commas);
    if (close < 0) {
      if (joined.endsWith(UNFINISHED) || joined.endsWith(DETACHED)) return;
      this.#strange(pid, 'its call has no closing parenthesis', sink);
      return;
    }
    this.#pending.delete(pid);
    call.argsText = joined.slice(0, close);
    call.args = cutArgs(joined, 0, close, commas);
    call.line = this.lines;
    call.returnTime = text.slice(this.#head.timeAt, this.#head.timeEnd);
    this.#return(call, joined, close + 1, joined.length, sink);
  }

  /** Reads what stands behind the closing parenthesis, and reports the call. */
  #return(call: Call, text: string, after: number, lineEnd: number, sink: LogSink): void {
    let at = after;
    let end = lineEnd;
    while (at < end && text.charCodeAt(at) === 32) at += 1;
    if (at >= end || text.charCodeAt(at) !== 61) {
      this.#strange(call.pid, 'its call has no result', sink);
      return;
    }
    at += 1;
    while (at < end && text.charCodeAt(at) === 32) at += 1;
    if (text.charCodeAt(end - 1) === 62) {
      const open = text.lastIndexOf('<', end);
      if (open > at && text.charCodeAt(open - 1) === 32 && isSeconds(text, open + 1, end - 1)) {
        call.elapsed = text.slice(open + 1, end - 1);
        end = open - 1;
      }
    }
    if (this.#last) {
      // Without its newline a result may be half of one: the call counts as entered.
      call.split = true;
      this.#pending.set(call.pid, call);
      if (call.entryLine === this.lines) sink({ type: 'entry', pid: call.pid, line: this.lines, call });
      return;
    }
    call.result = text.slice(at, end);
    if (!readResult(call)) {
      this.#strange(call.pid, 'its result is not understood', sink);
      return;
    }
    call.state = 'returned';
    this.hints.returned(call);
    if (call.ret !== null && call.ret > 0 && FORKS.has(call.name)) this.#alive.add(call.ret);
    sink({ type: 'call', pid: call.pid, line: this.lines, call });
  }

  #signal(pid: number, body: string, sink: LogSink): void {
    const text = body.endsWith(' ---') ? body.slice(0, -4) : body;
    const stopped = text.startsWith('stopped by ');
    const rest = stopped ? text.slice(11) : text;
    const space = rest.indexOf(' ');
    const name = space < 0 ? rest : rest.slice(0, space);
    const code = /si_code=([A-Z_a-z0-9-]+)/.exec(rest);
    const addr = /si_addr=(NULL|0x[0-9a-f]+)/.exec(rest);
    const address = addr ? parseRegister(addr[1]!) : null;
    sink({
      type: 'signal',
      pid,
      line: this.lines,
      signal: signalByName(name) ?? 0,
      name,
      code: code ? (signalCodeByName(code[1]!) ?? numeric(code[1]!)) : null,
      addr: address === null ? null : Number(address),
      stopped,
      text,
    });
  }

  #ended(pid: number, text: string, sink: LogSink): boolean {
    const exited = /^exited with (-?[0-9]+)/.exec(text);
    if (exited) {
      this.#gone(pid, sink);
      sink({ type: 'exited', pid, line: this.lines, status: Number(exited[1]) });
      return true;
    }
    const killed = /^killed by ([A-Za-z0-9_]+)( \(core dumped\))?/.exec(text);
    if (killed) {
      this.#gone(pid, sink);
      const name = killed[1]!;
      sink({
        type: 'killed',
        pid,
        line: this.lines,
        signal: signalByName(name) ?? 0,
        name,
        coreDumped: killed[2] !== undefined,
      });
      return true;
    }
    const superseded = /^superseded by execve in pid ([0-9]+)/.exec(text);
    if (superseded) {
      const by = Number(superseded[1]);
      const call = this.#pending.get(by);
      if (call) {
        this.#pending.delete(by);
        call.pid = pid;
        this.#pending.set(pid, call);
      }
      this.#alive.delete(by);
      this.#alive.add(pid);
      sink({ type: 'superseded', pid, line: this.lines, by });
      return true;
    }
    return false;
  }

  #gone(pid: number, sink: LogSink): void {
    this.#alive.delete(pid);
    const call = this.#pending.get(pid);
    if (call === undefined) return;
    this.#pending.delete(pid);
    call.state = 'cut';
    sink({ type: 'pending', pid, line: this.lines, call });
  }

  #attached(text: string): void {
    const attached = /Process ([0-9]+) attached/.exec(text);
    if (attached && this.#main >= 0) this.#alive.add(Number(attached[1]));
  }

  #other(text: string, sink: LogSink): void {
    const trimmed = text.trim();
    if (trimmed === '') return;
    if (/^(strace: |Process [0-9]+ |\[ Process PID=)/.test(trimmed)) {
      this.#attached(trimmed);
      this.hints.note(trimmed);
      sink({ type: 'note', pid: 0, line: this.lines, text: trimmed });
      return;
    }
    this.#strange(0, 'it is not a line of strace', sink);
  }
}

const FORKS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone2', 'clone3']);

/** Index behind a call's name, `?` included: strace prints `????` for a number that it does not know. */
function nameEnd(text: string, from: number, end: number): number {
  let i = from;
  while (i < end) {
    const c = text.charCodeAt(i);
    if (!((c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 95 || (c >= 65 && c <= 90) || c === 63)) break;
    i += 1;
  }
  return i;
}

function isSeconds(text: string, from: number, end: number): boolean {
  let dots = 0;
  for (let i = from; i < end; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 46) dots += 1;
    else if (c < 48 || c > 57) return false;
  }
  return dots === 1 && end - from > 2;
}

function numeric(text: string): number | null {
  const value = Number(text);
  return Number.isInteger(value) ? value : null;
}

/** Reads `ret` and `errno` from the result; false when it is none. */
function readResult(call: Call): boolean {
  const text = call.result;
  const length = text.length;
  let i = 0;
  let c = text.charCodeAt(0);
  if (c === 63) {
    if (length > 2) {
      const stop = text.indexOf(' ', 2);
      call.errno = errnoByName(stop < 0 ? text.slice(2) : text.slice(2, stop)) ?? 0;
    }
    return true;
  }
  if (text.startsWith('<unavailable>')) return true;
  const negative = c === 45;
  if (negative) i = 1;
  let value = 0;
  const digitsFrom = i;
  if (text.charCodeAt(i) === 48 && text.charCodeAt(i + 1) === 120) {
    i += 2;
    for (; i < length; i += 1) {
      c = text.charCodeAt(i);
      if (c >= 48 && c <= 57) value = value * 16 + c - 48;
      else if (c >= 97 && c <= 102) value = value * 16 + c - 87;
      else break;
    }
  } else {
    for (; i < length; i += 1) {
      c = text.charCodeAt(i);
      if (c < 48 || c > 57) break;
      value = value * 10 + c - 48;
    }
  }
  if (i === digitsFrom) return false;
  if (negative && value === 1 && text.charCodeAt(i) === 32) {
    const stop = text.indexOf(' ', i + 1);
    const word = stop < 0 ? text.slice(i + 1) : text.slice(i + 1, stop);
    const known = errnoByName(word);
    if (known !== undefined) {
      call.errno = known;
      call.ret = -known;
      return true;
    }
    const number = /^\(errno ([0-9]+)\)/.exec(text.slice(i + 1));
    if (number) {
      call.errno = Number(number[1]);
      call.ret = -call.errno;
      return true;
    }
  }
  call.ret = negative ? -value : value;
  return true;
}
