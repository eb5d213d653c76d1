/**
 * prctl(PR_SET_THP_DISABLE) and prctl(PR_GET_THP_DISABLE): no transparent huge pages in this address space. Children and the next
 * program inherit it. Mirrors kernel/sys.c.
 */
import { mmapLock, mmapUnlock, refuse, VM_NOHUGEPAGE } from '@vmarea/mm-core';
import { EINVAL, PR_GET_THP_DISABLE, PR_THP_DISABLE_EXCEPT_ADVISED } from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import type { PrctlArguments } from './prctl.ts';
import { PRCTL_UNUSED_ARGUMENTS } from './reasons.ts';

function isZero(value: unknown): boolean {
  return value === 0 || value === 0n || value === null;
}

/** Makes the call. Returns 0, the state (0, 1, 3), or -EINVAL. */
export function prctlThpDisable(task: Task, option: number, { arg2, arg3, arg4, arg5 }: PrctlArguments): number {
  const { cur } = task;
  const { mm } = cur;
  const { thpDisableMarksMappings, thpDisableExceptAdvised } = mm.system.profile.tasks;
  const restIsZero = isZero(arg4) && isZero(arg5);
  if (option === PR_GET_THP_DISABLE) {
    if (!isZero(arg2) || !isZero(arg3) || !restIsZero) return refuse(cur, PRCTL_UNUSED_ARGUMENTS, -EINVAL);
    return mm.thpDisable;
  }
  const disable = !isZero(arg2);
  const except = thpDisableExceptAdvised && disable && Number(arg3) === PR_THP_DISABLE_EXCEPT_ADVISED;
  if (!restIsZero || (!isZero(arg3) && !except)) return refuse(cur, PRCTL_UNUSED_ARGUMENTS, -EINVAL);
  mmapLock(mm, 'prctl');
  mm.thpDisable = disable ? (except ? 1 | PR_THP_DISABLE_EXCEPT_ADVISED : 1) : 0;
  if (thpDisableMarksMappings) mm.defFlags = disable ? mm.defFlags | VM_NOHUGEPAGE : mm.defFlags & ~VM_NOHUGEPAGE;
  mmapUnlock(mm);
  return 0;
}
