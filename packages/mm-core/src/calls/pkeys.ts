/**
 * Protection keys of mappings (VM_PKEY_BIT0 to 3): which key mmap and mprotect give, and which are allocated.
 *
 * Mirrors arch/x86/mm/pkeys.c. The rights of keys belong to the task: `Caller.pkru`.
 */
import { PROT_EXEC } from '@vmarea/uapi';
import { VM_ACCESS_FLAGS, VM_EXEC, VM_HIGH_ARCH } from '../base/flags.ts';
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';

/** Returns the key of a mapping from its VM_HIGH_ bits. */
export function vmaPkey(high: number): number {
  return (high & VM_HIGH_ARCH) >> 4;
}

/** mm_pkey_is_allocated: returns whether a program may use the key. The key of execute-only memory belongs to the kernel. */
export function keyIsAllocated(mm: Mm, key: number): boolean {
  const { protectionKeys } = mm.system.arch;
  return key >= 0 && key < protectionKeys && key !== mm.executeOnlyPkey && (mm.pkeys & (1 << key)) !== 0;
}

/** execute_only_pkey: returns the key that denies access to data, allocating it at the first call; 0 when no key is free. */
function executeOnlyPkey(cur: Caller): number {
  const { mm } = cur;
  if (mm.executeOnlyPkey < 0) {
    let key = 1;
    while (key < mm.system.arch.protectionKeys && (mm.pkeys & (1 << key)) !== 0) key++;
    if (key >= mm.system.arch.protectionKeys) return 0;
    mm.pkeys |= 1 << key;
    mm.executeOnlyPkey = key;
  }
  const shift = 2 * mm.executeOnlyPkey;
  cur.pkru = (cur.pkru & ~(3 << shift)) | (1 << shift);
  mm.system.memory.loadPkru?.(cur);
  return mm.executeOnlyPkey;
}

/**
 * arch_override_mprotect_pkey: returns the VM_HIGH_ bits of a mapping after mmap or mprotect.
 *
 * @param high the present bits; `vmFlags` the present flags
 * @param key as pkey_mprotect got it; -1 from mmap and mprotect
 */
export function withPkey(cur: Caller, high: number, vmFlags: number, prot: number, key: number): number {
  let next = key;
  if (key === -1) {
    next = vmaPkey(high);
    if (prot === PROT_EXEC) next = executeOnlyPkey(cur) || next;
    else if ((vmFlags & VM_ACCESS_FLAGS) === VM_EXEC && next === cur.mm.executeOnlyPkey) next = 0;
  }
  return (high & ~VM_HIGH_ARCH) | (next << 4);
}
