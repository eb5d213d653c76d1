/**
 * Maps frames that are no counted pages: device memory, and special mappings such as [vvar].
 *
 * Such entries are special: Rss does not count them, and removing one frees nothing. Mirrors vmf_insert_pfn and
 * remap_pfn_range (mm/memory.c).
 */
import { EBUSY, EINVAL, ENOMEM } from '@vmarea/uapi';
import { PTE_SPECIAL } from '../../ports/arch.ts';
import { VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_MAYWRITE, VM_PFNMAP, VM_SHARED } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { protWrite } from '../tlb/access.ts';
import type { Addr, Pfn } from '../../base/units.ts';

/**
 * vm_insert_pfn: maps one frame at a page-aligned address of a VM_PFNMAP mapping.
 *
 * @param prot as `vmPageProt`
 * @returns 0, -EBUSY when the address has an entry already, or -ENOMEM
 */
export function vmInsertPfn(vma: Vma, address: Addr, pfn: Pfn, prot: number): number {
  const pt = vma.vmMm.pageTables!;
  const slot = pt.slotAlloc(address);
  if (slot < 0) return -ENOMEM;
  if (pt.entry(slot) !== 0) return -EBUSY;
  pt.setEntry(slot, pfn, prot, PTE_SPECIAL | protWrite(prot));
  return 0;
}

/**
 * remap_pfn_range: maps `size` bytes of frames from `pfn` on, and marks the VMA as device memory.
 *
 * @returns 0; -EINVAL for a part of a private writable mapping; -ENOMEM
 */
export function remapPfnRange(vma: Vma, address: Addr, pfn: Pfn, size: number, prot: number): number {
  const { pageSize } = vma.vmMm.system;
  if ((vma.vmFlags & (VM_SHARED | VM_MAYWRITE)) === VM_MAYWRITE) {
    if (address !== vma.vmStart || address + size !== vma.vmEnd) return -EINVAL;
    vma.vmPgoff = pfn;
  }
  vma.vmFlags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
  for (let done = 0, frame = pfn; done < size; done += pageSize, frame++) {
    const error = vmInsertPfn(vma, address + done, frame, prot);
    if (error !== 0) return error;
  }
  return 0;
}
