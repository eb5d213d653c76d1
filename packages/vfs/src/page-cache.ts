/**
 * The plain page-cache file: what a filesystem with ordinary pages needs, ready to use.
 *
 * A driver gives `AddressSpaceOperations` and calls {@link attachPageCache} for each regular file; its operation tables are
 * then {@link genericFileOperations} and {@link simpleSetattr}, or built from the functions here. On a machine without memory
 * files have a size and can be mapped, but no contents: reads give zeroes, and what is written is forgotten.
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

/** The machine's memory, or null when it runs without. */
export function memoryOf(system: MmSystem): MemoryCore | null {
  const memory = system.memory as object;
  return 'frames' in memory ? (memory as MemoryCore) : null;
}

/** Gives a file its page cache. Without memory it stays a file without contents. */
export function attachPageCache(inode: Inode, aOps: AddressSpaceOperations): void {
  const core = memoryOf(inode.system);
  if (core === null) return;
  const pages = new AddressSpace(core, inode, aOps);
  inode.iPages = pages;
  inode.iMapping = pages;
}

/** generic_file_read_iter: bytes up to the end of the file. */
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
 * do_generic_file_read of 4.4 looks at the size of the file only when it has the page: reading to the end of a file or
 * behind it leaves a page there in the cache. It shows in st_blocks of ramfs. Files with storage are spared: their drivers
 * are never asked for what is behind the end.
 */
function cachePageAtEnd(inode: Inode, pages: AddressSpace, pos: number): void {
  if (!inode.system.profile.files.readCachesPageAtEnd || !pages.aOps.zeroFill || pages.aOps.readSkipsHoles) return;
  const pfn = pages.getOrRead(Math.floor(Math.max(pos, inode.iSize) / inode.system.pageSize));
  if (pfn >= 0) pages.frames.put(pfn);
}

/** generic_file_write_iter: the file grows as needed. */
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
 * generic_file_mmap: the one line that makes a page-cache file mappable. 0, or -ENOEXEC when its pages cannot be read.
 *
 * On a machine without memory every file can be mapped, since nothing is ever read.
 */
export function genericFileMmap(cur: Caller, file: VmFile, vma: Vma): number {
  return mapWith(cur, file, vma, genericFileVmOps);
}

/** {@link genericFileMmap} with operations of the driver's own. */
export function mapWith(cur: Caller, file: VmFile, vma: Vma, vmOps: VmOperations): number {
  if (memoryOf(cur.mm.system) !== null) {
    const error = mapPageCache(cur, file, vma);
    if (error < 0) return error;
  }
  vma.vmOps = vmOps;
  return 0;
}

/** truncate_setsize: the new size; pages behind it go from the cache and from every mapping. */
export function truncateSetsize(inode: Inode, size: number): void {
  if (inode.iPages !== null) inode.iPages.truncate(size);
  else inode.iSize = size;
}

/** truncate_inode_pages_final: what every page-cache filesystem does when an inode goes. */
export function evictPages(inode: Inode): void {
  if (inode.iPages !== null) inode.iPages.evict();
}

/** setattr_copy: mode and owner. */
export function setattrCopy(inode: Inode, attributes: Attributes): void {
  if (attributes.mode !== undefined) inode.iMode = (inode.iMode & S_IFMT) | (attributes.mode & ~S_IFMT);
  if (attributes.uid !== undefined) inode.iUid = attributes.uid;
  if (attributes.gid !== undefined) inode.iGid = attributes.gid;
  inode.iCtime = inode.iSb.now();
}

/** simple_setattr: size, mode and owner, with no storage to tell. */
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

/** generic_file_fsync: dirty pages of the range reach storage. */
export function genericFileFsync(file: File, start: number, end: number): number {
  const pages = file.fInode.iPages;
  return pages === null ? 0 : pages.writeback(start, end, true);
}

/** noop_fsync: there is no storage. */
export function noopFsync(): number {
  return 0;
}

/** 512-byte blocks of the pages in the cache: st_blocks of a filesystem that has no other place for them. */
export function cachedBlocks(inode: Inode): number {
  return inode.iPages === null ? 0 : inode.iPages.nrPages * (inode.system.pageSize / 512);
}

/** The operations of a plain page-cache file with storage behind it. */
export const genericFileOperations: FileOperations = new FileOperations({
  read: genericFileRead,
  write: genericFileWrite,
  mmap: genericFileMmap,
  fsync: genericFileFsync,
});
