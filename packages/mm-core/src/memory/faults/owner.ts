/**
 * Asking the owner of a mapping during a fault: for a page (__do_fault), or whether a page may become writable
 * (do_page_mkwrite); and leaving the reason when the answer is no. Mirrors mm/memory.c.
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
import type { Mm } from '../../space/mm.ts';
import type { VmOperations } from '../../ports/vm-operations.ts';
import { D } from '../../reasons/decisions.ts';
import type { Vma } from '../../areas/vma.ts';

/** A driver's fault gave no page to map: it failed, must be awaited, or mapped the page itself. */
export const NO_PAGE_TO_MAP: number = VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY;

/** Ends a fault with an error and its reason. */
export function failed(cur: Caller, vma: Vma, address: number, decision: number, code: number): number {
  const { tracer } = vma.vmMm;
  cur.call.reason = decision;
  if (tracer !== null) tracer.fault(code === VM_FAULT_OOM ? 'oom' : 'sigbus', vma, address, decision);
  return code;
}

/** __do_fault: asks the owner for the page of `address`. */
export function askOwner(
  cur: Caller,
  vma: Vma,
  ops: VmOperations,
  vmf: FaultInfo,
  address: number,
  flags: number,
): number {
  const mm = vma.vmMm;
  vmf.cur = cur;
  vmf.address = address;
  vmf.pgoff = vma.vmPgoff + (address - vma.vmStart) / mm.system.pageSize;
  vmf.flags = flags;
  vmf.page = -1;
  cur.call.reason = 0;
  const result = ops.fault!(vma, vmf);
  if ((result & VM_FAULT_ERROR) === 0) return result;
  if (cur.call.reason !== 0) return failed(cur, vma, address, cur.call.reason, result);
  return failed(cur, vma, address, reasonOf(mm, vma, vmf.pgoff, result), result);
}

/** Why an owner refused, as far as it can be seen from here. */
function reasonOf(mm: Mm, vma: Vma, pgoff: number, result: number): number {
  if ((result & VM_FAULT_OOM) !== 0) return D.faultOwnerOutOfMemory;
  if ((result & VM_FAULT_SIGBUS) === 0) return D.faultOwnerSigsegv;
  const file = vma.vmFile;
  if (file !== null && pgoff * mm.system.pageSize >= file.fInode.iSize) return D.faultBeyondEof;
  return D.faultOwnerSigbus;
}

/**
 * do_page_mkwrite: tells the owner that the page in `vmf.page` is about to become writable.
 *
 * @returns 0, or VM_FAULT_ bits: the page must not be made writable now
 */
export function doPageMkwrite(cur: Caller, vma: Vma, ops: VmOperations, vmf: FaultInfo, address: number): number {
  if (ops.pageMkwrite === null) return 0;
  vmf.flags = FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE;
  cur.call.reason = 0;
  const result = ops.pageMkwrite(vma, vmf) & NO_PAGE_TO_MAP;
  if ((result & VM_FAULT_ERROR) === 0) return result;
  return failed(cur, vma, address, cur.call.reason === 0 ? D.faultPageMkwrite : cur.call.reason, result);
}
