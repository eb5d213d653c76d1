/**
 * Populates the range that a call has stored. Runs after the mmap lock was dropped, and again after a wait.
 */
import { EAGAIN, EFAULT, ENOMEM } from '@vmarea/uapi';
import { makeCurrent } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse, RETRY } from '../base/errno.ts';
import { MLOCK_CANNOT_POPULATE, MLOCK_OUT_OF_MEMORY } from './reasons/mlock.ts';

/**
 * mm_populate for the range stored in the call.
 *
 * @returns 0; RETRY when it has to wait for a page (`cur.call.pending`): call it again afterwards; after mlock -ENOMEM or
 *   -EAGAIN when a page could not be faulted in (the lock stays). Other calls ignore such errors, as in the kernel.
 */
export function finishPopulate(cur: Caller): number {
  const { call } = cur;
  if (call.populateLen === 0) return 0;
  makeCurrent(cur);
  const strict = call.populateStrict;
  const result = cur.mm.system.memory.populate(cur, call.populateAddr, call.populateLen, !strict);
  if (result === RETRY) return RETRY;
  call.populateLen = 0;
  if (!strict || result >= 0) return 0;
  if (result === -EFAULT) return refuse(cur, MLOCK_CANNOT_POPULATE, -ENOMEM);
  return result === -ENOMEM ? refuse(cur, MLOCK_OUT_OF_MEMORY, -EAGAIN) : result;
}
