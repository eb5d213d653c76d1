// Reads and writes whole files of /proc/PID/maps and /proc/PID/smaps, and finds pieces of them in other programs' logs.

import { parseForeignMaps } from './foreign.ts';
import { formatMapsLine, type MapsLine, parseMapsLine } from './line.ts';

/** A whole file: its mappings, and its other lines (a program's output, for instance) with their numbers from 1. */
export interface ParsedMaps {
  readonly lines: readonly MapsLine[];
  /** The line number of each mapping in the text, from 1. */
  readonly numbers: readonly number[];
  readonly strange: readonly { readonly line: number; readonly text: string }[];
  /** The number of lines from which another program's prefix was removed (quoting, a time stamp). */
  readonly prefixed: number;
  /** The program that printed the map, and what it leaves out; absent for a map of the kernel. */
  readonly format?: string | undefined;
}

/** The longest prefix of another program. */
const REACH = 300;

/** Where a mapping begins behind a prefix. */
const BEGINS = /(?:0x)?[0-9a-f]{4,16}-(?:0x)?[0-9a-f]{4,16} [r-][w-][x-][ps] /;

/** Parses the mapping behind another program's prefix; null when there is none. A line in quotes is no line of a map. */
function behindPrefix(text: string): MapsLine | null {
  const match = BEGINS.exec(text.slice(0, REACH));
  if (match === null || match.index === 0 || /["(]/.test(text.slice(0, match.index))) return null;
  return parseMapsLine(text.slice(match.index));
}

/** Tests for `Rss:  4 kB`, `VmFlags: rd wr`, `THPeligible: 1`: a capital letter, letters, digits and underlines, a colon. */
function isDetail(text: string): boolean {
  const first = text.charCodeAt(0);
  if (first < 65 || first > 90) return false;
  for (let i = 1; i < text.length && i < 40; i += 1) {
    const c = text.charCodeAt(i);
    if (c === 58) return true;
    if (!((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 95)) return false;
  }
  return false;
}

function withDetails(line: MapsLine, details: readonly string[]): MapsLine {
  if (details.length === 0) return line;
  const flags = details.find((detail) => detail.startsWith('VmFlags:'));
  const text = details.join('\n');
  if (flags === undefined) return { ...line, details: text };
  return {
    ...line,
    details: text,
    vmFlags: flags
      .slice(8)
      .split(' ')
      .filter((flag) => flag.trim() !== ''),
  };
}

/** Parses all lines of a text of maps or smaps; a text without one may be a map that another program printed. */
export function parseMaps(text: string): ParsedMaps {
  const lines: MapsLine[] = [];
  const numbers: number[] = [];
  const strange: { line: number; text: string }[] = [];
  let details: string[] = [];
  let prefixed = 0;
  let number = 0;
  const close = (): void => {
    if (details.length > 0) lines.push(withDetails(lines.pop()!, details));
    details = [];
  };
  for (let from = 0; from <= text.length;) {
    const newline = text.indexOf('\n', from);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(from, end);
    from = end + 1;
    number += 1;
    if (lines.length > 0 && isDetail(line)) {
      details.push(line);
      continue;
    }
    if (line.trim() === '') continue;
    let parsed = parseMapsLine(line);
    if (parsed === null) {
      parsed = behindPrefix(line);
      if (parsed !== null) prefixed += 1;
    }
    if (parsed === null) {
      strange.push({ line: number, text: line });
      continue;
    }
    close();
    lines.push(parsed);
    numbers.push(number);
  }
  close();
  const foreign = lines.length === 0 ? parseForeignMaps(text) : null;
  if (foreign === null) return { lines, numbers, strange, prefixed };
  const taken = new Set(foreign.numbers);
  return { ...foreign, strange: strange.filter(({ line: at }) => !taken.has(at)), prefixed };
}

/** Formats all lines, each with its newline, and the lines of smaps below them. */
export function formatMaps(lines: readonly MapsLine[]): string {
  let text = '';
  for (const line of lines) {
    text += `${formatMapsLine(line)}\n`;
    if (line.details !== undefined) text += `${line.details}\n`;
  }
  return text;
}

/** Returns the figures of smaps for one line by name (`Rss`, `Private_Dirty`, …): bytes where smaps has kB. Empty for a line of maps. */
export function smapsFigures(line: MapsLine): ReadonlyMap<string, number> {
  const figures = new Map<string, number>();
  for (const detail of (line.details ?? '').split('\n')) {
    const match = /^([A-Za-z0-9_]{1,40}): {0,24}([0-9]{1,15})( kB)?\s*$/.exec(detail);
    if (match !== null) figures.set(match[1]!, Number(match[2]) * (match[3] === undefined ? 1 : 1024));
  }
  return figures;
}
