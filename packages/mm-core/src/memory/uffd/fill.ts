/**
 * UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE and UFFDIO_POISON: fill missing pages of a registered area.
 *
 * Mirrors mfill_atomic and its helpers of mm/userfaultfd.c and mm/hugetlb.c.
 */
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM } from '@vmarea/uapi';
import { vmaHugePageSize, type Vma } from '../../areas/vma.ts';
import { refuse } from '../../base/errno.ts';
import { VM_HUGETLB, VM_SHARED, VM_UFFD_WP, VM_WRITE } from '../../base/flags.ts';
import type { Addr, Bytes, Errno, Pfn, Slot } from '../../base/units.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../../ports/arch.ts';
import { BEYOND_END } from '../../ports/userfault.ts';
import { anonVmaPrepare } from '../../shape/anon-vma.ts';
import type { Caller } from '../../space/caller.ts';
import { FAULT_FLAG_WRITE, VM_FAULT_ERROR, VM_FAULT_OOM } from '../../space/fault-info.ts';
import { findVma } from '../../space/placement.ts';
import { addFileRmap, addNewAnonRmap, setPageDirty } from '../frames/meta.ts';
import type { PageMarks } from '../tlb/marks.ts';
import { stateOf, type MmState } from '../tlb/state.ts';
import {
  UFFDIO_FILL_BEYOND_END,
  UFFDIO_FILL_EXISTS,
  UFFDIO_FILL_HUGE_UNALIGNED,
  UFFDIO_FILL_KIND,
  UFFDIO_FILL_NO_MEMORY,
  UFFDIO_FILL_NOT_IN_FILE,
  UFFDIO_FILL_NOT_REGISTERED,
  UFFDIO_FILL_NOT_WRITE_PROTECTED,
} from './reasons.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/**
 * Where the bytes of UFFDIO_COPY come from: fills `target` from byte `offset` of the source on.
 *
 * @returns 0, -EFAULT, or RETRY before anything was read
 */
export type UffdSource = (offset: Bytes, target: Uint8Array) => number;

/** How the pages are filled. */
export interface Fill {
  readonly kind: 'copy' | 'zeropage' | 'continue' | 'poison';
  /** Write-protects the pages (MODE_WP). */
  readonly wp: boolean;
  /** For `copy`. */
  readonly source: UffdSource | null;
}

/** One page to fill. */
interface Target {
  readonly cur: Caller;
  readonly vma: Vma;
  readonly state: MmState;
  readonly marks: PageMarks;
  readonly address: Addr;
  /** Bytes from the start of the range. */
  readonly offset: Bytes;
}

/** find_dst_vma: returns the registered VMA that contains the whole range, or null. */
export function registeredArea(ctx: Userfaultfd, start: Addr, end: Addr): Vma | null {
  const vma = findVma(ctx.mm, start);
  if (vma === null || vma.vmStart > start || vma.vmEnd < end) return null;
  return vma.userfaultCtx === null ? null : vma;
}

/** Checks the VMA for the way of filling. Returns 0 or a negative errno. */
function checkArea(cur: Caller, vma: Vma, { kind, wp }: Fill, start: Addr, len: Bytes): Errno {
  if ((vma.vmFlags & VM_SHARED) === 0 && anonVmaPrepare(vma) !== 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, -ENOMEM);
  if (wp && (vma.vmFlags & VM_UFFD_WP) === 0) return refuse(cur, UFFDIO_FILL_NOT_WRITE_PROTECTED, -EINVAL);
  if ((vma.vmFlags & VM_HUGETLB) !== 0) {
    if (kind === 'zeropage') return refuse(cur, UFFDIO_FILL_KIND, -EINVAL);
    const size = vmaHugePageSize(vma);
    return start % size !== 0 || len % size !== 0 ? refuse(cur, UFFDIO_FILL_HUGE_UNALIGNED, -EINVAL) : 0;
  }
  const shmem = vma.vmOps !== null && vma.vmOps.userfault !== null;
  if (vma.vmOps !== null && !shmem) return refuse(cur, UFFDIO_FILL_KIND, -EINVAL);
  return kind === 'continue' && !shmem ? refuse(cur, UFFDIO_FILL_KIND, -EINVAL) : 0;
}

/** Returns the slot of the page; -EEXIST when it is mapped; -ENOMEM. @param strict marks are entries, too */
function emptySlot({ cur, vma, marks, address }: Target, strict: boolean): Slot {
  const pt = vma.vmMm.pageTables!;
  const slot = pt.slotAlloc(address);
  if (slot < 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, -ENOMEM);
  const marked = strict && (marks.poisoned.has(address) || marks.writeProtected.has(address));
  return marked || pt.entry(slot) !== 0 ? refuse(cur, UFFDIO_FILL_EXISTS, -EEXIST) : slot;
}

/** mfill_atomic_install_pte for the entry alone. @param writable whether the VMA's protection may permit stores */
function install({ vma, marks, address }: Target, slot: Slot, pfn: Pfn, wp: boolean, writable: boolean): void {
  const write = writable && !wp && (vma.vmFlags & VM_WRITE) !== 0 ? PTE_WRITE : 0;
  vma.vmMm.pageTables!.setEntry(slot, pfn, vma.vmPageProt, PTE_DIRTY | write);
  marks.poisoned.delete(address);
  if (wp) marks.writeProtected.add(address);
  else marks.writeProtected.delete(address);
}

/** Fills a frame from the source. Returns 0, -EFAULT or RETRY. */
function fillFrame({ state, offset }: Target, pfn: Pfn, source: UffdSource): number {
  const { physical } = state;
  const bytes = new Uint8Array(physical.pageSize);
  const error = source(offset, bytes);
  if (error === 0) physical.writeBytes(pfn, 0, bytes, 0, bytes.length);
  return error;
}

/** mfill_atomic_pte_copy: a new page of a private mapping. */
function copyPrivate(target: Target, source: UffdSource, wp: boolean): number {
  const { cur, vma, state, address } = target;
  const pfn = state.frames.alloc(0);
  if (pfn < 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, -ENOMEM);
  const slot = fillFrame(target, pfn, source) || emptySlot(target, false);
  if (slot < 0) {
    state.frames.put(pfn);
    return slot;
  }
  countAtOnce(state, () => addNewAnonRmap(state, vma, address, pfn));
  install(target, slot, pfn, wp, true);
  return 0;
}

/** inc_mm_counter: counts in the address space, not in the task's cache. */
function countAtOnce(state: MmState, count: () => void): void {
  const { memory } = state;
  const { activeMm } = memory;
  memory.activeMm = null;
  count();
  memory.activeMm = activeMm;
}

/** mfill_atomic_pte_zeropage: maps the zero page. */
function zeroPrivate(target: Target): number {
  const slot = emptySlot(target, true);
  if (slot < 0) return slot;
  const { vma, state } = target;
  vma.vmMm.pageTables!.setEntry(slot, state.frames.zeroPfn, vma.vmPageProt, PTE_SPECIAL);
  return 0;
}

function pageOffset({ vma, address }: Target): number {
  return vma.vmPgoff + (address - vma.vmStart) * vma.vmMm.system.perPage;
}

/** shmem_mfill_atomic_pte: adds a page to the file and maps it. */
function addShared(target: Target, { source, wp }: Fill): number {
  const { cur, vma, state } = target;
  const ops = vma.vmOps!.userfault!;
  const pgoff = pageOffset(target);
  const found = ops.find(vma, pgoff);
  if (found === BEYOND_END) return refuse(cur, UFFDIO_FILL_BEYOND_END, -EFAULT);
  if (found >= 0) return refuse(cur, UFFDIO_FILL_EXISTS, -EEXIST);
  // The table first, and the bytes before the page: a failure leaves nothing in the file.
  const slot = emptySlot(target, false);
  if (slot < 0) return slot;
  const bytes = new Uint8Array(source === null ? 0 : state.physical.pageSize);
  const error = source === null ? 0 : source(target.offset, bytes);
  if (error !== 0) return error;
  const pfn = ops.get(cur, vma, pgoff);
  if (pfn < 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, pfn);
  state.physical.writeBytes(pfn, 0, bytes, 0, bytes.length);
  setPageDirty(state.frames, pfn);
  countAtOnce(state, () => addFileRmap(state, pfn));
  install(target, slot, pfn, wp, true);
  return 0;
}

/** mfill_atomic_pte_continue: maps the page that is in the file. */
function continueShared(target: Target, wp: boolean): number {
  const { cur, vma, state } = target;
  const ops = vma.vmOps!.userfault!;
  const pgoff = pageOffset(target);
  const found = ops.find(vma, pgoff);
  if (found === BEYOND_END) return refuse(cur, UFFDIO_FILL_BEYOND_END, -EINVAL);
  if (found < 0) return refuse(cur, UFFDIO_FILL_NOT_IN_FILE, -EFAULT);
  const slot = emptySlot(target, false);
  if (slot < 0) return slot;
  const pfn = ops.get(cur, vma, pgoff);
  if (pfn < 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, pfn);
  countAtOnce(state, () => addFileRmap(state, pfn));
  install(target, slot, pfn, wp, (vma.vmFlags & VM_SHARED) !== 0);
  return 0;
}

/** mfill_atomic_pte_poison: marks the page. */
function poison(target: Target): number {
  const { cur, vma, marks, address } = target;
  if (vma.vmOps !== null && vma.vmOps.userfault!.find(vma, pageOffset(target)) === BEYOND_END)
    return refuse(cur, UFFDIO_FILL_BEYOND_END, -EFAULT);
  const slot = emptySlot(target, true);
  if (slot < 0) return slot;
  marks.poisoned.add(address);
  return 0;
}

/** mfill_atomic_pte: fills one page. Returns 0, a negative errno or RETRY. */
function fillPage(target: Target, fill: Fill): number {
  const { kind, source, wp } = fill;
  if (kind === 'continue') return continueShared(target, wp);
  if (kind === 'poison') return poison(target);
  if ((target.vma.vmFlags & VM_SHARED) !== 0) return addShared(target, fill);
  return source === null ? zeroPrivate(target) : copyPrivate(target, source, wp);
}

/** hugetlb_mfill_atomic_pte: fills one huge page. The driver brings it in, as a fault would. */
function fillHuge(target: Target, { kind, source, wp }: Fill): number {
  const { cur, vma, state, marks, address } = target;
  const pt = vma.vmMm.pageTables!;
  const { system } = vma.vmMm;
  const mapped = pt.nextEntry(address, address + system.pageSize) >= 0;
  const marked = kind === 'poison' && (marks.poisoned.has(address) || marks.writeProtected.has(address));
  if (mapped || marked) return refuse(cur, UFFDIO_FILL_EXISTS, -EEXIST);
  const found = vma.vmOps!.userfault!.find(vma, pageOffset(target));
  if (found === BEYOND_END) return refuse(cur, UFFDIO_FILL_BEYOND_END, -EFAULT);
  if (kind === 'poison') {
    marks.poisoned.add(address);
    return 0;
  }
  const shares = (vma.vmFlags & VM_SHARED) !== 0;
  if (kind === 'continue' && found < 0) return refuse(cur, UFFDIO_FILL_NOT_IN_FILE, -EFAULT);
  if (kind === 'copy' && shares && found >= 0) return refuse(cur, UFFDIO_FILL_EXISTS, -EEXIST);
  const size = vmaHugePageSize(vma);
  const bytes = new Uint8Array(source === null ? 0 : size);
  const error = source === null ? 0 : source(target.offset, bytes);
  if (error !== 0) return error;
  const { vmf } = cur.call;
  vmf.begin(cur, vma, address, (vma.vmFlags & VM_WRITE) !== 0 ? FAULT_FLAG_WRITE : 0);
  const result = system.hugePages!.fault(vma, vmf);
  if ((result & VM_FAULT_ERROR) !== 0) {
    return refuse(cur, vmf.reason || UFFDIO_FILL_NO_MEMORY, (result & VM_FAULT_OOM) !== 0 ? -ENOMEM : -ENOMEM);
  }
  pt.nextEntry(address, address + system.pageSize);
  const pfn = pt.pfn(pt.curSlot);
  const { pageSize } = state.physical;
  for (let at = 0; at < bytes.length; at += pageSize)
    state.physical.writeBytes(pfn + at / pageSize, 0, bytes, at, pageSize);
  marks.poisoned.delete(address);
  if (wp) {
    marks.writeProtected.add(address);
    pt.setHuge(pt.curSlot, pt.curSize, pfn, vma.vmPageProt, PTE_DIRTY);
  } else marks.writeProtected.delete(address);
  return 0;
}

/**
 * mfill_atomic over a checked range.
 *
 * @returns bytes filled, more than 0; or -ENOENT, -EINVAL, -EEXIST, -EFAULT, -ENOMEM, RETRY with nothing filled
 */
export function fillRange(cur: Caller, ctx: Userfaultfd, start: Addr, len: Bytes, fill: Fill): number {
  const vma = registeredArea(ctx, start, start + len);
  if (vma === null) return refuse(cur, UFFDIO_FILL_NOT_REGISTERED, -ENOENT);
  // Without memory behind the mappings there are no pages.
  if (ctx.mm.memory === null) return len;
  const invalid = checkArea(cur, vma, fill, start, len);
  if (invalid !== 0) return invalid;
  const state = stateOf(ctx.mm);
  const marks = state.useMarks();
  const huge = (vma.vmFlags & VM_HUGETLB) !== 0;
  const step = huge ? vmaHugePageSize(vma) : ctx.mm.system.pageSize;
  for (let offset = 0; offset < len; offset += step) {
    const target = { cur, vma, state, marks, address: start + offset, offset };
    const error = huge ? fillHuge(target, fill) : fillPage(target, fill);
    // What was filled stays filled.
    if (error !== 0) return offset > 0 ? offset : error;
  }
  return len;
}
