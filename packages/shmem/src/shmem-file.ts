/**
 * Operations of shared memory files: reading, writing, mapping, faults, allocation, truncation.
 *
 * Mirrors shmem_file_operations, shmem_vm_ops and shmem_inode_operations of mm/shmem.c.
 */
import {
  EINVAL,
  ENOMEM,
  ENOSPC,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  F_SEAL_GROW,
  F_SEAL_SHRINK,
  SEEK_DATA,
  SEEK_HOLE,
} from '@vmarea/uapi';
import {
  BEYOND_END,
  refuse,
  S_APPEND,
  securityVmEnoughMemoryMm,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
  vmUnacctMemory,
  VmOperations,
  type Caller,
  type FaultInfo,
  type UserfaultOperations,
  type Vma,
} from '@vmarea/mm-core';
import { filemapMapPage } from '@vmarea/mm-core/memory';
import {
  FileOperations,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  genericFileLlseek,
  genericFileRead,
  genericFileWrite,
  iovHead,
  InodeOperations,
  inodeNewsizeOk,
  mapWith,
  noopFsync,
  S_IMMUTABLE,
  setattrCopy,
  type Attributes,
  type File,
  type IoVec,
  type Inode,
} from '@vmarea/vfs';
import { SHMEM_SEALED_WRITE } from './reasons.ts';
import { SEALS_AGAINST_WRITE, sealCheckMmap } from './seals.ts';
import { pagesOf, shmemInfo } from './shmem-inode.ts';

/** shmem_fault: finds the page, or adds it; never a major fault, since there is no swap. */
function shmemFault(vma: Vma, vmf: FaultInfo): number {
  const info = shmemInfo(vma.vmFile!.fInode);
  const { inode } = info;
  const pages = inode.iPages;
  if (pages === null || vmf.pgoff >= pagesOf(inode.system, inode.iSize)) return VM_FAULT_SIGBUS;
  info.charger = vmf.cur;
  const pfn = pages.getOrRead(vmf.pgoff);
  info.charger = null;
  if (pfn < 0) return pages.lastError === -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
  vmf.page = pfn;
  return 0;
}

/** What userfaultfd needs: shmem_get_folio with SGP_NOALLOC, and the page that shmem_mfill_atomic_pte adds. */
const shmemUserfault: UserfaultOperations = {
  find(vma, pgoff) {
    const { inode } = shmemInfo(vma.vmFile!.fInode);
    if (inode.iPages === null || pgoff >= pagesOf(inode.system, inode.iSize)) return BEYOND_END;
    return inode.iPages.find(pgoff);
  },
  get(cur, vma, pgoff) {
    const info = shmemInfo(vma.vmFile!.fInode);
    const pages = info.inode.iPages!;
    info.charger = cur;
    const pfn = pages.getOrRead(pgoff);
    info.charger = null;
    return pfn < 0 ? pages.lastError : pfn;
  },
};

/** shmem_vm_ops: without page_mkwrite, since nothing is written back. */
export const shmemVmOps: VmOperations = new VmOperations({
  fault: shmemFault,
  mapPage: filemapMapPage,
  userfault: shmemUserfault,
  mayTag: true,
});
/** {@link shmemVmOps} of memory that a driver mapped in place of its file. */
export const shmemZeroVmOps: VmOperations = new VmOperations({
  fault: shmemFault,
  mapPage: filemapMapPage,
  userfault: shmemUserfault,
});

function shmemMmap(cur: Caller, file: File, vma: Vma): number {
  const error = sealCheckMmap(shmemInfo(file.fInode).seals, vma);
  if (error < 0) return refuse(cur, SHMEM_SEALED_WRITE, error);
  return mapWith(cur, file, vma, shmemVmOps);
}

function shmemWrite(cur: Caller, file: File, iov: IoVec, pos: number): number {
  const inode = file.fInode;
  const info = shmemInfo(inode);
  let count = iov.length;
  if ((info.seals & SEALS_AGAINST_WRITE) !== 0) return -EPERM;
  if ((info.seals & F_SEAL_GROW) !== 0 && pos + count > inode.iSize) {
    // Seals are checked page by page: the part within the file's whole pages is written, the rest is refused.
    const whole = inode.iSize - (inode.iSize & inode.system.pageMask);
    count = whole - pos;
    if (count <= 0) return -EPERM;
  }
  info.charger = cur;
  const done = genericFileWrite(cur, file, iovHead(iov, count), pos);
  info.charger = null;
  return done;
}

/** shmem_fallocate: allocates, or punches a hole. */
function shmemFallocate(file: File, mode: number, offset: number, len: number): number {
  const inode = file.fInode;
  const info = shmemInfo(inode);
  if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)) !== 0) return -EOPNOTSUPP;
  if ((mode & FALLOC_FL_PUNCH_HOLE) !== 0) {
    if ((info.seals & SEALS_AGAINST_WRITE) !== 0) return -EPERM;
    if (inode.iPages !== null) inode.iPages.punchHole(offset, offset + len);
    return 0;
  }
  const cur = file.lastCaller;
  if (cur !== null) {
    const error = inodeNewsizeOk(cur, inode, offset + len);
    if (error < 0) return error;
  }
  if ((info.seals & F_SEAL_GROW) !== 0 && offset + len > inode.iSize) return -EPERM;
  const start = Math.floor(offset / inode.system.pageSize);
  const end = pagesOf(inode.system, offset + len);
  if (end - start > info.sbinfo.maxBlocks) return -ENOSPC;
  info.charger = cur;
  const error = allocateRange(inode, start, end);
  info.charger = null;
  if (error < 0) return error;
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && offset + len > inode.iSize) inode.iSize = offset + len;
  return 0;
}

/**
 * Adds pages [start, end) as dirty; removes them again on failure. New pages are not up to date before their first use, so
 * mincore does not report them.
 */
function allocateRange(inode: Inode, start: number, end: number): number {
  const pages = inode.iPages;
  if (pages === null) return 0;
  const added: number[] = [];
  for (let index = start; index < end; index++) {
    if (pages.find(index) < 0) {
      const pfn = pages.allocPage(index);
      if (pfn < 0) {
        for (const one of added) pages.remove(one);
        return pfn;
      }
      pages.add(index, pfn);
      added.push(index);
    }
    pages.setDirty(index);
  }
  return 0;
}

/** shmem_file_llseek: absent pages are holes. */
function shmemLlseek(file: File, offset: number, whence: number): number {
  const inode = file.fInode;
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return genericFileLlseek(file, offset, whence, inode.iSize);
  if (offset < 0) return -EINVAL;
  if (offset >= inode.iSize) return -ENXIO;
  const { pageSize } = inode.system;
  const end = pagesOf(inode.system, inode.iSize);
  let index = Math.floor(offset / pageSize);
  if (whence === SEEK_DATA) {
    const found = inode.iPages === null ? -1 : inode.iPages.nextPresent(index);
    if (found < 0 || found >= end) return -ENXIO;
    return Math.max(offset, found * pageSize);
  }
  while (index < end && inode.iPages !== null && inode.iPages.find(index) >= 0) index++;
  return Math.min(Math.max(offset, index * pageSize), inode.iSize);
}

/** shmem_file_operations. */
export const shmemFileOperations: FileOperations = new FileOperations({
  read: genericFileRead,
  write: shmemWrite,
  mmap: shmemMmap,
  llseek: shmemLlseek,
  fsync: noopFsync,
  fallocate: shmemFallocate,
});

/** shmem_setattr: checks seals before a change of size; charges an object again that is charged as a whole. */
function shmemSetattr(cur: Caller, inode: Inode, attributes: Attributes): number {
  const size = attributes.size;
  if (size !== undefined) {
    let error = inodeNewsizeOk(cur, inode, size);
    if (error < 0) return error;
    const info = shmemInfo(inode);
    if (size < inode.iSize && (info.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
    if (size > inode.iSize && (info.seals & F_SEAL_GROW) !== 0) return -EPERM;
    if (!info.noreserve) {
      error = reacctSize(cur, inode, size);
      if (error < 0) return error;
    }
    // Keeps what a mapping has stored behind the old end when the file grows.
    if (size <= inode.iSize && inode.iPages !== null) inode.iPages.truncate(size);
    inode.iSize = size;
  }
  setattrCopy(inode, attributes);
  return 0;
}

function reacctSize(cur: Caller, inode: Inode, size: number): number {
  const more = pagesOf(inode.system, size) - pagesOf(inode.system, inode.iSize);
  if (more > 0) return securityVmEnoughMemoryMm(cur, more);
  vmUnacctMemory(inode.system, -more);
  return 0;
}

/** FS_NODUMP_FL, FS_NOATIME_FL: accepted without effect. */
const FS_HARMLESS_FL = 0x40 | 0x80;

function shmemSetFlags(_cur: Caller, inode: Inode, flags: number): number {
  if ((flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL | FS_HARMLESS_FL)) !== 0) return -EOPNOTSUPP;
  inode.iFlags &= ~(S_APPEND | S_IMMUTABLE);
  if ((flags & FS_APPEND_FL) !== 0) inode.iFlags |= S_APPEND;
  if ((flags & FS_IMMUTABLE_FL) !== 0) inode.iFlags |= S_IMMUTABLE;
  return 0;
}

/** Inode operations of a version without FS_IOC_SETFLAGS on tmpfs. */
const plainInodeOperations = new InodeOperations({ setattr: shmemSetattr });
const flagInodeOperations = new InodeOperations({ setattr: shmemSetattr, setFlags: shmemSetFlags });

/** shmem_inode_operations: returns those of the version. */
export function shmemInodeOperations(setflags: boolean): InodeOperations {
  return setflags ? flagInodeOperations : plainInodeOperations;
}
