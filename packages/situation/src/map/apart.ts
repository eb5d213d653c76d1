/**
 * Why two neighbours stayed apart: every rule of vma_merge that stands between them, not only the first, with what differs.
 */
import {
  isMergeableAnonVma,
  rulesBetween,
  VM_MTE_ALLOWED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  vmaPages,
  type Vma,
} from '@vmarea/mm-core';
import {
  VMA_MERGE_ANON_NAME,
  VMA_MERGE_ANON_VMA,
  VMA_MERGE_CLOSE_OP,
  VMA_MERGE_FILE,
  VMA_MERGE_FLAGS,
  VMA_MERGE_NOT_ADJACENT,
  VMA_MERGE_PGOFF,
  VMA_MERGE_POLICY,
  VMA_MERGE_SPECIAL,
  VMA_MERGE_USERFAULT,
} from '@vmarea/mm-core/reasons';
import { VM_FLAGS, VM_HIGH_FLAGS, vmFlagNames } from './flags.ts';

/** A rule of vma_merge, and what it compared. */
export interface ApartReason {
  /** The number of the reason in the table. */
  readonly decision: number;
  readonly operands: string;
}

/** What is said of the flags that only one area has: `charged to Committed_AS (VM_ACCOUNT)`. */
function flagWords(vma: Vma, mask: number, high: number): string {
  const words = VM_FLAGS.filter(([flag]) => (vma.vmFlags & mask & flag) !== 0).map(
    ([, name, what]) => `${what} (${name})`,
  );
  // For files the bit is VM_DENYWRITE, of old kernels.
  if ((vma.vmFlags & mask & VM_MTE_ALLOWED) !== 0)
    words.push(vma.vmFile === null ? 'made by brk or exec (VM_MTE_ALLOWED)' : 'a program that runs (VM_DENYWRITE)');
  for (const [flag, word] of VM_HIGH_FLAGS) if ((vma.vmFlagsHigh & high & flag) !== 0) words.push(word);
  return words.join(', ');
}

function flagText(left: Vma, right: Vma): string {
  const differ = (left.vmFlags ^ right.vmFlags) & ~VM_SOFTDIRTY;
  const high = left.vmFlagsHigh ^ right.vmFlagsHigh;
  return [
    ['the lower', flagWords(left, differ, high)],
    ['the upper', flagWords(right, differ, high)],
  ]
    .filter(([, what]) => what !== '')
    .map(([which, what]) => `only ${which} is ${what}`)
    .join('; ');
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function file(vma: Vma): string {
  return vma.vmFile === null ? 'no file' : vma.vmFile.path();
}

/** How the anon_vmas keep two areas apart. */
function anonVmaText(left: Vma, right: Vma): string {
  if (!isMergeableAnonVma(left.anonVma, right.anonVma, null)) return 'each has its own';
  const without = left.anonVma === null ? 'lower' : 'upper';
  const other = without === 'lower' ? 'upper' : 'lower';
  return `the ${without} has none yet: a call on the ${without} may join them, a call on the ${other} does not`;
}

function fileText(left: Vma, right: Vma): string {
  const same = left.vmFile !== null && left.vmFile.fInode === right.vmFile?.fInode;
  return same ? `${file(left)}, opened twice` : `${file(left)} and ${file(right)}`;
}

function pgoffText(left: Vma, right: Vma): string {
  const border = left.vmPgoff + vmaPages(left, left.vmMm.system.pageSize);
  return `the lower ends at page ${hex(border)}, the upper begins at ${hex(right.vmPgoff)}`;
}

/** What a rule compared, by the number of its reason. */
const OPERANDS: ReadonlyMap<number, (left: Vma, right: Vma) => string> = new Map([
  [VMA_MERGE_NOT_ADJACENT, (left: Vma, right: Vma) => `${hex(left.vmEnd)} and ${hex(right.vmStart)}`],
  [VMA_MERGE_SPECIAL, (left: Vma, right: Vma) => vmFlagNames((left.vmFlags | right.vmFlags) & VM_SPECIAL).join(', ')],
  [VMA_MERGE_FLAGS, flagText],
  [VMA_MERGE_FILE, fileText],
  [VMA_MERGE_CLOSE_OP, (left: Vma) => `of the lower (${file(left)})`],
  [VMA_MERGE_USERFAULT, () => 'one is watched otherwise than the other'],
  [VMA_MERGE_ANON_NAME, (left: Vma, right: Vma) => `«${left.anonName ?? ''}» and «${right.anonName ?? ''}»`],
  [VMA_MERGE_POLICY, () => 'one has a policy of its own'],
  [VMA_MERGE_ANON_VMA, anonVmaText],
  [VMA_MERGE_PGOFF, pgoffText],
]);

/**
 * Returns every rule that keeps `right` from joining `left`, in the kernel's order; none where nothing stands between them:
 * no call has tried to join them since they became alike.
 */
export function whyApart(left: Vma, right: Vma): ApartReason[] {
  const bothHaveAnonVma = left.anonVma !== null && right.anonVma !== null;
  return (
    rulesBetween(left, right)
      // That one has no anon_vma yet is told only when no other rule stands before it.
      .filter((rule, i) => rule !== VMA_MERGE_ANON_VMA || i === 0 || bothHaveAnonVma)
      .map((decision) => ({ decision, operands: OPERANDS.get(decision)!(left, right) }))
  );
}
