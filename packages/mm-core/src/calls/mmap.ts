/**
 * vm_mmap_pgoff and do_mmap: every check of a mapping request, in the kernel's order, up to mmap_region.
 *
 * The kernel package does the system call's own part (descriptor to file, huge page files). Mirrors mm/mmap.c, mm/util.c.
 */
import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  MAP_ANONYMOUS,
  MAP_DENYWRITE,
  MAP_DROPPABLE,
  MAP_EXECUTABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_HUGE_1GB,
  MAP_HUGE_2MB,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_SYNC,
  MAP_TYPE,
  MAP_UNINITIALIZED,
  OVERCOMMIT_NEVER,
  PROT_BTI,
  PROT_EXEC,
  PROT_MTE,
  PROT_READ,
  PROT_WRITE,
  READ_IMPLIES_EXEC,
  S_IFBLK,
  S_IFMT,
  S_IFREG,
} from '@vmarea/uapi';
import { canDoMlock, mlockFutureCheck } from '../space/accounting.ts';
import { applyAppSettingBit } from '../space/app-setting.ts';
import { beginCall, type MmapRequest } from '../space/call.ts';
import type { MmSystem } from '../space/system.ts';
import type { Caller } from '../space/caller.ts';
import { isErr, refuse } from '../base/errno.ts';
import { mmapLock, mmapUnlock } from '../space/lock.ts';
import type { Mm } from '../space/mm.ts';
import { withPkey } from './pkeys.ts';
import { mmapRegion } from './map-region.ts';
import type { Addr, AddrOrErrno, Bytes, Pages, VmFlags } from '../base/units.ts';
import { alignDown, alignUp } from '../base/page-math.ts';
import { FMODE_READ, FMODE_UNSIGNED_OFFSET, FMODE_WRITE, S_APPEND, type VmFile } from '../ports/file.ts';
import {
  DO_MMAP_BAD_TYPE,
  DO_MMAP_CANNOT_MLOCK,
  DO_MMAP_DROPPABLE,
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
  SECURITY_MMAP_FILE_REFUSED,
} from './reasons/mmap.ts';
import { findVmaIntersection, getUnmappedArea } from '../space/placement.ts';
import {
  VM_ACCESS_FLAGS,
  VM_DONTDUMP,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_HIGH_DROPPABLE,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_SHARED,
  VM_SYNC,
  VM_WIPEONFORK,
} from '../base/flags.ts';
import { checkRegister, checkRegisters } from '../base/whole.ts';

/** Flags that every file accepts; with other flags, MAP_SHARED_VALIDATE fails unless the file supports them. */
const LEGACY_MAP_MASK: number =
  MAP_SHARED |
  MAP_PRIVATE |
  MAP_FIXED |
  MAP_ANONYMOUS |
  MAP_GROWSDOWN |
  MAP_DENYWRITE |
  MAP_EXECUTABLE |
  MAP_LOCKED |
  MAP_NORESERVE |
  MAP_POPULATE |
  MAP_NONBLOCK |
  MAP_STACK |
  MAP_HUGETLB |
  MAP_UNINITIALIZED |
  MAP_HUGE_2MB |
  MAP_HUGE_1GB;

/** calc_vm_prot_bits: converts PROT_ to VM_ (the three access bits have the same values; PROT_BTI becomes VM_ARCH_1). */
export function calcVmProtBits(system: MmSystem, prot: number): number {
  return (prot & VM_ACCESS_FLAGS) | ((prot & system.archProt & PROT_BTI) << 20);
}

/** calc_vm_flag_bits: converts MAP_ to VM_ (the bits have the same values, except MAP_SYNC). */
export function calcVmFlagBits(mm: Mm, flags: number): number {
  if (mm.system.profile.layout.denywriteVmas) return flags & (MAP_GROWSDOWN | MAP_DENYWRITE | MAP_LOCKED);
  let same = flags & (MAP_GROWSDOWN | MAP_LOCKED);
  if ((flags & MAP_STACK) !== 0 && mm.system.profile.mmap.stackFlagNoHugepage && mm.system.config.thp) {
    same |= VM_NOHUGEPAGE;
  }
  return (flags & MAP_SYNC) === 0 ? same : same | VM_SYNC;
}

/** round_hint_to_min: rounds a hint down to a page, and raises it to mmap_min_addr unless it is then 0. */
export function roundHintToMin(mm: Mm, hint: number): number {
  const system = mm.system;
  const addr = alignDown(hint, system.pageMask);
  if (addr > 0 && addr < system.mmapMinAddr) return alignUp(system.mmapMinAddr, system.pageMask);
  return addr;
}

/** file_mmap_ok: returns whether the offsets of the mapping are valid for the file's type. `pages` is the length. */
function fileMmapOk(file: VmFile, pgoff: Pages, pages: Pages, pageSize: number): boolean {
  if (pgoff < 0) return false;
  const kind = file.fInode.iMode & S_IFMT;
  if (kind === S_IFREG || kind === S_IFBLK) return pgoff <= 2 ** 63 / pageSize - pages - 1;
  if ((file.fMode & FMODE_UNSIGNED_OFFSET) !== 0) return pgoff <= 2 ** 64 / pageSize - pages;
  return pgoff <= 2 ** 64 / pageSize - pages - 1;
}

/**
 * Checks a mapping of a file.
 *
 * @returns the completed vm_flags (never negative here: bit 31 is not set by mmap), or a negative errno
 */
function checkFile(cur: Caller, file: VmFile, prot: number, flags: number, vmFlagsIn: VmFlags): number {
  const mm = cur.mm;
  const profile = mm.system.profile;
  let vmFlags = vmFlagsIn;
  const type = flags & MAP_TYPE;
  if (type === MAP_SHARED || (type === MAP_SHARED_VALIDATE && profile.mmap.sharedValidate)) {
    if (type === MAP_SHARED_VALIDATE && (flags & ~LEGACY_MAP_MASK) !== 0) {
      return refuse(cur, DO_MMAP_UNKNOWN_FLAG, -EOPNOTSUPP);
    }
    if ((prot & PROT_WRITE) !== 0 && (file.fMode & FMODE_WRITE) === 0) {
      return refuse(cur, DO_MMAP_SHARED_WRITE_NEEDS_FMODE_WRITE, -EACCES);
    }
    if ((file.fInode.iFlags & S_APPEND) !== 0 && (file.fMode & FMODE_WRITE) !== 0) {
      return refuse(cur, DO_MMAP_SHARED_APPEND_ONLY, -EACCES);
    }
    if (profile.files.mandatoryLocks && file.locksVerifyLocked(cur) !== 0) {
      return refuse(cur, DO_MMAP_MANDATORY_LOCK, -EAGAIN);
    }
    vmFlags |= VM_SHARED | VM_MAYSHARE;
    if ((file.fMode & FMODE_WRITE) === 0) vmFlags &= ~(VM_MAYWRITE | VM_SHARED);
  } else if (type !== MAP_PRIVATE) {
    return refuse(cur, DO_MMAP_BAD_TYPE, -EINVAL);
  }
  if ((file.fMode & FMODE_READ) === 0) return refuse(cur, DO_MMAP_NEEDS_FMODE_READ, -EACCES);
  if (file.pathNoexec()) {
    if ((vmFlags & VM_EXEC) !== 0) return refuse(cur, DO_MMAP_NOEXEC, -EPERM);
    vmFlags &= ~VM_MAYEXEC;
  }
  if (file.fOp.mmap === null) return refuse(cur, DO_MMAP_NO_MMAP_OPERATION, -ENODEV);
  if ((vmFlags & VM_GROWSDOWN) !== 0) return refuse(cur, DO_MMAP_FILE_GROWSDOWN, -EINVAL);
  return vmFlags;
}

/**
 * do_mmap. The mmap lock is held.
 *
 * @param request its fields are replaced by those of the mapping
 * @returns the address, or a negative errno; stores the range to populate in `cur.call`
 */
export function doMmap(cur: Caller, request: MmapRequest): AddrOrErrno {
  const { file, addr, len, prot, flags } = request;
  const pgoffIn = request.pgoff;
  checkRegisters('mmap', addr, len, flags);
  checkRegister('mmap', 'prot', prot);
  checkRegister('mmap', 'pgoff', pgoffIn);
  const mm = cur.mm;
  const system = mm.system;
  const profile = system.profile;
  if (mm.tracer !== null) mm.tracer.enter('do_mmap', addr, len, prot, flags);

  // --- check
  if (len === 0) return refuse(cur, DO_MMAP_ZERO_LEN, -EINVAL);
  if (file !== null && system.config.msmAppSettings !== null) applyAppSettingBit(mm, file);
  let realProt = prot;
  if ((prot & PROT_READ) !== 0 && (cur.personality & READ_IMPLIES_EXEC) !== 0) {
    if (file === null || !file.pathNoexec()) realProt |= PROT_EXEC;
  }
  let mapFlags = flags;
  const noreplace = profile.mmap.fixedNoreplace && (flags & MAP_FIXED_NOREPLACE) !== 0;
  if (noreplace) mapFlags |= MAP_FIXED;
  const hint = (mapFlags & MAP_FIXED) !== 0 ? addr : roundHintToMin(mm, addr);
  const size = alignUp(len, system.pageMask);
  if (size === 0) return refuse(cur, DO_MMAP_LEN_WRAPS, -ENOMEM);
  const pages = size * system.perPage;
  // In C: pgoff + pages < pgoff. Only an offset near 2^64 can wrap; a length out of range alone cannot.
  if (pgoffIn < 0 && (size < 0 || pgoffIn + pages >= 0)) return refuse(cur, DO_MMAP_PGOFF_OVERFLOW, -EOVERFLOW);
  if (mm.mapCount > system.sysctl.maxMapCount) return refuse(cur, DO_MMAP_MAX_MAP_COUNT, -ENOMEM);
  const area = getUnmappedArea(cur, file, hint, size, pgoffIn, mapFlags);
  if (isErr(area)) return area;
  if (noreplace && findVmaIntersection(mm, area, area + size) !== null) {
    return refuse(cur, DO_MMAP_NOREPLACE, -EEXIST);
  }
  let vmFlags =
    request.vmFlags |
    calcVmProtBits(system, realProt) |
    calcVmFlagBits(mm, mapFlags) |
    mm.defFlags |
    VM_MAYREAD |
    VM_MAYWRITE |
    VM_MAYEXEC;
  if ((mapFlags & MAP_LOCKED) !== 0 && !canDoMlock(cur)) return refuse(cur, DO_MMAP_CANNOT_MLOCK, -EPERM);
  const lockError = mlockFutureCheck(cur, vmFlags, size);
  if (lockError !== 0) return lockError;

  let pgoff = pgoffIn;
  // PROT_MTE has the value of VM_HIGH_MTE.
  let vmFlagsHigh = realProt & system.archProt & PROT_MTE;
  if (realProt === PROT_EXEC && system.arch.protectionKeys !== 0) vmFlagsHigh = withPkey(cur, 0, 0, realProt, -1);
  if (file !== null) {
    if (!fileMmapOk(file, pgoff, pages, system.pageSize)) return refuse(cur, DO_MMAP_FILE_OFFSET, -EOVERFLOW);
    vmFlags = checkFile(cur, file, realProt, mapFlags, vmFlags);
    if (isErr(vmFlags)) return vmFlags;
  } else {
    const type = mapFlags & MAP_TYPE;
    if (type === MAP_SHARED) {
      if ((vmFlags & VM_GROWSDOWN) !== 0) return refuse(cur, DO_MMAP_SHARED_GROWSDOWN, -EINVAL);
      pgoff = 0;
      vmFlags |= VM_SHARED | VM_MAYSHARE;
    } else if (type === MAP_PRIVATE) {
      pgoff = area * system.perPage;
    } else if (type === MAP_DROPPABLE && profile.mmap.droppable) {
      if ((mapFlags & MAP_LOCKED) !== 0 || (vmFlags & VM_GROWSDOWN) !== 0)
        return refuse(cur, DO_MMAP_DROPPABLE, -EINVAL);
      vmFlags |= VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
      vmFlagsHigh |= VM_HIGH_DROPPABLE;
      pgoff = area * system.perPage;
    } else return refuse(cur, DO_MMAP_BAD_TYPE, -EINVAL);
  }
  if ((mapFlags & MAP_NORESERVE) !== 0) {
    if (system.sysctl.overcommitMemory !== OVERCOMMIT_NEVER) vmFlags |= VM_NORESERVE;
    if (file !== null && file.hugePageSize !== 0) vmFlags |= VM_NORESERVE;
  }

  // --- commit
  request.addr = area;
  request.len = size;
  request.vmFlags = vmFlags;
  request.vmFlagsHigh = vmFlagsHigh;
  request.pgoff = pgoff;
  const mapped = mmapRegion(cur, request);
  if (!isErr(mapped) && ((vmFlags & VM_LOCKED) !== 0 || (mapFlags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE)) {
    cur.call.populateLater(mapped, size, false);
  }
  return mapped;
}

/**
 * vm_mmap_pgoff: calls the security module, takes the mmap lock and calls {@link doMmap}. The parameters are the kernel's.
 *
 * @returns as do_mmap. The caller then calls `finishPopulate`.
 * @throws MmapLockError when a driver calls it from its own mmap operation
 */
export function vmMmapPgoff(
  cur: Caller,
  file: VmFile | null,
  addr: Addr,
  len: Bytes,
  prot: number,
  flags: number,
  pgoff: Pages,
): number {
  const mm = cur.mm;
  beginCall(cur);
  if (mm.tracer !== null) mm.tracer.enter('vm_mmap_pgoff', addr, len, prot, flags);
  const error = mm.system.security.mmapFile(cur, file, prot, flags);
  if (error !== 0) return refuse(cur, SECURITY_MMAP_FILE_REFUSED, error);
  mmapLock(mm, 'mmap');
  try {
    const request = cur.call.mmap;
    request.file = file;
    request.addr = addr;
    request.len = len;
    request.prot = prot;
    request.flags = flags;
    request.vmFlags = 0;
    request.pgoff = pgoff;
    return doMmap(cur, request);
  } finally {
    mmapUnlock(mm);
  }
}
