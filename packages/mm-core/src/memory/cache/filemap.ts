/**
 * Faults on files with pages in the page cache, and the mmap operation of such files. Mirrors filemap_fault,
 * filemap_map_pages, filemap_page_mkwrite and generic_file_mmap of mm/filemap.c.
 */
import { EINVAL, ENOEXEC, ENOMEM } from '@vmarea/uapi';
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import {
  VM_FAULT_MAJOR,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_RETRY,
  VM_FAULT_SIGBUS,
  type FaultInfo,
} from '../../space/fault-info.ts';
import type { VmFile } from '../../ports/file.ts';
import { VmOperations } from '../../ports/vm-operations.ts';
import { VM_MAYWRITE, VM_SHARED } from '../../base/flags.ts';
import type { Vma } from '../../areas/vma.ts';
import { addressSpaceOf } from './address-space.ts';
import { PG_UPTODATE, PG_WAITERS } from '../frames/flags.ts';

/**
 * filemap_fault: finds or reads the page of `vmf.pgoff`.
 *
 * A fault that must wait returns VM_FAULT_RETRY and is not counted; after the wait, the first fault that finds the page
 * returns VM_FAULT_MAJOR.
 *
 * @returns 0 or VM_FAULT_MAJOR with the frame, referenced, in `vmf.page`; VM_FAULT_SIGBUS beyond the end of the file or
 *   after an error of the storage; VM_FAULT_OOM; VM_FAULT_RETRY
 */
export function filemapFault(vma: Vma, vmf: FaultInfo): number {
  const mapping = addressSpaceOf(vma.vmFile!);
  if (mapping === null || vmf.pgoff * mapping.core.system.pageSize >= mapping.host.iSize) return VM_FAULT_SIGBUS;
  const pfn = mapping.getOrRead(vmf.pgoff);
  if (pfn < 0) {
    if (mapping.lastError === RETRY) return VM_FAULT_RETRY;
    return mapping.lastError === -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
  }
  vmf.page = pfn;
  return mapping.lastMajor ? VM_FAULT_MAJOR : 0;
}

/** filemap_map_pages for one page: returns the frame, referenced, if it is cached, up to date and within the file; else -1. */
export function filemapMapPage(vma: Vma, pgoff: number): number {
  const mapping = addressSpaceOf(vma.vmFile!);
  if (mapping === null) return -1;
  const pfn = mapping.find(pgoff);
  if (pfn < 0 || pgoff * mapping.core.system.pageSize >= mapping.host.iSize) return -1;
  if ((mapping.frames.flags[pfn]! & (PG_UPTODATE | PG_WAITERS)) !== PG_UPTODATE) return -1;
  mapping.frames.get(pfn);
  return pfn;
}

/** filemap_page_mkwrite: marks the page dirty. Returns VM_FAULT_NOPAGE when the page has left the file in the meantime. */
export function filemapPageMkwrite(vma: Vma, vmf: FaultInfo): number {
  const mapping = addressSpaceOf(vma.vmFile!);
  if (mapping === null) return VM_FAULT_SIGBUS;
  if (mapping.find(vmf.pgoff) !== vmf.page) return VM_FAULT_NOPAGE;
  mapping.setDirty(vmf.pgoff);
  return 0;
}

/** generic_file_vm_ops. */
export const genericFileVmOps: VmOperations = new VmOperations({
  fault: filemapFault,
  mapPage: filemapMapPage,
  pageMkwrite: filemapPageMkwrite,
});

/** generic_file_mmap: returns 0, or -ENOEXEC when the file's pages cannot be read. */
export function genericFileMmap(_cur: Caller, file: VmFile, vma: Vma): number {
  const mapping = addressSpaceOf(file);
  if (mapping === null || (mapping.aOps.readPage === null && !mapping.aOps.zeroFill)) return -ENOEXEC;
  vma.vmOps = genericFileVmOps;
  return 0;
}

/** generic_file_readonly_mmap: {@link genericFileMmap} that returns -EINVAL for a mapping that could become shared writable. */
export function genericFileReadonlyMmap(cur: Caller, file: VmFile, vma: Vma): number {
  if ((vma.vmFlags & VM_SHARED) !== 0 && (vma.vmFlags & VM_MAYWRITE) !== 0) return -EINVAL;
  return genericFileMmap(cur, file, vma);
}
