/**
 * The allocation tags of frames (PG_TAGGED): a byte for each 16 bytes of a page that has had a tag.
 *
 * A frame loses PG_TAGGED when it is freed; its array stays for the next use.
 */
import type { Frames } from './buddy.ts';
import { PG_TAGGED } from './flags.ts';

/** See the head of the file. */
export class FrameTags {
  private readonly frames: Frames;
  private readonly pages = new Map<number, Uint8Array>();

  constructor(frames: Frames) {
    this.frames = frames;
  }

  /** Returns the tag of the byte at `offset` of a frame: 0 to 15. */
  get(pfn: number, offset: number): number {
    return (this.frames.flags[pfn]! & PG_TAGGED) === 0 ? 0 : this.pages.get(pfn)![offset >>> 4]!;
  }

  /** Sets the tag of the 16 bytes around `offset`. */
  set(pfn: number, offset: number, tag: number): void {
    this.page(pfn)[offset >>> 4] = tag;
  }

  /** Copies all tags when a frame is copied. */
  copy(dst: number, src: number): void {
    if ((this.frames.flags[src]! & PG_TAGGED) !== 0) this.page(dst).set(this.pages.get(src)!);
    else if ((this.frames.flags[dst]! & PG_TAGGED) !== 0) this.pages.get(dst)!.fill(0);
  }

  /** Returns the array of a frame; all tags are 0 when the frame had none. */
  private page(pfn: number): Uint8Array {
    const { flags, physical } = this.frames;
    let tags = this.pages.get(pfn);
    if (tags === undefined) this.pages.set(pfn, (tags = new Uint8Array(physical.pageSize >>> 4)));
    if ((flags[pfn]! & PG_TAGGED) === 0) {
      tags.fill(0);
      flags[pfn] = flags[pfn]! | PG_TAGGED;
    }
    return tags;
  }
}
