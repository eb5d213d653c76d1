/**
 * Why neighbours stand apart that a reader of the map would take for one: the same rights, the same file with offsets that
 * continue, or both without a file.
 */
import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_GROWSDOWN,
  VM_HUGEPAGE,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_MTE_ALLOWED,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_WIPEONFORK,
  whyNotMerged,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';
import { VMA_MERGE_ANON_VMA, VMA_MERGE_FLAGS } from '@vmarea/mm-core/reasons';
import { formatPermissions } from '@vmarea/strace';
import type { RecordedFiles } from '../process/recorded-files.ts';
import { reasonOf } from '../report/reasons.ts';
import type { Border } from '../report/report.ts';
import { mapsLineOf } from './snapshot.ts';

/** Borders of one map that are explained. */
const MOST = 100;

/** Flags that a map does not show, with what sets them. */
const HIDDEN: readonly (readonly [flag: number, what: string])[] = [
  [VM_ACCOUNT, 'charged (VM_ACCOUNT)'],
  [VM_NORESERVE, 'not reserved (MAP_NORESERVE)'],
  [VM_LOCKED, 'locked'],
  [VM_GROWSDOWN, 'a stack (MAP_GROWSDOWN)'],
  [VM_HUGEPAGE, 'MADV_HUGEPAGE'],
  [VM_NOHUGEPAGE, 'MADV_NOHUGEPAGE'],
  [VM_DONTCOPY, 'MADV_DONTFORK'],
  [VM_DONTDUMP, 'MADV_DONTDUMP'],
  [VM_MERGEABLE, 'MADV_MERGEABLE'],
  [VM_WIPEONFORK, 'MADV_WIPEONFORK'],
  [VM_SEQ_READ, 'MADV_SEQUENTIAL'],
  [VM_RAND_READ, 'MADV_RANDOM'],
  [VM_MTE_ALLOWED, 'made by brk or exec (VM_MTE_ALLOWED)'],
  [VM_MAYWRITE, 'may become writable'],
  [VM_MAYEXEC, 'may become executable'],
];

function looksAlike(mm: Mm, left: Vma, right: Vma, files: RecordedFiles): boolean {
  const [a, b] = [mapsLineOf(mm, left, files), mapsLineOf(mm, right, files)];
  if (a.name !== b.name || formatPermissions(a) !== formatPermissions(b) || a.inode !== b.inode) return false;
  return left.vmFile === null || a.offset + (a.end - a.start) === b.offset;
}

/** What differs in the flags: `only the lower: charged (VM_ACCOUNT)`. */
function flagText(left: Vma, right: Vma): string {
  const differ = left.vmFlags ^ right.vmFlags;
  const names = (flags: number): string =>
    HIDDEN.filter(([flag]) => (flags & differ & flag) !== 0)
      .map(([, what]) => what)
      .join(', ');
  return [
    ['the lower', names(left.vmFlags)],
    ['the upper', names(right.vmFlags)],
  ]
    .filter(([, what]) => what !== '')
    .map(([which, what]) => `only ${which} is ${what}`)
    .join('; ');
}

/** The borders of a map that need a reason. */
export function bordersOf(mm: Mm, files: RecordedFiles): Border[] {
  const found: Border[] = [];
  for (let left = mm.tree.first; left !== null && found.length < MOST; left = left.vmNext) {
    const right = left.vmNext;
    if (right?.vmStart !== left.vmEnd || !looksAlike(mm, left, right, files)) continue;
    const decision = whyNotMerged(left, right);
    const line = mapsLineOf(mm, right, files);
    const known = decision === 0 ? null : reasonOf(decision, 0, 'merge');
    const reason = known ?? {
      id: '',
      fn: 'vma_merge',
      sentence: 'Nothing keeps them apart: no call has tried to join them since they became alike.',
      change: '',
    };
    let operands = decision === VMA_MERGE_FLAGS ? flagText(left, right) : '';
    if (decision === VMA_MERGE_ANON_VMA)
      operands = 'each has pages of its own, because memory is taken as written as soon as it is there';
    found.push({ at: right.vmStart, line, reason, operands });
  }
  return found;
}
