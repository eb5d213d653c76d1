/**
 * Gives anon_vmas numbers in `Frames.owners`: frames store numbers, anon_vmas are objects of the engine.
 *
 * A number exists as long as a mapped page has it. The last one used is cached, so that a run of faults in one mapping costs
 * one comparison each.
 */
import type { AnonVma } from '../../shape/anon-vma.ts';
import type { Frames } from './buddy.ts';

/** The numbers of anon_vmas. */
export class AnonOwners {
  private readonly frames: Frames;
  private readonly ids: Map<AnonVma, number> = new Map<AnonVma, number>();
  /** The number of mapped pages by owner id. */
  private readonly pages: number[] = [0];
  private last: AnonVma | null = null;
  private lastId = 0;

  constructor(frames: Frames) {
    this.frames = frames;
  }

  /** Counts one more page of `anonVma` and returns its number. */
  hold(anonVma: AnonVma): number {
    if (anonVma !== this.last) this.switchTo(anonVma);
    const id = this.lastId;
    this.pages[id] = this.pages[id]! + 1;
    return id;
  }

  /** Uncounts a page with the number that is no longer mapped. */
  release(id: number): void {
    const count = this.pages[id]! - 1;
    this.pages[id] = count;
    if (count === 0 && id !== this.lastId) this.drop(id);
  }

  /** Frees the cached number if no page has it. */
  trim(): void {
    const id = this.lastId;
    if (this.last === null) return;
    this.last = null;
    this.lastId = 0;
    if (this.pages[id] === 0) this.drop(id);
  }

  private switchTo(anonVma: AnonVma): void {
    this.trim();
    let id = this.ids.get(anonVma);
    if (id === undefined) {
      id = this.frames.addOwner(anonVma);
      this.ids.set(anonVma, id);
      this.pages[id] = 0;
    }
    this.last = anonVma;
    this.lastId = id;
  }

  private drop(id: number): void {
    this.ids.delete(this.frames.owners[id] as AnonVma);
    this.frames.dropOwner(id);
  }
}
