/**
 * mincore for one VMA: reports the pages that an access would find without waiting.
 *
 * Mirrors mincore_pte_range and __mincore_unmapped_range (mm/mincore.c).
 */
import { CAP_DAC_OVERRIDE, CAP_FOWNER } from '@vmarea/uapi';
import { hasCapability } from '../../base/credentials.ts';
import type { Caller } from '../../space/caller.ts';
import type { VmFile, VmInode } from '../../ports/file.ts';
import { VM_HUGETLB } from '../../base/flags.ts';
import { vmaHugePageSize, type Vma } from '../../areas/vma.ts';
import type { AddressSpace } from '../cache/address-space.ts';
import type { Addr } from '../../base/units.ts';

/** An inode that has an owner, as a file layer's does. */
interface OwnedInode extends VmInode {
  readonly iUid?: number;
  readonly iGid?: number;
}

/** can_do_mincore: returns whether the caller may see the page cache state of a file. */
export function canDoMincore(cur: Caller, vma: Vma): boolean {
  if (vma.vmOps === null || vma.vmFile === null) return true;
  const inode: OwnedInode = vma.vmFile.fInode;
  const { cred } = cur;
  if (hasCapability(cred, CAP_FOWNER) || hasCapability(cred, CAP_DAC_OVERRIDE)) return true;
  if (inode.iUid === cred.uid) return true;
  const bit = inode.iGid === cred.gid ? 0o020 : 0o002;
  return (inode.iMode & bit) !== 0;
}

/** Returns the page cache of a file, or null when it has none. */
export function pageCacheOf(file: VmFile | null): AddressSpace | null {
  if (file === null) return null;
  const mapping = file.fMapping as Partial<AddressSpace>;
  return mapping.isUptodate === undefined ? null : (mapping as AddressSpace);
}

/** mincore over [start, end) of the VMA: writes one byte, 0 or 1, per page to `vec`. */
export function mincore(cur: Caller, vma: Vma, start: Addr, end: Addr, vec: Uint8Array): void {
  const mm = vma.vmMm;
  const { pageSize, profile } = mm.system;
  if (profile.files.mincoreNeedsOwner && !canDoMincore(cur, vma)) {
    vec.fill(1);
    return;
  }
  if ((vma.vmFlags & VM_HUGETLB) !== 0) {
    mincoreHugetlb(vma, start, end, vec);
    return;
  }
  const pt = mm.pageTables!;
  const mapping = pageCacheOf(vma.vmFile);
  let pgoff = vma.vmPgoff + (start - vma.vmStart) / pageSize;
  let out = 0;
  let present = pt.nextEntry(start, end);
  for (let at = start; at < end; at += pageSize, pgoff++) {
    if (at === present) {
      vec[out++] = 1;
      present = pt.nextEntry(at + pageSize, end);
    } else vec[out++] = mapping !== null && mapping.isUptodate(pgoff) ? 1 : 0;
  }
}

/** mincore for huge pages: a huge page is present or absent as a whole. */
function mincoreHugetlb(vma: Vma, start: Addr, end: Addr, vec: Uint8Array): void {
  const mm = vma.vmMm;
  const pt = mm.pageTables!;
  const { pageSize } = mm.system;
  const size = vmaHugePageSize(vma);
  let out = 0;
  let at = start;
  while (at < end) {
    const page = Math.floor(at / size) * size;
    const stop = Math.min(page + size, end);
    const n = (stop - at) / pageSize;
    vec.fill(pt.nextEntry(page, page + pageSize) >= 0 ? 1 : 0, out, out + n);
    out += n;
    at = stop;
  }
}
