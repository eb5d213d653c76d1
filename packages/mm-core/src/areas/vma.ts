/**
 * struct vm_area_struct: one mapping [vmStart, vmEnd) with one set of flags, one file and one protection.
 *
 * A Vma is a view of a record in its address space's table (areas/table.ts), which makes and reuses it. The record holds
 * the numbers, the Vma the references. While the VMA is linked, change `vmStart` and `vmEnd` through the index
 * (areas/tree/tree.ts) only.
 */
import type { AnonVma, AnonVmaChain } from '../shape/anon-vma.ts';
import type { IntervalNode } from './interval-tree.ts';
import type { Mm } from '../space/mm.ts';
import type { UserfaultContext } from '../ports/userfault.ts';
import type { VmFile } from '../ports/file.ts';
import type { VmOperations } from '../ports/vm-operations.ts';
import { END, FLAGS, INTS, PGOFF, PROT_MASK, RECORD, START, STATE, STATE_LINKED, STATE_OWNS } from './record.ts';
import type { VmaTable } from './table.ts';

/**
 * The fields that plain anonymous memory does not use. Most VMAs are plain: a separate object costs the tests that decide
 * a merge one load instead of four. A Vma keeps its object when its record is reused.
 */
class VmaExtra {
  vmOps: VmOperations | null = null;
  iMmapNode: IntervalNode<Vma> | null = null;
  vmPrivateData: unknown = null;
  anonName: number | string | null = null;
  userfaultCtx: UserfaultContext | null = null;
  vmPolicy: object | null = null;
  vmFlagsHigh = 0;
}

/** A mapping. */
export class Vma {
  /** Its id in the table, which {@link VmaTable.at} takes and the index stores. */
  readonly id: number;
  private readonly table: VmaTable;
  private file: VmFile | null = null;
  private extra: VmaExtra | null = null;
  private ownAnonVma: AnonVma | null = null;
  private chain: AnonVmaChain | null = null;
  /** After the VMA was removed from the index: the next VMA of the same removal. */
  private nextRemoved: Vma | null = null;

  constructor(table: VmaTable, id: number) {
    this.table = table;
    this.id = id;
  }

  /** First byte; page-aligned. */
  get vmStart(): number {
    return this.table.nums[this.id * RECORD + START]!;
  }

  set vmStart(value: number) {
    this.table.nums[this.id * RECORD + START] = value;
  }

  /** First byte behind; page-aligned, > vmStart. */
  get vmEnd(): number {
    return this.table.nums[this.id * RECORD + END]!;
  }

  set vmEnd(value: number) {
    this.table.nums[this.id * RECORD + END] = value;
  }

  /** Offset in pages: of the file, or of the address when private anonymous (until moved by mremap). */
  get vmPgoff(): number {
    return this.table.nums[this.id * RECORD + PGOFF]!;
  }

  set vmPgoff(value: number) {
    this.table.nums[this.id * RECORD + PGOFF] = value;
  }

  /** VM_ bits, int32. */
  get vmFlags(): number {
    return this.table.ints[this.id * INTS + FLAGS]!;
  }

  set vmFlags(value: number) {
    this.table.ints[this.id * INTS + FLAGS] = value;
  }

  /** Index into the protection map (0 to 15), plus the memory type << 4. */
  get vmPageProt(): number {
    return this.table.ints[this.id * INTS + STATE]! & PROT_MASK;
  }

  set vmPageProt(value: number) {
    const { ints } = this.table;
    const at = this.id * INTS + STATE;
    ints[at] = (ints[at]! & ~PROT_MASK) | value;
  }

  /** Its address space. */
  get vmMm(): Mm {
    return this.table.mm;
  }

  /** The neighbour below; null when there is none, or while it is out of the index. */
  get vmPrev(): Vma | null {
    return this.isLinked() ? this.table.mm.tree.prev(this) : null;
  }

  /** The neighbour above. After munmap removed several VMAs in one step, it is the next removed one. */
  get vmNext(): Vma | null {
    return this.isLinked() ? this.table.mm.tree.next(this) : this.nextRemoved;
  }

  /** Stores the next VMA of the same removal from the index, for {@link vmNext}. */
  setNextRemoved(next: Vma | null): void {
    this.nextRemoved = next;
    this.own();
  }

  /** Marks the VMA as not in the index. */
  setUnlinked(): void {
    const { ints } = this.table;
    const at = this.id * INTS + STATE;
    ints[at] = ints[at]! & ~STATE_LINKED;
  }

  private isLinked(): boolean {
    return (this.table.ints[this.id * INTS + STATE]! & STATE_LINKED) !== 0;
  }

  /** Marks the record as not plain: {@link clear} has to reset the object when the VMA is freed. */
  private own(): void {
    const { ints } = this.table;
    const at = this.id * INTS + STATE;
    ints[at] = ints[at]! | STATE_OWNS;
  }

  get vmFile(): VmFile | null {
    return this.file;
  }

  set vmFile(value: VmFile | null) {
    this.file = value;
    if (value !== null) this.own();
  }

  /** The anon_vma of the pages that this VMA owns; null until the first one. */
  get anonVma(): AnonVma | null {
    return this.ownAnonVma;
  }

  set anonVma(value: AnonVma | null) {
    this.ownAnonVma = value;
    if (value !== null) this.own();
  }

  /** Its links to anon_vmas, newest first, through `nextSameVma`. */
  get anonVmaChain(): AnonVmaChain | null {
    return this.chain;
  }

  set anonVmaChain(value: AnonVmaChain | null) {
    this.chain = value;
    if (value !== null) this.own();
  }

  /** The operations of its driver; null for plain memory. */
  get vmOps(): VmOperations | null {
    return this.extra === null ? null : this.extra.vmOps;
  }

  set vmOps(value: VmOperations | null) {
    if (value !== null) this.needExtra().vmOps = value;
    else if (this.extra !== null) this.extra.vmOps = null;
  }

  /** Its node in the file's i_mmap. */
  get iMmapNode(): IntervalNode<Vma> | null {
    return this.extra === null ? null : this.extra.iMmapNode;
  }

  set iMmapNode(value: IntervalNode<Vma> | null) {
    if (value !== null) this.needExtra().iMmapNode = value;
    else if (this.extra !== null) this.extra.iMmapNode = null;
  }

  /** Private data of its driver. */
  get vmPrivateData(): unknown {
    return this.extra === null ? null : this.extra.vmPrivateData;
  }

  set vmPrivateData(value: unknown) {
    if (value !== null) this.needExtra().vmPrivateData = value;
    else if (this.extra !== null) this.extra.vmPrivateData = null;
  }

  /** Name of anonymous memory: a user address (4.4) or a text (6.1); null for none. */
  get anonName(): number | string | null {
    return this.extra === null ? null : this.extra.anonName;
  }

  set anonName(value: number | string | null) {
    if (value !== null) this.needExtra().anonName = value;
    else if (this.extra !== null) this.extra.anonName = null;
  }

  /** Identity of the userfaultfd that the VMA is registered with. */
  get userfaultCtx(): UserfaultContext | null {
    return this.extra === null ? null : this.extra.userfaultCtx;
  }

  set userfaultCtx(value: UserfaultContext | null) {
    if (value !== null) this.needExtra().userfaultCtx = value;
    else if (this.extra !== null) this.extra.userfaultCtx = null;
  }

  /** Memory policy identity. */
  get vmPolicy(): object | null {
    return this.extra === null ? null : this.extra.vmPolicy;
  }

  set vmPolicy(value: object | null) {
    if (value !== null) this.needExtra().vmPolicy = value;
    else if (this.extra !== null) this.extra.vmPolicy = null;
  }

  /** VM_HIGH_ bits, int32: the flags that the kernel keeps above bit 31. */
  get vmFlagsHigh(): number {
    return this.extra === null ? 0 : this.extra.vmFlagsHigh;
  }

  set vmFlagsHigh(value: number) {
    if (value !== 0) this.needExtra().vmFlagsHigh = value;
    else if (this.extra !== null) this.extra.vmFlagsHigh = 0;
  }

  private needExtra(): VmaExtra {
    this.extra ??= new VmaExtra();
    this.own();
    return this.extra;
  }

  /** Copies from `from` to a fresh VMA what plain memory does not have, except its node in the file's i_mmap. */
  copyExtra(from: Vma): void {
    if (from.extra === null) return;
    this.vmOps = from.vmOps;
    this.vmPrivateData = from.vmPrivateData;
    this.anonName = from.anonName;
    this.userfaultCtx = from.userfaultCtx;
    this.vmPolicy = from.vmPolicy;
    this.vmFlagsHigh = from.vmFlagsHigh;
  }

  /** Resets every reference, for the next use of the record. */
  clear(): void {
    this.file = null;
    this.ownAnonVma = null;
    this.chain = null;
    this.nextRemoved = null;
    const extra = this.extra;
    if (extra === null) return;
    extra.vmOps = null;
    extra.iMmapNode = null;
    extra.vmPrivateData = null;
    extra.anonName = null;
    extra.userfaultCtx = null;
    extra.vmPolicy = null;
    extra.vmFlagsHigh = 0;
  }
}

/**
 * Returns the number of pages of a VMA.
 *
 * @param pageSize bytes of a page
 */
export function vmaPages(vma: Vma, pageSize: number): number {
  return (vma.vmEnd - vma.vmStart) / pageSize;
}

/** Returns the bytes of a page of a hugetlb VMA. */
export function vmaHugePageSize(vma: Vma): number {
  const size = vma.vmFile === null ? 0 : vma.vmFile.hugePageSize;
  if (size !== 0) return size;
  return vma.vmOps !== null && vma.vmOps.pageSize !== null ? vma.vmOps.pageSize(vma) : vma.vmMm.system.arch.pmdSize;
}
