/**
 * Explains why neighbours are separate that look like one area in the map: the same rights, the same file with consecutive
 * offsets, or both without a file.
 */
import type { Mm, Vma } from '@vmarea/mm-core';
import { VMA_MERGE_ANON_VMA } from '@vmarea/mm-core/reasons';
import { whyApart } from '@vmarea/situation';
import { formatPermissions } from '@vmarea/strace';
import type { RecordedFiles } from '../process/recorded-files.ts';
import { reasonOf } from '../report/reasons.ts';
import type { Border } from '../report/report.ts';
import { mapsLineOf } from './snapshot.ts';

/** The operands of pages of their own: a log does not show which memory is written. */
const TAKEN_AS_WRITTEN = 'each has pages of its own, because memory is taken as written as soon as it is there';

/** The number of borders of one map that are explained. */
const MOST = 100;

function looksAlike(mm: Mm, left: Vma, right: Vma, files: RecordedFiles): boolean {
  const [a, b] = [mapsLineOf(mm, left, files), mapsLineOf(mm, right, files)];
  if (a.name !== b.name || formatPermissions(a) !== formatPermissions(b) || a.inode !== b.inode) return false;
  return left.vmFile === null || a.offset + (a.end - a.start) === b.offset;
}

/** Returns the borders of a map that need a reason. */
export function bordersOf(mm: Mm, files: RecordedFiles): Border[] {
  const found: Border[] = [];
  for (let left = mm.tree.first; left !== null && found.length < MOST; left = left.vmNext) {
    const right = left.vmNext;
    if (right?.vmStart !== left.vmEnd || !looksAlike(mm, left, right, files)) continue;
    const reasons = whyApart(left, right).map(({ decision, operands }) => ({
      reason: reasonOf(decision, 0, 'merge'),
      operands: decision === VMA_MERGE_ANON_VMA ? TAKEN_AS_WRITTEN : operands,
    }));
    found.push({ at: right.vmStart, line: mapsLineOf(mm, right, files), reasons });
  }
  return found;
}
