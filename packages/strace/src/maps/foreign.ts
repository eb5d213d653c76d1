// Reads maps as other programs print them: gdb («info proc mappings»), pmap, Android's tombstones, AddressSanitizer. They leave
// out columns of /proc/PID/maps, which stay 0; some leave out the rights.

import type { MapsLine } from './line.ts';

/** A map that another program printed. */
export interface ForeignMaps {
  readonly lines: readonly MapsLine[];
  /** The line number of each mapping in the text, from 1. */
  readonly numbers: readonly number[];
  /** The program, and what it leaves out, continuing «the map is of …». */
  readonly format: string;
}

interface Format {
  readonly format: string;
  readonly pattern: RegExp;
  readonly read: (match: RegExpExecArray) => MapsLine | null;
}

/** The longest line that is read. */
const MOST_LINE = 1000;

const NOTHING = { shared: false, offset: 0, major: 0, minor: 0, inode: 0 };

function rights(text: string): Pick<MapsLine, 'read' | 'write' | 'exec' | 'shared'> {
  return { read: text.startsWith('r'), write: text[1] === 'w', exec: text[2] === 'x', shared: text[3] === 's' };
}

function area(start: number, end: number, more: Partial<MapsLine>): MapsLine | null {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || end <= start) return null;
  return { ...NOTHING, read: true, write: false, exec: false, name: '', start, end, ...more };
}

const hex = (text: string): number => Number.parseInt(text.replace("'", ''), 16);

/** pmap writes `[ anon ]` and `[ stack ]`; the kernel writes nothing and `[stack]`. */
function pmapName(text: string): string {
  const name = text.trim();
  return name === '[ anon ]' ? '' : name.replace(/^\[ (\w+) \]$/, '[$1]');
}

const FORMATS: readonly Format[] = [
  {
    format: 'gdb, without devices and inodes',
    pattern:
      /^ {0,30}0x([0-9a-f]{1,16}) +0x([0-9a-f]{1,16}) +0x[0-9a-f]{1,16} +0x([0-9a-f]{1,16}) +([r-][w-][x-][ps])(?: +(\S.{0,500}))?\s*$/,
    read: ([, start, end, offset, right, name]) =>
      area(hex(start!), hex(end!), { ...rights(right!), offset: hex(offset!), name: (name ?? '').trim() }),
  },
  {
    format: 'gdb before version 13, without rights, devices and inodes',
    pattern:
      /^ {0,30}0x([0-9a-f]{1,16}) +0x([0-9a-f]{1,16}) +0x[0-9a-f]{1,16} +0x([0-9a-f]{1,16})(?: +(\S.{0,500}))?\s*$/,
    read: ([, start, end, offset, name]) =>
      area(hex(start!), hex(end!), { offset: hex(offset!), name: (name ?? '').trim() }),
  },
  {
    format: 'pmap, without offsets and inodes',
    pattern:
      /^([0-9a-f]{8,16}) {1,12}([0-9]{1,12})(?:K| {1,12}[0-9]{1,12} {1,12}[0-9]{1,12}) ([r-][w-][x-][s-])[R-]? {1,4}(\S.{0,500})$/,
    read: ([, start, size, right, name]) =>
      area(hex(start!), hex(start!) + Number(size) * 1024, { ...rights(right!), name: pmapName(name!) }),
  },
  {
    format: 'an Android tombstone, without devices and inodes',
    pattern:
      /^ {0,6}(?:--->)?\s{0,4}([0-9a-f]{4,8}'?[0-9a-f]{4,8})-([0-9a-f]{4,8}'?[0-9a-f]{4,8}) ([r-][w-][x-]) +([0-9a-f]{1,16}) +[0-9a-f]{1,16}(?: {1,4}(\S.{0,500}))?\s*$/,
    read: ([, start, end, right, offset, name]) =>
      // The end is the last byte.
      area(hex(start!), hex(end!) + 1, {
        ...rights(right!),
        offset: hex(offset!),
        name: (name ?? '').replace(/ \((?:BuildId|load bias).{0,200}$/, '').trim(),
      }),
  },
  {
    format: 'AddressSanitizer, without rights, offsets, devices and inodes',
    pattern: /^\s{1,8}0x([0-9a-f]{6,16})-0x([0-9a-f]{6,16})(?:\s{1,8}(\S.{0,500}))?\s*$/,
    read: ([, start, end, name]) => area(hex(start!), hex(end!), { name: (name ?? '').trim() }),
  },
];

/** Returns the map in a text that another program printed; null when fewer than two lines are of one format. */
export function parseForeignMaps(text: string): ForeignMaps | null {
  const all = text.split('\n').map((line) => line.replace(/\r$/, '').slice(0, MOST_LINE));
  for (const { format, pattern, read } of FORMATS) {
    const lines: MapsLine[] = [];
    const numbers: number[] = [];
    for (const [index, line] of all.entries()) {
      const match = pattern.exec(line);
      const found = match === null ? null : read(match);
      if (found === null) continue;
      lines.push(found);
      numbers.push(index + 1);
    }
    if (lines.length >= 2) return { lines, numbers, format };
  }
  return null;
}
