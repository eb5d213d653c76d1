/**
 * Access to another address space: process_vm_readv and process_vm_writev page by page.
 *
 * Uses get_user_pages, so that no signal is sent and the target's own protections apply. Mirrors
 * mm/process_vm_access.c.
 */
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import type { Mm } from '../../space/mm.ts';
import { FOLL_WRITE, userPfn } from './gup.ts';
import { stateOf } from '../tlb/state.ts';
import type { Addr } from '../../base/units.ts';

/**
 * Copies between `bytes` and the memory of `mm`.
 *
 * @param address first byte in `mm`
 * @param gupFlags FOLL_WRITE: copies to `mm`, otherwise from it; FOLL_FORCE ignores the protection of the mapping
 * @returns bytes copied, up to the first page that cannot be accessed; -EFAULT or -ENOMEM when that is the first; or RETRY:
 *   the caller repeats the whole copy
 */
export function accessProcessVm(cur: Caller, mm: Mm, address: Addr, bytes: Uint8Array, gupFlags: number): number {
  const { physical } = stateOf(mm);
  const pageSize = physical.pageSize;
  const len = bytes.length;
  let done = 0;
  while (done < len) {
    const at = address + done;
    const pfn = userPfn(cur, mm, at, gupFlags);
    if (pfn < 0) return pfn === RETRY || done === 0 ? pfn : done;
    const inPage = at & (pageSize - 1);
    const n = Math.min(pageSize - inPage, len - done);
    if ((gupFlags & FOLL_WRITE) !== 0) physical.writeBytes(pfn, inPage, bytes, done, n);
    else physical.readBytes(pfn, inPage, bytes, done, n);
    done += n;
  }
  return done;
}
