/** Finds the changes between two lists of areas: areas that overlap form a group. */
import type { Area, Change, ChangeKind } from './types.ts';

function sameLook(a: Area, b: Area): boolean {
  return a.flags === b.flags && a.name === b.name && a.inode === b.inode;
}

function kindOf(before: readonly Area[], after: readonly Area[]): ChangeKind {
  if (before.length === 0) return 'came';
  if (after.length === 0) return 'went';
  const [a] = before;
  const [b] = after;
  if (before.length === 1 && after.length === 1) {
    if (a!.start === b!.start && a!.end === b!.end) return 'changed';
    if (!sameLook(a!, b!)) return 'redone';
    if (b!.start <= a!.start && b!.end >= a!.end) return 'grew';
    if (b!.start >= a!.start && b!.end <= a!.end) return 'shrank';
    return 'redone';
  }
  if (before.length === 1) return 'split';
  return after.length === 1 ? 'joined' : 'redone';
}

/**
 * Returns the changes from one list to another, by address. Areas with the same id are left out.
 *
 * @param before by address, without overlaps
 * @param after the same
 */
export function changesBetween(before: readonly Area[], after: readonly Area[]): Change[] {
  const kept = new Set(before.map(({ id }) => id));
  const fresh = after.filter(({ id }) => !kept.has(id));
  const now = new Set(after.map(({ id }) => id));
  const old = before.filter(({ id }) => !now.has(id));
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < fresh.length) {
    const gone: Area[] = [];
    const made: Area[] = [];
    // The lowest area of either list begins a group, which takes every area that overlaps it.
    let end = -1;
    const take = (): boolean => {
      const a = old[i];
      const b = fresh[j];
      const oldFirst = a !== undefined && (b === undefined || a.start <= b.start);
      const next = oldFirst ? a : b;
      if (next === undefined || (end >= 0 && next.start >= end)) return false;
      if (oldFirst) {
        gone.push(next);
        i++;
      } else {
        made.push(next);
        j++;
      }
      end = Math.max(end, next.end);
      return true;
    };
    while (take());
    changes.push({ kind: kindOf(gone, made), before: gone, after: made });
  }
  return changes;
}
