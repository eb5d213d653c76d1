/**
 * struct vm_area_struct: one mapping [vmStart, vmEnd) with one set of flags, one file and one protection.
 *
 * Vmas are made and given back by the slab (slab.ts) only. The index (vma-tree.ts) owns `vmStart`, `vmEnd`, `vmPrev` and
 * `vmNext` while the VMA is linked: change them through it.
 */
import type { AnonVma, AnonVmaChain } from './anon-vma.ts';
import type { IntervalNode } from './interval-tree.ts';
import type { Mm } from './mm.ts';
import type { VmFile } from './ports/file.ts';
import type { VmOperations } from './ports/vm-operations.ts';

/** A mapping. */
export class Vma {
  /** First byte; page-aligned. */
  vmStart = 0.5;
  /** First byte behind; page-aligned, > vmStart. */
  vmEnd = 0.5;
  /**
   * Offset in pages: of the file, or of the address when private anonymous (until moved by mremap).
   * The three addresses start as doubles, so that V8 keeps them unboxed in place: one shape from the first VMA on.
   */
  vmPgoff = 0.5;
  /** VM_ bits, int32. */
  vmFlags = 0;
  /** Index into the protection map (0 to 15), plus the memory type << 4. */
  vmPageProt = 0;
  vmMm: Mm | null = null;
  vmFile: VmFile | null = null;
  vmOps: VmOperations | null = null;
  /** The anon_vma of the pages that this VMA owns; null until the first one. */
  anonVma: AnonVma | null = null;
  /** Its links to anon_vmas, newest first, through `nextSameVma`. */
  anonVmaChain: AnonVmaChain | null = null;
  /** The neighbours by address. */
  vmPrev: Vma | null = null;
  vmNext: Vma | null = null;
  /** Its node in the file's i_mmap. */
  iMmapNode: IntervalNode<Vma> | null = null;
  /** What a driver keeps here. */
  vmPrivateData: unknown = null;
  /** Name of anonymous memory: a user address (4.4) or a text (6.1); null for none. */
  anonName: number | string | null = null;
  /** Identity of the userfaultfd that watches it. */
  userfaultCtx: object | null = null;
  /** Memory policy identity. */
  vmPolicy: object | null = null;
  /** Where the index keeps it: internal to vma-tree.ts. */
  treeLeaf = -1;
}

/**
 * Pages of a VMA.
 *
 * @param pageSize bytes of a page
 */
export function vmaPages(vma: Vma, pageSize: number): number {
  return (vma.vmEnd - vma.vmStart) / pageSize;
}
