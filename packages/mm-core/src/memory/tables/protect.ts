/**
 * change_protection: changes the entries of a range after its VMA got other flags.
 *
 * Pages of a PROT_NONE mapping stay. Mirrors change_pte_range (mm/mprotect.c).
 */
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../../ports/arch.ts';
import { VM_HUGETLB, VM_SHARED, VM_UFFD_WP, VM_WRITE } from '../../base/flags.ts';
import type { Mm } from '../../space/mm.ts';
import type { Vma } from '../../areas/vma.ts';
import { protWrite } from '../tlb/access.ts';
import { stateOf } from '../tlb/state.ts';
import { PG_ANON_EXCLUSIVE } from '../frames/flags.ts';
import { flushTlbRange } from '../tlb/flush.ts';
import type { Addr } from '../../base/units.ts';

/**
 * change_protection. `vma` has its new flags and `vmPageProt`; [start, end) lies in it.
 *
 * A dirty page gets write permission at once if its first store would only have set the dirty bit: in shared mappings with
 * write notification; on 6.1 also private pages that belong to this address space alone.
 */
export function changeProtection(vma: Vma, start: Addr, end: Addr): void {
  if ((vma.vmFlags & VM_HUGETLB) !== 0) vma.vmMm.system.hugePages!.changeProtection(vma, start, end);
  else protectRange(vma.vmMm, start, end, vma.vmFlags, vma.vmPageProt);
}

/** Changes [start, end) of a VMA with the flags `flags` and the vm_page_prot `prot`, with pages of the machine's size. */
export function protectRange(mm: Mm, start: Addr, end: Addr, flags: number, prot: number): void {
  const pt = mm.pageTables!;
  // An address space without page tables needs no walk.
  if (pt.leafTables === 0) return;
  const frames = stateOf(mm).frames;
  const pageSize = mm.system.pageSize;
  const always = protWrite(prot);
  const isShared = (flags & VM_SHARED) !== 0;
  const dirtyShared = (flags & VM_WRITE) !== 0 && isShared && always === 0;
  const exclusive = (flags & VM_WRITE) !== 0 && !isShared && mm.system.profile.faults.anonExclusive;
  let changed = false;
  for (let at = pt.nextEntry(start, end); at >= 0; at = pt.nextEntry(at + pageSize, end)) {
    const slot = pt.curSlot;
    let write = always;
    if (dirtyShared || exclusive) {
      const bits = pt.entry(slot);
      if ((bits & PTE_DIRTY) !== 0 && (dirtyShared || isExclusive(bits, frames.flags[pt.pfn(slot)]!))) {
        write = PTE_WRITE;
      }
    }
    pt.changeProt(slot, prot, write);
    changed = true;
  }
  if (!changed) return;
  if ((flags & VM_UFFD_WP) !== 0) protectMarked(mm, start, end);
  flushTlbRange(mm, start, end);
}

/** Takes write permission from the pages of [start, end) that userfaultfd protects. The caller flushes. */
export function protectMarked(mm: Mm, start: Addr, end: Addr): void {
  const { marks } = stateOf(mm);
  const pt = mm.pageTables!;
  for (const addr of marks === null ? [] : marks.protectedIn(start, end)) {
    const slot = pt.slot(addr);
    if (slot >= 0 && (pt.entry(slot) & PTE_WRITE) !== 0) pt.wrprotect(slot);
  }
}

function isExclusive(bits: number, frameFlags: number): boolean {
  return (bits & PTE_SPECIAL) === 0 && (frameFlags & PG_ANON_EXCLUSIVE) !== 0;
}
