// Reads and writes one line of /proc/PID/maps, column by column as the kernel writes it.
// Mirrors show_map_vma in fs/proc/task_mmu.c.

/** One mapping of /proc/PID/maps. */
export interface MapsLine {
  /** First address, bytes. */
  readonly start: number;
  /** First address behind it, bytes. */
  readonly end: number;
  readonly read: boolean;
  readonly write: boolean;
  readonly exec: boolean;
  /** `s` in the fourth place: changes are shared. */
  readonly shared: boolean;
  /** Offset into the file, bytes; 0 for anonymous memory. */
  readonly offset: number;
  readonly major: number;
  readonly minor: number;
  readonly inode: number;
  /** Path, `[heap]`, `[anon:name]`, …; empty for none. A removed file's ends in ` (deleted)`. */
  readonly name: string;
  /** The line as it was read, when it differs from the kernel's format (`0x` before addresses, other padding). */
  readonly printed?: string | undefined;
  /** VmFlags of smaps (`rd`, `wr`, `ac`, …); absent for a line of maps. */
  readonly vmFlags?: readonly string[] | undefined;
  /** The lines of smaps below the line, as read, without the last newline; absent for a line of maps. */
  readonly details?: string | undefined;
}

/** The column of the name, counted from 0: the kernel pads to it. */
const NAME_COLUMN = 73;

const BLANK = 32;

/** Reads a line from left to right; each step takes time proportional to what it reads. */
class Scanner {
  at = 0;
  readonly #text: string;
  readonly #end: number;

  constructor(text: string, end: number) {
    this.#text = text;
    this.#end = end;
  }

  /** Reads a number of at most 20 digits; NaN when there is none. */
  number(base: 10 | 16): number {
    const from = this.at;
    let value = 0;
    while (this.at < this.#end) {
      const c = this.#text.charCodeAt(this.at);
      const digit = c >= 48 && c <= 57 ? c - 48 : base === 16 && c >= 97 && c <= 102 ? c - 87 : -1;
      if (digit < 0) break;
      value = value * base + digit;
      this.at += 1;
    }
    return this.at === from || this.at - from > 20 ? NaN : value;
  }

  /** Reads an address, with or without `0x`. */
  address(): number {
    if (this.#text.startsWith('0x', this.at)) this.at += 2;
    return this.number(16);
  }

  /** Skips the next character if it is one of these. Returns its index in `characters`, or -1. */
  one(characters: string): number {
    const found = this.at < this.#end ? characters.indexOf(this.#text.charAt(this.at)) : -1;
    this.at += 1;
    return found;
  }

  /** Skips blanks. Returns how many there were. */
  blanks(most: number): number {
    const from = this.at;
    while (this.at < this.#end && this.at - from < most && this.#text.charCodeAt(this.at) === BLANK) this.at += 1;
    return this.at - from;
  }
}

/**
 * Parses one line without its newline. Formatting the result gives the same text, whoever printed it.
 * @returns null for an invalid line
 */
export function parseMapsLine(text: string): MapsLine | null {
  const end = text.endsWith('\r') ? text.length - 1 : text.length;
  const scan = new Scanner(text, end);
  const start = scan.address();
  if (scan.one('-') < 0) return null;
  const stop = scan.address();
  if (scan.one(' ') < 0) return null;
  const read = scan.one('-r');
  const write = scan.one('-w');
  const exec = scan.one('-x');
  const shared = scan.one('ps');
  if (Math.min(read, write, exec, shared, scan.one(' ')) < 0) return null;
  const offset = scan.number(16);
  if (scan.one(' ') < 0) return null;
  const major = scan.number(16);
  if (scan.one(':') < 0) return null;
  const minor = scan.number(16);
  if (scan.one(' ') < 0) return null;
  const inode = scan.number(10);
  if (Number.isNaN(start + stop + offset + major + minor + inode)) return null;
  if (scan.at < end && scan.blanks(1) === 0) return null;
  // The kernel pads to the name's column; a name may begin with blanks. Other programs pad differently.
  const padding = scan.at < NAME_COLUMN ? scan.blanks(NAME_COLUMN - scan.at) : 0;
  if (padding > 0 && scan.at < NAME_COLUMN) scan.blanks(Infinity);
  const rest = text.slice(scan.at, end);
  // Paths and the kernel's own names do not begin with blanks: the column was moved when the line was copied.
  const name = rest.startsWith(' ') && /^ {1,200}[[/]/.test(rest) ? rest.trimStart() : rest;
  const line: MapsLine = {
    start,
    end: stop,
    read: read === 1,
    write: write === 1,
    exec: exec === 1,
    shared: shared === 1,
    offset,
    major,
    minor,
    inode,
    name: name.includes('\\012') ? name.replaceAll('\\012', '\n') : name,
  };
  return canonical(line) === text ? line : { ...line, printed: text };
}

/** Formats permissions: `rw-p`. */
export function formatPermissions(line: Pick<MapsLine, 'read' | 'write' | 'exec' | 'shared'>): string {
  return `${line.read ? 'r' : '-'}${line.write ? 'w' : '-'}${line.exec ? 'x' : '-'}${line.shared ? 's' : 'p'}`;
}

/** Formats a line as the kernel does. */
function canonical(line: MapsLine): string {
  const head =
    `${hex8(line.start)}-${hex8(line.end)} ${formatPermissions(line)} ${hex8(line.offset)} ` +
    `${hex2(line.major)}:${hex2(line.minor)} ${line.inode} `;
  if (line.name === '') return head;
  // The kernel pads to the column before the name's, then always writes one more blank.
  return `${head.padEnd(NAME_COLUMN - 1)} ${line.name.includes('\n') ? line.name.replaceAll('\n', '\\012') : line.name}`;
}

/** Returns whether two lines describe the same mapping in any format. */
function sameLine(a: MapsLine, b: MapsLine): boolean {
  return (
    a.start === b.start &&
    a.end === b.end &&
    a.read === b.read &&
    a.write === b.write &&
    a.exec === b.exec &&
    a.shared === b.shared &&
    a.offset === b.offset &&
    a.major === b.major &&
    a.minor === b.minor &&
    a.inode === b.inode &&
    a.name === b.name
  );
}

/**
 * Formats one line without its newline: as it was read, or, if it was not read or has changed since, as the kernel prints it:
 * addresses of at least eight digits, the name in column 73 (or one blank behind a longer head), one blank at the end of a line
 * without a name, a newline in a name as `\012`.
 */
export function formatMapsLine(line: MapsLine): string {
  if (line.printed !== undefined) {
    const before = parseMapsLine(line.printed);
    if (before !== null && sameLine(before, line)) return line.printed;
  }
  return canonical(line);
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0');
}
