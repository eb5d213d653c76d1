/**
 * Operations of hugetlbfs files: mmap, address search, read, fallocate, truncate. There is no write(2).
 *
 * Mirrors fs/hugetlbfs/inode.c and hugetlb_vm_ops.
 */
import {
  EINVAL,
  EISDIR,
  ENOMEM,
  EOPNOTSUPP,
  EPERM,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MAP_FIXED,
  S_ISREG,
} from '@vmarea/uapi';
import {
  BEYOND_END,
  findVma,
  refuse,
  VM_DONTEXPAND,
  VM_HUGETLB,
  VM_MAYWRITE,
  VM_SHARED,
  VM_WRITE,
  vmStartGap,
  vmUnmappedArea,
  vmUnmappedWindow,
  VmOperations,
  type Caller,
  type Vma,
} from '@vmarea/mm-core';
import {
  FileOperations,
  InodeOperations,
  inodeNewsizeOk,
  memoryOf,
  noopFsync,
  setattrCopy,
  type Attributes,
  type File,
  type IoVec,
  type Inode,
} from '@vmarea/vfs';
import { clearHugePage } from './huge-contents.ts';
import { hugeInode, type HugeInode } from './huge-inode.ts';
import { hugetlbVmdeleteList, hugetlbVmtruncate } from './huge-truncate.ts';
import {
  HUGETLB_LENGTH_TOO_LONG,
  HUGETLB_LENGTH_UNALIGNED,
  HUGETLB_OFFSET_OVERFLOW,
  HUGETLB_OFFSET_UNALIGNED,
  HUGETLB_RESERVE_EXHAUSTED,
  HUGETLB_SEALED_WRITE,
} from './reasons.ts';
import { allocHugePage, hugetlbReservePages, hugetlbVmClose, inodeOf, type HugePageGrant } from './vma-resv.ts';

/** hugetlb_vm_ops. A VMA with `close` never merges. */
export const hugetlbVmOps: VmOperations = new VmOperations({
  close: hugetlbVmClose,
  maySplit: (vma, addr) => (addr % inodeOf(vma).h.size === 0 ? 0 : -EINVAL),
  pageSize: (vma) => inodeOf(vma).h.size,
  userfault: {
    find(vma, pgoff) {
      const { h, inode, pages } = inodeOf(vma);
      const index = Math.floor(pgoff / h.pagesPerHugePage);
      return index >= Math.floor(inode.iSize / h.size) ? BEYOND_END : (pages.get(index) ?? -1);
    },
    // Huge pages are brought in by a fault.
    get: () => -ENOMEM,
  },
});

const SEALS_AGAINST_WRITE = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;

function hugetlbfsFileMmap(cur: Caller, file: File, vma: Vma): number {
  const inode = file.fInode;
  const info = hugeInode(inode);
  const { h, rules } = info;
  vma.vmFlags |= VM_HUGETLB | VM_DONTEXPAND;
  vma.vmOps = hugetlbVmOps;
  if ((info.seals & SEALS_AGAINST_WRITE) !== 0 && (vma.vmFlags & VM_SHARED) !== 0) {
    if ((vma.vmFlags & VM_WRITE) !== 0) return refuse(cur, HUGETLB_SEALED_WRITE, -EPERM);
    vma.vmFlags &= ~VM_MAYWRITE;
  }
  const start = vma.vmPgoff * h.system.pageSize;
  const len = vma.vmEnd - vma.vmStart + start;
  if (rules.checksOffsetOverflow && len >= 2 ** 63) return refuse(cur, HUGETLB_OFFSET_OVERFLOW, -EINVAL);
  if (vma.vmPgoff % h.pagesPerHugePage !== 0) return refuse(cur, HUGETLB_OFFSET_UNALIGNED, -EINVAL);
  const from = vma.vmPgoff / h.pagesPerHugePage;
  const to = Math.floor(len / h.size);
  if (hugetlbReservePages(info, from, to, vma, vma.vmFlags) < 0) {
    return refuse(cur, HUGETLB_RESERVE_EXHAUSTED, -ENOMEM);
  }
  if ((vma.vmFlags & VM_WRITE) !== 0 && inode.iSize < len) inode.iSize = len;
  return 0;
}

/** hugetlb_get_unmapped_area. The parameters are those of f_op.get_unmapped_area. */
function hugetlbGetUnmappedArea(
  cur: Caller,
  file: File,
  addr: number,
  len: number,
  _pgoff: number,
  flags: number,
): number {
  const { mm } = cur;
  const { h, rules } = hugeInode(file.fInode);
  if (len % h.size !== 0) return refuse(cur, HUGETLB_LENGTH_UNALIGNED, -EINVAL);
  if (len > mm.taskSize) return refuse(cur, HUGETLB_LENGTH_TOO_LONG, -ENOMEM);
  if ((flags & MAP_FIXED) !== 0) {
    return addr % h.size === 0 ? addr : refuse(cur, HUGETLB_LENGTH_UNALIGNED, -EINVAL);
  }
  const { hugeHintRoundsDown, mapWindow, map32Bit } = mm.system.arch;
  const asOthers = mm.system.profile.hugetlb.searchesAsOthers;
  const window = asOthers && map32Bit !== null && (flags & map32Bit.flag) !== 0 ? map32Bit : null;
  if (addr !== 0) {
    // A hint just below 2^64 is rounded up to 0, and used when nothing is mapped there.
    const down = hugeHintRoundsDown && !asOthers;
    const hint = down ? Math.floor(addr / h.size) * h.size : Math.ceil(addr / h.size) * h.size + 0;
    const end = hint > mapWindow ? mm.taskSize : mapWindow;
    if (hint >= 0 && hint + len <= (window === null ? end : window.end)) {
      const vma = findVma(mm, hint);
      if (vma === null || hint + len <= vmStartGap(mm, vma)) return hint;
    }
  }
  const alignMask = h.size - mm.system.pageSize;
  if (window !== null) return vmUnmappedWindow(cur, len, window, alignMask);
  return vmUnmappedArea(cur, len, addr, !rules.bottomUp && !mm.mmapLegacy, alignMask);
}

/** hugetlbfs_read_iter: reads pages of the file, and zeroes for absent ones. */
function hugetlbfsRead(_cur: Caller, file: File, iov: IoVec, pos: number): number {
  const { bytes: target, offset, length } = iov;
  const info = hugeInode(file.fInode);
  const { h } = info;
  const core = memoryOf(h.system);
  const total = Math.min(length, file.fInode.iSize - pos);
  if (total <= 0) return 0;
  const { pageSize } = h.system;
  for (let done = 0; done < total;) {
    const at = pos + done;
    const inPage = at % pageSize;
    const part = Math.min(pageSize - inPage, total - done);
    const page = info.pages.get(Math.floor(at / h.size));
    if (page === undefined || core === null) target.fill(0, offset + done, offset + done + part);
    else {
      const pfn = page + Math.floor((at % h.size) / pageSize);
      core.physical.readBytes(pfn, inPage, target, offset + done, part);
    }
    done += part;
  }
  return total;
}

/** hugetlbfs_fallocate: adds huge pages, or punches whole ones out. */
function hugetlbfsFallocate(file: File, mode: number, offset: number, len: number): number {
  const inode = file.fInode;
  const info = hugeInode(inode);
  const { h } = info;
  if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -EOPNOTSUPP;
  if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) return punchHole(info, offset, len);
  if (file.lastCaller !== null) {
    const error = inodeNewsizeOk(file.lastCaller, inode, offset + len);
    if (error < 0) return error;
  }
  if ((info.seals & F_SEAL_GROW) !== 0 && offset + len > inode.iSize) return -EPERM;
  const end = Math.ceil((offset + len) / h.size);
  const core = memoryOf(h.system);
  for (let index = Math.floor(offset / h.size); index < end; index++) {
    if (info.pages.has(index)) continue;
    const grant: HugePageGrant = { pfn: -1, reserved: false };
    const pfn = allocHugePage({ info, index, shared: true, noreserve: false, map: null }, false, grant);
    // Pages allocated before the error stay.
    if (pfn < 0) return pfn;
    if (core !== null) clearHugePage(core.physical, pfn, h.pagesPerHugePage);
    info.addPage(index, pfn);
    h.put(pfn);
  }
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && offset + len > inode.iSize) inode.iSize = offset + len;
  return 0;
}

function punchHole(info: HugeInode, offset: number, len: number): number {
  const { h } = info;
  if ((info.seals & SEALS_AGAINST_WRITE) !== 0) return -EPERM;
  const start = Math.ceil(offset / h.size) * h.size;
  const end = Math.floor((offset + len) / h.size) * h.size;
  if (info.rules.zeroesPartialPages) {
    if (start > offset) zeroPart(info, offset, Math.min(start, offset + len));
    if (offset + len > Math.max(end, start)) zeroPart(info, Math.max(end, start), offset + len);
  }
  if (end > start) {
    hugetlbVmdeleteList(info, start / h.system.pageSize, end / h.system.pageSize);
    info.removePages(start / h.size, end / h.size);
  }
  return 0;
}

/** hugetlbfs_zero_partial_page: zeroes bytes [from, to) within one huge page, if the file has it. */
function zeroPart(info: HugeInode, from: number, to: number): void {
  const { h } = info;
  const core = memoryOf(h.system);
  const page = info.pages.get(Math.floor(from / h.size));
  if (core === null || page === undefined || to <= from) return;
  const at = from % h.size;
  core.physical.fillBytes(page + Math.floor(at / h.system.pageSize), at % h.system.pageSize, to - from, 0);
}

/** hugetlbfs_file_operations. */
export const hugetlbfsFileOperations: FileOperations = new FileOperations({
  mmap: hugetlbfsFileMmap,
  getUnmappedArea: hugetlbGetUnmappedArea,
  read: hugetlbfsRead,
  fsync: noopFsync,
  fallocate: hugetlbfsFallocate,
});

function hugetlbfsSetattr(cur: Caller, inode: Inode, attributes: Attributes): number {
  const size = attributes.size;
  if (size !== undefined) {
    if (!S_ISREG(inode.iMode)) return -EISDIR;
    const error = inodeNewsizeOk(cur, inode, size);
    if (error < 0) return error;
    const info = hugeInode(inode);
    if (size % info.h.size !== 0) return -EINVAL;
    if (size < inode.iSize && (info.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
    if (size > inode.iSize && (info.seals & F_SEAL_GROW) !== 0) return -EPERM;
    hugetlbVmtruncate(info, size);
  }
  setattrCopy(inode, attributes);
  return 0;
}

/** hugetlbfs_inode_operations. */
export const hugetlbfsInodeOperations: InodeOperations = new InodeOperations({ setattr: hugetlbfsSetattr });
