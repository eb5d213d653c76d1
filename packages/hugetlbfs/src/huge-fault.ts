/**
 * Faults on huge pages: missing ones, and copy on write, in which the owner may take pages back from its children.
 *
 * Mirrors hugetlb_fault, hugetlb_no_page, hugetlb_cow and unmap_ref_private.
 */
import { ENOMEM } from '@vmarea/uapi';
import {
  anonVmaPrepare,
  FAULT_FLAG_WRITE,
  PTE_DIRTY,
  PTE_WRITE,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  VM_MAYSHARE,
  VM_SHARED,
  VM_WRITE,
  type FaultInfo,
  type Vma,
} from '@vmarea/mm-core';
import { flushTlbRange, PG_ANON, PG_UPTODATE } from '@vmarea/mm-core/memory';
import { memoryOf } from '@vmarea/vfs';
import type { Hstate } from './hstate.ts';
import { clearHugePage, copyHugePage } from './huge-contents.ts';
import type { HugeInode } from './huge-inode.ts';
import { addHugeRmap, framesOf, removeHugeRmap, unmapHugepageRange } from './huge-range.ts';
import {
  HUGETLB_FAULT_BEYOND_END,
  HUGETLB_FAULT_NO_TABLE,
  HUGETLB_FAULT_PAGE_TAKEN_BACK,
  HUGETLB_FAULT_POOL_EXHAUSTED,
} from './reasons.ts';
import {
  allocHugePage,
  claimOf,
  hugecacheOffset,
  inodeOf,
  isResvOwner,
  vmaResv,
  type HugePageGrant,
} from './vma-resv.ts';

/** Returns the VM_FAULT_ code of a failed allocation. */
function allocError(vmf: FaultInfo, errno: number): number {
  return vmf.refuse(HUGETLB_FAULT_POOL_EXHAUSTED, errno === -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS);
}

/** hugetlb_fault: brings in the huge page that contains `vmf.address`, or makes it writable. Returns VM_FAULT_ codes. */
export function hugetlbFault(vma: Vma, vmf: FaultInfo): number {
  const { address } = vmf;
  const mm = vma.vmMm;
  const tables = mm.pageTables;
  if (tables === null) return VM_FAULT_SIGBUS;
  const info = inodeOf(vma);
  const { h } = info;
  const start = address - (address % h.size);
  const slot = tables.slotHugeAlloc(start, h.size);
  if (slot < 0) return vmf.refuse(HUGETLB_FAULT_NO_TABLE, VM_FAULT_OOM);
  const bits = tables.entry(slot);
  if (bits === 0) return hugetlbNoPage(vmf, start, slot);
  if ((vmf.flags & FAULT_FLAG_WRITE) !== 0) {
    if ((bits & PTE_WRITE) === 0) {
      const cached = (vma.vmFlags & VM_MAYSHARE) === 0 ? info.pages.get(hugecacheOffset(h, vma, start)) : undefined;
      return hugetlbCow(vmf, start, slot, cached ?? -1);
    }
    tables.setHuge(slot, h.size, tables.pfn(slot), vma.vmPageProt, PTE_WRITE | PTE_DIRTY);
  } else tables.setHuge(slot, h.size, tables.pfn(slot), vma.vmPageProt, bits & (PTE_WRITE | PTE_DIRTY));
  flushTlbRange(mm, start, start + h.size);
  return 0;
}

/** hugetlb_no_page: maps the page of the file, a new page for it, or a new private page. */
function hugetlbNoPage(vmf: FaultInfo, start: number, slot: number): number {
  const { vma } = vmf;
  const info = inodeOf(vma);
  const mm = vma.vmMm;
  const { h } = info;
  const shares = (vma.vmFlags & VM_MAYSHARE) !== 0;
  const index = hugecacheOffset(h, vma, start);
  if (vmaResv(vma).unmapped) return vmf.refuse(HUGETLB_FAULT_PAGE_TAKEN_BACK, VM_FAULT_SIGBUS);
  if (index >= Math.floor(info.inode.iSize / h.size)) return vmf.refuse(HUGETLB_FAULT_BEYOND_END, VM_FAULT_SIGBUS);
  const core = memoryOf(mm.system)!;
  let pfn = info.pages.get(index) ?? -1;
  const cached = pfn;
  if (pfn < 0) {
    const grant: HugePageGrant = { pfn: -1, reserved: false };
    pfn = allocHugePage(claimOf(vma, start), false, grant);
    if (pfn < 0) return allocError(vmf, pfn);
    clearHugePage(core.physical, pfn, h.pagesPerHugePage);
    core.frames.flags[pfn] = core.frames.flags[pfn]! | PG_UPTODATE;
    if (shares) info.addPage(index, pfn);
    else {
      if (vma.anonVma === null && anonVmaPrepare(vma) !== 0) {
        h.putUnused(pfn, grant.reserved);
        return VM_FAULT_OOM;
      }
      core.frames.flags[pfn] = core.frames.flags[pfn]! | PG_ANON;
    }
  } else h.get(pfn);
  const writable = (vma.vmFlags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED);
  mm.pageTables!.setHuge(slot, h.size, pfn, vma.vmPageProt, writable ? PTE_WRITE | PTE_DIRTY : 0);
  addHugeRmap(mm, h, pfn);
  // Copies at once, without a second fault.
  if ((vmf.flags & FAULT_FLAG_WRITE) !== 0 && (vma.vmFlags & VM_SHARED) === 0) {
    return hugetlbCow(vmf, start, slot, cached >= 0 ? cached : pfn);
  }
  return 0;
}

/**
 * hugetlb_cow: makes a page of a private mapping writable, without a copy if no other mapping has it, or by copying it.
 *
 * @param cached the file's page at this index, -1 for none
 */
function hugetlbCow(vmf: FaultInfo, start: number, slot: number, cached: number): number {
  const { vma } = vmf;
  const info = inodeOf(vma);
  const mm = vma.vmMm;
  const { h } = info;
  const tables = mm.pageTables!;
  const frames = framesOf(mm);
  const old = tables.pfn(slot);
  const own = (): boolean => frames.mapcount[old] === 1 && (frames.flags[old]! & PG_ANON) !== 0;
  const use = (): number => {
    tables.setHuge(slot, h.size, old, vma.vmPageProt, PTE_WRITE | PTE_DIRTY);
    flushTlbRange(mm, start, start + h.size);
    return 0;
  };
  if (own()) return use();
  // The page that the owner shares with a child has used the owner's reservation, so the copy must not use a reserved page.
  const outsideReserve = isResvOwner(vma) && old !== cached;
  const claim = claimOf(vma, start);
  const grant: HugePageGrant = { pfn: -1, reserved: false };
  let copy = allocHugePage(claim, outsideReserve, grant);
  if (copy < 0) {
    if (!outsideReserve) return allocError(vmf, copy);
    unmapRefPrivate(info, h, vma, old, start);
    if (own()) return use();
    copy = allocHugePage(claim, true, grant);
    if (copy < 0) return allocError(vmf, copy);
  }
  if (vma.anonVma === null && anonVmaPrepare(vma) !== 0) {
    h.putUnused(copy, grant.reserved);
    return VM_FAULT_OOM;
  }
  copyHugePage(memoryOf(mm.system)!.physical, copy, old, h.pagesPerHugePage);
  frames.flags[copy] = frames.flags[copy]! | PG_ANON | PG_UPTODATE;
  tables.setHuge(slot, h.size, copy, vma.vmPageProt, PTE_WRITE | PTE_DIRTY);
  addHugeRmap(mm, h, copy);
  removeHugeRmap(mm, h, old);
  flushTlbRange(mm, start, start + h.size);
  return 0;
}

/** unmap_ref_private: unmaps the page from every other private mapping that does not own a reservation. */
function unmapRefPrivate(info: HugeInode, h: Hstate, vma: Vma, pfn: number, start: number): void {
  const page = (start - vma.vmStart) / h.system.pageSize + vma.vmPgoff;
  const tree = info.inode.iMapping.iMmap;
  for (let node = tree.firstOverlap(page, page); node !== null; node = tree.nextOverlap(node, page, page)) {
    const other = node.item;
    if (other === vma || (other.vmFlags & VM_MAYSHARE) !== 0 || isResvOwner(other)) continue;
    unmapHugepageRange(other, start, start + h.size, pfn);
  }
}
