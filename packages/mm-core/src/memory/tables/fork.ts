/**
 * copy_page_range: copies page tables from a parent to its child.
 *
 * Both sides share private pages write-protected. Pages of shared mappings, and of mappings without an anon_vma, are not
 * copied: the child's faults map them. Mirrors copy_pte_range (mm/memory.c).
 */
import { ENOMEM } from '@vmarea/uapi';
import { isCowMapping, VM_HUGETLB, VM_MIXEDMAP, VM_PFNMAP, VM_SHARED, VM_UFFD_WP } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { foldBatches } from '../frames/rss.ts';
import { stateOf } from '../tlb/state.ts';
import { PG_ANON, PG_ANON_EXCLUSIVE, PG_SWAPBACKED } from '../frames/flags.ts';
import { flushTlbRange } from '../tlb/flush.ts';

/**
 * copy_page_range. See {@link MemoryPort.copyPageRange}.
 *
 * @returns 0, or -ENOMEM with a part of the pages copied: the caller then frees the child
 */
export function copyPageRange(newVma: Vma, vma: Vma): number {
  const flags = vma.vmFlags;
  if ((flags & VM_HUGETLB) !== 0) return vma.vmMm.system.hugePages!.copyPageRange(newVma, vma);
  if ((flags & (VM_PFNMAP | VM_MIXEDMAP)) === 0 && vma.anonVma === null) return 0;

  const mm = vma.vmMm;
  const child = newVma.vmMm;
  const src = mm.pageTables!;
  const dst = child.pageTables!;
  const state = stateOf(mm);
  const frames = state.frames;
  const { refcount, mapcount } = frames;
  const frameFlags = frames.flags;
  const pfns = state.memory.batch;
  const pmdSize = mm.system.arch.pmdSize;
  const cow = isCowMapping(flags);
  const shared = (flags & VM_SHARED) !== 0;
  const { vmStart, vmEnd } = vma;
  const childState = stateOf(child);
  let any = false;
  let error = 0;

  // Copies a last-level table even when it is empty: VmPTE counts it.
  let at = vmStart;
  while (at < vmEnd) {
    const stop = Math.min(at - (at & (pmdSize - 1)) + pmdSize, vmEnd);
    if (src.slot(at) < 0) {
      at = src.nextEntry(stop, vmEnd);
      if (at < 0) break;
    }
    const end = Math.min(at - (at & (pmdSize - 1)) + pmdSize, vmEnd);
    if (dst.slotAlloc(at) < 0) {
      error = -ENOMEM;
      break;
    }
    any = true;
    let anon = 0;
    let file = 0;
    let shmem = 0;
    const n = src.copyRange(at, end, dst, cow, shared, pfns);
    for (let i = 0; i < n; i++) {
      const pfn = pfns[i]!;
      refcount[pfn] = refcount[pfn]! + 1;
      mapcount[pfn] = mapcount[pfn]! + 1;
      const f = frameFlags[pfn]!;
      if ((f & PG_ANON) !== 0) {
        if ((f & PG_ANON_EXCLUSIVE) !== 0) frameFlags[pfn] = f & ~PG_ANON_EXCLUSIVE;
        anon++;
      } else if ((f & PG_SWAPBACKED) !== 0) shmem++;
      else file++;
    }
    child.rssAnon += anon;
    child.rssFile += file;
    child.rssShmem += shmem;
    foldBatches(childState);
    at = end;
  }
  if (any && cow) flushTlbRange(mm, vmStart, vmEnd);
  if (state.marks !== null)
    childState.useMarks().copy(state.marks, vmStart, vmEnd, (newVma.vmFlags & VM_UFFD_WP) !== 0);
  return error;
}
