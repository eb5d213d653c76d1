// Splits the text between a call's parentheses into arguments, and parses single arguments. Handles strace's syntax (strings,
// brackets, comments, decorated descriptors), not the meaning of calls.

const QUOTE = 34;
const PAREN_OPEN = 40;
const PAREN_CLOSE = 41;
const STAR = 42;
const COMMA = 44;
const MINUS = 45;
const SLASH = 47;
const LESS = 60;
const GREATER = 62;
const BRACKET_OPEN = 91;
const BACKSLASH = 92;
const BRACKET_CLOSE = 93;
const BRACE_OPEN = 123;
const BRACE_CLOSE = 125;

/** Returns the index behind the string that begins at `i`, or `end` when it does not end. */
function skipString(text: string, i: number, end: number): number {
  for (let j = i + 1; j < end; j += 1) {
    const c = text.charCodeAt(j);
    if (c === BACKSLASH) j += 1;
    else if (c === QUOTE) return j + 1;
  }
  return end;
}

/** Returns whether the text before `<` makes it the decoration of a descriptor or pid (`3<`, `AT_FDCWD<`). */
function decorates(text: string, i: number, from: number): boolean {
  if (i <= from || text.charCodeAt(i + 1) === LESS) return false;
  const before = text.charCodeAt(i - 1);
  if (before >= 48 && before <= 57) return true;
  return before === 68 && text.startsWith('AT_FDCWD', i - 8);
}

/** Tests what follows the `>` that may close a decoration. Older versions do not escape a `>` inside of a path. */
function closesDecoration(text: string, i: number, end: number): boolean {
  if (i + 1 >= end) return true;
  const c = text.charCodeAt(i + 1);
  return (
    c === COMMA ||
    c === PAREN_CLOSE ||
    c === BRACKET_CLOSE ||
    c === BRACE_CLOSE ||
    c === PAREN_OPEN ||
    c === 32 ||
    c === GREATER
  );
}

/** Returns the index behind the decoration that begins at `i`, or `end`. Decorations nest: `0</dev/pts/0<char 136:0>>`. */
function skipDecoration(text: string, i: number, end: number): number {
  let depth = 1;
  for (let j = i + 1; j < end; j += 1) {
    const c = text.charCodeAt(j);
    if (c === LESS) depth += 1;
    else if (c === GREATER && text.charCodeAt(j - 1) !== MINUS && (depth > 1 || closesDecoration(text, j, end))) {
      depth -= 1;
      if (depth === 0) return j + 1;
    }
  }
  return end;
}

/** Returns the index of the slash that ends the comment whose text begins at `from`, or -1. */
function commentEnd(text: string, from: number, end: number): number {
  for (let i = from; i + 1 < end; i += 1) {
    if (text.charCodeAt(i) === STAR && text.charCodeAt(i + 1) === SLASH) return i + 1;
  }
  return -1;
}

/** More commas than a call of strace has; further ones need a larger array. */
const COMMAS = 16;

/** An argument list that was scanned: its text, and the commas at its top level. One object is reused for many lists. */
export class ArgList {
  text = '';
  /** The index behind the opening parenthesis. */
  from = 0;
  /** The index of the closing parenthesis, or of the text's end without one. */
  end = 0;
  /** The number of commas, and their indexes in order. */
  count = 0;
  commas: Int32Array = new Int32Array(COMMAS);
  /** The call whose list it is, as long as that is so. */
  owner: object | null = null;

  /**
   * Scans the list that begins at `from`.
   *
   * @param from - just behind the opening parenthesis
   * @param end - end of the line
   * @returns the index of the parenthesis that closes the list, or -1
   */
  scan(text: string, from: number, end: number): number {
    this.owner = null;
    this.text = text;
    this.from = from;
    this.count = 0;
    const close = this.#close(text, from, end);
    this.end = close < 0 ? end : close;
    return close;
  }

  #close(text: string, from: number, end: number): number {
    let depth = 0;
    let comments = true;
    for (let i = from; i < end; i += 1) {
      const c = text.charCodeAt(i);
      // Most characters are letters, `_`, digits and blanks.
      if ((c > SLASH && c < LESS) || (c > GREATER && c < BRACKET_OPEN) || (c > BRACKET_CLOSE && c < BRACE_OPEN))
        continue;
      switch (c) {
        case QUOTE:
          i = skipString(text, i, end) - 1;
          break;
        case PAREN_OPEN:
        case BRACKET_OPEN:
        case BRACE_OPEN:
          depth += 1;
          break;
        case PAREN_CLOSE:
          if (depth === 0) return i;
          depth -= 1;
          break;
        case BRACKET_CLOSE:
        case BRACE_CLOSE:
          if (depth > 0) depth -= 1;
          break;
        case COMMA:
          if (depth === 0) this.#comma(i);
          break;
        case LESS:
          if (text.charCodeAt(i + 1) === LESS) i += 1;
          else if (decorates(text, i, from)) i = skipDecoration(text, i, end) - 1;
          break;
        case SLASH:
          if (text.charCodeAt(i + 1) === STAR) {
            if (comments) {
              const close = commentEnd(text, i + 2, end);
              // When one comment does not end, no later one does.
              if (close < 0) comments = false;
              else i = close;
            }
          }
          break;
        default:
      }
    }
    return -1;
  }

  #comma(i: number): void {
    if (this.count === this.commas.length) {
      const more = new Int32Array(2 * this.count);
      more.set(this.commas);
      this.commas = more;
    }
    this.commas[this.count++] = i;
  }

  /** The index of the last comma; -1 without one. */
  get lastComma(): number {
    return this.count === 0 ? -1 : this.commas[this.count - 1]!;
  }

  /** The number of arguments: none in an empty list, and none behind a last comma. */
  get length(): number {
    const { count } = this;
    return this.startOf(count) >= this.endOf(count) ? count : count + 1;
  }

  /** The index of the first character of an argument that is no blank. */
  startOf(index: number): number {
    const { text } = this;
    const end = index < this.count ? this.commas[index]! : this.end;
    let i = index === 0 ? this.from : this.commas[index - 1]! + 1;
    while (i < end && text.charCodeAt(i) === 32) i += 1;
    return i;
  }

  /** The index behind the last character of an argument that is no blank; at most {@link startOf} when it is empty. */
  endOf(index: number): number {
    const { text } = this;
    const start = index === 0 ? this.from : this.commas[index - 1]! + 1;
    let i = index < this.count ? this.commas[index]! : this.end;
    while (i > start && text.charCodeAt(i - 1) === 32) i -= 1;
    return i;
  }

  /** Returns an argument as printed, without blanks at both ends; empty when it is missing. */
  argument(index: number): string {
    return index > this.count ? '' : this.text.slice(this.startOf(index), this.endOf(index));
  }

  /** Returns all arguments. */
  cut(): string[] {
    const parts: string[] = [];
    const { length } = this;
    for (let i = 0; i < length; i += 1) parts.push(this.argument(i));
    return parts;
  }
}

const SPLIT = new ArgList();

/** Splits the arguments of a text that contains nothing else. */
export function splitArgs(text: string): string[] {
  SPLIT.scan(text, 0, text.length);
  const parts = SPLIT.cut();
  SPLIT.text = '';
  return parts;
}

/** A number of up to 64 bits: a JS number where that is exact, a bigint above. */
export type Register = number | bigint;

/** Returns an argument without its comments: `0x3 /* PROT_READ|PROT_WRITE *\/` becomes `0x3`. */
export function withoutComment(text: string): string {
  const at = text.indexOf('/*');
  if (at < 0) return text;
  if (at > 0) return text.slice(0, at).trim();
  const close = text.indexOf('*/');
  return close < 0 ? '' : text.slice(close + 2).trim();
}

/**
 * Parses a number: decimal, hexadecimal, `NULL`, a product (`8192*1024`).
 * @returns null for other text
 */
export function parseRegister(argument: string): Register | null {
  const text = withoutComment(argument);
  const first = text.charCodeAt(0);
  if (first === 78) return text === 'NULL' ? 0 : null;
  if (!((first >= 48 && first <= 57) || first === MINUS)) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  if (value === value) return /^-?([0-9]+|0x[0-9a-f]+)$/i.test(text) && Number.isFinite(value) ? BigInt(text) : null;
  const star = text.indexOf('*');
  if (star < 0) return null;
  const a = Number(text.slice(0, star));
  const b = Number(text.slice(star + 1));
  return Number.isSafeInteger(a * b) ? a * b : null;
}

/**
 * Reads a number in place: what most arguments are, decimal or hexadecimal of up to 53 bits, or `NULL`.
 * @returns NaN for everything else, which {@link parseRegister} may read
 */
export function plainNumber(text: string, from: number, end: number): number {
  let i = from;
  let value = 0;
  let c = text.charCodeAt(i);
  if (c === 78) return end - i === 4 && text.startsWith('NULL', i) ? 0 : NaN;
  if (c === 48 && text.charCodeAt(i + 1) === 120) {
    i += 2;
    // Thirteen digits have 52 bits.
    if (i >= end || end - i > 13) return NaN;
    for (; i < end; i += 1) {
      c = text.charCodeAt(i);
      if (c >= 48 && c <= 57) value = value * 16 + (c - 48);
      else if (c >= 97 && c <= 102) value = value * 16 + (c - 87);
      else return NaN;
    }
    return value;
  }
  const negative = c === MINUS;
  if (negative) i += 1;
  if (i >= end || end - i > 15) return NaN;
  for (; i < end; i += 1) {
    c = text.charCodeAt(i);
    if (c < 48 || c > 57) return NaN;
    value = value * 10 + (c - 48);
  }
  return negative && value !== 0 ? -value : value;
}

/** Like {@link parseRegister} for arguments that C takes as a 32-bit int: `0xffffffff` and 4294967295 are -1. */
export function parseInt32(argument: string): number | null {
  const value = parseRegister(argument);
  if (value === null) return null;
  if (typeof value === 'bigint') return Number(BigInt.asIntN(32, value));
  return value >= -0x80000000 && value <= 0xffffffff ? value | 0 : null;
}

/** Parses a file mode: octal with a leading zero, as strace prints it. */
export function parseMode(argument: string): number | null {
  const text = withoutComment(argument);
  if (/^0[0-7]*$/.test(text)) return parseInt(text, 8);
  const value = parseRegister(text);
  return typeof value === 'number' ? value : null;
}

/** A descriptor: its number, and its decoration from `-y`. */
export interface Descriptor {
  /** -100 for AT_FDCWD. */
  readonly fd: number;
  /** The decoration: a path, or `pipe:[123]`, `socket:[…]`, `TCP:[…]`; null without one. */
  readonly path: string | null;
  /** Whether the file had no name any more (`<…>(deleted)`). */
  readonly deleted: boolean;
}

/** Parses an argument or a result as a descriptor; null for other text. */
export function parseDescriptor(argument: string): Descriptor | null {
  let open = argument.indexOf('<');
  if (open < 0) {
    const bare = withoutComment(argument);
    if (bare === 'AT_FDCWD') return { fd: -100, path: null, deleted: false };
    const fd = parseInt32(bare);
    return fd === null ? null : { fd, path: null, deleted: false };
  }
  const head = argument.slice(0, open);
  const fd = head === 'AT_FDCWD' ? -100 : parseInt32(head);
  if (fd === null) return null;
  const close = skipDecoration(argument, open, argument.length);
  const deleted = argument.startsWith('(deleted)', close);
  // `</dev/pts/0<char 136:0>>`: the path ends where the inner decoration begins.
  let stop = close - 1;
  const from = open + 1;
  open = argument.indexOf('<', from);
  if (open > from && open < stop) stop = open;
  return { fd, path: unescapeText(argument, from, stop), deleted };
}

/** A string argument: its text, and whether strace shortened it (`"abc"...`). */
export interface TextArgument {
  readonly value: string;
  readonly truncated: boolean;
}

/**
 * Parses a string argument. Bytes above 127 are read as UTF-8, or as Latin-1 when they are no UTF-8.
 * @param bytes - whether to keep each byte as one character
 * @returns null for another argument (`NULL`, an address)
 */
export function parseText(argument: string, bytes: boolean = false): TextArgument | null {
  if (argument.charCodeAt(0) !== QUOTE) return null;
  const stop = skipString(argument, 0, argument.length);
  return { value: unescapeText(argument, 1, stop - 1, bytes), truncated: argument.startsWith('...', stop) };
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  n: 10,
  t: 9,
  r: 13,
  v: 11,
  f: 12,
  a: 7,
  b: 8,
  '"': 34,
  '\\': 92,
};

/**
 * Returns a piece of text without strace's escapes.
 * The result is a copy: a slice would keep a whole block of the log in memory.
 */
export function unescapeText(text: string, from: number, end: number, bytes: boolean = false): string {
  const codes: number[] = [];
  let high = false;
  for (let i = from; i < end; i += 1) {
    const c = text.charCodeAt(i);
    if (c !== BACKSLASH) {
      codes.push(c);
      continue;
    }
    const next = text.charCodeAt(i + 1);
    if (next >= 48 && next <= 55) {
      let value = 0;
      let j = i + 1;
      while (j < end && j < i + 4 && text.charCodeAt(j) >= 48 && text.charCodeAt(j) <= 55) {
        value = value * 8 + text.charCodeAt(j) - 48;
        j += 1;
      }
      if (value > 127) high = true;
      codes.push(value & 255);
      i = j - 1;
    } else if (next === 120) {
      const value = parseInt(text.slice(i + 2, i + 4), 16);
      if (value > 127) high = true;
      codes.push(Number.isNaN(value) ? next : value);
      i += 3;
    } else {
      codes.push(SIMPLE_ESCAPES[text.charAt(i + 1)] ?? next);
      i += 1;
    }
  }
  const raw = fromCodes(codes);
  return high && !bytes ? fromUtf8(raw) : raw;
}

/** Builds a string from its codes, in pieces that fit the stack. */
function fromCodes(codes: readonly number[]): string {
  let result = '';
  for (let i = 0; i < codes.length; i += 4096) result += String.fromCharCode(...codes.slice(i, i + 4096));
  return result;
}

function fromUtf8(bytes: string): string {
  let escaped = '';
  for (let i = 0; i < bytes.length; i += 1) {
    const code = bytes.charCodeAt(i);
    if (code > 255) return bytes;
    escaped += `%${code.toString(16).padStart(2, '0')}`;
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    return bytes;
  }
}

/**
 * Formats a string as strace does: octal escapes, as short as the next character allows.
 * @param value - characters up to 255 are bytes; others are written as their UTF-8 bytes
 * @param limit - the length in bytes after which it is cut and `...` is added; strace's own limit is 32
 */
export function formatText(value: string, limit: number = Infinity): string {
  const bytes: number[] = [];
  for (const character of value) {
    const code = character.codePointAt(0)!;
    if (code < 128) bytes.push(code);
    else for (const piece of encodeURIComponent(character).slice(1).split('%')) bytes.push(parseInt(piece, 16));
  }
  const shown = Math.min(bytes.length, limit);
  let text = '"';
  for (let i = 0; i < shown; i += 1) {
    const c = bytes[i]!;
    if (c === 34) text += '\\"';
    else if (c === 92) text += '\\\\';
    else if (c >= 32 && c < 127) text += String.fromCharCode(c);
    else if (c === 10) text += '\\n';
    else if (c === 9) text += '\\t';
    else if (c === 13) text += '\\r';
    else if (c === 11) text += '\\v';
    else if (c === 12) text += '\\f';
    else {
      const next = i + 1 < shown ? bytes[i + 1]! : 0;
      const digitFollows = next >= 48 && next <= 57;
      text += `\\${digitFollows ? c.toString(8).padStart(3, '0') : c.toString(8)}`;
    }
  }
  return shown < bytes.length ? `${text}"...` : `${text}"`;
}

/**
 * Parses the fields of a struct argument (`{flags=O_RDONLY, mode=0}`) or of named arguments (`child_stack=NULL, flags=…`).
 * Parts without a name are left out.
 */
export function parseFields(argument: string): Map<string, string> {
  const fields = new Map<string, string>();
  const text = argument.startsWith('{') ? argument.slice(1, argument.endsWith('}') ? -1 : undefined) : argument;
  for (const part of splitArgs(text)) {
    const equals = part.indexOf('=');
    if (equals > 0) fields.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return fields;
}
