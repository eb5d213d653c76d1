/**
 * Calls the driver of a mapping during a fault: for a page (__do_fault), or before a page becomes writable
 * (do_page_mkwrite). Stores the reason when the driver refuses. Mirrors mm/memory.c.
 */
import type { Caller } from '../../space/caller.ts';
import {
  FAULT_FLAG_MKWRITE,
  FAULT_FLAG_WRITE,
  type FaultInfo,
  VM_FAULT_ERROR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
} from '../../space/fault-info.ts';
import {
  FAULT_BEYOND_EOF,
  FAULT_OWNER_OUT_OF_MEMORY,
  FAULT_OWNER_SIGBUS,
  FAULT_OWNER_SIGSEGV,
  FAULT_PAGE_MKWRITE,
} from './reasons.ts';
import type { Vma } from '../../areas/vma.ts';
import type { Addr, Pages } from '../../base/units.ts';

/** Results of a driver's fault without a page to map: an error, a wait, or a page that the driver has mapped itself. */
export const NO_PAGE_TO_MAP: number = VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY;

/** Ends a fault with an error: stores the reason and reports it. */
export function failed(cur: Caller, vma: Vma, address: Addr, decision: number, code: number): number {
  const { tracer } = vma.vmMm;
  cur.call.reason = decision;
  if (tracer !== null) tracer.fault(code === VM_FAULT_OOM ? 'oom' : 'sigbus', vma, address, decision);
  return code;
}

/** __do_fault: calls the driver for the page that `vmf` names. */
export function askOwner(vmf: FaultInfo): number {
  const { cur, vma, address, pgoff } = vmf;
  const result = vma.vmOps!.fault!(vma, vmf);
  if ((result & VM_FAULT_ERROR) === 0) return result;
  return failed(cur, vma, address, vmf.reason !== 0 ? vmf.reason : reasonOf(vma, pgoff, result), result);
}

/** Returns the reason for a driver's error when the driver gave none. */
function reasonOf(vma: Vma, pgoff: Pages, result: number): number {
  if ((result & VM_FAULT_OOM) !== 0) return FAULT_OWNER_OUT_OF_MEMORY;
  if ((result & VM_FAULT_SIGBUS) === 0) return FAULT_OWNER_SIGSEGV;
  const file = vma.vmFile;
  if (file !== null && pgoff * vma.vmMm.system.pageSize >= file.fInode.iSize) return FAULT_BEYOND_EOF;
  return FAULT_OWNER_SIGBUS;
}

/**
 * do_page_mkwrite: calls the driver before the page in `vmf.page` becomes writable.
 *
 * @returns 0, or VM_FAULT_ bits: the caller must not make the page writable now
 */
export function doPageMkwrite(vmf: FaultInfo): number {
  const { cur, vma, address } = vmf;
  const ops = vma.vmOps;
  if (ops === null || ops.pageMkwrite === null) return 0;
  vmf.flags = FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE;
  vmf.reason = 0;
  const result = ops.pageMkwrite(vma, vmf) & NO_PAGE_TO_MAP;
  if ((result & VM_FAULT_ERROR) === 0) return result;
  return failed(cur, vma, address, vmf.reason === 0 ? FAULT_PAGE_MKWRITE : vmf.reason, result);
}
