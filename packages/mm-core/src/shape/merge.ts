/**
 * vma_merge: whether a range with given properties becomes part of its neighbours, in eight cases.
 *
 * With P the VMA before, N the one behind and A the area asked for:
 *
 *     1  PP....NN -> PPPPPPPP   (hole filled, both join)      5  PPPPNNNN, A = head of N -> border moves up
 *     2  PP......  -> PPPP....  (P grows into the hole)       6  PPAAAANN -> PPPPPPPP   (A mapped, all three join)
 *     3  ....NN   -> NNNNNN     (N grows down)                7  PPAAAA   -> PPPPPP     (A mapped, joins P)
 *     4  PPPPNNNN, A = tail of P -> border moves down         8  AAAANN   -> NNNNNN     (A mapped, joins N)
 *
 * Mirrors mm/mmap.c. The caller sets flags where a mapped area keeps its object (case 8).
 */
import { chainIsSingular, type AnonVma } from './anon-vma.ts';
import type { Mm } from '../space/mm.ts';
import type { VmFile } from '../ports/file.ts';
import { D } from '../reasons/decisions.ts';
import { VM_SOFTDIRTY, VM_SPECIAL } from '../base/flags.ts';
import { vmaAdjust, vmaSwallow } from './adjust.ts';
import type { Vma } from '../areas/vma.ts';

/** is_mergeable_vma: the same kind of mapping. */
export function isMergeableVma(
  vma: Vma,
  file: VmFile | null,
  vmFlags: number,
  uffd: object | null,
  anonName: number | string | null,
): boolean {
  return (
    ((vma.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) === 0 &&
    vma.vmFile === file &&
    (vma.vmOps === null || vma.vmOps.close === null) &&
    vma.userfaultCtx === uffd &&
    vma.anonName === anonName
  );
}

/** is_mergeable_anon_vma: their anonymous pages can live under one anon_vma. */
export function isMergeableAnonVma(a: AnonVma | null, b: AnonVma | null, vma: Vma | null): boolean {
  if ((a === null || b === null) && (vma === null || chainIsSingular(vma))) return true;
  return a === b;
}

/** can_vma_merge_before: whether something that ends at page offset `pgoffEnd` can join `vma` from below. */
export function canVmaMergeBefore(
  vma: Vma,
  vmFlags: number,
  anonVma: AnonVma | null,
  file: VmFile | null,
  pgoffEnd: number,
  uffd: object | null,
  anonName: number | string | null,
): boolean {
  return (
    isMergeableVma(vma, file, vmFlags, uffd, anonName) &&
    isMergeableAnonVma(anonVma, vma.anonVma, vma) &&
    vma.vmPgoff === pgoffEnd
  );
}

/** can_vma_merge_after: whether something that begins at page offset `pgoff` can join `vma` from above. */
export function canVmaMergeAfter(
  vma: Vma,
  vmFlags: number,
  anonVma: AnonVma | null,
  file: VmFile | null,
  pgoff: number,
  uffd: object | null,
  anonName: number | string | null,
): boolean {
  return (
    isMergeableVma(vma, file, vmFlags, uffd, anonName) &&
    isMergeableAnonVma(anonVma, vma.anonVma, vma) &&
    vma.vmPgoff + (vma.vmEnd - vma.vmStart) * vma.vmMm.system.perPage === pgoff
  );
}

/**
 * Whether {@link vmaMerge} could join [addr, end) to anything: a neighbour touches it and has its flags. Four loads that
 * answer most calls; without them a churn pair takes 25 ns longer.
 *
 * @param prev as for vmaMerge
 */
export function mayMerge(mm: Mm, prev: Vma | null, addr: number, end: number, vmFlags: number): boolean {
  let next: Vma | null;
  if (prev !== null) {
    if (prev.vmEnd === addr && ((prev.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) === 0) return true;
    next = prev.vmNext;
  } else next = mm.tree.first;
  if (next !== null && next.vmEnd === end) next = next.vmNext;
  return next !== null && next.vmStart === end && ((next.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) === 0;
}

/**
 * Joins [addr, end) to its neighbours.
 *
 * @param prev the VMA before `addr` (one that contains `addr` counts), or null
 * @param addr page-aligned start; `end` behind it, bytes
 * @param anonVma that of the mapped area, null for a new one
 * @param pgoff page offset at `addr`
 * @returns the VMA that now contains the area, or null when it stays apart (or memory ran out)
 */
export function vmaMerge(
  mm: Mm,
  prev: Vma | null,
  addr: number,
  end: number,
  vmFlags: number,
  anonVma: AnonVma | null,
  file: VmFile | null,
  pgoff: number,
  policy: object | null,
  uffd: object | null,
  anonName: number | string | null,
): Vma | null {
  if ((vmFlags & VM_SPECIAL) !== 0) {
    if (mm.tracer !== null) mm.tracer.decide(D.mergeSpecial, 0);
    return null;
  }
  const pages = (end - addr) * mm.system.perPage;
  const area = prev !== null ? prev.vmNext : mm.tree.first;
  const areaIsMapped = area !== null && area.vmEnd === end;
  const next = areaIsMapped ? area.vmNext : area;
  const nextFits =
    next !== null &&
    next.vmStart === end &&
    next.vmPolicy === policy &&
    canVmaMergeBefore(next, vmFlags, anonVma, file, pgoff + pages, uffd, anonName);

  if (
    prev !== null &&
    prev.vmEnd === addr &&
    prev.vmPolicy === policy &&
    canVmaMergeAfter(prev, vmFlags, anonVma, file, pgoff, uffd, anonName)
  ) {
    if (nextFits && isMergeableAnonVma(prev.anonVma, next.anonVma, null)) {
      if ((areaIsMapped ? vmaSwallow(mm, prev, area, next) : vmaSwallow(mm, prev, next, null)) !== 0) return null;
      if (mm.tracer !== null) mm.tracer.vma('merge', prev, areaIsMapped ? 6 : 1);
      return prev;
    }
    if (mm.tracer !== null && next !== null && next.vmStart === end) {
      // Each of the two would take the area, but they cannot all be one.
      const why = nextFits
        ? D.mergeAnonVma
        : whyNotJoined(next, false, vmFlags, anonVma, file, pgoff + pages, policy, uffd, anonName);
      mm.tracer.decide(why, 0);
    }
    const mergeCase = areaIsMapped ? 7 : area !== null && area.vmStart < end ? 5 : 2;
    if (vmaAdjust(mm, prev, prev.vmStart, end, prev.vmPgoff) !== 0) return null;
    if (mm.tracer !== null) mm.tracer.vma('merge', prev, mergeCase);
    return prev;
  }

  if (nextFits) {
    if (prev !== null && addr < prev.vmEnd) {
      if (vmaAdjust(mm, prev, prev.vmStart, addr, prev.vmPgoff) !== 0) return null;
      if (mm.tracer !== null) mm.tracer.vma('merge', next, 4);
      return next;
    }
    const grown = area!;
    if (vmaAdjust(mm, grown, addr, next.vmEnd, next.vmPgoff - pages) !== 0) return null;
    if (mm.tracer !== null) mm.tracer.vma('merge', grown, areaIsMapped ? 8 : 3);
    return grown;
  }
  if (mm.tracer !== null) {
    if (prev !== null && prev.vmEnd === addr) {
      mm.tracer.decide(whyNotJoined(prev, true, vmFlags, anonVma, file, pgoff, policy, uffd, anonName), 0);
    }
    if (next !== null && next.vmStart === end) {
      mm.tracer.decide(whyNotJoined(next, false, vmFlags, anonVma, file, pgoff + pages, policy, uffd, anonName), 0);
    }
  }
  return null;
}

/**
 * Which of the rules keeps an area from joining a neighbour that it touches: a decision id, 0 when none does.
 *
 * @param after the area begins where `vma` ends; otherwise it ends where `vma` begins
 * @param pgoff the area's page offset at the common border
 */
export function whyNotJoined(
  vma: Vma,
  after: boolean,
  vmFlags: number,
  anonVma: AnonVma | null,
  file: VmFile | null,
  pgoff: number,
  policy: object | null,
  uffd: object | null,
  anonName: number | string | null,
): number {
  if (((vma.vmFlags | vmFlags) & VM_SPECIAL) !== 0) return D.mergeSpecial;
  if (((vma.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) !== 0) return D.mergeFlags;
  if (vma.vmFile !== file) return D.mergeFile;
  if (vma.vmOps !== null && vma.vmOps.close !== null) return D.mergeCloseOp;
  if (vma.userfaultCtx !== uffd) return D.mergeUserfault;
  if (vma.anonName !== anonName) return D.mergeAnonName;
  if (vma.vmPolicy !== policy) return D.mergePolicy;
  if (!isMergeableAnonVma(anonVma, vma.anonVma, vma)) return D.mergeAnonVma;
  const border = after ? vma.vmPgoff + (vma.vmEnd - vma.vmStart) * vma.vmMm.system.perPage : vma.vmPgoff;
  return border !== pgoff ? D.mergePgoff : 0;
}

/**
 * Which rule keeps two neighbours apart as they are now: a decision id, 0 when nothing would (a merge was never tried
 * since they became alike).
 */
export function whyNotMerged(left: Vma, right: Vma): number {
  if (left.vmEnd !== right.vmStart) return D.mergeNotAdjacent;
  const why = whyNotJoined(
    left,
    true,
    right.vmFlags,
    right.anonVma,
    right.vmFile,
    right.vmPgoff,
    right.vmPolicy,
    right.userfaultCtx,
    right.anonName,
  );
  if (why !== 0) return why;
  return isMergeableAnonVma(left.anonVma, right.anonVma, null) ? 0 : D.mergeAnonVma;
}
