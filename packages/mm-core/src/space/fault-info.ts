/**
 * struct vm_fault: what a driver's fault operation is told and what it answers; and the VM_FAULT_ codes.
 *
 * One object per system is reused for every fault.
 */
import type { Caller } from './caller.ts';

export const VM_FAULT_OOM = 0x1;
export const VM_FAULT_SIGBUS = 0x2;
export const VM_FAULT_MAJOR = 0x4;
export const VM_FAULT_WRITE = 0x8;
export const VM_FAULT_SIGSEGV = 0x40;
export const VM_FAULT_NOPAGE = 0x100;
export const VM_FAULT_LOCKED = 0x200;
/** The page must be awaited: `system.pending` holds the promise. */
export const VM_FAULT_RETRY = 0x400;
export const VM_FAULT_ERROR: number = VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV;

export const FAULT_FLAG_WRITE = 0x1;
export const FAULT_FLAG_MKWRITE = 0x2;
export const FAULT_FLAG_USER = 0x40;

/** The arguments and the answer of one fault. */
export class FaultInfo {
  /** Who faults; null when nobody does (a driver called from outside). */
  cur: Caller | null = null;
  /** Page-aligned address. */
  address = 0;
  /** Page offset in the file, in units of the machine's page. */
  pgoff = 0;
  /** FAULT_FLAG_ bits. */
  flags = 0;
  /** Answer: the frame, with one reference; -1 when none. */
  page = -1;
}
