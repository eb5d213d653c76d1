/** What an area is for, and its rights: two ways to colour the map, each with its pattern and its word. */
import type { AreaColumns } from '../../engine/protocol.ts';

/** Kinds, in the order of their colours. */
export const KINDS: readonly string[] = [
  'code of a file',
  'data of a file',
  'heap',
  'stack',
  'shared memory',
  'no access',
  "the kernel's own ([vdso], …)",
  'anonymous memory',
];

/** Rights, in the order of their colours. */
export const RIGHTS: readonly string[] = [
  'no access',
  'read',
  'read, write',
  'read, execute',
  'read, write, execute',
  'other',
];

/** Index in {@link KINDS}. */
export function kindOf(columns: AreaColumns, i: number): number {
  const rights = columns.rights[i]!;
  const name = columns.names[columns.name[i]!]!;
  if (name === '[heap]') return 2;
  if (name.startsWith('[stack')) return 3;
  if (name.startsWith('[') && !name.startsWith('[anon')) return 6;
  if ((rights & 8) !== 0) return 4;
  if (name.startsWith('/')) return (rights & 4) !== 0 ? 0 : (rights & 7) === 0 ? 5 : 1;
  return (rights & 7) === 0 ? 5 : 7;
}

/** Index in {@link RIGHTS}. */
export function rightsOf(columns: AreaColumns, i: number): number {
  switch (columns.rights[i]! & 7) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 3:
      return 2;
    case 5:
      return 3;
    case 7:
      return 4;
    default:
      return 5;
  }
}

/** `rw-p`. */
export function permissions(rights: number): string {
  const bit = (mask: number, letter: string): string => ((rights & mask) !== 0 ? letter : '-');
  return `${bit(1, 'r')}${bit(2, 'w')}${bit(4, 'x')}${(rights & 8) !== 0 ? 's' : 'p'}`;
}
