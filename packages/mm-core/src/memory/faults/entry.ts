/**
 * do_page_fault: handles the processor's exception, from the address alone.
 *
 * Finds the VMA (growing a stack), checks permission, brings the page in, counts the fault, and chooses the task's signal.
 * Mirrors arch/arm64/mm/fault.c and, depending on the architecture's fields, arch/x86/mm/fault.c. Not here: delivering the
 * signal, and the exception tables of kernel copies (uaccess.ts), which turn every refusal into EFAULT.
 */
import {
  BUS_ADRERR,
  BUS_MCEERR_AR,
  SEGV_ACCERR,
  SEGV_MAPERR,
  SEGV_PKUERR,
  SI_KERNEL,
  SIGBUS,
  SIGKILL,
  SIGSEGV,
} from '@vmarea/uapi';
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import {
  FAULT_FLAG_USER,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_HWPOISON,
  VM_FAULT_MAJOR,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
} from '../../space/fault-info.ts';
import type { Mm } from '../../space/mm.ts';
import {
  FAULT_ABOVE_TASK_SIZE,
  FAULT_NOT_EXECUTABLE,
  FAULT_NOT_READABLE,
  FAULT_NOT_WRITABLE,
  FAULT_NO_VMA,
  FAULT_PKEY,
  FAULT_NOT_CANONICAL,
} from './reasons.ts';
import { vmaPkey } from '../../calls/pkeys.ts';
import { expandStack } from '../../calls/stack.ts';
import { VM_ACCESS_FLAGS, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_WRITE } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { PTE_PROTNONE } from '../../ports/arch.ts';
import { ACCESS_EXEC, ACCESS_WRITE } from '../tlb/access.ts';
import { handleMmFault } from './fault.ts';
import type { Addr } from '../../base/units.ts';

/** Returned by {@link doPageFault} when the access fails with the signal in `cur.call.refused`. */
export const FAULT_SIGNAL = 1;

/** A signal and its si_code. */
export interface Siginfo {
  readonly signal: number;
  readonly code: number;
}

const MAPERR: Siginfo = { signal: SIGSEGV, code: SEGV_MAPERR };
const ACCERR: Siginfo = { signal: SIGSEGV, code: SEGV_ACCERR };
const ADRERR: Siginfo = { signal: SIGBUS, code: BUS_ADRERR };
const MCEERR: Siginfo = { signal: SIGBUS, code: BUS_MCEERR_AR };
const GENERAL_PROTECTION: Siginfo = { signal: SIGSEGV, code: SI_KERNEL };
const KEY_DENIES: Siginfo = { signal: SIGSEGV, code: SEGV_PKUERR };
const OOM_KILL: Siginfo = { signal: SIGKILL, code: SI_KERNEL };

/**
 * do_page_fault.
 *
 * @param cur the task that faults; counts in its `minFlt` or `majFlt`
 * @param address the byte accessed
 * @param access ACCESS_READ, ACCESS_WRITE or ACCESS_EXEC
 * @returns 0: repeat the access; RETRY: `system.current.pending` must settle first; {@link FAULT_SIGNAL}: the access fails,
 *   and `cur.call.refused` has the signal, code, address and reason
 */
export function doPageFault(cur: Caller, address: Addr, access: number): number {
  const mm = cur.mm;
  const { profile, pageMask, arch } = mm.system;
  if (address >= arch.canonicalEnd && address < 2 ** 64 - arch.canonicalEnd) {
    return refused(cur, null, 0, GENERAL_PROTECTION, FAULT_NOT_CANONICAL);
  }
  // An address outside of the page tables' range fails before anything is counted.
  if (!(address >= 0 && address < mm.taskSize)) {
    return refused(cur, null, address, MAPERR, FAULT_ABOVE_TASK_SIZE);
  }
  const vma = mm.tree.findNear(address);
  if (vma === null) {
    if (profile.faults.countsFailures) cur.minFlt++;
    return refused(cur, null, address, MAPERR, FAULT_NO_VMA);
  }
  if (address < vma.vmStart) {
    const decision = growFor(cur, vma, address);
    if (decision !== 0) {
      if (profile.faults.countsFailures) cur.minFlt++;
      return refused(cur, vma, address, MAPERR, decision);
    }
  }
  if (arch.protectionKeys !== 0 && access !== ACCESS_EXEC && keyDenies(cur, vma, access)) {
    if (profile.faults.countsFailures) cur.minFlt++;
    return refused(cur, vma, address, KEY_DENIES, FAULT_PKEY);
  }
  if ((vma.vmFlags & neededFlags(mm, access)) === 0) {
    if (profile.faults.countsFailures) cur.minFlt++;
    return refused(cur, vma, address, accessInfo(vma, access), accessDecision(access));
  }
  if (access === ACCESS_EXEC && arch.fetchBringsIn && (vma.vmFlags & VM_EXEC) === 0 && isPresent(mm, address)) {
    return refused(cur, vma, address, ACCERR, FAULT_NOT_EXECUTABLE);
  }
  const flags = access === ACCESS_WRITE ? FAULT_FLAG_USER | FAULT_FLAG_WRITE : FAULT_FLAG_USER;
  const result = handleMmFault(cur, vma, address - (address & pageMask), flags);
  if ((result & (VM_FAULT_ERROR | VM_FAULT_RETRY)) === 0) {
    if ((result & VM_FAULT_MAJOR) !== 0) cur.majFlt++;
    else cur.minFlt++;
    return 0;
  }
  if ((result & VM_FAULT_ERROR) === 0) {
    // UFFD_FEATURE_EXACT_ADDRESS reports the whole address.
    if (cur.call.reported !== null) cur.call.reported.address = address;
    return RETRY;
  }
  if (profile.faults.countsFailures) cur.minFlt++;
  if ((result & VM_FAULT_OOM) !== 0) return refused(cur, vma, address, OOM_KILL, cur.call.reason);
  if ((result & VM_FAULT_HWPOISON) !== 0) return refused(cur, vma, address, MCEERR, cur.call.reason);
  if ((result & VM_FAULT_SIGBUS) !== 0) return refused(cur, vma, address, ADRERR, cur.call.reason);
  return refused(cur, vma, address, MAPERR, cur.call.reason);
}

/** Grows the VMA above `address` down to it. Returns 0, or the number of the reason for the refusal. */
function growFor(cur: Caller, vma: Vma, address: Addr): number {
  if ((vma.vmFlags & VM_GROWSDOWN) === 0) return FAULT_NO_VMA;
  return expandStack(cur, vma, address) === 0 ? 0 : cur.call.reason;
}

/** Returns the VMA flags that permit the access: one of them is enough. */
function neededFlags(mm: Mm, access: number): number {
  const { arch, config } = mm.system;
  if (access === ACCESS_WRITE) return VM_WRITE;
  if (access === ACCESS_EXEC) return arch.fetchBringsIn ? VM_ACCESS_FLAGS : VM_EXEC;
  return config.cpuEpan || arch.executeOnlyCode !== 0 ? VM_READ | VM_WRITE : VM_ACCESS_FLAGS;
}

/** Returns the signal of an access that the VMA's flags forbid. */
function accessInfo(vma: Vma, access: number): Siginfo {
  const { executeOnlyCode } = vma.vmMm.system.arch;
  const only = access !== ACCESS_EXEC && (vma.vmFlags & VM_ACCESS_FLAGS) === VM_EXEC;
  return only && executeOnlyCode !== 0 ? { signal: SIGSEGV, code: executeOnlyCode } : ACCERR;
}

/** arch_vma_access_permitted: returns whether the task's PKRU forbids the access through the key of the mapping. */
function keyDenies(cur: Caller, vma: Vma, access: number): boolean {
  const denied = cur.pkru >>> (2 * vmaPkey(vma.vmFlagsHigh));
  return (denied & (access === ACCESS_WRITE ? 3 : 1)) !== 0;
}

/** Returns whether the MMU finds a page at `address`, with any rights. */
function isPresent(mm: Mm, address: number): boolean {
  const pt = mm.pageTables!;
  const { pageSize, pageMask } = mm.system;
  const page = address - (address & pageMask);
  return pt.nextEntry(page, page + pageSize) >= 0 && (pt.entry(pt.curSlot) & PTE_PROTNONE) === 0;
}

function accessDecision(access: number): number {
  if (access === ACCESS_WRITE) return FAULT_NOT_WRITABLE;
  return access === ACCESS_EXEC ? FAULT_NOT_EXECUTABLE : FAULT_NOT_READABLE;
}

/** Stores the signal of an access that fails, and reports it. Returns {@link FAULT_SIGNAL}. */
export function refused(cur: Caller, vma: Vma | null, address: Addr, siginfo: Siginfo, decision: number): number {
  const { call } = cur;
  const { tracer } = cur.mm;
  const access = call.refused;
  access.signal = siginfo.signal;
  access.code = siginfo.code;
  access.address = address;
  access.decision = decision;
  call.reason = decision;
  // handle_mm_fault has reported its own errors.
  if (tracer !== null && siginfo.signal === SIGSEGV) tracer.fault('sigsegv', vma, address, decision);
  return FAULT_SIGNAL;
}
