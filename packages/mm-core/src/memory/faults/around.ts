/**
 * do_fault_around: a read fault on a file also maps the cached pages around it.
 *
 * The window has `fault_around_bytes`, starts at the aligned address or the VMA's start, and ends with the page table,
 * the VMA, or its length. It shows in Rss. Mirrors mm/memory.c; both versions have the same window.
 */
import type { VmOperations } from '../../ports/vm-operations.ts';
import type { Vma } from '../../areas/vma.ts';
import { VM_HIGH_UFFD_MINOR, VM_UFFD_WP } from '../../base/flags.ts';
import type { PageMarks } from '../tlb/marks.ts';
import { protWrite } from '../tlb/access.ts';
import type { MmState } from '../tlb/state.ts';
import { addFileRmap } from '../frames/meta.ts';
import { foldBatches } from '../frames/rss.ts';
import type { Addr } from '../../base/units.ts';

/** should_fault_around: pages whose first access must be reported, and poisoned ones, are not mapped around a fault. */
function mayMapAround(marks: PageMarks, vma: Vma): boolean {
  const reported = (vma.vmFlags & VM_UFFD_WP) !== 0 || (vma.vmFlagsHigh & VM_HIGH_UFFD_MINOR) !== 0;
  return !reported && marks.poisoned.size === 0;
}

/**
 * Maps the pages around `address` that are in the cache and up to date.
 *
 * @param ops operations with `mapPage`
 */
export function doFaultAround(state: MmState, vma: Vma, ops: VmOperations, address: Addr): void {
  if (state.marks !== null && !mayMapAround(state.marks, vma)) return;
  const mm = state.mm;
  const { pageSize, config, arch } = mm.system;
  const pt = mm.pageTables!;
  const bytes = Math.floor(config.faultAroundBytes / pageSize) * pageSize;
  const aligned = address - (address & (bytes - 1));
  const start = aligned > vma.vmStart ? aligned : vma.vmStart;
  const tableEnd = start - (start & (arch.pmdSize - 1)) + arch.pmdSize;
  const end = Math.min(start + bytes, tableEnd, vma.vmEnd);
  const prot = vma.vmPageProt;
  const write = protWrite(prot);
  const batches = state.rssBatches;
  if (batches !== null) batches.stepOpen = true;
  let pgoff = vma.vmPgoff + (start - vma.vmStart) / pageSize;
  for (let at = start; at < end; at += pageSize, pgoff++) {
    const slot = pt.slot(at);
    if (slot < 0) break;
    if (pt.entry(slot) !== 0) continue;
    const pfn = ops.mapPage!(vma, pgoff);
    if (pfn < 0) continue;
    addFileRmap(state, pfn);
    pt.setEntry(slot, pfn, prot, write);
  }
  if (batches !== null) {
    batches.stepOpen = false;
    foldBatches(state);
  }
}
