// The index of one address space's VMAs, in the order of their addresses: lookups, neighbours, gaps, insert, erase, moving
// borders. Does not read files, accounting or flags other than VM_GROWSDOWN, and allocates only when it grows. Mirrors the
// role of mm_rb, rb_subtree_gap, highest_vm_end and vm_unmapped_area in mm/mmap.c; the structure is our own.
//
// Functions over one store do the work: store.ts (the layout of the nodes, to be read first), search.ts (searches),
// balance.ts (splits and merges of nodes), edit.ts (changes). This class holds the store and forwards to them.
import type { AreaSpec } from '../spec.ts';
import type { VmaTable } from '../table.ts';
import type { Vma } from '../vma.ts';
import { checkTree } from './check.ts';
import { absorbAt, eraseAt, eraseRange, insertAt, setBounds, shiftBoundary, splitAt } from './edit.ts';
import {
  beginsAbove,
  beginsAt,
  beginsBelow,
  extent,
  firstSlot,
  highestGap,
  idAfter,
  idAt,
  idBefore,
  locate,
  lowestGap,
  part,
  seek,
  slotAfter,
  slotBefore,
  slotOf,
  vicinity,
} from './search.ts';
import { highestBit, lowestBit, TreeStore, USED } from './store.ts';

/**
 * The ordered set of one address space's VMAs. All addresses and lengths are bytes.
 *
 * The methods come in two kinds. Methods that take or return a Vma are for every user. Methods that take or return a slot
 * are for calls that continue from a search: a slot is valid until the index changes.
 */
export class VmaTree {
  private readonly store: TreeStore;

  constructor(table: VmaTable, guardGapBytes: number) {
    this.store = new TreeStore(table, guardGapBytes);
  }

  /** Number of VMAs. */
  get size(): number {
    return this.store.size;
  }

  /** The VMA with the lowest address. */
  get first(): Vma | null {
    const { size, links, firstLeaf, table } = this.store;
    return size === 0 ? null : table.at(links[firstLeaf + lowestBit(links[firstLeaf + USED]!)]!);
  }

  /** The VMA with the highest address. */
  get last(): Vma | null {
    const { size, links, lastLeaf, table } = this.store;
    return size === 0 ? null : table.at(links[lastLeaf + highestBit(links[lastLeaf + USED]!)]!);
  }

  /** The end of the last VMA, 0 if there is none. */
  get highestVmEnd(): number {
    return this.store.highestVmEnd;
  }

  // --- with Vma objects

  /**
   * find_vma: returns the first VMA that ends above `addr` (it may also begin above it), or null.
   * The VMA before it is its `vmPrev`, or `last` when the result is null.
   */
  find(addr: number): Vma | null {
    const { store } = this;
    const i = locate(store, addr);
    return store.keys[i] === Infinity ? null : store.table.at(store.links[i]!);
  }

  /** {@link find} for runs of near addresses, such as those of faults: looks first where the last search ended. */
  findNear(addr: number): Vma | null {
    const { store } = this;
    const i = seek(store, addr);
    return store.keys[i] === Infinity ? null : store.table.at(store.links[i]!);
  }

  /** Returns the VMA behind a linked one. */
  next(vma: Vma): Vma | null {
    const { store } = this;
    const i = slotAfter(store, slotOf(store, vma));
    if (i === 0) return null;
    store.finger = i;
    return store.table.at(store.links[i]!);
  }

  /** Returns the VMA before a linked one. */
  prev(vma: Vma): Vma | null {
    const { store } = this;
    const i = slotBefore(store, slotOf(store, vma));
    if (i === 0) return null;
    store.finger = i;
    return store.table.at(store.links[i]!);
  }

  /** Links `vma`, whose vmStart, vmEnd and vmFlags are set. The caller guarantees that it overlaps no other. */
  insert(vma: Vma): void {
    insertAt(this.store, seek(this.store, vma.vmStart), vma.id);
  }

  /** Links `vma` behind all others: an {@link insert} without a search, for fork. */
  append(vma: Vma): void {
    const { lastLeaf, links } = this.store;
    insertAt(this.store, lastLeaf + highestBit(links[lastLeaf + USED]! | 1) + 1, vma.id);
  }

  /** Unlinks `vma`. */
  erase(vma: Vma): void {
    eraseAt(this.store, slotOf(this.store, vma));
  }

  /**
   * Unlinks `first` and everything up to `last`, one pass per leaf. `vmNext` of a removed VMA is the next removed one, for
   * munmap's second walk.
   */
  eraseRange(first: Vma, last: Vma): void {
    eraseRange(this.store, first, last);
  }

  /** Gives a linked VMA new bounds. The order of the VMAs must stay, and they must not overlap. */
  setBounds(vma: Vma, newStart: number, newEnd: number): void {
    setBounds(this.store, vma, newStart, newEnd);
  }

  /** Moves the border of two touching VMAs: `left.vmEnd = right.vmStart = addr`. */
  shiftBoundary(left: Vma, right: Vma, addr: number): void {
    shiftBoundary(this.store, left, right, addr);
  }

  /**
   * Cuts a linked VMA at `addr` and links `part`, which takes the lower side if `partBelow`, else the upper.
   * Sets the bounds of both. The same as setBounds and insert, but no gap and no key above the leaf changes.
   */
  split(vma: Vma, addr: number, part: Vma, partBelow: boolean): void {
    splitAt(this.store, slotOf(this.store, vma), addr, part.id, partBelow);
  }

  /**
   * Extends `vma` over the `count` VMAs behind it, which are unlinked (vma_merge removing its right neighbours), up to the
   * end of the last of them.
   */
  absorb(vma: Vma, count: number): void {
    absorbAt(this.store, slotOf(this.store, vma), count);
  }

  // --- by slot: lookups

  /** Returns the slot of the first VMA that ends above `addr`, or a free slot ({@link idAt} is -1) when there is none. */
  seek(addr: number): number {
    return seek(this.store, addr);
  }

  /** Returns the slot of a linked VMA. */
  slotOf(vma: Vma): number {
    return slotOf(this.store, vma);
  }

  /** Returns the id of the VMA in a slot, -1 for none. */
  idAt(i: number): number {
    return idAt(this.store, i);
  }

  /** Returns the id of the VMA before slot `i`, -1 for none. */
  idBefore(i: number): number {
    return idBefore(this.store, i);
  }

  /** Returns the id of the VMA behind that of slot `i`, -1 for none. */
  idAfter(i: number): number {
    return idAfter(this.store, i);
  }

  /** Returns the slot of the first VMA, 0 for none. */
  firstSlot(): number {
    return firstSlot(this.store);
  }

  /** Returns the slot of the VMA behind that of slot `i`, 0 for none. */
  after(i: number): number {
    return slotAfter(this.store, i);
  }

  /** Returns the slot of the VMA before slot `i`, 0 for none. */
  before(i: number): number {
    return slotBefore(this.store, i);
  }

  /** Returns what [addr, addr + len) meets, where slot `i` is {@link seek} of its start: OVERLAPS, ALIKE or APART. */
  vicinity(i: number, addr: number, len: number, vmFlags: number): number {
    return vicinity(this.store, i, addr, len, vmFlags);
  }

  /** Returns the position of the range of `spec` in the VMA of slot `i`: a sum of FROM_START, TO_END, ALIKE_BELOW, ALIKE_ABOVE. */
  part(i: number, spec: AreaSpec): number {
    return part(this.store, i, spec);
  }

  /** Compares the VMA of slot `i`, {@link seek} of `start`, with [start, start + len): APART, EXACT or OVERLAPS. */
  extent(i: number, start: number, len: number): number {
    return extent(this.store, i, start, len);
  }

  /** Returns whether the VMA of slot `i` begins below `addr`; false for a free slot. */
  beginsBelow(i: number, addr: number): boolean {
    return beginsBelow(this.store, i, addr);
  }

  /** Returns whether the VMA of slot `i` begins above `addr`; false for a free slot. */
  beginsAbove(i: number, addr: number): boolean {
    return beginsAbove(this.store, i, addr);
  }

  /** Returns whether the VMA of slot `i` begins at `addr`. */
  beginsAt(i: number, addr: number): boolean {
    return beginsAt(this.store, i, addr);
  }

  /** Returns the end of the VMA of slot `i`; Infinity for a free slot. */
  endOf(i: number): number {
    return this.store.keys[i]!;
  }

  /** Returns the end of the VMA before slot `i`, 0 for none: where the gap in front of `i` begins. */
  gapStart(i: number): number {
    return this.store.keys[i - 1]!;
  }

  /** vm_unmapped_area top-down: returns the highest free address for `length` bytes, or -ENOMEM. See search.ts. */
  highestGap(length: number, lowLimit: number, highLimit: number, alignMask: number, alignOffset: number): number {
    return highestGap(this.store, length, lowLimit, highLimit, alignMask, alignOffset);
  }

  /** vm_unmapped_area bottom-up: returns the lowest free address for `length` bytes, or -ENOMEM. See search.ts. */
  lowestGap(length: number, lowLimit: number, highLimit: number, alignMask: number, alignOffset: number): number {
    return lowestGap(this.store, length, lowLimit, highLimit, alignMask, alignOffset);
  }

  // --- by slot: changes

  /**
   * Links the VMA `id`, whose record is complete, in front of slot `i`.
   *
   * @param i `seek` of its start
   */
  insertAt(i: number, id: number): void {
    insertAt(this.store, i, id);
  }

  /** Unlinks the VMA of slot `i`. */
  eraseAt(i: number): void {
    eraseAt(this.store, i);
  }

  /** {@link split} of the VMA of slot `i`. Returns its new slot. */
  splitAt(i: number, addr: number, part: number, partBelow: boolean): number {
    return splitAt(this.store, i, addr, part, partBelow);
  }

  /** {@link absorb} for the VMA of slot `i`. Returns its new slot. */
  absorbAt(i: number, count: number): number {
    return absorbAt(this.store, i, count);
  }

  // --- as a whole

  /** Removes all VMAs at once. The caller frees their records. */
  clear(): void {
    this.store.clear();
  }

  /** Copies the index `from`, whose table this index's table is a copy of (fork). */
  copyFrom(from: VmaTree): void {
    this.store.copyFrom(from.store);
  }

  /** Checks every invariant. Returns one sentence for each violation, an empty array for none. For tests. */
  validate(): string[] {
    return checkTree(this.store);
  }
}
