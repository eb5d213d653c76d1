/**
 * munmap: do_munmap and the part that it shares with exit.
 *
 * Mirrors mm/mmap.c. When the second split fails the first one stays, as in the kernel.
 */
import { EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import { updateHiwaterVm, vmStatAccount, vmUnacctMemory } from '../space/accounting.ts';
import { unlinkAnonVmas } from '../shape/anon-vma.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import type { Mm } from '../space/mm.ts';
import { alignUp } from '../base/page-math.ts';
import { NO_MEMORY } from '../ports/memory.ts';
import {
  DO_MUNMAP_BEYOND_TASK_SIZE,
  DO_MUNMAP_MAX_MAP_COUNT,
  DO_MUNMAP_UNALIGNED,
  DO_MUNMAP_ZERO_LEN,
  MUNMAP_SEALED,
} from './reasons/munmap.ts';
import { VM_ACCOUNT, VM_LOCKED } from '../base/flags.ts';
import { splitVmaUnlimited, unlinkFile, vmaFree } from '../shape/adjust.ts';
import { findVma } from '../space/placement.ts';
import { isSealed } from './mseal.ts';
import { APART, EXACT } from '../areas/tree/search.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, Slot } from '../base/units.ts';
import { checkRegisters } from '../base/whole.ts';

/** remove_vma: updates the counters, calls `close`, drops the references and frees the VMA. */
function removeVma(mm: Mm, vma: Vma): void {
  const pages = (vma.vmEnd - vma.vmStart) * mm.system.perPage;
  if ((vma.vmFlags & VM_ACCOUNT) !== 0) vmUnacctMemory(mm.system, pages);
  vmStatAccount(mm, vma.vmFlags, vma.vmFile, -pages);
  if (vma.vmOps !== null && vma.vmOps.close !== null) vma.vmOps.close(vma);
  if (mm.tracer !== null) mm.tracer.vma('remove', vma, 0);
  vmaFree(mm, vma);
}

/** Clears the mlocked state of the pages of VM_LOCKED mappings from `first` to `last`. */
function munlockAll(mm: Mm, first: Vma, last: Vma): void {
  for (let vma: Vma | null = first; vma !== null; vma = vma === last ? null : vma.vmNext) {
    if ((vma.vmFlags & VM_LOCKED) === 0) continue;
    mm.lockedVm -= (vma.vmEnd - vma.vmStart) * mm.system.perPage;
    mm.system.memory.munlockRange(vma, vma.vmStart, vma.vmEnd);
  }
}

/** Removes one VMA and its pages: the common case. */
function detachOne(mm: Mm, vma: Vma, start: Addr, end: Addr): void {
  if (mm.lockedVm !== 0) munlockAll(mm, vma, vma);
  const prev = vma.vmPrev;
  const next = vma.vmNext;
  mm.tree.erase(vma);
  mm.mapCount--;
  mm.system.memory.unmapRegion(mm, vma, start, end, prev === null ? 0 : prev.vmEnd, next === null ? 0 : next.vmStart);
  if (vma.anonVmaChain !== null) unlinkAnonVmas(vma);
  if (vma.vmFile !== null) unlinkFile(vma);
  updateHiwaterVm(mm);
  removeVma(mm, vma);
}

/** Removes the VMAs from `first` to `last` and their pages. */
function detachAndFree(mm: Mm, first: Vma, last: Vma, start: Addr, end: Addr): void {
  if (first === last) {
    detachOne(mm, first, start, end);
    return;
  }
  if (mm.lockedVm !== 0) munlockAll(mm, first, last);
  const prev = first.vmPrev;
  const next = last.vmNext;
  for (let vma: Vma = first; vma !== last; vma = vma.vmNext!) mm.mapCount--;
  mm.mapCount--;
  mm.tree.eraseRange(first, last);
  mm.system.memory.unmapRegion(mm, first, start, end, prev === null ? 0 : prev.vmEnd, next === null ? 0 : next.vmStart);
  updateHiwaterVm(mm);
  freeDetached(mm, first);
}

/** Frees the VMAs from `first` on along `vmNext`, which are out of the index and whose pages are unmapped. */
function freeDetached(mm: Mm, first: Vma): void {
  for (let vma: Vma | null = first; vma !== null; vma = vma.vmNext) {
    if (vma.anonVmaChain !== null) unlinkAnonVmas(vma);
    unlinkFile(vma);
  }
  for (let vma: Vma | null = first; vma !== null;) {
    const after: Vma | null = vma.vmNext;
    removeVma(mm, vma);
    vma = after;
  }
}

/**
 * do_munmap: the mmap lock is held.
 *
 * @param start page-aligned address (a value of `fromRegister`)
 * @param len bytes, rounded up to pages
 * @returns 0, also when nothing was mapped; -EINVAL; -ENOMEM at the map-count limit or without memory
 */
export function doMunmap(cur: Caller, start: Addr, len: Bytes): number {
  checkRegisters('munmap', start, len, 0);
  const { mm } = cur;
  const system = mm.system;
  if (mm.tracer !== null) mm.tracer.enter('do_munmap', start, len, 0, 0);
  if ((start & system.pageMask) !== 0) return refuse(cur, DO_MUNMAP_UNALIGNED, -EINVAL);
  if (start < 0 || start > mm.taskSize || len < 0 || len > mm.taskSize - start) {
    return refuse(cur, DO_MUNMAP_BEYOND_TASK_SIZE, -EINVAL);
  }
  const size = alignUp(len, system.pageMask);
  if (size === 0) return refuse(cur, DO_MUNMAP_ZERO_LEN, -EINVAL);

  const tree = mm.tree;
  const i = tree.seek(start);
  const extent = tree.extent(i, start, size);
  if (extent === EXACT) {
    const id = tree.idAt(i);
    if (!mm.vmas.isPlain(id)) {
      const vma = mm.vmas.at(id);
      if (isSealed(vma)) return refuse(cur, MUNMAP_SEALED, -EPERM);
      vma.userfaultCtx?.unmapped?.(cur, start, start + size);
    }
    unmapWhole(mm, i);
  } else if (extent !== APART) return unmapParts(cur, mm.vmas.at(tree.idAt(i)), start, start + size);
  return 0;
}

/** Removes the VMA of a slot. Creates no object for a plain one. */
function unmapWhole(mm: Mm, i: Slot): void {
  const { tree, vmas, system } = mm;
  const id = tree.idAt(i);
  const flags = vmas.flags(id);
  if (!system.fastPaths || !vmas.isPlain(id) || (flags & VM_LOCKED) !== 0) {
    const vma = vmas.at(id);
    detachOne(mm, vma, vma.vmStart, vma.vmEnd);
    return;
  }
  const pages = vmas.bytes(id) * system.perPage;
  if (system.memory === NO_MEMORY) tree.eraseAt(i);
  else eraseWithPages(mm, i);
  mm.mapCount--;
  updateHiwaterVm(mm);
  if ((flags & VM_ACCOUNT) !== 0) vmUnacctMemory(system, pages);
  vmStatAccount(mm, flags, null, -pages);
  if (mm.tracer !== null) mm.tracer.vma('remove', vmas.at(id), 0);
  vmas.release(id);
}

/** Removes a plain VMA from the index, and its pages. */
function eraseWithPages(mm: Mm, i: Slot): void {
  const { tree, vmas } = mm;
  const { memory } = mm.system;
  const id = tree.idAt(i);
  const floor = tree.gapStart(i);
  const above = tree.idAfter(i);
  const ceiling = above === -1 ? 0 : vmas.vmStart(above);
  tree.eraseAt(i);
  if (memory.unmapPlain !== undefined) memory.unmapPlain(mm, vmas.vmStart(id), vmas.vmEnd(id), floor, ceiling);
  else memory.unmapRegion(mm, vmas.at(id), vmas.vmStart(id), vmas.vmEnd(id), floor, ceiling);
}

/** Returns the next VMA if it begins below `end`. Each `vmNext` is a search, so a VMA that reaches `end` is not asked. */
function nextBelow(vma: Vma, end: Addr): Vma | null {
  const next = vma.vmEnd < end ? vma.vmNext : null;
  return next !== null && next.vmStart < end ? next : null;
}

/** do_munmap when the range is not exactly one VMA: splits at its borders, then removes the VMAs between. */
function unmapParts(cur: Caller, at: Vma, start: Addr, end: Addr): number {
  const { mm } = cur;
  const error = splitAtBorders(cur, at, start, end);
  if (error !== 0) return error;
  const first = at.vmStart < start ? at.vmNext! : findVma(mm, start)!;
  let last = first;
  last.userfaultCtx?.unmapped?.(cur, start, end);
  for (let next = nextBelow(last, end); next !== null; next = nextBelow(last, end)) {
    last = next;
    last.userfaultCtx?.unmapped?.(cur, start, end);
  }
  detachAndFree(mm, first, last, start, end);
  return 0;
}

/**
 * Splits the VMAs that cross `start` or `end`, so that the range holds whole VMAs only.
 *
 * @param at the first VMA of the range
 * @returns 0; -EPERM when a VMA of the range is sealed; -ENOMEM at the map-count limit or without memory, or the errno of a
 *   driver that refuses the split. The first split stays when the second one fails
 */
export function splitAtBorders(cur: Caller, at: Vma, start: Addr, end: Addr): number {
  const { mm } = cur;
  let last = at;
  if (start > at.vmStart) {
    if (end < at.vmEnd && mm.mapCount >= mm.system.sysctl.maxMapCount) {
      return refuse(cur, DO_MUNMAP_MAX_MAP_COUNT, -ENOMEM);
    }
    if (isSealed(at)) return refuse(cur, MUNMAP_SEALED, -EPERM);
    const error = splitVmaUnlimited(cur, at, start, false);
    if (error !== 0) return error;
    last = at.vmNext!;
  }
  if (isSealed(last)) return refuse(cur, MUNMAP_SEALED, -EPERM);
  for (let next = nextBelow(last, end); next !== null; next = nextBelow(last, end)) {
    last = next;
    if (isSealed(last)) return refuse(cur, MUNMAP_SEALED, -EPERM);
  }
  return last.vmEnd > end ? splitVmaUnlimited(cur, last, end, true) : 0;
}

/**
 * vm_munmap: munmap(2) with the mmap lock.
 *
 * @returns as {@link doMunmap}
 */
export function vmMunmap(cur: Caller, start: Addr, len: Bytes): number {
  beginCall(cur);
  mmapLock(cur.mm, 'munmap');
  try {
    return doMunmap(cur, start, len);
  } finally {
    mmapUnlock(cur.mm);
  }
}

/** exit_mmap: removes every mapping, then the memory of the address space. */
export function exitMmap(mm: Mm): void {
  const first = mm.tree.first;
  const last = mm.tree.last;
  if (first !== null && last !== null) {
    if (mm.system.fastPaths && mm.lockedVm === 0) exitAtOnce(mm, first.vmStart, last.vmEnd);
    else detachAndFree(mm, first, last, first.vmStart, last.vmEnd);
  }
  mm.system.memory.detach(mm);
}

/** Removes all VMAs: plain ones as records, the others as objects one by one. */
function exitAtOnce(mm: Mm, start: Addr, end: Addr): void {
  const { tree, vmas, system } = mm;
  // Memory that may have pages of plain VMAs gets them in `unmapRegion`, as all others.
  const untouched = system.memory.plainHasNoPages === true;
  let first: Vma | null = null;
  let last: Vma | null = null;
  for (let i = tree.firstSlot(); i !== 0; i = tree.after(i)) {
    const id = tree.idAt(i);
    if (untouched && vmas.isPlain(id)) {
      const pages = vmas.bytes(id) * system.perPage;
      const flags = vmas.flags(id);
      if ((flags & VM_ACCOUNT) !== 0) vmUnacctMemory(system, pages);
      vmStatAccount(mm, flags, null, -pages);
      if (mm.tracer !== null) mm.tracer.vma('remove', vmas.at(id), 0);
      vmas.release(id);
      continue;
    }
    const vma = vmas.at(id);
    vma.setUnlinked();
    vma.setNextRemoved(null);
    if (last === null) first = vma;
    else last.setNextRemoved(vma);
    last = vma;
  }
  tree.clear();
  mm.mapCount = 0;
  if (first !== null) {
    system.memory.unmapRegion(mm, first, start, end, 0, 0);
    freeDetached(mm, first);
  }
}
