/**
 * The pages of [vdso] and [vvar]: frames of the kernel that every process maps.
 *
 * In a VM_PFNMAP mapping the entry is special and Rss does not count it; otherwise the page counts as a file page.
 * Mirrors special_mapping_fault (mm/mmap.c) and vvar_fault.
 */
import { VM_FAULT_NOPAGE, VM_FAULT_OOM, VM_FAULT_SIGBUS, type FaultInfo } from '../../space/fault-info.ts';
import { VM_PFNMAP } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { vmInsertPfn } from '../tables/insert-pfn.ts';
import type { Memory } from '../memory.ts';

/** A special mapping's name and pages, as `installSpecialMapping` takes them. */
export interface SpecialPages {
  readonly name: string;
  readonly fault: (vma: Vma, index: number, vmf: FaultInfo) => number;
}

/**
 * Allocates frames for a special mapping, which are never freed. Call it once per machine.
 *
 * @param name what maps shows
 * @param contents bytes of the pages; its length is rounded up to pages
 * @returns the mapping; null when there is no memory
 */
export function createSpecialPages(memory: Memory, name: string, contents: Uint8Array): SpecialPages | null {
  const { frames, physical } = memory;
  const { pageSize } = physical;
  const pfns: number[] = [];
  for (let at = 0; at < contents.length; at += pageSize) {
    const pfn = frames.allocZeroed(0);
    if (pfn < 0) {
      for (const taken of pfns) frames.put(taken);
      return null;
    }
    physical.writeBytes(pfn, 0, contents, at, Math.min(pageSize, contents.length - at));
    pfns.push(pfn);
  }
  return {
    name,
    fault: (vma, index, vmf) => {
      const pfn = pfns[index];
      if (pfn === undefined) return VM_FAULT_SIGBUS;
      if ((vma.vmFlags & VM_PFNMAP) !== 0) {
        return vmInsertPfn(vma, vmf.address, pfn, vma.vmPageProt) === 0 ? VM_FAULT_NOPAGE : VM_FAULT_OOM;
      }
      frames.get(pfn);
      vmf.page = pfn;
      return 0;
    },
  };
}
