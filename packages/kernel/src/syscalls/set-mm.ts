/**
 * prctl(PR_SET_MM): moves the recorded borders of a program: code, data, heap, stack. No mapping changes.
 *
 * Mirrors prctl_set_mm and validate_prctl_map_addr in kernel/sys.c. PR_SET_MM_AUXV, _EXE_FILE, _MAP and _MAP_SIZE take a
 * structure or a descriptor and are refused.
 */
import { findVma, hasCapability, refuse, type Mm } from '@vmarea/mm-core';
import { CAP_SYS_RESOURCE, EFAULT, EINVAL, EPERM, fromRegister } from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import {
  PRCTL_SET_MM_ADDRESS,
  PRCTL_SET_MM_NO_VMA,
  PRCTL_SET_MM_NOT_MODELLED,
  PRCTL_SET_MM_ORDER,
  PRCTL_SET_MM_PRIVILEGE,
} from './reasons.ts';
import type { Register } from './register.ts';

/** The borders that a call can set. */
type Border =
  'startCode' | 'endCode' | 'startData' | 'endData' | 'startStack' | 'startBrk' | 'brk' | 'argStart' | 'envEnd';

/** The borders by the PR_SET_MM_ number. The end of the arguments and the start of the environment (9, 10) are not kept. */
const BORDERS: ReadonlyMap<number, Border> = new Map<number, Border>([
  [1, 'startCode'],
  [2, 'endCode'],
  [3, 'startData'],
  [4, 'endData'],
  [5, 'startStack'],
  [6, 'startBrk'],
  [7, 'brk'],
  [8, 'argStart'],
  [11, 'envEnd'],
]);

/** Borders that need a mapping at or above them: the stack and what lies on it. */
const NEEDS_VMA: ReadonlySet<Border> = new Set<Border>(['startStack', 'argStart', 'envEnd']);

/** Returns whether the borders are in order, as validate_prctl_map_addr wants them. */
function inOrder(mm: Mm, border: Border, value: number): boolean {
  const at = (name: Border): number => (name === border ? value : mm[name]);
  const ordered =
    at('startCode') < at('endCode') &&
    at('startData') <= at('endData') &&
    at('startBrk') <= at('brk') &&
    at('argStart') <= at('envEnd');
  if (!ordered) return false;
  const above = mm.system.profile.brk.staysAboveData;
  return !above || (at('startBrk') > at('endData') && at('brk') > at('endData'));
}

/**
 * PR_SET_MM.
 *
 * @param what the PR_SET_MM_ number
 * @param unused whether the last two arguments are 0
 * @returns 0, -EINVAL, -EPERM, -EFAULT
 */
export function prctlSetMm(task: Task, what: number, addr: Register, unused: boolean): number {
  const { cur, mm } = task;
  const border = BORDERS.get(what);
  if (border === undefined) return refuse(cur, PRCTL_SET_MM_NOT_MODELLED, -EINVAL);
  if (!unused) return refuse(cur, PRCTL_SET_MM_ADDRESS, -EINVAL);
  if (!hasCapability(cur.cred, CAP_SYS_RESOURCE)) return refuse(cur, PRCTL_SET_MM_PRIVILEGE, -EPERM);
  const value = fromRegister(addr);
  if (value < mm.system.mmapMinAddr || value >= mm.taskSize) return refuse(cur, PRCTL_SET_MM_ADDRESS, -EINVAL);
  if (!inOrder(mm, border, value)) return refuse(cur, PRCTL_SET_MM_ORDER, -EINVAL);
  const { data } = task.limits.view;
  const heap = (border === 'brk' ? value : mm.brk) - (border === 'startBrk' ? value : mm.startBrk);
  if (heap + mm.endData - mm.startData > data) return refuse(cur, PRCTL_SET_MM_ORDER, -EINVAL);
  if (NEEDS_VMA.has(border) && findVma(mm, value) === null) return refuse(cur, PRCTL_SET_MM_NO_VMA, -EFAULT);
  mm[border] = value;
  return 0;
}
