/**
 * The software TLB of one address space: a direct-mapped table by page number.
 *
 * It holds what the page tables said when an access last walked them (walk.ts); flush.ts drops what has changed. All
 * users of an Mm share one table.
 */
import type { PhysicalMemory } from '../frames/physical.ts';
import type { Addr } from '../../base/units.ts';

/** Entries of a software TLB; a power of two. */
export const TLB_ENTRIES = 1024;
const INDEX_MASK: number = TLB_ENTRIES - 1;

/** Cached translations. A tag is the address of the page, or -1. */
export class Tlb {
  /** Pages that may be read, written and executed; all three describe `frameWord`. */
  readonly readTag: Float64Array = new Float64Array(TLB_ENTRIES).fill(-1);
  readonly writeTag: Float64Array = new Float64Array(TLB_ENTRIES).fill(-1);
  readonly execTag: Float64Array = new Float64Array(TLB_ENTRIES).fill(-1);
  /** Index of the frame's first word in `PhysicalMemory.u32`. */
  readonly frameWord: Int32Array | Float64Array;
  private readonly pageShift: number;
  private readonly pageSize: number;

  constructor(physical: PhysicalMemory) {
    // Word numbers pass 2^31 only above 8 GiB; small integers are a little faster.
    this.frameWord = physical.u32.length <= 0x7fffffff ? new Int32Array(TLB_ENTRIES) : new Float64Array(TLB_ENTRIES);
    this.pageShift = physical.pageShift;
    this.pageSize = physical.pageSize;
  }

  /**
   * Remembers a translation.
   *
   * @param page address of the page
   * @param word index of the frame's first word
   */
  fill(page: number, word: number, read: boolean, write: boolean, exec: boolean): void {
    const i = (page >>> this.pageShift) & INDEX_MASK;
    this.frameWord[i] = word;
    this.readTag[i] = read ? page : -1;
    this.writeTag[i] = write ? page : -1;
    this.execTag[i] = exec ? page : -1;
  }

  /** Forgets one page. */
  flushPage(page: number): void {
    const i = (page >>> this.pageShift) & INDEX_MASK;
    this.readTag[i] = -1;
    this.writeTag[i] = -1;
    this.execTag[i] = -1;
  }

  /** Forgets [start, end). */
  flushRange(start: Addr, end: Addr): void {
    if (end - start >= TLB_ENTRIES * this.pageSize) {
      this.flushAll();
      return;
    }
    for (let page = start; page < end; page += this.pageSize) this.flushPage(page);
  }

  /** Forgets everything. */
  flushAll(): void {
    this.readTag.fill(-1);
    this.writeTag.fill(-1);
    this.execTag.fill(-1);
  }
}
