/**
 * prctl(PR_SET_MDWE): forbids that memory of this address space becomes executable after it was writable.
 *
 * Mirrors prctl_set_mdwe (kernel/sys.c) and map_deny_write_exec (include/linux/mman.h).
 */
import { EINVAL, EPERM, PR_MDWE_NO_INHERIT, PR_MDWE_REFUSE_EXEC_GAIN } from '@vmarea/uapi';
import { refuse } from '../base/errno.ts';
import { VM_EXEC, VM_WRITE } from '../base/flags.ts';
import type { Errno, VmFlags } from '../base/units.ts';
import { PRCTL_SET_MDWE_BITS, PRCTL_SET_MDWE_IS_SET } from './reasons/mdwe.ts';
import { beginCall } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';

/**
 * PR_SET_MDWE.
 *
 * @param bits PR_MDWE_ bits
 * @returns 0; -EINVAL for unknown bits, or PR_MDWE_NO_INHERIT alone; -EPERM when other bits are set already
 */
export function prctlSetMdwe(cur: Caller, bits: number): Errno {
  const { mm } = cur;
  beginCall(cur);
  const alone = (bits & PR_MDWE_NO_INHERIT) !== 0 && (bits & PR_MDWE_REFUSE_EXEC_GAIN) === 0;
  if ((bits & ~(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT)) !== 0 || alone) {
    return refuse(cur, PRCTL_SET_MDWE_BITS, -EINVAL);
  }
  if (mm.mdwe !== 0 && mm.mdwe !== bits) return refuse(cur, PRCTL_SET_MDWE_IS_SET, -EPERM);
  mm.mdwe = bits;
  return 0;
}

/** Returns the PR_MDWE_ bits that a child, or the next program, inherits. */
export function inheritedMdwe(mm: Mm): number {
  return (mm.mdwe & PR_MDWE_NO_INHERIT) !== 0 ? 0 : mm.mdwe;
}

/**
 * map_deny_write_exec: returns whether PR_SET_MDWE forbids a mapping its new flags.
 *
 * @param oldFlags its flags before; equal to `newFlags` for a new mapping
 */
export function mapDenyWriteExec(mm: Mm, oldFlags: VmFlags, newFlags: VmFlags): boolean {
  if (mm.mdwe === 0 || (newFlags & VM_EXEC) === 0) return false;
  return (newFlags & VM_WRITE) !== 0 || (oldFlags & VM_EXEC) === 0;
}
