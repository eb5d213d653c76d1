/**
 * copy_vma: makes the new VMA of an mremap move, merged into its neighbours where possible.
 *
 * Mirrors mm/mmap.c.
 */
import { anonVmaClone } from './anon-vma.ts';
import type { Caller } from '../space/caller.ts';
import { findPrev, findVma } from '../space/placement.ts';
import { copyVmaFields, vmaLink } from './adjust.ts';
import { vmaMerge } from './merge.ts';
import type { AreaSpec } from '../areas/spec.ts';
import type { Vma } from '../areas/vma.ts';

/**
 * Maps `spec`, which is a copy of `vma` or of a part of it at another address.
 *
 * @param spec `pgoff` is the source's; replaced for anonymous memory that was never written
 * @param sourceStays MREMAP_DONTUNMAP: the copy does not merge with a source that it touches (seen on 6.1)
 * @returns the VMA that contains the new range, or null without memory. Stores the source in `cur.call.vma`; after a merge
 *   it may be the returned VMA.
 */
export function copyVma(cur: Caller, vma: Vma, spec: AreaSpec, sourceStays: boolean): Vma | null {
  const { mm, call } = cur;
  const system = mm.system;
  const { start, end } = spec;
  const sourceStart = vma.vmStart;
  let faultedAnon = true;
  if (vma.vmOps === null && vma.anonVma === null) {
    spec.pgoff = start * system.perPage;
    faultedAnon = false;
  }
  const newPgoff = spec.pgoff;
  call.vma = vma;
  const prev = findPrev(mm, findVma(mm, start));
  const touchesSource = end === vma.vmStart || start === vma.vmEnd;
  const apart = sourceStays && touchesSource && !system.profile.mremap.dontunmapJoinsSource;
  const merged = apart ? null : vmaMerge(mm, prev, spec);
  if (merged !== null) {
    // Unfaulted anonymous memory whose pgoff was rewritten may merge with its own source: then the source is the result.
    if (!faultedAnon && sourceStart >= merged.vmStart && sourceStart < merged.vmEnd) call.vma = merged;
    return merged;
  }
  const made = mm.vmas.allocVma();
  if (made === null) return null;
  copyVmaFields(made, vma);
  made.vmStart = start;
  made.vmEnd = end;
  made.vmPgoff = newPgoff;
  if (anonVmaClone(system, made, vma) !== 0) {
    mm.vmas.release(made.id);
    return null;
  }
  if (made.vmFile !== null) made.vmFile.getFile();
  if (made.vmOps !== null && made.vmOps.open !== null) made.vmOps.open(made);
  vmaLink(mm, made);
  if (mm.tracer !== null) mm.tracer.vma('copy', made, vma.vmStart);
  return made;
}
