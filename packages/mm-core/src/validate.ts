/**
 * validateMm: checks every invariant of an address space and reports each violation as a sentence. For tests and debugging.
 */
import type { Mm } from './space/mm.ts';
import { VM_LOCKED } from './base/flags.ts';
import type { Vma } from './areas/vma.ts';

function checkVma(mm: Mm, vma: Vma, problems: string[]): void {
  const at = `VMA ${vma.vmStart.toString(16)}-${vma.vmEnd.toString(16)}`;
  const mask = mm.system.pageMask;
  if ((vma.vmStart & mask) !== 0 || (vma.vmEnd & mask) !== 0) problems.push(`${at}: not page-aligned`);
  if (vma.vmStart >= vma.vmEnd) problems.push(`${at}: empty`);
  if (vma.vmEnd > mm.taskSize) problems.push(`${at}: beyond TASK_SIZE`);
  if (vma.vmMm !== mm) problems.push(`${at}: belongs to another address space`);
  if (vma.vmPrev !== null && vma.vmPrev.vmEnd > vma.vmStart) problems.push(`${at}: overlaps the one before`);
  const file = vma.vmFile;
  if (file !== null) {
    if (file.fCount <= 0) problems.push(`${at}: its file has no reference`);
    const node = vma.iMmapNode;
    const last = vma.vmPgoff + (vma.vmEnd - vma.vmStart) / mm.system.pageSize - 1;
    if (node === null) problems.push(`${at}: not in its file's i_mmap`);
    else if (node.start !== vma.vmPgoff || node.last !== last) problems.push(`${at}: i_mmap has another range`);
  }
  let owned = vma.anonVma === null;
  for (let avc = vma.anonVmaChain; avc !== null; avc = avc.nextSameVma) {
    if (avc.vma !== vma) problems.push(`${at}: an anon_vma_chain of another VMA`);
    if (avc.anonVma === vma.anonVma) owned = true;
  }
  if (!owned) problems.push(`${at}: not linked to its own anon_vma`);
}

/**
 * Returns all violated invariants of an address space.
 *
 * @returns sentences; empty when there is no violation
 */
export function validateMm(mm: Mm): string[] {
  const problems = mm.tree.validate();
  let count = 0;
  let pages = 0;
  let locked = 0;
  for (let vma = mm.tree.first; vma !== null; vma = vma.vmNext) {
    count++;
    const size = (vma.vmEnd - vma.vmStart) / mm.system.pageSize;
    pages += size;
    if ((vma.vmFlags & VM_LOCKED) !== 0) locked += size;
    checkVma(mm, vma, problems);
  }
  if (count !== mm.mapCount) problems.push(`map_count is ${mm.mapCount}, there are ${count} VMAs`);
  if (pages !== mm.totalVm) problems.push(`total_vm is ${mm.totalVm}, the VMAs have ${pages} pages`);
  // locked_vm may be larger: 4.4 counts LOCKED to LOCKONFAULT twice, and MREMAP_DONTUNMAP unlocks without counting.
  if (locked > mm.lockedVm) {
    problems.push(`locked_vm is ${mm.lockedVm}, the locked VMAs have ${locked} pages`);
  }
  if (mm.locked) problems.push('the mmap lock is held');
  return problems;
}
