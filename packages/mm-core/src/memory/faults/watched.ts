/**
 * Faults in an address space that uses userfaultfd: decides whether a fault is reported instead of handled.
 *
 * Mirrors the calls of handle_userfault in mm/memory.c, mm/shmem.c and mm/hugetlb.c.
 */
import { UFFD_FEATURE_WP_ASYNC } from '@vmarea/uapi';
import { anonVmaPrepare } from '../../shape/anon-vma.ts';
import { vmaHugePageSize, type Vma } from '../../areas/vma.ts';
import { VM_HIGH_UFFD_MINOR, VM_HUGETLB, VM_SHARED, VM_UFFD_MISSING, VM_UFFD_WP } from '../../base/flags.ts';
import type { Addr } from '../../base/units.ts';
import { PTE_WRITE } from '../../ports/arch.ts';
import { BEYOND_END, REPORT_MINOR } from '../../ports/userfault.ts';
import type { Caller } from '../../space/caller.ts';
import { FAULT_FLAG_WRITE, VM_FAULT_HWPOISON, VM_FAULT_OOM, VM_FAULT_RETRY } from '../../space/fault-info.ts';
import { stateOf } from '../tlb/state.ts';
import { failed } from './owner.ts';
import { FAULT_NO_ANON_VMA, FAULT_NO_TABLE, FAULT_POISONED } from './reasons.ts';

/** Returns the first byte of the page, or of the huge page, that contains a page-aligned address. */
function pageOf(vma: Vma, address: Addr): Addr {
  if ((vma.vmFlags & VM_HUGETLB) === 0) return address;
  return address - (address % vmaHugePageSize(vma));
}

/** Reports a fault. Returns VM_FAULT_ bits; 0 when the context does not handle faults. */
function report(cur: Caller, vma: Vma, address: Addr, flags: number, why: number): number {
  const context = vma.userfaultCtx!;
  if (context.report === undefined) return 0;
  const result = context.report(cur, address, flags, why);
  return result === VM_FAULT_RETRY ? result : failed(cur, vma, address, cur.call.reason, result);
}

/** Returns the bits of the entry that maps a page, 0 when there is none. Leaves the entry in `curSlot`. */
function entryOf(vma: Vma, page: Addr): number {
  const { pageTables: pt, system } = vma.vmMm;
  return pt!.nextEntry(page, page + system.pageSize) < 0 ? 0 : pt!.entry(pt!.curSlot);
}

/** What is missing at a page that no entry maps: VM_UFFD_MISSING, REPORT_MINOR, or 0 for nothing that is to be reported. */
function missing(vma: Vma, page: Addr): number {
  const wantsMissing = (vma.vmFlags & VM_UFFD_MISSING) !== 0;
  if (vma.vmOps === null) return wantsMissing ? VM_UFFD_MISSING : 0;
  const { userfault } = vma.vmOps;
  if (userfault === null) return 0;
  const pfn = userfault.find(vma, vma.vmPgoff + (page - vma.vmStart) * vma.vmMm.system.perPage);
  if (pfn >= 0) return (vma.vmFlagsHigh & VM_HIGH_UFFD_MINOR) !== 0 ? REPORT_MINOR : 0;
  return pfn !== BEYOND_END && wantsMissing ? VM_UFFD_MISSING : 0;
}

/** Prepares what the kernel prepares before it reports a missing page: a table, and an anon_vma for a store. Returns 0 or VM_FAULT_OOM. */
function prepare(cur: Caller, vma: Vma, address: Addr, flags: number): number {
  if ((vma.vmFlags & VM_HUGETLB) !== 0) return 0;
  if (vma.vmMm.pageTables!.slotAlloc(address) < 0) return failed(cur, vma, address, FAULT_NO_TABLE, VM_FAULT_OOM);
  const stores = (flags & FAULT_FLAG_WRITE) !== 0 && (vma.vmFlags & VM_SHARED) === 0;
  if (!stores || vma.anonVma !== null || anonVmaPrepare(vma) === 0) return 0;
  return failed(cur, vma, address, FAULT_NO_ANON_VMA, VM_FAULT_OOM);
}

/**
 * Returns 0 when the fault is to be handled as any other; VM_FAULT_RETRY when it was reported; or an error.
 *
 * @param address page-aligned
 */
export function askUserfaultfd(cur: Caller, vma: Vma, address: Addr, flags: number): number {
  const marks = stateOf(vma.vmMm).marks!;
  const page = pageOf(vma, address);
  const bits = entryOf(vma, page);
  const context = vma.userfaultCtx;
  if (bits === 0) {
    if (marks.poisoned.has(page)) return failed(cur, vma, address, FAULT_POISONED, VM_FAULT_HWPOISON);
    const why = context === null ? 0 : missing(vma, page);
    if (why === 0) return 0;
    return prepare(cur, vma, address, flags) || report(cur, vma, address, flags, why);
  }
  const stores = (flags & FAULT_FLAG_WRITE) !== 0 && (bits & PTE_WRITE) === 0;
  if (context === null || !stores || (vma.vmFlags & VM_UFFD_WP) === 0 || !marks.writeProtected.has(page)) return 0;
  if (((context.features ?? 0) & UFFD_FEATURE_WP_ASYNC) !== 0) {
    marks.writeProtected.delete(page);
    return 0;
  }
  return report(cur, vma, address, flags, VM_UFFD_WP);
}

/** Write-protects a page that has just been brought in, if userfaultfd protects it: the next store is reported. */
export function keepProtected(vma: Vma, address: Addr): void {
  const page = pageOf(vma, address);
  if ((vma.vmFlags & VM_UFFD_WP) === 0 || !stateOf(vma.vmMm).marks!.writeProtected.has(page)) return;
  const pt = vma.vmMm.pageTables!;
  const bits = entryOf(vma, page);
  if ((bits & PTE_WRITE) === 0) return;
  if ((vma.vmFlags & VM_HUGETLB) === 0) pt.wrprotect(pt.curSlot);
  else pt.setHuge(pt.curSlot, pt.curSize, pt.pfn(pt.curSlot), vma.vmPageProt, bits & ~PTE_WRITE);
}
