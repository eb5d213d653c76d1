/**
 * mprotect: other access rights for a range, VMA by VMA; what was changed before a hole or a refusal stays changed.
 *
 * Mirrors mm/mprotect.c.
 */
import {
  EACCES,
  EINVAL,
  ENOMEM,
  PROT_BTI,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_MTE,
  PROT_READ,
  PROT_SEM,
  PROT_WRITE,
  READ_IMPLIES_EXEC,
} from '@vmarea/uapi';
import { CHARGED_ALREADY, mayExpandVm, securityVmEnoughMemoryMm, vmStatAccount, vmUnacctMemory } from './accounting.ts';
import type { Caller } from './caller.ts';
import { refuse, RETRY } from './errors.ts';
import { mmapLock, mmapUnlock } from './mm-lock.ts';
import { calcVmProtBits } from './mmap.ts';
import { alignUp } from './page-math.ts';
import { D } from './reasons/decisions.ts';
import type { MmSystem } from './system.ts';
import { findVma } from './unmapped-area.ts';
import { VM_ACCESS_FLAGS, VM_ACCOUNT, VM_GROWSDOWN, VM_LOCKED, VM_MAYEXEC, VM_SHARED, VM_WRITE } from './vm-flags.ts';
import { modifyVma } from './vma-modify.ts';
import { vmaSetPageProt } from './vma-prot.ts';
import type { Vma } from './vma.ts';

/** arch_validate_prot: the bits that this machine knows. */
function validProt(system: MmSystem, prot: number): boolean {
  let known = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM;
  if (system.profile.protBtiMte) {
    if (system.config.cpuBti) known |= PROT_BTI;
    if (system.config.cpuMte) known |= PROT_MTE;
  }
  return (prot & ~known) === 0;
}

/**
 * mprotect_fixup for [start, end) of one VMA. Leaves the VMA that covers the range in `mm.cursor`.
 *
 * @returns 0, -ENOMEM (limits, commit, map count), -EINVAL (a split that its owner refuses)
 */
function mprotectFixup(cur: Caller, prev: Vma | null, vma: Vma, start: number, end: number, wanted: number): number {
  const mm = cur.mm;
  const system = mm.system;
  const oldFlags = vma.vmFlags;
  let newFlags = wanted;
  mm.cursor = vma;
  if (newFlags === oldFlags) return 0;
  const pages = (end - start) * system.perPage;
  let charged = 0;
  if ((newFlags & VM_WRITE) !== 0) {
    if (
      system.profile.rlimitDataCoversMappings &&
      !mayExpandVm(cur, newFlags, pages) &&
      mayExpandVm(cur, oldFlags, pages)
    ) {
      return refuse(mm, D.mprotectDataLimit, -ENOMEM);
    }
    if ((oldFlags & (CHARGED_ALREADY | VM_ACCOUNT)) === 0) {
      charged = pages;
      if (securityVmEnoughMemoryMm(cur, charged) !== 0) return -ENOMEM;
      newFlags |= VM_ACCOUNT;
    }
  }
  const error = modifyVma(mm, prev, vma, start, end, newFlags, vma.anonName);
  if (error !== 0) {
    if (charged !== 0) vmUnacctMemory(system, charged);
    return error;
  }
  const changed = mm.cursor;
  changed.vmFlags = newFlags;
  vmaSetPageProt(changed);
  system.memory.changeProtection(changed, start, end, oldFlags);
  if ((oldFlags & (VM_WRITE | VM_SHARED | VM_LOCKED)) === VM_LOCKED && (newFlags & VM_WRITE) !== 0) {
    // Copy-on-write now rather than at each first store. The result is ignored, but a wait is not lost.
    if (system.memory.populate(cur, start, end - start, true) === RETRY) {
      mm.populateAddr = start;
      mm.populateLen = end - start;
      mm.populateStrict = false;
    }
  }
  mm.cursor = changed;
  vmStatAccount(mm, oldFlags, changed.vmFile, -pages);
  vmStatAccount(mm, newFlags, changed.vmFile, pages);
  if (system.perf !== null) system.perf.mmap(changed);
  if (mm.tracer !== null) mm.tracer.vma('flags', changed, start);
  return 0;
}

/** The walk over the VMAs of [start, end); the first one contains `start`. */
function protectRange(cur: Caller, first: Vma, start: number, end: number, reqprot: number): number {
  const mm = cur.mm;
  const rie = (cur.personality & READ_IMPLIES_EXEC) !== 0 && (reqprot & PROT_READ) !== 0;
  const rieNeedsMayexec = mm.system.profile.mprotectRieNeedsMayexec;
  let vma = first;
  let prev = start > vma.vmStart ? vma : vma.vmPrev;
  let from = start;
  for (;;) {
    const prot = rie && (!rieNeedsMayexec || (vma.vmFlags & VM_MAYEXEC) !== 0) ? reqprot | PROT_EXEC : reqprot;
    const newFlags = calcVmProtBits(prot) | (vma.vmFlags & ~VM_ACCESS_FLAGS);
    if ((newFlags & ~(newFlags >> 4) & VM_ACCESS_FLAGS) !== 0) return refuse(mm, D.mprotectMayBits, -EACCES);
    const hook = mm.system.security.fileMprotect(cur, vma, reqprot, prot);
    if (hook !== 0) return refuse(mm, D.securityFileMprotect, hook);
    const to = Math.min(vma.vmEnd, end);
    const error = mprotectFixup(cur, prev, vma, from, to, newFlags);
    if (error !== 0) return error;
    prev = mm.cursor!;
    from = Math.max(to, prev.vmEnd);
    if (from >= end) return 0;
    const next: Vma | null = prev.vmNext;
    if (next === null || next.vmStart !== from) return refuse(mm, D.mprotectHole, -ENOMEM);
    vma = next;
  }
}

function mprotectLocked(cur: Caller, startIn: number, end: number, prot: number, grows: number): number {
  const mm = cur.mm;
  const vma = findVma(mm, startIn);
  if (vma === null) return refuse(mm, D.mprotectNotMapped, -ENOMEM);
  let start = startIn;
  if (grows === PROT_GROWSDOWN) {
    if (vma.vmStart >= end) return refuse(mm, D.mprotectNotMapped, -ENOMEM);
    start = vma.vmStart;
    if ((vma.vmFlags & VM_GROWSDOWN) === 0) return refuse(mm, D.mprotectNotGrowsdown, -EINVAL);
  } else {
    if (vma.vmStart > start) return refuse(mm, D.mprotectNotMapped, -ENOMEM);
    if (grows === PROT_GROWSUP) return refuse(mm, D.mprotectNotGrowsup, -EINVAL);
  }
  return protectRange(cur, vma, start, end, prot);
}

/**
 * mprotect(2).
 *
 * @param start address; `len` bytes (values of `fromRegister`)
 * @param prot PROT_ bits
 * @returns 0; -EINVAL, -ENOMEM, -EACCES. Parts before the refusal stay changed.
 */
export function doMprotect(cur: Caller, start: number, len: number, prot: number): number {
  const mm = cur.mm;
  const system = mm.system;
  mm.populateLen = 0;
  if (mm.tracer !== null) mm.tracer.enter('mprotect', start, len, prot, 0);
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  const reqprot = prot & ~(PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return refuse(mm, D.mprotectGrowsBoth, -EINVAL);
  if ((start & system.pageMask) !== 0) return refuse(mm, D.mprotectUnaligned, -EINVAL);
  if (len === 0) return 0;
  const size = alignUp(len, system.pageMask);
  // end <= start in C: the sum wraps, or the length was rounded to 0.
  if (size === 0 || (start < 0 && size < 0) || ((start < 0 || size < 0) && start + size >= 0)) {
    return refuse(mm, D.mprotectWraps, -ENOMEM);
  }
  if (!validProt(system, reqprot)) return refuse(mm, D.mprotectBadProt, -EINVAL);
  const end = size < 0 ? Infinity : start + size;
  mmapLock(mm, 'mprotect');
  try {
    return mprotectLocked(cur, start, end, reqprot, grows);
  } finally {
    mmapUnlock(mm);
  }
}
