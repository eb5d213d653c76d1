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

/**
 * Returns the index of the parenthesis that closes the argument list beginning at `from`, or -1.
 * @param text - the line
 * @param from - just behind the opening parenthesis
 * @param end - end of the line
 * @param commas - receives the indexes of the commas at the top level, in order
 */
export function scanArgs(text: string, from: number, end: number, commas: number[]): number {
  let depth = 0;
  let comments = true;
  commas.length = 0;
  for (let i = from; i < end; i += 1) {
    switch (text.charCodeAt(i)) {
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
        if (depth === 0) commas.push(i);
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

/** Returns the parts between the commas of a scanned list, without blanks at both ends. No parts for an empty list. */
export function cutArgs(text: string, from: number, end: number, commas: readonly number[]): string[] {
  const parts: string[] = [];
  let start = from;
  for (let i = 0; i <= commas.length; i += 1) {
    const stop = i < commas.length ? commas[i]! : end;
    let a = start;
    let b = stop;
    while (a < b && text.charCodeAt(a) === 32) a += 1;
    while (b > a && text.charCodeAt(b - 1) === 32) b -= 1;
    parts.push(text.slice(a, b));
    start = stop + 1;
  }
  if (parts.length > 0 && parts[parts.length - 1] === '') parts.pop();
  return parts;
}

/** Splits the arguments of a text that contains nothing else: scanArgs and cutArgs in one. */
export function splitArgs(text: string): string[] {
  const commas: number[] = [];
  const close = scanArgs(text, 0, text.length, commas);
  return cutArgs(text, 0, close < 0 ? text.length : close, commas);
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
