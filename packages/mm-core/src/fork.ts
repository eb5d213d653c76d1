/**
 * fork's part of the address space: dup_mmap. Mirrors kernel/fork.c.
 */
import { ENOMEM } from '@vmarea/uapi';
import { securityVmEnoughMemoryMm, updateHiwaterVm, vmStatAccount, vmUnacctMemory } from './accounting.ts';
import { anonVmaFork } from './anon-vma.ts';
import type { Caller } from './caller.ts';
import { createMm } from './create-mm.ts';
import { refuse } from './errors.ts';
import type { Mm } from './mm.ts';
import { exitMmap } from './munmap.ts';
import { D } from './reasons/decisions.ts';
import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_HUGETLB,
  VM_INIT_DEF_MASK,
  VM_LOCKED_CLEAR_MASK,
  VM_UFFD_MISSING,
  VM_UFFD_WP,
  VM_WIPEONFORK,
} from './vm-flags.ts';
import { copyVmaFields, linkFile } from './vma-adjust.ts';
import type { Vma } from './vma.ts';

/** What a new address space inherits beside its mappings. */
function copyMmFields(to: Mm, from: Mm): void {
  to.totalVm = from.totalVm;
  to.sharedVm = from.sharedVm;
  to.execVm = from.execVm;
  to.stackVm = from.stackVm;
  to.dataVm = from.dataVm;
  to.defFlags = from.defFlags & VM_INIT_DEF_MASK;
  to.mmapBase = from.mmapBase;
  to.mmapLegacy = from.mmapLegacy;
  to.startBrk = from.startBrk;
  to.brk = from.brk;
  to.startStack = from.startStack;
  to.startCode = from.startCode;
  to.endCode = from.endCode;
  to.startData = from.startData;
  to.endData = from.endData;
  to.argStart = from.argStart;
  to.envEnd = from.envEnd;
  to.exeFile = from.exeFile === null ? null : from.exeFile.getFile();
  to.appSetting = from.appSetting;
}

/** One VMA of the parent: 0, or -ENOMEM with nothing of it left in the child. */
function copyVmaTo(cur: Caller, child: Mm, vma: Vma): number {
  const system = child.system;
  const pages = (vma.vmEnd - vma.vmStart) * system.perPage;
  const charge = (vma.vmFlags & VM_ACCOUNT) !== 0 ? pages : 0;
  if (charge !== 0 && securityVmEnoughMemoryMm(cur, charge) !== 0) return -ENOMEM;
  const made = child.vmas.allocVma();
  if (made === null) {
    vmUnacctMemory(system, charge);
    return refuse(cur.mm, D.vmaNoMemory, -ENOMEM);
  }
  copyVmaFields(made, vma);
  // A wiped mapping gets its anon_vma at its first fault.
  const wiped = (vma.vmFlags & VM_WIPEONFORK) !== 0;
  if (wiped) made.anonVma = null;
  else if (anonVmaFork(system, made, vma) !== 0) {
    child.vmas.release(made.id);
    vmUnacctMemory(system, charge);
    return refuse(cur.mm, D.anonVmaNoMemory, -ENOMEM);
  }
  made.vmFlags &= VM_LOCKED_CLEAR_MASK & ~(VM_UFFD_MISSING | VM_UFFD_WP);
  made.userfaultCtx = null;
  if (made.vmFile !== null) made.vmFile.getFile();
  const huge = (made.vmFlags & VM_HUGETLB) !== 0;
  if (huge) system.hugePages?.clearReservation(made);
  // The parent's order is the child's: no search for the place.
  child.tree.append(made);
  linkFile(made);
  child.mapCount++;
  if (child.tracer !== null) child.tracer.vma('insert', made, 0);
  let error = 0;
  if (!wiped) {
    if (huge && system.hugePages !== null) error = system.hugePages.copyPageRange(made, vma);
    else error = system.memory.copyPageRange(made, vma);
  }
  if (made.vmOps !== null && made.vmOps.open !== null) made.vmOps.open(made);
  return error === 0 ? 0 : refuse(cur.mm, D.forkNoMemory, error);
}

/**
 * dup_mmap: the child's address space.
 *
 * @param cur the parent
 * @returns the child's Mm; or -ENOMEM with everything undone
 */
export function dupMm(cur: Caller): Mm | number {
  const parent = cur.mm;
  if (parent.tracer !== null) parent.tracer.enter('dup_mmap', parent.mapCount, 0, 0, 0);
  const child = createMm(parent.system);
  if (child === null) return refuse(parent, D.forkNoMemory, -ENOMEM);
  copyMmFields(child, parent);
  child.tracer = parent.tracer;
  for (let vma = parent.tree.first; vma !== null; vma = vma.vmNext) {
    if ((vma.vmFlags & VM_DONTCOPY) !== 0) {
      vmStatAccount(child, vma.vmFlags, vma.vmFile, (vma.vmStart - vma.vmEnd) / parent.system.pageSize);
      continue;
    }
    const error = copyVmaTo(cur, child, vma);
    if (error !== 0) {
      exitMmap(child);
      child.exeFile?.fput();
      child.exeFile = null;
      return error;
    }
  }
  updateHiwaterVm(child);
  return child;
}
