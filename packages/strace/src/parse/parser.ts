// Parses strace logs: takes pieces of text, reports events, in one pass and with memory only for pending calls.
// It assigns lines to tasks and joins split calls; decode/ decodes what a call means.
// A line of a call that was not requested is recognised by its name alone, at no further cost.

import { signalByName, signalCodeByName } from '@vmarea/uapi';
import { isCallName } from '../calls.ts';
import { ArgList, parseRegister } from './args.ts';
import { type Call, type LogSink, type StackFrame, type StrangeReason } from '../events.ts';
import { LogError, MAX_LINE, MAX_NAME, MAX_NAMES, MAX_STRANGE, MAX_TASKS, PID_LIMIT } from './limits.ts';
import { indexIn, LineHead } from './line-head.ts';
import { ownCopy } from './own-copy.ts';
import { ParsedCall } from './parsed-call.ts';
import { PendingCalls } from './pending.ts';
import { isShellLine, PrefixFinder, withoutMarkup } from './prefix.ts';
import { joinedAt, readResult } from './result.ts';
import { MAX_FRAMES, parseFrame } from './stack.ts';

/** The options of a parser. */
export interface LogParserOptions {
  /** Names of the requested calls; events of other calls are left out. All calls without it. */
  readonly calls?: ReadonlySet<string> | undefined;
  /** The task of lines without a pid, as in the files of `-ff`. */
  readonly pid?: number | undefined;
  /** Whether to report the stacks of `-k` and `-kk` as {@link StackEvent}s; they are skipped without it. */
  readonly stacks?: boolean | undefined;
}

const UNFINISHED = '<unfinished ...>';
const DETACHED = '<detached ...>';

/** The number of names that are found without a look-up, a power of two. */
const RECENT_NAMES = 64;

/** The cached properties of a call's name. */
interface NameInfo {
  /** The name in the log, which may have a prefix. */
  readonly printed: string;
  readonly name: string;
  readonly wanted: boolean;
}

/** A line that continues on a later one. */
interface HeldLine {
  /** Its pieces so far. */
  readonly parts: string[];
  length: number;
  /** Number of its first line. */
  readonly line: number;
  /** The number of lines that were read while it was held. */
  lines: number;
  /**
   * The cause: a message of strace, the program's own output (in the middle of a write to the terminal), or copying the text.
   */
  readonly by: 'message' | 'output' | 'copying';
}

/** The largest number of characters and lines of one broken line. */
const MAX_HELD = 2 ** 20;
const MAX_OUTPUT_LINES = 1000;
const MAX_COPIED_LINES = 8;

/** Calls whose output may appear in the middle of their own line. */
const WRITES: ReadonlySet<string> = new Set(['write', 'writev', 'pwrite64', 'sendto', 'sendmsg']);

/** Messages of strace that follow the beginning of a line. */
const MESSAGE =
  /(?:strace: Process [0-9]{1,7} (?:attached|detached)|(?:strace: )?\[ Process PID=[0-9]{1,7} runs in [a-z0-9]{2,5} bit mode\. \]|strace: WARNING: [^"]{1,200}\.)$/;

/** The largest distance of a message's beginning from the line's end. */
const MESSAGE_REACH = 260;

/**
 * Parses one log. Call {@link LogParser.push} with pieces of any size, then {@link LogParser.end}.
 * Lines are numbered from 1. Keeps no text except of pending calls.
 */
export class LogParser {
  /** Lines read so far. */
  lines = 0;
  /** Lines of calls that were not requested. */
  skipped = 0;

  readonly #wanted: ReadonlySet<string> | null;
  readonly #names = new Map<string, NameInfo>();
  readonly #recent: (NameInfo | null)[] = new Array<NameInfo | null>(RECENT_NAMES).fill(null);
  readonly #head = new LineHead();
  readonly #list = new ArgList();
  readonly #prefixes = new PrefixFinder();
  readonly #stacks: boolean;
  readonly #pending = new PendingCalls();
  /** Tasks that are alive, as far as the log shows: a line without pid belongs to the only one. */
  readonly #alive = new Set<number>();
  /** The task of the first lines, if they have no pid; -1 before such a line. */
  #main = -1;
  /** The pid that later lines give to the task of the first lines; -1 while it is unknown. */
  #mainNamed = -1;
  readonly #givenPid: number;
  #held: HeldLine | null = null;
  /** Pieces of the line that has not ended yet. */
  #rest: string[] = [];
  #restLength = 0;
  /** The current line: its number, a text, and the line's position in it. */
  #number = 0;
  #text = '';
  #from = 0;
  #end = 0;
  #last = false;
  /** Whether the line was already changed and read again: it is changed only once. */
  #changed = false;
  /** Further text of the line, and its position; -1 for none. */
  #nextText = '';
  #nextAt = -1;
  /** The number of characters before the first line of strace; -1 after it. */
  #strangeLength = 0;
  /** A line that may have an unknown prefix; the next line decides. */
  #doubtful: { readonly text: string; readonly line: number } | null = null;
  /** The last line that was skipped by its call's name, until another line is understood. */
  #skippedText = '';
  #skippedFrom = 0;
  #skippedEnd = 0;
  /** Stack lines so far, and their call. */
  #frames: StackFrame[] = [];
  #framesLine = 0;
  #framesPid = 0;
  #framesCall: Call | null = null;

  constructor(options: LogParserOptions = {}) {
    this.#wanted = options.calls ?? null;
    this.#givenPid = options.pid ?? 0;
    this.#stacks = options.stacks ?? false;
  }

  /** The pid that the log gives to the task of its first, unprefixed lines; null when it never does. */
  get mainPid(): number | null {
    return this.#mainNamed >= 0 ? this.#mainNamed : null;
  }

  /**
   * Reads the next piece of the log; pieces may be cut anywhere.
   * @throws LogError for a line of more than {@link MAX_LINE} characters, for a text without a line of strace in its first
   *   {@link MAX_STRANGE}, and for more than {@link MAX_TASKS} tasks at a time
   */
  push(text: string, sink: LogSink): void {
    let from = 0;
    let newline = text.indexOf('\n');
    if (this.#restLength > 0 && newline >= 0) {
      this.#keepRest(text.slice(0, newline));
      const first = this.#takeRest();
      this.#line(first, 0, first.length, sink);
      from = newline + 1;
      newline = text.indexOf('\n', from);
    }
    while (newline >= 0) {
      if (newline - from > MAX_LINE) this.#tooLong();
      this.#line(text, from, newline, sink);
      from = newline + 1;
      newline = text.indexOf('\n', from);
    }
    if (from < text.length) this.#keepRest(from === 0 ? text : text.slice(from));
  }

  #keepRest(piece: string): void {
    this.#restLength += piece.length;
    if (this.#restLength > MAX_LINE) this.#tooLong();
    this.#rest.push(piece);
  }

  #takeRest(): string {
    const rest = this.#rest.join('');
    this.#rest = [];
    this.#restLength = 0;
    return rest;
  }

  #tooLong(): never {
    this.#rest = [];
    this.#restLength = 0;
    throw new LogError(
      this.lines + 1,
      `it has more than ${MAX_LINE.toLocaleString('en')} characters: no log of strace has such a line`,
    );
  }

  /**
   * Ends the log and reports the calls that never returned. A last line without newline counts as cut off: a call on it is
   * entered, but its result may be incomplete and is not used.
   */
  end(sink: LogSink): void {
    if (this.#restLength > 0) {
      const last = this.#takeRest();
      this.#line(last, 0, last.length, sink, true);
    }
    this.#settleDoubt(sink);
    if (this.#held !== null) {
      const text = this.#held.parts.join('');
      this.#held = null;
      sink({ type: 'strange', pid: 0, line: this.lines, text, reason: 'the log ends in the middle of it' });
    }
    this.#endStack(sink);
    for (const call of this.#pending.calls()) {
      call.state = 'cut';
      sink({ type: 'pending', pid: call.pid, line: this.lines, call });
    }
    this.#pending.clear();
  }

  /** Reports the current line as strange, unless it can be read after foreign text was removed. */
  #strange(pid: number, reason: StrangeReason, sink: LogSink): void {
    const text = this.#text.slice(this.#from, this.#end);
    if (!this.#changed) {
      const clean = withoutMarkup(text);
      if (clean !== null) {
        this.#again(clean, sink);
        return;
      }
    }
    const why = this.#last ? 'the log ends in the middle of it' : reason;
    sink({ type: 'strange', pid, line: this.#number, text, reason: why });
  }

  /** Reads the current line again, changed. */
  #again(text: string, sink: LogSink): void {
    const before = this.#changed;
    this.#changed = true;
    this.#body(text, 0, text.length, sink, this.#last);
    this.#changed = before;
  }

  #line(text: string, from: number, lineEnd: number, sink: LogSink, last = false): void {
    this.lines += 1;
    this.#number = this.lines;
    let end = lineEnd;
    if (end > from && text.charCodeAt(end - 1) === 13) end -= 1;
    if (this.lines === 1 && text.charCodeAt(from) === 0xfeff) from += 1;
    if (this.#strangeLength >= 0) {
      this.#strangeLength += end - from + 1;
      if (this.#strangeLength > MAX_STRANGE) {
        throw new LogError(
          this.lines,
          `the first ${MAX_STRANGE.toLocaleString('en')} characters hold no line of strace`,
        );
      }
    }
    if (end === from) return;
    if (this.#held !== null && this.#continued(this.#held, text, from, end, sink, last)) return;
    this.#body(text, from, end, sink, last);
  }

  /** Reads a line after a broken one: its rest, a line between, or a line that ends the attempt. Allocates no object per line, hence six parameters. */
  #continued(held: HeldLine, text: string, from: number, end: number, sink: LogSink, last: boolean): boolean {
    held.lines += 1;
    const first = text.charCodeAt(from);
    let continues: boolean;
    if (held.by === 'message') {
      if (text.startsWith('strace: ', from)) {
        this.#note(text.slice(from, end), sink);
        return true;
      }
      // `, child_tidptr=…) = 12`, ` => {…}`, `) = 12`, ` <unfinished ...>`.
      continues = first === 44 || first === 41 || (first === 32 && text.charCodeAt(from + 1) !== 62);
    } else if (this.#beginsLine(text, from, end)) continues = false;
    else if (held.by === 'output') {
      continues = first === 41;
      if (!continues && held.lines <= MAX_OUTPUT_LINES) return true;
    } else continues = held.lines <= MAX_COPIED_LINES;
    if (continues && held.length + end - from <= MAX_HELD) {
      const message = this.#messageAt(text, from, end);
      const piece = text.slice(from, message < 0 ? end : message);
      held.parts.push(held.by === 'copying' && held.parts.at(-1)!.endsWith(',') ? ` ${piece}` : piece);
      held.length += piece.length;
      if (message >= 0) {
        this.#note(text.slice(message, end), sink);
        return true;
      }
      if (held.by === 'copying') {
        // Looks for its end in the new piece first: reads the whole only when that may close the call.
        if (indexIn(piece, 41, 0, piece.length) < 0 && !piece.endsWith('>')) return true;
      }
      this.#held = null;
      const whole = held.parts.join('');
      this.#body(whole, 0, whole.length, sink, last);
      const again = this.#held as HeldLine | null;
      if (again !== null) again.lines = held.lines;
      return true;
    }
    this.#held = null;
    const now = this.#number;
    this.#number = held.line;
    this.#text = held.parts.join('');
    this.#from = 0;
    this.#end = this.#text.length;
    this.#changed = true;
    if (held.by === 'message') this.#body(this.#text, 0, this.#end, sink, false);
    else this.#strange(0, 'its call has no closing parenthesis', sink);
    this.#changed = false;
    this.#number = now;
    return false;
  }

  /** Returns whether a line begins as those of strace do: with a call, a resumed one, a signal or an end. */
  #beginsLine(text: string, from: number, end: number): boolean {
    const head = this.#head;
    head.read(text, from, end);
    const { at } = head;
    if (text.startsWith('<... ', at) || text.startsWith('+++ ', at) || text.startsWith('--- SIG', at)) return true;
    const open = nameEnd(text, at, end);
    return open > at && open < end && text.charCodeAt(open) === 40 && isCallName(text.slice(at, open));
  }

  /** Returns where a message of strace begins that follows the beginning of a line; -1 without one. */
  #messageAt(text: string, from: number, end: number): number {
    const last = text.charCodeAt(end - 1);
    // `attached`, `mode. ]`, `enabled.`
    if (last !== 100 && last !== 93 && last !== 46) return -1;
    const start = Math.max(from, end - MESSAGE_REACH);
    const match = MESSAGE.exec(text.slice(start, end));
    return match === null || start + match.index === from ? -1 : start + match.index;
  }

  #hold(text: string, by: HeldLine['by']): void {
    this.#held = { parts: [text], length: text.length, line: this.#number, lines: 0, by };
  }

  /** Reads a line, and further lines on it if line breaks were lost. */
  #body(text: string, from: number, end: number, sink: LogSink, last: boolean): void {
    this.#part(text, from, end, sink, last);
    while (this.#nextAt >= 0) {
      const at = this.#nextAt;
      const whole = this.#nextText;
      this.#nextAt = -1;
      this.#part(whole, at, whole === text ? end : whole.length, sink, last);
    }
  }

  #part(text: string, from: number, end: number, sink: LogSink, last: boolean): void {
    const head = this.#head;
    this.#text = text;
    this.#from = from;
    this.#end = end;
    this.#last = last;
    // A line of `-k`: ` > /lib/libc.so.6(mmap+0x1f) [0x11db]`.
    if (text.charCodeAt(from) === 32 && text.startsWith(' > ', from)) {
      if (this.#stacks) this.#frame(text, from + 3, end);
      return;
    }
    if (this.#frames.length > 0) this.#endStack(sink);
    head.read(text, from, end);
    const at = head.at;
    const c = at < end && head.pid < PID_LIMIT ? text.charCodeAt(at) : 0;

    if ((c >= 97 && c <= 122) || c === 95 || c === 63 || (c >= 65 && c <= 90)) {
      const open = nameEnd(text, at, end);
      if (open > at && open < end && text.charCodeAt(open) === 40) {
        const info = this.#infoAt(text, at, open);
        const pid = this.#pidOf(head.pid);
        this.#framesPid = pid;
        this.#framesCall = null;
        const message = this.#messageAt(text, from, end);
        if (message > open) {
          this.#hold(text.slice(from, message), 'message');
          this.#note(text.slice(message, end), sink);
          return;
        }
        if (!info.wanted) {
          this.#understood(sink);
          this.#skippedText = text;
          this.#skippedFrom = open + 1;
          this.#skippedEnd = end;
          this.skipped += 1;
          return;
        }
        this.#entry(pid, info.name, text, open + 1, end, sink);
        return;
      }
    } else if (c === 60 && text.startsWith('<... ', at)) {
      const resumed = nameEnd(text, at + 5, end);
      if (resumed < end && text.startsWith(' resumed>', resumed)) {
        const info = this.#info(text.slice(at + 5, resumed));
        const message = this.#messageAt(text, from, end);
        if (message > 0) {
          this.#hold(text.slice(from, message), 'message');
          this.#note(text.slice(message, end), sink);
          return;
        }
        this.#framesPid = this.#pidOf(head.pid, info.wanted ? info.name : '');
        this.#framesCall = null;
        this.#understood(sink);
        if (!info.wanted) {
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
      const stop = text.slice(at, end).indexOf(' ---', 4) + at;
      if (stop > at) {
        this.#understood(sink);
        const pid = this.#pidOf(head.pid);
        this.#framesPid = pid;
        this.#framesCall = null;
        this.#signal(pid, text.slice(at + 4, stop), sink);
        if (text.startsWith(' +++ ', stop + 4)) this.#goOn(text, stop + 5);
        return;
      }
    } else if (c === 43 && text.startsWith('+++ ', at)) {
      if (this.#ended(this.#pidOf(head.pid), text.slice(at + 4, end), sink)) {
        this.#understood(sink);
        return;
      }
    }
    this.#other(text.slice(from, end), at - from, sink);
  }

  /** Called for a line of strace: reports the doubtful line before it, if any. */
  #understood(sink: LogSink): void {
    this.#strangeLength = -1;
    this.#skippedText = '';
    if (this.#doubtful !== null) this.#settleDoubt(sink);
  }

  #settleDoubt(sink: LogSink): void {
    const doubtful = this.#doubtful;
    if (doubtful === null) return;
    this.#doubtful = null;
    sink({ type: 'strange', pid: 0, line: doubtful.line, text: doubtful.text, reason: 'it is not a line of strace' });
  }

  #frame(text: string, from: number, end: number): void {
    if (this.#frames.length >= MAX_FRAMES) return;
    const frame = parseFrame(ownCopy(text.slice(from, Math.min(end, from + 4096))));
    if (frame === null) return;
    if (this.#frames.length === 0) this.#framesLine = this.lines;
    this.#frames.push(frame);
  }

  #endStack(sink: LogSink): void {
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    sink({ type: 'stack', pid: this.#framesPid, line: this.#framesLine, of: this.#framesCall, frames });
  }

  /** Returns the properties of the name in [from, end). Looks first among the last names with the same length and first letters. */
  #infoAt(text: string, from: number, end: number): NameInfo {
    const slot = (end - from + 5 * text.charCodeAt(from) + 3 * text.charCodeAt(from + 1)) & (RECENT_NAMES - 1);
    const recent = this.#recent[slot];
    if (recent != null && isAt(text, from, end, recent.printed)) return recent;
    const info = this.#info(text.slice(from, end));
    this.#recent[slot] = info;
    return info;
  }

  #info(slice: string): NameInfo {
    let info = this.#names.get(slice);
    if (info === undefined) {
      const printed = ownCopy(slice.slice(0, MAX_NAME));
      // `ltrace -S` prints `SYS_brk`.
      const name = printed.startsWith('SYS_') ? printed.slice(4) : printed;
      info = { printed, name, wanted: this.#wanted === null || this.#wanted.has(name) };
      if (this.#names.size < MAX_NAMES && slice.length <= MAX_NAME) this.#names.set(printed, info);
    }
    return info;
  }

  #born(pid: number): void {
    this.#alive.add(pid);
    if (this.#alive.size > MAX_TASKS) {
      throw new LogError(this.lines, `more than ${MAX_TASKS.toLocaleString('en')} tasks are alive at a time`);
    }
  }

  /** Returns the task of a line, from its prefix (-1 without one); `resumed` is the call that the line resumes, if any. */
  #pidOf(prefix: number, resumed = ''): number {
    if (prefix >= 0) {
      if (this.#alive.has(prefix)) return prefix;
      if (this.#main >= 0 && this.#givenPid === 0) {
        if (prefix === this.#mainNamed) return this.#main;
        const waiting = this.#pending.get(this.#main);
        if (this.#mainNamed < 0 && this.#alive.has(this.#main) && (!waiting || waiting.name === resumed)) {
          // The first pid that no call and no message announced belongs to the task of the first lines, unless that task is in a
          // call that this line does not resume.
          this.#mainNamed = prefix;
          return this.#main;
        }
      }
      this.#born(prefix);
      return prefix;
    }
    if (this.#alive.size === 1) for (const pid of this.#alive) return pid;
    if (this.#main < 0) {
      this.#main = this.#givenPid;
      this.#alive.add(this.#main);
    }
    return this.#main;
  }

  /** Handles the line on which a call is entered. Allocates no object per line, hence six parameters. */
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
    const list = this.#list;
    const close = list.scan(text, from, end);
    if (close < 0 && !unfinished) {
      this.#broken(pid, name, text, end, sink);
      return;
    }
    const call = new ParsedCall(pid, name, this.#number, list, unfinished);
    if (head.timeEnd > head.timeAt) call.time = text.slice(head.timeAt, head.timeEnd);
    if (head.ipEnd > head.ipAt) call.ip = text.slice(head.ipAt, head.ipEnd);
    if (unfinished) {
      this.#pending.set(pid, call);
      sink({ type: 'entry', pid, line: this.#number, call });
      return;
    }
    this.#return(call, text, close + 1, end, sink);
  }

  /** Handles a call without its closing parenthesis: broken by the program's own output or by copying, cut off, or strange. */
  #broken(pid: number, name: string, text: string, end: number, sink: LogSink): void {
    if (!this.#last && isCallName(name) && end - this.#from <= MAX_HELD) {
      const lastArg = this.#list.lastComma;
      if (!WRITES.has(name) || lastArg < 0) {
        this.#hold(text.slice(this.#from, end), 'copying');
        return;
      }
      // `write(2, "text", 66text`: the last argument is the number.
      let stop = lastArg + 1;
      while (stop < end && text.charCodeAt(stop) === 32) stop += 1;
      const digits = stop;
      while (stop < end && text.charCodeAt(stop) >= 48 && text.charCodeAt(stop) <= 57) stop += 1;
      if (stop > digits) {
        this.#hold(text.slice(this.#from, stop), 'output');
        return;
      }
      this.#hold(text.slice(this.#from, end), 'copying');
      return;
    }
    this.#strange(pid, 'its call has no closing parenthesis', sink);
  }

  /** Handles the line on which a call is resumed. Allocates no object per line, hence six parameters. */
  #resume(prefix: number, name: string, text: string, after: number, end: number, sink: LogSink): void {
    let pid = this.#pidOf(prefix, name);
    let call = this.#pending.get(pid);
    if (prefix < 0 && call?.name !== name) {
      // Without a pid: the task that is in a call of this name.
      const other = this.#pending.firstInside(name);
      if (other !== undefined) {
        pid = other;
        call = this.#pending.get(other);
      }
    }
    if (call?.name !== name) {
      const reason = call ? 'it resumes another call than the one begun' : 'it resumes a call that was never begun';
      this.#strange(pid, reason, sink);
      return;
    }
    // 4.x prints a blank after `resumed>`; when the task died in the call, the marker is printed once more.
    let from = after;
    if (text.startsWith(` ${UNFINISHED}`, from)) from += UNFINISHED.length + 1;
    const joined = call.argsText + text.slice(from, end);
    const close = this.#list.scan(joined, 0, joined.length);
    if (close < 0) {
      if (joined.endsWith(UNFINISHED) || joined.endsWith(DETACHED)) return;
      this.#strange(pid, 'its call has no closing parenthesis', sink);
      return;
    }
    this.#pending.delete(pid);
    call.resume(this.#list, this.#number, text.slice(this.#head.timeAt, this.#head.timeEnd));
    this.#return(call, joined, close + 1, joined.length, sink);
  }

  /** Reads the text after the closing parenthesis, and reports the call. */
  #return(call: ParsedCall, text: string, after: number, lineEnd: number, sink: LogSink): void {
    let at = after;
    let end = lineEnd;
    while (at < end && text.charCodeAt(at) === 32) at += 1;
    if (at >= end || text.charCodeAt(at) !== 61) {
      // `exit_group(1)` never returns, so a missing result is not strange.
      if (at < end || !ENDS.has(call.name)) {
        this.#strange(call.pid, 'its call has no result', sink);
        return;
      }
      text = '= ?';
      at = 0;
      end = 3;
    }
    at += 1;
    while (at < end && text.charCodeAt(at) === 32) at += 1;
    const next = joinedAt(text, at, end);
    if (next >= 0) {
      end = next;
      while (text.charCodeAt(end - 1) === 32) end -= 1;
    }
    if (text.charCodeAt(end - 1) === 62) {
      let open = end - 2;
      while (open > at && text.charCodeAt(open) !== 60) open -= 1;
      if (open > at && text.charCodeAt(open - 1) === 32 && isSeconds(text, open + 1, end - 1)) {
        call.elapsed = text.slice(open + 1, end - 1);
        end = open - 1;
      }
    }
    if (this.#last && next < 0 && text !== '= ?') {
      // Without a newline the result may be incomplete: the call counts as entered.
      this.#understood(sink);
      call.split = true;
      this.#pending.set(call.pid, call);
      if (call.entryLine === this.#number) sink({ type: 'entry', pid: call.pid, line: this.#number, call });
      return;
    }
    call.setResult(text, at, end);
    if (!readResult(call, text, at, end)) {
      this.#strange(call.pid, 'its result is not understood', sink);
      return;
    }
    this.#understood(sink);
    call.state = 'returned';
    if (call.ret !== null && call.ret > 0 && call.ret < PID_LIMIT && FORKS.has(call.name)) this.#born(call.ret);
    this.#framesCall = call;
    sink({ type: 'call', pid: call.pid, line: this.#number, call });
    if (next >= 0) this.#goOn(text, next);
  }

  /** Notes that further text of strace begins at `at`. */
  #goOn(text: string, at: number): void {
    this.#nextText = text;
    this.#nextAt = at;
  }

  #signal(pid: number, text: string, sink: LogSink): void {
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
      line: this.#number,
      signal: signalByName(name) ?? 0,
      name,
      code: code ? (signalCodeByName(code[1]!) ?? numeric(code[1]!)) : null,
      addr: address === null ? null : Number(address),
      stopped,
      text,
    });
  }

  #ended(pid: number, text: string, sink: LogSink): boolean {
    const exited = /^exited with (-?[0-9]{1,10})\b/.exec(text);
    if (exited) {
      this.#gone(pid, sink);
      sink({ type: 'exited', pid, line: this.#number, status: Number(exited[1]) });
      return true;
    }
    const killed = /^killed by ([A-Za-z0-9_]+)( \(core dumped\))?/.exec(text);
    if (killed) {
      this.#gone(pid, sink);
      const name = killed[1]!;
      sink({
        type: 'killed',
        pid,
        line: this.#number,
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
      sink({ type: 'superseded', pid, line: this.#number, by });
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
    sink({ type: 'pending', pid, line: this.#number, call });
  }

  #attached(text: string): void {
    const attached = /Process ([0-9]+) attached/.exec(text);
    if (attached && this.#main >= 0) this.#born(Number(attached[1]));
  }

  #note(text: string, sink: LogSink): void {
    this.#attached(text);
    sink({ type: 'note', pid: 0, line: this.#number, text });
  }

  /** Handles a line that does not begin as one of strace; a message may follow its first `head` characters. */
  #other(text: string, head: number, sink: LogSink): void {
    const trimmed = text.trim();
    if (trimmed === '') return;
    const message = text.slice(head).trim();
    if (/^(strace: |Process [0-9]+ |\[ Process PID=)/.test(message)) {
      this.#note(message, sink);
      return;
    }
    if (this.#skippedText !== '' && !this.#skippedEnds()) return;
    if (!this.#changed) {
      const prefix = this.#prefixes.find(text);
      if (prefix > 0) {
        this.#again(text.slice(prefix), sink);
        return;
      }
    }
    if (!this.#changed) {
      const close = fragmentEnd(text);
      if (close > 0) {
        // The end of a call whose beginning is missing, and further calls after it.
        const reason = this.#last ? 'the log ends in the middle of it' : 'it is not a line of strace';
        sink({ type: 'strange', pid: 0, line: this.#number, text: text.slice(0, close), reason });
        this.#again(text.slice(close), sink);
        return;
      }
      if (this.#unknownPrefix(text, sink)) return;
    }
    if (isShellLine(trimmed)) {
      sink({ type: 'note', pid: 0, line: this.#number, text: trimmed });
      return;
    }
    this.#strange(0, 'it is not a line of strace', sink);
  }

  /** Returns whether the last skipped call ends on its line; otherwise this line belongs to it. */
  #skippedEnds(): boolean {
    const text = this.#skippedText;
    const end = this.#skippedEnd;
    // A line that ends with a result or with `<unfinished ...>` is complete, whatever its strings contain.
    const tail = text.slice(Math.max(this.#skippedFrom, end - 100), end);
    if (tail.endsWith('...>') || / = (?:-?[0-9]|\?|0x)[^"]*$/.test(tail)) {
      this.#skippedText = '';
      return true;
    }
    return this.#list.scan(text, this.#skippedFrom, end) >= 0;
  }

  /** Reads the line without a prefix that the line before also has, or waits for the next line; returns false without one. */
  #unknownPrefix(text: string, sink: LogSink): boolean {
    if (this.#strangeLength < 0) return false;
    const learned = this.#prefixes.learn(text);
    const doubtful = this.#doubtful;
    if (learned === 'none') return false;
    if (learned === 'sure' && doubtful !== null) {
      this.#doubtful = null;
      const now = this.#number;
      this.#number = doubtful.line;
      this.#again(doubtful.text.slice(this.#prefixes.find(doubtful.text)), sink);
      this.#number = now;
      this.#again(text.slice(this.#prefixes.find(text)), sink);
      return true;
    }
    this.#settleDoubt(sink);
    this.#doubtful = { text: ownCopy(text), line: this.#number };
    return true;
  }
}

/** Calls that do not return. */
const ENDS: ReadonlySet<string> = new Set(['exit', 'exit_group']);

/** Returns where the first whole call begins on a line that begins in the middle of one; 0 without one. */
function fragmentEnd(text: string): number {
  for (let i = text.indexOf(') '); i >= 0; i = text.indexOf(') ', i + 1)) {
    let at = i + 1;
    while (text.charCodeAt(at) === 32) at += 1;
    if (text.charCodeAt(at) !== 61) continue;
    at += 1;
    while (text.charCodeAt(at) === 32) at += 1;
    const next = joinedAt(text, at, text.length);
    return Math.max(next, 0);
  }
  return 0;
}

const FORKS: ReadonlySet<string> = new Set(['fork', 'vfork', 'clone', 'clone2', 'clone3']);

/** Returns the index behind a call's name, including `?`: strace prints `????` for an unknown number. */
function nameEnd(text: string, from: number, end: number): number {
  let i = from;
  while (i < end) {
    const c = text.charCodeAt(i);
    if (!((c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 95 || (c >= 65 && c <= 90) || c === 63)) break;
    i += 1;
  }
  return i;
}

/** Returns whether a text has a word in [from, end). */
function isAt(text: string, from: number, end: number, word: string): boolean {
  if (word.length !== end - from) return false;
  for (let i = 0; i < word.length; i += 1) if (word.charCodeAt(i) !== text.charCodeAt(from + i)) return false;
  return true;
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
