/**
 * mprotect: changes the access rights of a range, VMA by VMA. The VMAs before a hole or a refusal stay changed.
 *
 * Mirrors mm/mprotect.c.
 */
import {
  EACCES,
  EINVAL,
  ENOMEM,
  EPERM,
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
import {
  CHARGED_ALREADY,
  mayExpandVm,
  securityVmEnoughMemoryMm,
  vmStatAccount,
  vmStatChange,
  vmUnacctMemory,
} from '../space/accounting.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse, RETRY } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import { calcVmProtBits } from './mmap.ts';
import { alignUp } from '../base/page-math.ts';
import type { Addr, Bytes, Slot, SlotOrErrno, VmFlags } from '../base/units.ts';
import type { Mm } from '../space/mm.ts';
import { CAPABILITY_SECURITY } from '../ports/hooks.ts';
import { NO_MEMORY } from '../ports/memory.ts';
import { mapDenyWriteExec } from './mdwe.ts';
import { withPkey } from './pkeys.ts';
import { isSealed } from './mseal.ts';
import {
  MPROTECT_BAD_PROT,
  MPROTECT_DATA_LIMIT,
  MPROTECT_GROWS_BOTH,
  MPROTECT_HOLE,
  MPROTECT_MAY_BITS,
  MPROTECT_MDWE,
  MPROTECT_NOT_GROWSDOWN,
  MPROTECT_NOT_GROWSUP,
  MPROTECT_NOT_MAPPED,
  MPROTECT_SEALED,
  MPROTECT_TAGS,
  MPROTECT_UNALIGNED,
  MPROTECT_WRAPS,
  SECURITY_FILE_MPROTECT_REFUSED,
} from './reasons/mprotect.ts';
import type { MmSystem } from '../space/system.ts';
import {
  VM_ACCESS_FLAGS,
  VM_ACCOUNT,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_SHARED,
  VM_WRITE,
} from '../base/flags.ts';
import { modifyBoth, modifyFlags } from '../shape/modify.ts';
import { archValidateFlags, vmaSetPageProt, vmGetPageProt } from '../shape/prot.ts';
import type { AreaSpec } from '../areas/spec.ts';
import type { VmaTable } from '../areas/table.ts';
import type { Vma } from '../areas/vma.ts';
import { checkRegisters } from '../base/whole.ts';

/** arch_validate_prot: returns whether this machine has all bits of `prot`. */
function validProt(system: MmSystem, prot: number): boolean {
  return (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | system.archProt)) === 0;
}

/** vma_is_anonymous without an anon_vma: returns whether no store has reached this private memory. */
function isUntouched(vmas: VmaTable, id: number): boolean {
  if (vmas.isPlain(id)) return true;
  const vma = vmas.at(id);
  return vma.vmOps === null && vma.anonVma === null;
}

/**
 * mprotect_fixup: gives the range of `part`, inside the VMA of slot `i`, the flags `part.vmFlags`.
 *
 * @param high its new VM_HIGH_ bits; -1: they stay
 * @returns the slot of the VMA that now covers the range; or -ENOMEM (limits, commit, map count), -EINVAL (the driver refuses
 *   the split)
 */
function mprotectFixup(cur: Caller, i: Slot, part: AreaSpec, high: number): SlotOrErrno {
  const mm = cur.mm;
  const { tree, vmas, system } = mm;
  const id = tree.idAt(i);
  const oldFlags = vmas.flags(id);
  let newFlags = part.vmFlags;
  if (newFlags === oldFlags && high < 0) return i;
  const pages = (part.end - part.start) * system.perPage;
  let charged = 0;
  if ((newFlags & VM_WRITE) !== 0) {
    if (
      system.profile.limits.dataCoversMappings &&
      !mayExpandVm(cur, newFlags, pages) &&
      mayExpandVm(cur, oldFlags, pages)
    ) {
      return refuse(cur, MPROTECT_DATA_LIMIT, -ENOMEM);
    }
    if ((oldFlags & (CHARGED_ALREADY | VM_ACCOUNT)) === 0) {
      charged = pages;
      if (securityVmEnoughMemoryMm(cur, charged) !== 0) return -ENOMEM;
      newFlags |= VM_ACCOUNT;
    }
  } else if ((oldFlags & VM_ACCOUNT) !== 0 && system.profile.mprotect.readOnlyUncharges && isUntouched(vmas, id)) {
    newFlags &= ~VM_ACCOUNT;
    if (newFlags === oldFlags && high < 0) return i;
  }
  part.vmFlags = newFlags;
  const slot = high < 0 ? modifyFlags(cur, i, part) : modifyBoth(cur, i, part, high);
  if (slot < 0) {
    if (charged !== 0) vmUnacctMemory(system, charged);
    return slot;
  }
  if ((oldFlags & ~newFlags & VM_ACCOUNT) !== 0) vmUnacctMemory(system, pages);
  const changed = tree.idAt(slot);
  if (high < 0 && system.fastPaths && vmas.isPlain(changed) && (oldFlags & VM_LOCKED) === 0) {
    vmas.setFlags(changed, newFlags, vmGetPageProt(newFlags));
    protectPlain(mm, changed, part, oldFlags);
    return slot;
  }
  const vma = vmas.at(changed);
  vma.vmFlags = newFlags;
  if (high >= 0) vma.vmFlagsHigh = high;
  vmaSetPageProt(vma);
  protectObject(cur, vma, part, oldFlags);
  return tree.seek(part.start);
}

/** Changes the page protection and the counters of a plain VMA that has its new flags, and reports it. */
function protectPlain(mm: Mm, id: number, part: AreaSpec, oldFlags: VmFlags): void {
  const { system } = mm;
  if (system.memory !== NO_MEMORY) protectPages(mm, id, part, oldFlags);
  vmStatChange(mm, oldFlags, part.vmFlags, (part.end - part.start) * system.perPage);
  if (system.perf !== null) system.perf.mmap(mm.vmas.at(id));
  if (mm.tracer !== null) mm.tracer.vma('flags', mm.vmas.at(id), part.start);
}

/** change_protection: changes the protection of the pages of a plain VMA. */
function protectPages(mm: Mm, id: number, part: AreaSpec, oldFlags: VmFlags): void {
  const { memory } = mm.system;
  const { start, end, vmFlags } = part;
  if (memory.protectPlain !== undefined) memory.protectPlain(mm, start, end, vmFlags, vmGetPageProt(vmFlags));
  else memory.changeProtection(mm.vmas.at(id), start, end, oldFlags);
}

/** {@link protectPlain} for a VMA that is locked, or has a file, operations or an anon_vma. */
function protectObject(cur: Caller, vma: Vma, part: AreaSpec, oldFlags: VmFlags): void {
  const { start, end } = part;
  const mm = cur.mm;
  const system = mm.system;
  const newFlags = vma.vmFlags;
  const pages = (end - start) * system.perPage;
  system.memory.changeProtection(vma, start, end, oldFlags);
  if ((oldFlags & (VM_WRITE | VM_SHARED | VM_LOCKED)) === VM_LOCKED && (newFlags & VM_WRITE) !== 0) {
    // Copies the pages now rather than at each first store. The result is ignored, except that the call waits.
    if (system.memory.populate(cur, start, end - start, true) === RETRY) {
      if (cur.call.populateLen === 0) cur.call.populateLater(start, end - start, false);
    }
  }
  vmStatAccount(mm, oldFlags, vma.vmFile, -pages);
  vmStatAccount(mm, newFlags, vma.vmFile, pages);
  if (system.perf !== null) system.perf.mmap(vma);
  if (mm.tracer !== null) mm.tracer.vma('flags', vma, start);
}

/** Returns the VM_HIGH_ bits of the VMA `id` after mprotect, or -1: they stay. PROT_MTE only adds tags; a key replaces a key. */
function newHighFlags(cur: Caller, id: number, prot: number, key: number): number {
  const { vmas, system } = cur.mm;
  const old = vmas.isPlain(id) ? 0 : vmas.at(id).vmFlagsHigh;
  let high = old | (prot & system.archProt & PROT_MTE);
  if (system.arch.protectionKeys !== 0) high = withPkey(cur, high, vmas.flags(id), prot, key);
  return high === old ? -1 : high;
}

/** Asks what else may refuse new rights for the VMA `id`: MDWE, tags, the security module, a seal. @returns 0 or -errno */
function askOthers(cur: Caller, id: number, newFlags: VmFlags, reqprot: number, prot: number): number {
  const { mm } = cur;
  const { security } = mm.system;
  if (mm.mdwe !== 0 && mapDenyWriteExec(mm, mm.vmas.flags(id), newFlags)) return refuse(cur, MPROTECT_MDWE, -EACCES);
  if (!archValidateFlags(mm.vmas.at(id), prot)) return refuse(cur, MPROTECT_TAGS, -EINVAL);
  if (security !== CAPABILITY_SECURITY) {
    const hook = security.fileMprotect(cur, mm.vmas.at(id), reqprot, prot);
    if (hook !== 0) return refuse(cur, SECURITY_FILE_MPROTECT_REFUSED, hook);
  }
  if (!mm.vmas.isPlain(id) && isSealed(mm.vmas.at(id))) return refuse(cur, MPROTECT_SEALED, -EPERM);
  return 0;
}

/** Walks over the VMAs of [start, end); the one of slot `first` contains `start`. */
function protectRange(cur: Caller, first: number, range: AreaSpec, reqprot: number, key: number): number {
  const { start, end } = range;
  const mm = cur.mm;
  const { tree, vmas } = mm;
  const { system } = mm;
  const { security, profile, archProt } = system;
  const clears = VM_ACCESS_FLAGS | ((archProt & PROT_BTI) << 20);
  const keys = system.arch.protectionKeys !== 0;
  const asks = mm.mdwe !== 0 || security !== CAPABILITY_SECURITY || archProt !== 0 || keys;
  const rie = (cur.personality & READ_IMPLIES_EXEC) !== 0 && (reqprot & PROT_READ) !== 0;
  const part = cur.call.area;
  let i = first;
  let from = start;
  for (;;) {
    const id = tree.idAt(i);
    const flags = vmas.flags(id);
    const prot =
      rie && (!profile.mprotect.rieNeedsMayexec || (flags & VM_MAYEXEC) !== 0) ? reqprot | PROT_EXEC : reqprot;
    const newFlags = calcVmProtBits(system, prot) | (flags & ~clears);
    if ((newFlags & ~(newFlags >> 4) & VM_ACCESS_FLAGS) !== 0) return refuse(cur, MPROTECT_MAY_BITS, -EACCES);
    // The default hooks never refuse, so no object is created for them.
    if (asks || !vmas.isPlain(id)) {
      const error = askOthers(cur, id, newFlags, reqprot, prot);
      if (error !== 0) return error;
    }
    const to = Math.min(tree.endOf(i), end);
    i = mprotectFixup(cur, i, part.range(from, to, newFlags), asks ? newHighFlags(cur, id, prot, key) : -1);
    if (i < 0) return i;
    from = Math.max(to, tree.endOf(i));
    if (from >= end) return 0;
    i = tree.after(i);
    if (i === 0 || !tree.beginsAt(i, from)) return refuse(cur, MPROTECT_HOLE, -ENOMEM);
  }
}

function mprotectLocked(cur: Caller, range: AreaSpec, prot: number, grows: number, key: number): number {
  const { start: startIn, end } = range;
  const mm = cur.mm;
  const { tree, vmas } = mm;
  if (startIn < 0) return refuse(cur, MPROTECT_NOT_MAPPED, -ENOMEM);
  const i = tree.seek(startIn);
  const id = tree.idAt(i);
  if (id === -1) return refuse(cur, MPROTECT_NOT_MAPPED, -ENOMEM);
  let start = startIn;
  if (grows === PROT_GROWSDOWN) {
    if (!tree.beginsBelow(i, end)) return refuse(cur, MPROTECT_NOT_MAPPED, -ENOMEM);
    start = vmas.at(id).vmStart;
    if ((vmas.flags(id) & VM_GROWSDOWN) === 0) return refuse(cur, MPROTECT_NOT_GROWSDOWN, -EINVAL);
  } else {
    if (tree.beginsAbove(i, start)) return refuse(cur, MPROTECT_NOT_MAPPED, -ENOMEM);
    if (grows === PROT_GROWSUP) return refuse(cur, MPROTECT_NOT_GROWSUP, -EINVAL);
  }
  range.start = start;
  return protectRange(cur, i, range, prot, key);
}

/**
 * mprotect(2).
 *
 * @param start address; `len` bytes (values of `fromRegister`)
 * @param prot PROT_ bits
 * @param key the protection key of pkey_mprotect, which is allocated; -1: as mprotect chooses it
 * @returns 0; -EINVAL, -ENOMEM, -EACCES. The VMAs before a refused one stay changed.
 */
export function doMprotect(cur: Caller, start: Addr, len: Bytes, prot: number, key: number = -1): number {
  checkRegisters('mprotect', start, len, prot);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('mprotect', start, len, prot, 0);
  const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
  const reqprot = prot & ~(PROT_GROWSDOWN | PROT_GROWSUP);
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return refuse(cur, MPROTECT_GROWS_BOTH, -EINVAL);
  if ((start & system.pageMask) !== 0) return refuse(cur, MPROTECT_UNALIGNED, -EINVAL);
  if (len === 0) return 0;
  const size = alignUp(len, system.pageMask);
  // end <= start in C: the sum wraps, or the length was rounded to 0.
  if (size === 0 || (start < 0 && size < 0) || ((start < 0 || size < 0) && start + size >= 0)) {
    return refuse(cur, MPROTECT_WRAPS, -ENOMEM);
  }
  if (!validProt(system, reqprot)) return refuse(cur, MPROTECT_BAD_PROT, -EINVAL);
  const end = size < 0 ? Infinity : start + size;
  mmapLock(mm, 'mprotect');
  try {
    return mprotectLocked(cur, cur.call.area.range(start, end, 0), reqprot, grows, key);
  } finally {
    mmapUnlock(mm);
  }
}
