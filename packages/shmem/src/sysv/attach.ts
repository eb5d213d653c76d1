/**
 * The file and the operations of an attached segment: each shmat opens the segment's memory once more, and each VMA of it
 * counts in `nattch`.
 *
 * Mirrors shm_file_operations and shm_vm_ops of ipc/shm.c.
 */
import {
  refuse,
  VM_FAULT_SIGBUS,
  VmOperations,
  type Caller,
  type Vma,
  type VmFile,
  type VmOperationsInit,
} from '@vmarea/mm-core';
import { allocFile, FileOperations, type File } from '@vmarea/vfs';
import type { ShmNamespace } from './namespace.ts';
import { SHM_REMOVED } from './reasons.ts';
import type { Segment } from './segment.ts';

/** struct shm_file_data: what the file of an attach refers to. */
interface Attach {
  readonly ns: ShmNamespace;
  readonly id: number;
  /** The segment's file; a reference. */
  readonly base: File;
  /** The operations of the memory's driver; null until it is mapped. */
  vmOps: VmOperations | null;
}

function attachOf(file: VmFile): Attach {
  return (file as VmFile & { private_: unknown }).private_ as Attach;
}

/** Returns the operations of the driver behind a VMA of a segment. */
function driverOf(vma: Vma): VmOperations | null {
  return attachOf(vma.vmFile!).vmOps;
}

/** shm_vm_ops. It has no map_pages: a read maps one page, not those around. */
const SHM_INIT: VmOperationsInit = {
  open(vma) {
    const { ns, id, vmOps } = attachOf(vma.vmFile!);
    vmOps?.open?.(vma);
    ns.opened(ns.segmentOf(id)!);
  },
  close(vma) {
    const { ns, id, vmOps } = attachOf(vma.vmFile!);
    vmOps?.close?.(vma);
    ns.closed(ns.segmentOf(id)!);
  },
  fault(vma, vmf) {
    return driverOf(vma)?.fault?.(vma, vmf) ?? VM_FAULT_SIGBUS;
  },
  maySplit(vma, addr) {
    return driverOf(vma)?.maySplit?.(vma, addr) ?? 0;
  },
  pageSize(vma) {
    return driverOf(vma)?.pageSize?.(vma) ?? vma.vmMm.system.pageSize;
  },
};

/** The operations of segments with huge pages, and of others, whose memory keeps allocation tags. */
export const shmVmOps: VmOperations = new VmOperations(SHM_INIT);
const taggableShmVmOps: VmOperations = new VmOperations({ ...SHM_INIT, mayTag: true });

/**
 * shm_mmap: counts the mapping and maps the memory.
 *
 * remap_file_pages maps the file of a VMA again, which it has just unmapped: the segment may have gone with that.
 *
 * @returns 0; -EINVAL or -EIDRM when the segment was removed; or an errno of the memory's driver
 */
function shmMmap(cur: Caller, file: File, vma: Vma): number {
  const attach = attachOf(file);
  const { ns, id, base } = attach;
  const segment = ns.segmentOf(id);
  if (segment?.file !== base) return refuse(cur, SHM_REMOVED, ns.staleErrno(segment === null));
  ns.opened(segment);
  const error = base.fOp.mmap!(cur, base, vma);
  if (error !== 0) {
    ns.closed(segment);
    return error;
  }
  attach.vmOps = vma.vmOps;
  vma.vmOps = attach.vmOps?.mayTag === true ? taggableShmVmOps : shmVmOps;
  return 0;
}

function shmRelease(file: File): void {
  attachOf(file).base.fput();
}

/** The operations without a search for addresses: the memory's driver has none. */
const plainOperations = new FileOperations({
  mmap: shmMmap,
  fsync: (file, start, end, datasync) => attachOf(file).base.fOp.fsync?.(file, start, end, datasync) ?? 0,
  fallocate: (file, mode, offset, len) => attachOf(file).base.fOp.fallocate!(file, mode, offset, len),
  llseek: () => 0,
  release: (_inode, file) => shmRelease(file),
});

/** shm_file_operations_huge: huge pages choose their addresses. */
const hugeOperations = new FileOperations({
  mmap: shmMmap,
  getUnmappedArea: (cur, file, addr, len, pgoff, flags) => {
    const { base } = attachOf(file);
    return base.fOp.getUnmappedArea!(cur, base, addr, len, pgoff, flags);
  },
  fsync: (file, start, end, datasync) => attachOf(file).base.fOp.fsync?.(file, start, end, datasync) ?? 0,
  fallocate: (file, mode, offset, len) => attachOf(file).base.fOp.fallocate!(file, mode, offset, len),
  llseek: () => 0,
  release: (_inode, file) => shmRelease(file),
});

/**
 * alloc_file_clone: opens the memory of a segment for one attach.
 *
 * @param flags O_RDONLY or O_RDWR
 * @returns a file with one reference
 */
export function attachFile(ns: ShmNamespace, segment: Segment, flags: number): File {
  const base = segment.file.getFile();
  const operations = base.fOp.getUnmappedArea === null ? plainOperations : hugeOperations;
  const file = allocFile(null, base.dentry, base.fInode, flags, operations);
  const attach: Attach = { ns, id: segment.id, base, vmOps: null };
  file.private_ = attach;
  return file;
}

/** Returns whether a VMA maps a segment. */
export function isShmVma(vma: Vma): boolean {
  return vma.vmOps === shmVmOps || vma.vmOps === taggableShmVmOps;
}
