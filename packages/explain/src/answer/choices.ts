/**
 * Describes what the kernel chose for a call, and by which rule: the address, the charge, the lock; what was ignored, replaced
 * and merged. Also what a failed call left changed.
 */
import { findVma, type Vma, placesAtPmdBorder } from '@vmarea/mm-core';
import {
  ADDR_COMPAT_LAYOUT,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_MERGEABLE,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_WIPEONFORK,
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_TYPE,
  OVERCOMMIT_ALWAYS,
  OVERCOMMIT_NEVER,
  PROT_WRITE,
  formatProt,
} from '@vmarea/uapi';
import { bytes, succeeded, type Outcome } from '@vmarea/what-if';
import { hex } from '../calls/verbs.ts';
import { FOREIGN_FLAGS } from '../input/foreign.ts';
import { areaName, narrowWindow } from './figures.ts';
import type { Snapshot } from './snapshot.ts';
import type { TraceEvent } from './recorder.ts';
import type { Subject } from './subject.ts';

/** A call that was made, with the state before it. */
export interface Made {
  readonly subject: Subject;
  readonly before: Snapshot;
  readonly outcome: Outcome;
  readonly events: readonly TraceEvent[];
}

const isFork = (name: string): boolean => name === 'fork' || name === 'clone' || name === 'clone3';
const size = (s: Subject, pages: number): string => bytes(pages * s.system.pageSize);

/** Returns why the layout is bottom-up. */
function legacyReason(s: Subject): string {
  if ((s.cur.personality & ADDR_COMPAT_LAYOUT) !== 0) return 'the personality has ADDR_COMPAT_LAYOUT';
  if (s.system.sysctl.legacyVaLayout !== 0) return 'vm.legacy_va_layout is set';
  if (s.cur.rlimits.stack === Infinity && s.system.arch.unlimitedStackIsLegacy)
    return 'the program was started with RLIMIT_STACK unlimited';
  return 'the program was started so';
}

/** Returns whether this kernel aligns the mapping to a huge page. */
function wantsBorder(s: Subject): boolean {
  if (s.hasFlag(MAP_HUGETLB)) return false;
  const hint = s.arg('addr');
  const rounded = hint - (hint & s.system.pageMask);
  return placesAtPmdBorder(s.mm, s.file, rounded, s.length, s.arg('flags'));
}

/** Explains the address of the mapping. */
function placement({ subject: s, before, outcome }: Made): string[] {
  const { mm } = s;
  const at = outcome.result;
  if (s.hasFlag(MAP_FIXED)) return [];
  const said: string[] = [];
  const hint = s.arg('addr');
  if (s.hasFlag(MAP_FIXED_NOREPLACE) && s.system.profile.mmap.fixedNoreplace) return [];
  if (hint !== 0 && before.hintDropped === '') {
    if (at === hint) return [`The hint ${hex(hint)} was taken: nothing was mapped there.`];
    if (at > hint && at - hint < s.system.pageSize)
      return [`The hint ${hex(hint)} was taken, rounded up to a page: nothing was mapped there.`];
    if (hint < s.system.mmapMinAddr && at === s.system.mmapMinAddr)
      return [`The hint ${hex(hint)} was raised to vm.mmap_min_addr, ${hex(s.system.mmapMinAddr)}.`];
  }
  if (hint !== 0 && before.hintDropped !== '')
    said.push(`The hint ${hex(hint)} was not taken: ${before.hintDropped}. MAP_FIXED_NOREPLACE would fail instead.`);
  const end = at + s.length;
  const narrow = narrowWindow(s);
  const above = findVma(mm, end);
  const upTo = above !== null && above.vmStart === end ? `, right below ${areaName(s, above)}` : '';
  if (narrow === null && wantsBorder(s) && at % s.system.arch.pmdSize === 0) {
    const pmd = bytes(s.system.arch.pmdSize);
    said.push(
      `Private anonymous memory whose length is a multiple of ${pmd} is placed on a border of ${pmd}, so that huge pages fit in it. The search from mmap_base ${hex(mm.mmapBase)} asks for a hole of ${bytes(s.length)} and ${pmd} more.`,
    );
  } else if (narrow !== null) {
    said.push(
      `MAP_32BIT searches from ${hex(narrow.start)} upwards to ${hex(narrow.end)}, whatever the layout is; the lowest hole that is long enough is taken.`,
    );
  } else if (mm.mmapLegacy) {
    said.push(
      `Addresses are searched from ${hex(mm.mmapBase)} upwards (legacy layout), because ${legacyReason(s)}; the lowest hole that is long enough is taken.`,
    );
  } else if (hint > s.system.arch.mapWindow && at > s.system.arch.mapWindow) {
    said.push(
      `A hint above ${hex(s.system.arch.mapWindow)} opens the whole address space of 5 levels of page tables, up to ${hex(mm.taskSize)}: it is searched from ${hex(mm.mmapBase + mm.taskSize - s.system.arch.mapWindow)} downwards.`,
    );
  } else if (at >= mm.mmapBase) {
    said.push(
      `No hole below mmap_base ${hex(mm.mmapBase)} was long enough, so the search went upwards from ${hex(s.system.arch.taskUnmappedBase)}.`,
    );
  } else {
    const skipped = end === mm.mmapBase ? ' (there: mmap_base itself)' : upTo;
    said.push(
      `Addresses are searched from mmap_base ${hex(mm.mmapBase)} downwards; this is the highest hole that is long enough${skipped}.`,
    );
    if (s.cur.rlimits.stack === Infinity)
      said.push(
        'mmap_base lies so low because RLIMIT_STACK is unlimited: most of the address space is kept for the stack.',
      );
    if (s.hasFlag(s.system.arch.mapAbove4G) && s.system.profile.layout.mapAbove4G)
      said.push('MAP_ABOVE4G ends the search at 4 GiB.');
  }
  if (s.unit > s.system.pageSize) said.push(`Address and length are multiples of the huge page, ${bytes(s.unit)}.`);
  return said;
}

/** Explains whether the call's memory was charged, and by which rule. */
function charge({ subject: s, before }: Made): string[] {
  const charged = s.system.committedAs - before.committed;
  const mode = s.system.sysctl.overcommitMemory;
  const { name } = s.call;
  if (isFork(name)) {
    if (charged <= 0) return [];
    return [`fork charged ${size(s, charged)} once more: the child may write to all private memory of its parent.`];
  }
  if (name === 'mprotect' || name === 'pkey_mprotect') {
    if (charged <= 0) return [];
    return [`${size(s, charged)} are charged now: private memory that becomes writable counts towards Committed_AS.`];
  }
  if (name !== 'mmap') return [];
  const noreserve = s.hasFlag(MAP_NORESERVE);
  const writes = (s.arg('prot') & PROT_WRITE) !== 0;
  const isPrivate = (s.arg('flags') & MAP_TYPE) === MAP_PRIVATE;
  if (charged > 0) {
    const ignored = noreserve && mode === OVERCOMMIT_NEVER ? ' vm.overcommit_memory=2 ignores MAP_NORESERVE.' : '';
    const always = mode === OVERCOMMIT_ALWAYS ? ' vm.overcommit_memory=1 counts it and never refuses.' : '';
    return [
      `${size(s, charged)} are charged to Committed_AS${isPrivate ? ' (private and writable)' : ' (shared memory is charged at once)'}.${ignored}${always}`,
    ];
  }
  if (s.hasFlag(MAP_HUGETLB) || s.unit > s.system.pageSize)
    return [
      noreserve
        ? 'No huge page is reserved (MAP_NORESERVE): the first touch takes one from the pool, or ends in SIGBUS.'
        : 'Huge pages are reserved from the pool and not charged to Committed_AS.',
    ];
  if (noreserve && writes) return [`Not charged to Committed_AS: MAP_NORESERVE, with vm.overcommit_memory=${mode}.`];
  if (isPrivate && !writes)
    return [
      `Not charged to Committed_AS: private memory that cannot be written costs nothing. It is charged when mprotect makes it writable.`,
    ];
  if (!isPrivate && s.file !== null)
    return ['Not charged to Committed_AS: a shared mapping of a file is backed by the file.'];
  return [];
}

/** Explains which pages were locked, and why. */
function locking({ subject: s, before }: Made): string[] {
  const more = s.mm.lockedVm - before.locked;
  if (more <= 0 || !['mmap', 'brk', 'mremap'].includes(s.call.name)) return [];
  if (s.call.name === 'mmap' && s.hasFlag(MAP_LOCKED)) return [];
  return before.lockFuture
    ? [`${size(s, more)} were locked and brought in at once: mlockall(MCL_FUTURE) holds for every new mapping.`]
    : [];
}

/** Names the arguments that had no effect. */
function ignored({ subject: s, outcome }: Made): string[] {
  const said: string[] = [];
  const { profile } = s.system;
  for (const [name, { sentence, known }] of FOREIGN_FLAGS)
    if (known?.(s.system) !== true && s.call.args.some((text) => text.includes(name))) said.push(sentence);
  if (s.call.name !== 'mmap') return said;
  if (s.hasFlag(MAP_FIXED_NOREPLACE) && !profile.mmap.fixedNoreplace)
    said.push(
      `MAP_FIXED_NOREPLACE is of 4.17 and unknown to ${profile.name}: the bit is ignored, and the address counts as a hint.`,
    );
  if ((s.arg('flags') & MAP_TYPE) === MAP_DROPPABLE && !profile.mmap.droppable)
    said.push(`MAP_DROPPABLE is of 6.11 and unknown to ${profile.name}.`);
  if (!succeeded(outcome)) return said;
  if (s.hasFlag(MAP_ANONYMOUS)) {
    const fd = s.arg('fd') | 0;
    if (fd !== -1) said.push(`Descriptor ${fd} is ignored: MAP_ANONYMOUS was given.`);
    if (s.arg('off') !== 0) said.push('The offset is not used for anonymous memory.');
  }
  const asked = s.arg('len');
  if (s.length !== asked)
    said.push(
      `The length ${asked} counts as ${bytes(s.length)}: whole ${s.unit > s.system.pageSize ? 'huge pages' : 'pages'}.`,
    );
  return said;
}

/** Describes the mappings that were replaced. */
function replaced({ subject: s, before, outcome }: Made): string[] {
  if (before.inRange.length === 0 || !succeeded(outcome)) return [];
  const what = before.inRange.join(', ') + (before.inRangeMore > 0 ? ` and ${before.inRangeMore} more areas` : '');
  if (s.call.name === 'mmap' && s.hasFlag(MAP_FIXED)) {
    const heap = before.inRange.some((area) => area.includes('[heap]'))
      ? ' The C library goes on using its heap there: this is rarely meant.'
      : '';
    return [
      `MAP_FIXED replaced ${size(s, before.mappedInRange)} of ${what}.${heap} MAP_FIXED_NOREPLACE would have answered EEXIST.`,
    ];
  }
  return [];
}

/** Describes how the areas changed. */
function shaped({ subject: s, before, outcome, events }: Made): string[] {
  const said: string[] = [];
  const { name } = s.call;
  const { mm } = s;
  if (name === 'munmap' && succeeded(outcome)) {
    if (before.mappedInRange === 0) return ['Nothing was mapped there, and munmap of nothing succeeds.'];
    const pages = Math.ceil(s.arg('len') / s.system.pageSize);
    if (before.mappedInRange < pages)
      said.push(
        `Only ${size(s, before.mappedInRange)} of ${size(s, pages)} were mapped; holes are no error for munmap.`,
      );
    if (s.length !== s.arg('len')) said.push(`The length ${s.arg('len')} counts as ${bytes(s.length)}: whole pages.`);
  }
  const merge = events.find((event) => event.kind === 'vma' && (event.event === 'merge' || event.event === 'expand'));
  if (
    merge?.kind === 'vma' &&
    (name === 'mmap' || name === 'mprotect' || name === 'brk' || name === 'mremap') &&
    succeeded(outcome)
  ) {
    const grown = findVma(mm, merge.start);
    if (grown !== null) said.push(`It joined its neighbour: ${areaName(s, grown)} is one area now.`);
  }
  if (name === 'mremap' && succeeded(outcome)) said.push(...remapped(s, outcome));
  if (mm.mapCount !== before.mapCount && !isFork(name)) {
    const split = events.some((event) => event.kind === 'vma' && event.event === 'split');
    if (split || mm.mapCount < before.mapCount)
      said.push(
        `The number of areas went from ${before.mapCount} to ${mm.mapCount}${split ? ' (an area was split)' : ''}.`,
      );
  }
  return said;
}

function remapped(s: Subject, outcome: Outcome): string[] {
  const old = s.arg('addr');
  if (outcome.result !== old)
    return [
      `It was moved from ${hex(old)} to ${hex(outcome.result)}, with its pages; old pointers into it are wrong now.`,
    ];
  if (s.arg('new_len') > s.arg('old_len')) return ['It grew in place: there was room behind it.'];
  return s.arg('new_len') < s.arg('old_len') ? ['It shrank in place.'] : ['Nothing had to be done.'];
}

/** Describes what a failed call left changed. */
function leftBehind({ subject: s, before, outcome }: Made): string[] {
  if (succeeded(outcome) || outcome.signal !== 0) return [];
  if (s.task.kernel.proc.maps(s.task) === before.maps) return [];
  if (s.mm.mapCount > before.mapCount)
    return [`The call failed, but a split that came before stays: ${before.mapCount} areas became ${s.mm.mapCount}.`];
  return ['The call failed, but what it had done before stays: see the map.'];
}

/** Describes the change of protection. */
function protection({ subject: s, before, outcome }: Made): string[] {
  if ((s.call.name !== 'mprotect' && s.call.name !== 'pkey_mprotect') || !succeeded(outcome)) return [];
  const vma: Vma | null = s.vmaAt(s.arg('addr'));
  if (vma === null) return [];
  return [
    `${hex(s.arg('addr'))}-${hex(s.arg('addr') + s.length)} is ${formatProt(vma.vmFlags & 7)} now; it was ${before.inRange.join(', ')}.`,
  ];
}

/** Describes the effect of the most common advice. */
const ADVICE: Readonly<Record<number, string>> = {
  [MADV_DONTNEED]:
    'The pages were dropped at once: private anonymous memory reads as zeroes afterwards, a file is read again.',
  [MADV_FREE]:
    'The pages may be dropped when memory is short; until then they keep what is in them, and a store keeps them.',
  [MADV_DONTFORK]: 'A child of fork will not have this memory.',
  [MADV_WIPEONFORK]: 'A child of fork will have zeroes here.',
  [MADV_MERGEABLE]: 'KSM may merge equal pages from now on.',
  [MADV_POPULATE_READ]: 'The pages were brought in for reading.',
  [MADV_POPULATE_WRITE]: 'The pages were brought in for writing.',
};

function advised({ subject: s, outcome }: Made): string[] {
  if (s.call.name !== 'madvise' || !succeeded(outcome)) return [];
  const advice = s.arg('advice');
  if (advice === MADV_HUGEPAGE) {
    const huge = s.system.arch.pmdSize;
    const start = Math.ceil(s.arg('addr') / huge) * huge;
    const fits = start + huge <= s.arg('addr') + s.length;
    const room = fits
      ? ''
      : ` The range holds no aligned huge page of ${bytes(huge)}, so none is used here: map ${bytes(huge)} more and use the aligned part.`;
    return [
      `The area is marked for transparent huge pages; they are taken at the first touch or later by khugepaged.${room}`,
    ];
  }
  const told = ADVICE[advice];
  return told === undefined ? [] : [told];
}

/** Explains a seal. */
function sealed({ subject: s, outcome }: Made): string[] {
  if (s.call.name !== 'mseal' || !succeeded(outcome)) return [];
  return [
    `${hex(s.arg('addr'))}-${hex(s.arg('addr') + s.length)} is sealed: munmap, mprotect, mremap and MAP_FIXED over it answer EPERM from now on, and nothing takes the seal away.`,
  ];
}

/** Returns the choices, each as a sentence, most important first. */
export function choicesOf(made: Made): string[] {
  const { subject, outcome } = made;
  const placed = subject.call.name === 'mmap' && succeeded(outcome) ? placement(made) : [];
  return [
    ...replaced(made),
    ...leftBehind(made),
    ...placed,
    ...protection(made),
    ...advised(made),
    ...sealed(made),
    ...shaped(made),
    ...(succeeded(outcome) ? charge(made) : []),
    ...locking(made),
    ...ignored(made),
  ];
}
