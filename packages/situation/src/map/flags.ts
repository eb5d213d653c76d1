/**
 * The VM_ flags by name, and the VM_ bits of an area from its line of maps, or exactly from VmFlags of smaps. The codes of smaps
 * are the kernel package's own (proc/smaps.ts): this is the inverse.
 */
import {
  VM_ACCOUNT,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_DONTEXPAND,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HIGH_DROPPABLE,
  VM_HIGH_SEALED,
  VM_HUGEPAGE,
  VM_HUGETLB,
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
  VM_SOFTDIRTY,
  VM_SYNC,
  VM_WIPEONFORK,
  VM_WRITE,
} from '@vmarea/mm-core';
import { vmFlagsText } from '@vmarea/kernel';
import { LINUX_6_18 } from '@vmarea/uapi';
import type { SituationMapLine } from '../situation.ts';

/** VM_ flags that keep areas apart, with what a program did to get them where the name does not say it. */
export const VM_FLAGS: readonly (readonly [flag: number, name: string, what: string])[] = [
  [VM_READ, 'VM_READ', 'readable'],
  [VM_WRITE, 'VM_WRITE', 'writable'],
  [VM_EXEC, 'VM_EXEC', 'executable'],
  [VM_SHARED, 'VM_SHARED', 'shared'],
  [VM_MAYREAD, 'VM_MAYREAD', 'may become readable'],
  [VM_MAYWRITE, 'VM_MAYWRITE', 'may become writable'],
  [VM_MAYEXEC, 'VM_MAYEXEC', 'may become executable'],
  [VM_MAYSHARE, 'VM_MAYSHARE', 'MAP_SHARED'],
  [VM_GROWSDOWN, 'VM_GROWSDOWN', 'a stack, MAP_GROWSDOWN'],
  [VM_PFNMAP, 'VM_PFNMAP', 'page frames of a device'],
  [VM_LOCKED, 'VM_LOCKED', 'locked'],
  [VM_IO, 'VM_IO', 'a device'],
  [VM_SEQ_READ, 'VM_SEQ_READ', 'MADV_SEQUENTIAL'],
  [VM_RAND_READ, 'VM_RAND_READ', 'MADV_RANDOM'],
  [VM_DONTCOPY, 'VM_DONTCOPY', 'MADV_DONTFORK'],
  [VM_DONTEXPAND, 'VM_DONTEXPAND', 'no mremap'],
  [VM_LOCKONFAULT, 'VM_LOCKONFAULT', 'locked as it is touched'],
  [VM_ACCOUNT, 'VM_ACCOUNT', 'charged to Committed_AS'],
  [VM_NORESERVE, 'VM_NORESERVE', 'MAP_NORESERVE'],
  [VM_HUGETLB, 'VM_HUGETLB', 'huge pages'],
  [VM_SYNC, 'VM_SYNC', 'MAP_SYNC'],
  [VM_WIPEONFORK, 'VM_WIPEONFORK', 'MADV_WIPEONFORK'],
  [VM_DONTDUMP, 'VM_DONTDUMP', 'MADV_DONTDUMP'],
  [VM_SOFTDIRTY, 'VM_SOFTDIRTY', 'soft dirty'],
  [VM_MIXEDMAP, 'VM_MIXEDMAP', 'a device'],
  [VM_HUGEPAGE, 'VM_HUGEPAGE', 'MADV_HUGEPAGE'],
  [VM_NOHUGEPAGE, 'VM_NOHUGEPAGE', 'MADV_NOHUGEPAGE or MAP_STACK'],
  [VM_MERGEABLE, 'VM_MERGEABLE', 'MADV_MERGEABLE'],
];

/** VM_HIGH_ flags, as {@link VM_FLAGS} says the others. */
export const VM_HIGH_FLAGS: readonly (readonly [flag: number, words: string])[] = [
  [VM_HIGH_DROPPABLE, 'MAP_DROPPABLE (VM_DROPPABLE)'],
  [VM_HIGH_SEALED, 'sealed by mseal (VM_SEALED)'],
];

/** The names of VM_ bits. */
export function vmFlagNames(flags: number): string[] {
  return VM_FLAGS.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
}

/** Flags that describe pages, or that an area has by how it was made: a line of smaps does not set them. */
const DESCRIBING: number = VM_HUGETLB | VM_SOFTDIRTY;

/** The codes of VmFlags that become bits, as the newest kernel prints them. */
const CODES: ReadonlyMap<string, number> = new Map(
  VM_FLAGS.filter(([flag]) => (flag & DESCRIBING) === 0).map(([flag]) => [vmFlagsText(LINUX_6_18, flag), flag]),
);
const HIGH_CODES: ReadonlyMap<string, number> = new Map(
  VM_HIGH_FLAGS.map(([flag]) => [vmFlagsText(LINUX_6_18, 0, flag).trim(), flag]),
);

/** Returns VmFlags of smaps for the flags of an area, but those that only describe pages. */
export function codesOf(flags: number, high: number): string[] {
  const low = [...CODES].filter(([, flag]) => (flags & flag) !== 0).map(([code]) => code);
  return [...low, ...[...HIGH_CODES].filter(([, flag]) => (high & flag) !== 0).map(([code]) => code)];
}

/** Returns the VM_HIGH_ bits of an area: sealed, droppable. Only smaps shows them. */
export function highFlagsOf(line: SituationMapLine): number {
  let flags = 0;
  for (const code of line.vmFlags ?? []) flags |= HIGH_CODES.get(code) ?? 0;
  return flags;
}

/** What is said of a flag that only one of two areas has: `charged to Committed_AS (VM_ACCOUNT)`. */
function codeWords(code: string): string {
  const low = CODES.get(code);
  const known = VM_FLAGS.find(([flag]) => flag === low);
  if (known !== undefined) return `${known[2]} (${known[1]})`;
  const high = HIGH_CODES.get(code);
  return VM_HIGH_FLAGS.find(([flag]) => flag === high)?.[1] ?? `marked «${code}»`;
}

/** Returns in words how the VmFlags of two areas differ; empty when they are the same, but for soft dirty pages. */
export function flagDifference(lower: readonly string[], upper: readonly string[]): string {
  const only = (a: readonly string[], b: readonly string[]): string =>
    a
      .filter((code) => code !== 'sd' && !b.includes(code))
      .map(codeWords)
      .join(', ');
  return [
    ['the lower', only(lower, upper)],
    ['the upper', only(upper, lower)],
  ]
    .filter(([, what]) => what !== '')
    .map(([which, what]) => `only ${which} is ${what}`)
    .join('; ');
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
