/**
 * The registration of an area with a userfaultfd: its context and three flags, which change together.
 *
 * Mirrors userfaultfd_set_vm_flags (fs/userfaultfd.c).
 */
import { VM_HIGH_UFFD_MINOR, VM_SHARED, VM_UFFD_MISSING, VM_UFFD_WP } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';
import type { UserfaultContext } from '../ports/userfault.ts';
import type { VmFlags } from '../base/units.ts';
import type { Caller } from '../space/caller.ts';
import { vmaSetPageProt } from './prot.ts';

/** The registration of an area. */
export interface Registration {
  /** Null: the area is not registered. */
  readonly userfaultCtx: UserfaultContext | null;
  /** All flags of the area. Those of a registration are VM_UFFD_MISSING, VM_UFFD_WP and VM_HIGH_UFFD_MINOR. */
  readonly vmFlags: VmFlags;
  readonly vmFlagsHigh: number;
}

/** The flags in the first word. */
export const VM_UFFD_FLAGS: number = VM_UFFD_MISSING | VM_UFFD_WP;

/** Gives a VMA the context and the flags of a registration. */
export function setUserfault(vma: Vma, { userfaultCtx, vmFlags, vmFlagsHigh }: Registration): void {
  vma.vmFlags = vmFlags;
  vma.vmFlagsHigh = vmFlagsHigh;
  vma.userfaultCtx = userfaultCtx;
  // VM_UFFD_WP changes whether the first write to a shared page must fault.
  if ((vmFlags & VM_SHARED) !== 0) vmaSetPageProt(vma);
}

/** dup_userfaultfd: gives the child's copy of a registered VMA the context of the child, or ends its registration. */
export function forkUserfault(cur: Caller, made: Vma, vma: Vma): void {
  const userfaultCtx = vma.userfaultCtx!.forked?.(cur, made.vmMm) ?? null;
  if (userfaultCtx === null) dropUserfault(made);
  else
    setUserfault(made, {
      userfaultCtx,
      vmFlags: made.vmFlags | (vma.vmFlags & VM_UFFD_FLAGS),
      vmFlagsHigh: vma.vmFlagsHigh,
    });
}

/** Ends the registration of a VMA. */
export function dropUserfault(vma: Vma): void {
  const { vmFlags, vmFlagsHigh } = vma;
  setUserfault(vma, {
    userfaultCtx: null,
    vmFlags: vmFlags & ~VM_UFFD_FLAGS,
    vmFlagsHigh: vmFlagsHigh & ~VM_HIGH_UFFD_MINOR,
  });
}
