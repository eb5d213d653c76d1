/**
 * The frame allocator: a binary buddy system of orders 0 to 10 with a stack of hot single frames before it, and what is
 * known of each frame (24 bytes in typed arrays). Mirrors mm/page_alloc.c.
 *
 * Not here: contents (physical.ts), who maps a frame (rmap.ts). Frames at and above `fresh` have never been handed out
 * and stand in no list, so that a large memory costs nothing until it is used.
 */
import type { TableAllocator } from '../../ports/arch.ts';
import { PG_BUDDY, PG_COMPOUND, PG_ORDER_MASK, PG_ORDER_SHIFT, PG_RESERVED, PG_TABLE, PG_WRITTEN } from './flags.ts';
import type { PhysicalMemory } from './physical.ts';

/** The largest order of the buddy lists. */
export const MAX_BUDDY_ORDER = 10;
const MAX_BLOCK: number = 1 << MAX_BUDDY_ORDER;
const PCP_SIZE = 256;
const PCP_BATCH = 128;
/** The stack is filled with a block of at most 2^6 frames; the kernel's batches are 31 (4.4) and 63 (6.1). */
const PCP_FILL_ORDER = 6;

/** All frames of a machine. */
export class Frames implements TableAllocator {
  readonly physical: PhysicalMemory;
  readonly nrFrames: number;
  /** References; 0 for a free frame, and for the frames of a block but its first. */
  readonly refcount: Int32Array;
  /** Page-table entries that map the frame. While free: the next block of the list. */
  readonly mapcount: Int32Array;
  /** PG_ bits. */
  readonly flags: Uint32Array;
  /** Index into `owners`; 0 for nobody. While free: the previous block of the list. */
  readonly ownerId: Int32Array;
  /** Page index in the owner: file page, or linear page of an anonymous mapping. */
  readonly index: Float64Array;
  /** AddressSpaces and AnonVmas by id. */
  readonly owners: (object | null)[] = [null];
  /** The frame of zeroes that read faults of anonymous memory map; never written, never given back. */
  readonly zeroPfn: number;

  // --- counters, in pages of the machine, as /proc/meminfo draws from them
  /** MemFree. */
  nrFree = 0;
  /** Pages of all page caches, shmem included (NR_FILE_PAGES). */
  nrFilePages = 0;
  /** Those of shmem (NR_SHMEM). */
  nrShmem = 0;
  /** Anonymous pages that are mapped (NR_ANON_PAGES), kept by rmap. */
  nrAnonMapped = 0;
  /** Page-cache pages that are mapped (NR_FILE_MAPPED), kept by rmap. */
  nrFileMapped = 0;
  /** Page tables (NR_PAGETABLE). */
  nrPageTable = 0;
  /** Dirty pages that have a storage to go to (NR_FILE_DIRTY). */
  nrFileDirty = 0;
  /** Pages on their way to storage (NR_WRITEBACK). */
  nrWriteback = 0;
  /** Frames in huge-page pools and other contiguous blocks above the buddy's largest order. */
  nrContiguous = 0;

  /** Fault injection: the failNth-th allocation from now fails; 0 is off. */
  failNth = 0;

  /** Asked when memory is exhausted: gives pages up and says how many; or null. */
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
   * alloc_pages: a block of 2^order frames with one reference on the first. Contents are unknown.
   *
   * @param order 0 to 10
   * @returns the first pfn, a multiple of 2^order, or -1 when there is none
   */
  alloc(order: number): number {
    if (this.failNth !== 0 && --this.failNth === 0) return -1;
    if (order !== 0) return this.allocBlock(order);
    const pfn = this.pcpCount > 0 ? this.pcp[--this.pcpCount]! : this.rmqueueSlow(0);
    if (pfn >= 0) this.preparePage(pfn);
    return pfn;
  }

  /** {@link alloc} with the contents zero; frames that were never handed out need no writing. */
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
   * A physically contiguous, naturally aligned, zeroed block of any power of two of frames: what huge-page pools are
   * made of. It is given back as a whole by {@link put}.
   *
   * @param bytes size: the page size times a power of two
   * @returns the first pfn with one reference, or -1
   */
  allocContiguous(bytes: number): number {
    const n = bytes / this.physical.pageSize;
    const order = 31 - Math.clz32(n);
    if (n !== 1 << order)
      throw new RangeError(`Frames.allocContiguous: ${String(bytes)} bytes are no power of two of pages`);
    if (order <= MAX_BUDDY_ORDER) return this.allocZeroed(order);
    if (this.failNth !== 0 && --this.failNth === 0) return -1;
    this.drain();
    let pfn = this.findContiguous(n);
    if (pfn < 0 && this.reclaim !== null && this.reclaim() > 0) {
      this.drain();
      pfn = this.findContiguous(n);
    }
    if (pfn < 0) return -1;
    this.takeContiguous(pfn, n);
    this.zeroWritten(pfn, n);
    this.prepare(pfn, order);
    this.nrContiguous += n;
    return pfn;
  }

  /** get_page: one more reference. */
  get(pfn: number): void {
    this.refcount[pfn] = this.refcount[pfn]! + 1;
  }

  /** put_page: one reference less; the last one frees the block. */
  put(pfn: number): void {
    const count = this.refcount[pfn]! - 1;
    this.refcount[pfn] = count;
    if (count <= 0) this.release(pfn);
  }

  /** The order of the block that `pfn` begins. */
  order(pfn: number): number {
    return (this.flags[pfn]! & PG_ORDER_MASK) >>> PG_ORDER_SHIFT;
  }

  /** A zeroed frame for a page table, or -1. */
  allocTable(): number {
    const pfn = this.allocZeroed(0);
    if (pfn < 0) return -1;
    this.flags[pfn] = this.flags[pfn]! | PG_TABLE;
    this.nrPageTable++;
    return pfn;
  }

  /** Gives a page table back. */
  freeTable(pfn: number): void {
    this.nrPageTable--;
    this.put(pfn);
  }

  /** An id for an object that owns pages; {@link dropOwner} ends it. */
  addOwner(owner: object): number {
    const id = this.freeOwnerIds.pop() ?? this.owners.length;
    this.owners[id] = owner;
    return id;
  }

  /** Ends an id. No frame may carry it any more. */
  dropOwner(id: number): void {
    this.owners[id] = null;
    this.freeOwnerIds.push(id);
  }

  /** The AddressSpace or AnonVma that a frame belongs to. */
  owner(pfn: number): object | null {
    return this.owners[this.ownerId[pfn]!]!;
  }

  /** Gives the hot frames back to the buddy lists (drain_all_pages). */
  drain(): void {
    while (this.pcpCount > 0) this.freeBlock(this.pcp[--this.pcpCount]!, 0);
  }

  /** Frames below this one have been handed out at least once, or lie between such. */
  get highWater(): number {
    return this.fresh;
  }

  /** The single frames that wait outside the buddy lists to be handed out again. */
  hotFrames(): Set<number> {
    return new Set(this.pcp.subarray(0, this.pcpCount));
  }

  /** Free blocks of each order, as /proc/buddyinfo shows them, after {@link drain}. */
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

  /** Whether a frame may hold something else than zeroes. */
  private isWritten(pfn: number): boolean {
    return (this.flags[pfn]! & PG_WRITTEN) !== 0 || !this.physical.zeroAtStart;
  }

  private zeroWritten(pfn: number, n: number): void {
    for (let i = pfn; i < pfn + n; i++) if (this.isWritten(i)) this.physical.zeroFrame(i);
  }

  /** Makes a frame that was free a frame in use. */
  private preparePage(pfn: number): void {
    this.nrFree--;
    this.refcount[pfn] = 1;
    this.mapcount[pfn] = 0;
    this.flags[pfn] = PG_WRITTEN;
    this.ownerId[pfn] = 0;
    this.index[pfn] = 0;
  }

  /** The same for a block of several. */
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

  /** bad_page: the books are wrong, which only a bug here or in a driver can bring about. */
  private badPage(pfn: number): never {
    const state = `refcount ${String(this.refcount[pfn])} mapcount ${String(this.mapcount[pfn])} flags ${this.flags[pfn]!.toString(16)}`;
    throw new Error(`Frames.put: bad page state of frame ${String(pfn)}: ${state}`);
  }

  // --- the buddy lists

  /** A block from the lists, if need be after the hot frames have gone back and pages were given up. */
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

  /** {@link rmqueue}; for a single frame as rmqueue_bulk: a whole block goes to the stack, its lowest frame on top. */
  private rmqueueOrFill(order: number): number {
    if (order !== 0) return this.rmqueue(order);
    let size = 0;
    while (size < PCP_FILL_ORDER && this.heads[size]! < 0) size++;
    const pfn = this.rmqueue(size);
    // The last frames of the machine may be smaller blocks.
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
        // expand(): the upper halves go back
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

  /** Moves the lowest block of never used frames into the lists. */
  private addFresh(): void {
    const order = this.freshOrder(this.fresh);
    this.link(this.fresh, order);
    this.fresh += 1 << order;
  }

  /** The order of the largest aligned block that begins at `at`. */
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

  /** The lowest aligned run of `n` free frames: whole blocks of the largest order, or never used ones. */
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
