/**
 * expand_stack and acct_stack_growth: grow stacks. Mirrors mm/mmap.c.
 */
import { CAP_IPC_LOCK, EFAULT, ENOMEM, EPERM } from '@vmarea/uapi';
import { mayExpandVm, securityVmEnoughMemoryMm, vmStatAccount } from '../space/accounting.ts';
import { anonVmaPrepare } from '../shape/anon-vma.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import {
  EXPAND_STACK_BELOW_MIN_ADDR,
  EXPAND_STACK_GAP_AT_ZERO,
  EXPAND_STACK_GUARD_GAP,
  EXPAND_STACK_NOT_GROWSDOWN,
  EXPAND_STACK_PGOFF,
  EXPAND_STACK_RLIMIT_MEMLOCK,
  EXPAND_STACK_RLIMIT_STACK,
} from './reasons/stack.ts';
import { SECURITY_MMAP_ADDR_REFUSED } from '../space/reasons.ts';
import { ANON_VMA_NO_MEMORY } from '../shape/reasons.ts';
import { findVma } from '../space/placement.ts';
import { VM_ACCESS_FLAGS, VM_GROWSDOWN, VM_LOCKED } from '../base/flags.ts';
import { vmaResize } from '../shape/adjust.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr } from '../base/units.ts';

/** acct_stack_growth: checks the limits and charges. `size` is the new size in bytes, `grow` the growth in pages. */
function acctStackGrowth(cur: Caller, vma: Vma, size: number, grow: number): number {
  const mm = cur.mm;
  const system = mm.system;
  if (!mayExpandVm(cur, vma.vmFlags, grow)) return -ENOMEM;
  if (size > cur.rlimits.stack) return refuse(cur, EXPAND_STACK_RLIMIT_STACK, -ENOMEM);
  if ((vma.vmFlags & VM_LOCKED) !== 0) {
    const limit = Math.floor(cur.rlimits.memlock / system.pageSize);
    if (mm.lockedVm + grow > limit && !system.security.capable(cur, CAP_IPC_LOCK)) {
      return refuse(cur, EXPAND_STACK_RLIMIT_MEMLOCK, -ENOMEM);
    }
  }
  // Both kernels also charge a mapping without VM_ACCOUNT, and never return that charge.
  return securityVmEnoughMemoryMm(cur, grow);
}

/**
 * expand_stack: grows a VM_GROWSDOWN VMA down to the page of `addressIn`, at any distance.
 *
 * @returns 0, also when it contains the page already; -ENOMEM, -EPERM, -EFAULT: the fault then raises SIGSEGV with SEGV_MAPERR
 */
export function expandStack(cur: Caller, vma: Vma, addressIn: Addr): number {
  const mm = cur.mm;
  const system = mm.system;
  if ((vma.vmFlags & VM_GROWSDOWN) === 0) return refuse(cur, EXPAND_STACK_NOT_GROWSDOWN, -EFAULT);
  const address = addressIn - (addressIn & system.pageMask);
  if (mm.tracer !== null) mm.tracer.enter('expand_stack', vma.vmStart, address, 0, 0);
  const gap = address - system.stackGuardGap;
  if (system.profile.faults.stackGapAtZero) {
    const permitted = system.security.mmapAddr(cur, address);
    if (permitted !== 0) return refuse(cur, SECURITY_MMAP_ADDR_REFUSED, permitted);
    if (gap < 0) return refuse(cur, EXPAND_STACK_GAP_AT_ZERO, -ENOMEM);
  } else if (address < system.mmapMinAddr) {
    // 6.1 requires no gap at address zero, but checks mmap_min_addr also for the privileged.
    return refuse(cur, EXPAND_STACK_BELOW_MIN_ADDR, -EPERM);
  }
  const prev = vma.vmPrev;
  if (
    prev !== null &&
    prev.vmEnd > gap &&
    (prev.vmFlags & VM_ACCESS_FLAGS) !== 0 &&
    (prev.vmFlags & VM_GROWSDOWN) === 0
  ) {
    return refuse(cur, EXPAND_STACK_GUARD_GAP, -ENOMEM);
  }
  const prepared = anonVmaPrepare(vma);
  if (prepared !== 0) return refuse(cur, ANON_VMA_NO_MEMORY, prepared);
  if (address >= vma.vmStart) return 0;
  const size = vma.vmEnd - address;
  const grow = (vma.vmStart - address) / system.pageSize;
  if (grow > vma.vmPgoff) return refuse(cur, EXPAND_STACK_PGOFF, -ENOMEM);
  const error = acctStackGrowth(cur, vma, size, grow);
  if (error !== 0) return error;
  if ((vma.vmFlags & VM_LOCKED) !== 0) mm.lockedVm += grow;
  vmStatAccount(mm, vma.vmFlags, vma.vmFile, grow);
  vmaResize(mm, vma, address, vma.vmEnd, vma.vmPgoff - grow);
  if (system.perf !== null) system.perf.mmap(vma);
  if (mm.tracer !== null) mm.tracer.vma('grow', vma, address);
  return 0;
}

/**
 * find_extend_vma: returns the VMA of an address; grows a stack down to it first.
 *
 * @returns the VMA, or null
 */
export function findExtendVma(cur: Caller, addressIn: Addr): Vma | null {
  const mm = cur.mm;
  const address = addressIn - (addressIn & mm.system.pageMask);
  const vma = findVma(mm, address);
  if (vma === null || vma.vmStart <= address) return vma;
  if ((vma.vmFlags & VM_GROWSDOWN) === 0) return null;
  return expandStack(cur, vma, address) === 0 ? vma : null;
}
