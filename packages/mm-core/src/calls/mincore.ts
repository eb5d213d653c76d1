/**
 * mincore: returns which pages are resident. Mirrors mm/mincore.c.
 */
import { EFAULT, EINVAL, ENOMEM } from '@vmarea/uapi';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { alignUp } from '../base/page-math.ts';
import { MINCORE_BEYOND_TASK_SIZE, MINCORE_HOLE, MINCORE_UNALIGNED, MINCORE_VEC_SHORT } from './reasons/mincore.ts';
import { findVma } from '../space/placement.ts';
import type { Addr, Bytes } from '../base/units.ts';
import { checkRegisters } from '../base/whole.ts';

/**
 * mincore(2).
 *
 * @param start page-aligned address; `len` bytes (values of `fromRegister`)
 * @param vec one byte per page, written up to the first hole. Pages without a byte in it are not tested
 * @returns 0; -EINVAL; -ENOMEM (beyond the address space, or a hole); -EFAULT when `vec` is shorter than the range
 */
export function doMincore(cur: Caller, start: Addr, len: Bytes, vec: Uint8Array): number {
  checkRegisters('mincore', start, len, 0);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('mincore', start, len, 0, 0);
  if ((start & system.pageMask) !== 0) return refuse(cur, MINCORE_UNALIGNED, -EINVAL);
  if (start < 0 || len < 0 || start > mm.taskSize || len > mm.taskSize - start) {
    return refuse(cur, MINCORE_BEYOND_TASK_SIZE, -ENOMEM);
  }
  const end = start + alignUp(len, system.pageMask);
  const stop = Math.min(end, start + vec.length * system.pageSize);
  let from = start;
  while (from < stop) {
    const vma = findVma(mm, from);
    if (vma === null || vma.vmStart > from) return refuse(cur, MINCORE_HOLE, -ENOMEM);
    const to = Math.min(stop, vma.vmEnd);
    const first = (from - start) / system.pageSize;
    system.memory.mincore(cur, vma, from, to, vec.subarray(first, first + (to - from) / system.pageSize));
    from = to;
  }
  if (stop < end) return refuse(cur, MINCORE_VEC_SHORT, -EFAULT);
  return 0;
}
