/**
 * Where a mapping goes: get_unmapped_area, the two searches, and the lookups by address.
 *
 * Mirrors mm/mmap.c; the search over gaps itself is the index's (areas/tree/tree.ts).
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

/** find_vma: the first VMA that ends above `addr`, or null. */
export function findVma(mm: Mm, addr: Addr): Vma | null {
  return addr < 0 ? null : mm.tree.find(addr);
}

/** find_vma_intersection: the first VMA that has a byte of [start, end), or null. */
export function findVmaIntersection(mm: Mm, start: Addr, end: Addr): Vma | null {
  const vma = findVma(mm, start);
  return vma !== null && end > vma.vmStart ? vma : null;
}

/** The VMA before what find_vma(addr) gives: the last one that ends at or below `addr`. */
export function findPrev(mm: Mm, found: Vma | null): Vma | null {
  return found === null ? mm.tree.last : found.vmPrev;
}

/** vm_start_gap: where the guard gap below a VMA begins (its own start, if it has none). */
export function vmStartGap(mm: Mm, vma: Vma): number {
  if ((vma.vmFlags & VM_GROWSDOWN) === 0) return vma.vmStart;
  return Math.max(0, vma.vmStart - mm.system.stackGuardGap);
}

/** The hint of a search, page-aligned, when it can be taken as it is; -1 otherwise. */
function takeHint(mm: Mm, hint: number, len: Bytes): number {
  const addr = alignUp(hint, mm.system.pageMask);
  const end = addr + len;
  if (addr < 0 || addr > mm.taskSize - len || addr < mm.system.mmapMinAddr) return -1;
  // A hint above the window opens all of the address space; an area across its end is not wanted.
  const { mapWindow } = mm.system.arch;
  if (end > mapWindow && addr <= mapWindow) return -1;
  const vma = findVma(mm, addr);
  return vma === null || end <= vmStartGap(mm, vma) ? addr : -1;
}

/** arch_get_mmap_end: where a search ends, which a hint above the default window moves to the end of the address space. */
function searchEnd(mm: Mm, hint: number): number {
  const { mapWindow } = mm.system.arch;
  // A negative hint is one near 2^64.
  return hint > mapWindow || hint < 0 ? mm.taskSize : mapWindow;
}

/** The bottom-up search: what there is in the old layout, and the way out of the top-down one. */
function searchBottomUp(cur: Caller, len: Bytes, base: number, end: number): number {
  const found = cur.mm.tree.lowestGap(len, base, end, 0, 0);
  return found < 0 ? refuse(cur, GET_UNMAPPED_AREA_NO_GAP, -ENOMEM) : found;
}

/** Where a top-down search ends below. */
function searchLow(system: MmSystem, flags: number): number {
  const { arch, profile, pageSize } = system;
  const own = arch.searchesFromPageOne && !profile.layout.searchKeepsMinAddr;
  const low = own ? pageSize : Math.max(pageSize, system.mmapMinAddr);
  return (flags & arch.mapAbove4G) !== 0 && profile.layout.mapAbove4G ? Math.max(low, 2 ** 32) : low;
}

/** A search that a flag confines to a window (MAP_32BIT): bottom-up in both layouts, and nowhere else. */
function searchWindow(cur: Caller, addr: Addr, len: Bytes, window: FlagWindow): number {
  const { mm } = cur;
  if (len > window.end) return refuse(cur, GET_UNMAPPED_AREA_LEN_OVER_ROOM, -ENOMEM);
  const hint = alignUp(addr, mm.system.pageMask);
  if (hint > 0 && hint <= window.end - len) {
    const vma = findVma(mm, hint);
    if (vma === null || hint + len <= vmStartGap(mm, vma)) return hint;
  }
  return searchBottomUp(cur, len, window.start, window.end);
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
  const window = arch.map32Bit;
  if (window !== null && (flags & window.flag) !== 0) return searchWindow(cur, addr, len, window);
  if (addr !== 0) {
    const hint = takeHint(mm, addr, len);
    if (hint >= 0) return hint;
  }
  const end = searchEnd(mm, addr);
  if (mm.mmapLegacy) return searchBottomUp(cur, len, mm.mmapBase, end);
  const high = mm.mmapBase + (end - arch.mapWindow);
  const found = mm.tree.highestGap(len, searchLow(system, flags), high, 0, 0);
  return found >= 0 ? found : searchBottomUp(cur, len, arch.taskUnmappedBase, end);
}

/**
 * Whether a mapping is placed at a border of a PMD huge page, where a hole has room for it. Mirrors __get_unmapped_area of
 * 6.7 and later.
 *
 * @param addr the hint, rounded down to a page
 */
export function placesAtPmdBorder(mm: Mm, file: VmFile | null, addr: Addr, len: Bytes, flags: number): boolean {
  if (!mm.system.profile.layout.anonAlignsToPmd || file !== null || addr !== 0) return false;
  return (flags & (MAP_FIXED | MAP_SHARED)) === 0 && len % mm.system.arch.pmdSize === 0 && mm.system.config.thp;
}

/** thp_get_unmapped_area: a gap with room to align in it; without one, any gap. */
function searchAligned(cur: Caller, len: Bytes, flags: number): number {
  const size = cur.mm.system.arch.pmdSize;
  const found = searchArea(cur, 0, len + size, flags);
  if (found < 0) return searchArea(cur, 0, len, flags);
  const offset = found % size;
  if (offset === 0) return cur.mm.mmapLegacy ? found : found + size;
  return found + size - offset;
}

/**
 * get_unmapped_area: the address for a mapping of `len` bytes. The parameters are the kernel's.
 *
 * @param addr the hint, or with MAP_FIXED the address
 * @param len page-aligned bytes, as from `fromRegister` (may be out of range)
 * @returns a page-aligned address, or -ENOMEM, -EINVAL, -EPERM or what the file's own search says
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
        ? searchAligned(cur, len, flags)
        : searchArea(cur, addr, len, flags);
  if (isErr(area) || area > mm.taskSize - len || (area & mm.system.pageMask) !== 0) {
    // With MAP_FIXED the address comes back as it was given, and a negative one stands for a value near 2^64.
    return whyNotThere(cur, file, len, area, (flags & MAP_FIXED) !== 0 && area === addr);
  }
  const error = mm.system.security.mmapAddr(cur, area);
  return error === 0 ? area : refuse(cur, SECURITY_MMAP_ADDR_REFUSED, error);
}

/** What is wrong with the area that a search gave: the errno. `asGiven`: it is the MAP_FIXED address. */
function whyNotThere(cur: Caller, file: VmFile | null, len: Bytes, area: AddrOrErrno, asGiven: boolean): Errno {
  if (isErr(area)) {
    if (asGiven && area < -4095) return refuse(cur, GET_UNMAPPED_AREA_BEYOND_TASK_SIZE, -ENOMEM);
    if (file !== null && file.fOp.getUnmappedArea !== null) return refuse(cur, GET_UNMAPPED_AREA_OWNER_REFUSED, area);
    // The last 4095 values of an unsigned long are errors, whoever wrote them.
    return asGiven ? refuse(cur, GET_UNMAPPED_AREA_ERROR_VALUE, area) : area;
  }
  if (area > cur.mm.taskSize - len) return refuse(cur, GET_UNMAPPED_AREA_BEYOND_TASK_SIZE, -ENOMEM);
  return refuse(cur, GET_UNMAPPED_AREA_UNALIGNED, -EINVAL);
}

/**
 * vm_unmapped_area for drivers that search by their own rules (huge pages).
 *
 * @param hint the caller's hint, 0 when it has none: one above the default window opens the whole address space
 * @param topdown from mmap_base down, with the bottom-up search as the way out; otherwise up from TASK_UNMAPPED_BASE
 * @param alignMask required alignment less one page, bytes
 * @returns an address or -ENOMEM
 */
export function vmUnmappedArea(cur: Caller, len: Bytes, hint: number, topdown: boolean, alignMask: number): number {
  const mm = cur.mm;
  const { arch } = mm.system;
  const end = searchEnd(mm, hint);
  if (topdown) {
    const high = mm.mmapBase + (end - arch.mapWindow);
    const found = mm.tree.highestGap(len, searchLow(mm.system, 0), high, alignMask, 0);
    if (found >= 0) return found;
  }
  const found = mm.tree.lowestGap(len, arch.taskUnmappedBase, end, alignMask, 0);
  return found < 0 ? refuse(cur, GET_UNMAPPED_AREA_NO_GAP, -ENOMEM) : found;
}
