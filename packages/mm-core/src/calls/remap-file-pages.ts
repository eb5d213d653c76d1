/**
 * remap_file_pages: maps the file again at another offset. Mirrors mm/mmap.c.
 */
import {
  EINVAL,
  MAP_FIXED,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_POPULATE,
  MAP_SHARED,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { isErr, refuse } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import { doMmap } from './mmap.ts';
import { alignDown } from '../base/page-math.ts';
import {
  REMAP_FILE_PAGES_NOT_SHARED,
  REMAP_FILE_PAGES_PROT,
  REMAP_FILE_PAGES_RANGE,
  REMAP_FILE_PAGES_WRAPS,
} from './reasons/remap-file-pages.ts';
import { findVma } from '../space/placement.ts';
import { VM_EXEC, VM_LOCKED, VM_READ, VM_SHARED, VM_WRITE } from '../base/flags.ts';
import type { Addr, Bytes, Pages } from '../base/units.ts';
import { checkRegister, checkRegisters } from '../base/whole.ts';

function remapLocked(cur: Caller, start: Addr, size: number, pgoff: Pages, flags: number): number {
  const mm = cur.mm;
  const vma = findVma(mm, start);
  if (vma === null || vma.vmStart > start || (vma.vmFlags & VM_SHARED) === 0) {
    return refuse(cur, REMAP_FILE_PAGES_NOT_SHARED, -EINVAL);
  }
  for (let part = vma; start + size > part.vmEnd;) {
    const next = part.vmNext;
    if (next === null || next.vmStart !== part.vmEnd || next.vmFile !== vma.vmFile || next.vmFlags !== vma.vmFlags) {
      return refuse(cur, REMAP_FILE_PAGES_RANGE, -EINVAL);
    }
    part = next;
  }
  const vmFlags = vma.vmFlags;
  let prot = 0;
  if ((vmFlags & VM_READ) !== 0) prot |= PROT_READ;
  if ((vmFlags & VM_WRITE) !== 0) prot |= PROT_WRITE;
  if ((vmFlags & VM_EXEC) !== 0) prot |= PROT_EXEC;
  let mapFlags = (flags & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE;
  if ((vmFlags & VM_LOCKED) !== 0) mapFlags |= MAP_LOCKED;
  const file = vma.vmFile!.getFile();
  const result = doMmap(cur, {
    file,
    addr: start,
    len: size,
    prot,
    flags: mapFlags,
    vmFlags: 0,
    vmFlagsHigh: 0,
    pgoff,
  });
  file.fput();
  return isErr(result) ? result : 0;
}

/**
 * remap_file_pages(2). The parameters are the kernel's.
 *
 * @param startIn address; `sizeIn` bytes: both rounded down to pages
 * @param prot must be 0
 * @param pgoff pages
 * @returns 0, -EINVAL, or the errno of do_mmap
 */
export function doRemapFilePages(
  cur: Caller,
  startIn: Addr,
  sizeIn: Bytes,
  prot: number,
  pgoff: Pages,
  flags: number,
): number {
  checkRegisters('remap_file_pages', startIn, sizeIn, flags);
  checkRegister('remap_file_pages', 'prot', prot);
  checkRegister('remap_file_pages', 'pgoff', pgoff);
  const mm = cur.mm;
  const mask = mm.system.pageMask;
  beginCall(cur);
  mm.system.warnOnce('remap_file_pages', 'remap_file_pages is deprecated and emulated by mmap');
  if (mm.tracer !== null) mm.tracer.enter('remap_file_pages', startIn, sizeIn, prot, pgoff);
  if (prot !== 0) return refuse(cur, REMAP_FILE_PAGES_PROT, -EINVAL);
  const start = alignDown(startIn, mask);
  const size = alignDown(sizeIn, mask);
  if (size === 0 || start < 0 || size < 0) return refuse(cur, REMAP_FILE_PAGES_WRAPS, -EINVAL);
  if (pgoff < 0 && pgoff + size / mm.system.pageSize >= 0) return refuse(cur, REMAP_FILE_PAGES_WRAPS, -EINVAL);
  mmapLock(mm, 'remap_file_pages');
  try {
    return remapLocked(cur, start, size, pgoff, flags);
  } finally {
    mmapUnlock(mm);
  }
}
