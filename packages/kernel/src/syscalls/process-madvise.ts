/**
 * process_madvise(2): advice about the memory of a process, for several ranges.
 *
 * Mirrors mm/madvise.c. The number of a process takes the place of a descriptor.
 */
import { doMadvise, hasCapability, refuse } from '@vmarea/mm-core';
import {
  CAP_SYS_NICE,
  EINVAL,
  ENOSYS,
  EPERM,
  ESRCH,
  fromRegister,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_PAGEOUT,
  MADV_WILLNEED,
} from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import {
  PROCESS_MADVISE_ADVICE,
  PROCESS_MADVISE_FLAGS,
  PROCESS_MADVISE_UNKNOWN_CALL,
  PROCESS_MADVISE_NO_TASK,
  PROCESS_MADVISE_PRIVILEGE,
} from './reasons.ts';
import { untaggedAddr, type Register } from './register.ts';

/** process_madvise_behavior_valid. */
const ALLOWED: ReadonlySet<number> = new Set([MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE]);

/** See `processMadvise` of the calls about mappings. */
export function processMadvise(
  task: Task,
  pid: number,
  ranges: readonly { addr: Register; len: Register }[],
  advice: number,
  flags: number,
): number {
  const { cur, kernel } = task;
  const { system } = kernel;
  if (!system.profile.madvise.ofProcess) return refuse(cur, PROCESS_MADVISE_UNKNOWN_CALL, -ENOSYS);
  if (flags !== 0) return refuse(cur, PROCESS_MADVISE_FLAGS, -EINVAL);
  const other = kernel.tasks.get(pid);
  if (other === undefined || other.exitStatus !== null) return refuse(cur, PROCESS_MADVISE_NO_TASK, -ESRCH);
  if (!ALLOWED.has(advice)) return refuse(cur, PROCESS_MADVISE_ADVICE, -EINVAL);
  const needs = other.mm !== cur.mm || system.profile.madvise.ofProcessNeedsNice;
  if (needs && !hasCapability(cur.cred, CAP_SYS_NICE)) return refuse(cur, PROCESS_MADVISE_PRIVILEGE, -EPERM);
  let done = 0;
  for (const { addr, len } of ranges) {
    const length = fromRegister(len);
    const result = doMadvise(other.cur, untaggedAddr(system, addr), length, advice);
    if (result < 0) {
      if (other !== task) cur.call.reason = other.cur.call.reason;
      return done > 0 ? done : result;
    }
    done += length;
  }
  return done;
}
