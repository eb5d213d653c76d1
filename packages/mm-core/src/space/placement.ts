/**
 * Chooses the address of a mapping: get_unmapped_area, the two searches, and the lookups by address.
 *
 * Mirrors mm/mmap.c. The index (areas/tree/tree.ts) searches the gaps.
 */
import { EINVAL, ENOMEM, MAP_FIXED, MAP_SHARED } from '@vmarea/uapi';
import type { Caller } from './caller.ts';
import { isErr, refuse } from '../base/errno.ts';
import type { Mm } from './mm.ts';
import { alignUp } from '../base/page-math.ts';
import type { FlagWindow } from '../ports/arch.ts';
import type { VmFile } from '../ports/file.ts';
import type { MmSystem } from './system.ts';
import {
  GET_UNMAPPED_AREA_BEYOND_TASK_SIZE,
  GET_UNMAPPED_AREA_ERROR_VALUE,
  GET_UNMAPPED_AREA_LEN_OVER_ROOM,
  GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE,
  GET_UNMAPPED_AREA_NO_GAP,
  GET_UNMAPPED_AREA_OWNER_REFUSED,
  GET_UNMAPPED_AREA_UNALIGNED,
  SECURITY_MMAP_ADDR_REFUSED,
} from './reasons.ts';
import { VM_GROWSDOWN } from '../base/flags.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, AddrOrErrno, Bytes, Errno, Pages } from '../base/units.ts';

/** find_vma: returns the first VMA that ends above `addr`, or null. */
export function findVma(mm: Mm, addr: Addr): Vma | null {
  return addr < 0 ? null : mm.tree.find(addr);
}

/** find_vma_intersection: returns the first VMA that has a byte of [start, end), or null. */
export function findVmaIntersection(mm: Mm, start: Addr, end: Addr): Vma | null {
  const vma = findVma(mm, start);
  return vma !== null && end > vma.vmStart ? vma : null;
}

/** Returns the VMA before `found`, the result of find_vma(addr): the last one that ends at or below `addr`. */
export function findPrev(mm: Mm, found: Vma | null): Vma | null {
  return found === null ? mm.tree.last : found.vmPrev;
}

/** vm_start_gap: returns where the guard gap below a VMA begins (its own start, if it has none). */
export function vmStartGap(mm: Mm, vma: Vma): number {
  if ((vma.vmFlags & VM_GROWSDOWN) === 0) return vma.vmStart;
  return Math.max(0, vma.vmStart - mm.system.stackGuardGap);
}

/** Returns the hint of a search, page-aligned, if the mapping fits there; otherwise -1. */
function takeHint(mm: Mm, hint: number, len: Bytes): number {
  const addr = alignUp(hint, mm.system.pageMask);
  const end = addr + len;
  if (addr < 0 || addr > mm.taskSize - len || addr < mm.system.mmapMinAddr) return -1;
  // A hint above the window may use the whole address space; no area may lie across the window's end.
  const { mapWindow } = mm.system.arch;
  if (end > mapWindow && addr <= mapWindow) return -1;
  const vma = findVma(mm, addr);
  return vma === null || end <= vmStartGap(mm, vma) ? addr : -1;
}

/** arch_get_mmap_end: returns where a search ends. A hint above the default window moves it to the end of the address space. */
function searchEnd(mm: Mm, hint: number): number {
  const { mapWindow } = mm.system.arch;
  // A negative hint stands for a value near 2^64.
  return hint > mapWindow || hint < 0 ? mm.taskSize : mapWindow;
}

/** Searches bottom-up, in a window: the search of the legacy layout, and the fallback of the top-down one. */
function searchBottomUp(cur: Caller, len: Bytes, start: Addr, end: Addr, alignMask: number): AddrOrErrno {
  const found = cur.mm.tree.lowestGap(len, start, end, alignMask, 0);
  return found < 0 ? refuse(cur, GET_UNMAPPED_AREA_NO_GAP, -ENOMEM) : found;
}

/** Returns the lowest address of a top-down search. */
function searchLow(system: MmSystem, flags: number): number {
  const { arch, profile, pageSize } = system;
  const own = arch.searchesFromPageOne && !profile.layout.searchKeepsMinAddr;
  const low = own ? pageSize : Math.max(pageSize, system.mmapMinAddr);
  return (flags & arch.mapAbove4G) !== 0 && profile.layout.mapAbove4G ? Math.max(low, 2 ** 32) : low;
}

/** Searches in the window of a flag (MAP_32BIT): bottom-up in both layouts, without a fallback outside. */
function searchWindow(cur: Caller, addr: Addr, len: Bytes, window: FlagWindow): number {
  const { mm } = cur;
  if (len > window.end) return refuse(cur, GET_UNMAPPED_AREA_LEN_OVER_ROOM, -ENOMEM);
  const hint = alignUp(addr, mm.system.pageMask);
  if (hint > 0 && hint <= window.end - len) {
    const vma = findVma(mm, hint);
    if (vma === null || hint + len <= vmStartGap(mm, vma)) return hint;
  }
  return vmUnmappedWindow(cur, len, window, 0);
}

/** Searches the window of a flag for drivers with a search of their own. `alignMask` as for {@link vmUnmappedArea}. */
export function vmUnmappedWindow(cur: Caller, len: Bytes, window: FlagWindow, alignMask: number): AddrOrErrno {
  return searchBottomUp(cur, len, window.start, window.end, alignMask);
}

/** arch_get_unmapped_area_topdown and arch_get_unmapped_area. */
function searchArea(cur: Caller, addr: Addr, len: Bytes, flags: number): number {
  const mm = cur.mm;
  const system = mm.system;
  const { arch } = system;
  if (!arch.searchesFromPageOne && len > mm.taskSize - system.mmapMinAddr) {
    return refuse(cur, GET_UNMAPPED_AREA_LEN_OVER_ROOM, -ENOMEM);
  }
  if ((flags & MAP_FIXED) !== 0) return addr;
  if (arch.map32Bit !== null && (flags & arch.map32Bit.flag) !== 0) {
    return searchWindow(cur, addr, len, arch.map32Bit);
  }
  if (addr !== 0) {
    const hint = takeHint(mm, addr, len);
    if (hint >= 0) return hint;
  }
  const end = searchEnd(mm, addr);
  if (mm.mmapLegacy) return searchBottomUp(cur, len, mm.mmapBase, end, 0);
  return searchTopDown(cur, len, flags, end, 0);
}

/** Searches top-down from mmap_base, raised by as much as `end` lies above the default window. */
function searchTopDown(cur: Caller, len: Bytes, flags: number, end: Addr, alignMask: number): AddrOrErrno {
  const { mm } = cur;
  const { arch } = mm.system;
  const high = mm.mmapBase + (end - arch.mapWindow);
  const found = mm.tree.highestGap(len, searchLow(mm.system, flags), high, alignMask, 0);
  return found >= 0 ? found : searchBottomUp(cur, len, arch.taskUnmappedBase, end, alignMask);
}

/**
 * Returns whether get_unmapped_area aligns a mapping to a PMD huge page when a gap has room for it. Mirrors
 * __get_unmapped_area of 6.7 and later.
 *
 * @param addr the hint, rounded down to a page
 */
export function placesAtPmdBorder(mm: Mm, file: VmFile | null, addr: Addr, len: Bytes, flags: number): boolean {
  if (!mm.system.profile.layout.anonAlignsToPmd || file !== null || addr !== 0) return false;
  return (flags & (MAP_FIXED | MAP_SHARED)) === 0 && len % mm.system.arch.pmdSize === 0 && mm.system.config.thp;
}

/**
 * __thp_get_unmapped_area: searches a gap with room to align the mapping, if [off, off + len) of the file contains a whole PMD
 * huge page.
 *
 * @param off bytes; 0 without a file
 * @returns an address congruent to `off`; the hint itself if the gap begins there; -1 without such a gap
 */
function searchAligned(cur: Caller, addr: Addr, len: Bytes, off: Bytes, flags: number): number {
  const { mm } = cur;
  const { arch, profile } = mm.system;
  const size = arch.pmdSize;
  const first = Math.ceil(off / size) * size;
  if (off + len - first < size) return -1;
  const found = searchArea(cur, addr, len + size, flags);
  if (found < 0) return -1;
  if (found === addr && addr !== 0) return addr;
  const below = (((off - found) % size) + size) % size;
  if (below === 0 && !mm.mmapLegacy && profile.layout.alignedSearchTakesUpperEnd) return found + size;
  return found + below;
}

/**
 * thp_get_unmapped_area: the `getUnmappedArea` of files on ext4, xfs, btrfs and others; kernels since 6.7 also use it for
 * anonymous memory. It searches a gap with room to align the mapping; if there is none, as without alignment, with the hint.
 * The parameters are those of {@link getUnmappedArea}.
 */
export function thpGetUnmappedArea(
  cur: Caller,
  file: VmFile | null,
  addr: Addr,
  len: Bytes,
  pgoff: Pages,
  flags: number,
): number {
  const { system } = cur.mm;
  const aligns = file === null || (system.profile.layout.filesAlignToPmd && system.config.thp);
  const found = aligns ? searchAligned(cur, addr, len, pgoff * system.pageSize, flags) : -1;
  return found < 0 ? searchArea(cur, addr, len, flags) : found;
}

/** get_unmapped_area_zero: the `getUnmappedArea` of /dev/zero. The parameters are those of {@link getUnmappedArea}. */
export function zeroGetUnmappedArea(
  cur: Caller,
  file: VmFile,
  addr: Addr,
  len: Bytes,
  pgoff: Pages,
  flags: number,
): number {
  const aligns = cur.mm.system.profile.layout.zeroDeviceAlignsToPmd && (flags & MAP_SHARED) === 0;
  return aligns ? thpGetUnmappedArea(cur, file, addr, len, pgoff, flags) : searchArea(cur, addr, len, flags);
}

/**
 * get_unmapped_area: chooses the address for a mapping of `len` bytes. The parameters are the kernel's.
 *
 * @param addr the hint, or with MAP_FIXED the address
 * @param len page-aligned bytes, as from `fromRegister` (may be out of range)
 * @returns a page-aligned address, or -ENOMEM, -EINVAL, -EPERM or the errno of the file's own search
 */
export function getUnmappedArea(
  cur: Caller,
  file: VmFile | null,
  addr: Addr,
  len: Bytes,
  pgoff: Pages,
  flags: number,
): number {
  const mm = cur.mm;
  if (mm.tracer !== null) mm.tracer.enter('get_unmapped_area', addr, len, pgoff, flags);
  if (len < 0 || len > mm.taskSize) return refuse(cur, GET_UNMAPPED_AREA_LEN_OVER_TASK_SIZE, -ENOMEM);
  const area =
    file !== null && file.fOp.getUnmappedArea !== null
      ? file.fOp.getUnmappedArea(cur, file, addr, len, pgoff, flags)
      : placesAtPmdBorder(mm, file, addr, len, flags)
        ? thpGetUnmappedArea(cur, null, addr, len, 0, flags)
        : searchArea(cur, addr, len, flags);
  if (isErr(area) || area > mm.taskSize - len || (area & mm.system.pageMask) !== 0) {
    // With MAP_FIXED the result is the given address, and a negative one stands for a value near 2^64.
    return whyNotThere(cur, file, len, area, (flags & MAP_FIXED) !== 0 && area === addr);
  }
  const error = mm.system.security.mmapAddr(cur, area);
  return error === 0 ? area : refuse(cur, SECURITY_MMAP_ADDR_REFUSED, error);
}

/** Returns whether the file's driver has a search of its own; {@link thpGetUnmappedArea} is the common one with alignment. */
function hasOwnSearch(file: VmFile | null): boolean {
  const own = file?.fOp.getUnmappedArea ?? null;
  return own !== null && own !== thpGetUnmappedArea && own !== zeroGetUnmappedArea;
}

/** Returns the errno for an unusable result of a search. `asGiven`: the result is the MAP_FIXED address. */
function whyNotThere(cur: Caller, file: VmFile | null, len: Bytes, area: AddrOrErrno, asGiven: boolean): Errno {
  if (isErr(area)) {
    if (asGiven && area < -4095) return refuse(cur, GET_UNMAPPED_AREA_BEYOND_TASK_SIZE, -ENOMEM);
    if (hasOwnSearch(file)) return refuse(cur, GET_UNMAPPED_AREA_OWNER_REFUSED, area);
    // The last 4095 values of an unsigned long count as errors, also when the program gave them as an address.
    return asGiven ? refuse(cur, GET_UNMAPPED_AREA_ERROR_VALUE, area) : area;
  }
  if (area > cur.mm.taskSize - len) return refuse(cur, GET_UNMAPPED_AREA_BEYOND_TASK_SIZE, -ENOMEM);
  return refuse(cur, GET_UNMAPPED_AREA_UNALIGNED, -EINVAL);
}

/**
 * vm_unmapped_area for drivers with a search of their own (huge pages).
 *
 * @param hint the caller's hint, 0 for none; a hint above the default window extends the search to the whole address space
 * @param topdown searches from mmap_base down, then bottom-up; otherwise only up from TASK_UNMAPPED_BASE
 * @param alignMask required alignment less one page, bytes
 * @returns an address or -ENOMEM
 */
export function vmUnmappedArea(cur: Caller, len: Bytes, hint: number, topdown: boolean, alignMask: number): number {
  const end = searchEnd(cur.mm, hint);
  if (topdown) return searchTopDown(cur, len, 0, end, alignMask);
  return searchBottomUp(cur, len, cur.mm.system.arch.taskUnmappedBase, end, alignMask);
}
