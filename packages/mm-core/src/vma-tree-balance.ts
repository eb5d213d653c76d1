// How the nodes of the VMA index (vma-tree.ts) stay even: splits of full nodes, unions of sparse ones, and the keys and
// largest gaps of the ancestors, found through the nodes' slots in their parents. No counterpart in the kernel.
import {
  BITS,
  CAPACITY,
  GAP,
  HI,
  IN_NODE,
  largestGap,
  LO,
  NEXT,
  NODE_OF,
  PREV,
  SLOTS,
  UP,
  VmaTreeStore,
} from './vma-tree-store.ts';

/**
 * A node that shrinks below SPARSE is united with a sibling if both then fill at most MERGED slots. With 11 and 24 churn
 * leaves nodes filled to 55 % and costs the same; with 18 and 30 it is 66 % and 10 % slower.
 */
const SPARSE = 14;
const MERGED = 28;

/** Structure of a VmaTree. */
export class VmaTreeBalance extends VmaTreeStore {
  /** Corrects the ancestors' largest gaps after gaps of at most `removed` vanished from a leaf and `added` came. */
  protected gapsChanged(leaf: number, removed: number, added: number): void {
    const up = this.links[leaf + UP]!;
    if (up === -1) return;
    const old = this.keys[up + GAP]!;
    if (added > old) this.raiseGaps(up, added);
    else if (removed === old && added !== old && old > 0) this.lowerGaps(up);
  }

  /** The child at `slot` has a gap of `max`, larger than it had. */
  private raiseGaps(slot: number, max: number): void {
    const { keys, links } = this;
    for (let up = slot; up !== -1 && max > keys[up + GAP]!;) {
      keys[up + GAP] = max;
      const node = up & NODE_OF;
      links[node + BITS] = links[node + BITS]! | (1 << (up & IN_NODE));
      up = links[node + UP]!;
    }
  }

  /** The child at `slot` may have lost its largest gap. */
  private lowerGaps(slot: number): void {
    const { keys, links } = this;
    for (let up = slot; up !== -1;) {
      const old = keys[up + GAP]!;
      const child = links[up]!;
      const now = largestGap(keys, child, links[child + BITS]!);
      if (now === old) return;
      keys[up + GAP] = now;
      const node = up & NODE_OF;
      if (now === 0) links[node + BITS] = links[node + BITS]! & ~(1 << (up & IN_NODE));
      up = links[node + UP]!;
      if (up === -1 || keys[up + GAP] !== old) return;
    }
  }

  /** Corrects the ancestors' keys after the last end of a leaf changed. */
  protected lastEndChanged(leaf: number, end: number): void {
    const { keys, links } = this;
    for (let up = links[leaf + UP]!; up !== -1;) {
      if (keys[up] === Infinity) return;
      keys[up] = end;
      const node = up & NODE_OF;
      if ((up & IN_NODE) !== links[node + HI]) return;
      up = links[node + UP]!;
    }
  }

  private maxOf(node: number): number {
    return largestGap(this.keys, node, this.links[node + BITS]!);
  }

  /** Used slots of a node. */
  private used(node: number): number {
    return this.links[node + HI]! - this.links[node + LO]! + 1;
  }

  /** Copies `n` slots from `from` to `to`, which may overlap. */
  private copySlots(from: number, to: number, n: number): void {
    this.keys.copyWithin(to, from, from + n);
    this.keys.copyWithin(to + GAP, from + GAP, from + GAP + n);
    this.links.copyWithin(to, from, from + n);
  }

  /** The contents of a node are in place, from slot `lo` on: what is in front of them and behind, and its bits. */
  private arrange(node: number, lo: number, n: number, border: number): void {
    const { keys, links } = this;
    keys.fill(border, node, node + lo);
    keys.fill(Infinity, node + lo + n, node + SLOTS);
    let bits = 0;
    for (let s = lo; s < lo + n; s++) if (keys[node + GAP + s]! > 0) bits |= 1 << s;
    links[node + LO] = lo;
    links[node + HI] = lo + n - 1;
    links[node + BITS] = bits;
  }

  /** Tells the children of an inner node from slot `from` on where they stand. */
  private tellChildren(node: number, from: number): void {
    const { links } = this;
    for (let i = node + from; i <= node + links[node + HI]!; i++) links[links[i]! + UP] = i;
  }

  /**
   * Splits the full leaf of slot `i`, in front of which a VMA will go between those with the ids `prev` and `next`.
   *
   * @returns the slot of what was at `i`
   */
  protected splitLeaf(i: number, prev: number, next: number): number {
    const leaf = i & NODE_OF;
    const slot = i & IN_NODE;
    // A run of inserts next to each other (mmap top-down, fork) leaves full leaves behind it: 30 slots used, not 15.
    const above = this.lastInserted !== -1 && this.lastInserted === prev;
    const below = this.lastInserted !== -1 && this.lastInserted === next;
    const at = slot > CAPACITY || (above && slot > 1) ? slot : below ? Math.max(2, slot) : SLOTS / 2;
    const right = this.newLeaf();
    const { keys, links } = this;
    const moved = CAPACITY + 1 - at;
    const left = at - 1;
    // A run goes on at its side; otherwise both sides get half of the room.
    const rightLo = moved === 0 ? 1 : above || below ? CAPACITY + 1 - moved : 1 + ((CAPACITY - moved) >> 1);
    const leftLo = below ? CAPACITY + 1 - left : above ? 1 : 1 + ((CAPACITY - left) >> 1);
    const border = keys[leaf]!;
    const middle = keys[leaf + at - 1]!;
    this.copySlots(leaf + at, right + rightLo, moved);
    this.copySlots(leaf + 1, leaf + leftLo, left);
    this.arrange(right, rightLo, moved, middle);
    this.arrange(leaf, leftLo, left, border);
    const after = links[leaf + NEXT]!;
    links[leaf + NEXT] = right;
    links[right + PREV] = leaf;
    links[right + NEXT] = after;
    if (after === -1) this.lastLeaf = right;
    else links[after + PREV] = right;
    this.insertChild(leaf, right, middle);
    return slot >= at ? right + rightLo + slot - at : leaf + leftLo + slot - 1;
  }

  /** Puts the node `right` behind `left`, which has lost its upper part to it and keeps the keys up to `leftKey`. */
  private insertChild(left: number, right: number, leftKey: number): void {
    if (this.links[left + UP] === -1) this.addRoot(left);
    else if (this.links[(this.links[left + UP]! & NODE_OF) + HI] === CAPACITY) this.splitInner(left);
    const { keys, links } = this;
    const i = links[left + UP]!;
    const node = i & NODE_OF;
    this.copySlots(i, i + 1, node + links[node + HI]! - i + 1);
    links[node + HI] = links[node + HI]! + 1;
    keys[i] = leftKey;
    keys[i + GAP] = this.maxOf(left);
    keys[i + 1 + GAP] = this.maxOf(right);
    links[i + 1] = right;
    this.arrange(node, 1, links[node + HI]!, keys[node]!);
    this.tellChildren(node, i & IN_NODE);
  }

  /** Gives the root a parent. */
  private addRoot(child: number): void {
    const root = this.newInner();
    const { keys, links } = this;
    keys[root] = -1; // slot 0 is never above an address
    keys[root + 1 + GAP] = 0;
    links[root + 1] = child;
    links[root + HI] = 1;
    links[child + UP] = root + 1;
    this.root = root;
    this.height++;
  }

  /** Splits the full parent of `child`. */
  private splitInner(child: number): void {
    const slot = this.links[child + UP]! & IN_NODE;
    const node = this.links[child + UP]! & NODE_OF;
    const at = slot === CAPACITY ? CAPACITY : SLOTS / 2;
    const right = this.newInner();
    const leftKey = this.keys[node + at - 1]!;
    const moved = CAPACITY + 1 - at;
    this.copySlots(node + at, right + 1, moved);
    this.arrange(right, 1, moved, -1);
    this.arrange(node, 1, at - 1, -1);
    this.tellChildren(right, 1);
    this.insertChild(node, right, leftKey);
  }

  /** Whether a leaf should be united with another, if one has room. */
  protected isSparse(leaf: number): boolean {
    return this.used(leaf) < SPARSE && this.height !== 0;
  }

  /** Unites a node that is not the root with a sibling, if both then fill at most MERGED slots. */
  protected unite(node: number): void {
    const { keys, links } = this;
    const own = this.used(node);
    let i = links[node + UP]!;
    const slot = i & IN_NODE;
    if (slot === links[(i & NODE_OF) + HI] || own + this.used(links[i + 1]!) > MERGED) {
      if (slot === 1 || own + this.used(links[i - 1]!) > MERGED) return;
      i--;
    }
    const left = links[i]!;
    const right = links[i + 1]!;
    const a = this.used(left);
    const b = this.used(right);
    const isLeaf = left === this.firstLeaf || links[left + PREV] !== -1;
    const lo = isLeaf ? 1 + ((CAPACITY - a - b) >> 1) : 1;
    const border = keys[left]!;
    this.copySlots(left + links[left + LO]!, left + lo, a);
    this.copySlots(right + links[right + LO]!, left + lo + a, b);
    this.arrange(left, lo, a + b, border);
    if (isLeaf) this.unlinkLeaf(right);
    else {
      this.tellChildren(left, a + 1);
      this.dropInner(right);
    }
    keys[i] = keys[i + 1]!;
    keys[i + GAP] = Math.max(keys[i + GAP]!, keys[i + 1 + GAP]!);
    this.removeChild(i + 1);
  }

  /** Drops the child at slot `i` of an inner node, and what becomes empty or sparse above. */
  protected removeChild(i: number): void {
    const { keys, links } = this;
    const node = i & NODE_OF;
    const n = links[node + HI]! - 1;
    this.copySlots(i + 1, i, node + n - i + 1);
    this.arrange(node, 1, n, -1);
    this.tellChildren(node, i & IN_NODE);
    if (n === 0) {
      // never the root: it has two children or more
      const up = links[node + UP]!;
      this.dropInner(node);
      this.removeChild(up);
      return;
    }
    for (let up = links[node + UP]!, below = node; up !== -1; below = up & NODE_OF, up = links[below + UP]!) {
      keys[up] = keys[below + links[below + HI]!]!;
      this.setGap(up, this.maxOf(below));
    }
    if (node === this.root) this.lowerRoot();
    else if (n < SPARSE) this.unite(node);
    this.openRightEdge();
  }

  private lowerRoot(): void {
    while (this.height > 0 && this.links[this.root + HI] === 1) {
      const old = this.root;
      this.root = this.links[old + 1]!;
      this.dropInner(old);
      this.height--;
      this.links[this.root + UP] = -1;
    }
  }

  /** The last key on every inner level is Infinity. */
  private openRightEdge(): void {
    let node = this.root;
    for (let level = this.height; level > 0; level--) {
      const i = node + this.links[node + HI]!;
      this.keys[i] = Infinity;
      node = this.links[i]!;
    }
  }
}
