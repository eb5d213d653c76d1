/**
 * The numbers of a refusal, as a sentence: what exists, what was requested, what the limit is.
 *
 * Each is computed from the state before the call. Refusals without an entry have their reason alone.
 */
import { FMODE_READ, FMODE_WRITE, VM_GROWSDOWN, type Vma, findVmaIntersection, vmCommitLimit } from '@vmarea/mm-core';
import { SYS_MMAP_BAD_DESCRIPTOR, SYS_MMAP_NO_HUGE_SIZE, SYS_MMAP_OFFSET_UNALIGNED } from '@vmarea/kernel';
import {
  BRK_BELOW_START,
  BRK_MAX_MAP_COUNT,
  BRK_NO_ROOM,
  BRK_RLIMIT_DATA,
  DO_MMAP_BAD_TYPE,
  DO_MMAP_MAX_MAP_COUNT,
  DO_MMAP_NEEDS_FMODE_READ,
  DO_MMAP_NOEXEC,
  DO_MMAP_NOREPLACE,
  DO_MMAP_NO_MMAP_OPERATION,
  DO_MMAP_PGOFF_OVERFLOW,
  DO_MMAP_SHARED_WRITE_NEEDS_FMODE_WRITE,
  DO_MUNMAP_BEYOND_TASK_SIZE,
  DO_MUNMAP_MAX_MAP_COUNT,
  DO_MUNMAP_UNALIGNED,
  EXPAND_STACK_BELOW_MIN_ADDR,
  EXPAND_STACK_GUARD_GAP,
  EXPAND_STACK_RLIMIT_STACK,
  FAULT_ABOVE_TASK_SIZE,
  FAULT_BEYOND_EOF,
  FAULT_NOT_EXECUTABLE,
  FAULT_NOT_READABLE,
  FAULT_NOT_WRITABLE,
  FAULT_NO_VMA,
  GET_UNMAPPED_AREA_BEYOND_TASK_SIZE,
  GET_UNMAPPED_AREA_LEN_OVER_ROOM,
  GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE,
  GET_UNMAPPED_AREA_NO_GAP,
  GET_UNMAPPED_AREA_UNALIGNED,
  MADVISE_HOLE,
  MADVISE_UNALIGNED,
  MAY_EXPAND_VM_RLIMIT_AS,
  MAY_EXPAND_VM_RLIMIT_DATA,
  MINCORE_BEYOND_TASK_SIZE,
  MINCORE_UNALIGNED,
  MLOCK_FUTURE_CHECK_LIMIT,
  MLOCK_HOLE,
  MADVISE_UNKNOWN_ADVICE,
  MLOCK_LIMIT,
  MLOCK_NOT_MAPPED,
  MLOCK_NOT_PERMITTED,
  MMAP_REGION_SHARED_MEMORY,
  MPROTECT_DATA_LIMIT,
  MPROTECT_HOLE,
  MPROTECT_MAY_BITS,
  MPROTECT_NOT_MAPPED,
  MPROTECT_UNALIGNED,
  MREMAP_CROSSES_VMA,
  MREMAP_MAX_MAP_COUNT,
  MREMAP_MAY_NOT_MOVE,
  MREMAP_NEW_BEYOND_TASK_SIZE,
  MREMAP_NEW_UNALIGNED,
  MREMAP_NOT_MAPPED,
  MREMAP_OVERLAP,
  MREMAP_UNALIGNED,
  MSYNC_HOLE,
  MSYNC_UNALIGNED,
  SECURITY_MMAP_ADDR_REFUSED,
  SPLIT_VMA_HUGE_UNALIGNED,
  SPLIT_VMA_MAX_MAP_COUNT,
  VM_ENOUGH_MEMORY_GUESS,
  VM_ENOUGH_MEMORY_NEVER,
} from '@vmarea/mm-core/reasons';
import {
  CAP_IPC_LOCK,
  formatMadvise,
  formatProt,
  MAP_FIXED,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_SHARED,
  MAP_TYPE,
  OVERCOMMIT_NEVER,
} from '@vmarea/uapi';
import { parseDescriptor } from '@vmarea/strace';
import { bytes, exactBytes } from '@vmarea/what-if';
import { hex } from '../calls/verbs.ts';
import type { Reason } from './reason-book.ts';
import type { Subject } from './subject.ts';

type Figure = (s: Subject) => string;

/** Formats the address space of a program: `512 GiB (39-bit addresses)`. */
export function spaceOf(s: Subject): string {
  const bits = Math.round(Math.log2(s.mm.taskSize));
  // TASK_SIZE of x86-64 is one page less.
  return `${bytes(2 ** bits)} (${bits}-bit addresses)`;
}

/** The part of the address space that MAP_32BIT confines the search to; null without it, and for huge pages. */
export function narrowWindow(s: Subject): { readonly start: number; readonly end: number } | null {
  const { map32Bit } = s.system.arch;
  if (map32Bit === null || !s.hasFlag(map32Bit.flag) || s.hasFlag(MAP_HUGETLB | MAP_FIXED)) return null;
  return map32Bit;
}

/** Formats an area: `0x1000-0x3000 rw-p [heap]`. */
export function areaName(s: Subject, vma: Vma): string {
  const { mm } = s;
  const heap = vma.vmStart <= mm.brk && vma.vmEnd >= mm.startBrk && mm.brk > mm.startBrk && vma.vmFile === null;
  const stack = (vma.vmFlags & VM_GROWSDOWN) !== 0;
  const anon = vma.anonName === null ? '' : ` [anon:${vma.anonName}]`;
  const name = vma.vmFile !== null ? ` ${vma.vmFile.path()}` : heap ? ' [heap]' : stack ? ' [stack]' : anon;
  const rights = ['r', 'w', 'x'].map((letter, i) => ((vma.vmFlags & (1 << i)) === 0 ? '-' : letter)).join('');
  return `${hex(vma.vmStart)}-${hex(vma.vmEnd)} ${rights}${(vma.vmFlags & 8) === 0 ? 'p' : 's'}${name}`;
}

/** Returns the name of the call's file, if the input gave one. */
function fileName(s: Subject): string {
  const given = parseDescriptor(s.call.args[4] ?? '')?.path ?? null;
  const path = given ?? s.file?.path() ?? '';
  return path === '' || STAGED.test(path) ? 'the file' : path;
}

/** Names of files without a name in the input. */
const STAGED = /^\/(?:ram|tmp|huge)(?:-noexec)?\/file\d+$/;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Returns the pages that the call would add. */
function asked(s: Subject): number {
  const page = s.system.pageSize;
  switch (s.call.name) {
    case 'mremap':
      return Math.ceil((s.arg('new_len') - s.arg('old_len')) / page);
    case 'brk':
      return Math.ceil(Math.max(0, s.arg('addr') - s.mm.brk) / page);
    case 'mlock':
    case 'mlock2':
      return Math.ceil(s.arg('len') / page);
    case 'mlockall':
      return s.mm.totalVm;
    default:
      return s.pages;
  }
}

const size = (s: Subject, pages: number): string => bytes(pages * s.system.pageSize);

function lockFigure(s: Subject): string {
  const { call, mm, cur } = s;
  const limit = exactBytes(cur.rlimits.memlock);
  const already = mm.lockedVm === 0 ? '' : `${size(s, mm.lockedVm)} are locked already and `;
  const future = (call.name === 'mmap' && !s.hasFlag(MAP_LOCKED)) || call.name === 'brk';
  const why = future ? 'mlockall(MCL_FUTURE) locks every new mapping: ' : '';
  const errno =
    call.name === 'mmap' || call.name === 'mremap' ? ' mmap and mremap answer EAGAIN here, mlock ENOMEM.' : '';
  return `${why}${already}${size(s, asked(s))} ${already === '' ? 'are' : 'more are'} to be locked, and RLIMIT_MEMLOCK is ${limit}.${errno}`;
}

function commitNever(s: Subject): string {
  const { system, call, cur, mm } = s;
  const kb = system.pageSize / 1024;
  const { sysctl } = system;
  const own = Math.min(Math.floor(mm.totalVm / 32), Math.floor(sysctl.userReserveKbytes / kb));
  const admin = Math.floor(sysctl.adminReserveKbytes / kb);
  const limit = vmCommitLimit(system);
  const isAdmin = (cur.cred.capLow & (1 << 21)) !== 0;
  const usable = limit - own - (isAdmin ? 0 : admin);
  const ask = call.name === 'fork' || call.name.startsWith('clone') ? accountedPages(s) : asked(s);
  const ratio =
    sysctl.overcommitKbytes !== 0
      ? `vm.overcommit_kbytes ${sysctl.overcommitKbytes}`
      : `${sysctl.overcommitRatio} % of ${size(s, system.ram.totalPages())} of RAM`;
  const why =
    call.name === 'fork' || call.name.startsWith('clone')
      ? 'fork charges the private writable memory of the process once more, for the child: '
      : call.name === 'mprotect'
        ? 'Memory that becomes writable is charged now: '
        : '';
  const noreserve = call.name === 'mmap' && s.hasFlag(MAP_NORESERVE) ? ' Mode 2 ignores MAP_NORESERVE.' : '';
  return (
    `${why}${size(s, Math.max(0, system.committedAs))} are committed, ${size(s, ask)} more ${call.name === 'fork' ? 'would be' : 'are asked for'}, ` +
    `and CommitLimit leaves ${size(s, Math.max(0, usable))} (${ratio}${system.ram.swapPages() > 0 ? `, ${size(s, system.ram.swapPages())} of swap` : ''}, less the reserves). How much memory is free does not matter.${noreserve}`
  );
}

/** Returns the pages that fork charges: those of the areas with VM_ACCOUNT. */
function accountedPages(s: Subject): number {
  let pages = 0;
  for (let vma = s.mm.tree.first; vma !== null; vma = vma.vmNext) {
    if ((vma.vmFlags & 0x100000) !== 0) pages += (vma.vmEnd - vma.vmStart) / s.system.pageSize;
  }
  return pages;
}

function commitGuess(s: Subject): string {
  const { system, call } = s;
  const free = system.profile.limits.overcommitGuessFree;
  const room = free ? system.ram.guessFreePages() : system.ram.totalPages() + system.ram.swapPages();
  const what = free ? 'free and reclaimable memory is' : 'RAM and swap together are';
  const why = call.name === 'mprotect' ? 'Memory that becomes writable is charged now: ' : '';
  return `${why}${size(s, asked(s))} are asked for in one piece, and ${what} ${size(s, room)}.`;
}

function mapCount(s: Subject): string {
  const max = s.system.sysctl.maxMapCount;
  const areas = `The process has ${s.mm.mapCount} areas and vm.max_map_count is ${max}`;
  if (s.call.name === 'mmap')
    return `${areas}. mmap refuses only when the count is above the limit, so ${max + 1} can exist.`;
  if (s.mm.mapCount < max) return `${areas}: the first cut of the call reaches the limit, and the second is refused.`;
  return `${areas}; the call would cut an area in two.`;
}

function unaligned(name: string): Figure {
  return (s) => {
    const value = s.arg(name);
    const page = s.system.pageSize;
    const over = ((value % page) + page) % page;
    return `${name} ${hex(value)} is ${bytes(over)} past ${hex(value - over)}, and pages are ${bytes(page)}.`;
  };
}

function beyond(addr: string, len: string): Figure {
  return (s) => {
    const end = s.arg(addr) + Math.ceil(s.arg(len) / s.system.pageSize) * s.system.pageSize;
    return `The range ends at ${hex(end)}, and the addresses of a program end at ${hex(s.mm.taskSize)}: ${spaceOf(s)}.`;
  };
}

/** Names the nearest areas around an unmapped address. */
function nothingAt(s: Subject, at: number): string {
  const next = findVmaIntersection(s.mm, at, s.mm.taskSize);
  const previous = next === null ? s.mm.tree.last : next.vmPrev;
  const below = previous === null ? '' : `; the area below ends at ${hex(previous.vmEnd)}`;
  const above = next === null ? '' : `${below === '' ? ';' : ' and'} the next one begins at ${hex(next.vmStart)}`;
  return `Nothing is mapped at ${hex(at)}${below}${above}.`;
}

const notMapped =
  (name: string): Figure =>
  (s) =>
    nothingAt(s, s.arg(name));

/** Describes the first hole of a range. */
function holeIn(s: Subject, start: number, end: number): string {
  let at = start;
  for (let vma = findVmaIntersection(s.mm, start, end); vma !== null && vma.vmStart <= at && at < end; vma = vma.vmNext)
    at = vma.vmEnd;
  if (at >= end) return `${hex(start)}-${hex(end)} is mapped throughout.`;
  const next = findVmaIntersection(s.mm, at, end);
  return `From ${hex(at)} to ${hex(next === null ? end : next.vmStart)} nothing is mapped.`;
}

function stackFigure(s: Subject): { vma: Vma; wanted: number; below: Vma | null } | null {
  const at = s.arg('addr');
  const vma = findVmaIntersection(s.mm, at, s.mm.taskSize);
  if (vma === null) return null;
  const page = s.system.pageSize;
  return { vma, wanted: vma.vmEnd - (at - (at % page)), below: vma.vmPrev };
}

/** Returns the open mode of the call's file. */
export function openMode(s: Subject): string {
  const fMode = s.file?.fMode ?? 0;
  const read = (fMode & FMODE_READ) !== 0;
  const write = (fMode & FMODE_WRITE) !== 0;
  return read && write ? 'read-write' : write ? 'write-only' : 'read-only';
}

/** Describes the access that the area allows. */
function rights(needed: string): Figure {
  return (s) => {
    const vma = s.vmaAt(s.arg('addr'));
    return vma === null ? nothingAt(s, s.arg('addr')) : `The area is ${areaName(s, vma)}: ${needed} is not allowed.`;
  };
}

/** Returns the longest hole that a search considers, in bytes. */
export function longestHole(s: Subject): number {
  const { mm, system } = s;
  const narrow = narrowWindow(s);
  const low = narrow?.start ?? (mm.mmapLegacy ? mm.mmapBase : Math.max(system.pageSize, system.mmapMinAddr));
  const high = narrow?.end ?? (mm.mmapLegacy ? mm.taskSize : mm.mmapBase);
  let from = low;
  let longest = 0;
  for (let vma = mm.tree.first; vma !== null && vma.vmStart < high; vma = vma.vmNext) {
    longest = Math.max(longest, vma.vmStart - from);
    from = Math.max(from, vma.vmEnd);
  }
  return Math.max(longest, high - from, 0);
}

/** Describes the pool of a mapping of huge pages. */
function pool(s: Subject): string {
  const { hugePool } = s.task.kernel;
  const unit = s.unit;
  const needed = Math.ceil(s.length / unit);
  if (hugePool === null) return `The kernel has no pool, and ${needed} huge pages of ${bytes(unit)} are needed.`;
  const free = hugePool.size === unit ? Math.max(0, hugePool.freeHugePages - hugePool.resvHugePages) : 0;
  const total = hugePool.size === unit ? hugePool.nrHugePages : 0;
  const reserved =
    hugePool.size === unit && hugePool.resvHugePages > 0 ? `, ${hugePool.resvHugePages} promised to others` : '';
  const counter =
    hugePool.size === unit ? 'vm.nr_hugepages' : `/sys/kernel/mm/hugepages/hugepages-${unit / 1024}kB/nr_hugepages`;
  return `The pool has ${free} free pages of ${bytes(unit)} (${counter} is ${total}${reserved}), and ${needed} ${needed === 1 ? 'is' : 'are'} needed.`;
}

/** The release that brought an advice. */
const ADVICE_SINCE: ReadonlyMap<number, string> = new Map([
  [8, '4.5'],
  [18, '4.14'],
  [19, '4.14'],
  [20, '5.4'],
  [21, '5.4'],
  [22, '5.14'],
  [23, '5.14'],
  [24, '5.18'],
  [25, '6.1'],
  [102, '6.13'],
  [103, '6.13'],
]);

const FIGURES: Readonly<Record<number, Figure>> = {
  [SYS_MMAP_BAD_DESCRIPTOR]: (s) =>
    `Descriptor ${s.arg('fd') | 0} is not open. «--file ${Math.max(3, s.arg('fd') | 0)}=rw,size=64k» opens a file there.`,
  [SYS_MMAP_OFFSET_UNALIGNED]: unaligned('off'),
  [SYS_MMAP_NO_HUGE_SIZE]: (s) => `The flags ask for huge pages of ${bytes(2 ** ((s.arg('flags') >>> 26) & 0x3f))}.`,
  [DO_MMAP_MAX_MAP_COUNT]: mapCount,
  [DO_MUNMAP_MAX_MAP_COUNT]: mapCount,
  [SPLIT_VMA_MAX_MAP_COUNT]: mapCount,
  [MREMAP_MAX_MAP_COUNT]: mapCount,
  [BRK_MAX_MAP_COUNT]: mapCount,
  [MAY_EXPAND_VM_RLIMIT_AS]: (s) =>
    `${size(s, s.mm.totalVm)} are mapped and ${size(s, asked(s))} more are asked for, which counts whether or not it is ever touched; RLIMIT_AS is ${exactBytes(s.cur.rlimits.as)}.`,
  [MAY_EXPAND_VM_RLIMIT_DATA]: (s) =>
    `${size(s, s.mm.dataVm)} of private writable memory are mapped and ${size(s, asked(s))} more are asked for; RLIMIT_DATA is ${exactBytes(s.cur.rlimits.data)}.`,
  [MPROTECT_DATA_LIMIT]: (s) =>
    `${size(s, s.mm.dataVm)} of private writable memory are mapped and ${size(s, s.pages)} would become so; RLIMIT_DATA is ${exactBytes(s.cur.rlimits.data)}.`,
  [BRK_RLIMIT_DATA]: (s) =>
    `The heap would be ${bytes(Math.max(0, s.arg('addr') - s.mm.startBrk))}; RLIMIT_DATA is ${exactBytes(s.cur.rlimits.data)}.`,
  [BRK_BELOW_START]: (s) => `The heap begins at ${hex(s.mm.startBrk)}, and ${hex(s.arg('addr'))} lies below it.`,
  [BRK_NO_ROOM]: (s) => {
    const next = findVmaIntersection(s.mm, s.mm.brk, s.mm.taskSize);
    return next === null ? '' : `The heap ends at ${hex(s.mm.brk)} and ${areaName(s, next)} stands in its way.`;
  },
  [MLOCK_FUTURE_CHECK_LIMIT]: lockFigure,
  [MLOCK_LIMIT]: lockFigure,
  [MADVISE_UNKNOWN_ADVICE]: (s) => {
    const since = ADVICE_SINCE.get(s.arg('advice'));
    return since === undefined ? '' : `${formatMadvise(s.arg('advice'))} is of ${since}.`;
  },
  [MLOCK_NOT_PERMITTED]: (s) =>
    `RLIMIT_MEMLOCK is ${exactBytes(s.cur.rlimits.memlock)} and the caller has no ${s.capability(CAP_IPC_LOCK).split(':')[0]!}.`,
  [MLOCK_NOT_MAPPED]: notMapped('addr'),
  [VM_ENOUGH_MEMORY_GUESS]: commitGuess,
  [VM_ENOUGH_MEMORY_NEVER]: commitNever,
  [MMAP_REGION_SHARED_MEMORY]: (s) =>
    s.system.sysctl.overcommitMemory === OVERCOMMIT_NEVER ? commitNever(s) : commitGuess(s),
  [SPLIT_VMA_HUGE_UNALIGNED]: (s) => {
    const vma = s.vmaAt(s.arg('addr'));
    const huge = vma?.vmFile?.hugePageSize ?? 0;
    return `addr ${hex(s.arg('addr'))}, len ${bytes(s.arg('len'))}; the huge pages there are ${bytes(huge)}.`;
  },
  [GET_UNMAPPED_AREA_NO_GAP]: (s) => {
    const narrow = narrowWindow(s);
    const where =
      narrow === null
        ? `of ${spaceOf(s)}`
        : `between ${hex(narrow.start)} and ${hex(narrow.end)}, where MAP_32BIT searches: without the flag the whole address space is searched`;
    return `${bytes(s.length)} are asked for and the longest hole has ${bytes(longestHole(s))} ${where}.`;
  },
  [GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE]: (s) => `${bytes(s.length)} are asked for, and a program has ${spaceOf(s)}.`,
  [GET_UNMAPPED_AREA_LEN_OVER_ROOM]: (s) => {
    const narrow = narrowWindow(s);
    if (narrow === null) return `${bytes(s.length)} are asked for, and a program has ${spaceOf(s)}.`;
    return `${bytes(s.length)} are asked for, and MAP_32BIT searches only from ${hex(narrow.start)} to ${hex(narrow.end)}.`;
  },
  [GET_UNMAPPED_AREA_BEYOND_TASK_SIZE]: beyond('addr', 'len'),
  [DO_MUNMAP_BEYOND_TASK_SIZE]: beyond('addr', 'len'),
  [MINCORE_BEYOND_TASK_SIZE]: beyond('addr', 'len'),
  [MREMAP_NEW_BEYOND_TASK_SIZE]: beyond('new_addr', 'new_len'),
  [GET_UNMAPPED_AREA_UNALIGNED]: unaligned('addr'),
  [DO_MUNMAP_UNALIGNED]: unaligned('addr'),
  [MPROTECT_UNALIGNED]: unaligned('addr'),
  [MADVISE_UNALIGNED]: unaligned('addr'),
  [MSYNC_UNALIGNED]: unaligned('addr'),
  [MINCORE_UNALIGNED]: unaligned('addr'),
  [MREMAP_UNALIGNED]: unaligned('addr'),
  [MREMAP_NEW_UNALIGNED]: unaligned('new_addr'),
  [DO_MMAP_PGOFF_OVERFLOW]: (s) => `The offset is ${s.arg('off')}.`,
  [SECURITY_MMAP_ADDR_REFUSED]: (s) =>
    `addr ${hex(s.arg('addr'))} is below vm.mmap_min_addr ${hex(s.system.sysctl.mmapMinAddr)}.`,
  [DO_MMAP_NOREPLACE]: (s) => {
    const vma = findVmaIntersection(s.mm, s.arg('addr'), s.arg('addr') + s.length);
    return vma === null ? '' : `${areaName(s, vma)} is in the range.`;
  },
  [DO_MMAP_SHARED_WRITE_NEEDS_FMODE_WRITE]: (s) => `Descriptor ${s.arg('fd')} (${fileName(s)}) is open ${openMode(s)}.`,
  [DO_MMAP_NEEDS_FMODE_READ]: (s) => `Descriptor ${s.arg('fd')} (${fileName(s)}) is open ${openMode(s)}.`,
  [DO_MMAP_NOEXEC]: (s) =>
    `${capital(fileName(s))} lies on a mount with noexec. Without PROT_EXEC it can be mapped, but mprotect cannot add it later (EACCES).`,
  [DO_MMAP_NO_MMAP_OPERATION]: (s) => `${capital(fileName(s))} has no mmap operation.`,
  [DO_MMAP_BAD_TYPE]: (s) =>
    `The type in the flags is ${s.arg('flags') & MAP_TYPE}; MAP_SHARED is ${MAP_SHARED}, MAP_PRIVATE 2.`,
  [MPROTECT_NOT_MAPPED]: notMapped('addr'),
  [MPROTECT_HOLE]: (s) => holeIn(s, s.arg('addr'), s.arg('addr') + s.length),
  [MADVISE_HOLE]: (s) => holeIn(s, s.arg('addr'), s.arg('addr') + s.length),
  [MLOCK_HOLE]: (s) => holeIn(s, s.arg('addr'), s.arg('addr') + s.length),
  [MSYNC_HOLE]: (s) => holeIn(s, s.arg('addr'), s.arg('addr') + s.length),
  [MPROTECT_MAY_BITS]: (s) => {
    const vma = s.vmaAt(s.arg('addr'));
    const may = vma === null ? 0 : (vma.vmFlags >> 4) & 7;
    return `${formatProt(s.arg('prot'))} is asked for, and the area may have at most ${formatProt(may)}: its file was opened ${(may & 2) === 0 ? 'read-only' : 'so'}${(may & 4) === 0 ? ' or its mount has noexec' : ''}.`;
  },
  [MREMAP_NOT_MAPPED]: notMapped('addr'),
  [MREMAP_CROSSES_VMA]: (s) => {
    const vma = s.vmaAt(s.arg('addr'));
    const end = s.arg('addr') + s.arg('old_len');
    if (vma === null) return '';
    return `The old range ends at ${hex(end)}, but the area ${areaName(s, vma)} ends at ${hex(vma.vmEnd)}: mremap takes one area at a time.`;
  },
  [MREMAP_MAY_NOT_MOVE]: (s) => {
    const vma = s.vmaAt(s.arg('addr'));
    const next = vma?.vmNext ?? null;
    if (vma === null) return '';
    const end = s.arg('addr') + s.arg('old_len');
    if (end < vma.vmEnd)
      return `The range ends at ${hex(end)}, within its area, which ends at ${hex(vma.vmEnd)}: only the end of an area can grow in place.`;
    const room = next === null ? s.mm.taskSize - vma.vmEnd : next.vmStart - vma.vmEnd;
    return `It would have to grow by ${bytes(s.arg('new_len') - s.arg('old_len'))} and behind it ${room === 0 ? 'the next area begins at once' : `are ${bytes(room)} free`}.`;
  },
  [MREMAP_OVERLAP]: (s) =>
    `Old ${hex(s.arg('addr'))}-${hex(s.arg('addr') + s.arg('old_len'))}, new ${hex(s.arg('new_addr'))}-${hex(s.arg('new_addr') + s.arg('new_len'))}.`,
  [FAULT_NO_VMA]: notMapped('addr'),
  [FAULT_ABOVE_TASK_SIZE]: (s) =>
    `${hex(s.arg('addr'))} lies above the addresses of a program, which end at ${hex(s.mm.taskSize)}.`,
  [FAULT_NOT_READABLE]: rights('reading'),
  [FAULT_NOT_WRITABLE]: rights('writing'),
  [FAULT_NOT_EXECUTABLE]: rights('execution'),
  [FAULT_BEYOND_EOF]: (s) => {
    const vma = s.vmaAt(s.arg('addr'));
    if (vma?.vmFile == null) return '';
    const page = s.system.pageSize;
    const offset = s.arg('addr') - vma.vmStart + vma.vmPgoff * page;
    const length = vma.vmFile.fInode.iSize;
    return `The access is at byte ${offset} of the file, which has ${bytes(length)}; the page in which it ends can be touched, pages behind it cannot.`;
  },
  [EXPAND_STACK_RLIMIT_STACK]: (s) => {
    const stack = stackFigure(s);
    if (stack === null) return '';
    return `The stack would have ${bytes(stack.wanted)} and RLIMIT_STACK is ${exactBytes(s.cur.rlimits.stack)}.`;
  },
  [EXPAND_STACK_GUARD_GAP]: (s) => {
    const stack = stackFigure(s);
    if (stack === null) return '';
    const { below } = stack;
    const at = s.arg('addr') - (s.arg('addr') % s.system.pageSize);
    const gap = below === null ? '' : `${bytes(at - below.vmEnd)} above ${areaName(s, below)}, `;
    return `The page would lie ${gap}and ${bytes(s.system.stackGuardGap)} must stay free below a stack.`;
  },
};

/** The numbers of drivers' refusals, by id, since the packages of drivers declare their own reasons. */
const BY_ID: Readonly<Record<string, Figure>> = {
  'hugetlb.reserve_exhausted': pool,
  'hugetlb.no_size': (s) => (s.hasFlag(MAP_HUGETLB) ? `The flags ask for huge pages of ${bytes(s.unit)}.` : ''),
  'hugetlb.length_unaligned': (s) =>
    `${s.hasFlag(MAP_FIXED) ? `addr ${hex(s.arg('addr'))}, ` : ''}len ${bytes(s.arg('len'))}; huge pages are ${bytes(s.unit)}.`,
  'hugetlb.offset_unaligned': (s) => `off ${hex(s.arg('off'))}; huge pages are ${bytes(s.unit)}.`,
  'shmem.commit': (s) => (s.system.sysctl.overcommitMemory === OVERCOMMIT_NEVER ? commitNever(s) : commitGuess(s)),
};

/**
 * Returns the numbers of a refusal.
 *
 * @param s the call and the state before it
 * @returns a sentence; empty when there is nothing to add to the reason
 */
export function figuresOf(s: Subject, decision: number, id: string): string {
  const figure = FIGURES[decision] ?? BY_ID[id];
  return figure === undefined ? '' : figure(s);
}

/** An access this many bytes below a stack does not belong to the stack. */
const FAR_BELOW = 2 ** 26;

/** Describes a wild access that the kernel treats as stack growth, because the stack is the next area above. */
function wildAccess(s: Subject): string {
  const at = s.arg('addr');
  const stack = stackFigure(s);
  if (stack === null || stack.vma.vmStart - at < FAR_BELOW) return '';
  const pointer = at < 65536 ? ' It looks like a null pointer with an offset.' : '';
  return `${nothingAt(s, at)}${pointer} The kernel asks whether the stack above may grow that far:`;
}

/**
 * Returns why a call failed and what to do, in sentences about this call.
 *
 * @param reason the reason of the refusal
 */
export function sentencesOf(s: Subject, reason: Reason): { readonly sentence: string; readonly advice: string } {
  const { decision, sentence, change } = reason;
  const ofStack =
    decision === EXPAND_STACK_RLIMIT_STACK ||
    decision === EXPAND_STACK_BELOW_MIN_ADDR ||
    decision === EXPAND_STACK_GUARD_GAP;
  const wild = ofStack ? wildAccess(s) : '';
  if (wild === '') return { sentence, advice: change };
  return {
    sentence: `${wild} ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`,
    advice: 'Look where the pointer comes from: nothing was mapped there when it was used.',
  };
}
