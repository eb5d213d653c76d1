// How the nodes of the VMA index (vma-tree.ts) stay even: splits of full nodes, unions of sparse ones, and the keys and
// largest gaps of the ancestors, found through the nodes' slots in their parents. No counterpart in the kernel.
import {
  CAPACITY,
  COUNT,
  GAP_BITS,
  HI,
  largestOf,
  LO,
  MASK,
  META,
  NEXT,
  PREV,
  SHIFT,
  SLOT,
  SLOTS,
  UP,
  VmaTreeStore,
} from './vma-tree-store.ts';

/**
 * A node that shrinks below SPARSE is united with a sibling if both then fill at most MERGED slots. With 11 and 24 churn
 * leaves nodes filled to 55 % and costs the same; with 18 and 30 it is 66 % and 10 % slower.
 */
export const SPARSE = 14;
const MERGED = 28;

/** Structure of a VmaTree. */
export class VmaTreeBalance extends VmaTreeStore {
  /** Corrects the ancestors' largest gaps after gaps of at most `removed` vanished from a leaf and `added` came. */
  protected gapsChanged(leaf: number, removed: number, added: number): void {
    const up = this.meta[leaf * META + UP]!;
    if (up === -1) return;
    const old = this.maxGaps[up]!;
    if (added > old) this.raiseGaps(up, added);
    else if (removed === old && added !== old && old > 0) {
      this.lowerGaps(up, largestOf(this.gaps, leaf << SHIFT, this.meta[leaf * META + MASK]!));
    }
  }

  /** The child at `slot` has a gap of `max`, larger than it had. */
  private raiseGaps(slot: number, max: number): void {
    const { maxGaps, kids, innerUp } = this;
    for (let up = slot; up !== -1 && max > maxGaps[up]!; up = innerUp[up >> SHIFT]!) {
      maxGaps[up] = max;
      const bits = (up & ~SLOT) + GAP_BITS;
      kids[bits] = kids[bits]! | (1 << (up & SLOT));
    }
  }

  /** The largest gap below the child at `slot` is `max` now, which may be less than it was. */
  private lowerGaps(slot: number, max: number): void {
    const { maxGaps, kids, innerUp } = this;
    let up = slot;
    let now = max;
    for (;;) {
      const old = maxGaps[up]!;
      if (now === old) return;
      maxGaps[up] = now;
      const node = up >> SHIFT;
      const bits = (up & ~SLOT) + GAP_BITS;
      if (now === 0) kids[bits] = kids[bits]! & ~(1 << (up & SLOT));
      up = innerUp[node]!;
      if (up === -1 || maxGaps[up] !== old) return;
      now = largestOf(maxGaps, node << SHIFT, kids[bits]!);
    }
  }

  /** Sets the largest gap of the child at `slot`, and whether it is above 0. Its ancestors are the caller's. */
  private setMaxGap(slot: number, max: number): void {
    this.maxGaps[slot] = max;
    const bits = (slot & ~SLOT) + GAP_BITS;
    const bit = 1 << (slot & SLOT);
    this.kids[bits] = max > 0 ? this.kids[bits]! | bit : this.kids[bits]! & ~bit;
  }

  /** Corrects the ancestors' keys after the last end of a leaf changed. */
  protected lastEndChanged(leaf: number, end: number): void {
    const { keys, kids, innerUp } = this;
    for (let up = this.meta[leaf * META + UP]!; up !== -1; up = innerUp[up >> SHIFT]!) {
      if (keys[up] === Infinity) return;
      keys[up] = end;
      if ((up & SLOT) !== kids[(up & ~SLOT) + COUNT]) return;
    }
  }

  /** A leaf's VMAs are in place from slot `lo` on: its border, the free slots behind them, and its bits. */
  private arrange(leaf: number, lo: number, n: number, border: number): void {
    const { ends, gaps, meta } = this;
    const off = leaf << SHIFT;
    ends.fill(border, off, off + lo);
    ends.fill(Infinity, off + lo + n, off + SLOTS);
    let bits = 0;
    for (let s = lo; s < lo + n; s++) if (gaps[off + s]! > 0) bits |= 1 << s;
    meta[leaf * META + LO] = lo;
    meta[leaf * META + HI] = lo + n - 1;
    meta[leaf * META + MASK] = bits;
  }

  /** Copies `n` slots from `from` to `to`, which may overlap. */
  private copySlots(from: number, to: number, n: number): void {
    this.ends.copyWithin(to, from, from + n);
    this.gaps.copyWithin(to, from, from + n);
    this.ids.copyWithin(to, from, from + n);
  }

  /**
   * Splits the full leaf of slot `i`, in front of which a VMA will go between those with the ids `prev` and `next`.
   *
   * @returns the slot of what was at `i`
   */
  protected splitLeaf(i: number, prev: number, next: number): number {
    const leaf = i >> SHIFT;
    const slot = i & SLOT;
    // A run of inserts next to each other (mmap top-down, fork) leaves full leaves behind it: 30 slots used, not 15.
    const above = this.lastInserted !== -1 && this.lastInserted === prev;
    const below = this.lastInserted !== -1 && this.lastInserted === next;
    const at = slot > CAPACITY || (above && slot > 1) ? slot : below ? Math.max(2, slot) : SLOTS / 2;
    const right = this.newLeaf();
    const { ends, meta } = this;
    const border = ends[leaf << SHIFT]!;
    const off = leaf << SHIFT;
    const to = right << SHIFT;
    const moved = CAPACITY + 1 - at;
    const left = at - 1;
    // A run goes on at its side; otherwise both sides get half of the room.
    const rightLo = moved === 0 ? 1 : above || below ? SLOTS - 1 - moved : 1 + ((CAPACITY - moved) >> 1);
    const leftLo = below ? SLOTS - 1 - left : above ? 1 : 1 + ((CAPACITY - left) >> 1);
    const middle = ends[off + at - 1]!;
    this.copySlots(off + at, to + rightLo, moved);
    this.copySlots(off + 1, off + leftLo, left);
    this.arrange(right, rightLo, moved, middle);
    this.arrange(leaf, leftLo, left, border);
    const after = meta[leaf * META + NEXT]!;
    meta[leaf * META + NEXT] = right;
    meta[right * META + PREV] = leaf;
    meta[right * META + NEXT] = after;
    if (after === -1) this.lastLeaf = right;
    else meta[after * META + PREV] = right;
    this.insertChild(0, meta[leaf * META + UP]!, right, middle, this.leafMax(leaf), this.leafMax(right));
    return slot >= at ? to + rightLo + slot - at : off + leftLo + slot - 1;
  }

  private leafMax(leaf: number): number {
    return largestOf(this.gaps, leaf << SHIFT, this.meta[leaf * META + MASK]!);
  }

  /** Tells a child of a node on level `h` its slot there. */
  private setUp(h: number, child: number, slot: number): void {
    if (h === 0) this.meta[child * META + UP] = slot;
    else this.innerUp[child] = slot;
  }

  /**
   * Puts `right` behind the child at `slot` of a node on level `h`, which keeps the keys up to `leftKey`. A slot of -1
   * stands for the root, which gets a parent.
   */
  private insertChild(
    h: number,
    slot: number,
    right: number,
    leftKey: number,
    leftMax: number,
    rightMax: number,
  ): void {
    let i = slot;
    if (i === -1) {
      const root = this.newInner();
      i = (root << SHIFT) + 1;
      this.keys[i] = Infinity;
      this.kids[i] = this.root;
      this.kids[(root << SHIFT) + COUNT] = 1;
      this.setMaxGap(i, Math.max(leftMax, rightMax));
      this.innerUp[root] = -1;
      this.setUp(h, this.root, i);
      this.root = root;
      this.height++;
    } else if (this.kids[(i & ~SLOT) + COUNT] === CAPACITY) {
      i = this.splitInner(h, i);
    }
    const off = i & ~SLOT;
    const { keys } = this;
    const n = this.kids[off + COUNT]!;
    this.moveChildren(h, i, i + 1, off + n - i + 1);
    this.kids[off + COUNT] = n + 1;
    this.kids[i] = this.kids[i + 1]!;
    this.setUp(h, this.kids[i]!, i);
    keys[i] = leftKey;
    this.setMaxGap(i, leftMax);
    this.kids[i + 1] = right;
    this.setUp(h, right, i + 1);
    this.setMaxGap(i + 1, rightMax);
  }

  /** Splits the full inner node of slot `i` on level `h`: the slot of the same child. */
  private splitInner(h: number, i: number): number {
    const slot = i & SLOT;
    const at = slot === CAPACITY ? CAPACITY : SLOTS / 2;
    const right = this.newInner();
    const off = i - slot;
    const to = (right << SHIFT) + 1;
    const n = CAPACITY + 1 - at;
    const leftKey = this.keys[off + at - 1]!;
    this.moveChildren(h, off + at, to, n);
    this.keys.fill(Infinity, off + at, off + SLOTS);
    this.kids[off + COUNT] = at - 1;
    this.kids[to - 1 + COUNT] = n;
    const up = this.innerUp[off >> SHIFT]!;
    this.insertChild(h + 1, up, right, leftKey, this.innerMax(off), this.innerMax(to - 1));
    return slot >= at ? to + slot - at : i;
  }

  private innerMax(off: number): number {
    return largestOf(this.maxGaps, off, this.kids[off + GAP_BITS]!);
  }

  /**
   * Moves `n` children of a node on level `h`, also within it: what they are, their bits, and their own knowledge of where
   * they stand. The slots that they leave keep their contents, but for the bits.
   */
  private moveChildren(h: number, from: number, to: number, n: number): void {
    this.keys.copyWithin(to, from, from + n);
    this.maxGaps.copyWithin(to, from, from + n);
    this.kids.copyWithin(to, from, from + n);
    const { kids, maxGaps } = this;
    const source = (from & ~SLOT) + GAP_BITS;
    for (let k = from; k < from + n; k++) kids[source] = kids[source]! & ~(1 << (k & SLOT));
    const target = (to & ~SLOT) + GAP_BITS;
    for (let k = to; k < to + n; k++) {
      this.setUp(h, kids[k]!, k);
      const bit = 1 << (k & SLOT);
      kids[target] = maxGaps[k]! > 0 ? kids[target]! | bit : kids[target]! & ~bit;
    }
  }

  /** If the leaf has become sparse, unites it with a sibling that has room. */
  protected uniteSparse(leaf: number): void {
    const { meta, kids, ends } = this;
    const own = meta[leaf * META + HI]! - meta[leaf * META + LO]! + 1;
    let i = meta[leaf * META + UP]!;
    if (own >= SPARSE || i === -1) return;
    const slot = i & SLOT;
    if (slot === kids[(i & ~SLOT) + COUNT] || own + this.used(kids[i + 1]!) > MERGED) {
      if (slot === 1 || own + this.used(kids[i - 1]!) > MERGED) return;
      i--;
    }
    const left = kids[i]!;
    const right = kids[i + 1]!;
    const a = this.used(left);
    const b = this.used(right);
    const lo = 1 + ((CAPACITY - a - b) >> 1);
    const off = left << SHIFT;
    const border = ends[off]!;
    this.copySlots(off + meta[left * META + LO]!, off + lo, a);
    this.copySlots((right << SHIFT) + meta[right * META + LO]!, off + lo + a, b);
    this.arrange(left, lo, a + b, border);
    this.unlinkLeaf(right);
    this.keys[i] = this.keys[i + 1]!;
    this.setMaxGap(i, Math.max(this.maxGaps[i]!, this.maxGaps[i + 1]!));
    this.removeChild(0, i + 1);
  }

  private used(leaf: number): number {
    return this.meta[leaf * META + HI]! - this.meta[leaf * META + LO]! + 1;
  }

  /** Drops the child at slot `i` of a node on level `h`, and what becomes empty or sparse above. */
  protected removeChild(h: number, i: number): void {
    const { keys, kids } = this;
    const off = i & ~SLOT;
    const n = kids[off + COUNT]! - 1;
    this.setMaxGap(i, 0);
    this.moveChildren(h, i + 1, i, off + n - i + 1);
    keys[off + n + 1] = Infinity;
    kids[off + COUNT] = n;
    const node = off >> SHIFT;
    if (n === 0) {
      // never the root: it has two children or more
      const up = this.innerUp[node]!;
      this.dropInner(node);
      this.removeChild(h + 1, up);
      return;
    }
    this.refreshAbove(node);
    if (h === this.height - 1) this.lowerRoot();
    else if (n < SPARSE) this.uniteInner(h, node);
    this.openRightEdge();
  }

  /** Sets keys and largest gaps of all ancestors of an inner node. */
  private refreshAbove(from: number): void {
    const { keys, kids, innerUp } = this;
    for (let node = from; innerUp[node] !== -1; node = innerUp[node]! >> SHIFT) {
      const off = node << SHIFT;
      const up = innerUp[node]!;
      keys[up] = keys[off + kids[off + COUNT]!]!;
      this.setMaxGap(up, this.innerMax(off));
    }
  }

  /** Unites a sparse inner node on level `h` with a sibling that has room. */
  private uniteInner(h: number, node: number): void {
    const { keys, kids } = this;
    let i = this.innerUp[node]!;
    const slot = i & SLOT;
    const own = kids[(node << SHIFT) + COUNT]!;
    if (slot === kids[(i & ~SLOT) + COUNT] || own + kids[(kids[i + 1]! << SHIFT) + COUNT]! > MERGED) {
      if (slot === 1 || own + kids[(kids[i - 1]! << SHIFT) + COUNT]! > MERGED) return;
      i--;
    }
    const left = kids[i]! << SHIFT;
    const right = kids[i + 1]! << SHIFT;
    const n = kids[right + COUNT]!;
    const had = kids[left + COUNT]!;
    this.moveChildren(h, right + 1, left + had + 1, n);
    kids[left + COUNT] = had + n;
    this.dropInner(right >> SHIFT);
    keys[i] = keys[i + 1]!;
    this.setMaxGap(i, Math.max(this.maxGaps[i]!, this.maxGaps[i + 1]!));
    this.removeChild(h + 1, i + 1);
  }

  private lowerRoot(): void {
    while (this.height > 0 && this.kids[(this.root << SHIFT) + COUNT] === 1) {
      const old = this.root;
      this.root = this.kids[(old << SHIFT) + 1]!;
      this.dropInner(old);
      this.height--;
      this.setUp(this.height, this.root, -1);
    }
  }

  /** The last key on every level is Infinity. */
  private openRightEdge(): void {
    let node = this.root;
    for (let level = this.height; level > 0; level--) {
      const i = (node << SHIFT) + this.kids[(node << SHIFT) + COUNT]!;
      this.keys[i] = Infinity;
      node = this.kids[i]!;
    }
  }
}
