/** Rows for the page: steps, areas and changes as text. */
import type { Area, Change, Step } from '@vmarea/history';
import { formatMapsLine } from '@vmarea/strace';
import { errnoName, escapeText, shortText } from '@vmarea/uapi';
import { MARKS, type AreaColumns, type AreaLine, type ChangeLine, type Row } from './protocol.ts';

/** Characters of a step's text that are shown. */
const SHOWN = 400;

/** Calls that return an address. */
const ADDRESSES = /^(?:mmap|mmap2|old_mmap|mremap|brk|shmat)$/;

/** A result as strace prints it. */
export function resultText(name: string, result: number | null): string {
  if (result === null) return '?';
  if (result < 0) return `-1 ${errnoName(result)}`;
  return ADDRESSES.test(name) && result > 0 ? `0x${result.toString(16)}` : String(result);
}

const KIND_WORDS = {
  begin: 'begins',
  fork: 'forked',
  thread: 'thread started',
  exec: 'a new program (exec)',
  exit: 'ended',
} as const;

function textOf({ kind, name, text, pid }: Step): string {
  switch (kind) {
    case 'call':
      return escapeText(shortText(`${name}(${text})`, SHOWN));
    case 'signal':
      return escapeText(shortText(text, SHOWN));
    case 'map':
      return escapeText(shortText(text, SHOWN));
    default:
      return `process ${pid}: ${KIND_WORDS[kind]}`;
  }
}

/** A step as a row. */
export function rowOf(step: Step): Row {
  const { moment, kind, line, pid, space, number, name, result, recorded, areas } = step;
  const call = kind === 'call';
  return {
    moment,
    kind,
    line,
    pid,
    space,
    number,
    text: textOf(step),
    recorded: call ? resultText(name, recorded) : '',
    result: call ? resultText(name, result) : '',
    failed: (result ?? 0) < 0 || (recorded ?? 0) < 0,
    differs: call && result !== null && recorded !== null && result !== recorded,
    areas,
    title: '',
  };
}

/** An area as a line of text. */
export function areaLine(area: Area): AreaLine {
  return { start: area.start, end: area.end, text: escapeText(formatMapsLine(area).trimEnd()) };
}

function total(areas: readonly Area[]): number {
  return areas.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** A change as a row. */
export function changeLine({ kind, before, after }: Change): ChangeLine {
  return { kind, before: before.map(areaLine), after: after.map(areaLine), bytes: total(after) - total(before) };
}

/** Areas in columns, with the marks that a step's changes give. */
export function columnsOf(areas: readonly Area[], changes: readonly Change[]): AreaColumns {
  const marked = new Map<number, number>();
  for (const { kind, after } of changes) for (const { id } of after) marked.set(id, MARKS.indexOf(kind));
  const { length } = areas;
  const ids = new Uint32Array(length);
  const starts = new Float64Array(length);
  const ends = new Float64Array(length);
  const offsets = new Float64Array(length);
  const rights = new Uint8Array(length);
  const marks = new Uint8Array(length);
  const name = new Uint32Array(length);
  const names: string[] = [];
  const known = new Map<string, number>();
  for (const [i, area] of areas.entries()) {
    ids[i] = area.id;
    starts[i] = area.start;
    ends[i] = area.end;
    offsets[i] = area.offset;
    rights[i] = (area.read ? 1 : 0) | (area.write ? 2 : 0) | (area.exec ? 4 : 0) | (area.shared ? 8 : 0);
    marks[i] = marked.get(area.id) ?? 0;
    let at = known.get(area.name);
    if (at === undefined) {
      at = names.push(escapeText(area.name)) - 1;
      known.set(area.name, at);
    }
    name[i] = at;
  }
  return { ids, starts, ends, rights, offsets, name, names, marks };
}
