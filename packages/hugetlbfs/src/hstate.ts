/**
 * struct hstate: one size of huge pages, its pool, and the number of reserved pages.
 *
 * The pool has a reference on each of its pages. Users add theirs, and a page is free when only the pool's is left. Without
 * memory the pool consists of numbers only, so that reservations still work.
 * Mirrors the pool half of mm/hugetlb.c.
 */
import { ENOMEM } from '@vmarea/uapi';
import type { HugeState, MmSystem } from '@vmarea/mm-core';
import { MAX_BUDDY_ORDER, PG_HUGETLB, type Frames } from '@vmarea/mm-core/memory';
import { memoryOf } from '@vmarea/vfs';
import type { Subpool } from './subpool.ts';
import { subpoolPutPages } from './subpool.ts';

/** A huge page size and its pool. Counters are in huge pages. */
export class Hstate implements HugeState {
  readonly system: MmSystem;
  /** Bytes of a huge page. */
  readonly size: number;
  /** Pages of the machine in a huge page. */
  readonly pagesPerHugePage: number;
  /** Whether it is too large for the page allocator, so that there are no surplus pages (hstate_is_gigantic). */
  readonly gigantic: boolean;
  /** HugePages_Total. */
  nrHugePages = 0;
  /** HugePages_Free. */
  freeHugePages = 0;
  /** HugePages_Rsvd. */
  resvHugePages = 0;
  /** HugePages_Surp. */
  surplusHugePages = 0;
  /** vm.nr_overcommit_hugepages. */
  nrOvercommit = 0;
  private readonly frames: Frames | null;
  private readonly free: number[] = [];
  private readonly spools: Map<number, Subpool> = new Map<number, Subpool>();
  /** References of users, without memory. */
  private readonly counts: Map<number, number> = new Map<number, number>();
  private lastNumber = 0;

  constructor(system: MmSystem, size: number) {
    this.system = system;
    this.size = size;
    this.pagesPerHugePage = size / system.pageSize;
    // The page allocator of every build can allocate the default huge page.
    this.gigantic = size > system.arch.pmdSize && this.pagesPerHugePage > 2 ** MAX_BUDDY_ORDER;
    this.frames = memoryOf(system)?.frames ?? null;
  }

  // --- pages

  /** alloc_fresh_huge_page: allocates a zeroed block of the machine's memory. Returns its first frame, or -1. */
  private allocFresh(): number {
    if (this.frames === null) return ++this.lastNumber;
    const pfn = this.frames.allocContiguous(this.size);
    if (pfn < 0) return -1;
    this.frames.flags[pfn] = this.frames.flags[pfn]! | PG_HUGETLB;
    return pfn;
  }

  /** update_and_free_page: removes a page from the pool and frees it. */
  private release(pfn: number): void {
    this.nrHugePages--;
    if (this.frames === null) return;
    this.frames.flags[pfn] = this.frames.flags[pfn]! & ~PG_HUGETLB;
    this.frames.put(pfn);
  }

  /** alloc_buddy_huge_page: allocates a page beyond the pool, within vm.nr_overcommit_hugepages. Returns -1 when it cannot. */
  allocSurplus(): number {
    if (this.gigantic || this.surplusHugePages >= this.nrOvercommit) return -1;
    const pfn = this.allocFresh();
    if (pfn < 0) return -1;
    this.nrHugePages++;
    this.surplusHugePages++;
    return pfn;
  }

  /** dequeue_huge_page_node: takes a free page. Returns -1 when there is none. */
  dequeue(): number {
    const pfn = this.free.pop();
    if (pfn === undefined) return -1;
    this.freeHugePages--;
    return pfn;
  }

  private enqueue(pfn: number): void {
    this.free.push(pfn);
    this.freeHugePages++;
  }

  /** get_page. */
  get(pfn: number): void {
    if (this.frames === null) this.counts.set(pfn, (this.counts.get(pfn) ?? 0) + 1);
    else this.frames.get(pfn);
  }

  /** put_page: drops a reference; the last user's frees the page. `reserved`: it is reserved again. */
  put(pfn: number, reserved: boolean = false): void {
    if (this.frames === null) {
      const left = (this.counts.get(pfn) ?? 0) - 1;
      this.counts.set(pfn, left);
      if (left === 0) this.freeHugePage(pfn, reserved);
      return;
    }
    const left = this.frames.refcount[pfn]! - 1;
    this.frames.refcount[pfn] = left;
    if (left === 1) this.freeHugePage(pfn, reserved);
  }

  /** put_page of a page that was allocated and not used; `reserved`: it had used a reservation. */
  putUnused(pfn: number, reserved: boolean): void {
    if (this.frames === null) this.counts.set(pfn, (this.counts.get(pfn) ?? 0) - 1);
    else this.frames.refcount[pfn] = this.frames.refcount[pfn]! - 1;
    this.freeHugePage(pfn, reserved);
  }

  /** set_page_private: stores the mount that the page is counted for. */
  setSubpool(pfn: number, spool: Subpool | null): void {
    if (spool === null) this.spools.delete(pfn);
    else this.spools.set(pfn, spool);
  }

  /** free_huge_page: returns a page to the pool; frees a surplus page. */
  private freeHugePage(pfn: number, reserved: boolean): void {
    const spool = this.spools.get(pfn) ?? null;
    this.spools.delete(pfn);
    // 0 means that the mount would fall below its minimum: the reservation is kept for it.
    const restore = subpoolPutPages(spool, 1) === 0 || reserved;
    if (restore) this.resvHugePages++;
    if (this.surplusHugePages > 0) {
      this.surplusHugePages--;
      this.release(pfn);
    } else this.enqueue(pfn);
  }

  // --- reservations

  /**
   * hugetlb_acct_memory: reserves `delta` more pages, or releases -delta reservations.
   *
   * @returns 0, or -ENOMEM when the pool and the surplus have fewer
   */
  acctMemory(delta: number): number {
    if (delta > 0) {
      if (this.gatherSurplus(delta) < 0) return -ENOMEM;
      if (delta > this.freeHugePages) {
        this.returnUnusedSurplus(delta);
        return -ENOMEM;
      }
    } else if (delta < 0) this.returnUnusedSurplus(-delta);
    return 0;
  }

  /** gather_surplus_pages. */
  private gatherSurplus(delta: number): number {
    const needed = this.resvHugePages + delta - this.freeHugePages;
    const gathered: number[] = [];
    while (gathered.length < needed) {
      const pfn = this.allocSurplus();
      if (pfn < 0) {
        for (const one of gathered) {
          this.surplusHugePages--;
          this.release(one);
        }
        return -ENOMEM;
      }
      gathered.push(pfn);
    }
    this.resvHugePages += delta;
    for (const pfn of gathered) this.enqueue(pfn);
    return 0;
  }

  /** return_unused_surplus_pages: releases reservations, and frees the surplus pages that become unused. */
  private returnUnusedSurplus(unused: number): void {
    this.resvHugePages -= unused;
    if (this.gigantic) return;
    for (let n = Math.min(unused, this.surplusHugePages); n > 0; n--) {
      const pfn = this.dequeue();
      if (pfn < 0) break;
      this.surplusHugePages--;
      this.release(pfn);
    }
  }

  // --- the size of the pool

  /** persistent_huge_pages: the value of vm.nr_hugepages. */
  get nrPersistent(): number {
    return this.nrHugePages - this.surplusHugePages;
  }

  /**
   * set_max_huge_pages: writes vm.nr_hugepages. The pool grows as far as there is memory, and shrinks by the pages that are
   * neither used nor reserved; the others become surplus.
   */
  setNrHugePages(count: number): void {
    while (this.surplusHugePages > 0 && count > this.nrPersistent) this.surplusHugePages--;
    while (count > this.nrPersistent) {
      const pfn = this.allocFresh();
      if (pfn < 0) break;
      this.nrHugePages++;
      this.enqueue(pfn);
    }
    const least = Math.max(count, this.resvHugePages + this.nrHugePages - this.freeHugePages);
    while (least < this.nrPersistent) {
      const pfn = this.dequeue();
      if (pfn < 0) break;
      this.release(pfn);
    }
    while (count < this.nrPersistent && this.surplusHugePages < this.nrHugePages) this.surplusHugePages++;
  }
}
