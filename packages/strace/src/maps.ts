// The text of /proc/PID/maps, both ways, column by column as the kernel writes it.
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
}

/** Column in which the name begins: the kernel pads to it, counting from 0. */
const NAME_COLUMN = 73;

const LINE =
  /^([0-9a-f]+)-([0-9a-f]+) ([r-])([w-])([x-])([ps]) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) ([0-9]+)(?: +(.*)| *)$/;

/**
 * One line without its newline.
 * @returns null for a line that is none
 */
export function parseMapsLine(text: string): MapsLine | null {
  const match = LINE.exec(text.endsWith('\r') ? text.slice(0, -1) : text);
  if (!match) return null;
  return {
    start: parseInt(match[1]!, 16),
    end: parseInt(match[2]!, 16),
    read: match[3] === 'r',
    write: match[4] === 'w',
    exec: match[5] === 'x',
    shared: match[6] === 's',
    offset: parseInt(match[7]!, 16),
    major: parseInt(match[8]!, 16),
    minor: parseInt(match[9]!, 16),
    inode: Number(match[10]),
    name: match[11] === undefined ? '' : match[11].replaceAll('\\012', '\n'),
  };
}

/** A whole file: its mappings, and the lines that are none (a program's other output, for instance) with their numbers from 1. */
export interface ParsedMaps {
  readonly lines: readonly MapsLine[];
  readonly strange: readonly { readonly line: number; readonly text: string }[];
}

/** All lines of a text. */
export function parseMaps(text: string): ParsedMaps {
  const lines: MapsLine[] = [];
  const strange: { line: number; text: string }[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number += 1;
    if (line.trim() === '') continue;
    const parsed = parseMapsLine(line);
    if (parsed) lines.push(parsed);
    else strange.push({ line: number, text: line });
  }
  return { lines, strange };
}

/** `rw-p`. */
export function formatPermissions(line: Pick<MapsLine, 'read' | 'write' | 'exec' | 'shared'>): string {
  return `${line.read ? 'r' : '-'}${line.write ? 'w' : '-'}${line.exec ? 'x' : '-'}${line.shared ? 's' : 'p'}`;
}

/**
 * One line without its newline: addresses of at least eight digits, the name in column 73 (or one blank behind a longer
 * head). A line without a name ends in one blank. A newline in a name becomes `\012`.
 */
export function formatMapsLine(line: MapsLine): string {
  const head =
    `${hex8(line.start)}-${hex8(line.end)} ${formatPermissions(line)} ${hex8(line.offset)} ` +
    `${hex2(line.major)}:${hex2(line.minor)} ${line.inode} `;
  if (line.name === '') return head;
  // The kernel fills up to the column before the name's, then writes one more blank in any case.
  return `${head.padEnd(NAME_COLUMN - 1)} ${line.name.replaceAll('\n', '\\012')}`;
}

/** All lines, each with its newline. */
export function formatMaps(lines: readonly MapsLine[]): string {
  let text = '';
  for (const line of lines) text += `${formatMapsLine(line)}\n`;
  return text;
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0');
}
