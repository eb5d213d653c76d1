/**
 * The frame allocator: a binary buddy system of orders 0 to 10 with a stack of recently freed single frames in front of it,
 * and the data of each frame (24 bytes in typed arrays). Mirrors mm/page_alloc.c.
 *
 * Not here: contents (physical.ts), the mappings of a frame (rmap.ts). Frames at and above `fresh` were never allocated and
 * are in no list, so that a large memory costs nothing until it is used.
 */
import type { TableAllocator } from '../../ports/arch.ts';
import { PG_BUDDY, PG_COMPOUND, PG_ORDER_MASK, PG_ORDER_SHIFT, PG_RESERVED, PG_TABLE, PG_WRITTEN } from './flags.ts';
import type { PhysicalMemory } from './physical.ts';

/** The largest order of the buddy lists. */
export const MAX_BUDDY_ORDER = 10;
const MAX_BLOCK: number = 1 << MAX_BUDDY_ORDER;
const PCP_SIZE = 256;
const PCP_BATCH = 128;
/** A refill of the stack takes a block of at most 2^6 frames; the kernel's batches are 31 (4.4) and 63 (6.1). */
const PCP_FILL_ORDER = 6;

/** All frames of a machine. */
export class Frames implements TableAllocator {
  readonly physical: PhysicalMemory;
  readonly nrFrames: number;
  /** References; 0 for a free frame, and for the frames of a block except its first. */
  readonly refcount: Int32Array;
  /** Page-table entries that map the frame. For a free frame: the next block of the list. */
  readonly mapcount: Int32Array;
  /** PG_ bits. */
  readonly flags: Uint32Array;
  /** Index into `owners`; 0 for none. For a free frame: the previous block of the list. */
  readonly ownerId: Int32Array;
  /** Page index in the owner: file page, or linear page of an anonymous mapping. */
  readonly index: Float64Array;
  /** AddressSpaces and AnonVmas by id. */
  readonly owners: (object | null)[] = [null];
  /** The frame of zeroes that read faults of anonymous memory map; never written, never freed. */
  readonly zeroPfn: number;

  // --- counters, in pages of the machine, for /proc/meminfo
  /** MemFree. */
  nrFree = 0;
  /** Pages of all page caches, shmem included (NR_FILE_PAGES). */
  nrFilePages = 0;
  /** The shmem pages among them (NR_SHMEM). */
  nrShmem = 0;
  /** Anonymous pages that are mapped (NR_ANON_PAGES); meta.ts counts them. */
  nrAnonMapped = 0;
  /** Page-cache pages that are mapped (NR_FILE_MAPPED); meta.ts counts them. */
  nrFileMapped = 0;
  /** Page tables (NR_PAGETABLE). */
  nrPageTable = 0;
  /** Dirty pages that can be written to storage (NR_FILE_DIRTY). */
  nrFileDirty = 0;
  /** Pages that are being written to storage (NR_WRITEBACK). */
  nrWriteback = 0;
  /** Frames in huge-page pools and other contiguous blocks above the largest buddy order. */
  nrContiguous = 0;

  /** Fault injection: the number of the next allocation that fails, counted from 1; 0: none. */
  failNth = 0;

  /** Called when memory is exhausted: frees pages and returns how many; or null. */
  reclaim: (() => number) | null = null;

  private fresh = 0;
  private readonly heads: Int32Array = new Int32Array(MAX_BUDDY_ORDER + 1).fill(-1);
  private readonly blocks: Int32Array = new Int32Array(MAX_BUDDY_ORDER + 1);
  private readonly pcp: Int32Array = new Int32Array(PCP_SIZE);
  private pcpCount = 0;
  private readonly freeOwnerIds: number[] = [];

  constructor(physical: PhysicalMemory) {
    const n = physical.nrFrames;
    this.physical = physical;
    this.nrFrames = n;
    this.refcount = new Int32Array(n);
    this.mapcount = new Int32Array(n);
    this.flags = new Uint32Array(n);
    this.ownerId = new Int32Array(n);
    this.index = new Float64Array(n);
    this.nrFree = n;
    this.zeroPfn = this.allocZeroed(0);
    this.flags[this.zeroPfn] = this.flags[this.zeroPfn]! | PG_RESERVED;
  }

  /**
   * alloc_pages: allocates a block of 2^order frames with one reference on the first. Contents are unknown.
   *
   * @param order 0 to 10
   * @returns the first pfn, a multiple of 2^order, or -1 without memory
   */
  alloc(order: number): number {
    if (this.failNth !== 0 && --this.failNth === 0) return -1;
    if (order !== 0) return this.allocBlock(order);
    const pfn = this.pcpCount > 0 ? this.pcp[--this.pcpCount]! : this.rmqueueSlow(0);
    if (pfn >= 0) this.preparePage(pfn);
    return pfn;
  }

  /** {@link alloc} with zeroed contents; frames that were never allocated are not written. */
  allocZeroed(order: number): number {
    if (this.failNth !== 0 && --this.failNth === 0) return -1;
    if (order !== 0) return this.allocZeroedBlock(order);
    const pfn = this.pcpCount > 0 ? this.pcp[--this.pcpCount]! : this.rmqueueSlow(0);
    if (pfn < 0) return -1;
    if (this.isWritten(pfn)) this.physical.zeroFrame(pfn);
    this.preparePage(pfn);
    return pfn;
  }

  private allocBlock(order: number): number {
    const pfn = this.rmqueueSlow(order);
    if (pfn >= 0) this.prepare(pfn, order);
    return pfn;
  }

  private allocZeroedBlock(order: number): number {
    const pfn = this.rmqueueSlow(order);
    if (pfn < 0) return -1;
    this.zeroWritten(pfn, 1 << order);
    this.prepare(pfn, order);
    return pfn;
  }

  /**
   * Allocates a physically contiguous, naturally aligned block of a power of two of frames, for huge-page pools. Contents are
   * unknown: the fault that maps a huge page clears it. {@link put} frees it as a whole.
   *
   * @param bytes size: the page size times a power of two
   * @returns the first pfn with one reference, or -1
   */
  allocContiguous(bytes: number): number {
    const n = bytes / this.physical.pageSize;
    const order = 31 - Math.clz32(n);
    if (n !== 1 << order)
      throw new RangeError(`Frames.allocContiguous: ${String(bytes)} bytes are no power of two of pages`);
    if (order <= MAX_BUDDY_ORDER) return this.alloc(order);
    if (this.failNth !== 0 && --this.failNth === 0) return -1;
    this.drain();
    let pfn = this.findContiguous(n);
    if (pfn < 0 && this.reclaim !== null && this.reclaim() > 0) {
      this.drain();
      pfn = this.findContiguous(n);
    }
    if (pfn < 0) return -1;
    this.takeContiguous(pfn, n);
    this.prepare(pfn, order);
    this.nrContiguous += n;
    return pfn;
  }

  /** get_page: adds a reference. */
  get(pfn: number): void {
    this.refcount[pfn] = this.refcount[pfn]! + 1;
  }

  /** put_page: drops a reference; the last one frees the block. */
  put(pfn: number): void {
    const count = this.refcount[pfn]! - 1;
    this.refcount[pfn] = count;
    if (count <= 0) this.release(pfn);
  }

  /** Returns the order of the block that begins at `pfn`. */
  order(pfn: number): number {
    return (this.flags[pfn]! & PG_ORDER_MASK) >>> PG_ORDER_SHIFT;
  }

  /** Allocates a zeroed frame for a page table. Returns -1 without memory. */
  allocTable(): number {
    const pfn = this.allocZeroed(0);
    if (pfn < 0) return -1;
    this.flags[pfn] = this.flags[pfn]! | PG_TABLE;
    this.nrPageTable++;
    return pfn;
  }

  /** Frees a page table. */
  freeTable(pfn: number): void {
    this.nrPageTable--;
    this.put(pfn);
  }

  /** Returns an id for an object that owns pages; {@link dropOwner} frees it. */
  addOwner(owner: object): number {
    const id = this.freeOwnerIds.pop() ?? this.owners.length;
    this.owners[id] = owner;
    return id;
  }

  /** Frees an id. No frame may still have it. */
  dropOwner(id: number): void {
    this.owners[id] = null;
    this.freeOwnerIds.push(id);
  }

  /** Returns the AddressSpace or AnonVma that owns a frame. */
  owner(pfn: number): object | null {
    return this.owners[this.ownerId[pfn]!]!;
  }

  /** drain_all_pages: returns the frames of the stack to the buddy lists. */
  drain(): void {
    while (this.pcpCount > 0) this.freeBlock(this.pcp[--this.pcpCount]!, 0);
  }

  /** The end of the frames that were allocated at least once, or lie between such frames. */
  get highWater(): number {
    return this.fresh;
  }

  /** Returns the single free frames on the stack, outside the buddy lists. */
  hotFrames(): Set<number> {
    return new Set(this.pcp.subarray(0, this.pcpCount));
  }

  /** Returns the number of free blocks of each order, as /proc/buddyinfo shows them, after {@link drain}. */
  buddyInfo(): number[] {
    this.drain();
    const out = Array.from(this.blocks);
    for (let at = this.fresh; at < this.nrFrames;) {
      const order = this.freshOrder(at);
      out[order] = out[order]! + 1;
      at += 1 << order;
    }
    return out;
  }

  /** Returns whether a frame may hold other contents than zeroes. */
  private isWritten(pfn: number): boolean {
    return (this.flags[pfn]! & PG_WRITTEN) !== 0 || !this.physical.zeroAtStart;
  }

  private zeroWritten(pfn: number, n: number): void {
    for (let i = pfn; i < pfn + n; i++) if (this.isWritten(i)) this.physical.zeroFrame(i);
  }

  /** Prepares a free frame for use. */
  private preparePage(pfn: number): void {
    this.nrFree--;
    this.refcount[pfn] = 1;
    this.mapcount[pfn] = 0;
    this.flags[pfn] = PG_WRITTEN;
    this.ownerId[pfn] = 0;
    this.index[pfn] = 0;
  }

  /** Prepares a free block of several frames for use. */
  private prepare(pfn: number, order: number): void {
    const n = 1 << order;
    this.nrFree -= n;
    this.refcount[pfn] = 1;
    this.mapcount[pfn] = 0;
    this.ownerId[pfn] = 0;
    this.index[pfn] = 0;
    this.flags.fill(PG_WRITTEN, pfn, pfn + n);
    this.flags[pfn] = PG_WRITTEN | PG_COMPOUND | (order << PG_ORDER_SHIFT);
  }

  private release(pfn: number): void {
    if (this.refcount[pfn]! < 0 || this.mapcount[pfn]! !== 0) this.badPage(pfn);
    const order = this.order(pfn);
    this.flags[pfn] = PG_WRITTEN;
    this.nrFree += 1 << order;
    if (order === 0) {
      if (this.pcpCount === PCP_SIZE) for (let i = 0; i < PCP_BATCH; i++) this.freeBlock(this.pcp[--this.pcpCount]!, 0);
      this.pcp[this.pcpCount++] = pfn;
    } else if (order <= MAX_BUDDY_ORDER) this.freeBlock(pfn, order);
    else {
      const n = 1 << order;
      this.nrContiguous -= n;
      for (let i = 0; i < n; i += MAX_BLOCK) this.freeBlock(pfn + i, MAX_BUDDY_ORDER);
    }
  }

  /** bad_page: reports inconsistent counts, which only a bug here or in a driver can cause. */
  private badPage(pfn: number): never {
    const state = `refcount ${String(this.refcount[pfn])} mapcount ${String(this.mapcount[pfn])} flags ${this.flags[pfn]!.toString(16)}`;
    throw new Error(`Frames.put: bad page state of frame ${String(pfn)}: ${state}`);
  }

  // --- the buddy lists

  /** Takes a block from the lists; if there is none, first drains the stack, then reclaims pages. */
  private rmqueueSlow(order: number): number {
    let pfn = this.rmqueueOrFill(order);
    if (pfn < 0 && this.pcpCount > 0) {
      this.drain();
      pfn = this.rmqueueOrFill(order);
    }
    if (pfn < 0 && this.reclaim !== null && this.reclaim() > 0) {
      this.drain();
      pfn = this.rmqueueOrFill(order);
    }
    return pfn;
  }

  /** {@link rmqueue}; for a single frame as rmqueue_bulk: puts a whole block on the stack, its lowest frame on top. */
  private rmqueueOrFill(order: number): number {
    if (order !== 0) return this.rmqueue(order);
    let size = 0;
    while (size < PCP_FILL_ORDER && this.heads[size]! < 0) size++;
    const pfn = this.rmqueue(size);
    // The last free frames of the machine may be smaller blocks.
    if (pfn < 0) return this.rmqueue(0);
    for (let i = (1 << size) - 1; i > 0; i--) this.pcp[this.pcpCount++] = pfn + i;
    return pfn;
  }

  private rmqueue(order: number): number {
    for (;;) {
      for (let o = order; o <= MAX_BUDDY_ORDER; o++) {
        const pfn = this.heads[o]!;
        if (pfn < 0) continue;
        this.unlink(pfn, o);
        // expand(): returns the upper halves to the lists.
        while (o > order) {
          o--;
          this.link(pfn + (1 << o), o);
        }
        return pfn;
      }
      if (this.fresh >= this.nrFrames) return -1;
      this.addFresh();
    }
  }

  /** Moves the lowest block of never allocated frames into the lists. */
  private addFresh(): void {
    const order = this.freshOrder(this.fresh);
    this.link(this.fresh, order);
    this.fresh += 1 << order;
  }

  /** Returns the order of the largest aligned block that begins at `at`. */
  private freshOrder(at: number): number {
    const aligned = at === 0 ? MAX_BUDDY_ORDER : Math.min(MAX_BUDDY_ORDER, 31 - Math.clz32(at & -at));
    return Math.min(aligned, 31 - Math.clz32(this.nrFrames - at));
  }

  private freeBlock(block: number, blockOrder: number): void {
    const { flags } = this;
    let pfn = block;
    let order = blockOrder;
    while (order < MAX_BUDDY_ORDER) {
      const buddy = pfn ^ (1 << order);
      if (buddy >= this.fresh) break;
      const f = flags[buddy]!;
      if ((f & PG_BUDDY) === 0 || (f & PG_ORDER_MASK) >>> PG_ORDER_SHIFT !== order) break;
      this.unlink(buddy, order);
      if (buddy < pfn) pfn = buddy;
      order++;
    }
    this.link(pfn, order);
  }

  private link(pfn: number, order: number): void {
    const next = this.heads[order]!;
    this.mapcount[pfn] = next;
    this.ownerId[pfn] = -1;
    if (next >= 0) this.ownerId[next] = pfn;
    this.heads[order] = pfn;
    this.blocks[order] = this.blocks[order]! + 1;
    this.flags[pfn] = (this.flags[pfn]! & PG_WRITTEN) | PG_BUDDY | (order << PG_ORDER_SHIFT);
  }

  private unlink(pfn: number, order: number): void {
    const next = this.mapcount[pfn]!;
    const prev = this.ownerId[pfn]!;
    if (prev >= 0) this.mapcount[prev] = next;
    else this.heads[order] = next;
    if (next >= 0) this.ownerId[next] = prev;
    this.blocks[order] = this.blocks[order]! - 1;
    this.flags[pfn] = this.flags[pfn]! & PG_WRITTEN;
  }

  // --- blocks above the largest order

  /** Finds the lowest aligned run of `n` free frames: whole blocks of the largest order, or never allocated ones. */
  private findContiguous(n: number): number {
    const largest = PG_BUDDY | (MAX_BUDDY_ORDER << PG_ORDER_SHIFT);
    for (let start = 0; start + n <= this.nrFrames; start += n) {
      let at = start;
      while (at < start + n && (at >= this.fresh || (this.flags[at]! & ~PG_WRITTEN) === largest)) at += MAX_BLOCK;
      if (at >= start + n) return start;
    }
    return -1;
  }

  private takeContiguous(start: number, n: number): void {
    while (this.fresh < start + n) this.addFresh();
    for (let at = start; at < start + n; at += MAX_BLOCK) this.unlink(at, MAX_BUDDY_ORDER);
  }
}
