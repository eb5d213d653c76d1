/**
 * anon_vma: records which VMAs may hold the anonymous pages of which VMA, through forks and splits.
 *
 * The engine needs it because merging depends on it; memory/cache/rmap.ts finds the mappings of a page with it. A VMA has
 * one chain element for every anon_vma that its pages may belong to. Mirrors mm/rmap.c.
 */
import { ENOMEM } from '@vmarea/uapi';
import type { MmSystem } from '../space/system.ts';
import { VM_ACCESS_FLAGS, VM_EXEC, VM_SOFTDIRTY } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';

/** struct anon_vma. */
export class AnonVma {
  readonly root: AnonVma;
  /** The anon_vma of the parent process; null for a root, which is its own parent in the kernel's counts. */
  readonly parent: AnonVma | null;
  /** The number of anon_vmas whose parent this is; a root counts itself. */
  numChildren = 0;
  /** The number of VMAs whose `anonVma` this is. */
  numActiveVmas = 0;
  /** Its VMAs: a list through `prevSameAnon`/`nextSameAnon`. */
  first: AnonVmaChain | null = null;

  constructor(parent: AnonVma | null) {
    this.parent = parent;
    this.root = parent === null ? this : parent.root;
  }
}

/** struct anon_vma_chain: one VMA linked to one anon_vma. */
export class AnonVmaChain {
  readonly vma: Vma;
  readonly anonVma: AnonVma;
  /** The next (older) link of the same VMA. */
  nextSameVma: AnonVmaChain | null = null;
  prevSameAnon: AnonVmaChain | null = null;
  nextSameAnon: AnonVmaChain | null = null;

  constructor(vma: Vma, anonVma: AnonVma) {
    this.vma = vma;
    this.anonVma = anonVma;
  }
}

/** list_is_singular: returns whether the VMA is linked to exactly one anon_vma. */
export function chainIsSingular(vma: Vma): boolean {
  return vma.anonVmaChain !== null && vma.anonVmaChain.nextSameVma === null;
}

/** anon_vma_chain_link: links the VMA; the newest link comes first. */
function chainLink(vma: Vma, anonVma: AnonVma): void {
  const avc = new AnonVmaChain(vma, anonVma);
  avc.nextSameVma = vma.anonVmaChain;
  vma.anonVmaChain = avc;
  avc.nextSameAnon = anonVma.first;
  if (anonVma.first !== null) anonVma.first.prevSameAnon = avc;
  anonVma.first = avc;
}

function chainUnlink(avc: AnonVmaChain): void {
  if (avc.prevSameAnon === null) avc.anonVma.first = avc.nextSameAnon;
  else avc.prevSameAnon.nextSameAnon = avc.nextSameAnon;
  if (avc.nextSameAnon !== null) avc.nextSameAnon.prevSameAnon = avc.prevSameAnon;
}

/** Returns whether the VMA has the protection key of execute-only memory: its VM_PKEY_ bits differ from all others then. */
function hasOwnKey(vma: Vma): boolean {
  return (vma.vmFlags & VM_ACCESS_FLAGS) === VM_EXEC && vma.vmMm.system.arch.executeOnlyCode !== 0;
}

/** anon_vma_compatible: returns whether two touching VMAs could share an anon_vma. */
function compatible(a: Vma, b: Vma, pageSize: number): boolean {
  return (
    a.vmEnd === b.vmStart &&
    a.vmPolicy === b.vmPolicy &&
    a.vmFile === b.vmFile &&
    ((a.vmFlags ^ b.vmFlags) & ~(VM_ACCESS_FLAGS | VM_SOFTDIRTY)) === 0 &&
    hasOwnKey(a) === hasOwnKey(b) &&
    b.vmPgoff === a.vmPgoff + (b.vmStart - a.vmStart) / pageSize
  );
}

/** reusable_anon_vma: returns the anon_vma of `old` if `old` is linked to one anon_vma only (no fork), otherwise null. */
function reusable(old: Vma, a: Vma, b: Vma, pageSize: number): AnonVma | null {
  if (old.anonVma === null || !compatible(a, b, pageSize)) return null;
  return chainIsSingular(old) ? old.anonVma : null;
}

/** find_mergeable_anon_vma: tries the next neighbour first, then the previous one. */
function findMergeable(vma: Vma, pageSize: number): AnonVma | null {
  if (vma.vmNext !== null) {
    const found = reusable(vma.vmNext, vma, vma.vmNext, pageSize);
    if (found !== null) return found;
  }
  return vma.vmPrev === null ? null : reusable(vma.vmPrev, vma.vmPrev, vma, pageSize);
}

/**
 * anon_vma_prepare: gives the VMA an anon_vma before its first anonymous page.
 *
 * @returns 0, or -ENOMEM
 */
export function anonVmaPrepare(vma: Vma): number {
  if (vma.anonVma !== null) return 0;
  const system = vma.vmMm.system;
  if (system.failCountdown !== 0 && system.shouldFail()) return -ENOMEM;
  let anonVma = findMergeable(vma, system.pageSize);
  if (anonVma === null) {
    anonVma = new AnonVma(null);
    anonVma.numChildren = 1;
  }
  vma.anonVma = anonVma;
  anonVma.numActiveVmas++;
  chainLink(vma, anonVma);
  return 0;
}

/** Returns whether anon_vma_clone may reuse the anon_vma of an ancestor without VMAs for `dst`. */
function mayReuse(anonVma: AnonVma, src: Vma, byDegree: boolean): boolean {
  if (byDegree) return anonVma !== src.anonVma && anonVma.numChildren + anonVma.numActiveVmas < 2;
  return src.anonVma !== null && anonVma.numChildren < 2 && anonVma.numActiveVmas === 0;
}

/** Links `dst` to the anon_vmas of `avc` and of every older link, oldest first. */
function cloneFrom(dst: Vma, src: Vma, avc: AnonVmaChain | null, byDegree: boolean): void {
  if (avc === null) return;
  cloneFrom(dst, src, avc.nextSameVma, byDegree);
  chainLink(dst, avc.anonVma);
  if (dst.anonVma === null && mayReuse(avc.anonVma, src, byDegree)) dst.anonVma = avc.anonVma;
}

/**
 * anon_vma_clone: links `dst` to every anon_vma of `src`. `dst.anonVma` is already that of `src`, or null at fork.
 *
 * @returns 0, or -ENOMEM with nothing linked
 */
export function anonVmaClone(system: MmSystem, dst: Vma, src: Vma): number {
  if (src.anonVmaChain === null) return 0;
  if (system.failCountdown !== 0 && system.shouldFail()) {
    // The kernel clears it so that unlink_anon_vmas does not decrement num_active_vmas for a VMA that was never counted.
    dst.anonVma = null;
    return -ENOMEM;
  }
  cloneFrom(dst, src, src.anonVmaChain, system.profile.merge.anonVmaReuseByDegree);
  if (dst.anonVma !== null) dst.anonVma.numActiveVmas++;
  return 0;
}

/**
 * anon_vma_fork: gives the child's VMA the parent's links and an anon_vma of its own for the pages that it will copy.
 *
 * @returns 0, or -ENOMEM
 */
export function anonVmaFork(system: MmSystem, child: Vma, parent: Vma): number {
  if (parent.anonVma === null) return 0;
  child.anonVma = null;
  const error = anonVmaClone(system, child, parent);
  if (error !== 0) return error;
  if (child.anonVma !== null) return 0;
  if (system.failCountdown !== 0 && system.shouldFail()) {
    unlinkAnonVmas(child);
    return -ENOMEM;
  }
  const own = new AnonVma(parent.anonVma);
  own.numActiveVmas = 1;
  child.anonVma = own;
  chainLink(child, own);
  parent.anonVma.numChildren++;
  return 0;
}

/** unlink_anon_vmas: removes every link of the VMA, which no longer has anonymous pages. */
export function unlinkAnonVmas(vma: Vma): void {
  for (let avc = vma.anonVmaChain; avc !== null; avc = avc.nextSameVma) {
    chainUnlink(avc);
    const anonVma = avc.anonVma;
    if (anonVma.first === null) (anonVma.parent ?? anonVma).numChildren--;
  }
  vma.anonVmaChain = null;
  if (vma.anonVma !== null) {
    vma.anonVma.numActiveVmas--;
    vma.anonVma = null;
  }
}
