/**
 * hugetlbfs's data of a file: its huge pages by index, and its reservations.
 *
 * The pages are counted in huge pages; mappings of the file (i_mmap) in pages of the machine.
 * Mirrors the inode half of fs/hugetlbfs/inode.c and hugetlb_unreserve_pages.
 */
import {
  EBUSY,
  EINVAL,
  EPERM,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  type HugetlbFacts,
} from '@vmarea/uapi';
import { mappingDenyWritable, type Caller, type VmInode } from '@vmarea/mm-core';
import { canWrite, type File, type Inode, type SealOperations } from '@vmarea/vfs';
import type { Hstate } from './hstate.ts';
import { RegionMap } from './region-map.ts';
import { subpoolPutPages, type Subpool } from './subpool.ts';

const ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;

/** A hugetlbfs file. */
export class HugeInode implements SealOperations {
  readonly inode: Inode;
  readonly h: Hstate;
  readonly spool: Subpool | null;
  readonly rules: HugetlbFacts;
  /** The pages that shared mappings have reserved, including faulted ones. */
  readonly resvMap: RegionMap = new RegionMap();
  /** The file's pages: first frames by huge page index. */
  readonly pages: Map<number, number> = new Map<number, number>();
  seals: number = F_SEAL_SEAL;

  constructor(inode: Inode, h: Hstate, spool: Subpool | null, rules: HugetlbFacts) {
    this.inode = inode;
    this.h = h;
    this.spool = spool;
    this.rules = rules;
  }

  addSeals(_cur: Caller, file: File, seals: number): number {
    if (!this.rules.seals) return -EINVAL;
    if (!canWrite(file)) return -EPERM;
    if ((seals & ~ALL_SEALS) !== 0) return -EINVAL;
    if ((this.seals & F_SEAL_SEAL) !== 0) return -EPERM;
    if ((seals & F_SEAL_WRITE) !== 0 && (this.seals & F_SEAL_WRITE) === 0) {
      if (mappingDenyWritable(file.fMapping) < 0) return -EBUSY;
    }
    this.seals |= seals;
    return 0;
  }

  getSeals(): number {
    return this.rules.seals ? this.seals : -EINVAL;
  }

  /** huge_add_to_page_cache: adds the page with a reference of the file. */
  addPage(index: number, pfn: number): void {
    this.h.get(pfn);
    this.pages.set(index, pfn);
    this.inode.iBlocks += this.h.size / 512;
  }

  /**
   * hugetlb_unreserve_pages: removes the reservations of [start, end), except those that the `freed` pages had used.
   *
   * @param end huge page index, Infinity for all
   */
  unreserve(start: number, end: number, freed: number): void {
    const change = this.resvMap.remove(start, end);
    this.inode.iBlocks -= (this.h.size / 512) * freed;
    this.h.acctMemory(-subpoolPutPages(this.spool, change - freed));
  }

  /** remove_inode_hugepages: removes huge pages [start, end), which are unmapped already; Infinity truncates. */
  removePages(start: number, end: number): void {
    const truncates = end === Infinity;
    const gone = [...this.pages.keys()].filter((index) => index >= start && index < end).sort((a, b) => a - b);
    for (const index of gone) {
      const pfn = this.pages.get(index)!;
      this.pages.delete(index);
      this.h.put(pfn);
      if (!truncates) this.unreserve(index, index + 1, 1);
    }
    if (truncates) this.unreserve(start, Infinity, gone.length);
  }
}

/** HUGETLBFS_I: returns the data of a regular file of this package. */
export function hugeInode(inode: VmInode): HugeInode {
  return (inode as VmInode & { iPrivate: unknown }).iPrivate as HugeInode;
}
