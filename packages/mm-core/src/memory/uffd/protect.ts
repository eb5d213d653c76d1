/**
 * UFFDIO_WRITEPROTECT: protects pages so that a store is reported, and ends that.
 *
 * Mirrors mwriteprotect_range and uffd_wp_range of mm/userfaultfd.c.
 */
import { EINVAL, ENOENT, ENOMEM, UFFD_FEATURE_WP_UNPOPULATED } from '@vmarea/uapi';
import { vmaHugePageSize, type Vma } from '../../areas/vma.ts';
import { refuse } from '../../base/errno.ts';
import { VM_HUGETLB, VM_SHARED, VM_UFFD_WP, VM_WRITE } from '../../base/flags.ts';
import type { Addr, Errno } from '../../base/units.ts';
import { PTE_DIRTY, PTE_WRITE } from '../../ports/arch.ts';
import type { Caller } from '../../space/caller.ts';
import { findVma } from '../../space/placement.ts';
import { flushTlbRange } from '../tlb/flush.ts';
import { stateOf } from '../tlb/state.ts';
import { protectMarked, protectRange } from '../tables/protect.ts';
import { UFFDIO_FILL_NO_MEMORY, UFFDIO_WRITEPROTECT_NOT_REGISTERED, USERFAULTFD_HUGE_UNALIGNED } from './reasons.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** userfaultfd_wp_use_markers: returns whether pages that are not there can be protected. */
function marksAbsent(ctx: Userfaultfd, vma: Vma): boolean {
  return vma.vmOps !== null || (ctx.features & UFFD_FEATURE_WP_UNPOPULATED) !== 0;
}

/** Protects [start, end) of a VMA. Returns 0 or -ENOMEM. */
function protectPages(cur: Caller, ctx: Userfaultfd, vma: Vma, start: Addr, end: Addr): Errno {
  const { mm } = ctx;
  const marks = stateOf(mm).useMarks();
  const pt = mm.pageTables!;
  const huge = (vma.vmFlags & VM_HUGETLB) !== 0;
  const step = huge ? vmaHugePageSize(vma) : mm.system.pageSize;
  const absent = marksAbsent(ctx, vma);
  for (let at = start; at < end; at += step) {
    if (pt.nextEntry(at, at + mm.system.pageSize) < 0) {
      if (!absent || marks.poisoned.has(at)) continue;
      if (!huge && pt.slotAlloc(at) < 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, -ENOMEM);
    } else if (huge) {
      pt.setHuge(pt.curSlot, pt.curSize, pt.pfn(pt.curSlot), vma.vmPageProt, pt.entry(pt.curSlot) & PTE_DIRTY);
    }
    marks.writeProtected.add(at);
  }
  protectMarked(mm, start, end);
  flushTlbRange(mm, start, end);
  return 0;
}

/** uffd_wp_range with false: ends the protection of [start, end) of a VMA, and makes its pages writable where possible. */
export function resolvePages(vma: Vma, start: Addr, end: Addr): void {
  const mm = vma.vmMm;
  if (mm.memory === null) return;
  const { marks } = stateOf(mm);
  if (marks === null) return;
  const pt = mm.pageTables!;
  const huge = (vma.vmFlags & VM_HUGETLB) !== 0;
  for (const at of marks.protectedIn(start, end)) {
    marks.writeProtected.delete(at);
    // A shared huge page that may be stored to is writable; a private one becomes so at the next store.
    const stores = huge && (vma.vmFlags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED);
    if (stores && pt.nextEntry(at, at + mm.system.pageSize) >= 0)
      pt.setHuge(pt.curSlot, pt.curSize, pt.pfn(pt.curSlot), vma.vmPageProt, PTE_WRITE | PTE_DIRTY);
  }
  if (huge) flushTlbRange(mm, start, end);
  else protectRange(mm, start, end, vma.vmFlags, vma.vmPageProt);
}

/**
 * mwriteprotect_range over a checked range.
 *
 * @param protect UFFDIO_WRITEPROTECT_MODE_WP
 * @returns 0; -ENOENT, -EINVAL or -ENOMEM, with the VMAs before changed
 */
export function writeProtectRange(cur: Caller, ctx: Userfaultfd, start: Addr, end: Addr, protect: boolean): Errno {
  const { mm } = ctx;
  let any = false;
  for (let vma = findVma(mm, start); vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    if ((vma.vmFlags & VM_UFFD_WP) === 0) return refuse(cur, UFFDIO_WRITEPROTECT_NOT_REGISTERED, -ENOENT);
    const from = Math.max(start, vma.vmStart);
    const to = Math.min(end, vma.vmEnd);
    if ((vma.vmFlags & VM_HUGETLB) !== 0) {
      const size = vmaHugePageSize(vma);
      if (from % size !== 0 || to % size !== 0) return refuse(cur, USERFAULTFD_HUGE_UNALIGNED, -EINVAL);
    }
    any = true;
    if (mm.memory === null) continue;
    if (protect) {
      const error = protectPages(cur, ctx, vma, from, to);
      if (error !== 0) return error;
    } else resolvePages(vma, from, to);
  }
  return any ? 0 : refuse(cur, UFFDIO_WRITEPROTECT_NOT_REGISTERED, -ENOENT);
}
