/**
 * Ready-made operations for a filesystem with ordinary page-cache files.
 *
 * A driver gives `AddressSpaceOperations` and calls {@link attachPageCache} for each regular file; its operation tables are
 * then {@link genericFileOperations} and {@link simpleSetattr}, or built from the functions here. On a machine without memory
 * files have a size and can be mapped, but have no contents: reads give zeroes, and written data is lost.
 * Mirrors mm/filemap.c's generic_file_* and fs/libfs.c.
 */
import { EINVAL, S_IFMT } from '@vmarea/uapi';
import type { Caller, MmSystem, Vma, VmFile, VmOperations } from '@vmarea/mm-core';
import {
  AddressSpace,
  genericFileMmap as mapPageCache,
  genericFileVmOps,
  type AddressSpaceOperations,
  type MemoryCore,
} from '@vmarea/mm-core/memory';
import { inodeNewsizeOk } from './names/attr.ts';
import { FileOperations, type Attributes } from './files/operations.ts';
import type { File } from './files/file.ts';
import type { IoVec } from './files/iovec.ts';
import type { Inode } from './names/inode.ts';

/** Returns the machine's memory, or null when it has none. */
export function memoryOf(system: MmSystem): MemoryCore | null {
  const memory = system.memory as object;
  return 'frames' in memory ? (memory as MemoryCore) : null;
}

/** Gives a file its page cache. Without memory the file has no contents. */
export function attachPageCache(inode: Inode, aOps: AddressSpaceOperations): void {
  const core = memoryOf(inode.system);
  if (core === null) return;
  const pages = new AddressSpace(core, inode, aOps);
  inode.iPages = pages;
  inode.iMapping = pages;
}

/** generic_file_read_iter: reads bytes up to the end of the file. */
export function genericFileRead(_cur: Caller, file: File, iov: IoVec, pos: number): number {
  const { bytes, offset, length } = iov;
  const inode = file.fInode;
  const count = Math.min(length, inode.iSize - pos);
  if (length > count && inode.iPages !== null) cachePageAtEnd(inode, inode.iPages, pos);
  if (count <= 0) return 0;
  inode.iAtime = inode.iSb.now();
  if (inode.iPages !== null) return inode.iPages.read(pos, bytes, offset, count);
  bytes.fill(0, offset, offset + count);
  return count;
}

/**
 * do_generic_file_read of 4.4 compares with the size of the file only when it has the page: reading to the end of a file or
 * behind it adds a page to the cache, which st_blocks of ramfs counts. Not done for files with storage: their drivers are never
 * called for pages behind the end.
 */
function cachePageAtEnd(inode: Inode, pages: AddressSpace, pos: number): void {
  if (!inode.system.profile.files.readCachesPageAtEnd || !pages.aOps.zeroFill || pages.aOps.readSkipsHoles) return;
  const pfn = pages.getOrRead(Math.floor(Math.max(pos, inode.iSize) / inode.system.pageSize));
  if (pfn >= 0) pages.frames.put(pfn);
}

/** generic_file_write_iter: writes bytes, and extends the file as needed. */
export function genericFileWrite(_cur: Caller, file: File, iov: IoVec, pos: number): number {
  const { bytes, offset, length } = iov;
  const inode = file.fInode;
  const count = inode.iPages === null ? length : inode.iPages.write(pos, bytes, offset, length);
  if (count <= 0) return count;
  if (pos + count > inode.iSize) inode.iSize = pos + count;
  const now = inode.iSb.now();
  inode.iMtime = now;
  inode.iCtime = now;
  return count;
}

/**
 * generic_file_mmap: makes a page-cache file mappable. Returns 0, or -ENOEXEC when its pages cannot be read.
 *
 * On a machine without memory every file can be mapped, since nothing is read.
 */
export function genericFileMmap(cur: Caller, file: VmFile, vma: Vma): number {
  return mapWith(cur, file, vma, genericFileVmOps);
}

/** {@link genericFileMmap} with the driver's own VM operations. */
export function mapWith(cur: Caller, file: VmFile, vma: Vma, vmOps: VmOperations): number {
  if (memoryOf(cur.mm.system) !== null) {
    const error = mapPageCache(cur, file, vma);
    if (error < 0) return error;
  }
  vma.vmOps = vmOps;
  return 0;
}

/** truncate_setsize: sets the size; removes pages behind it from the cache and from every mapping. */
export function truncateSetsize(inode: Inode, size: number): void {
  if (inode.iPages !== null) inode.iPages.truncate(size);
  else inode.iSize = size;
}

/** truncate_inode_pages_final: removes all pages of an inode that is freed. */
export function evictPages(inode: Inode): void {
  if (inode.iPages !== null) inode.iPages.evict();
}

/** setattr_copy: sets mode and owner. */
export function setattrCopy(inode: Inode, attributes: Attributes): void {
  if (attributes.mode !== undefined) inode.iMode = (inode.iMode & S_IFMT) | (attributes.mode & ~S_IFMT);
  if (attributes.uid !== undefined) inode.iUid = attributes.uid;
  if (attributes.gid !== undefined) inode.iGid = attributes.gid;
  inode.iCtime = inode.iSb.now();
}

/** simple_setattr: sets size, mode and owner, without storage. */
export function simpleSetattr(cur: Caller, inode: Inode, attributes: Attributes): number {
  if (attributes.size !== undefined) {
    if (attributes.size < 0) return -EINVAL;
    const error = inodeNewsizeOk(cur, inode, attributes.size);
    if (error < 0) return error;
    truncateSetsize(inode, attributes.size);
  }
  setattrCopy(inode, attributes);
  return 0;
}

/** generic_file_fsync: writes dirty pages of the range to storage. */
export function genericFileFsync(file: File, start: number, end: number): number {
  const pages = file.fInode.iPages;
  return pages === null ? 0 : pages.writeback(start, end, true);
}

/** noop_fsync: does nothing, for filesystems without storage. */
export function noopFsync(): number {
  return 0;
}

/** Returns the 512-byte blocks of the cached pages: st_blocks of a filesystem without storage. */
export function cachedBlocks(inode: Inode): number {
  return inode.iPages === null ? 0 : inode.iPages.nrPages * (inode.system.pageSize / 512);
}

/** The operations of a plain page-cache file with storage. */
export const genericFileOperations: FileOperations = new FileOperations({
  read: genericFileRead,
  write: genericFileWrite,
  mmap: genericFileMmap,
  fsync: genericFileFsync,
});
