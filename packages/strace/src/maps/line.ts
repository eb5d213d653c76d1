// One line of /proc/PID/maps, both ways, column by column as the kernel writes it.
// Mirrors show_map_vma in fs/proc/task_mmu.c.

/** One mapping, as its line in /proc/PID/maps says. */
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
  /** The line as it was read, where it is not printed as the kernel prints it (`0x` before addresses, other padding). */
  readonly printed?: string | undefined;
  /** VmFlags of smaps (`rd`, `wr`, `ac`, …); left out for a line of maps. */
  readonly vmFlags?: readonly string[] | undefined;
  /** What smaps says below the line, as read, without the last newline; left out for a line of maps. */
  readonly details?: string | undefined;
}

/** Column in which the name begins: the kernel pads to it, counting from 0. */
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

  /** A number of at most 20 digits; NaN when there is none. */
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

  /** An address, with or without `0x`. */
  address(): number {
    if (this.#text.startsWith('0x', this.at)) this.at += 2;
    return this.number(16);
  }

  /** Whether one of these characters comes next: its index, or -1. It is stepped over. */
  one(characters: string): number {
    const found = this.at < this.#end ? characters.indexOf(this.#text.charAt(this.at)) : -1;
    this.at += 1;
    return found;
  }

  /** Steps over blanks; how many there were. */
  blanks(most: number): number {
    const from = this.at;
    while (this.at < this.#end && this.at - from < most && this.#text.charCodeAt(this.at) === BLANK) this.at += 1;
    return this.at - from;
  }
}

/**
 * One line without its newline. Formatting what comes out gives the same text again, whoever printed it.
 * @returns null for a line that is none
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
  // The kernel fills up to the name's column; a name may begin with blanks of its own. Others pad differently.
  const padding = scan.at < NAME_COLUMN ? scan.blanks(NAME_COLUMN - scan.at) : 0;
  if (padding > 0 && scan.at < NAME_COLUMN) scan.blanks(Infinity);
  const name = text.slice(scan.at, end);
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

/** `rw-p`. */
export function formatPermissions(line: Pick<MapsLine, 'read' | 'write' | 'exec' | 'shared'>): string {
  return `${line.read ? 'r' : '-'}${line.write ? 'w' : '-'}${line.exec ? 'x' : '-'}${line.shared ? 's' : 'p'}`;
}

/** As the kernel prints it. */
function canonical(line: MapsLine): string {
  const head =
    `${hex8(line.start)}-${hex8(line.end)} ${formatPermissions(line)} ${hex8(line.offset)} ` +
    `${hex2(line.major)}:${hex2(line.minor)} ${line.inode} `;
  if (line.name === '') return head;
  // The kernel fills up to the column before the name's, then writes one more blank in any case.
  return `${head.padEnd(NAME_COLUMN - 1)} ${line.name.includes('\n') ? line.name.replaceAll('\n', '\\012') : line.name}`;
}

/** Whether two lines say the same, however they were printed. */
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
 * One line without its newline: as it was read, or, where it was not read or has been changed since, as the kernel prints
 * it: addresses of at least eight digits, the name in column 73 (or one blank behind a longer head), a line without a name
 * with one blank at its end, a newline in a name as `\012`.
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
