/**
 * The pages of all address spaces, recounted from their page tables: map counts, references of anonymous pages, resident
 * pages, no entry outside a VMA, no write permission that the VMA does not give.
 */
import type { Mm } from '../src/space/mm.ts';
import type { Memory } from '../src/memory/index.ts';
import { PG_ANON, PG_SWAPBACKED } from '../src/memory/frames/flags.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../src/ports/arch.ts';
import { VM_HUGETLB, VM_SHARED, VM_WRITE } from '../src/base/flags.ts';

/** One sentence for each thing that is wrong; `mms` are all address spaces of the machine. */
export function walkErrors(memory: Memory, mms: readonly Mm[]): string[] {
  const bad: string[] = [];
  const { frames } = memory;
  const counts = new Map<number, number>();
  const pageSize = memory.system.pageSize;
  for (const mm of mms) {
    const pt = mm.pageTables!;
    let file = 0;
    let anon = 0;
    let shmem = 0;
    for (let at = pt.nextEntry(0, mm.taskSize); at >= 0; at = pt.nextEntry(at + pageSize, mm.taskSize)) {
      const slot = pt.curSlot;
      const bits = pt.entry(slot);
      const where = `0x${at.toString(16)}`;
      const vma = mm.tree.find(at);
      if (vma === null || at < vma.vmStart) {
        bad.push(`${where}: an entry where nothing is mapped`);
        continue;
      }
      if ((vma.vmFlags & VM_HUGETLB) !== 0) continue;
      if ((bits & PTE_WRITE) !== 0 && (vma.vmFlags & VM_WRITE) === 0) bad.push(`${where}: writable, its VMA is not`);
      const pfn = pt.pfn(slot);
      if ((bits & PTE_SPECIAL) !== 0) {
        if (pfn === frames.zeroPfn && (bits & PTE_WRITE) !== 0) bad.push(`${where}: the zero page is writable`);
        continue;
      }
      counts.set(pfn, (counts.get(pfn) ?? 0) + 1);
      const flags = frames.flags[pfn]!;
      if ((flags & PG_ANON) !== 0) {
        anon++;
        const index = vma.vmPgoff + (at - vma.vmStart) / pageSize;
        if (frames.index[pfn] !== index) bad.push(`${where}: index ${String(frames.index[pfn])}, not ${String(index)}`);
        let linked = false;
        for (let avc = vma.anonVmaChain; avc !== null; avc = avc.nextSameVma) {
          if (avc.anonVma === frames.owner(pfn)) linked = true;
        }
        if (!linked) bad.push(`${where}: its anon_vma does not know the VMA`);
        if ((bits & PTE_WRITE) !== 0 && frames.mapcount[pfn] !== 1) bad.push(`${where}: writable and shared by fork`);
      } else {
        if ((flags & PG_SWAPBACKED) !== 0) shmem++;
        else file++;
        if ((vma.vmFlags & VM_SHARED) === 0 && (bits & (PTE_WRITE | PTE_DIRTY)) !== 0) {
          bad.push(`${where}: a private mapping may write to the file`);
        }
      }
    }
    if (file !== mm.rssFile || anon !== mm.rssAnon || shmem !== mm.rssShmem) {
      bad.push(
        `rss: file ${String(mm.rssFile)} anon ${String(mm.rssAnon)} shmem ${String(mm.rssShmem)}, ` +
          `counted ${String(file)} ${String(anon)} ${String(shmem)}`,
      );
    }
  }
  for (const [pfn, count] of counts) {
    if (frames.mapcount[pfn] !== count) {
      bad.push(`frame ${String(pfn)}: map count ${String(frames.mapcount[pfn])}, counted ${String(count)}`);
    }
    if ((frames.flags[pfn]! & PG_ANON) !== 0 && frames.refcount[pfn] !== count) {
      bad.push(`frame ${String(pfn)}: ${String(frames.refcount[pfn])} references, counted ${String(count)}`);
    }
  }
  return bad;
}
