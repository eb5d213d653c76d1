/**
 * Giving a part of a VMA other flags: merge with a neighbour that has them, or cut the part out.
 *
 * What mprotect_fixup, mlock_fixup and madvise share. The flags themselves are set by the caller.
 */
import type { Mm } from './mm.ts';
import { splitVma } from './vma-adjust.ts';
import { mayMerge, vmaMerge } from './vma-merge.ts';
import type { Vma } from './vma.ts';

/**
 * Makes one VMA out of [start, end) of `vma`, which is to get `newFlags` and `anonName`.
 *
 * @param prev the VMA before `start` (`vma` itself when `start` lies within it), or null
 * @returns 0 with the VMA in `mm.cursor`; or -ENOMEM, -EINVAL: then a first split stays, as in the kernel
 */
export function modifyVma(
  mm: Mm,
  prev: Vma | null,
  vma: Vma,
  start: number,
  end: number,
  newFlags: number,
  anonName: number | string | null,
): number {
  if (mm.tracer !== null || mayMerge(mm, prev, start, end, newFlags)) {
    const pgoff = vma.vmPgoff + (start - vma.vmStart) * mm.system.perPage;
    const merged = vmaMerge(
      mm,
      prev,
      start,
      end,
      newFlags,
      vma.anonVma,
      vma.vmFile,
      pgoff,
      vma.vmPolicy,
      vma.userfaultCtx,
      anonName,
    );
    if (merged !== null) {
      mm.cursor = merged;
      return 0;
    }
  }
  mm.cursor = vma;
  if (start !== vma.vmStart) {
    const error = splitVma(mm, vma, start, true);
    if (error !== 0) return error;
  }
  return end === vma.vmEnd ? 0 : splitVma(mm, vma, end, false);
}
