/**
 * What a verb left to be populated: called after the mmap lock was dropped, and again after a wait.
 */
import { EAGAIN, EFAULT, ENOMEM } from '@vmarea/uapi';
import type { Caller } from '../space/caller.ts';
import { refuse, RETRY } from '../base/errno.ts';
import { D } from '../reasons/decisions.ts';

/**
 * mm_populate for what `mm.populateAddr` and `mm.populateLen` say.
 *
 * @returns 0; RETRY when a page must be awaited (`system.pending`): call again then; after mlock -ENOMEM or -EAGAIN when
 *   pages could not be had (the lock stays). Other verbs ignore such errors, as the kernel does.
 */
export function finishPopulate(cur: Caller): number {
  const mm = cur.mm;
  if (mm.populateLen === 0) return 0;
  const strict = mm.populateStrict;
  const result = mm.system.memory.populate(cur, mm.populateAddr, mm.populateLen, !strict);
  if (result === RETRY) return RETRY;
  mm.populateLen = 0;
  if (!strict || result >= 0) return 0;
  if (result === -EFAULT) return refuse(cur, D.mlockCannotPopulate, -ENOMEM);
  return result === -ENOMEM ? refuse(cur, D.mlockOutOfMemory, -EAGAIN) : result;
}
