/** Builds the history of a process from a series of its maps or smaps. */
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_SHARED, VM_WRITE } from '@vmarea/mm-core';
import { smapsFigures, type MapsLine } from '@vmarea/strace';
import { History } from './history.ts';
import { Table, type AreaRow } from './table.ts';

/** One map of a series. */
export interface MapOfSeries {
  /** Its title: a time, or a file's name. */
  readonly title: string;
  readonly lines: readonly MapsLine[];
}

function flagsOf(line: MapsLine): number {
  return (
    (line.read ? VM_READ : 0) |
    (line.write ? VM_WRITE : 0) |
    (line.exec ? VM_EXEC : 0) |
    (line.shared ? VM_SHARED | VM_MAYSHARE : 0)
  );
}

/** Returns the resident bytes; null when no line contains them. */
function residentOf(lines: readonly MapsLine[]): number | null {
  let sum: number | null = null;
  for (const line of lines) {
    const rss = line.details === undefined ? undefined : smapsFigures(line).get('Rss');
    if (rss !== undefined) sum = (sum ?? 0) + rss;
  }
  return sum;
}

/** Builds the history of one address space from its maps, in their order: each map is a step. */
export function historyOfMaps(maps: readonly MapOfSeries[]): History {
  const table = new Table();
  const space = table.addSpace(0, 1);
  const row = table.spaces[space]!;
  for (const [i, { title, lines }] of maps.entries()) {
    const moment = table.addStep({
      kind: 'map',
      line: i + 1,
      pid: 0,
      space,
      number: 0,
      name: 'map',
      text: title,
      result: null,
      recorded: null,
      reason: null,
    });
    const sorted = [...lines].sort((a, b) => a.start - b.start);
    const now = sorted.map((line): AreaRow => {
      const { start, end, offset, name, major, minor, inode } = line;
      return { start, end, offset, flags: flagsOf(line), identity: table.identityOf({ name, major, minor, inode }) };
    });
    table.replace(space, [0, row.alive.length], now, moment);
    table.settle(space, moment, residentOf(lines));
    if (row.program === '') row.program = sorted.find((line) => line.name.startsWith('/'))?.name ?? '';
  }
  return new History(table);
}

/** A line between the maps of one text: `# 12:00:05`, or `=== 12:00:05 ===`. */
const TITLE = /^(?:#+|={3,}|-{3,})[ \t]*(.{0,200}?)[ \t]*(?:={3,}|-{3,})?$/;

/** A part of a text with several maps. */
export interface SeriesPart {
  readonly title: string;
  readonly text: string;
}

/**
 * Cuts a text with several maps into one part for each. Before each map stands a line that begins with `#`, `===` or `---` and
 * says when it was taken. A text without such lines is one part without a title.
 */
export function splitSeries(text: string): SeriesPart[] {
  const parts: SeriesPart[] = [];
  let title = '';
  let lines: string[] = [];
  const close = (): void => {
    if (lines.some((line) => line.trim() !== '')) parts.push({ title, text: `${lines.join('\n')}\n` });
    lines = [];
  };
  for (const line of text.split('\n')) {
    const match = line.length > 300 ? null : TITLE.exec(line);
    if (match === null) {
      lines.push(line);
      continue;
    }
    close();
    title = match[1]!.trim();
  }
  close();
  return parts;
}
