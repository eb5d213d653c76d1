/**
 * struct address_space as far as the VMA engine needs it: the mappings of a file, and whether writable ones are allowed.
 *
 * The pages are not here: memory/cache/address-space.ts extends this class with the page cache.
 */
import { EBUSY, EPERM, ETXTBSY } from '@vmarea/uapi';
import { IntervalTree } from '../areas/interval-tree.ts';
import type { VmFile, VmInode } from '../ports/file.ts';
import type { Vma } from '../areas/vma.ts';

/** The mappings of one inode. */
export class FileMapping {
  /** The inode of the pages. */
  host: VmInode | null;
  /** Every VMA that maps the file, by file page. */
  readonly iMmap: IntervalTree<Vma> = new IntervalTree<Vma>();
  /** The number of VM_SHARED mappings; negative: writing is sealed. */
  iMmapWritable = 0;
  /** Whether dirty pages are accounted: shared writable pages then start write-protected. */
  accountsDirty = false;

  constructor(host: VmInode | null) {
    this.host = host;
  }
}

/**
 * mapping_map_writable: counts one more writable mapping.
 *
 * @returns 0, or -EPERM when writing is sealed
 */
export function mappingMapWritable(mapping: FileMapping): number {
  if (mapping.iMmapWritable < 0) return -EPERM;
  mapping.iMmapWritable++;
  return 0;
}

/** mapping_unmap_writable: counts one writable mapping less. */
export function mappingUnmapWritable(mapping: FileMapping): void {
  mapping.iMmapWritable--;
}

/**
 * mapping_deny_writable: forbids writable mappings.
 *
 * @returns 0, or -EBUSY when there is one
 */
export function mappingDenyWritable(mapping: FileMapping): number {
  if (mapping.iMmapWritable > 0) return -EBUSY;
  mapping.iMmapWritable--;
  return 0;
}

/**
 * deny_write_access: forbids opening the file for writing.
 *
 * @returns 0, or -ETXTBSY when it is open for writing
 */
export function denyWriteAccess(file: VmFile): number {
  if (file.fInode.iWritecount > 0) return -ETXTBSY;
  file.fInode.iWritecount--;
  return 0;
}

/** allow_write_access: undoes {@link denyWriteAccess}. */
export function allowWriteAccess(file: VmFile): void {
  file.fInode.iWritecount++;
}
