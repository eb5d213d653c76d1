/**
 * UFFDIO_MOVE: moves pages into missing pages of a registered area, without copying.
 *
 * Mirrors move_pages of mm/userfaultfd.c.
 */
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM } from '@vmarea/uapi';
import type { Vma } from '../../areas/vma.ts';
import { refuse } from '../../base/errno.ts';
import {
  VM_ACCESS_FLAGS,
  VM_HUGETLB,
  VM_IO,
  VM_LOCKED,
  VM_MIXEDMAP,
  VM_PFNMAP,
  VM_SHARED,
  VM_WRITE,
} from '../../base/flags.ts';
import type { Addr, Bytes, Errno } from '../../base/units.ts';
import { PTE_DIRTY, PTE_SPECIAL, PTE_WRITE } from '../../ports/arch.ts';
import { anonVmaPrepare } from '../../shape/anon-vma.ts';
import type { Caller } from '../../space/caller.ts';
import { findVma } from '../../space/placement.ts';
import { PG_ANON_EXCLUSIVE } from '../frames/flags.ts';
import { moveAnonRmap } from '../frames/meta.ts';
import { flushTlbPage } from '../tlb/flush.ts';
import { stateOf } from '../tlb/state.ts';
import {
  UFFDIO_FILL_EXISTS,
  UFFDIO_FILL_NO_MEMORY,
  UFFDIO_FILL_NOT_REGISTERED,
  UFFDIO_MOVE_AREAS,
  UFFDIO_MOVE_HOLE,
  UFFDIO_MOVE_SHARED_PAGE,
} from './reasons.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** The flags that source and destination must have in common. */
const ALIKE: number = VM_ACCESS_FLAGS | VM_LOCKED;
/** vma_move_compatible: mappings whose pages cannot move. */
const IMMOVABLE: number = VM_PFNMAP | VM_IO | VM_HUGETLB | VM_MIXEDMAP;

/** Returns the VMA that contains a page, or null. */
function areaAt(ctx: Userfaultfd, addr: Addr): Vma | null {
  const vma = findVma(ctx.mm, addr);
  return vma === null || vma.vmStart > addr ? null : vma;
}

/** validate_move_areas: returns whether pages can move from one VMA to the other. */
function canMove(ctx: Userfaultfd, src: Vma, dst: Vma): boolean {
  const alike = ((src.vmFlags ^ dst.vmFlags) & ALIKE) === 0 && src.vmPageProt === dst.vmPageProt;
  const writable = (src.vmFlags & VM_WRITE) !== 0;
  const movable = ((src.vmFlags | dst.vmFlags) & IMMOVABLE) === 0;
  return alike && writable && movable && dst.userfaultCtx === ctx && src.vmOps === null && dst.vmOps === null;
}

/** The ranges of a move. */
export interface MoveRequest {
  readonly to: Addr;
  readonly from: Addr;
  readonly len: Bytes;
  /** Whether missing pages of the source are left out. */
  readonly holes: boolean;
}

/** One page of a move. */
interface Move {
  readonly dst: Vma;
  readonly to: Addr;
  readonly from: Addr;
  /** UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES. */
  readonly holes: boolean;
}

/** move_pages_pte: moves one page. Returns 0, -EEXIST, -ENOENT, -EBUSY or -ENOMEM. */
function movePage(cur: Caller, { dst, to, from, holes }: Move): Errno {
  const mm = dst.vmMm;
  const state = stateOf(mm);
  const marks = state.useMarks();
  const pt = mm.pageTables!;
  const slot = pt.slotAlloc(to);
  if (slot < 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, -ENOMEM);
  if (pt.entry(slot) !== 0 || marks.poisoned.has(to) || marks.writeProtected.has(to))
    return refuse(cur, UFFDIO_FILL_EXISTS, -EEXIST);
  const source = pt.slot(from);
  const bits = source < 0 ? 0 : pt.entry(source);
  if (bits === 0) return holes ? 0 : refuse(cur, UFFDIO_MOVE_HOLE, -ENOENT);
  const pfn = pt.pfn(source);
  if ((bits & PTE_SPECIAL) !== 0) pt.setEntry(slot, pfn, dst.vmPageProt, PTE_SPECIAL);
  else {
    if ((state.frames.flags[pfn]! & PG_ANON_EXCLUSIVE) === 0) return refuse(cur, UFFDIO_MOVE_SHARED_PAGE, -EBUSY);
    moveAnonRmap(state, dst, pfn);
    state.frames.index[pfn] = dst.vmPgoff + (to - dst.vmStart) * mm.system.perPage;
    pt.setEntry(slot, pfn, dst.vmPageProt, PTE_DIRTY | PTE_WRITE);
  }
  pt.clear(source);
  marks.writeProtected.delete(from);
  flushTlbPage(mm, from);
  return 0;
}

/**
 * move_pages over checked ranges.
 *
 * @returns bytes moved, more than 0; or -ENOENT, -EINVAL, -EEXIST, -EBUSY, -ENOMEM with nothing moved
 */
export function moveRange(cur: Caller, ctx: Userfaultfd, { to, from, len, holes }: MoveRequest): number {
  const dst = areaAt(ctx, to);
  const src = areaAt(ctx, from);
  if (dst === null || src === null) return refuse(cur, UFFDIO_FILL_NOT_REGISTERED, -ENOENT);
  const cut = from + len > src.vmEnd || to + len > dst.vmEnd;
  if (((src.vmFlags | dst.vmFlags) & VM_SHARED) !== 0 || cut || !canMove(ctx, src, dst))
    return refuse(cur, UFFDIO_MOVE_AREAS, -EINVAL);
  if (ctx.mm.memory === null) return len;
  if (anonVmaPrepare(dst) !== 0) return refuse(cur, UFFDIO_FILL_NO_MEMORY, -ENOMEM);
  const { pageSize } = ctx.mm.system;
  for (let done = 0; done < len; done += pageSize) {
    const error = movePage(cur, { dst, to: to + done, from: from + done, holes });
    if (error !== 0) return done > 0 ? done : error;
  }
  return len;
}
