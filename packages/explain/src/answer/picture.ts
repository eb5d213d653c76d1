/**
 * Draws a small picture of the address space around a call: areas, holes, guard gaps, the hint, and the changes.
 */
import type { MmSystem } from '@vmarea/mm-core';
import { bytes } from '@vmarea/what-if';

/** A row of the picture, from high addresses to low ones, as usual for stacks and heaps. */
export interface PictureRow {
  readonly start: number;
  readonly end: number;
  readonly kind: 'area' | 'new' | 'gone' | 'hole' | 'gap' | 'mark';
  /** Rights and name of an area, or the text of a mark. */
  readonly text: string;
}

/** A line of a map with its bounds. */
interface Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly raw: string;
}

/** The number of areas on each side of the focus. */
const AROUND = 1;
/** The largest number of rows. */
const MAX_ROWS = 8;

function linesOf(maps: string): Line[] {
  return maps
    .split('\n')
    .filter((raw) => raw !== '')
    .map((raw) => {
      const match = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(raw);
      return match === null
        ? { start: 0, end: 0, text: raw, raw }
        : {
            start: parseInt(match[1]!, 16),
            end: parseInt(match[2]!, 16),
            text: `${match[3]!} ${match[4]!}`.trim(),
            raw,
          };
    });
}

/** The data for a picture. */
export interface PictureSubject {
  readonly before: string;
  readonly after: string;
  /** The part of the address space to show: what changed, or what the call named. */
  readonly focus: readonly [start: number, end: number] | null;
  /** Addresses to mark, with a text. */
  readonly marks: readonly (readonly [address: number, text: string])[];
  readonly system: MmSystem;
}

/** Returns the index of the first line that ends above an address. */
function firstAbove(lines: readonly Line[], address: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Returns the rows around the focus; none when there is nothing to show. */
export function pictureOf({ before, after, focus, marks, system }: PictureSubject): PictureRow[] {
  if (focus === null) return [];
  const old = new Set(before.split('\n'));
  const kept = new Set(after.split('\n'));
  const now = linesOf(after);
  const [start, end] = focus;
  const from = Math.max(0, firstAbove(now, start) - AROUND);
  let to = firstAbove(now, end - 1);
  if (to < now.length && now[to]!.start < end) to++;
  const shown = now.filter(({ text }) => !text.includes('[vsyscall]')).slice(from, Math.min(now.length, to + AROUND));
  const low = shown[0]?.start ?? start;
  const high = shown.at(-1)?.end ?? end;
  const gone = linesOf(before).filter((line) => !kept.has(line.raw) && line.end > low && line.start < high);
  const rows: PictureRow[] = [];
  let previous: Line | null = null;
  for (const line of shown) {
    if (previous !== null && previous.end < line.start) {
      const gap = line.text.includes('[stack]') ? Math.min(system.stackGuardGap, line.start - previous.end) : 0;
      if (line.start - gap > previous.end)
        rows.push({ start: previous.end, end: line.start - gap, kind: 'hole', text: 'hole' });
      if (gap > 0) rows.push({ start: line.start - gap, end: line.start, kind: 'gap', text: 'guard gap of the stack' });
    }
    rows.push({ start: line.start, end: line.end, kind: old.has(line.raw) ? 'area' : 'new', text: line.text });
    previous = line;
  }
  for (const line of gone.slice(0, 3)) rows.push({ start: line.start, end: line.end, kind: 'gone', text: line.text });
  for (const [address, text] of marks) rows.push({ start: address, end: address, kind: 'mark', text });
  rows.sort((a, b) => b.start - a.start || b.end - a.end);
  return shorten(rows, focus);
}

/** Keeps the rows nearest to the focus. */
function shorten(rows: PictureRow[], [start, end]: readonly [number, number]): PictureRow[] {
  if (rows.length <= MAX_ROWS) return rows;
  const weight = ({ kind, start: s, end: e }: PictureRow): number => {
    if (kind === 'mark' || kind === 'gone') return 0;
    if (kind === 'new') return 1;
    return e <= start ? 2 + (start - e) / 2 ** 60 : s >= end ? 2 + (s - end) / 2 ** 60 : 1.5;
  };
  const best = new Set([...rows].sort((a, b) => weight(a) - weight(b)).slice(0, MAX_ROWS));
  return rows.filter((row) => best.has(row));
}

const SIGNS: Readonly<Record<PictureRow['kind'], string>> = {
  area: ' ',
  new: '+',
  gone: '-',
  hole: ' ',
  gap: ' ',
  mark: '→',
};

/** Formats the picture, one line per row. */
export function formatPicture(rows: readonly PictureRow[]): string[] {
  const digits = Math.max(8, ...rows.map(({ end }) => end.toString(16).length));
  const address = (value: number): string => value.toString(16).padStart(digits);
  return rows.map(({ start, end, kind, text }) => {
    if (kind === 'mark') return `${SIGNS.mark} ${address(start)}${' '.repeat(digits + 1)} ${text}`;
    const what = kind === 'hole' || kind === 'gap' ? `${bytes(end - start)} ${text}` : `${bytes(end - start)} ${text}`;
    return `${SIGNS[kind]} ${address(start)}-${address(end)} ${kind === 'hole' || kind === 'gap' ? `(${what})` : what}`;
  });
}
