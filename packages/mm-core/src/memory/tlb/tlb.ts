/**
 * The software TLB of one address space: a direct-mapped table by page number.
 *
 * An entry caches the result of a walk of the page tables (walk.ts); flush.ts drops entries that have changed. All users of
 * an Mm share one table.
 */
import type { PhysicalMemory } from '../frames/physical.ts';
import type { Addr } from '../../base/units.ts';

/** Entries of a software TLB; a power of two. */
export const TLB_ENTRIES = 1024;
const INDEX_MASK: number = TLB_ENTRIES - 1;
/** Bytes of a TLB in a buffer. */
export const TLB_BYTES: number = TLB_ENTRIES * 32;

/** The position of a TLB's arrays. */
export interface TlbPlace {
  readonly buffer: ArrayBufferLike;
  /** A multiple of 8. */
  readonly byteOffset: number;
}

/**
 * Cached translations. A tag is the address of the page, or -1.
 *
 * In a buffer, entry i of page number p (i = p mod TLB_ENTRIES) is at these bytes from the TLB's first one:
 *
 *     i * 8                    readTag, float64: the page's address if loads are allowed, else -1
 *     TLB_ENTRIES * 8 + i * 8  writeTag, the same for stores
 *     TLB_ENTRIES * 16 + i * 8 execTag, the same for instructions
 *     TLB_ENTRIES * 24 + i * 4 frameWord, int32: the frame's first byte in physical memory, divided by 4
 *                              (float64 at i * 8 where physical memory is larger than 8 GiB)
 *
 * So compiled code may read a word at address a when `readTag[i] == a - a mod page size`. It must not write here; for every
 * other access it calls the library. Flushes and refills happen in place.
 */
export class Tlb {
  /** Tags for loads, stores and instructions; all three describe `frameWord`. */
  readonly readTag: Float64Array;
  readonly writeTag: Float64Array;
  readonly execTag: Float64Array;
  /** Index of the frame's first word in `PhysicalMemory.u32`. */
  readonly frameWord: Int32Array | Float64Array;
  private readonly pageShift: number;
  private readonly pageSize: number;

  constructor(physical: PhysicalMemory, place?: TlbPlace) {
    const { buffer, byteOffset } = place ?? { buffer: new ArrayBuffer(TLB_BYTES), byteOffset: 0 };
    checkPlace(physical, buffer, byteOffset);
    const tags = (nth: number): Float64Array =>
      new Float64Array(buffer, byteOffset + nth * 8 * TLB_ENTRIES, TLB_ENTRIES).fill(-1);
    this.readTag = tags(0);
    this.writeTag = tags(1);
    this.execTag = tags(2);
    // Word indexes exceed 2^31 only above 8 GiB; an Int32Array is a little faster.
    const words = byteOffset + 24 * TLB_ENTRIES;
    this.frameWord =
      physical.u32.length <= 0x7fffffff
        ? new Int32Array(buffer, words, TLB_ENTRIES)
        : new Float64Array(buffer, words, TLB_ENTRIES);
    this.pageShift = physical.pageShift;
    this.pageSize = physical.pageSize;
  }

  /**
   * Caches a translation.
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

  /** Drops one page. */
  flushPage(page: number): void {
    const i = (page >>> this.pageShift) & INDEX_MASK;
    this.readTag[i] = -1;
    this.writeTag[i] = -1;
    this.execTag[i] = -1;
  }

  /** Drops [start, end). */
  flushRange(start: Addr, end: Addr): void {
    if (end - start >= TLB_ENTRIES * this.pageSize) {
      this.flushAll();
      return;
    }
    for (let page = start; page < end; page += this.pageSize) this.flushPage(page);
  }

  /** Drops everything. */
  flushAll(): void {
    this.readTag.fill(-1);
    this.writeTag.fill(-1);
    this.execTag.fill(-1);
  }
}

/** Checks the position of a TLB. @throws RangeError when it does not fit */
function checkPlace(physical: PhysicalMemory, buffer: ArrayBufferLike, byteOffset: number): void {
  const from = buffer === physical.buffer ? physical.bytes : 0;
  const fits = Number.isInteger(byteOffset) && byteOffset >= from && byteOffset + TLB_BYTES <= buffer.byteLength;
  if (!fits || byteOffset % 8 !== 0)
    throw new RangeError(
      `Tlb: offset ${byteOffset} is no multiple of 8 from ${from} with ${TLB_BYTES} bytes behind it in a buffer of ${buffer.byteLength}`,
    );
}
