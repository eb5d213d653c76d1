/**
 * struct hugepage_subpool: the limits of one hugetlbfs mount: a maximum, and a minimum that is reserved for it.
 *
 * Mirrors the subpool functions of mm/hugetlb.c.
 */
import { ENOMEM } from '@vmarea/uapi';
import type { Hstate } from './hstate.ts';

/** A mount's share of the pool. */
export class Subpool {
  readonly h: Hstate;
  /** size=, in huge pages; -1 for no limit. */
  readonly maxHpages: number;
  /** min_size=, in huge pages; -1 for none. */
  readonly minHpages: number;
  /** Pages used or reserved; counted only with a maximum. */
  usedHpages = 0;
  /** The unused part of the mount's reservation. */
  rsvHpages: number;

  constructor(h: Hstate, maxHpages: number, minHpages: number) {
    this.h = h;
    this.maxHpages = maxHpages;
    this.minHpages = minHpages;
    this.rsvHpages = Math.max(0, minHpages);
  }

  /**
   * hugepage_subpool_get_pages.
   *
   * @returns how many of `delta` must come from the global pool, or -ENOMEM beyond the limit
   */
  getPages(delta: number): number {
    if (this.maxHpages !== -1) {
      if (this.usedHpages + delta > this.maxHpages) return -ENOMEM;
      this.usedHpages += delta;
    }
    if (this.minHpages === -1 || this.rsvHpages === 0) return delta;
    if (delta > this.rsvHpages) {
      const rest = delta - this.rsvHpages;
      this.rsvHpages = 0;
      return rest;
    }
    this.rsvHpages -= delta;
    return 0;
  }

  /** hugepage_subpool_put_pages: returns how many of `delta` reservations the global pool gets back. */
  putPages(delta: number): number {
    if (this.maxHpages !== -1) this.usedHpages -= delta;
    if (this.minHpages === -1 || this.usedHpages >= this.minHpages) return delta;
    const rest = Math.max(0, this.rsvHpages + delta - this.minHpages);
    this.rsvHpages = Math.min(this.rsvHpages + delta, this.minHpages);
    return rest;
  }
}

/** {@link Subpool.getPages}, also for a mount without a subpool. */
export function subpoolGetPages(spool: Subpool | null, delta: number): number {
  return spool === null ? delta : spool.getPages(delta);
}

/** {@link Subpool.putPages}, also for a mount without a subpool. */
export function subpoolPutPages(spool: Subpool | null, delta: number): number {
  return spool === null ? delta : spool.putPages(delta);
}
