/**
 * vma_merge: joins a range with given properties to its neighbours where it can, in eight cases.
 *
 * P is the VMA before, N the one behind and A the requested area:
 *
 *     1  PP....NN -> PPPPPPPP   (hole filled, both join)      5  PPPPNNNN, A = head of N -> border moves up
 *     2  PP......  -> PPPP....  (P grows into the hole)       6  PPAAAANN -> PPPPPPPP   (A mapped, all three join)
 *     3  ....NN   -> NNNNNN     (N grows down)                7  PPAAAA   -> PPPPPP     (A mapped, joins P)
 *     4  PPPPNNNN, A = tail of P -> border moves down         8  AAAANN   -> NNNNNN     (A mapped, joins N)
 *
 * Mirrors mm/mmap.c. In case 8 the mapped area keeps its object and the caller sets its flags.
 */
import { chainIsSingular, type AnonVma } from './anon-vma.ts';
import type { Mm } from '../space/mm.ts';
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
} from './reasons.ts';
import type { Tracer } from '../reasons/tracer.ts';
import { AreaSpec } from '../areas/spec.ts';
import { VM_SOFTDIRTY, VM_SPECIAL } from '../base/flags.ts';
import { adoptAnonVma, vmaAdjust, vmaSwallow } from './adjust.ts';
import type { Vma } from '../areas/vma.ts';

/** can_merge_remove_vma: returns whether a merge may remove the VMA: its driver has no close operation. */
function isRemovable(vma: Vma): boolean {
  return vma.vmOps === null || vma.vmOps.close === null;
}

/** is_mergeable_vma: compares everything but the anon_vma, the page offset and the policy. */
export function isMergeableVma(vma: Vma, spec: AreaSpec): boolean {
  return (
    ((vma.vmFlags ^ spec.vmFlags) & ~VM_SOFTDIRTY) === 0 &&
    vma.vmFlagsHigh === spec.vmFlagsHigh &&
    vma.vmFile === spec.file &&
    (isRemovable(vma) || vma.vmMm.system.profile.merge.closeForbidsRemovalOnly) &&
    vma.userfaultCtx === spec.userfaultCtx &&
    vma.anonName === spec.anonName
  );
}

/** is_mergeable_anon_vma: returns whether one anon_vma can hold the anonymous pages of both. */
export function isMergeableAnonVma(a: AnonVma | null, b: AnonVma | null, vma: Vma | null): boolean {
  if ((a === null || b === null) && (vma === null || chainIsSingular(vma))) return true;
  return a === b;
}

/** The same for an area that would join `vma`. */
function anonVmaFits(spec: AreaSpec, vma: Vma): boolean {
  if (isMergeableAnonVma(spec.anonVma, vma.anonVma, vma)) return true;
  if (vma.anonVma !== null || spec.source === null || !vma.vmMm.system.profile.merge.faultedJoinsUnfaulted)
    return false;
  return chainIsSingular(spec.source);
}

/** can_vma_merge_before: returns whether an area that ends where `vma` begins can join it. The caller compares the policy. */
export function canVmaMergeBefore(vma: Vma, spec: AreaSpec): boolean {
  return (
    isMergeableVma(vma, spec) &&
    anonVmaFits(spec, vma) &&
    vma.vmPgoff === spec.pgoff + (spec.end - spec.start) * vma.vmMm.system.perPage
  );
}

/** can_vma_merge_after: returns whether an area that begins where `vma` ends can join it. */
export function canVmaMergeAfter(vma: Vma, spec: AreaSpec): boolean {
  return (
    isMergeableVma(vma, spec) &&
    anonVmaFits(spec, vma) &&
    vma.vmPgoff + (vma.vmEnd - vma.vmStart) * vma.vmMm.system.perPage === spec.pgoff
  );
}

/**
 * Returns whether {@link vmaMerge} could join an area to a neighbour: one touches it and has its flags. Four loads that
 * decide most calls; without this test a churn pair takes 25 ns longer.
 *
 * @param prev as for vmaMerge
 */
export function mayMerge(mm: Mm, prev: Vma | null, spec: AreaSpec): boolean {
  const { start, end, vmFlags } = spec;
  let next: Vma | null;
  if (prev !== null) {
    if (prev.vmEnd === start && ((prev.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) === 0) return true;
    next = prev.vmNext;
  } else next = mm.tree.first;
  if (next !== null && next.vmEnd === end) next = next.vmNext;
  return next !== null && next.vmStart === end && ((next.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) === 0;
}

/** dup_anon_vma: the VMA that takes the area in must have the anon_vma of the area's pages, also of those that are copied. */
function adopt(mm: Mm, vma: Vma, spec: AreaSpec): boolean {
  return (
    vma.anonVma !== null || spec.anonVma === null || spec.source === null || adoptAnonVma(mm, vma, spec.source) === 0
  );
}

/**
 * Joins an area to its neighbours.
 *
 * @param prev the VMA before `spec.start` (or the one that contains it), or null
 * @returns the VMA that now contains the area, or null when it stays apart or memory ran out
 */
export function vmaMerge(mm: Mm, prev: Vma | null, spec: AreaSpec): Vma | null {
  const { start, end, policy } = spec;
  if ((spec.vmFlags & VM_SPECIAL) !== 0) {
    if (mm.tracer !== null) mm.tracer.decide(VMA_MERGE_SPECIAL, 0);
    return null;
  }
  const area = prev !== null ? prev.vmNext : mm.tree.first;
  const areaIsMapped = area !== null && area.vmEnd === end;
  const next = areaIsMapped ? area.vmNext : area;
  const nextFits = next !== null && next.vmStart === end && next.vmPolicy === policy && canVmaMergeBefore(next, spec);
  // Every merge of the whole area with a neighbour removes it.
  if (areaIsMapped && area.vmStart === start && !isRemovable(area)) {
    if (mm.tracer !== null) tellApart(mm.tracer, prev, next, spec);
    return null;
  }

  if (prev !== null && prev.vmEnd === start && prev.vmPolicy === policy && canVmaMergeAfter(prev, spec)) {
    if (!adopt(mm, prev, spec)) return null;
    if (nextFits && isRemovable(next) && isMergeableAnonVma(prev.anonVma, next.anonVma, null)) {
      if ((areaIsMapped ? vmaSwallow(mm, prev, area, next) : vmaSwallow(mm, prev, next, null)) !== 0) return null;
      if (mm.tracer !== null) mm.tracer.vma('merge', prev, areaIsMapped ? 6 : 1);
      return prev;
    }
    if (mm.tracer !== null && next !== null && next.vmStart === end) {
      // Each neighbour could take the area, but all three cannot become one.
      const both = nextFits && !isRemovable(next) ? VMA_MERGE_CLOSE_OP : VMA_MERGE_ANON_VMA;
      mm.tracer.decide(nextFits ? both : whyNotJoined(next, 'below', spec), 0);
    }
    const mergeCase = areaIsMapped ? 7 : area !== null && area.vmStart < end ? 5 : 2;
    if (vmaAdjust(mm, prev, prev.vmStart, end, prev.vmPgoff) !== 0) return null;
    if (mm.tracer !== null) mm.tracer.vma('merge', prev, mergeCase);
    return prev;
  }

  if (nextFits) {
    if (prev !== null && start < prev.vmEnd) {
      if (!adopt(mm, next, spec)) return null;
      if (vmaAdjust(mm, prev, prev.vmStart, start, prev.vmPgoff) !== 0) return null;
      if (mm.tracer !== null) mm.tracer.vma('merge', next, 4);
      return next;
    }
    const grown = area!;
    if (!adopt(mm, grown, spec)) return null;
    const pages = (end - start) * mm.system.perPage;
    if (vmaAdjust(mm, grown, start, next.vmEnd, next.vmPgoff - pages) !== 0) return null;
    if (mm.tracer !== null) mm.tracer.vma('merge', grown, areaIsMapped ? 8 : 3);
    return grown;
  }
  if (mm.tracer !== null) tellApart(mm.tracer, prev, next, spec);
  return null;
}

/**
 * Reports to a listener, for each neighbour that an area touches, the rule that keeps them apart.
 *
 * @param prev the VMA before the area
 * @param next the VMA behind the area
 */
export function tellApart(tracer: Tracer, prev: Vma | null, next: Vma | null, spec: AreaSpec): void {
  if ((spec.vmFlags & VM_SPECIAL) !== 0) {
    tracer.decide(VMA_MERGE_SPECIAL, 0);
    return;
  }
  if (prev !== null && prev.vmEnd === spec.start) tracer.decide(whyNotJoined(prev, 'above', spec), 0);
  if (next !== null && next.vmStart === spec.end) tracer.decide(whyNotJoined(next, 'below', spec), 0);
}

/**
 * Returns the number of the first reason that keeps an area from joining a neighbour that it touches, 0 when there is none.
 *
 * @param side the side of `vma` on which the area lies: 'above' begins where `vma` ends, 'below' ends where `vma` begins
 */
export function whyNotJoined(vma: Vma, side: 'above' | 'below', spec: AreaSpec): number {
  return rulesAgainst(vma, side, spec)[0] ?? 0;
}

/** Returns whether a close operation keeps an area from joining `vma`. */
function closeForbids(vma: Vma, spec: AreaSpec): boolean {
  if (!vma.vmMm.system.profile.merge.closeForbidsRemovalOnly) return !isRemovable(vma);
  const { source } = spec;
  return source !== null && !isRemovable(source) && source.vmStart === spec.start && source.vmEnd === spec.end;
}

/** Returns the number of every reason of {@link whyNotJoined}, in the kernel's order. */
function rulesAgainst(vma: Vma, side: 'above' | 'below', spec: AreaSpec): number[] {
  const { vmFlags } = spec;
  const { perPage } = vma.vmMm.system;
  const why: number[] = [];
  if (((vma.vmFlags | vmFlags) & VM_SPECIAL) !== 0) why.push(VMA_MERGE_SPECIAL);
  if (((vma.vmFlags ^ vmFlags) & ~VM_SOFTDIRTY) !== 0 || vma.vmFlagsHigh !== spec.vmFlagsHigh)
    why.push(VMA_MERGE_FLAGS);
  if (vma.vmFile !== spec.file) why.push(VMA_MERGE_FILE);
  if (closeForbids(vma, spec)) why.push(VMA_MERGE_CLOSE_OP);
  if (vma.userfaultCtx !== spec.userfaultCtx) why.push(VMA_MERGE_USERFAULT);
  if (vma.anonName !== spec.anonName) why.push(VMA_MERGE_ANON_NAME);
  if (vma.vmPolicy !== spec.policy) why.push(VMA_MERGE_POLICY);
  if (!anonVmaFits(spec, vma)) why.push(VMA_MERGE_ANON_VMA);
  const apart =
    side === 'above'
      ? vma.vmPgoff + (vma.vmEnd - vma.vmStart) * perPage !== spec.pgoff
      : vma.vmPgoff !== spec.pgoff + (spec.end - spec.start) * perPage;
  if (apart) why.push(VMA_MERGE_PGOFF);
  return why;
}

/**
 * Returns the number of every reason that keeps two VMAs of an address space from being one, in the kernel's order; none
 * when no call has tried to join them since they became alike.
 */
export function rulesBetween(left: Vma, right: Vma): number[] {
  if (left.vmEnd !== right.vmStart) return [VMA_MERGE_NOT_ADJACENT];
  return rulesAgainst(left, 'above', new AreaSpec().partOf(right, right.vmStart, right.vmEnd));
}

/** Returns the first of {@link rulesBetween}, 0 when there is none. */
export function whyNotMerged(left: Vma, right: Vma): number {
  return rulesBetween(left, right)[0] ?? 0;
}
