/**
 * dup_mmap: copies the address space at fork. Mirrors kernel/fork.c.
 */
import { ENOMEM } from '@vmarea/uapi';
import {
  mayCommit,
  securityVmEnoughMemoryMm,
  updateHiwaterVm,
  vmStatAccount,
  vmUnacctMemory,
} from '../space/accounting.ts';
import { anonVmaFork } from '../shape/anon-vma.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { createMm } from './create.ts';
import { refuse } from '../base/errno.ts';
import type { Mm } from '../space/mm.ts';
import { exitMmap } from './munmap.ts';
import { FORK_NO_MEMORY } from './reasons/fork.ts';
import { ANON_VMA_NO_MEMORY, KMEM_CACHE_NO_VMA } from '../shape/reasons.ts';
import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_HUGETLB,
  VM_INIT_DEF_MASK,
  VM_LOCKED_CLEAR_MASK,
  VM_WIPEONFORK,
} from '../base/flags.ts';
import { inheritedMdwe } from './mdwe.ts';
import { copyVmaFields, linkFile } from '../shape/adjust.ts';
import { forkUserfault, VM_UFFD_FLAGS } from '../shape/userfault.ts';
import { END, FLAGS, INTS, RECORD, START, STATE, STATE_LINKED } from '../areas/record.ts';
import type { VmaTable } from '../areas/table.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Errno } from '../base/units.ts';

/** The flags that the child's VMA keeps. */
const KEPT_FLAGS: number = VM_LOCKED_CLEAR_MASK & ~VM_UFFD_FLAGS;

/** Copies the fields of an address space that a child inherits, except the mappings. */
function copyMmFields(to: Mm, from: Mm): void {
  to.totalVm = from.totalVm;
  to.sharedVm = from.sharedVm;
  to.execVm = from.execVm;
  to.stackVm = from.stackVm;
  to.dataVm = from.dataVm;
  to.defFlags = from.defFlags & VM_INIT_DEF_MASK;
  to.mdwe = inheritedMdwe(from);
  to.mergeAny = from.mergeAny;
  to.thpDisable = from.thpDisable;
  to.pkeys = from.pkeys;
  to.executeOnlyPkey = from.executeOnlyPkey;
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

/** Calls `open` for the child's VMA, also when copying its pages failed with `error`; returns `error`. */
function openCopy(cur: Caller, made: Vma, error: Errno): number {
  if (made.vmOps !== null && made.vmOps.open !== null) made.vmOps.open(made);
  return error === 0 ? 0 : refuse(cur, FORK_NO_MEMORY, error);
}

/** Copies one VMA of the parent. Returns 0, or -ENOMEM with nothing of it left in the child. */
function copyVmaTo(cur: Caller, child: Mm, vma: Vma): number {
  const system = child.system;
  const pages = (vma.vmEnd - vma.vmStart) * system.perPage;
  const charge = (vma.vmFlags & VM_ACCOUNT) !== 0 ? pages : 0;
  if (charge !== 0 && securityVmEnoughMemoryMm(cur, charge) !== 0) return -ENOMEM;
  const made = child.vmas.allocVma();
  if (made === null) {
    vmUnacctMemory(system, charge);
    return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  }
  copyVmaFields(made, vma);
  // The child's VMA of a wiped mapping gets its anon_vma at the first fault.
  const wiped = (vma.vmFlags & VM_WIPEONFORK) !== 0;
  if (wiped) made.anonVma = null;
  else if (anonVmaFork(system, made, vma) !== 0) {
    child.vmas.release(made.id);
    vmUnacctMemory(system, charge);
    return refuse(cur, ANON_VMA_NO_MEMORY, -ENOMEM);
  }
  made.vmFlags &= KEPT_FLAGS;
  if (made.userfaultCtx !== null) forkUserfault(cur, made, vma);
  if (made.vmFile !== null) made.vmFile.getFile();
  const huge = (made.vmFlags & VM_HUGETLB) !== 0;
  if (huge) system.hugePages?.clearReservation(made);
  // The VMAs are copied in order of their addresses, so no search is needed.
  child.tree.append(made);
  linkFile(made);
  child.mapCount++;
  if (child.tracer !== null) child.tracer.vma('insert', made, 0);
  let error = 0;
  if (!wiped) {
    if (huge && system.hugePages !== null) error = system.hugePages.copyPageRange(made, vma);
    else error = system.memory.copyPageRange(made, vma);
  }
  return openCopy(cur, made, error);
}

/**
 * dup_mmap when every VMA is copied: copies all records and the index at once; the caller then visits only the VMAs that
 * have a file, operations or an anon_vma. A fork of 10,000 VMAs takes a seventh of the time.
 *
 * @returns false, with nothing done, when a VMA or an injected failure needs the other way
 */
function copyAtOnce(cur: Caller, child: Mm): boolean {
  const parent = cur.mm;
  const { system, vmas } = parent;
  // An injected failure fails one allocation of one VMA.
  if (!system.fastPaths || system.failCountdown !== 0) return false;
  const { nums, ints, end } = vmas;
  let allFlags = 0;
  let bytes = 0;
  for (let id = 0; id < end; id++) {
    if ((ints[id * INTS + STATE]! & STATE_LINKED) === 0) continue;
    const flags = ints[id * INTS + FLAGS]!;
    allFlags |= flags;
    if ((flags & VM_ACCOUNT) !== 0) bytes += nums[id * RECORD + END]! - nums[id * RECORD + START]!;
  }
  if ((allFlags & (VM_DONTCOPY | VM_WIPEONFORK | VM_HUGETLB)) !== 0) return false;
  // When the whole can be committed, so can each part. When not, the VMAs are committed one by one.
  if (bytes !== 0 && !mayCommit(cur, bytes * system.perPage)) return false;
  child.vmas.copyFrom(vmas, KEPT_FLAGS);
  child.tree.copyFrom(parent.tree);
  child.mapCount = parent.mapCount;
  system.vmAreaCachep.takeAll(parent.mapCount);
  return true;
}

/** Completes a plain VMA after {@link copyAtOnce}: copies its pages, if it may have some, and reports it. Returns 0 or -ENOMEM. */
function finishPlainCopy(child: Mm, parents: VmaTable, id: number): number {
  if (child.tracer !== null) child.tracer.vma('insert', child.vmas.at(id), 0);
  const { memory } = child.system;
  return memory.plainHasNoPages === true ? 0 : memory.copyPageRange(child.vmas.at(id), parents.at(id));
}

/** Completes another VMA after {@link copyAtOnce}: its anon_vma, file, operations and pages. Returns 0 or -ENOMEM. */
function copyHoldings(cur: Caller, made: Vma, vma: Vma): number {
  const { system } = cur.mm;
  made.anonVma = vma.anonVma;
  if (anonVmaFork(system, made, vma) !== 0) return refuse(cur, ANON_VMA_NO_MEMORY, -ENOMEM);
  made.copyExtra(vma);
  if (made.userfaultCtx !== null) forkUserfault(cur, made, vma);
  if (vma.vmFile !== null) {
    made.vmFile = vma.vmFile.getFile();
    linkFile(made);
  }
  if (made.vmMm.tracer !== null) made.vmMm.tracer.vma('insert', made, 0);
  const error = system.memory.copyPageRange(made, vma);
  return openCopy(cur, made, error);
}

/** Addresses from `start` to before `end`, in bytes. */
export interface AddressRange {
  readonly start: Addr;
  readonly end: Addr;
}

/**
 * Copies the VMAs to the child. Returns 0; or -ENOMEM, with a part of them copied.
 *
 * @param around copies only the VMAs of this range and one on each side of it, also those with VM_DONTCOPY
 */
function copyVmas(cur: Caller, child: Mm, around: AddressRange | null): number {
  const parent = cur.mm;
  const { tree, vmas } = parent;
  const atOnce = around === null && copyAtOnce(cur, child);
  const from = around === null ? 0 : tree.before(tree.seek(around.start));
  for (let i = from === 0 ? tree.firstSlot() : from; i !== 0; i = tree.after(i)) {
    const id = tree.idAt(i);
    if (atOnce && vmas.isPlain(id)) {
      const error = finishPlainCopy(child, vmas, id);
      if (error !== 0) return refuse(cur, FORK_NO_MEMORY, error);
      continue;
    }
    const vma = vmas.at(id);
    if (around === null && (vma.vmFlags & VM_DONTCOPY) !== 0) {
      vmStatAccount(child, vma.vmFlags, vma.vmFile, (vma.vmStart - vma.vmEnd) / parent.system.pageSize);
      continue;
    }
    const error = atOnce ? copyHoldings(cur, child.vmas.at(id), vma) : copyVmaTo(cur, child, vma);
    if (error !== 0) return error;
    if (around !== null && vma.vmStart >= around.end) break;
  }
  if (around !== null) child.mapCount = parent.mapCount;
  return 0;
}

/**
 * dup_mmap: creates the child's address space.
 *
 * @param cur the parent
 * @param around copies only the VMAs of this range and one on each side of it, for a call that is tried there; all counts are
 *   those of the whole
 * @returns the child's Mm; or -ENOMEM with everything undone
 */
export function dupMm(cur: Caller, around: AddressRange | null = null): Mm | number {
  const parent = cur.mm;
  beginCall(cur);
  if (parent.tracer !== null) parent.tracer.enter('dup_mmap', parent.mapCount, 0, 0, 0);
  const child = createMm(parent.system);
  if (child === null) return refuse(cur, FORK_NO_MEMORY, -ENOMEM);
  copyMmFields(child, parent);
  child.tracer = parent.tracer;
  const error = copyVmas(cur, child, around);
  if (error !== 0) {
    exitMmap(child);
    child.users = 0;
    child.exeFile?.fput();
    child.exeFile = null;
    return error;
  }
  updateHiwaterVm(child);
  return child;
}
