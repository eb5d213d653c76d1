/**
 * Port: huge pages.
 *
 * mm-core handles VMAs with larger pages, and calls this port for everything else about huge pages. `@vmarea/hugetlbfs`
 * implements it. Faults return VM_FAULT_ codes.
 */
import type { Caller } from '../space/caller.ts';
import type { FaultInfo } from '../space/fault-info.ts';
import type { Vma } from '../areas/vma.ts';
import type { VmFile } from './file.ts';
import type { Addr, Bytes, Pages, VmFlags } from '../base/units.ts';

/** struct hstate: one size of huge pages. */
export interface HugeState {
  /** Bytes. */
  readonly size: number;
}

/** HUGETLB_ANONHUGE_INODE and HUGETLB_SHMFS_INODE. */
export const HUGETLB_SHMFS_INODE = 1;
export const HUGETLB_ANONHUGE_INODE = 2;

/** The arguments of hugetlb_file_setup. */
export interface HugeFileSetup {
  readonly name: string;
  /** Bytes; whole huge pages. */
  readonly size: Bytes;
  /** VM_NORESERVE, or 0. */
  readonly vmFlags: VmFlags;
  /** HUGETLB_SHMFS_INODE or HUGETLB_ANONHUGE_INODE. */
  readonly kind: number;
  /** The size of a huge page is 2^log bytes; 0: the default one. */
  readonly log: number;
  /** Called when a segment's `pages` were counted against RLIMIT_MEMLOCK; whoever removes the segment uncounts them. */
  readonly locked?: ((pages: Pages) => void) | undefined;
}

export interface HugePages {
  /** hstate_sizelog: returns the hstate of 2^log bytes, the default one for 0; null when there is none. */
  hstateSizelog(log: number): HugeState | null;
  /** hugetlb_file_setup: returns a new file with one reference, or a negative errno. */
  fileSetup(cur: Caller, setup: HugeFileSetup): VmFile | number;
  /** hugetlb_total_pages: returns all huge pages, counted in the machine's pages. */
  totalPages(): number;
  /** hugetlb_fault on the huge page that contains `vmf.address`. Sets `vmf.reason` with an error. */
  fault(vma: Vma, vmf: FaultInfo): number;
  /** __unmap_hugepage_range. */
  unmapRange(vma: Vma, start: Addr, end: Addr): void;
  /** hugetlb_change_protection. */
  changeProtection(vma: Vma, start: Addr, end: Addr): void;
  /** copy_hugetlb_page_range: returns 0 or -ENOMEM. */
  copyPageRange(newVma: Vma, vma: Vma): number;
  /** move_hugetlb_page_tables: returns the bytes moved. */
  movePageTables(vma: Vma, oldAddr: Addr, newVma: Vma, newAddr: Addr, len: Bytes): number;
  /** reset_vma_resv_huge_pages / clear_vma_resv_huge_pages: removes the private reservation from the VMA. */
  clearReservation(vma: Vma): void;
}

/** Port: shared anonymous memory. */
export interface SharedMemory {
  /** shmem_zero_setup: gives the VMA a new unlinked file. Returns 0 or a negative errno. */
  zeroSetup(cur: Caller, vma: Vma): number;
}
