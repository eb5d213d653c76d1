/**
 * Reads a question as people paste it: calls between prose, outputs of other commands, messages of programs, a C program.
 *
 * Lines of machine and process go to the situation; messages become the calls that they stand for; what is no call is left out
 * and counted. Strict first: a script of calls alone is read as parseScript reads it, so that a misspelt call stays an error.
 */
import { readPaste, type Told } from '@vmarea/situation';
import { errnoName } from '@vmarea/uapi';
import { SYSTEM_CALLS } from '../calls/system-calls.ts';
import { callNames, isKnownCall, parametersOf } from '../calls/verbs.ts';
import { ScriptError } from '../input/error.ts';
import { parseScript, type Call } from '../input/script.ts';
import { ASSUMED_FILE, SourceReader } from './c-source.ts';
import { MESSAGES } from './messages.ts';
import { outsideCause } from './outside.ts';

/** Something that is answered without making a call. */
export interface Statement {
  readonly line: number;
  /** What the text says there. */
  readonly text: string;
  readonly says: string;
  /** What to change. */
  readonly helps: readonly string[];
}

/** A question, read. */
export interface PastedQuestion {
  readonly told: Told;
  readonly calls: readonly Call[];
  readonly statements: readonly Statement[];
  /** What was taken to mean something else than it says. */
  readonly notes: readonly string[];
  /** Lines that were left out. */
  readonly skipped: readonly { readonly line: number; readonly text: string }[];
}

/** Lines that are no calls, where there are calls: at most this many characters of one are looked at. */
const MOST_LINE = 4000;
/** A message of each kind stands for one call. */
const MOST_MESSAGES = 4;

function parsedOrNull(text: string): Call[] | null {
  try {
    return parseScript(text);
  } catch (error) {
    if (error instanceof ScriptError) return null;
    throw error;
  }
}

/** Returns whether two words differ in at most two letters: one is the other, misspelt. */
function isNear(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 2 || a.length < 4) return false;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]! <= (a.length > 5 ? 2 : 1);
}

/** Words of C and of prose that are near the name of a call. */
const NOT_CALLS: ReadonlySet<string> = new Set('exit free read write mlocks fread fwrite strdup printf'.split(' '));

/** Returns whether a call has its arguments: prose names calls with empty parentheses. */
function isWhole(call: Call): boolean {
  try {
    parametersOf(call);
    return true;
  } catch (error) {
    // A line of a log is a call, whatever it has.
    if (error instanceof ScriptError) return call.recorded !== null || call.args.some((arg) => arg !== '');
    throw error;
  }
}

/** Returns whether a call is about files, and failed: rules of filesystems decide. */
function isOutside({ name }: Call): boolean {
  return SYSTEM_CALLS.has(name) && !/^(?:fork|vfork|clone3?)$/.test(name);
}

/** Reads the lines one after the other. */
class Reader {
  readonly calls: Call[] = [];
  readonly statements: Statement[] = [];
  readonly notes: string[] = [];
  readonly skipped: { line: number; text: string }[] = [];
  readonly #source = new SourceReader();
  readonly #lines: string[];
  readonly #told: ReadonlyMap<number, string>;
  #messages = 0;

  /**
   * @param text the text without the lines that told facts
   * @param told those lines, by number: some are messages as well
   */
  constructor(text: string, told: readonly (readonly [number, string])[]) {
    this.#lines = text.split('\n');
    this.#told = new Map(told);
  }

  read(): void {
    for (let i = 0; i < this.#lines.length; i++) i = this.#line(i);
    if (this.#source.asksSize)
      this.notes.push(`st_size is taken as ${ASSUMED_FILE}. For an empty file it is 0, and mmap answers EINVAL.`);
  }

  /** Reads the line of an index. Returns the index of the last line that it took. */
  #line(index: number): number {
    const line = this.#lines[index]!.replaceAll('\u00a0', ' ').slice(0, MOST_LINE);
    const told = this.#told.get(index + 1);
    if (told !== undefined) this.#message(told.slice(0, MOST_LINE), index);
    if (line.trim() === '') return index;
    if (this.#message(line, index)) return index;
    const source = this.#source.line(line);
    if (source !== null) {
      for (const text of source.script) this.#call(text, index);
      return index;
    }
    let end = index;
    let text = this.#source.replaced(line);
    // A call may go over several lines.
    while (
      /[a-z_]\w*\s*\([^()]*$|,\s*$|\|\s*$/.test(text) &&
      isOpen(text) &&
      end - index < 12 &&
      end + 1 < this.#lines.length
    )
      text += ` ${this.#source.replaced(this.#lines[++end]!.trim())}`;
    return this.#call(text, index) ? end : index;
  }

  #call(text: string, index: number): boolean {
    const parsed = parsedOrNull(text)?.map((call) => ({ ...call, line: index + 1 }));
    const known = parsed?.filter(({ name }) => isKnownCall(name)) ?? [];
    // A failure that other rules decide than those of memory.
    if (known.length === 1 && isOutside(known[0]!) && this.#outside(known[0]!)) return true;
    if (known.length > 0 && known.every(isWhole)) {
      this.calls.push(...known);
      for (const { assign } of known) if (assign !== null) this.#source.assigned(assign);
      return true;
    }
    const other = parsed?.[0];
    if (other !== undefined && this.#outside(other)) return true;
    if (other !== undefined) this.#misspelt(other);
    if (
      !/^[^A-Za-z]*$|^\s*#|^[\s{}();]*$|^\s*(?:#include|int main|return|\}|\{|else|exit|perror|printf|puts)/.test(text)
    )
      this.skipped.push({ line: index + 1, text: this.#lines[index]!.trim() });
    return false;
  }

  /** A call that is not made here, and failed for a known reason. */
  #outside({ name, args, recorded, line, text }: Call): boolean {
    if (recorded?.ret == null || recorded.ret >= 0) return false;
    const cause = outsideCause(name, errnoName(-recorded.ret), args);
    if (cause === undefined) return false;
    this.statements.push({ line, text: `${text} = ${recorded.text}`, ...cause });
    return true;
  }

  #misspelt({ name, recorded, line }: Call): void {
    if (recorded !== null || isKnownCall(name)) return;
    const meant = NOT_CALLS.has(name) ? undefined : callNames().find((known) => isNear(name, known));
    if (meant !== undefined) throw new ScriptError(`line ${line}: unknown call «${name}»: ${meant}?`);
  }

  #message(line: string, index: number): boolean {
    // Lines of strace quote the messages that a program writes.
    if (this.#messages >= MOST_MESSAGES || /^\s*(?:\[pid\s+\d+\]\s*)?[a-z_0-9]+\(/.test(line)) return false;
    for (const { pattern, meaning } of MESSAGES) {
      const match = pattern.exec(line);
      if (match === null) continue;
      this.#messages++;
      const { call, says, helps } = meaning(match);
      if (call === '') {
        if (!this.statements.some((statement) => statement.says === says))
          this.statements.push({ line: index + 1, text: line.trim(), says, helps });
      } else if (!this.calls.some(({ recorded }) => recorded !== null)) {
        this.notes.push(`Line ${index + 1} is ${says}`);
        this.#call(call, index);
      }
      return true;
    }
    return false;
  }
}

/** The lines of these numbers. */
function toldLines(text: string, numbers: ReadonlySet<number>): (readonly [number, string])[] {
  return text.split('\n').flatMap((line, index) => (numbers.has(index + 1) ? [[index + 1, line] as const] : []));
}

/** Returns whether a parenthesis of the text is still open. */
function isOpen(text: string): boolean {
  let depth = 0;
  for (const ch of text) depth += ch === '(' ? 1 : ch === ')' ? -1 : 0;
  return depth > 0;
}

/** Calls of strace that are not made and not known to fail for a reason are of no interest. */
function outsideStatements(calls: readonly Call[]): Statement[] {
  return calls.flatMap(({ name, args, recorded, line, text }) => {
    if (isKnownCall(name) || recorded?.ret == null || recorded.ret >= 0) return [];
    const cause = outsideCause(name, errnoName(-recorded.ret), args);
    return cause === undefined ? [] : [{ line, text: `${text} = ${recorded.text}`, ...cause }];
  });
}

/**
 * Reads a question.
 *
 * @throws ScriptError when it has neither a call nor a message that is known, with the line that was not understood
 */
export function readQuestion(text: string): PastedQuestion {
  const { told, rest, read } = readPaste(text);
  let strict: ScriptError | null = null;
  try {
    const calls = parseScript(rest);
    const statements = outsideStatements(calls);
    const unknown = calls.find(({ name, recorded }) => !isKnownCall(name) && recorded === null);
    if (unknown === undefined && (calls.some(({ name }) => isKnownCall(name)) || statements.length > 0))
      return { told, calls: calls.filter(({ name }) => isKnownCall(name)), statements, notes: [], skipped: [] };
    if (unknown !== undefined)
      strict = new ScriptError(
        `line ${unknown.line}: unknown call «${unknown.name}»; there are ${callNames().join(', ')}`,
      );
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    strict = error;
  }
  const reader = new Reader(rest, toldLines(text, read));
  reader.read();
  const { calls, statements, notes, skipped } = reader;
  // One line that is not understood is an error, not a note.
  if (calls.length === 0 && statements.length === 0) throw strict ?? new ScriptError('there is no call to explain');
  return { told, calls, statements, notes, skipped };
}
