/**
 * Why two neighbours stayed apart: every rule of vma_merge that stands between them, not only the first, with what differs.
 */
import {
  isMergeableAnonVma,
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGEPAGE,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_MIXEDMAP,
  VM_MTE_ALLOWED,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  VM_SYNC,
  VM_WIPEONFORK,
  VM_WRITE,
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

/** A rule of vma_merge, and what it compared. */
export interface ApartReason {
  /** The number of the reason in the table. */
  readonly decision: number;
  readonly operands: string;
}

/** VM_ flags that keep areas apart, with what a program did to get them where the name does not say it. */
const FLAGS: readonly (readonly [flag: number, name: string, what: string])[] = [
  [VM_READ, 'VM_READ', 'readable'],
  [VM_WRITE, 'VM_WRITE', 'writable'],
  [VM_EXEC, 'VM_EXEC', 'executable'],
  [VM_SHARED, 'VM_SHARED', 'shared'],
  [VM_MAYREAD, 'VM_MAYREAD', 'may become readable'],
  [VM_MAYWRITE, 'VM_MAYWRITE', 'may become writable'],
  [VM_MAYEXEC, 'VM_MAYEXEC', 'may become executable'],
  [VM_MAYSHARE, 'VM_MAYSHARE', 'MAP_SHARED'],
  [VM_GROWSDOWN, 'VM_GROWSDOWN', 'a stack, MAP_GROWSDOWN'],
  [VM_PFNMAP, 'VM_PFNMAP', 'page frames of a device'],
  [VM_LOCKED, 'VM_LOCKED', 'locked'],
  [VM_IO, 'VM_IO', 'a device'],
  [VM_SEQ_READ, 'VM_SEQ_READ', 'MADV_SEQUENTIAL'],
  [VM_RAND_READ, 'VM_RAND_READ', 'MADV_RANDOM'],
  [VM_DONTCOPY, 'VM_DONTCOPY', 'MADV_DONTFORK'],
  [VM_DONTEXPAND, 'VM_DONTEXPAND', 'no mremap'],
  [VM_LOCKONFAULT, 'VM_LOCKONFAULT', 'locked as it is touched'],
  [VM_ACCOUNT, 'VM_ACCOUNT', 'charged to Committed_AS'],
  [VM_NORESERVE, 'VM_NORESERVE', 'MAP_NORESERVE'],
  [VM_HUGETLB, 'VM_HUGETLB', 'huge pages'],
  [VM_SYNC, 'VM_SYNC', 'MAP_SYNC'],
  [VM_WIPEONFORK, 'VM_WIPEONFORK', 'MADV_WIPEONFORK'],
  [VM_DONTDUMP, 'VM_DONTDUMP', 'MADV_DONTDUMP'],
  [VM_SOFTDIRTY, 'VM_SOFTDIRTY', 'soft dirty'],
  [VM_MIXEDMAP, 'VM_MIXEDMAP', 'a device'],
  [VM_HUGEPAGE, 'VM_HUGEPAGE', 'MADV_HUGEPAGE'],
  [VM_NOHUGEPAGE, 'VM_NOHUGEPAGE', 'MADV_NOHUGEPAGE or MAP_STACK'],
  [VM_MERGEABLE, 'VM_MERGEABLE', 'MADV_MERGEABLE'],
];

/** The names of VM_ bits. */
export function vmFlagNames(flags: number): string[] {
  return FLAGS.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}

/** What is said of the flags that only one area has: `charged to Committed_AS (VM_ACCOUNT)`. */
function flagWords(vma: Vma, mask: number): string {
  const words = FLAGS.filter(([flag]) => (vma.vmFlags & mask & flag) !== 0).map(
    ([, name, what]) => `${what} (${name})`,
  );
  // For files the bit is VM_DENYWRITE, of old kernels.
  if ((vma.vmFlags & mask & VM_MTE_ALLOWED) !== 0)
    words.push(vma.vmFile === null ? 'made by brk or exec (VM_MTE_ALLOWED)' : 'a program that runs (VM_DENYWRITE)');
  return words.join(', ');
}

function flagText(left: Vma, right: Vma, differ: number): string {
  return [
    ['the lower', flagWords(left, differ)],
    ['the upper', flagWords(right, differ)],
  ]
    .filter(([, what]) => what !== '')
    .map(([which, what]) => `only ${which} is ${what}`)
    .join('; ');
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function file(vma: Vma): string {
  return vma.vmFile === null ? 'no file' : vma.vmFile.path();
}

const OWN = 'each has its own';

/** How the anon_vmas keep two areas apart; empty when they do not. */
function whyAnonVmasDiffer(left: Vma, right: Vma): string {
  if (!isMergeableAnonVma(left.anonVma, right.anonVma, null)) return OWN;
  if (isMergeableAnonVma(right.anonVma, left.anonVma, left)) return '';
  const without = left.anonVma === null ? 'lower' : 'upper';
  const other = without === 'lower' ? 'upper' : 'lower';
  return `the ${without} has none yet: a call on the ${without} may join them, a call on the ${other} does not`;
}

/**
 * Returns every rule that keeps `right` from joining `left`, in the kernel's order; none where nothing stands between them:
 * no call has tried to join them since they became alike.
 */
export function whyApart(left: Vma, right: Vma): ApartReason[] {
  const why: ApartReason[] = [];
  const add = (decision: number, operands: string): void => void why.push({ decision, operands });
  if (left.vmEnd !== right.vmStart) {
    add(VMA_MERGE_NOT_ADJACENT, `${hex(left.vmEnd)} and ${hex(right.vmStart)}`);
    return why;
  }
  const special = (left.vmFlags | right.vmFlags) & VM_SPECIAL;
  if (special !== 0) add(VMA_MERGE_SPECIAL, vmFlagNames(special).join(', '));
  const differ = (left.vmFlags ^ right.vmFlags) & ~VM_SOFTDIRTY;
  if (differ !== 0) add(VMA_MERGE_FLAGS, flagText(left, right, differ));
  if (left.vmFile !== right.vmFile) {
    const same = left.vmFile !== null && left.vmFile.fInode === right.vmFile?.fInode;
    add(VMA_MERGE_FILE, same ? `${file(left)}, opened twice` : `${file(left)} and ${file(right)}`);
  }
  if (left.vmOps?.close != null) add(VMA_MERGE_CLOSE_OP, `of the lower (${file(left)})`);
  if (left.userfaultCtx !== right.userfaultCtx) add(VMA_MERGE_USERFAULT, 'one is watched otherwise than the other');
  if (left.anonName !== right.anonName)
    add(VMA_MERGE_ANON_NAME, `«${left.anonName ?? ''}» and «${right.anonName ?? ''}»`);
  if (left.vmPolicy !== right.vmPolicy) add(VMA_MERGE_POLICY, 'one has a policy of its own');
  const anon = whyAnonVmasDiffer(left, right);
  if (anon !== '' && (why.length === 0 || anon === OWN)) add(VMA_MERGE_ANON_VMA, anon);
  const border = left.vmPgoff + vmaPages(left, left.vmMm.system.pageSize);
  if (border !== right.vmPgoff)
    add(VMA_MERGE_PGOFF, `the lower ends at page ${hex(border)}, the upper begins at ${hex(right.vmPgoff)}`);
  return why;
}
