/**
 * mseal(2): seals mappings, so that they can no longer be unmapped, moved, replaced or given another protection.
 *
 * Mirrors mm/mseal.c. The other calls use {@link isSealed} where the kernel uses can_modify_vma.
 */
import {
  EINVAL,
  ENOMEM,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_REMOVE,
  MADV_WIPEONFORK,
} from '@vmarea/uapi';
import type { Vma } from '../areas/vma.ts';
import { refuse } from '../base/errno.ts';
import { VM_HIGH_SEALED, VM_SHARED, VM_WRITE } from '../base/flags.ts';
import { alignUp } from '../base/page-math.ts';
import type { Addr, Bytes, Errno } from '../base/units.ts';
import { MSEAL_FLAGS, MSEAL_HOLE, MSEAL_UNALIGNED, MSEAL_WRAPS } from './reasons/mseal.ts';
import { modifyVma } from '../shape/modify.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import { findVma } from '../space/placement.ts';
import { checkRegisters } from '../base/whole.ts';

/** Returns whether a mapping is sealed: the opposite of can_modify_vma. */
export function isSealed(vma: Vma): boolean {
  return (vma.vmFlagsHigh & VM_HIGH_SEALED) !== 0;
}

/**
 * Returns whether the seal forbids an advice: the opposite of can_modify_vma_madv. Advice that discards contents is refused
 * only on anonymous memory that is not writable: on writable memory a store could overwrite them, too.
 */
export function sealForbidsAdvice(vma: Vma, advice: number): boolean {
  if (!isSealed(vma) || vma.vmFile !== null || (vma.vmFlags & (VM_SHARED | VM_WRITE)) !== 0) return false;
  switch (advice) {
    case MADV_FREE:
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
    case MADV_REMOVE:
    case MADV_DONTFORK:
    case MADV_WIPEONFORK:
      return true;
    default:
      return false;
  }
}

/** check_mm_seal: returns whether the whole range is mapped. */
function isMapped(cur: Caller, start: Addr, end: Addr): boolean {
  let at = start;
  for (let vma = findVma(cur.mm, start); vma !== null && vma.vmStart <= at; vma = vma.vmNext) {
    if (vma.vmEnd >= end) return true;
    at = vma.vmEnd;
  }
  return false;
}

/** apply_mm_seal: seals the parts of the range one after the other. */
function applySeal(cur: Caller, start: Addr, end: Addr): Errno {
  const { mm } = cur;
  let at = start;
  while (at < end) {
    const vma = findVma(mm, at)!;
    const to = Math.min(vma.vmEnd, end);
    if (!isSealed(vma)) {
      const spec = cur.call.area.partOf(vma, at, to);
      spec.vmFlagsHigh |= VM_HIGH_SEALED;
      const slot = modifyVma(cur, vma, spec);
      if (slot < 0) return slot;
      const changed = mm.vmas.at(mm.tree.idAt(slot));
      changed.vmFlagsHigh |= VM_HIGH_SEALED;
      if (mm.tracer !== null) mm.tracer.vma('flags', changed, at);
    }
    at = to;
  }
  return 0;
}

/**
 * mseal(2).
 *
 * @param start address; `len` bytes (values of `fromRegister`)
 * @param flags must be 0
 * @returns 0; -EINVAL (flags, alignment, overflow); -ENOMEM for a hole, with nothing sealed, or at the map-count limit
 */
export function doMseal(cur: Caller, start: Addr, len: Bytes, flags: number): Errno {
  checkRegisters('mseal', start, len, flags);
  const { mm } = cur;
  const { pageMask } = mm.system;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('do_mseal', start, len, flags, 0);
  if (flags !== 0) return refuse(cur, MSEAL_FLAGS, -EINVAL);
  if ((start & pageMask) !== 0) return refuse(cur, MSEAL_UNALIGNED, -EINVAL);
  const size = alignUp(len, pageMask);
  const wraps = (start < 0 && size < 0) || ((start < 0 || size < 0) && start + size >= 0);
  if ((len !== 0 && size === 0) || wraps) return refuse(cur, MSEAL_WRAPS, -EINVAL);
  if (size === 0) return 0;
  const end = start < 0 || size < 0 ? Infinity : start + size;
  mmapLock(mm, 'mseal');
  try {
    if (!isMapped(cur, start, end)) return refuse(cur, MSEAL_HOLE, -ENOMEM);
    return applySeal(cur, start, end);
  } finally {
    mmapUnlock(mm);
  }
}
