/**
 * __mm_populate: MAP_POPULATE, MAP_LOCKED, mlock and the like really bring the pages in.
 *
 * Private writable memory is written to (own pages), everything else is read. Mirrors mm/gup.c and mm/mlock.c.
 */
import { EINVAL } from '@vmarea/uapi';
import type { Vma } from '../../areas/vma.ts';
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import { VM_IO, VM_PFNMAP } from '../../base/flags.ts';
import { checkVmaFlags, faultinRange, FOLL_WRITE, populateVmaPageRange } from './gup.ts';
import type { Addr, Bytes } from '../../base/units.ts';

/**
 * __mm_populate over [start, start + len); holes are skipped.
 *
 * After RETRY it is called again with the same range: what is present already costs nothing.
 *
 * @param ignoreErrors go on with the next VMA after an error
 * @returns 0, -EFAULT, -ENOMEM, or RETRY
 */
export function populate(cur: Caller, start: Addr, len: Bytes, ignoreErrors: boolean): number {
  const mm = cur.mm;
  const pageSize = mm.system.pageSize;
  const end = start + len;
  let at = start;
  while (at < end) {
    const vma = mm.tree.find(at);
    if (vma === null || vma.vmStart >= end) return 0;
    const to = vma.vmEnd < end ? vma.vmEnd : end;
    if ((vma.vmFlags & (VM_IO | VM_PFNMAP)) !== 0) {
      at = to;
      continue;
    }
    const from = at < vma.vmStart ? vma.vmStart : at;
    const done = populateVmaPageRange(cur, vma, from, to);
    if (done === RETRY) return RETRY;
    if (done < 0) {
      if (!ignoreErrors) return done;
      at = to;
    } else at = from + done * pageSize;
  }
  return 0;
}

/**
 * madvise_populate: MADV_POPULATE_READ, or MADV_POPULATE_WRITE where `write`.
 *
 * @returns 0; -EINVAL when the VMA does not allow the access; -EFAULT where the task would get a signal; -ENOMEM; RETRY
 */
export function madvisePopulate(cur: Caller, vma: Vma, start: Addr, end: Addr, write: boolean): number {
  const gupFlags = write ? FOLL_WRITE : 0;
  const { pageSize } = vma.vmMm.system;
  if (checkVmaFlags(cur, vma, gupFlags) !== 0) return -EINVAL;
  let at = start;
  while (at < end) {
    const done = faultinRange(cur, vma, at, end, gupFlags);
    if (done === RETRY) return RETRY;
    if (done < 0) return done;
    at += done * pageSize;
  }
  return 0;
}
