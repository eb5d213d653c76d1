/**
 * /proc/PID/clear_refs: forgets which mappings are new, or the peak of resident pages.
 *
 * Mirrors clear_refs_write of fs/proc/task_mmu.c. Not here: 1 to 3, which forget which pages were referenced.
 */
import { EINVAL, EOPNOTSUPP } from '@vmarea/uapi';
import { vmaSetPageProt, VM_SOFTDIRTY, type Mm } from '@vmarea/mm-core';

/** CLEAR_REFS_SOFT_DIRTY. */
const SOFT_DIRTY = 4;
/** CLEAR_REFS_MM_HIWATER_RSS. */
const HIWATER_RSS = 5;

/**
 * Handles text written to clear_refs: 4 clears VM_SOFTDIRTY of every mapping, 5 resets the peak of resident pages.
 *
 * @returns 0, -EINVAL for what is none of 1 to 5, or -EOPNOTSUPP for 1 to 3
 */
export function clearRefs(mm: Mm, text: string): number {
  const word = text.trim();
  if (!/^[1-5]$/.test(word)) return -EINVAL;
  const what = Number(word);
  if (what === HIWATER_RSS) {
    mm.hiwaterRss = Math.max(mm.rssFile, 0) + Math.max(mm.rssAnon, 0) + Math.max(mm.rssShmem, 0);
  } else if (what !== SOFT_DIRTY) return -EOPNOTSUPP;
  else {
    for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
      if ((vma.vmFlags & VM_SOFTDIRTY) === 0) continue;
      vma.vmFlags &= ~VM_SOFTDIRTY;
      vmaSetPageProt(vma);
    }
  }
  return 0;
}
