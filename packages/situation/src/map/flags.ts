/**
 * Returns the VM_ bits of an area from its line of maps, or exactly from VmFlags of smaps. The inverse of show_smap_vma_flags of
 * fs/proc/task_mmu.c.
 */
import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HUGEPAGE,
  VM_IO,
  VM_LOCKED,
  VM_LOCKONFAULT,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_MERGEABLE,
  VM_MIXEDMAP,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_SYNC,
  VM_WIPEONFORK,
  VM_WRITE,
} from '@vmarea/mm-core';
import type { SituationMapLine } from '../situation.ts';

/** The codes of VmFlags that become bits; codes that describe only pages or huge pages (`ht`) do not. */
const CODES: ReadonlyMap<string, number> = new Map([
  ['rd', VM_READ],
  ['wr', VM_WRITE],
  ['ex', VM_EXEC],
  ['sh', VM_SHARED],
  ['mr', VM_MAYREAD],
  ['mw', VM_MAYWRITE],
  ['me', VM_MAYEXEC],
  ['ms', VM_MAYSHARE],
  ['gd', VM_GROWSDOWN],
  ['pf', VM_PFNMAP],
  ['lo', VM_LOCKED],
  ['io', VM_IO],
  ['sr', VM_SEQ_READ],
  ['rr', VM_RAND_READ],
  ['dc', VM_DONTCOPY],
  ['de', VM_DONTEXPAND],
  ['lf', VM_LOCKONFAULT],
  ['ac', VM_ACCOUNT],
  ['nr', VM_NORESERVE],
  ['sf', VM_SYNC],
  ['wf', VM_WIPEONFORK],
  ['dd', VM_DONTDUMP],
  ['mm', VM_MIXEDMAP],
  ['hg', VM_HUGEPAGE],
  ['nh', VM_NOHUGEPAGE],
  ['mg', VM_MERGEABLE],
]);

/** Returns VmFlags of smaps for the VM_ bits of an area, but those that only describe pages. */
export function codesOf(flags: number): string[] {
  return [...CODES].filter(([, flag]) => (flags & flag) !== 0).map(([code]) => code);
}

/** Returns the rights in the line, independent of VmFlags, so that printing gives the same line. */
function shownRights(line: SituationMapLine): number {
  return (line.read ? VM_READ : 0) | (line.write ? VM_WRITE : 0) | (line.exec ? VM_EXEC : 0);
}

/**
 * Returns the VM_ bits of an area. Without VmFlags: every right may be added later, private writable memory is charged, and
 * nothing is locked or MAP_NORESERVE.
 */
export function flagsOf(line: SituationMapLine): number {
  const rights = shownRights(line);
  if (line.vmFlags !== undefined) {
    let flags = rights | (line.shared ? VM_MAYSHARE : 0);
    for (const code of line.vmFlags) flags |= CODES.get(code) ?? 0;
    return flags;
  }
  const may = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  if (line.shared) return rights | may | VM_SHARED | VM_MAYSHARE;
  const stack = line.name === '[stack]' ? VM_GROWSDOWN | VM_ACCOUNT : 0;
  return rights | may | stack | (line.write ? VM_ACCOUNT : 0);
}
