/**
 * struct vm_fault: the arguments and the result of a driver's fault operation; and the VM_FAULT_ codes.
 *
 * Each call has one, which is reused for its faults. Its values are valid until the operation has returned.
 */
import { EFAULT } from '@vmarea/uapi';
import type { Vma } from '../areas/vma.ts';
import type { Caller } from './caller.ts';
import type { Addr } from '../base/units.ts';

export const VM_FAULT_OOM = 0x1;
export const VM_FAULT_SIGBUS = 0x2;
export const VM_FAULT_MAJOR = 0x4;
export const VM_FAULT_WRITE = 0x8;
/** The page is poisoned: SIGBUS with BUS_MCEERR_AR. */
export const VM_FAULT_HWPOISON = 0x10;
export const VM_FAULT_SIGSEGV = 0x40;
export const VM_FAULT_NOPAGE = 0x100;
export const VM_FAULT_LOCKED = 0x200;
/** The fault must wait for the page: `system.current.pending` holds the promise. */
export const VM_FAULT_RETRY = 0x400;
export const VM_FAULT_ERROR: number = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_HWPOISON | VM_FAULT_SIGSEGV;

export const FAULT_FLAG_WRITE = 0x1;
export const FAULT_FLAG_MKWRITE = 0x2;
export const FAULT_FLAG_USER = 0x40;

/** The arguments and the result of one fault. */
export class FaultInfo {
  /** The caller that faults. */
  cur!: Caller;
  /** The mapping. */
  vma!: Vma;
  /** Page-aligned address. */
  address = 0;
  /** Page offset in the file, in units of the machine's page. */
  pgoff = 0;
  /** FAULT_FLAG_ bits. */
  flags = 0;
  /** Result: the frame, with one reference; -1 for none. */
  page = -1;
  /** Result: the number of the reason for an error; 0: the driver gives none. */
  reason = 0;

  /**
   * Fills in the arguments of a fault and clears the results.
   *
   * @param address page-aligned, inside the VMA
   * @param flags FAULT_FLAG_ bits
   */
  begin(cur: Caller, vma: Vma, address: Addr, flags: number): void {
    this.cur = cur;
    this.vma = vma;
    this.address = address;
    this.pgoff = vma.vmPgoff + (address - vma.vmStart) / vma.vmMm.system.pageSize;
    this.flags = flags;
    this.page = -1;
    this.reason = 0;
  }

  /**
   * Stores the reason for an error and returns the error.
   *
   * @param decision the number of the reason
   * @param code VM_FAULT_SIGBUS or VM_FAULT_OOM
   * @returns the code
   */
  refuse(decision: number, code: number): number {
    this.reason = decision;
    const { tracer } = this.vma.vmMm;
    if (tracer !== null) tracer.decide(decision, -EFAULT);
    return code;
  }
}
