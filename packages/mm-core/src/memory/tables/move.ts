/**
 * move_page_tables: moves entries for mremap, never contents.
 *
 * Mirrors mm/mremap.c: works table by table, and creates a table at the destination only where the source has one.
 */
import { VM_HUGETLB, VM_UFFD_WP } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { stateOf } from '../tlb/state.ts';
import { flushTlbRange } from '../tlb/flush.ts';
import type { Addr, Bytes } from '../../base/units.ts';

/**
 * move_page_tables. `newVma` covers [newAddr, newAddr + len) in the same address space, which maps nothing there.
 *
 * @returns bytes moved: less than `len` when there was no memory for a table
 */
export function movePageTables(vma: Vma, oldAddr: Addr, newVma: Vma, newAddr: Addr, len: Bytes): number {
  const mm = vma.vmMm;
  if ((vma.vmFlags & VM_HUGETLB) !== 0) {
    return mm.system.hugePages!.movePageTables(vma, oldAddr, newVma, newAddr, len);
  }
  const pt = mm.pageTables!;
  const state = stateOf(mm);
  const u32 = state.physical.u32;
  const pageSize = state.physical.pageSize;
  const pmdSize = mm.system.arch.pmdSize;
  const pmdMask = pmdSize - 1;
  const oldEnd = oldAddr + len;
  const delta = newAddr - oldAddr;
  let moved = false;
  let at = oldAddr;
  while (at < oldEnd) {
    if (pt.slot(at) < 0) {
      // No table here; continues at the next entry behind its range.
      const found = pt.nextEntry(Math.min(at - (at & pmdMask) + pmdSize, oldEnd), oldEnd);
      if (found < 0) {
        at = oldEnd;
        break;
      }
      at = found - (found & pmdMask);
    }
    const to = at + delta;
    const stop = Math.min(at - (at & pmdMask) + pmdSize, to - (to & pmdMask) + pmdSize - delta, oldEnd);
    if (pt.slotAlloc(to) < 0) break;
    for (let page = pt.nextEntry(at, stop); page >= 0; page = pt.nextEntry(page + pageSize, stop)) {
      const from = pt.curSlot;
      const slot = pt.slotAlloc(page + delta);
      u32[slot + 1] = u32[from + 1]!;
      u32[slot] = u32[from]!;
      pt.clear(from);
      moved = true;
    }
    at = stop;
  }
  if (moved) flushTlbRange(mm, oldAddr, oldEnd);
  // Write protection by userfaultfd ends, unless the event of the move keeps the area registered.
  if (state.marks !== null) state.marks.move(oldAddr, newAddr, at - oldAddr, (newVma.vmFlags & VM_UFFD_WP) !== 0);
  return at - oldAddr;
}
