/**
 * msync: writes file mappings to storage. Mirrors mm/msync.c.
 */
import { EBUSY, EINVAL, ENOMEM, MS_ASYNC, MS_INVALIDATE, MS_SYNC } from '@vmarea/uapi';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { alignUp } from '../base/page-math.ts';
import {
  MSYNC_BAD_FLAGS,
  MSYNC_BOTH_MODES,
  MSYNC_HOLE,
  MSYNC_LOCKED,
  MSYNC_UNALIGNED,
  MSYNC_WRAPS,
} from './reasons/msync.ts';
import { findVma } from '../space/placement.ts';
import { VM_LOCKED, VM_SHARED } from '../base/flags.ts';
import type { Addr, Bytes } from '../base/units.ts';
import { checkRegisters } from '../base/whole.ts';

/**
 * msync(2).
 *
 * @param start address; `len` bytes (values of `fromRegister`)
 * @param flags MS_ bits
 * @returns 0; -EINVAL; -EBUSY; -ENOMEM (a hole; the rest was written); the errno of the file's fsync; RETRY
 */
export function doMsync(cur: Caller, start: Addr, len: Bytes, flags: number): number {
  checkRegisters('msync', start, len, flags);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('msync', start, len, flags, 0);
  if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0) return refuse(cur, MSYNC_BAD_FLAGS, -EINVAL);
  if ((start & system.pageMask) !== 0) return refuse(cur, MSYNC_UNALIGNED, -EINVAL);
  if ((flags & MS_ASYNC) !== 0 && (flags & MS_SYNC) !== 0) return refuse(cur, MSYNC_BOTH_MODES, -EINVAL);
  const size = alignUp(len, system.pageMask);
  if ((start < 0 && size < 0) || ((start < 0 || size < 0) && start + size >= 0)) {
    return refuse(cur, MSYNC_WRAPS, -ENOMEM);
  }
  if (size === 0) return 0;
  const end = size < 0 ? Infinity : start + size;
  let hole = false;
  let from = start;
  for (let vma = findVma(mm, start); ; vma = vma.vmNext) {
    if (vma === null) return refuse(cur, MSYNC_HOLE, -ENOMEM);
    if (from < vma.vmStart) {
      hole = true;
      from = vma.vmStart;
      if (from >= end) return refuse(cur, MSYNC_HOLE, -ENOMEM);
    }
    if ((flags & MS_INVALIDATE) !== 0 && (vma.vmFlags & VM_LOCKED) !== 0) return refuse(cur, MSYNC_LOCKED, -EBUSY);
    const to = Math.min(end, vma.vmEnd);
    const file = vma.vmFile;
    if ((flags & MS_SYNC) !== 0 && file !== null && (vma.vmFlags & VM_SHARED) !== 0 && file.fOp.fsync !== null) {
      const offset = from - vma.vmStart + vma.vmPgoff * system.pageSize;
      const error = file.fOp.fsync(file, offset, offset + (to - from), true);
      if (error !== 0) return error;
    }
    from = to;
    if (from >= end) return hole ? refuse(cur, MSYNC_HOLE, -ENOMEM) : 0;
  }
}
