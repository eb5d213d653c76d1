/**
 * PR_SET_MEMORY_MERGE: every compatible area of the process is VM_MERGEABLE, also those that it makes later.
 *
 * Mirrors ksm_enable_merge_any, ksm_disable_merge_any and ksm_add_vma in mm/ksm.c. The flag is set after an area was joined
 * or not: a new area does not join one that has the flag already.
 */
import {
  findVma,
  VM_DONTEXPAND,
  VM_HIGH_DROPPABLE,
  VM_HUGETLB,
  VM_IO,
  VM_MAYSHARE,
  VM_MERGEABLE,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SHARED,
  type Mm,
  type Vma,
} from '@vmarea/mm-core';

const NEVER: number = VM_SHARED | VM_MAYSHARE | VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_HUGETLB | VM_MIXEDMAP;

/** ksm_add_vma: makes a compatible area mergeable. */
function addVma(mm: Mm, vma: Vma): void {
  if ((vma.vmFlags & NEVER) !== 0 || (vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0) return;
  if ((vma.vmFlags & VM_MERGEABLE) !== 0) return;
  vma.vmFlags |= VM_MERGEABLE;
  if (mm.tracer !== null) mm.tracer.vma('flags', vma, vma.vmStart);
}

/** Switches merging on or off for all areas. */
export function setMergeAny(mm: Mm, on: boolean): void {
  mm.mergeAny = on;
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
    if (on) addVma(mm, vma);
    else if ((vma.vmFlags & VM_MERGEABLE) !== 0) {
      vma.vmFlags &= ~VM_MERGEABLE;
      if (mm.tracer !== null) mm.tracer.vma('flags', vma, vma.vmStart);
    }
  }
}

/** Makes the area of a new mapping mergeable, unless the mapping has joined another area: that one is then larger. */
export function addNewArea(mm: Mm, start: number, end: number): void {
  const vma = findVma(mm, start);
  if (vma !== null && vma.vmStart === start && vma.vmEnd === end) addVma(mm, vma);
}
