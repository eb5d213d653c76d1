/**
 * Creates an address space and chooses its layout. Mirrors mm_init, arch_pick_mmap_layout and insert_vm_struct.
 */
import { ADDR_COMPAT_LAYOUT, ADDR_NO_RANDOMIZE, EINVAL, ENOMEM, MisuseError } from '@vmarea/uapi';
import { securityVmEnoughMemoryMm, vmStatAccount } from '../space/accounting.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { Mm } from '../space/mm.ts';
import { VmOperations } from '../ports/vm-operations.ts';
import { INSERT_VM_STRUCT_OVERLAP } from './reasons/fork.ts';
import { KMEM_CACHE_NO_VMA } from '../shape/reasons.ts';
import type { MmSystem } from '../space/system.ts';
import { findVmaIntersection } from '../space/placement.ts';
import { VM_ACCOUNT, VM_DONTEXPAND, VM_LOCKED_CLEAR_MASK } from '../base/flags.ts';
import { vmaLink } from '../shape/adjust.ts';
import { vmGetPageProt } from '../shape/prot.ts';
import { VM_FAULT_SIGBUS, type FaultInfo } from '../space/fault-info.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, VmFlags } from '../base/units.ts';

/**
 * mm_init: creates an empty address space with the top-down layout of an 8 MiB stack.
 *
 * @returns the Mm, or null when there is no memory for its page tables
 */
export function createMm(system: MmSystem): Mm | null {
  const mm = new Mm(system);
  mm.mmapBase = system.arch.mmapLayout({
    style: system.profile.layout.mmapLayout,
    stackLimit: 8 * 1024 * 1024,
    rndBytes: 0,
    legacy: false,
    randomize: false,
    stackGuardGapBytes: system.stackGuardGap,
  });
  return system.memory.attach(mm) === 0 ? mm : null;
}

/**
 * arch_pick_mmap_layout: chooses the layout at exec, from the limits and the personality at that time.
 *
 * @param rndBytes arch_mmap_rnd, page-aligned bytes; 0 when the process is not randomised
 */
export function pickMmapLayout(cur: Caller, rndBytes: number): void {
  const mm = cur.mm;
  const system = mm.system;
  mm.mmapLegacy =
    (cur.personality & ADDR_COMPAT_LAYOUT) !== 0 ||
    (system.arch.unlimitedStackIsLegacy && cur.rlimits.stack === Infinity) ||
    system.sysctl.legacyVaLayout !== 0;
  const randomize = system.sysctl.randomizeVaSpace !== 0 && (cur.personality & ADDR_NO_RANDOMIZE) === 0;
  mm.mmapBase = system.arch.mmapLayout({
    style: system.profile.layout.mmapLayout,
    stackLimit: cur.rlimits.stack,
    rndBytes,
    legacy: mm.mmapLegacy,
    randomize,
    stackGuardGapBytes: system.stackGuardGap,
  });
}

/** Refuses a range that no VMA may have: empty, reversed, not whole pages, beyond TASK_SIZE. */
function checkRange(call: string, mm: Mm, start: Addr, end: Addr): void {
  const { pageMask } = mm.system;
  const whole = Number.isInteger(start) && Number.isInteger(end) && ((start | end) & pageMask) === 0;
  if (whole && start >= 0 && start < end && end <= mm.taskSize) return;
  const why = whole ? `is empty or not below 0x${mm.taskSize.toString(16)}` : 'is not of whole pages';
  throw new MisuseError(call, 'range', `[${hexOf(start)}, ${hexOf(end)}) ${why}`);
}

/** A number as addresses are written; whatever it is. */
function hexOf(value: number): string {
  return Number.isInteger(value) && value >= 0 ? `0x${value.toString(16)}` : String(value);
}

/**
 * insert_vm_struct: links a VMA that the caller has made (exec's stack, special mappings).
 *
 * @returns 0, or -ENOMEM: the range is not free, or the commit failed
 * @throws MisuseError when the VMA's range is none: empty, reversed, not page-aligned, beyond TASK_SIZE
 */
export function insertVmStruct(cur: Caller, vma: Vma): number {
  const mm = cur.mm;
  checkRange('insertVmStruct', mm, vma.vmStart, vma.vmEnd);
  if (findVmaIntersection(mm, vma.vmStart, vma.vmEnd) !== null) return refuse(cur, INSERT_VM_STRUCT_OVERLAP, -ENOMEM);
  const pages = (vma.vmEnd - vma.vmStart) / mm.system.pageSize;
  if ((vma.vmFlags & VM_ACCOUNT) !== 0 && securityVmEnoughMemoryMm(cur, pages) !== 0) return -ENOMEM;
  if (vma.vmFile === null) vma.vmPgoff = vma.vmStart / mm.system.pageSize;
  vmaLink(mm, vma);
  return 0;
}

/** struct vm_special_mapping: the name and the pages of [vdso] or [vvar]. */
export interface SpecialMapping {
  readonly name: string;
  /** Finds the page at an index of the mapping; returns VM_FAULT_SIGBUS when there is none. Null: the mapping has no pages. */
  readonly fault: ((vma: Vma, index: number, vmf: FaultInfo) => number) | null;
}

function specialOf(vma: Vma): SpecialMapping {
  return vma.vmPrivateData as SpecialMapping;
}

const SPECIAL_INIT = {
  // Exists only because the kernel never merges a VMA with `close`.
  close: (): void => undefined,
  name: (vma: Vma): string => specialOf(vma).name,
  fault: (vma: Vma, vmf: FaultInfo): number => {
    const spec = specialOf(vma);
    return spec.fault === null ? VM_FAULT_SIGBUS : spec.fault(vma, vmf.pgoff - vma.vmPgoff, vmf);
  },
  mremap: (): number => 0,
};

/** special_mapping_vmops. */
export const specialMappingVmOps: VmOperations = new VmOperations(SPECIAL_INIT);
/** {@link specialMappingVmOps} for versions that refuse to split such a mapping. */
export const unsplittableSpecialMappingVmOps: VmOperations = new VmOperations({
  ...SPECIAL_INIT,
  maySplit: () => -EINVAL,
});

/**
 * _install_special_mapping: maps [vdso], [vvar] and the like.
 *
 * @param addr page-aligned; `len` page-aligned bytes
 * @param vmFlags VM_ bits in addition to those of every special mapping
 * @returns the VMA, or -ENOMEM
 * @throws MisuseError when the range is none: empty, reversed, not page-aligned, beyond TASK_SIZE
 */
export function installSpecialMapping(
  cur: Caller,
  addr: Addr,
  len: Bytes,
  vmFlags: VmFlags,
  spec: SpecialMapping,
): Vma | number {
  const mm = cur.mm;
  const system = mm.system;
  checkRange('installSpecialMapping', mm, addr, addr + len);
  const vma = mm.vmas.allocVma();
  if (vma === null) return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  vma.vmStart = addr;
  vma.vmEnd = addr + len;
  vma.vmFlags = (vmFlags | mm.defFlags | VM_DONTEXPAND) & VM_LOCKED_CLEAR_MASK;
  vma.vmPageProt = vmGetPageProt(vma.vmFlags);
  vma.vmOps = system.profile.layout.specialMappingRefusesSplit ? unsplittableSpecialMappingVmOps : specialMappingVmOps;
  vma.vmPrivateData = spec;
  const error = insertVmStruct(cur, vma);
  if (error !== 0) {
    mm.vmas.release(vma.id);
    return error;
  }
  const pages = len / system.pageSize;
  if (system.profile.limits.statDataVm) vmStatAccount(mm, vma.vmFlags, null, pages);
  else mm.totalVm += pages;
  if (system.perf !== null) system.perf.mmap(vma);
  return vma;
}
