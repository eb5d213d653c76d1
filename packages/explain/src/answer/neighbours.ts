/**
 * Why two neighbours stayed apart: every rule of vma_merge that stands between them, not only the first.
 */
import {
  isMergeableAnonVma,
  vmaPages,
  VM_EXEC,
  VM_READ,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  VM_WRITE,
  type Mm,
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
import { hex } from '../calls/verbs.ts';
import type { Reason, ReasonBook } from './reason-book.ts';

/** A rule and what it compared. */
export interface NeighbourReason {
  readonly reason: Reason;
  readonly operands: string;
}

/** Two mappings that touch. */
export interface Neighbours {
  readonly lower: readonly [start: number, end: number];
  readonly upper: readonly [start: number, end: number];
  /** Their rights are the same: people wonder why these two are not one. */
  readonly alike: boolean;
  /** None when nothing stands between them: a merge was never tried since they became alike. */
  readonly reasons: readonly NeighbourReason[];
}

/** VM_ flags by bit, for saying which differ. */
const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [0x1, 'VM_READ'],
  [0x2, 'VM_WRITE'],
  [0x4, 'VM_EXEC'],
  [0x8, 'VM_SHARED'],
  [0x10, 'VM_MAYREAD'],
  [0x20, 'VM_MAYWRITE'],
  [0x40, 'VM_MAYEXEC'],
  [0x80, 'VM_MAYSHARE'],
  [0x100, 'VM_GROWSDOWN'],
  [0x400, 'VM_PFNMAP'],
  [0x800, 'VM_DENYWRITE'],
  [0x2000, 'VM_LOCKED'],
  [0x4000, 'VM_IO'],
  [0x8000, 'VM_SEQ_READ'],
  [0x10000, 'VM_RAND_READ'],
  [0x20000, 'VM_DONTCOPY'],
  [0x40000, 'VM_DONTEXPAND'],
  [0x80000, 'VM_LOCKONFAULT'],
  [0x100000, 'VM_ACCOUNT'],
  [0x200000, 'VM_NORESERVE'],
  [0x400000, 'VM_HUGETLB'],
  [0x800000, 'VM_SYNC'],
  [0x2000000, 'VM_WIPEONFORK'],
  [0x4000000, 'VM_DONTDUMP'],
  [0x8000000, 'VM_SOFTDIRTY'],
  [0x10000000, 'VM_MIXEDMAP'],
  [0x20000000, 'VM_HUGEPAGE'],
  [0x40000000, 'VM_NOHUGEPAGE'],
];

/** The names of VM_ bits. */
export function vmFlagNames(flags: number): string[] {
  const names = FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  return (flags & (0x80000000 | 0)) === 0 ? names : [...names, 'VM_MERGEABLE'];
}

/** The names of some flags of an area. What VM_DENYWRITE is for files is VM_MTE_ALLOWED for anonymous memory of later kernels. */
function flagsOf(vma: Vma, mask: number): string[] {
  const names = vmFlagNames(vma.vmFlags & mask);
  return vma.vmFile === null ? names.map((name) => (name === 'VM_DENYWRITE' ? 'VM_MTE_ALLOWED' : name)) : names;
}

function file(vma: Vma): string {
  return vma.vmFile === null ? 'no file' : vma.vmFile.path();
}

/** Every rule that keeps `right` from joining `left`, in the kernel's order, with its operands. */
export function whyApart(left: Vma, right: Vma): [decision: number, operands: string][] {
  if (left.vmEnd !== right.vmStart) return [[VMA_MERGE_NOT_ADJACENT, `${hex(left.vmEnd)} and ${hex(right.vmStart)}`]];
  const why: [number, string][] = [];
  const special = (left.vmFlags | right.vmFlags) & VM_SPECIAL;
  if (special !== 0) why.push([VMA_MERGE_SPECIAL, vmFlagNames(special).join(', ')]);
  const differ = (left.vmFlags ^ right.vmFlags) & ~VM_SOFTDIRTY;
  if (differ !== 0) {
    const only = (vma: Vma): string => flagsOf(vma, differ).join(', ') || 'nothing';
    why.push([VMA_MERGE_FLAGS, `only the lower: ${only(left)}; only the upper: ${only(right)}`]);
  }
  if (left.vmFile !== right.vmFile) {
    const same = left.vmFile !== null && left.vmFile.fInode === right.vmFile?.fInode;
    why.push([VMA_MERGE_FILE, same ? `${file(left)}, opened twice` : `${file(left)} and ${file(right)}`]);
  }
  if (left.vmOps?.close != null) why.push([VMA_MERGE_CLOSE_OP, `of the lower (${file(left)})`]);
  if (left.userfaultCtx !== right.userfaultCtx)
    why.push([VMA_MERGE_USERFAULT, 'one is watched otherwise than the other']);
  if (left.anonName !== right.anonName)
    why.push([VMA_MERGE_ANON_NAME, `«${left.anonName ?? ''}» and «${right.anonName ?? ''}»`]);
  if (left.vmPolicy !== right.vmPolicy) why.push([VMA_MERGE_POLICY, 'one has a policy of its own']);
  if (
    !isMergeableAnonVma(right.anonVma, left.anonVma, left) ||
    !isMergeableAnonVma(left.anonVma, right.anonVma, null)
  ) {
    const of = (vma: Vma): string => (vma.anonVma === null ? 'none' : 'one of its own');
    const both = left.anonVma !== null && right.anonVma !== null;
    why.push([VMA_MERGE_ANON_VMA, both ? 'each has its own' : `the lower has ${of(left)}, the upper ${of(right)}`]);
  }
  const border = left.vmPgoff + vmaPages(left, left.vmMm.system.pageSize);
  if (border !== right.vmPgoff) {
    why.push([VMA_MERGE_PGOFF, `the lower ends at page ${hex(border)}, the upper begins at ${hex(right.vmPgoff)}`]);
  }
  return why;
}

/** The pairs of neighbours that touch each other within [start, end], or at its borders. */
export function neighboursIn(mm: Mm, start: number, end: number, book: ReasonBook): Neighbours[] {
  const pairs: Neighbours[] = [];
  for (let left = mm.tree.first; left !== null && left.vmNext !== null; left = left.vmNext) {
    const right = left.vmNext;
    if (left.vmEnd !== right.vmStart || left.vmEnd < start || left.vmEnd > end) continue;
    const reasons = whyApart(left, right).map(([decision, operands]) => ({ reason: book.find(decision)!, operands }));
    const alike = ((left.vmFlags ^ right.vmFlags) & (VM_READ | VM_WRITE | VM_EXEC)) === 0;
    pairs.push({ lower: [left.vmStart, left.vmEnd], upper: [right.vmStart, right.vmEnd], alike, reasons });
  }
  return pairs;
}
