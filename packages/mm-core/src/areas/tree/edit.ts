// The index of one address space's VMAs: insert, erase, moving borders. It also knows each VMA's neighbours.
// It knows nothing of files, flags (but VM_GROWSDOWN) or accounting, and it never allocates once it has its size.
// Mirrors the role of mm_rb, rb_subtree_gap, highest_vm_end and vm_unmapped_area in mm/mmap.c; the structure is our own.
//
// The class is made of four files: areas/tree/store.ts (the layout of the nodes, to be read first), areas/tree/search.ts (all
// that can be asked), areas/tree/balance.ts (splits and unions of nodes), and this one.
import { VmaTreeBalance } from './balance.ts';
import { checkTree } from './check.ts';
import { BITS, CAPACITY, COUNT, GAP, highestBit, IN_NODE, lowestBit, NEXT, NODE_OF, SLOTS, UP, USED } from './store.ts';
import { END, INTS, RECORD, START, STATE, STATE_LINKED } from '../record.ts';
import type { Vma } from '../vma.ts';

/** The ordered set of one address space's VMAs. All addresses and lengths are bytes. */
export class VmaTree extends VmaTreeBalance {
  /** Links `vma` (vmStart, vmEnd, vmFlags are set) at its place. The caller guarantees that it overlaps nothing. */
  insert(vma: Vma): void {
    this.insertAt(this.seek(vma.vmStart), vma.id);
  }

  /**
   * Links the VMA `id`, whose record is complete, in front of slot `i`.
   *
   * @param i `seek` of its start
   */
  insertAt(i: number, id: number): void {
    const at = this.isFull(i & NODE_OF) ? this.splitLeaf(i, this.idBefore(i), this.idAt(i)) : i;
    const { keys, links } = this;
    const { nums, ints } = this.table;
    const isLast = keys[at] === Infinity;
    const start = nums[id * RECORD + START]!;
    const end = nums[id * RECORD + END]!;
    const own = this.openSlot(at);
    const leaf = own & NODE_OF;
    const border = keys[own - 1]!;
    const gap = this.startGap(id, start) - border;
    keys[own] = end;
    keys[own + GAP] = gap;
    links[own] = id;
    this.finger = own;
    this.lastInserted = id;
    ints[id * INTS + STATE] = ints[id * INTS + STATE]! | STATE_LINKED;
    // openSlot has left the bit of the new slot clear.
    const bit = 1 << (own & IN_NODE);
    let bits = links[leaf + BITS]!;
    if (gap > 0) bits |= bit;
    if (isLast) {
      links[leaf + BITS] = bits;
      this.gapsChanged(leaf, 0, gap);
      return;
    }
    const old = keys[own + 1 + GAP]!;
    const above = old - (end - border);
    keys[own + 1 + GAP] = above;
    links[leaf + BITS] = above > 0 ? bits | (bit << 1) : bits & ~(bit << 1);
    // A gap has become two smaller ones; but a VMA inside a stack's guard gap has more below it than was free.
    const up = links[leaf + UP]!;
    if (up !== -1 && (old === keys[up + GAP] || gap > old)) this.updateMax(leaf);
  }

  /** Links `vma` behind all others: {@link insert} where that is known, as fork knows it. */
  append(vma: Vma): void {
    const { lastLeaf, links } = this;
    this.insertAt(lastLeaf + highestBit(links[lastLeaf + USED]! | 1) + 1, vma.id);
  }

  /** Unlinks `vma`. */
  erase(vma: Vma): void {
    this.eraseAt(this.slotOf(vma));
  }

  /** Unlinks the VMA of slot `i`. */
  eraseAt(i: number): void {
    const { keys, links } = this;
    const { ints } = this.table;
    const state = links[i]! * INTS + STATE;
    ints[state] = ints[state]! & ~STATE_LINKED;
    this.lastInserted = -1;
    const leaf = i & NODE_OF;
    const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
    if (above === 0) {
      this.eraseInLeaf(i, keys[i]!);
      return;
    }
    const next = leaf + lowestBit(above);
    const border = keys[i - 1]!;
    const own = keys[i + GAP]!;
    const gap = keys[next + GAP]! + (keys[i]! - border);
    for (let k = i; k < next; k++) keys[k] = border;
    keys[next + GAP] = gap;
    const bit = 1 << (i & IN_NODE);
    const nextBit = 1 << (next & IN_NODE);
    const bits = links[leaf + BITS]! & ~bit;
    links[leaf + BITS] = gap > 0 ? bits | nextBit : bits & ~nextBit;
    links[leaf + USED] = links[leaf + USED]! & ~bit;
    links[leaf + COUNT] = links[leaf + COUNT]! - 1;
    this.size--;
    this.finger = next;
    // Two gaps have become a larger one; but behind what was inside a stack's guard gap less is free than below it.
    if (own > gap) this.updateMax(leaf);
    else this.raiseGaps(leaf, next);
    if (this.isSparse(leaf)) this.unite(leaf);
  }

  /**
   * Unlinks `first` and everything up to `last`, one pass per leaf. The removed VMAs lead to each other by `vmNext`
   * (munmap walks them once more).
   */
  eraseRange(first: Vma, last: Vma): void {
    const { ints } = this.table;
    const lastEnd = last.vmEnd;
    let i = this.slotOf(first);
    const border = this.keys[i - 1]!;
    let slot = i;
    for (let vma = first; vma !== last;) {
      slot = this.after(slot);
      const next = this.table.at(this.links[slot]!);
      vma.setNextRemoved(next);
      ints[vma.id * INTS + STATE] = ints[vma.id * INTS + STATE]! & ~STATE_LINKED;
      vma = next;
    }
    last.setNextRemoved(null);
    ints[last.id * INTS + STATE] = ints[last.id * INTS + STATE]! & ~STATE_LINKED;
    this.lastInserted = -1;
    while (this.eraseInLeaf(i, lastEnd)) i = this.seek(border);
  }

  /** Gives a linked VMA new bounds. The order of the VMAs must stay, and they must not overlap. */
  setBounds(vma: Vma, newStart: number, newEnd: number): void {
    const i = this.slotOf(vma);
    const { keys } = this;
    const leaf = i & NODE_OF;
    const oldEnd = keys[i]!;
    vma.vmStart = newStart;
    vma.vmEnd = newEnd;
    const oldGap = keys[i + GAP]!;
    const gap = this.startGap(vma.id, newStart) - keys[i - 1]!;
    this.setGap(i, gap);
    if (newEnd === oldEnd) {
      this.gapsChanged(leaf, oldGap, gap);
      return;
    }
    const next = this.setEnd(i, newEnd);
    if (next !== 0) {
      const old = keys[next + GAP]!;
      const above = old + (oldEnd - newEnd);
      this.setGap(next, above);
      this.gapsChanged(leaf, oldGap > old ? oldGap : old, gap > above ? gap : above);
      return;
    }
    this.gapsChanged(leaf, oldGap, gap);
    this.lastEndChanged(leaf, newEnd);
    this.borderMoved(leaf, newEnd, oldEnd - newEnd);
  }

  /** Moves the border of two touching VMAs: `left.vmEnd = right.vmStart = addr`. */
  shiftBoundary(left: Vma, right: Vma, addr: number): void {
    const i = this.slotOf(left);
    const { keys } = this;
    const leaf = i & NODE_OF;
    left.vmEnd = addr;
    right.vmStart = addr;
    const next = this.setEnd(i, addr);
    // the gap between them is 0, or minus the guard gap; only a clamp at address 0 can change it
    const gap = this.startGap(right.id, addr) - addr;
    if (next === 0) {
      this.lastEndChanged(leaf, addr);
      this.borderMoved(leaf, addr, gap - keys[this.after(i) + GAP]!);
      return;
    }
    const old = keys[next + GAP]!;
    if (gap === old) return;
    this.setGap(next, gap);
    this.gapsChanged(leaf, old, gap);
  }

  /**
   * Cuts a linked VMA at `addr` and links `part`, which takes the lower side if `partBelow`, else the upper.
   * Sets the bounds of both. The same as setBounds and insert, but no gap and no key above the leaf changes.
   */
  split(vma: Vma, addr: number, part: Vma, partBelow: boolean): void {
    this.splitAt(this.slotOf(vma), addr, part.id, partBelow);
  }

  /** {@link split} of the VMA of slot `i`: its slot afterwards. */
  splitAt(i: number, addr: number, part: number, partBelow: boolean): number {
    const id = this.links[i]!;
    const at = this.isFull(i & NODE_OF) ? this.splitLeaf(i, id, id) : i;
    const { keys, links } = this;
    const { nums, ints } = this.table;
    const lower = partBelow ? part : id;
    const upper = partBelow ? id : part;
    const start = nums[id * RECORD + START]!;
    const own = this.openSlot(at);
    nums[lower * RECORD + START] = start;
    nums[lower * RECORD + END] = addr;
    nums[upper * RECORD + START] = addr;
    nums[upper * RECORD + END] = keys[own + 1]!;
    keys[own] = addr;
    links[own] = lower;
    links[own + 1] = upper;
    // The lower part has the gap of the whole; what is between the two is 0, or minus the guard gap.
    const gap = keys[own + 1 + GAP]!;
    keys[own + GAP] = gap;
    keys[own + 1 + GAP] = this.startGap(upper, addr) - addr;
    if (gap > 0) {
      const bit = 1 << (own & IN_NODE);
      const bits = (own & NODE_OF) + BITS;
      links[bits] = (links[bits]! | bit) & ~(bit << 1);
    }
    this.lastInserted = part;
    ints[part * INTS + STATE] = ints[part * INTS + STATE]! | STATE_LINKED;
    return (this.finger = partBelow ? own + 1 : own);
  }

  /**
   * Lets `vma` grow over the `count` VMAs behind it, which are unlinked (vma_merge removing its right neighbours): it ends
   * where the last of them did.
   */
  absorb(vma: Vma, count: number): void {
    this.absorbAt(this.slotOf(vma), count);
  }

  /** {@link absorb} of the VMA of slot `i`: its slot afterwards. */
  absorbAt(i: number, count: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const { nums, ints } = this.table;
    let used = links[leaf + USED]!;
    let bits = links[leaf + BITS]!;
    let removed = 0;
    let j = i;
    for (let n = 0; n < count; n++) {
      const above = used & (-2 << (j & IN_NODE));
      if (above === 0) return this.absorbAcross(i, count);
      const bit = 1 << (j & IN_NODE);
      used &= ~bit;
      bits &= ~bit;
      j = leaf + lowestBit(above);
      if (keys[j + GAP]! > removed) removed = keys[j + GAP]!;
    }
    const id = links[i]!;
    const border = keys[i - 1]!;
    const gap = keys[i + GAP]!;
    for (let m = links[leaf + USED]! & (-2 << (i & IN_NODE)), n = 0; n < count; m &= m - 1, n++) {
      const state = links[leaf + lowestBit(m)]! * INTS + STATE;
      ints[state] = ints[state]! & ~STATE_LINKED;
    }
    // The last one's slot becomes this VMA's.
    for (let k = i; k < j; k++) keys[k] = border;
    nums[id * RECORD + END] = keys[j]!;
    links[j] = id;
    keys[j + GAP] = gap;
    const bit = 1 << (j & IN_NODE);
    links[leaf + BITS] = gap > 0 ? bits | bit : bits & ~bit;
    links[leaf + USED] = used;
    links[leaf + COUNT] = links[leaf + COUNT]! - count;
    this.size -= count;
    this.lastInserted = -1;
    this.finger = j;
    if (removed > 0) this.gapsChanged(leaf, removed, gap);
    return this.isSparse(leaf) ? this.uniteAround(j, id) : j;
  }

  /** The same where the VMAs are in several leaves. */
  private absorbAcross(i: number, count: number): number {
    const vma = this.table.at(this.links[i]!);
    for (let k = 0; k < count; k++) {
      const next = this.after(this.slotOf(vma));
      const end = this.keys[next]!;
      this.eraseAt(next);
      this.setBounds(vma, vma.vmStart, end);
    }
    return this.slotOf(vma);
  }

  /** Unites the sparse leaf of slot `i` with another, if there is room: the slot of the VMA `id`, which was at `i`. */
  private uniteAround(i: number, id: number): number {
    this.unite(i & NODE_OF);
    return this.slotOf(this.table.at(id));
  }

  private isFull(leaf: number): boolean {
    return this.links[leaf + COUNT] === CAPACITY;
  }

  /** Moves the end of the VMA of slot `i`, and the holes behind it: the slot of the next VMA of the leaf, 0 for none. */
  private setEnd(i: number, end: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
    const next = above === 0 ? 0 : leaf + lowestBit(above);
    const old = keys[i]!;
    keys[i] = end;
    for (let k = i + 1; keys[k] === old && k !== next; k++) keys[k] = end;
    return next;
  }

  /**
   * Makes room in front of slot `i` of a leaf that is not full, by moving what lies between it and the nearest hole: the
   * slot for the new VMA, its gap's bit clear. What was at `i` stands in the next slot then.
   */
  private openSlot(i: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const slot = i & IN_NODE;
    const used = links[leaf + USED]!;
    const low = (1 << slot) - 1;
    const holesBelow = ~used & low & ~1;
    const holesAbove = ~used & ~low & 0x7fffffff;
    this.size++;
    links[leaf + COUNT] = links[leaf + COUNT]! + 1;
    const bits = links[leaf + BITS]!;
    const below = highestBit(holesBelow);
    const above = lowestBit(holesAbove);
    if (holesBelow !== 0 && (holesAbove === 0 || slot - 1 - below <= above - slot)) {
      links[leaf + USED] = used | (1 << below);
      if (below !== slot - 1) {
        for (let k = leaf + below; k < i - 1; k++) {
          keys[k] = keys[k + 1]!;
          keys[k + GAP] = keys[k + 1 + GAP]!;
          links[k] = links[k + 1]!;
        }
        const moved = low & (-2 << below);
        links[leaf + BITS] = (bits & ~moved) | ((bits & moved) >>> 1);
      }
      return i - 1;
    }
    links[leaf + USED] = used | (1 << above);
    if (above !== slot) {
      for (let k = leaf + above; k > i; k--) {
        keys[k] = keys[k - 1]!;
        keys[k + GAP] = keys[k - 1 + GAP]!;
        links[k] = links[k - 1]!;
      }
      const moved = ~low & ((1 << above) - 1);
      links[leaf + BITS] = (bits & ~moved) | ((bits & moved) << 1);
    }
    return i;
  }

  /** Removes slot `i` and those after it up to `lastEnd` from one leaf. True if more of the range is in the next leaf. */
  private eraseInLeaf(i: number, lastEnd: number): boolean {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const border = keys[i - 1]!;
    let used = links[leaf + USED]!;
    let bits = links[leaf + BITS]!;
    let above = used & (-1 << (i & IN_NODE));
    let removed = 0;
    let end = border;
    let count = 0;
    while (above !== 0 && end !== lastEnd) {
      const slot = lowestBit(above);
      above &= above - 1;
      used &= ~(1 << slot);
      bits &= ~(1 << slot);
      if (keys[leaf + slot + GAP]! > removed) removed = keys[leaf + slot + GAP]!;
      end = keys[leaf + slot]!;
      count++;
    }
    const more = end !== lastEnd;
    const delta = end - border;
    this.size -= count;
    if (used === 0) {
      this.eraseLeaf(leaf, border, delta);
      return more;
    }
    links[leaf + USED] = used;
    links[leaf + BITS] = bits;
    links[leaf + COUNT] = links[leaf + COUNT]! - count;
    if (above !== 0) {
      const next = leaf + lowestBit(above);
      for (let k = i; k < next; k++) keys[k] = border;
      const old = keys[next + GAP]!;
      this.setGap(next, old + delta);
      this.finger = next;
      this.gapsChanged(leaf, old > removed ? old : removed, old + delta);
    } else {
      keys.fill(Infinity, i, leaf + SLOTS);
      this.gapsChanged(leaf, removed, 0);
      this.lastEndChanged(leaf, border);
      this.borderMoved(leaf, border, delta);
    }
    if (this.isSparse(leaf)) this.unite(leaf);
    return more;
  }

  /** A leaf has lost its last VMA. */
  private eraseLeaf(leaf: number, border: number, delta: number): void {
    const { keys, links } = this;
    const next = links[leaf + NEXT]!;
    const up = links[leaf + UP]!;
    if (up !== -1) {
      this.unlinkLeaf(leaf);
      this.removeChild(up);
      if (next !== -1) this.setBorder(next, border, delta);
      return;
    }
    // The tree is a leaf without VMAs again.
    keys.fill(Infinity, leaf, leaf + SLOTS);
    keys[leaf] = 0;
    links[leaf + USED] = 0;
    links[leaf + BITS] = 0;
    links[leaf + COUNT] = 0;
  }

  /** After the last end of `leaf` became `border`: the next leaf begins there, and its first gap grows by `delta`. */
  private borderMoved(leaf: number, border: number, delta: number): void {
    const next = this.links[leaf + NEXT]!;
    if (next !== -1) this.setBorder(next, border, delta);
  }

  /** A leaf begins at `border` now; its first gap grows by `delta`. */
  private setBorder(leaf: number, border: number, delta: number): void {
    const { keys } = this;
    const first = leaf + lowestBit(this.links[leaf + USED]!);
    for (let k = leaf; k < first; k++) keys[k] = border;
    if (delta === 0) return;
    const old = keys[first + GAP]!;
    this.setGap(first, old + delta);
    this.gapsChanged(leaf, old, old + delta);
  }

  /** Checks every invariant. One sentence for each violation; an empty array is good. For tests. */
  validate(): string[] {
    return checkTree(this);
  }
}
