/**
 * Allocation tags (PROT_MTE): 4 bits for each 16 bytes of memory, which a pointer must carry in its top byte.
 *
 * The tags belong to the frame: a copy of a page has the tags of the page, a freed frame loses them. Mirrors
 * arch/arm64/kernel/mte.c and the parts of a processor that check them. UserMemory and the TLB do not check tags: a processor
 * whose task has checks on calls {@link accessTagged} for memory with VM_HIGH_MTE.
 */
import { SEGV_MTEAERR, SEGV_MTESERR, SIGSEGV } from '@vmarea/uapi';
import { VM_ARCH_1, VM_HIGH_MTE } from '../../base/flags.ts';
import type { Addr, Pfn } from '../../base/units.ts';
import type { Mm } from '../../space/mm.ts';
import type { Caller } from '../../space/caller.ts';
import { refused } from '../faults/entry.ts';
import { FAULT_TAG_MISMATCH, FAULT_TAG_MISMATCH_LATER } from '../faults/reasons.ts';
import { ACCESS_READ, ACCESS_WRITE } from '../tlb/access.ts';
import { stateOf } from '../tlb/state.ts';
import { accessPfn } from './walk.ts';

/** Bytes that one tag covers. */
export const TAG_GRANULE = 16;

/** Bits of `tagControl`: checks that raise the signal at the access, or at the next entry to the kernel. */
export const TAG_CHECK_SYNC = 0x2;
export const TAG_CHECK_ASYNC = 0x4;

/** A task with tag checks. */
export interface TagCaller extends Caller {
  /** The argument of PR_SET_TAGGED_ADDR_CTRL: {@link TAG_CHECK_SYNC} wins when both are set. */
  tagControl: number;
  /** An asynchronous check has failed since {@link takeTagFault}. */
  tagFault: boolean;
}

/** Returns whether the memory at an address has tags. */
function hasTags(mm: Mm, address: Addr): boolean {
  const vma = mm.tree.find(address);
  return (mm.system.archProt & VM_HIGH_MTE) !== 0 && vma !== null && (vma.vmFlagsHigh & VM_HIGH_MTE) !== 0;
}

function tagAt(mm: Mm, pfn: Pfn, address: Addr): number {
  const { tags, pageSize } = stateOf(mm).physical;
  return tags === null ? 0 : tags.get(pfn, address & (pageSize - 1));
}

/**
 * Returns the frame for an access through a pointer, after faulting it in and comparing the tags.
 *
 * @param address the pointer without its top byte
 * @param tag the pointer's tag, bits 59 to 56: 0 to 15
 * @returns as accessPfn; -1 with SEGV_MTESERR when the tags differ and the task's check is synchronous
 */
export function accessTagged(cur: TagCaller, address: Addr, tag: number, access: number): number {
  const pfn = accessPfn(cur, address, access);
  const checks = cur.tagControl & (TAG_CHECK_SYNC | TAG_CHECK_ASYNC);
  if (pfn < 0 || checks === 0 || !hasTags(cur.mm, address) || tagAt(cur.mm, pfn, address) === tag) return pfn;
  if ((checks & TAG_CHECK_SYNC) === 0) {
    cur.tagFault = true;
    return pfn;
  }
  const vma = cur.mm.tree.find(address);
  refused(cur, vma, address, { signal: SIGSEGV, code: SEGV_MTESERR }, FAULT_TAG_MISMATCH);
  return -1;
}

/**
 * Reports a failed asynchronous check, as the kernel does when the task enters it.
 *
 * @returns true once: `cur.call.refused` has SIGSEGV with SEGV_MTEAERR and no address
 */
export function takeTagFault(cur: TagCaller): boolean {
  if (!cur.tagFault) return false;
  cur.tagFault = false;
  refused(cur, null, 0, { signal: SIGSEGV, code: SEGV_MTEAERR }, FAULT_TAG_MISMATCH_LATER);
  return true;
}

/**
 * Stores the tag of 16 bytes, as the instruction STG does: a store that is not checked. Memory without tags ignores it.
 *
 * @returns 0; -1 when the access is refused; or RETRY
 */
export function storeTag(cur: Caller, address: Addr, tag: number): number {
  const pfn = accessPfn(cur, address, ACCESS_WRITE);
  if (pfn < 0) return pfn;
  const { tags, pageSize } = stateOf(cur.mm).physical;
  if (tags !== null && hasTags(cur.mm, address)) tags.set(pfn, address & (pageSize - 1), tag & 15);
  return 0;
}

/** Loads the tag of 16 bytes, as LDG does: 0 from memory without tags. @returns 0 to 15, -1 when the access is refused, or RETRY */
export function loadTag(cur: Caller, address: Addr): number {
  const pfn = accessPfn(cur, address, ACCESS_READ);
  if (pfn < 0) return pfn;
  return hasTags(cur.mm, address) ? tagAt(cur.mm, pfn, address) : 0;
}

/** Returns whether a branch may enter the page of an address only at a landing instruction (PROT_BTI). */
export function isGuardedPage(mm: Mm, address: Addr): boolean {
  const vma = mm.tree.find(address);
  return mm.system.archProt !== 0 && vma !== null && address >= vma.vmStart && (vma.vmFlags & VM_ARCH_1) !== 0;
}
