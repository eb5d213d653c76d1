/**
 * Changes the set of VMAs: links, unlinks, moves borders, splits.
 *
 * Mirrors vma_link, vma_adjust, __split_vma and split_vma of mm/mmap.c. These functions keep the index, the file's
 * i_mmap, the anon_vma links and map_count consistent; they check no limits unless the comment says so.
 */
import { EINVAL, ENOMEM } from '@vmarea/uapi';
import { anonVmaClone, unlinkAnonVmas } from './anon-vma.ts';
import { refuse } from '../base/errno.ts';
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import {
  ANON_VMA_NO_MEMORY,
  KMEM_CACHE_NO_VMA,
  SPLIT_VMA_HUGE_UNALIGNED,
  SPLIT_VMA_MAX_MAP_COUNT,
  SPLIT_VMA_REFUSED,
} from './reasons.ts';
import { VM_DENYWRITE, VM_HUGETLB, VM_MAYWRITE, VM_SHARED } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Errno, Pages } from '../base/units.ts';

/**
 * Returns whether a mapping counts in i_mmap_writable of its file: every VM_SHARED one, or (vma_is_shared_maywrite) only
 * those that may become writable.
 */
export function sharesWrites(vma: Vma): boolean {
  if ((vma.vmFlags & VM_SHARED) === 0) return false;
  return !vma.vmMm.system.profile.files.sealedSharedReadonly || (vma.vmFlags & VM_MAYWRITE) !== 0;
}

/** __vma_link_file: adds the VMA to the file's i_mmap. */
export function linkFile(vma: Vma): void {
  const file = vma.vmFile;
  if (file === null) return;
  const mapping = file.fMapping;
  if ((vma.vmFlags & VM_DENYWRITE) !== 0) file.fInode.iWritecount--;
  if (sharesWrites(vma)) mapping.iMmapWritable++;
  const pages = (vma.vmEnd - vma.vmStart) * vma.vmMm.system.perPage;
  vma.iMmapNode = mapping.iMmap.insert(vma.vmPgoff, vma.vmPgoff + pages - 1, vma);
}

/** __remove_shared_vm_struct: undoes {@link linkFile}. */
export function unlinkFile(vma: Vma): void {
  const file = vma.vmFile;
  if (file === null || vma.iMmapNode === null) return;
  const mapping = file.fMapping;
  if ((vma.vmFlags & VM_DENYWRITE) !== 0) file.fInode.iWritecount++;
  if (sharesWrites(vma)) mapping.iMmapWritable--;
  mapping.iMmap.remove(vma.iMmapNode);
  vma.iMmapNode = null;
}

/** Updates the file's i_mmap for a VMA whose range has changed. */
function updateFile(vma: Vma): void {
  if (vma.iMmapNode === null) return;
  const pages = (vma.vmEnd - vma.vmStart) * vma.vmMm.system.perPage;
  vma.vmFile!.fMapping.iMmap.update(vma.iMmapNode, vma.vmPgoff, vma.vmPgoff + pages - 1);
}

/** vma_link: inserts the VMA into the index and the file's i_mmap, and counts it in map_count. */
export function vmaLink(mm: Mm, vma: Vma): void {
  mm.tree.insert(vma);
  linkFile(vma);
  mm.mapCount++;
  if (mm.tracer !== null) mm.tracer.vma('insert', vma, 0);
}

/** Drops the VMA's file reference and frees its record. */
export function vmaFree(mm: Mm, vma: Vma): void {
  const file = vma.vmFile;
  mm.vmas.release(vma.id);
  if (file !== null) file.fput();
}

/**
 * Frees `next`, which a neighbour has absorbed and which is out of the index. Its anonymous pages now belong to the
 * neighbour's anon_vma.
 */
function swallow(mm: Mm, next: Vma): void {
  if (next.vmFile !== null) {
    mm.system.uprobes?.munmap(next, next.vmStart, next.vmEnd);
    unlinkFile(next);
  }
  if (next.anonVma !== null) unlinkAnonVmas(next);
  mm.mapCount--;
  if (mm.tracer !== null) mm.tracer.vma('remove', next, 0);
  vmaFree(mm, next);
}

/** Gives the VMA that grows the anon_vma of the one that shrinks, if it has none. */
function importAnonVma(mm: Mm, importer: Vma, exporter: Vma): number {
  if (exporter.anonVma === null || importer.anonVma !== null) return 0;
  importer.anonVma = exporter.anonVma;
  return anonVmaClone(mm.system, importer, exporter);
}

/** Reports that two VMAs stay apart because an anon_vma_chain could not be allocated. The call may continue without the merge. */
function tellNoAnonVma(mm: Mm, error: Errno): number {
  if (mm.tracer !== null) mm.tracer.decide(ANON_VMA_NO_MEMORY, error);
  return error;
}

/**
 * Gives a VMA that has no anon_vma that of the area which it is about to take in.
 *
 * @returns 0, or -ENOMEM, which a listener is told
 */
export function adoptAnonVma(mm: Mm, vma: Vma, from: Vma): number {
  const error = importAnonVma(mm, vma, from);
  return error === 0 ? 0 : tellNoAnonVma(mm, error);
}

function uprobesMoved(mm: Mm, vma: Vma): void {
  if (mm.system.uprobes !== null && vma.vmFile !== null) mm.system.uprobes.mmap(vma);
}

/**
 * vma_adjust when whole neighbours vanish: `vma` grows over `next`, and over `after` if that is not null. Does not read
 * their ends: the range between is filled.
 *
 * @returns 0, or -ENOMEM with nothing changed
 */
export function vmaSwallow(mm: Mm, vma: Vma, next: Vma, after: Vma | null): number {
  if (next.anonVma !== null || (after !== null && after.anonVma !== null)) {
    let error = importAnonVma(mm, vma, next);
    if (error === 0 && after !== null) error = importAnonVma(mm, vma, after);
    if (error !== 0) return tellNoAnonVma(mm, error);
  }
  mm.tree.absorb(vma, after === null ? 1 : 2);
  swallow(mm, next);
  if (after !== null) swallow(mm, after);
  if (vma.vmFile !== null) {
    updateFile(vma);
    uprobesMoved(mm, vma);
  }
  return 0;
}

/**
 * vma_adjust without an insertion: gives `vma` the range [start, end) and `pgoff`. Neighbours that it then overlaps shrink
 * or vanish (one or two vanish, or the border moves).
 *
 * @returns 0, or -ENOMEM with nothing changed
 */
export function vmaAdjust(mm: Mm, vma: Vma, start: Addr, end: Addr, pgoff: Pages): number {
  const perPage = mm.system.perPage;
  const next = vma.vmNext;
  if (next === null || (end <= next.vmStart && end >= vma.vmEnd)) {
    // Grows or shrinks into a gap.
    mm.tree.setBounds(vma, start, end);
    vma.vmPgoff = pgoff;
    updateFile(vma);
  } else if (end >= next.vmEnd) {
    const error = vmaSwallow(mm, vma, next, end > next.vmEnd ? next.vmNext : null);
    if (error !== 0) return error;
    if (vma.vmStart !== start || vma.vmEnd !== end) mm.tree.setBounds(vma, start, end);
    vma.vmPgoff = pgoff;
    updateFile(vma);
    return 0;
  } else if (end > next.vmStart) {
    // The border moves up: next loses its lower part.
    const error = importAnonVma(mm, vma, next);
    if (error !== 0) return tellNoAnonVma(mm, error);
    next.vmPgoff += (end - next.vmStart) * perPage;
    mm.tree.shiftBoundary(vma, next, end);
    updateFile(vma);
    updateFile(next);
    uprobesMoved(mm, next);
  } else if (vma.vmEnd === next.vmStart && end < vma.vmEnd) {
    // The border moves down: next takes the upper part of vma.
    const error = importAnonVma(mm, next, vma);
    if (error !== 0) return tellNoAnonVma(mm, error);
    next.vmPgoff -= (vma.vmEnd - end) * perPage;
    mm.tree.shiftBoundary(vma, next, end);
    updateFile(vma);
    updateFile(next);
    uprobesMoved(mm, next);
  } else {
    mm.tree.setBounds(vma, start, end);
    vma.vmPgoff = pgoff;
    updateFile(vma);
  }
  uprobesMoved(mm, vma);
  return 0;
}

/**
 * Gives a linked VMA other borders without changing a neighbour: stack growth, and growth in place.
 */
export function vmaResize(mm: Mm, vma: Vma, start: Addr, end: Addr, pgoff: Pages): void {
  mm.tree.setBounds(vma, start, end);
  vma.vmPgoff = pgoff;
  updateFile(vma);
}

/** Copies the properties of a VMA, not its links, to a fresh object. */
export function copyVmaFields(to: Vma, from: Vma): void {
  to.vmStart = from.vmStart;
  to.vmEnd = from.vmEnd;
  to.vmPgoff = from.vmPgoff;
  to.vmFlags = from.vmFlags;
  to.vmPageProt = from.vmPageProt;
  to.vmFile = from.vmFile;
  to.anonVma = from.anonVma;
  to.copyExtra(from);
}

/**
 * __split_vma: cuts a VMA in two at `addr`, without checking the map count.
 *
 * @param newBelow the new object is the lower part; otherwise the upper one
 * @returns 0; -EINVAL when the driver refuses that place (huge pages, special mappings); -ENOMEM. An error changes nothing.
 */
export function splitVmaUnlimited(cur: Caller, vma: Vma, addr: Addr, newBelow: boolean): number {
  const { mm } = cur;
  const ops = vma.vmOps;
  if (ops !== null) {
    if ((vma.vmFlags & VM_HUGETLB) !== 0 && ops.pageSize !== null && addr % ops.pageSize(vma) !== 0) {
      return refuse(cur, SPLIT_VMA_HUGE_UNALIGNED, -EINVAL);
    }
    if (ops.maySplit !== null) {
      const error = ops.maySplit(vma, addr);
      if (error !== 0) return refuse(cur, SPLIT_VMA_REFUSED, error);
    }
  }
  const made = mm.vmas.allocVma();
  if (made === null) return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  copyVmaFields(made, vma);
  const pages = (addr - vma.vmStart) * mm.system.perPage;
  if (newBelow) made.vmEnd = addr;
  else {
    made.vmStart = addr;
    made.vmPgoff = vma.vmPgoff + pages;
  }
  const error = vma.anonVmaChain === null ? 0 : anonVmaClone(mm.system, made, vma);
  if (error !== 0) {
    mm.vmas.release(made.id);
    return refuse(cur, ANON_VMA_NO_MEMORY, error);
  }
  if (made.vmFile !== null) made.vmFile.getFile();
  if (ops !== null && ops.open !== null) ops.open(made);
  if (made.vmFile !== null) mm.system.uprobes?.munmap(vma, vma.vmStart, vma.vmEnd);
  if (newBelow) vma.vmPgoff += pages;
  mm.tree.split(vma, addr, made, newBelow);
  mm.mapCount++;
  if (made.vmFile !== null) {
    updateFile(vma);
    linkFile(made);
    uprobesMoved(mm, vma);
    uprobesMoved(mm, made);
  }
  if (mm.tracer !== null) mm.tracer.vma('split', made, addr);
  return 0;
}

/**
 * split_vma: {@link splitVmaUnlimited} with the check of vm.max_map_count.
 *
 * @returns as {@link splitVmaUnlimited}, and -ENOMEM at the limit
 */
export function splitVma(cur: Caller, vma: Vma, addr: Addr, newBelow: boolean): number {
  const { mm } = cur;
  if (mm.mapCount >= mm.system.sysctl.maxMapCount) return refuse(cur, SPLIT_VMA_MAX_MAP_COUNT, -ENOMEM);
  return splitVmaUnlimited(cur, vma, addr, newBelow);
}
