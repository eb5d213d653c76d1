/**
 * __mm_populate: faults pages in for MAP_POPULATE, MAP_LOCKED, mlock and the like.
 *
 * Writes to private writable memory (so that it gets pages of its own) and reads other memory. Mirrors mm/gup.c and mm/mlock.c.
 */
import { EINVAL } from '@vmarea/uapi';
import type { Vma } from '../../areas/vma.ts';
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import { VM_IO, VM_PFNMAP } from '../../base/flags.ts';
import { checkVmaFlags, faultinRange, FOLL_HWPOISON, FOLL_WRITE, populateVmaPageRange } from './gup.ts';
import type { Addr, Bytes } from '../../base/units.ts';

/**
 * __mm_populate over [start, start + len); skips holes.
 *
 * After RETRY the call's range to populate begins at the page that is awaited: what another task does meanwhile to the pages
 * before it stays done.
 *
 * @param ignoreErrors whether to continue with the next VMA after an error
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
    if (done === RETRY) {
      cur.call.populateAddr = from;
      cur.call.populateLen = end - from;
      return RETRY;
    }
    if (done < 0) {
      if (!ignoreErrors) return done;
      at = to;
    } else at = from + done * pageSize;
  }
  return 0;
}

/**
 * madvise_populate: MADV_POPULATE_WRITE with `write`, otherwise MADV_POPULATE_READ.
 *
 * @returns 0; -EINVAL when the VMA forbids the access; -EFAULT where an access would raise a signal, -EHWPOISON for a
 *   poisoned page; -ENOMEM; RETRY, with the page that is awaited in `cur.call.waitsAt`
 */
export function madvisePopulate(cur: Caller, vma: Vma, start: Addr, end: Addr, write: boolean): number {
  const gupFlags = write ? FOLL_WRITE | FOLL_HWPOISON : FOLL_HWPOISON;
  const { pageSize } = vma.vmMm.system;
  if (checkVmaFlags(cur, vma, gupFlags) !== 0) return -EINVAL;
  let at = start;
  while (at < end) {
    const done = faultinRange(cur, vma, at, end, gupFlags);
    if (done === RETRY) cur.call.waitsAt = at;
    if (done < 0) return done;
    at += done * pageSize;
  }
  return 0;
}
