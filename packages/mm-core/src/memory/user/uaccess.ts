/**
 * Copies by the kernel from and to user memory, with fault handling: they return the number of bytes not copied and send no
 * signal.
 *
 * The address space is the caller's. A copy that must wait returns RETRY; the caller repeats it from the start.
 * Mirrors arch/arm64/lib/copy_{from,to}_user.S, clear_user.S and lib/strncpy_from_user.c.
 */
import { EFAULT } from '@vmarea/uapi';
import type { Caller } from '../../space/caller.ts';
import { RETRY } from '../../base/errno.ts';
import type { Mm } from '../../space/mm.ts';
import { ACCESS_READ, ACCESS_WRITE, mayAccess } from '../tlb/access.ts';
import { stateOf } from '../tlb/state.ts';
import { kernelPfn } from './walk.ts';
import type { Addr, Bytes, Pfn } from '../../base/units.ts';

/** access_ok: returns whether the range ends at or below the end of user addresses. */
export function accessOk(cur: Caller, address: Addr, len: Bytes): boolean {
  return address >= 0 && len >= 0 && address + len <= cur.mm.taskSize;
}

/**
 * Returns how many bytes of [address, address + len) are in consecutive frames from `pfn` on, within one window: the part
 * that one `set` can copy. `set` takes 85 ns for a page by itself, 51 per page in a run of 16; this test takes 8.
 *
 * Reads the entries behind that of `address` in its last-level table, and faults nothing in, so that a fault happens only
 * after the pages before it have been copied.
 *
 * @param pfn the frame of `address`
 * @returns bytes, at least to the end of the first page or of the range
 */
function runLength(mm: Mm, address: Addr, len: Bytes, pfn: Pfn, access: number): Bytes {
  const { physical } = stateOf(mm);
  const { pageSize } = physical;
  let n = pageSize - (address & (pageSize - 1));
  if (n >= len) return len;
  const pt = mm.pageTables!;
  let slot = pt.slot(address);
  if (slot < 0) return n;
  const pmdMask = mm.system.arch.pmdSize - 1;
  const inTable = pmdMask + 1 - (address & pmdMask);
  const limit = len < inTable ? len : inTable;
  for (let next = pfn + 1; n < limit; next++, n += pageSize) {
    slot += 2;
    // If hardware sets the dirty flag, the first store to a clean page ends the run, since it has to set the flag.
    if (physical.beginsWindow(next) || pt.pfn(slot) !== next || !mayAccess(pt.entry(slot), access)) return n;
  }
  return limit;
}

/**
 * copy_from_user.
 *
 * @param address first byte in user memory
 * @param target receives `len` bytes from `offset`
 * @returns bytes NOT copied (0: all), or RETRY
 */
export function copyFromUser(cur: Caller, address: Addr, target: Uint8Array, offset: number, len: Bytes): number {
  if (!accessOk(cur, address, len)) return len;
  const { physical } = stateOf(cur.mm);
  const pageMask = physical.pageSize - 1;
  let done = 0;
  while (done < len) {
    const at = address + done;
    const pfn = kernelPfn(cur, at, ACCESS_READ);
    if (pfn < 0) return pfn === RETRY ? RETRY : len - done;
    const n = runLength(cur.mm, at, len - done, pfn, ACCESS_READ);
    physical.readBytes(pfn, at & pageMask, target, offset + done, n);
    done += n;
  }
  return 0;
}

/**
 * copy_to_user.
 *
 * @param source provides `len` bytes from `offset`
 * @returns bytes NOT copied (0: all), or RETRY
 */
export function copyToUser(cur: Caller, address: Addr, source: Uint8Array, offset: number, len: Bytes): number {
  if (!accessOk(cur, address, len)) return len;
  const { physical } = stateOf(cur.mm);
  const pageMask = physical.pageSize - 1;
  let done = 0;
  while (done < len) {
    const at = address + done;
    const pfn = kernelPfn(cur, at, ACCESS_WRITE);
    if (pfn < 0) return pfn === RETRY ? RETRY : len - done;
    const n = runLength(cur.mm, at, len - done, pfn, ACCESS_WRITE);
    physical.writeBytes(pfn, at & pageMask, source, offset + done, n);
    done += n;
  }
  return 0;
}

/**
 * Fills user memory with one byte.
 *
 * @returns bytes NOT written (0: all), or RETRY
 */
export function fillUser(cur: Caller, address: Addr, len: Bytes, value: number): number {
  if (!accessOk(cur, address, len)) return len;
  const { physical } = stateOf(cur.mm);
  const pageMask = physical.pageSize - 1;
  let done = 0;
  while (done < len) {
    const at = address + done;
    const pfn = kernelPfn(cur, at, ACCESS_WRITE);
    if (pfn < 0) return pfn === RETRY ? RETRY : len - done;
    const n = runLength(cur.mm, at, len - done, pfn, ACCESS_WRITE);
    physical.fillBytes(pfn, at & pageMask, n, value);
    done += n;
  }
  return 0;
}

/**
 * clear_user.
 *
 * @returns bytes NOT cleared (0: all), or RETRY
 */
export function clearUser(cur: Caller, address: Addr, len: Bytes): number {
  return fillUser(cur, address, len, 0);
}

/**
 * strncpy_from_user: copies up to and including the terminating zero.
 *
 * @param target receives at most `max` bytes from `offset`
 * @returns length without the zero; `max` when there was none; -EFAULT; or RETRY
 */
export function strncpyFromUser(cur: Caller, address: Addr, target: Uint8Array, offset: number, max: number): number {
  const limit = cur.mm.taskSize;
  if (!(address >= 0 && address < limit)) return -EFAULT;
  const { physical } = stateOf(cur.mm);
  const pageSize = physical.pageSize;
  let done = 0;
  while (done < max) {
    const at = address + done;
    if (at >= limit) return -EFAULT;
    const pfn = kernelPfn(cur, at, ACCESS_READ);
    if (pfn < 0) return pfn === RETRY ? RETRY : -EFAULT;
    const inPage = at & (pageSize - 1);
    const n = Math.min(pageSize - inPage, max - done);
    physical.readBytes(pfn, inPage, target, offset + done, n);
    const end = offset + done + n;
    const zero = target.indexOf(0, offset + done);
    if (zero >= 0 && zero < end) return zero - offset;
    done += n;
  }
  return max;
}
