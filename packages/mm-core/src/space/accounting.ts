/**
 * Limits and commit accounting: RLIMIT_AS, RLIMIT_DATA, RLIMIT_MEMLOCK, overcommit, and the page counters of an Mm.
 *
 * Mirrors may_expand_vm, vm_stat_account, __vm_enough_memory (mm/util.c) and their callers' helpers.
 */
import { CAP_IPC_LOCK, EAGAIN, ENOMEM, OVERCOMMIT_ALWAYS, OVERCOMMIT_GUESS } from '@vmarea/uapi';
import type { Caller } from './caller.ts';
import { refuse } from '../base/errno.ts';
import type { Mm } from './mm.ts';
import type { VmFile } from '../ports/file.ts';
import {
  MAY_EXPAND_VM_RLIMIT_AS,
  MAY_EXPAND_VM_RLIMIT_DATA,
  MLOCK_FUTURE_CHECK_LIMIT,
  VM_ENOUGH_MEMORY_GUESS,
  VM_ENOUGH_MEMORY_NEVER,
} from './reasons.ts';
import type { MmSystem } from './system.ts';
import { VM_EXEC, VM_GROWSDOWN, VM_HUGETLB, VM_LOCKED, VM_NORESERVE, VM_SHARED, VM_WRITE } from '../base/flags.ts';
import type { Bytes, Pages, VmFlags } from '../base/units.ts';

/** is_data_mapping: returns whether a mapping is private, writable and no stack (what RLIMIT_DATA covers on 6.1). */
export function isDataMapping(vmFlags: VmFlags): boolean {
  return (vmFlags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) === VM_WRITE;
}

/**
 * may_expand_vm: returns whether `nrPages` more fit under RLIMIT_AS (and RLIMIT_DATA, where the version counts it).
 * Stores the reason when they do not.
 */
export function mayExpandVm(cur: Caller, vmFlags: VmFlags, nrPages: Pages): boolean {
  const mm = cur.mm;
  // Tests n > floor(limit / pageSize) without a division: n is whole.
  if ((mm.totalVm + nrPages) * mm.system.pageSize > cur.rlimits.as) return beyond(cur, MAY_EXPAND_VM_RLIMIT_AS);
  return !mm.system.profile.limits.dataCoversMappings || !isDataMapping(vmFlags) || mayExpandData(cur, nrPages);
}

function mayExpandData(cur: Caller, nrPages: Pages): boolean {
  const mm = cur.mm;
  const bytes = (mm.dataVm + nrPages) * mm.system.pageSize;
  if (bytes <= cur.rlimits.data) return true;
  // A soft limit of 0 counts as the hard one; Valgrind relies on it.
  if (cur.rlimits.data === 0 && bytes <= cur.rlimits.dataMax) return true;
  return beyond(cur, MAY_EXPAND_VM_RLIMIT_DATA);
}

function beyond(cur: Caller, decision: number): boolean {
  refuse(cur, decision, -ENOMEM);
  return false;
}

/** vm_stat_account: adds `nrPages` (negative: subtracts) to the page counters of an Mm. */
export function vmStatAccount(mm: Mm, vmFlags: VmFlags, file: VmFile | null, nrPages: Pages): void {
  mm.totalVm += nrPages;
  if (mm.system.profile.limits.statDataVm) statByUse(mm, vmFlags, nrPages);
  else if (file !== null) statFile(mm, vmFlags, nrPages);
  else if ((vmFlags & VM_GROWSDOWN) !== 0) mm.stackVm += nrPages;
}

/**
 * vm_stat_account when the flags of memory without a file change (mprotect). Subtracts its pages with `oldFlags` and adds
 * them with `newFlags`. VM_GROWSDOWN and VM_SHARED stay.
 */
export function vmStatChange(mm: Mm, oldFlags: VmFlags, newFlags: VmFlags, nrPages: Pages): void {
  if (!mm.system.profile.limits.statDataVm || ((oldFlags ^ newFlags) & (VM_EXEC | VM_WRITE)) === 0) return;
  statByUse(mm, oldFlags, -nrPages);
  statByUse(mm, newFlags, nrPages);
}

/** 6.1: counts exec_vm, stack_vm and data_vm by the flags alone. */
function statByUse(mm: Mm, vmFlags: VmFlags, nrPages: Pages): void {
  if ((vmFlags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) === VM_EXEC) mm.execVm += nrPages;
  else if ((vmFlags & VM_GROWSDOWN) !== 0) mm.stackVm += nrPages;
  else if (isDataMapping(vmFlags)) mm.dataVm += nrPages;
}

/** 4.4: counts every file mapping in shared_vm, and executable ones in exec_vm. */
function statFile(mm: Mm, vmFlags: VmFlags, nrPages: Pages): void {
  mm.sharedVm += nrPages;
  if ((vmFlags & (VM_EXEC | VM_WRITE)) === VM_EXEC) mm.execVm += nrPages;
}

/** update_hiwater_vm: stores the peak before something is unmapped. */
export function updateHiwaterVm(mm: Mm): void {
  if (mm.hiwaterVm < mm.totalVm) mm.hiwaterVm = mm.totalVm;
}

/** accountable_mapping: returns whether a mapping is private, writable, not NORESERVE, and has no huge pages. */
export function accountableMapping(file: VmFile | null, vmFlags: VmFlags): boolean {
  if (file !== null && file.hugePageSize !== 0) return false;
  return (vmFlags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) === VM_WRITE;
}

/** Flags with which mprotect charges nothing for a mapping that becomes writable. */
export const CHARGED_ALREADY: number = VM_WRITE | VM_HUGETLB | VM_SHARED | VM_NORESERVE;

/** vm_acct_memory: commits pages without a check. */
export function vmAcctMemory(system: MmSystem, nrPages: Pages): void {
  system.committedAs += nrPages;
}

/** vm_unacct_memory: returns committed pages. */
export function vmUnacctMemory(system: MmSystem, nrPages: Pages): void {
  system.committedAs -= nrPages;
}

/** vm_commit_limit: returns the limit in pages. */
export function vmCommitLimit(system: MmSystem): number {
  const sysctl = system.sysctl;
  const kbPerPage = system.pageSize / 1024;
  let allowed: number;
  if (sysctl.overcommitKbytes !== 0) allowed = Math.floor(sysctl.overcommitKbytes / kbPerPage);
  else {
    const huge = system.hugePages === null ? 0 : system.hugePages.totalPages();
    allowed = Math.floor(((system.ram.totalPages() - huge) * sysctl.overcommitRatio) / 100);
  }
  return allowed + system.ram.swapPages();
}

/**
 * __vm_enough_memory: commits `nrPages`, or stores the reason for the refusal.
 *
 * @param cur the caller whose address space grows; null when no address space grows (shmem)
 * @param admin whether the caller may use the administrators' reserve
 * @returns 0 with the pages committed, or -ENOMEM with nothing changed
 */
export function vmEnoughMemory(system: MmSystem, cur: Caller | null, nrPages: Pages, admin: boolean): number {
  const why = commit(system, cur === null ? null : cur.mm, nrPages, admin);
  if (why === 0) return 0;
  return cur === null ? -ENOMEM : refuse(cur, why, -ENOMEM);
}

/** Commits `nrPages`. Returns 0, or the reason's number with nothing changed. `mm` is the growing Mm, null for none. */
function commit(system: MmSystem, mm: Mm | null, nrPages: Pages, admin: boolean): number {
  const mode = system.sysctl.overcommitMemory;
  system.committedAs += nrPages;
  if (mode === OVERCOMMIT_GUESS) {
    if (enoughByGuess(system, nrPages, admin)) return 0;
    system.committedAs -= nrPages;
    return VM_ENOUGH_MEMORY_GUESS;
  }
  if (mode === OVERCOMMIT_ALWAYS || enoughUnderLimit(system, mm, admin)) return 0;
  system.committedAs -= nrPages;
  return VM_ENOUGH_MEMORY_NEVER;
}

/** OVERCOMMIT_GUESS: 4.4 compares with the free memory, 6.1 with all RAM and swap. */
function enoughByGuess(system: MmSystem, nrPages: Pages, admin: boolean): boolean {
  if (!system.profile.limits.overcommitGuessFree) return nrPages <= system.ram.totalPages() + system.ram.swapPages();
  let free = system.ram.guessFreePages();
  if (free > 0 && !admin) free -= Math.floor((system.sysctl.adminReserveKbytes * 1024) / system.pageSize);
  return free > nrPages;
}

/** OVERCOMMIT_NEVER: returns whether the committed pages, including the new ones, stay below the limit. */
function enoughUnderLimit(system: MmSystem, mm: Mm | null, admin: boolean): boolean {
  const sysctl = system.sysctl;
  const kbPerPage = system.pageSize / 1024;
  let allowed = vmCommitLimit(system);
  if (!admin) allowed -= Math.floor(sysctl.adminReserveKbytes / kbPerPage);
  if (mm !== null) {
    allowed -= Math.min(Math.floor(mm.totalVm / 32), Math.floor(sysctl.userReserveKbytes / kbPerPage));
  }
  return Math.max(system.committedAs, 0) < allowed;
}

/**
 * security_vm_enough_memory_mm: {@link vmEnoughMemory} with the administrators' reserve if the caller may use it.
 *
 * @returns 0 or -ENOMEM
 */
export function securityVmEnoughMemoryMm(cur: Caller, nrPages: Pages): number {
  const system = cur.mm.system;
  return vmEnoughMemory(system, cur, nrPages, system.security.capSysAdmin(cur));
}

/** Commits `nrPages` if the limits allow it. Stores no reason when they do not: the caller has another way. */
export function mayCommit(cur: Caller, nrPages: Pages): boolean {
  const { system } = cur.mm;
  return commit(system, cur.mm, nrPages, system.security.capSysAdmin(cur)) === 0;
}

/** can_do_mlock: returns whether RLIMIT_MEMLOCK is not 0 or the caller has CAP_IPC_LOCK. */
export function canDoMlock(cur: Caller): boolean {
  return cur.rlimits.memlock !== 0 || cur.mm.system.security.capable(cur, CAP_IPC_LOCK);
}

/**
 * mlock_future_check: checks whether `len` more bytes may be locked, when `vmFlags` has VM_LOCKED.
 *
 * @returns 0 or -EAGAIN
 */
export function mlockFutureCheck(cur: Caller, vmFlags: VmFlags, len: Bytes): number {
  return (vmFlags & VM_LOCKED) === 0 ? 0 : mayLockMore(cur, len);
}

function mayLockMore(cur: Caller, len: Bytes): number {
  const mm = cur.mm;
  const pageSize = mm.system.pageSize;
  const locked = Math.floor(len / pageSize) + mm.lockedVm;
  if (locked > Math.floor(cur.rlimits.memlock / pageSize) && !mm.system.security.capable(cur, CAP_IPC_LOCK)) {
    return refuse(cur, MLOCK_FUTURE_CHECK_LIMIT, -EAGAIN);
  }
  return 0;
}
