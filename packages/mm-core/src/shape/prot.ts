/**
 * vma_set_page_prot: which protection the pages of a VMA get, and whether the first write to one must be noticed.
 */
import { VM_PFNMAP, VM_SHARED, VM_SOFTDIRTY, VM_WRITE } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';
import type { VmFlags } from '../base/units.ts';

/** vm_get_page_prot: index into the protection map. */
export function vmGetPageProt(vmFlags: VmFlags): number {
  return vmFlags & 15;
}

/** vma_wants_writenotify: shared writable, and somebody wants to know of the first write to a page. */
export function vmaWantsWritenotify(vma: Vma): boolean {
  if ((vma.vmFlags & (VM_WRITE | VM_SHARED)) !== (VM_WRITE | VM_SHARED)) return false;
  const ops = vma.vmOps;
  if (ops !== null && (ops.pageMkwrite !== null || ops.pfnMkwrite !== null)) return true;
  if (vma.vmMm.system.config.softDirty && (vma.vmFlags & VM_SOFTDIRTY) === 0) return true;
  if ((vma.vmFlags & VM_PFNMAP) !== 0) return false;
  return vma.vmFile !== null && vma.vmFile.fMapping.accountsDirty;
}

/** vma_set_page_prot: from the flags; the memory type that a driver chose stays. */
export function vmaSetPageProt(vma: Vma): void {
  const flags = vma.vmFlags;
  let index = vmGetPageProt(flags);
  // Tested here too: most mappings are not both, and then nothing is called.
  if ((flags & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED) && vmaWantsWritenotify(vma)) index &= ~VM_SHARED;
  vma.vmPageProt = (vma.vmPageProt & ~15) | index;
}
