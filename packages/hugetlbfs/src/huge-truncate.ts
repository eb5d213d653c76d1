/**
 * Removes huge pages from a file and from its mappings: truncation and punched holes.
 *
 * Mirrors hugetlb_vmdelete_list and hugetlb_vmtruncate of fs/hugetlbfs/inode.c.
 */
import type { HugeInode } from './huge-inode.ts';
import { unmapHugepageRange } from './huge-range.ts';

/**
 * hugetlb_vmdelete_list: unmaps [startPage, endPage) of the file from every mapping, including private copies.
 *
 * @param startPage in pages of the machine
 * @param endPage Infinity: to the end
 */
export function hugetlbVmdeleteList(info: HugeInode, startPage: number, endPage: number): void {
  const tree = info.inode.iMapping.iMmap;
  const { pageSize } = info.h.system;
  const last = endPage - 1;
  for (let node = tree.firstOverlap(startPage, last); node !== null; node = tree.nextOverlap(node, startPage, last)) {
    const vma = node.item;
    const from = Math.max(vma.vmStart, vma.vmStart + (startPage - vma.vmPgoff) * pageSize);
    const to = Math.min(vma.vmEnd, vma.vmStart + (endPage - vma.vmPgoff) * pageSize);
    unmapHugepageRange(vma, from, to, -1);
  }
}

/** hugetlb_vmtruncate: sets the size in bytes, a multiple of the huge page size. */
export function hugetlbVmtruncate(info: HugeInode, size: number): void {
  info.inode.iSize = size;
  hugetlbVmdeleteList(info, size / info.h.system.pageSize, Infinity);
  info.removePages(size / info.h.size, Infinity);
}
