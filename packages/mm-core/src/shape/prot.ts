/**
 * vma_set_page_prot: sets the page protection of a VMA, write-protected where the first write to a page must fault.
 */
import { PROT_MTE } from '@vmarea/uapi';
import { VM_ARCH_1, VM_HIGH_ARCH, VM_PFNMAP, VM_SHARED, VM_SOFTDIRTY, VM_UFFD_WP, VM_WRITE } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';
import type { VmFlags } from '../base/units.ts';

/** vm_get_page_prot: returns the index into the protection map; bit 6 is VM_ARCH_1. */
export function vmGetPageProt(vmFlags: VmFlags): number {
  return (vmFlags & 15) | ((vmFlags & VM_ARCH_1) >>> 18);
}

/** arch_validate_flags: returns whether `high` (VM_HIGH_ bits) asks for tags only where the memory keeps them. */
export function archValidateFlags(vma: Vma, high: number): boolean {
  if ((high & vma.vmMm.system.archProt & PROT_MTE) === 0) return true;
  return vma.vmOps === null ? vma.vmFile === null : vma.vmOps.mayTag;
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
  vma.vmPageProt = (vma.vmPageProt & 0x30) | index | ((vma.vmFlagsHigh & VM_HIGH_ARCH) << 2);
}
