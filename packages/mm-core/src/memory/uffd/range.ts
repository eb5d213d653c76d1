/**
 * What the ioctls of a userfaultfd have in common: the checks of a range and of the address space, and on whose behalf they
 * act. Mirrors validate_range of fs/userfaultfd.c.
 */
import { EINVAL } from '@vmarea/uapi';
import { refuse } from '../../base/errno.ts';
import type { Addr, Bytes, Errno } from '../../base/units.ts';
import type { Caller } from '../../space/caller.ts';
import type { Mm } from '../../space/mm.ts';
import {
  USERFAULTFD_RANGE_EMPTY,
  USERFAULTFD_RANGE_OUTSIDE,
  USERFAULTFD_RANGE_UNALIGNED,
  USERFAULTFD_UNKNOWN_MODE,
} from './reasons.ts';

/** validate_range: returns 0 or -EINVAL. The numbers are values of `fromRegister`. */
export function validateRange(cur: Caller, mm: Mm, start: Addr, len: Bytes): Errno {
  const { pageMask, mmapMinAddr } = mm.system;
  if (((start | len) & pageMask) !== 0) return refuse(cur, USERFAULTFD_RANGE_UNALIGNED, -EINVAL);
  if (len === 0) return refuse(cur, USERFAULTFD_RANGE_EMPTY, -EINVAL);
  const outside = start < mmapMinAddr || start >= mm.taskSize || len < 0 || len > mm.taskSize - start;
  return outside ? refuse(cur, USERFAULTFD_RANGE_OUTSIDE, -EINVAL) : 0;
}

/**
 * Returns the caller for changes of `mm`: a userfaultfd handles the memory of the process that created it, and another
 * process (or the reader of a fork's event) may make the ioctl.
 */
export function actingOn(cur: Caller, mm: Mm): Caller {
  return cur.mm === mm ? cur : { ...cur, mm };
}

/** mmget_not_zero: returns whether the address space still has a task. */
export function isAlive(mm: Mm): boolean {
  return mm.users > 0;
}

/** Checks the mode of an ioctl. Returns 0, or -EINVAL when it has a bit outside of `known`. */
export function checkMode(cur: Caller, mode: number, known: number): Errno {
  return mode < 0 || mode > known || (mode & ~known) !== 0 ? refuse(cur, USERFAULTFD_UNKNOWN_MODE, -EINVAL) : 0;
}
