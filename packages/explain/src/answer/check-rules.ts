/**
 * Which decisions stand on the path of each call, in the order in which the kernel asks, and how their operands read.
 *
 * A rule says when its check is asked at all (`when`) and writes the operands as they were before the call. Whether a
 * check passed is not computed here: the engine's own decision tells.
 */
import {
  accountableMapping,
  countVmaPagesRange,
  Decision as D,
  FMODE_READ,
  FMODE_WRITE,
  S_APPEND,
  findVmaIntersection,
  vmCommitLimit,
  VM_LOCKED,
  type Vma,
} from '@vmarea/mm-core';
import { KernelDecision } from '@vmarea/kernel';
import {
  CAP_IPC_LOCK,
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  formatMadvise,
  formatProt,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  MREMAP_FIXED,
  OVERCOMMIT_NEVER,
  PROT_EXEC,
  PROT_WRITE,
} from '@vmarea/uapi';
import { bytes, pageCount } from '@vmarea/what-if';
import { hex } from '../calls/verbs.ts';
import type { Subject } from './subject.ts';

/** One check. */
export interface CheckRule {
  readonly decision: number;
  /** Whether it is asked; always, when left out. */
  readonly when?: ((s: Subject) => boolean) | undefined;
  /** What it compares. */
  readonly operands: (s: Subject) => string;
}

const flag = (s: Subject, bit: number): boolean => (s.arg('flags') & bit) !== 0;
const fixed = (s: Subject): boolean =>
  flag(s, MAP_FIXED) || (s.system.profile.mmap.fixedNoreplace && flag(s, MAP_FIXED_NOREPLACE));
const anonymous = (s: Subject): boolean => flag(s, MAP_ANONYMOUS);
const type = (s: Subject): number => s.arg('flags') & MAP_TYPE;
const sharedFile = (s: Subject): boolean =>
  s.file !== null &&
  (type(s) === MAP_SHARED || (type(s) === MAP_SHARED_VALIDATE && s.system.profile.mmap.sharedValidate));
const mode = (s: Subject): string => {
  const fMode = s.file?.fMode ?? 0;
  const read = (fMode & FMODE_READ) !== 0;
  const write = (fMode & FMODE_WRITE) !== 0;
  return read && write ? 'read-write' : write ? 'write-only' : 'read-only';
};
const prot = (s: Subject): string => formatProt(s.arg('prot'));
const writesPrivately = (s: Subject): boolean => {
  const shared = type(s) !== 2;
  const noreserve = flag(s, MAP_NORESERVE) && s.system.sysctl.overcommitMemory !== OVERCOMMIT_NEVER;
  const vmFlags = (s.arg('prot') & 7) | (shared ? 8 : 0) | (noreserve ? 0x200000 : 0);
  return !flag(s, MAP_HUGETLB) && accountableMapping(s.file, vmFlags);
};
const locks = (s: Subject): boolean => flag(s, MAP_LOCKED) || (s.mm.defFlags & VM_LOCKED) !== 0;

/** The longest hole below mmap_base, bytes. */
function longestGap(s: Subject): number {
  const { mm, system } = s;
  const low = mm.mmapLegacy ? mm.mmapBase : Math.max(system.pageSize, system.mmapMinAddr);
  const high = mm.mmapLegacy ? mm.taskSize : mm.mmapBase;
  let from = low;
  let longest = 0;
  for (let vma = mm.tree.first; vma !== null && vma.vmStart < high; vma = vma.vmNext) {
    longest = Math.max(longest, vma.vmStart - from);
    from = Math.max(from, vma.vmEnd);
  }
  return Math.max(longest, high - from);
}

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
  { decision: KernelDecision.mmapOffsetUnaligned, operands: aligned('off') },
  { decision: KernelDecision.mmapBadDescriptor, when: (s) => !anonymous(s), operands: (s) => `fd ${s.arg('fd') | 0}` },
  {
    decision: KernelDecision.mmapNoHugeFile,
    when: (s) => s.file !== null && flag(s, MAP_HUGETLB),
    operands: (s) => `huge page size of the file: ${s.file!.hugePageSize}`,
  },
  {
    decision: KernelDecision.mmapNoHugeSize,
    when: (s) => anonymous(s) && flag(s, MAP_HUGETLB),
    operands: (s) => `log2 of the size in the flags: ${(s.arg('flags') >>> 26) & 0x3f} (0: the default)`,
  },
  { decision: D.securityMmapFile, operands: (s) => `${prot(s)}, no security module asked unless one is plugged in` },
  { decision: D.doMmapZeroLen, operands: (s) => `len ${bytes(s.arg('len'))}` },
  { decision: D.doMmapLenWraps, operands: (s) => `len ${bytes(s.arg('len'))}, rounded up ${bytes(s.length)}` },
  {
    decision: D.doMmapPgoffOverflow,
    operands: (s) => `page offset ${s.arg('off') / s.system.pageSize} + ${pageCount(s.pages)}`,
  },
  { decision: D.doMmapMaxMapCount, operands: mapCount },
  { decision: D.areaLenOverTaskSize, operands: (s) => `len ${bytes(s.length)}, TASK_SIZE ${hex(s.mm.taskSize)}` },
  {
    decision: D.areaLenTooLong,
    operands: (s) =>
      `len ${bytes(s.length)}, TASK_SIZE less vm.mmap_min_addr ${bytes(s.mm.taskSize - s.system.mmapMinAddr)}`,
  },
  {
    decision: D.areaNoGap,
    when: (s) => !fixed(s),
    operands: (s) => `len ${bytes(s.length)}, longest hole ${bytes(longestGap(s))} (without guard gaps)`,
  },
  { decision: D.areaBeyondTaskSize, when: fixed, operands: inTask('addr', 'len') },
  { decision: D.areaUnaligned, when: fixed, operands: aligned('addr') },
  {
    decision: D.securityMmapAddr,
    operands: (s) =>
      `${fixed(s) ? `addr ${hex(s.arg('addr'))}` : 'the address found'}, vm.mmap_min_addr ${hex(s.system.sysctl.mmapMinAddr)}, ${s.capability(CAP_SYS_RAWIO)}`,
  },
  {
    decision: D.doMmapNoreplace,
    when: (s) => s.system.profile.mmap.fixedNoreplace && flag(s, MAP_FIXED_NOREPLACE),
    operands: (s) => {
      const vma = findVmaIntersection(s.mm, s.arg('addr'), s.arg('addr') + s.length);
      return vma === null ? 'nothing is mapped in the range' : `${where(vma)} is mapped in the range`;
    },
  },
  {
    decision: D.doMmapCannotMlock,
    when: (s) => flag(s, MAP_LOCKED),
    operands: (s) => `RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
  },
  { decision: D.mlockFutureCheck, when: locks, operands: (s) => lockOperands(s, s.pages) },
  {
    decision: D.doMmapFileOffset,
    when: (s) => s.file !== null,
    operands: (s) => `page offset ${s.arg('off') / s.system.pageSize} + ${pageCount(s.pages)}`,
  },
  {
    decision: D.doMmapUnknownFlag,
    when: (s) => s.file !== null && type(s) === MAP_SHARED_VALIDATE && s.system.profile.mmap.sharedValidate,
    operands: (s) => `flags ${hex(s.arg('flags'))}`,
  },
  {
    decision: D.doMmapSharedWriteNeedsFmodeWrite,
    when: (s) => sharedFile(s),
    operands: (s) =>
      `${prot(s)}${(s.arg('prot') & PROT_WRITE) !== 0 ? '' : ' (does not write)'}, the file is open ${mode(s)}`,
  },
  {
    decision: D.doMmapSharedAppendOnly,
    when: sharedFile,
    operands: (s) =>
      `append-only inode: ${(s.file!.fInode.iFlags & S_APPEND) !== 0 ? 'yes' : 'no'}, the file is open ${mode(s)}`,
  },
  {
    decision: D.doMmapMandatoryLock,
    when: (s) => sharedFile(s) && s.system.profile.files.mandatoryLocks,
    operands: (s) => `mandatory lock of somebody else: ${s.file!.locksVerifyLocked(s.cur) !== 0 ? 'yes' : 'no'}`,
  },
  { decision: D.doMmapBadType, operands: (s) => `type ${type(s)} (MAP_SHARED is 1, MAP_PRIVATE 2)` },
  { decision: D.doMmapNeedsFmodeRead, when: (s) => s.file !== null, operands: (s) => `the file is open ${mode(s)}` },
  {
    decision: D.doMmapNoexec,
    when: (s) => s.file !== null,
    operands: (s) =>
      `${prot(s)}${(s.arg('prot') & PROT_EXEC) !== 0 ? '' : ' (does not execute)'}, noexec: ${s.file!.pathNoexec() ? 'yes' : 'no'}`,
  },
  {
    decision: D.doMmapNoMmapOperation,
    when: (s) => s.file !== null,
    operands: (s) => `${s.file!.path()} has ${s.file!.fOp.mmap === null ? 'no' : 'an'} mmap operation`,
  },
  {
    decision: D.doMmapFileGrowsdown,
    when: (s) => s.file !== null,
    operands: (s) => `MAP_GROWSDOWN: ${flag(s, MAP_GROWSDOWN) ? 'yes' : 'no'}`,
  },
  {
    decision: D.doMmapSharedGrowsdown,
    when: (s) => anonymous(s) && type(s) === MAP_SHARED,
    operands: (s) => `MAP_GROWSDOWN: ${flag(s, MAP_GROWSDOWN) ? 'yes' : 'no'}`,
  },
  { decision: D.mayExpandVmAs, operands: (s) => asOperands(s, s.pages) },
  {
    decision: D.mayExpandVmData,
    when: (s) => s.system.profile.limits.dataCoversMappings && type(s) === 2 && (s.arg('prot') & PROT_WRITE) !== 0,
    operands: (s) => dataOperands(s, s.pages),
  },
  {
    decision: D.mmapRegionClearOldMaps,
    when: (s) => fixed(s) && findVmaIntersection(s.mm, s.arg('addr'), s.arg('addr') + s.length) !== null,
    operands: ends,
  },
  {
    decision: D.vmEnoughMemoryGuess,
    when: (s) => writesPrivately(s) && guesses(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  {
    decision: D.vmEnoughMemoryNever,
    when: (s) => writesPrivately(s) && nevers(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  {
    decision: D.mmapRegionSealed,
    when: sharedFile,
    operands: (s) => `shared writable mappings of the file: ${s.file!.fMapping.iMmapWritable} (below 0: sealed)`,
  },
  {
    decision: D.mmapRegionDriverRefused,
    when: (s) => s.file !== null || flag(s, MAP_HUGETLB),
    operands: (s) => (s.file === null ? 'huge pages' : s.file.path()),
  },
  {
    decision: D.mmapRegionSharedMemory,
    when: (s) => anonymous(s) && !flag(s, MAP_HUGETLB) && type(s) === MAP_SHARED,
    operands: (s) => commitOperands(s, s.pages),
  },
];

const MUNMAP: readonly CheckRule[] = [
  { decision: D.munmapUnaligned, operands: aligned('addr') },
  { decision: D.munmapBeyondTaskSize, operands: inTask('addr', 'len') },
  { decision: D.munmapZeroLen, operands: (s) => `len ${bytes(s.arg('len'))}` },
  { decision: D.munmapMaxMapCount, operands: ends },
  { decision: D.splitHugeUnaligned, operands: ends },
  { decision: D.splitRefusedByOwner, operands: ends },
];

const MPROTECT: readonly CheckRule[] = [
  { decision: D.mprotectGrowsBoth, operands: prot },
  { decision: D.mprotectUnaligned, operands: aligned('addr') },
  { decision: D.mprotectWraps, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: D.mprotectBadProt, operands: prot },
  { decision: D.mprotectNotMapped, operands: vmaOf('addr') },
  {
    decision: D.mprotectMayBits,
    operands: (s) => {
      const vma = s.vmaAt(s.arg('addr'));
      const may = vma === null ? 0 : (vma.vmFlags >> 4) & 7;
      return `${prot(s)}, the mapping may be ${formatProt(may)}`;
    },
  },
  { decision: D.securityFileMprotect, operands: prot },
  {
    decision: D.mprotectDataLimit,
    when: (s) => s.system.profile.limits.dataCoversMappings && (s.arg('prot') & PROT_WRITE) !== 0,
    operands: (s) => dataOperands(s, s.pages),
  },
  {
    decision: D.vmEnoughMemoryGuess,
    when: (s) => (s.arg('prot') & PROT_WRITE) !== 0 && guesses(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  {
    decision: D.vmEnoughMemoryNever,
    when: (s) => (s.arg('prot') & PROT_WRITE) !== 0 && nevers(s),
    operands: (s) => commitOperands(s, s.pages),
  },
  { decision: D.splitHugeUnaligned, operands: ends },
  { decision: D.splitMaxMapCount, operands: ends },
  { decision: D.mprotectHole, operands: holes },
];

const grown = (s: Subject): number => (s.arg('new_len') - s.arg('old_len')) / s.system.pageSize;
const MREMAP: readonly CheckRule[] = [
  { decision: D.mremapUnknownFlag, operands: (s) => `flags ${hex(s.arg('flags'))}` },
  {
    decision: D.mremapFixedNeedsMaymove,
    when: (s) => flag(s, MREMAP_FIXED),
    operands: (s) => `flags ${hex(s.arg('flags'))}`,
  },
  { decision: D.mremapUnaligned, operands: aligned('addr') },
  { decision: D.mremapZeroLen, operands: (s) => `new_len ${bytes(s.arg('new_len'))}` },
  { decision: D.mremapNewUnaligned, when: (s) => flag(s, MREMAP_FIXED), operands: aligned('new_addr') },
  { decision: D.mremapNewBeyondTaskSize, when: (s) => flag(s, MREMAP_FIXED), operands: inTask('new_addr', 'new_len') },
  {
    decision: D.mremapOverlap,
    when: (s) => flag(s, MREMAP_FIXED),
    operands: (s) =>
      `old ${hex(s.arg('addr'))} + ${bytes(s.arg('old_len'))}, new ${hex(s.arg('new_addr'))} + ${bytes(s.arg('new_len'))}`,
  },
  { decision: D.mremapNotMapped, operands: vmaOf('addr') },
  {
    decision: D.mremapCrossesVma,
    operands: (s) =>
      `old range ends at ${hex(s.arg('addr') + s.arg('old_len'))}, the mapping is ${where(s.vmaAt(s.arg('addr')))}`,
  },
  { decision: D.mremapSpecial, when: (s) => grown(s) > 0, operands: vmaOf('addr') },
  {
    decision: D.mlockFutureCheck,
    when: (s) => grown(s) > 0 && ((s.vmaAt(s.arg('addr'))?.vmFlags ?? 0) & VM_LOCKED) !== 0,
    operands: (s) => lockOperands(s, grown(s)),
  },
  { decision: D.mayExpandVmAs, when: (s) => grown(s) > 0, operands: (s) => asOperands(s, grown(s)) },
  {
    decision: D.mayExpandVmData,
    when: (s) => grown(s) > 0 && s.system.profile.limits.dataCoversMappings,
    operands: (s) => dataOperands(s, grown(s)),
  },
  {
    decision: D.vmEnoughMemoryGuess,
    when: (s) => grown(s) > 0 && guesses(s),
    operands: (s) => commitOperands(s, grown(s)),
  },
  {
    decision: D.vmEnoughMemoryNever,
    when: (s) => grown(s) > 0 && nevers(s),
    operands: (s) => commitOperands(s, grown(s)),
  },
  {
    decision: D.mremapMayNotMove,
    when: (s) => grown(s) > 0 && !flag(s, MREMAP_FIXED),
    operands: (s) => {
      const vma = s.vmaAt(s.arg('addr'));
      const next = vma?.vmNext ?? null;
      return `room behind: ${next === null ? 'up to the end' : bytes(next.vmStart - vma!.vmEnd)}, MREMAP_MAYMOVE: ${flag(s, 1) ? 'yes' : 'no'}`;
    },
  },
  { decision: D.mremapMaxMapCount, when: (s) => flag(s, 1), operands: mapCount },
];

const brkGrows = (s: Subject): boolean => s.arg('addr') > s.mm.brk;
const brkPages = (s: Subject): number => Math.ceil(Math.max(0, s.arg('addr') - s.mm.brk) / s.system.pageSize);
const BRK: readonly CheckRule[] = [
  { decision: D.brkBelowStart, operands: (s) => `${hex(s.arg('addr'))}, start_brk ${hex(s.mm.startBrk)}` },
  {
    decision: D.brkDataLimit,
    operands: (s) =>
      `heap ${bytes(Math.max(0, s.arg('addr') - s.mm.startBrk))} + data ${bytes(s.mm.endData - s.mm.startData)}, RLIMIT_DATA ${bytes(s.cur.rlimits.data)}`,
  },
  {
    decision: D.brkNoRoom,
    when: brkGrows,
    operands: (s) => {
      const next = findVmaIntersection(s.mm, s.mm.brk, s.mm.taskSize);
      return `${hex(s.arg('addr'))}, next mapping ${next === null ? 'none' : hex(next.vmStart)}`;
    },
  },
  {
    decision: D.mlockFutureCheck,
    when: (s) => brkGrows(s) && (s.mm.defFlags & VM_LOCKED) !== 0,
    operands: (s) => lockOperands(s, brkPages(s)),
  },
  { decision: D.mayExpandVmAs, when: brkGrows, operands: (s) => asOperands(s, brkPages(s)) },
  { decision: D.brkMaxMapCount, when: brkGrows, operands: mapCount },
  {
    decision: D.vmEnoughMemoryGuess,
    when: (s) => brkGrows(s) && guesses(s),
    operands: (s) => commitOperands(s, brkPages(s)),
  },
  {
    decision: D.vmEnoughMemoryNever,
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
  { decision: D.madviseUnknown, operands: advice },
  { decision: D.madviseUnaligned, operands: aligned('addr') },
  { decision: D.madviseWraps, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: D.madviseLocked, when: isAdvice(4, 8, 20, 21), operands: locked },
  { decision: D.madviseHuge, when: isAdvice(4, 8), operands: vmaOf('addr') },
  {
    decision: D.madviseFreeFile,
    when: isAdvice(8),
    operands: (s) => `file: ${s.vmaAt(s.arg('addr'))?.vmFile?.path() ?? 'none'}`,
  },
  { decision: D.madviseRemoveLocked, when: isAdvice(9), operands: locked },
  {
    decision: D.madviseRemoveNoFile,
    when: isAdvice(9),
    operands: (s) => `file: ${s.vmaAt(s.arg('addr'))?.vmFile?.path() ?? 'none'}`,
  },
  { decision: D.madviseRemoveNotWritable, when: isAdvice(9), operands: vmaOf('addr') },
  {
    decision: D.madviseRemoveUnsupported,
    when: isAdvice(9),
    operands: (s) => s.vmaAt(s.arg('addr'))?.vmFile?.path() ?? 'no file',
  },
  { decision: D.splitMaxMapCount, operands: ends },
  { decision: D.madviseHole, operands: holes },
];

const lockPages = (s: Subject): number => Math.ceil(s.arg('len') / s.system.pageSize);
const MLOCK: readonly CheckRule[] = [
  {
    decision: D.mlockNotPermitted,
    operands: (s) => `RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
  },
  { decision: D.mlockLimit, operands: (s) => lockOperands(s, lockPages(s)) },
  { decision: D.mlockWraps, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: D.mlockNotMapped, operands: vmaOf('addr') },
  { decision: D.splitMaxMapCount, operands: ends },
  { decision: D.mlockHole, operands: holes },
  { decision: D.mlockCannotPopulate, operands: holes },
];

function access(right: number, decision: number): readonly CheckRule[] {
  return [
    { decision: D.faultNotCanonical, operands: (s) => `${hex(s.arg('addr'))}, TASK_SIZE ${hex(s.mm.taskSize)}` },
    { decision: D.faultAboveTaskSize, operands: (s) => `${hex(s.arg('addr'))}, TASK_SIZE ${hex(s.mm.taskSize)}` },
    {
      decision: D.faultNoVma,
      operands: (s) => {
        const next = findVmaIntersection(s.mm, s.arg('addr'), s.mm.taskSize);
        const at = s.vmaAt(s.arg('addr'));
        if (at !== null) return where(at);
        return `nothing is mapped there; the next mapping is ${next === null ? 'none' : `${where(next)}${(next.vmFlags & 0x100) !== 0 ? ', which grows down' : ''}`}`;
      },
    },
    ...[D.stackLimit, D.stackGuardGap, D.stackLockLimit].map((growth): CheckRule => ({
      decision: growth,
      when: (s) => {
        const next = findVmaIntersection(s.mm, s.arg('addr'), s.mm.taskSize);
        return s.vmaAt(s.arg('addr')) === null && next !== null && (next.vmFlags & 0x100) !== 0;
      },
      operands: (s) => {
        const next = findVmaIntersection(s.mm, s.arg('addr'), s.mm.taskSize)!;
        if (growth === D.stackLimit) {
          const size = next.vmEnd - (s.arg('addr') - (s.arg('addr') % s.system.pageSize));
          return `the stack would have ${bytes(size)}, RLIMIT_STACK ${bytes(s.cur.rlimits.stack)}`;
        }
        if (growth === D.stackLockLimit) return lockOperands(s, (next.vmStart - s.arg('addr')) / s.system.pageSize);
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
      decision: D.faultBeyondEof,
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
  { decision: D.msyncBadFlags, operands: (s) => `flags ${hex(s.arg('flags'))}` },
  { decision: D.msyncUnaligned, operands: aligned('addr') },
  { decision: D.msyncBothModes, operands: (s) => `flags ${hex(s.arg('flags'))}` },
  { decision: D.msyncWraps, operands: (s) => `addr ${hex(s.arg('addr'))} + ${bytes(s.length)}` },
  { decision: D.msyncLocked, operands: locked },
  { decision: D.msyncHole, operands: holes },
];

/** The checks of each call, in order. Calls without an entry have none but the engine's own decision. */
export const CHECK_RULES: Readonly<Record<string, readonly CheckRule[]>> = {
  mmap: MMAP,
  munmap: MUNMAP,
  mprotect: MPROTECT,
  mremap: MREMAP,
  brk: BRK,
  madvise: MADVISE,
  mlock: MLOCK,
  mlock2: [{ decision: KernelDecision.mlock2BadFlags, operands: (s) => `flags ${hex(s.arg('flags'))}` }, ...MLOCK],
  mlockall: [
    { decision: D.mlockallBadFlags, operands: (s) => `flags ${hex(s.arg('flags'))}` },
    {
      decision: D.mlockNotPermitted,
      operands: (s) => `RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
    },
    {
      decision: D.mlockLimit,
      operands: (s) =>
        `total_vm ${pageCount(s.mm.totalVm)}, RLIMIT_MEMLOCK ${bytes(s.cur.rlimits.memlock)}, ${s.capability(CAP_IPC_LOCK)}`,
    },
  ],
  msync: MSYNC,
  load: access(1, D.faultNotReadable),
  store: access(2, D.faultNotWritable),
  exec: access(4, D.faultNotExecutable),
};
