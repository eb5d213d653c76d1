/**
 * vma_set_page_prot: sets the page protection of a VMA, write-protected where the first write to a page must fault.
 */
import { VM_PFNMAP, VM_SHARED, VM_SOFTDIRTY, VM_UFFD_WP, VM_WRITE } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';
import type { VmFlags } from '../base/units.ts';

/** vm_get_page_prot: returns the index into the protection map. */
export function vmGetPageProt(vmFlags: VmFlags): number {
  return vmFlags & 15;
}

/** vma_wants_writenotify: returns whether the mapping is shared and writable and the first write to a page must fault. */
export function vmaWantsWritenotify(vma: Vma): boolean {
  if ((vma.vmFlags & (VM_WRITE | VM_SHARED)) !== (VM_WRITE | VM_SHARED)) return false;
  if ((vma.vmFlags & VM_UFFD_WP) !== 0) return true;
  const ops = vma.vmOps;
  if (ops !== null && (ops.pageMkwrite !== null || ops.pfnMkwrite !== null)) return true;
  if (vma.vmMm.system.config.softDirty && (vma.vmFlags & VM_SOFTDIRTY) === 0) return true;
  if ((vma.vmFlags & VM_PFNMAP) !== 0) return false;
  return vma.vmFile !== null && vma.vmFile.fMapping.accountsDirty;
}

/** vma_set_page_prot: sets the protection by the flags; keeps the memory type that a driver chose. */
export function vmaSetPageProt(vma: Vma): void {
  const flags = vma.vmFlags;
  let index = vmGetPageProt(flags);
  // Tests the flags first, to avoid the call for most mappings.
  if ((flags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED) && vmaWantsWritenotify(vma)) index &= ~VM_SHARED;
  vma.vmPageProt = (vma.vmPageProt & ~15) | index;
}
