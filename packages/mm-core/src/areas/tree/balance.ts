// How the nodes of the VMA index (areas/tree/edit.ts) stay even: splits of full nodes, unions of sparse ones, and the keys and
// largest gaps of the ancestors, found through the nodes' slots in their parents. No counterpart in the kernel.
import {
  BITS,
  COUNT,
  CAPACITY,
  GAP,
  IN_NODE,
  largestGap,
  lowestBit,
  NEXT,
  NODE_OF,
  PREV,
  SLOTS,
  UP,
  USED,
} from './store.ts';
import { VmaTreeSearch } from './search.ts';

/**
 * A node that shrinks below SPARSE is united with a sibling if both then fill at most MERGED slots. Churn leaves leaves
 * filled to 69 %; with 11 and 24 it is 64 % and costs up to a tenth less, but leaves run empty now and then; with 18 and 30
 * it is 72 % and costs a fifth more.
 */
const SPARSE = 14;
const MERGED = 28;
/** A leaf with fewer VMAs takes half of a sibling's that is too full to be united with it: so leaves do not run empty. */
const FEW = 4;

/** Where the VMAs of a leaf go: next to each other at its lower or upper end, or with equal room between them. */
const LOW = 0;
const HIGH = 1;
const EVEN = 2;

/** Slot of the k-th of `n` VMAs, counted from 0. It is `k + 1` at least. */
function place(k: number, n: number, how: number): number {
  if (how === LOW) return k + 1;
  return how === HIGH ? CAPACITY + 1 - n + k : 1 + Math.floor((k * CAPACITY) / n);
}

/** Whether the largest gap of a node, `max` so far, may be another one after `removed` vanished and `added` came. */
function gapMatters(max: number, removed: number, added: number): boolean {
  return added > max || (removed === max && added < max);
}

/** Structure of a VmaTree. */
export class VmaTreeBalance extends VmaTreeSearch {
  /** Corrects the ancestors' largest gaps after gaps of at most `removed` vanished from a leaf and `added` came. */
  protected gapsChanged(leaf: number, removed: number, added: number): void {
    const up = this.links[leaf + UP]!;
    if (up !== -1 && gapMatters(this.keys[up + GAP]!, removed, added)) this.updateMax(leaf);
  }

  /** Corrects the ancestors' largest gaps after that of slot `i` of a leaf has become larger. */
  protected raiseGaps(leaf: number, i: number): void {
    const { keys, links } = this;
    const gap = keys[i + GAP]!;
    for (let up = links[leaf + UP]!; up !== -1 && gap > keys[up + GAP]!;) {
      keys[up + GAP] = gap;
      const node = up & NODE_OF;
      links[node + BITS] = links[node + BITS]! | (1 << (up & IN_NODE));
      up = links[node + UP]!;
    }
  }

  /** Corrects the ancestors' largest gaps after those of a leaf have changed. */
  protected updateMax(leaf: number): void {
    const { keys, links } = this;
    for (let node = leaf, up = links[leaf + UP]!; up !== -1; up = links[node + UP]!) {
      const old = keys[up + GAP]!;
      const now = largestGap(keys, node, links[node + BITS]!);
      if (now === old) return;
      keys[up + GAP] = now;
      node = up & NODE_OF;
      const bit = 1 << (up & IN_NODE);
      links[node + BITS] = now > 0 ? links[node + BITS]! | bit : links[node + BITS]! & ~bit;
      const above = links[node + UP]!;
      if (above === -1 || !gapMatters(keys[above + GAP]!, old, now)) return;
    }
  }

  /** Corrects the ancestors' keys after the last end of a leaf changed. */
  protected lastEndChanged(leaf: number, end: number): void {
    const { keys, links } = this;
    for (let up = links[leaf + UP]!; up !== -1;) {
      if (keys[up] === Infinity) return;
      keys[up] = end;
      const node = up & NODE_OF;
      if ((up & IN_NODE) !== links[node + COUNT]) return;
      up = links[node + UP]!;
    }
  }

  private maxOf(node: number): number {
    return largestGap(this.keys, node, this.links[node + BITS]!);
  }

  /** Copies `n` slots from `from` to `to`, which may overlap. */
  private copySlots(from: number, to: number, n: number): void {
    this.keys.copyWithin(to, from, from + n);
    this.keys.copyWithin(to + GAP, from + GAP, from + GAP + n);
    this.links.copyWithin(to, from, from + n);
  }

  /** The `n` children of an inner node are in place: what is behind them, its bits, and where the children stand. */
  private arrange(node: number, n: number): void {
    const { keys, links } = this;
    keys.fill(Infinity, node + n + 1, node + SLOTS);
    let bits = 0;
    for (let s = 1; s <= n; s++) {
      if (keys[node + GAP + s]! > 0) bits |= 1 << s;
      links[links[node + s]! + UP] = node + s;
    }
    links[node + COUNT] = n;
    links[node + BITS] = bits;
  }

  /** The VMAs of a leaf move to the slots from 1 on. What is behind them is unknown then, and so are the bits. */
  private pack(leaf: number): void {
    const { keys, links } = this;
    let to = leaf + 1;
    for (let m = links[leaf + USED]!; m !== 0; m &= m - 1) {
      const from = leaf + lowestBit(m);
      keys[to] = keys[from]!;
      keys[to + GAP] = keys[from + GAP]!;
      links[to] = links[from]!;
      to++;
    }
  }

  /** The `n` VMAs of a leaf stand in the slots from 1 on: they move to their places, and the rest becomes holes. */
  private spread(leaf: number, n: number, how: number): void {
    const { keys, links } = this;
    let used = 0;
    let bits = 0;
    let free = leaf + SLOTS;
    for (let k = n - 1; k >= 0; k--) {
      const from = leaf + 1 + k;
      const to = leaf + place(k, n, how);
      const end = keys[from]!;
      keys[to + GAP] = keys[from + GAP]!;
      links[to] = links[from]!;
      used |= 1 << (to & IN_NODE);
      if (keys[to + GAP]! > 0) bits |= 1 << (to & IN_NODE);
      const hole = k === n - 1 ? Infinity : end;
      for (let i = to + 1; i < free; i++) keys[i] = hole;
      keys[to] = end;
      free = to;
    }
    const hole = n === 0 ? Infinity : keys[leaf]!;
    for (let i = leaf + 1; i < free; i++) keys[i] = hole;
    links[leaf + COUNT] = n;
    links[leaf + USED] = used;
    links[leaf + BITS] = bits;
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
    // A run goes on at its side.
    const rightHow = above || below ? HIGH : EVEN;
    const leftHow = below ? HIGH : above ? LOW : EVEN;
    keys[right] = keys[leaf + at - 1]!;
    this.copySlots(leaf + at, right + 1, moved);
    this.spread(right, moved, rightHow);
    const middle = keys[right];
    this.spread(leaf, left, leftHow);
    const after = links[leaf + NEXT]!;
    links[leaf + NEXT] = right;
    links[right + PREV] = leaf;
    links[right + NEXT] = after;
    if (after === -1) this.lastLeaf = right;
    else links[after + PREV] = right;
    this.insertChild(leaf, right, middle);
    if (slot < at) return leaf + place(slot - 1, left, leftHow);
    return right + (moved === 0 ? 1 : place(slot - at, moved, rightHow));
  }

  /** Puts the node `right` behind `left`, which has lost its upper part to it and keeps the keys up to `leftKey`. */
  private insertChild(left: number, right: number, leftKey: number): void {
    if (this.links[left + UP] === -1) this.addRoot(left);
    else if (this.links[(this.links[left + UP]! & NODE_OF) + COUNT] === CAPACITY) this.splitInner(left);
    const { keys, links } = this;
    const i = links[left + UP]!;
    const node = i & NODE_OF;
    const n = links[node + COUNT]!;
    this.copySlots(i, i + 1, node + n - i + 1);
    keys[i] = leftKey;
    keys[i + GAP] = this.maxOf(left);
    keys[i + 1 + GAP] = this.maxOf(right);
    links[i + 1] = right;
    this.arrange(node, n + 1);
  }

  /** Gives the root a parent. */
  private addRoot(child: number): void {
    const root = this.newInner();
    const { keys, links } = this;
    keys[root] = -1; // slot 0 is never above an address
    keys[root + 1 + GAP] = 0;
    links[root + 1] = child;
    this.arrange(root, 1);
    keys[root + 1] = Infinity;
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
    this.keys[right] = -1;
    this.copySlots(node + at, right + 1, moved);
    this.arrange(right, moved);
    this.arrange(node, at - 1);
    this.insertChild(node, right, leftKey);
  }

  /** Whether a leaf should be united with another, if one has room. */
  protected isSparse(leaf: number): boolean {
    return this.links[leaf + COUNT]! < SPARSE && this.height !== 0;
  }

  /** Unites a node that is not the root with a sibling, if both then fill at most MERGED slots. */
  protected unite(node: number): void {
    const { keys, links } = this;
    const own = links[node + COUNT]!;
    const isLeaf = links[node + USED] !== 0;
    let i = links[node + UP]!;
    const isFirst = (i & IN_NODE) === 1;
    const isLast = (i & IN_NODE) === links[(i & NODE_OF) + COUNT];
    if (isLast || own + links[links[i + 1]! + COUNT]! > MERGED) {
      if (isFirst || own + links[links[i - 1]! + COUNT]! > MERGED) {
        // An only child has nobody beside it.
        if (isLeaf && own < FEW && !(isFirst && isLast)) this.share(isLast ? i - 1 : i);
        return;
      }
      i--;
    }
    const left = links[i]!;
    const right = links[i + 1]!;
    const a = links[left + COUNT]!;
    const b = links[right + COUNT]!;
    if (isLeaf) {
      this.pack(left);
      this.pack(right);
    }
    this.copySlots(right + 1, left + 1 + a, b);
    if (isLeaf) {
      this.spread(left, a + b, EVEN);
      this.unlinkLeaf(right);
    } else {
      this.arrange(left, a + b);
      this.dropInner(right);
    }
    keys[i] = keys[i + 1]!;
    keys[i + GAP] = Math.max(keys[i + GAP]!, keys[i + 1 + GAP]!);
    this.removeChild(i + 1);
  }

  /** Gives the leaf at slot `i` of an inner node and the next one the same number of VMAs. */
  private share(i: number): void {
    const { keys, links } = this;
    const left = links[i]!;
    const right = links[i + 1]!;
    const had = links[left + COUNT]!;
    const both = had + links[right + COUNT]!;
    const n = both >> 1;
    this.pack(left);
    this.pack(right);
    if (had < n) {
      this.copySlots(right + 1, left + had + 1, n - had);
      this.copySlots(right + 1 + n - had, right + 1, both - n);
    } else {
      this.copySlots(right + 1, right + 1 + had - n, both - had);
      this.copySlots(left + n + 1, right + 1, had - n);
    }
    const border = keys[left + n]!;
    keys[right] = border;
    this.spread(left, n, EVEN);
    this.spread(right, both - n, EVEN);
    keys[i] = border;
    this.setGap(i, this.maxOf(left));
    this.setGap(i + 1, this.maxOf(right));
  }

  /** Drops the child at slot `i` of an inner node, and what becomes empty or sparse above. */
  protected removeChild(i: number): void {
    const { keys, links } = this;
    const node = i & NODE_OF;
    const n = links[node + COUNT]! - 1;
    this.copySlots(i + 1, i, node + n - i + 1);
    this.arrange(node, n);
    if (n === 0) {
      // never the root: it has two children or more
      const up = links[node + UP]!;
      this.dropInner(node);
      this.removeChild(up);
      return;
    }
    for (let up = links[node + UP]!, below = node; up !== -1; below = up & NODE_OF, up = links[below + UP]!) {
      keys[up] = keys[below + links[below + COUNT]!]!;
      this.setGap(up, this.maxOf(below));
    }
    if (node === this.root) this.lowerRoot();
    else if (n < SPARSE) this.unite(node);
    this.openRightEdge();
  }

  private lowerRoot(): void {
    while (this.height > 0 && this.links[this.root + COUNT] === 1) {
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
      const i = node + this.links[node + COUNT]!;
      this.keys[i] = Infinity;
      node = this.links[i]!;
    }
  }
}
