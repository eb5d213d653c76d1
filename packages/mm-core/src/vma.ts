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

/**
 * What plain anonymous memory does not have. Most VMAs are plain, so these six fields are an object of their own: 40 bytes
 * less per VMA, and one load instead of four in the tests that decide a merge. It stays with its Vma in the slab.
 */
class VmaExtra {
  vmOps: VmOperations | null = null;
  iMmapNode: IntervalNode<Vma> | null = null;
  vmPrivateData: unknown = null;
  anonName: number | string | null = null;
  userfaultCtx: object | null = null;
  vmPolicy: object | null = null;
}

/** A mapping. */
export class Vma {
  /** First byte; page-aligned. */
  vmStart = 0.5;
  /** First byte behind; page-aligned, > vmStart. */
  vmEnd = 0.5;
  /**
   * Offset in pages: of the file, or of the address when private anonymous (until moved by mremap).
   * The three addresses start as fractions, so that V8 makes them fields of doubles from the first VMA on: written in
   * place, one shape for all.
   */
  vmPgoff = 0.5;
  /** VM_ bits, int32. */
  vmFlags = 0;
  /** Index into the protection map (0 to 15), plus the memory type << 4. */
  vmPageProt = 0;
  /** The neighbours by address. */
  vmPrev: Vma | null = null;
  vmNext: Vma | null = null;
  vmFile: VmFile | null = null;
  private extra: VmaExtra | null = null;
  /** The anon_vma of the pages that this VMA owns; null until the first one. */
  anonVma: AnonVma | null = null;
  /** Its links to anon_vmas, newest first, through `nextSameVma`. */
  anonVmaChain: AnonVmaChain | null = null;
  vmMm: Mm | null = null;

  /** What its owner does for it; null for plain memory. */
  get vmOps(): VmOperations | null {
    return this.extra === null ? null : this.extra.vmOps;
  }

  set vmOps(value: VmOperations | null) {
    if (value !== null || this.extra !== null) this.needExtra().vmOps = value;
  }

  /** Its node in the file's i_mmap. */
  get iMmapNode(): IntervalNode<Vma> | null {
    return this.extra === null ? null : this.extra.iMmapNode;
  }

  set iMmapNode(value: IntervalNode<Vma> | null) {
    if (value !== null || this.extra !== null) this.needExtra().iMmapNode = value;
  }

  /** What a driver keeps here. */
  get vmPrivateData(): unknown {
    return this.extra === null ? null : this.extra.vmPrivateData;
  }

  set vmPrivateData(value: unknown) {
    if (value !== null || this.extra !== null) this.needExtra().vmPrivateData = value;
  }

  /** Name of anonymous memory: a user address (4.4) or a text (6.1); null for none. */
  get anonName(): number | string | null {
    return this.extra === null ? null : this.extra.anonName;
  }

  set anonName(value: number | string | null) {
    if (value !== null || this.extra !== null) this.needExtra().anonName = value;
  }

  /** Identity of the userfaultfd that watches it. */
  get userfaultCtx(): object | null {
    return this.extra === null ? null : this.extra.userfaultCtx;
  }

  set userfaultCtx(value: object | null) {
    if (value !== null || this.extra !== null) this.needExtra().userfaultCtx = value;
  }

  /** Memory policy identity. */
  get vmPolicy(): object | null {
    return this.extra === null ? null : this.extra.vmPolicy;
  }

  set vmPolicy(value: object | null) {
    if (value !== null || this.extra !== null) this.needExtra().vmPolicy = value;
  }

  private needExtra(): VmaExtra {
    this.extra ??= new VmaExtra();
    return this.extra;
  }

  /** Takes over what `from` has beyond plain memory, but for its place in the file's i_mmap. */
  copyExtra(from: Vma): void {
    const source = from.extra;
    if (source === null && this.extra === null) return;
    this.vmOps = from.vmOps;
    this.vmPrivateData = from.vmPrivateData;
    this.anonName = from.anonName;
    this.userfaultCtx = from.userfaultCtx;
    this.vmPolicy = from.vmPolicy;
  }

  /** Becomes plain memory. */
  clearExtra(): void {
    const extra = this.extra;
    if (extra === null) return;
    extra.vmOps = null;
    extra.iMmapNode = null;
    extra.vmPrivateData = null;
    extra.anonName = null;
    extra.userfaultCtx = null;
    extra.vmPolicy = null;
  }
}

/**
 * Pages of a VMA.
 *
 * @param pageSize bytes of a page
 */
export function vmaPages(vma: Vma, pageSize: number): number {
  return (vma.vmEnd - vma.vmStart) / pageSize;
}
