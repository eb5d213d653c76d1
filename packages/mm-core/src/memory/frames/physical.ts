/**
 * Physical memory: one buffer, seen as bytes, words and through a DataView, addressed by page frame number.
 *
 * Not here: the owners of frames (memory/frames/buddy.ts). Bytes are accessed in windows of at most 1 GiB, since a Uint8Array
 * ends at 4 GiB; words and the DataView span the whole. Nothing is written before it is used: the host commits lazily.
 */

import type { FrameTags } from './tags.ts';

/** Bytes of one byte window: a frame never lies across two. */
const WINDOW_SHIFT = 30;
const WINDOW_BYTES: number = 2 ** WINDOW_SHIFT;

/** A Uint32Array holds at most 2^32 elements. */
export const MAX_PHYSICAL_BYTES: number = 2 ** 34;

/** Up to this length a byte loop is faster than creating a subarray. */
const SMALL = 32;

/** The arguments of {@link PhysicalMemory.create}. */
export interface PhysicalMemoryInit {
  /** Bytes of a page: a power of two from 4096. */
  pageSize: number;
  /** Bytes of memory: to allocate, or the first ones of `buffer` (all of it if absent). Bytes behind them are not used. */
  bytes?: number | undefined;
  /** The caller's buffer with a fixed length: an ArrayBuffer, a SharedArrayBuffer or that of a WebAssembly.Memory. */
  buffer?: ArrayBufferLike | undefined;
}

/** All of a machine's memory. */
export class PhysicalMemory {
  readonly buffer: ArrayBufferLike;
  readonly bytes: number;
  /** All memory as little-endian 32-bit words. */
  readonly u32: Uint32Array;
  /** All memory, for unaligned and odd-sized access. */
  readonly view: DataView;
  /** Windows of 1 GiB: byte `a` is `windows[Math.floor(a / 2 ** 30)][a & (2 ** 30 - 1)]`. */
  readonly windows: readonly Uint8Array[];
  readonly pageSize: number;
  readonly pageShift: number;
  readonly nrFrames: number;
  /** Whether frames that were never allocated are known to hold zeroes. */
  readonly zeroAtStart: boolean;
  /** Words of a page; a frame's first word is `pfn * wordsPerPage`. */
  readonly wordsPerPage: number;
  /** The allocation tags of frames; null on a machine without PROT_MTE. */
  tags: FrameTags | null = null;
  private readonly frameShift: number;
  private readonly frameMask: number;

  private constructor(buffer: ArrayBufferLike, length: number, pageSize: number, zeroAtStart: boolean) {
    const bytes = Math.floor(length / pageSize) * pageSize;
    this.buffer = buffer;
    this.bytes = bytes;
    this.pageSize = pageSize;
    this.pageShift = 31 - Math.clz32(pageSize);
    this.nrFrames = bytes / pageSize;
    this.wordsPerPage = pageSize / 4;
    this.zeroAtStart = zeroAtStart;
    this.u32 = new Uint32Array(buffer, 0, bytes / 4);
    this.view = new DataView(buffer, 0, bytes);
    const windows: Uint8Array[] = [];
    for (let at = 0; at < bytes; at += WINDOW_BYTES) {
      windows.push(new Uint8Array(buffer, at, Math.min(WINDOW_BYTES, bytes - at)));
    }
    this.windows = windows;
    this.frameShift = WINDOW_SHIFT - this.pageShift;
    this.frameMask = 2 ** this.frameShift - 1;
  }

  /**
   * @throws RangeError when a size is out of range or the host cannot allocate the buffer
   */
  static create(init: PhysicalMemoryInit): PhysicalMemory {
    const { pageSize } = init;
    if (pageSize < 4096 || pageSize > WINDOW_BYTES || (pageSize & (pageSize - 1)) !== 0) {
      throw new RangeError(`PhysicalMemory.create: page size ${String(pageSize)} is no power of two from 4096`);
    }
    const bytes = init.bytes ?? init.buffer?.byteLength ?? 0;
    if (!Number.isInteger(bytes) || bytes < 2 * pageSize || bytes > MAX_PHYSICAL_BYTES) {
      throw new RangeError(`PhysicalMemory.create: ${String(bytes)} bytes are not between two pages and 16 GiB`);
    }
    if (init.buffer !== undefined) {
      const { byteLength } = init.buffer;
      if (bytes > byteLength)
        throw new RangeError(`PhysicalMemory.create: ${bytes} bytes in a buffer of ${byteLength}`);
      return new PhysicalMemory(init.buffer, bytes, pageSize, false);
    }
    return new PhysicalMemory(new ArrayBuffer(bytes - (bytes % pageSize)), bytes, pageSize, true);
  }

  /** Returns whether a byte window begins at `pfn`, so that no copy may continue into it from the frame before. */
  beginsWindow(pfn: number): boolean {
    return (pfn & this.frameMask) === 0;
  }

  /** Fills a frame with zeroes. */
  zeroFrame(pfn: number): void {
    const at = (pfn & this.frameMask) << this.pageShift;
    this.windows[pfn >>> this.frameShift]!.fill(0, at, at + this.pageSize);
  }

  /** Copies one frame over another, with its allocation tags. */
  copyFrame(dst: number, src: number): void {
    const words = this.wordsPerPage;
    this.u32.copyWithin(dst * words, src * words, (src + 1) * words);
    if (this.tags !== null) this.tags.copy(dst, src);
  }

  /** Sets `len` bytes from `offset` of a frame to `value`; the range may continue in the frames behind. */
  fillBytes(pfn: number, offset: number, len: number, value: number): void {
    let window = pfn >>> this.frameShift;
    let from = ((pfn & this.frameMask) << this.pageShift) + offset;
    let rest = len;
    while (rest > 0) {
      const n = Math.min(rest, WINDOW_BYTES - from);
      this.windows[window]!.fill(value, from, from + n);
      window++;
      from = 0;
      rest -= n;
    }
  }

  /**
   * Copies bytes out.
   *
   * @param offset first byte in the frame; the range may continue in the frames behind, up to the start of a window
   */
  readBytes(pfn: number, offset: number, target: Uint8Array, targetOffset: number, len: number): void {
    const window = this.windows[pfn >>> this.frameShift]!;
    const from = ((pfn & this.frameMask) << this.pageShift) + offset;
    if (len <= SMALL) {
      for (let i = 0; i < len; i++) target[targetOffset + i] = window[from + i]!;
    } else {
      target.set(window.subarray(from, from + len), targetOffset);
    }
  }

  /**
   * Copies bytes in.
   *
   * @param offset as for {@link readBytes}
   */
  writeBytes(pfn: number, offset: number, source: Uint8Array, sourceOffset: number, len: number): void {
    const window = this.windows[pfn >>> this.frameShift]!;
    const to = ((pfn & this.frameMask) << this.pageShift) + offset;
    if (len <= SMALL) {
      for (let i = 0; i < len; i++) window[to + i] = source[sourceOffset + i]!;
    } else {
      window.set(source.subarray(sourceOffset, sourceOffset + len), to);
    }
  }
}
