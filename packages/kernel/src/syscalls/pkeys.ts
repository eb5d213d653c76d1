/**
 * Protection keys: pkey_alloc(2), pkey_free(2), pkey_mprotect(2).
 *
 * The rights of a key are in the register PKRU of the task, not in the mapping. Mirrors mm/mprotect.c and
 * arch/x86/mm/pkeys.c.
 */
import { doMprotect, keyIsAllocated, refuse } from '@vmarea/mm-core';
import { loadPkru } from '@vmarea/mm-core/memory';
import { EINVAL, ENOSPC, fromRegister } from '@vmarea/uapi';
import type { Task } from '../task/task.ts';
import { PKEY_ALLOC_ARGUMENTS, PKEY_NONE_FREE, PKEY_NOT_ALLOCATED } from './reasons.ts';
import type { Register } from './register.ts';

/** PKEY_DISABLE_ACCESS and PKEY_DISABLE_WRITE. */
const RIGHTS = 3;

/**
 * pkey_alloc(2): allocates the lowest free key and sets its rights for this task.
 *
 * @returns the key; -EINVAL; -ENOSPC when none is free, or the processor has none
 */
export function pkeyAlloc(task: Task, flags: Register, rights: Register): number {
  const { cur, mm } = task;
  const denied = fromRegister(rights);
  if (fromRegister(flags) !== 0 || denied < 0 || denied > RIGHTS) return refuse(cur, PKEY_ALLOC_ARGUMENTS, -EINVAL);
  const { protectionKeys } = mm.system.arch;
  let key = 0;
  while (key < protectionKeys && (mm.pkeys & (1 << key)) !== 0) key++;
  if (key >= protectionKeys) return refuse(cur, PKEY_NONE_FREE, -ENOSPC);
  mm.pkeys |= 1 << key;
  cur.pkru = (cur.pkru & ~(RIGHTS << (2 * key))) | (denied << (2 * key));
  loadPkru(cur);
  return key;
}

/** pkey_free(2): mappings keep the key. @returns 0 or -EINVAL */
export function pkeyFree(task: Task, key: number): number {
  const { cur, mm } = task;
  if (!keyIsAllocated(mm, key)) return refuse(cur, PKEY_NOT_ALLOCATED, -EINVAL);
  mm.pkeys &= ~(1 << key);
  return 0;
}

/** pkey_mprotect(2): mprotect that also sets the key; -1 leaves the key to mprotect's own rule. */
export function pkeyMprotect(task: Task, range: { addr: number; len: number; prot: number }, key: number): number {
  const { cur, mm } = task;
  if (key !== -1 && !keyIsAllocated(mm, key)) return refuse(cur, PKEY_NOT_ALLOCATED, -EINVAL);
  return doMprotect(cur, range.addr, range.len, range.prot, key);
}
