/**
 * The checks of each call, in the kernel's order, and how to print their operands.
 *
 * A rule defines when its check is made (`when`) and formats the operands before the call. It does not compute whether the
 * check passed: the engine's own decision shows it.
 */
import {
  S_APPEND,
  VM_ACCESS_FLAGS,
  VM_LOCKED,
  VM_NORESERVE,
  VM_SHARED,
  type Vma,
  accountableMapping,
  countVmaPagesRange,
  findVmaIntersection,
  vmCommitLimit,
} from '@vmarea/mm-core';
import {
  MLOCK2_BAD_FLAGS,
  SYS_MMAP_BAD_DESCRIPTOR,
  SYS_MMAP_NO_HUGE_FILE,
  SYS_MMAP_NO_HUGE_SIZE,
  SYS_MMAP_OFFSET_UNALIGNED,
} from '@vmarea/kernel';
import {
  BRK_BELOW_START,
  BRK_MAX_MAP_COUNT,
  BRK_NO_ROOM,
  BRK_RLIMIT_DATA,
  DO_MMAP_BAD_TYPE,
  DO_MMAP_CANNOT_MLOCK,
  DO_MMAP_FILE_GROWSDOWN,
  DO_MMAP_FILE_OFFSET,
  DO_MMAP_LEN_WRAPS,
  DO_MMAP_MANDATORY_LOCK,
  DO_MMAP_MAX_MAP_COUNT,
  DO_MMAP_NEEDS_FMODE_READ,
  DO_MMAP_NOEXEC,
  DO_MMAP_NOREPLACE,
  DO_MMAP_NO_MMAP_OPERATION,
  DO_MMAP_PGOFF_OVERFLOW,
  DO_MMAP_SHARED_APPEND_ONLY,
  DO_MMAP_SHARED_GROWSDOWN,
  DO_MMAP_SHARED_WRITE_NEEDS_FMODE_WRITE,
  DO_MMAP_UNKNOWN_FLAG,
  DO_MMAP_ZERO_LEN,
  DO_MUNMAP_BEYOND_TASK_SIZE,
  DO_MUNMAP_MAX_MAP_COUNT,
  DO_MUNMAP_UNALIGNED,
  DO_MUNMAP_ZERO_LEN,
  EXPAND_STACK_GUARD_GAP,
  EXPAND_STACK_RLIMIT_MEMLOCK,
  EXPAND_STACK_RLIMIT_STACK,
  FAULT_ABOVE_TASK_SIZE,
  FAULT_BEYOND_EOF,
  FAULT_NOT_CANONICAL,
  FAULT_NOT_EXECUTABLE,
  FAULT_NOT_READABLE,
  FAULT_NOT_WRITABLE,
  FAULT_NO_VMA,
  GET_UNMAPPED_AREA_BEYOND_TASK_SIZE,
  GET_UNMAPPED_AREA_LEN_OVER_ROOM,
  GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE,
  GET_UNMAPPED_AREA_NO_GAP,
  GET_UNMAPPED_AREA_UNALIGNED,
  MADVISE_FREE_FILE,
  MADVISE_HOLE,
  MADVISE_HUGE,
  MADVISE_LOCKED,
  MADVISE_REMOVE_LOCKED,
  MADVISE_REMOVE_NOT_WRITABLE,
  MADVISE_REMOVE_NO_FILE,
  MADVISE_REMOVE_UNSUPPORTED,
  MADVISE_UNALIGNED,
  MADVISE_UNKNOWN_ADVICE,
  MADVISE_WRAPS,
  MAY_EXPAND_VM_RLIMIT_AS,
  MAY_EXPAND_VM_RLIMIT_DATA,
  MLOCKALL_BAD_FLAGS,
  MLOCK_CANNOT_POPULATE,
  MLOCK_FUTURE_CHECK_LIMIT,
  MLOCK_HOLE,
  MLOCK_LIMIT,
  MLOCK_NOT_MAPPED,
  MLOCK_NOT_PERMITTED,
  MLOCK_WRAPS,
  MMAP_REGION_CLEAR_OLD_MAPS,
  MMAP_REGION_DRIVER_REFUSED,
  MMAP_REGION_SEALED,
  MMAP_REGION_SHARED_MEMORY,
  MPROTECT_BAD_PROT,
  MPROTECT_DATA_LIMIT,
  MPROTECT_GROWS_BOTH,
  MPROTECT_HOLE,
  MPROTECT_MAY_BITS,
  MPROTECT_NOT_MAPPED,
  MPROTECT_UNALIGNED,
  MPROTECT_WRAPS,
  MREMAP_CROSSES_VMA,
  MREMAP_FIXED_NEEDS_MAYMOVE,
  MREMAP_MAX_MAP_COUNT,
  MREMAP_MAY_NOT_MOVE,
  MREMAP_NEW_BEYOND_TASK_SIZE,
  MREMAP_NEW_UNALIGNED,
  MREMAP_NOT_MAPPED,
  MREMAP_OVERLAP,
  MREMAP_SPECIAL,
  MREMAP_UNALIGNED,
  MREMAP_UNKNOWN_FLAG,
  MREMAP_ZERO_LEN,
  MSYNC_BAD_FLAGS,
  MSYNC_BOTH_MODES,
  MSYNC_HOLE,
  MSYNC_LOCKED,
  MSYNC_UNALIGNED,
  MSYNC_WRAPS,
  SECURITY_FILE_MPROTECT_REFUSED,
  SECURITY_MMAP_ADDR_REFUSED,
  SECURITY_MMAP_FILE_REFUSED,
  SPLIT_VMA_HUGE_UNALIGNED,
  SPLIT_VMA_MAX_MAP_COUNT,
  SPLIT_VMA_REFUSED,
  VM_ENOUGH_MEMORY_GUESS,
  VM_ENOUGH_MEMORY_NEVER,
} from '@vmarea/mm-core/reasons';
import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  MREMAP_FIXED,
  OVERCOMMIT_NEVER,
  PROT_EXEC,
  PROT_WRITE,
  formatMadvise,
  formatProt,
} from '@vmarea/uapi';
import { bytes, pageCount } from '@vmarea/what-if';
import { hex } from '../calls/verbs.ts';
import { longestHole, narrowWindow, openMode } from './figures.ts';
import type { Subject } from './subject.ts';

/** One check. */
export interface CheckRule {
  readonly decision: number;
  /** Returns whether the check is made; absent: always. */
  readonly when?: ((s: Subject) => boolean) | undefined;
  /** Formats the compared values. */
  readonly operands: (s: Subject) => string;
}

const fixed = (s: Subject): boolean =>
  s.hasFlag(MAP_FIXED) || (s.system.profile.mmap.fixedNoreplace && s.hasFlag(MAP_FIXED_NOREPLACE));
const anonymous = (s: Subject): boolean => s.hasFlag(MAP_ANONYMOUS);
const type = (s: Subject): number => s.arg('flags') & MAP_TYPE;
const sharedFile = (s: Subject): boolean =>
  s.file !== null &&
  (type(s) === MAP_SHARED || (type(s) === MAP_SHARED_VALIDATE && s.system.profile.mmap.sharedValidate));
const prot = (s: Subject): string => formatProt(s.arg('prot'));
const writesPrivately = (s: Subject): boolean => {
  const shared = type(s) !== MAP_PRIVATE;
  const noreserve = s.hasFlag(MAP_NORESERVE) && s.system.sysctl.overcommitMemory !== OVERCOMMIT_NEVER;
  const vmFlags = (s.arg('prot') & VM_ACCESS_FLAGS) | (shared ? VM_SHARED : 0) | (noreserve ? VM_NORESERVE : 0);
  return !s.hasFlag(MAP_HUGETLB) && accountableMapping(s.file, vmFlags);
};
const locks = (s: Subject): boolean => s.hasFlag(MAP_LOCKED) || (s.mm.defFlags & VM_LOCKED) !== 0;

function lockOperands(s: Subject, pages: number): string {
  const limit = s.cur.rlimits.memlock;
  return `locked ${pageCount(s.mm.lockedVm)} + ${pageCount(pages)}, RLIMIT_MEMLOCK ${bytes(limit)}, ${s.capability(CAP_IPC_LOCK)}`;
}

function asOperands(s: Subject, pages: number): string {
  return `total_vm ${pageCount(s.mm.totalVm)} + ${pageCount(pages)}, RLIMIT_AS ${bytes(s.cur.rlimits.as)}`;
}

function dataOperands(s: Subject, pages: number): string {
  return `data_vm ${pageCount(s.mm.dataVm)} + ${pageCount(pages)}, RLIMIT_DATA ${bytes(s.cur.rlimits.data)}`;
}

function commitOperands(s: Subject, pages: number): string {
  const { system } = s;
  const kb = system.pageSize / 1024;
  const { overcommitMemory } = system.sysctl;
  if (overcommitMemory === OVERCOMMIT_NEVER) {
    return `Committed_AS ${system.committedAs * kb} kB + ${pages * kb} kB, CommitLimit ${vmCommitLimit(system) * kb} kB less the reserves, ${s.capability(CAP_SYS_ADMIN)}`;
  }
  const free = system.profile.limits.overcommitGuessFree;
  const room = free ? system.ram.guessFreePages() : system.ram.totalPages() + system.ram.swapPages();
  return `${pages * kb} kB, ${free ? 'free and reclaimable' : 'RAM and swap'} ${room * kb} kB`;
}

const guesses = (s: Subject): boolean => s.system.sysctl.overcommitMemory === 0;
const nevers = (s: Subject): boolean => s.system.sysctl.overcommitMemory === OVERCOMMIT_NEVER;
const mapCount = (s: Subject): string => `map_count ${s.mm.mapCount}, vm.max_map_count ${s.system.sysctl.maxMapCount}`;
const aligned =
  (name: string) =>
  (s: Subject): string =>
    `${name} ${hex(s.arg(name))}, page size ${hex(s.system.pageSize)}`;
const inTask =
  (name: string, length: string) =>
  (s: Subject): string =>
    `${name} ${hex(s.arg(name))} + ${bytes(s.arg(length))}, TASK_SIZE ${hex(s.mm.taskSize)}`;

function where(vma: Vma | null): string {
  return vma === null ? 'nothing is mapped there' : `${hex(vma.vmStart)}-${hex(vma.vmEnd)}`;
}
const vmaOf =
  (name: string) =>
  (s: Subject): string =>
    `${name} ${hex(s.arg(name))}: ${where(s.vmaAt(s.arg(name)))}`;

function holes(s: Subject): string {
  const start = s.arg('addr');
  const end = start + Math.ceil(s.arg('len') / s.system.pageSize) * s.system.pageSize;
  if (!(end > start)) return `${hex(start)}, no length`;
  const mapped = countVmaPagesRange(s.mm, start, end);
  return `${hex(start)}-${hex(end)}: ${mapped} of ${pageCount((end - start) / s.system.pageSize)} mapped`;
}

function ends(s: Subject): string {
  const start = s.arg('addr');
  const end = start + s.arg('len');
  const cuts = [start, end].filter((at) => {
    const vma = s.vmaAt(at);
    return vma !== null && vma.vmStart < at;
  });
  return `the range cuts ${cuts.length === 0 ? 'no mapping' : `mappings at ${cuts.map(hex).join(' and ')}`}, ${mapCount(s)}`;
}

const MMAP: readonly CheckRule[] = [
  { decision: SYS_MMAP_OFFSET_UNALIGNED, operands: aligned('off') },
  { decision: SYS_MMAP_BAD_DESCRIPTOR, when: (s) => !anonymous(s), operands: (s) => `fd ${s.arg('fd') | 0}` },
  {
    decision: SYS_MMAP_NO_HUGE_FILE,
    when: (s) => s.file !== null && s.hasFlag(MAP_HUGETLB),
    operands: (s) => `huge page size of the file: ${s.file!.hugePageSize}`,
  },
  {
    decision: SYS_MMAP_NO_HUGE_SIZE,
    when: (s) => anonymous(s) && s.hasFlag(MAP_HUGETLB),
    operands: (s) => `log2 of the size in the flags: ${(s.arg('flags') >>> 26) & 0x3f} (0: the default)`,
  },
  {
    decision: SECURITY_MMAP_FILE_REFUSED,
    operands: (s) => `${prot(s)}, no security module asked unless one is plugged in`,
  },
  { decision: DO_MMAP_ZERO_LEN, operands: (s) => `len ${bytes(s.arg('len'))}` },
  { decision: DO_MMAP_LEN_WRAPS, operands: (s) => `len ${bytes(s.arg('len'))}, rounded up ${bytes(s.length)}` },
  {
    decision: DO_MMAP_PGOFF_OVERFLOW,
    operands: (s) => `page offset ${s.arg('off') / s.system.pageSize} + ${pageCount(s.pages)}`,
  },
  { decision: DO_MMAP_MAX_MAP_COUNT, operands: mapCount },
  {
    decision: GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE,
    operands: (s) => `len ${bytes(s.length)}, TASK_SIZE ${hex(s.mm.taskSize)}`,
  },
  {
    decision: GET_UNMAPPED_AREA_LEN_OVER_ROOM,
    operands: (s) => {
      const narrow = narrowWindow(s);
      if (narrow !== null) return `len ${bytes(s.length)}, the end of MAP_32BIT's window ${hex(narrow.end)}`;
      return `len ${bytes(s.length)}, TASK_SIZE less vm.mmap_min_addr ${bytes(s.mm.taskSize - s.system.mmapMinAddr)}`;
    },
  },
  {
    decision: GET_UNMAPPED_AREA_NO_GAP,
    when: (s) => !fixed(s),
    operands: (s) => `len ${bytes(s.length)}, longest hole ${bytes(longestHole(s))} (without guard gaps)`,
  },
  { decision: GET_UNMAPPED_AREA_BEYOND_TASK_SIZE, when: fixed, operands: inTask('addr', 'len') },
  { decision: GET_UNMAPPED_AREA_UNALIGNED, when: fixed, operands: aligned('addr') },
  {
    decision: SECURITY_MMAP_ADDR_REFUSED,
    operands: (s) =>
      `${fixed(s) ? `addr ${hex(s.arg('addr'))}` : 'the address found'}, vm.mmap_min_addr ${hex(s.system.sysctl.mmapMinAddr)}, ${s.capability(CAP_SYS_RAWIO)}`,
  },
  {
    decision: DO_MMAP_NOREPLACE,
    when: (s) => s.system.profile.mmap.fixedNoreplace && s.hasFlag(MAP_FIXED_NOREPLACE),
    operands: (s) => {
      const vma = findVmaIntersection(s.mm, s.arg('addr'), s.arg('addr') + s.length);
      return vma === null ? 'nothing is mapped in the range' : `${where(vma)} is mapped in the range`;
    },
  },
  {
    decision: DO_MMAP_CANNOT_MLOCK,
    when: (s) => s.hasFlag(MAP_LOCKED),
    operands: (s) => `RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
  },
  { decision: MLOCK_FUTURE_CHECK_LIMIT, when: locks, operands: (s) => lockOperands(s, s.pages) },
  {
    decision: DO_MMAP_FILE_OFFSET,
    when: (s) => s.file !== null,
    operands: (s) => `page offset ${s.arg('off') / s.system.pageSize} + ${pageCount(s.pages)}`,
  },
  {
    decision: DO_MMAP_UNKNOWN_FLAG,
    when: (s) => s.file !== null && type(s) === MAP_SHARED_VALIDATE && s.system.profile.mmap.sharedValidate,
    operands: (s) => `flags ${hex(s.arg('flags'))}`,
  },
  {
    decision: DO_MMAP_SHARED_WRITE_NEEDS_FMODE_WRITE,
    when: (s) => sharedFile(s),
    operands: (s) =>
      `${prot(s)}${(s.arg('prot') & PROT_WRITE) !== 0 ? '' : ' (does not write)'}, the file is open ${openMode(s)}`,
  },
  {
    decision: DO_MMAP_SHARED_APPEND_ONLY,
    when: sharedFile,
    operands: (s) =>
      `append-only inode: ${(s.file!.fInode.iFlags & S_APPEND) !== 0 ? 'yes' : 'no'}, the file is open ${openMode(s)}`,
  },
  {
    decision: DO_MMAP_MANDATORY_LOCK,
    when: (s) => sharedFile(s) && s.system.profile.files.mandatoryLocks,
    operands: (s) => `mandatory lock of somebody else: ${s.file!.locksVerifyLocked(s.cur) !== 0 ? 'yes' : 'no'}`,
  },
  { decision: DO_MMAP_BAD_TYPE, operands: (s) => `type ${type(s)} (MAP_SHARED is 1, MAP_PRIVATE 2)` },
  {
    decision: DO_MMAP_NEEDS_FMODE_READ,
    when: (s) => s.file !== null,
    operands: (s) => `the file is open ${openMode(s)}`,
  },
  {
    decision: DO_MMAP_NOEXEC,
    when: (s) => s.file !== null,
    operands: (s) =>
      `${prot(s)}${(s.arg('prot') & PROT_EXEC) !== 0 ? '' : ' (does not execute)'}, noexec: ${s.file!.pathNoexec() ? 'yes' : 'no'}`,
  },
  {
    decision: DO_MMAP_NO_MMAP_OPERATION,
    when: (s) => s.file !== null,
    operands: (s) => `${s.file!.path()} has ${s.file!.fOp.mmap === null ? 'no' : 'an'} mmap operation`,
  },
  {
    decision: DO_MMAP_FILE_GROWSDOWN,
    when: (s) => s.file !== null,
    operands: (s) => `MAP_GROWSDOWN: ${s.hasFlag(MAP_GROWSDOWN) ? 'yes' : 'no'}`,
  },
  {
    decision: DO_MMAP_SHARED_GROWSDOWN,
    when: (s) => anonymous(s) && type(s) === MAP_SHARED,
    operands: (s) => `MAP_GROWSDOWN: ${s.hasFlag(MAP_GROWSDOWN) ? 'yes' : 'no'}`,
  },
  { decision: MAY_EXPAND_VM_RLIMIT_AS, operands: (s) => asOperands(s, s.pages) },
  {
    decision: MAY_EXPAND_VM_RLIMIT_DATA,
    when: (s) => s.system.profile.limits.dataCoversMappings && type(s) === 2 && (s.arg('prot') & PROT_WRITE) !== 0,
    operands: (s) => dataOperands(s, s.pages),
  },
  {
    decision: MMAP_REGION_CLEAR_OLD_MAPS,
    when: (s) => fixed(s) && findVmaIntersection(s.mm, s.arg('addr'), s.arg('addr') + s.length) !== null,
    operands: ends,
  },
  {
    decision: VM_ENOUGH_MEMORY_GUESS,
    when: (s) => writesPrivately(s) && guesses(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  {
    decision: VM_ENOUGH_MEMORY_NEVER,
    when: (s) => writesPrivately(s) && nevers(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  {
    decision: MMAP_REGION_SEALED,
    when: sharedFile,
    operands: (s) => `shared writable mappings of the file: ${s.file!.fMapping.iMmapWritable} (below 0: sealed)`,
  },
  {
    decision: MMAP_REGION_DRIVER_REFUSED,
    when: (s) => s.file !== null || s.hasFlag(MAP_HUGETLB),
    operands: (s) => (s.file === null ? 'huge pages' : s.file.path()),
  },
  {
    decision: MMAP_REGION_SHARED_MEMORY,
    when: (s) => anonymous(s) && !s.hasFlag(MAP_HUGETLB) && type(s) === MAP_SHARED,
    operands: (s) => commitOperands(s, s.pages),
  },
];

const MUNMAP: readonly CheckRule[] = [
  { decision: DO_MUNMAP_UNALIGNED, operands: aligned('addr') },
  { decision: DO_MUNMAP_BEYOND_TASK_SIZE, operands: inTask('addr', 'len') },
  { decision: DO_MUNMAP_ZERO_LEN, operands: (s) => `len ${bytes(s.arg('len'))}` },
  { decision: DO_MUNMAP_MAX_MAP_COUNT, operands: ends },
  { decision: SPLIT_VMA_HUGE_UNALIGNED, operands: ends },
  { decision: SPLIT_VMA_REFUSED, operands: ends },
];

const MPROTECT: readonly CheckRule[] = [
  { decision: MPROTECT_GROWS_BOTH, operands: prot },
  { decision: MPROTECT_UNALIGNED, operands: aligned('addr') },
  { decision: MPROTECT_WRAPS, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: MPROTECT_BAD_PROT, operands: prot },
  { decision: MPROTECT_NOT_MAPPED, operands: vmaOf('addr') },
  {
    decision: MPROTECT_MAY_BITS,
    operands: (s) => {
      const vma = s.vmaAt(s.arg('addr'));
      const may = vma === null ? 0 : (vma.vmFlags >> 4) & 7;
      return `${prot(s)}, the mapping may be ${formatProt(may)}`;
    },
  },
  { decision: SECURITY_FILE_MPROTECT_REFUSED, operands: prot },
  {
    decision: MPROTECT_DATA_LIMIT,
    when: (s) => s.system.profile.limits.dataCoversMappings && (s.arg('prot') & PROT_WRITE) !== 0,
    operands: (s) => dataOperands(s, s.pages),
  },
  {
    decision: VM_ENOUGH_MEMORY_GUESS,
    when: (s) => (s.arg('prot') & PROT_WRITE) !== 0 && guesses(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  {
    decision: VM_ENOUGH_MEMORY_NEVER,
    when: (s) => (s.arg('prot') & PROT_WRITE) !== 0 && nevers(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  { decision: SPLIT_VMA_HUGE_UNALIGNED, operands: ends },
  { decision: SPLIT_VMA_MAX_MAP_COUNT, operands: ends },
  { decision: MPROTECT_HOLE, operands: holes },
];

const grown = (s: Subject): number => (s.arg('new_len') - s.arg('old_len')) / s.system.pageSize;
const MREMAP: readonly CheckRule[] = [
  { decision: MREMAP_UNKNOWN_FLAG, operands: (s) => `flags ${hex(s.arg('flags'))}` },
  {
    decision: MREMAP_FIXED_NEEDS_MAYMOVE,
    when: (s) => s.hasFlag(MREMAP_FIXED),
    operands: (s) => `flags ${hex(s.arg('flags'))}`,
  },
  { decision: MREMAP_UNALIGNED, operands: aligned('addr') },
  { decision: MREMAP_ZERO_LEN, operands: (s) => `new_len ${bytes(s.arg('new_len'))}` },
  { decision: MREMAP_NEW_UNALIGNED, when: (s) => s.hasFlag(MREMAP_FIXED), operands: aligned('new_addr') },
  {
    decision: MREMAP_NEW_BEYOND_TASK_SIZE,
    when: (s) => s.hasFlag(MREMAP_FIXED),
    operands: inTask('new_addr', 'new_len'),
  },
  {
    decision: MREMAP_OVERLAP,
    when: (s) => s.hasFlag(MREMAP_FIXED),
    operands: (s) =>
      `old ${hex(s.arg('addr'))} + ${bytes(s.arg('old_len'))}, new ${hex(s.arg('new_addr'))} + ${bytes(s.arg('new_len'))}`,
  },
  { decision: MREMAP_NOT_MAPPED, operands: vmaOf('addr') },
  {
    decision: MREMAP_CROSSES_VMA,
    operands: (s) =>
      `old range ends at ${hex(s.arg('addr') + s.arg('old_len'))}, the mapping is ${where(s.vmaAt(s.arg('addr')))}`,
  },
  { decision: MREMAP_SPECIAL, when: (s) => grown(s) > 0, operands: vmaOf('addr') },
  {
    decision: MLOCK_FUTURE_CHECK_LIMIT,
    when: (s) => grown(s) > 0 && ((s.vmaAt(s.arg('addr'))?.vmFlags ?? 0) & VM_LOCKED) !== 0,
    operands: (s) => lockOperands(s, grown(s)),
  },
  { decision: MAY_EXPAND_VM_RLIMIT_AS, when: (s) => grown(s) > 0, operands: (s) => asOperands(s, grown(s)) },
  {
    decision: MAY_EXPAND_VM_RLIMIT_DATA,
    when: (s) => grown(s) > 0 && s.system.profile.limits.dataCoversMappings,
    operands: (s) => dataOperands(s, grown(s)),
  },
  {
    decision: VM_ENOUGH_MEMORY_GUESS,
    when: (s) => grown(s) > 0 && guesses(s),
    operands: (s) => commitOperands(s, grown(s)),
  },
  {
    decision: VM_ENOUGH_MEMORY_NEVER,
    when: (s) => grown(s) > 0 && nevers(s),
    operands: (s) => commitOperands(s, grown(s)),
  },
  {
    decision: MREMAP_MAY_NOT_MOVE,
    when: (s) => grown(s) > 0 && !s.hasFlag(MREMAP_FIXED),
    operands: (s) => {
      const vma = s.vmaAt(s.arg('addr'));
      const next = vma?.vmNext ?? null;
      return `room behind: ${next === null ? 'up to the end' : bytes(next.vmStart - vma!.vmEnd)}, MREMAP_MAYMOVE: ${s.hasFlag(1) ? 'yes' : 'no'}`;
    },
  },
  { decision: MREMAP_MAX_MAP_COUNT, when: (s) => s.hasFlag(1), operands: mapCount },
];

const brkGrows = (s: Subject): boolean => s.arg('addr') > s.mm.brk;
const brkPages = (s: Subject): number => Math.ceil(Math.max(0, s.arg('addr') - s.mm.brk) / s.system.pageSize);
const BRK: readonly CheckRule[] = [
  { decision: BRK_BELOW_START, operands: (s) => `${hex(s.arg('addr'))}, start_brk ${hex(s.mm.startBrk)}` },
  {
    decision: BRK_RLIMIT_DATA,
    operands: (s) =>
      `heap ${bytes(Math.max(0, s.arg('addr') - s.mm.startBrk))} + data ${bytes(s.mm.endData - s.mm.startData)}, RLIMIT_DATA ${bytes(s.cur.rlimits.data)}`,
  },
  {
    decision: BRK_NO_ROOM,
    when: brkGrows,
    operands: (s) => {
      const next = findVmaIntersection(s.mm, s.mm.brk, s.mm.taskSize);
      return `${hex(s.arg('addr'))}, next mapping ${next === null ? 'none' : hex(next.vmStart)}`;
    },
  },
  {
    decision: MLOCK_FUTURE_CHECK_LIMIT,
    when: (s) => brkGrows(s) && (s.mm.defFlags & VM_LOCKED) !== 0,
    operands: (s) => lockOperands(s, brkPages(s)),
  },
  { decision: MAY_EXPAND_VM_RLIMIT_AS, when: brkGrows, operands: (s) => asOperands(s, brkPages(s)) },
  { decision: BRK_MAX_MAP_COUNT, when: brkGrows, operands: mapCount },
  {
    decision: VM_ENOUGH_MEMORY_GUESS,
    when: (s) => brkGrows(s) && guesses(s),
    operands: (s) => commitOperands(s, brkPages(s)),
  },
  {
    decision: VM_ENOUGH_MEMORY_NEVER,
    when: (s) => brkGrows(s) && nevers(s),
    operands: (s) => commitOperands(s, brkPages(s)),
  },
];

const advice = (s: Subject): string => formatMadvise(s.arg('advice'));
const isAdvice =
  (...values: number[]) =>
  (s: Subject): boolean =>
    values.includes(s.arg('advice'));
const locked = (s: Subject): string => {
  const vma = s.vmaAt(s.arg('addr'));
  return `${where(vma)}, locked: ${vma !== null && (vma.vmFlags & VM_LOCKED) !== 0 ? 'yes' : 'no'}`;
};
const MADVISE: readonly CheckRule[] = [
  { decision: MADVISE_UNKNOWN_ADVICE, operands: advice },
  { decision: MADVISE_UNALIGNED, operands: aligned('addr') },
  { decision: MADVISE_WRAPS, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: MADVISE_LOCKED, when: isAdvice(4, 8, 20, 21), operands: locked },
  { decision: MADVISE_HUGE, when: isAdvice(4, 8), operands: vmaOf('addr') },
  {
    decision: MADVISE_FREE_FILE,
    when: isAdvice(8),
    operands: (s) => `file: ${s.vmaAt(s.arg('addr'))?.vmFile?.path() ?? 'none'}`,
  },
  { decision: MADVISE_REMOVE_LOCKED, when: isAdvice(9), operands: locked },
  {
    decision: MADVISE_REMOVE_NO_FILE,
    when: isAdvice(9),
    operands: (s) => `file: ${s.vmaAt(s.arg('addr'))?.vmFile?.path() ?? 'none'}`,
  },
  { decision: MADVISE_REMOVE_NOT_WRITABLE, when: isAdvice(9), operands: vmaOf('addr') },
  {
    decision: MADVISE_REMOVE_UNSUPPORTED,
    when: isAdvice(9),
    operands: (s) => s.vmaAt(s.arg('addr'))?.vmFile?.path() ?? 'no file',
  },
  { decision: SPLIT_VMA_MAX_MAP_COUNT, operands: ends },
  { decision: MADVISE_HOLE, operands: holes },
];

const lockPages = (s: Subject): number => Math.ceil(s.arg('len') / s.system.pageSize);
const MLOCK: readonly CheckRule[] = [
  {
    decision: MLOCK_NOT_PERMITTED,
    operands: (s) => `RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
  },
  { decision: MLOCK_LIMIT, operands: (s) => lockOperands(s, lockPages(s)) },
  { decision: MLOCK_WRAPS, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: MLOCK_NOT_MAPPED, operands: vmaOf('addr') },
  { decision: SPLIT_VMA_MAX_MAP_COUNT, operands: ends },
  { decision: MLOCK_HOLE, operands: holes },
  { decision: MLOCK_CANNOT_POPULATE, operands: holes },
];

function access(right: number, decision: number): readonly CheckRule[] {
  return [
    { decision: FAULT_NOT_CANONICAL, operands: (s) => `${hex(s.arg('addr'))}, TASK_SIZE ${hex(s.mm.taskSize)}` },
    { decision: FAULT_ABOVE_TASK_SIZE, operands: (s) => `${hex(s.arg('addr'))}, TASK_SIZE ${hex(s.mm.taskSize)}` },
    {
      decision: FAULT_NO_VMA,
      operands: (s) => {
        const next = findVmaIntersection(s.mm, s.arg('addr'), s.mm.taskSize);
        const at = s.vmaAt(s.arg('addr'));
        if (at !== null) return where(at);
        return `nothing is mapped there; the next mapping is ${next === null ? 'none' : `${where(next)}${(next.vmFlags & 0x100) !== 0 ? ', which grows down' : ''}`}`;
      },
    },
    ...[EXPAND_STACK_RLIMIT_STACK, EXPAND_STACK_GUARD_GAP, EXPAND_STACK_RLIMIT_MEMLOCK].map((growth): CheckRule => ({
      decision: growth,
      when: (s) => {
        const next = findVmaIntersection(s.mm, s.arg('addr'), s.mm.taskSize);
        return s.vmaAt(s.arg('addr')) === null && next !== null && (next.vmFlags & 0x100) !== 0;
      },
      operands: (s) => {
        const next = findVmaIntersection(s.mm, s.arg('addr'), s.mm.taskSize)!;
        if (growth === EXPAND_STACK_RLIMIT_STACK) {
          const size = next.vmEnd - (s.arg('addr') - (s.arg('addr') % s.system.pageSize));
          return `the stack would have ${bytes(size)}, RLIMIT_STACK ${bytes(s.cur.rlimits.stack)}`;
        }
        if (growth === EXPAND_STACK_RLIMIT_MEMLOCK)
          return lockOperands(s, (next.vmStart - s.arg('addr')) / s.system.pageSize);
        const below = next.vmPrev;
        return `gap to the mapping below: ${below === null ? 'nothing is below' : bytes(s.arg('addr') - below.vmEnd)}, guard gap ${bytes(s.system.stackGuardGap)}`;
      },
    })),
    {
      decision,
      when: (s) => s.vmaAt(s.arg('addr')) !== null,
      operands: (s) =>
        `the mapping is ${formatProt(s.vmaAt(s.arg('addr'))!.vmFlags & 7)}, the access needs ${formatProt(right)}`,
    },
    {
      decision: FAULT_BEYOND_EOF,
      when: (s) => s.vmaAt(s.arg('addr'))?.vmFile != null,
      operands: (s) => {
        const vma = s.vmaAt(s.arg('addr'))!;
        const offset = s.arg('addr') - vma.vmStart + vma.vmPgoff * s.system.pageSize;
        return `byte ${offset} of the file, which has ${bytes(vma.vmFile!.fInode.iSize)}`;
      },
    },
  ];
}

const MSYNC: readonly CheckRule[] = [
  { decision: MSYNC_BAD_FLAGS, operands: (s) => `flags ${hex(s.arg('flags'))}` },
  { decision: MSYNC_UNALIGNED, operands: aligned('addr') },
  { decision: MSYNC_BOTH_MODES, operands: (s) => `flags ${hex(s.arg('flags'))}` },
  { decision: MSYNC_WRAPS, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: MSYNC_LOCKED, operands: locked },
  { decision: MSYNC_HOLE, operands: holes },
];

/** The checks of each call, in order. A call without an entry has only the engine's own decision. */
export const CHECK_RULES: Readonly<Record<string, readonly CheckRule[]>> = {
  mmap: MMAP,
  munmap: MUNMAP,
  mprotect: MPROTECT,
  mremap: MREMAP,
  brk: BRK,
  madvise: MADVISE,
  mlock: MLOCK,
  mlock2: [{ decision: MLOCK2_BAD_FLAGS, operands: (s) => `flags ${hex(s.arg('flags'))}` }, ...MLOCK],
  mlockall: [
    { decision: MLOCKALL_BAD_FLAGS, operands: (s) => `flags ${hex(s.arg('flags'))}` },
    {
      decision: MLOCK_NOT_PERMITTED,
      operands: (s) => `RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
    },
    {
      decision: MLOCK_LIMIT,
      operands: (s) =>
        `total_vm ${pageCount(s.mm.totalVm)}, RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
    },
  ],
  msync: MSYNC,
  load: access(1, FAULT_NOT_READABLE),
  store: access(2, FAULT_NOT_WRITABLE),
  exec: access(4, FAULT_NOT_EXECUTABLE),
};
