/**
 * prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME): names for anonymous memory.
 *
 * 4.4 (Android) stores the caller's pointer and compares pointers when merging; 6.1 stores the text.
 */
import { EBADF, EINVAL } from '@vmarea/uapi';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { adviseName, walkVmas } from './madvise.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import { alignUp } from '../base/page-math.ts';
import { PRCTL_SET_VMA_FILE, PRCTL_SET_VMA_UNALIGNED, PRCTL_SET_VMA_WRAPS } from './reasons/anon-name.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes } from '../base/units.ts';
import { checkRegisters } from '../base/whole.ts';

/**
 * Sets the name of [start, start + len).
 *
 * @param start page-aligned address; `len` bytes (values of `fromRegister`)
 * @param name a user address (4.4), a text (6.1), or null to remove the name
 * @returns 0; -EINVAL; -ENOMEM (a hole; the rest was named); -EBADF (6.1: file memory); -EAGAIN
 */
export function prctlSetVmaAnonName(cur: Caller, start: Addr, len: Bytes, name: number | string | null): number {
  checkRegisters('prctl', start, len, 0);
  const mm = cur.mm;
  const system = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('prctl_set_vma', start, len, 0, 0);
  if ((start & system.pageMask) !== 0) return refuse(cur, PRCTL_SET_VMA_UNALIGNED, -EINVAL);
  const size = alignUp(len, system.pageMask);
  if (len !== 0 && size === 0) return refuse(cur, PRCTL_SET_VMA_WRAPS, -EINVAL);
  if ((start < 0 && size < 0) || ((start < 0 || size < 0) && start + size >= 0)) {
    return refuse(cur, PRCTL_SET_VMA_WRAPS, -EINVAL);
  }
  if (size === 0) return 0;
  const byText = system.profile.madvise.anonNames === 'text';
  const visit = (vma: Vma, from: number, to: number): number => {
    cur.call.vma = vma;
    if (vma.vmFile !== null) return byText ? refuse(cur, PRCTL_SET_VMA_FILE, -EBADF) : 0;
    return adviseName(cur, vma, from, to, name);
  };
  mmapLock(mm, 'prctl');
  try {
    return walkVmas(cur, start, size < 0 ? Infinity : start + size, visit);
  } finally {
    mmapUnlock(mm);
  }
}
