/**
 * Giving a part of a VMA other flags: merge with a neighbour that has them, or cut the part out.
 *
 * What mprotect_fixup, mlock_fixup and madvise share. The flags themselves are set by the caller. Plain memory, which is
 * what most calls are about, is merged and cut as records; everything else as objects, by the same rules (shape/merge.ts).
 */
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import { VM_SOFTDIRTY, VM_SPECIAL } from '../base/flags.ts';
import { splitVma } from './adjust.ts';
import { mayMerge, vmaMerge } from './merge.ts';
import { ALIKE_ABOVE, ALIKE_BELOW, FROM_START, TO_END } from '../areas/tree/search.ts';
import type { Vma } from '../areas/vma.ts';

/**
 * Makes one VMA out of [start, end) of the VMA `id` of slot `i`, which is to get `newFlags` and `anonName`.
 *
 * @returns the slot of the VMA that now covers the range; or -ENOMEM, -EINVAL: then a first split stays, as in the kernel
 */
export function modifyVma(
  cur: Caller,
  i: number,
  id: number,
  start: number,
  end: number,
  newFlags: number,
  anonName: number | string | null,
): number {
  const { mm } = cur;
  const { tree, vmas } = mm;
  if (vmas.isPlain(id) && anonName === null && mm.tracer === null) {
    const slot = modifyPlain(mm, i, id, start, end, newFlags);
    if (slot !== 0) return slot;
  }
  const error = modifyObject(cur, vmas.at(id), start, end, newFlags, anonName);
  return error === 0 ? tree.seek(start) : error;
}

function modifyObject(
  cur: Caller,
  vma: Vma,
  start: number,
  end: number,
  newFlags: number,
  anonName: number | string | null,
): number {
  const { mm } = cur;
  const prev = start > vma.vmStart ? vma : vma.vmPrev;
  if (mm.tracer !== null || mayMerge(mm, prev, start, end, newFlags)) {
    const pgoff = vma.vmPgoff + (start - vma.vmStart) * mm.system.perPage;
    const { anonVma, vmFile, vmPolicy, userfaultCtx } = vma;
    const merged = vmaMerge(mm, prev, start, end, newFlags, anonVma, vmFile, pgoff, vmPolicy, userfaultCtx, anonName);
    if (merged !== null) return 0;
  }
  if (start !== vma.vmStart) {
    const error = splitVma(cur, vma, start, true);
    if (error !== 0) return error;
  }
  return end === vma.vmEnd ? 0 : splitVma(cur, vma, end, false);
}

/** The same for memory that is plain: 0 where it cannot be done this way, and then nothing has changed. */
function modifyPlain(mm: Mm, i: number, id: number, start: number, end: number, newFlags: number): number {
  const { tree, vmas } = mm;
  const part = tree.part(i, start, end, newFlags, VM_SOFTDIRTY);
  if ((part & (ALIKE_BELOW | ALIKE_ABOVE)) === 0) return cutPlain(mm, i, id, start, end, part);
  if ((part & (FROM_START | TO_END)) !== (FROM_START | TO_END) || (newFlags & VM_SPECIAL) !== 0) return 0;
  const below = (part & ALIKE_BELOW) !== 0 ? tree.idBefore(i) : -1;
  const above = (part & ALIKE_ABOVE) !== 0 ? tree.idAfter(i) : -1;
  if ((below !== -1 && !vmas.isPlain(below)) || (above !== -1 && !vmas.isPlain(above))) return 0;
  const joinsBelow = below !== -1 && vmas.continues(below, id);
  const joinsAbove = above !== -1 && vmas.continues(id, above);
  if (!joinsBelow) {
    if (!joinsAbove) return i;
    // Case 8: the area keeps its record.
    const slot = tree.absorbAt(i, 1);
    vmas.release(above);
    mm.mapCount--;
    return slot;
  }
  // Cases 6 and 7.
  const slot = tree.absorbAt(tree.before(i), joinsAbove ? 2 : 1);
  vmas.release(id);
  mm.mapCount--;
  if (joinsAbove) {
    vmas.release(above);
    mm.mapCount--;
  }
  return slot;
}

/** Cuts [start, end) out of a plain VMA, which keeps its record for the range: its slot; 0 where a limit may be met. */
function cutPlain(mm: Mm, i: number, id: number, start: number, end: number, part: number): number {
  const { tree, vmas, system } = mm;
  const cuts = (part & FROM_START) !== 0 ? ((part & TO_END) !== 0 ? 0 : 1) : (part & TO_END) !== 0 ? 1 : 2;
  if (cuts === 0) return i;
  if (mm.mapCount + cuts > system.sysctl.maxMapCount || system.failCountdown !== 0) return 0;
  let slot = i;
  if ((part & FROM_START) === 0) slot = tree.splitAt(slot, start, vmas.cut(id, start, true), true);
  if ((part & TO_END) === 0) slot = tree.splitAt(slot, end, vmas.cut(id, end, false), false);
  mm.mapCount += cuts;
  return slot;
}
