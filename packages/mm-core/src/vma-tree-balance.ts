// How the nodes of the VMA index (vma-tree.ts) stay even: splits of full nodes, unions of sparse ones, and the keys and
// largest gaps of the ancestors. It starts from `path` and, where it changes the structure, resets the finger.
// No counterpart in the kernel.
import { CAPACITY, type IndexedVma, largest, SHIFT, SLOTS, VmaTreeStore } from './vma-tree-store.ts';

/**
 * A node that shrinks below SPARSE is united with a sibling if both then fill at most MERGED slots. With 11 and 24 churn
 * leaves nodes filled to 55 % (58 bytes per VMA) and costs the same; with 18 and 30 it is 66 % and 10 % slower.
 */
export const SPARSE = 14;
const MERGED = 28;

/** Structure of a VmaTree. */
export class VmaTreeBalance<V extends IndexedVma<V>> extends VmaTreeStore<V> {
  /** Corrects the ancestors' largest gaps after gaps of at most `removed` vanished from the leaf of `path` and `added` came. */
  protected gapsChanged(removed: number, added: number): void {
    const height = this.height;
    if (height === 0) return;
    const { maxGaps, path } = this;
    const old = maxGaps[path[0]!]!;
    if (added > old) {
      for (let h = 0; h < height && added > maxGaps[path[h]!]!; h++) maxGaps[path[h]!] = added;
      return;
    }
    if (removed !== old || added === old) return;
    let values = this.gaps;
    let off = (this.finger >> SHIFT) << SHIFT;
    let n = this.leafCount[this.finger >> SHIFT]!;
    for (let h = 0; h < height; h++) {
      const up = path[h]!;
      if (maxGaps[up] !== old) return;
      const max = largest(values, off, n);
      if (max === old) return;
      maxGaps[up] = max;
      values = maxGaps;
      off = (up >> SHIFT) << SHIFT;
      n = this.kids[off]!;
    }
  }

  /** Corrects the ancestors' keys after the last end of the leaf of `path` changed. */
  protected lastEndChanged(end: number): void {
    const { keys, kids, path, height } = this;
    for (let h = 0; h < height; h++) {
      const up = path[h]!;
      if (keys[up] === Infinity) return;
      keys[up] = end;
      if ((up & (SLOTS - 1)) !== kids[(up >> SHIFT) << SHIFT]) return;
    }
  }

  /** Splits the full leaf of slot `i`, where a VMA between `prev` and `next` will go. Resets the finger. */
  protected splitLeaf(i: number, prev: V | null, next: V | null): void {
    const leaf = i >> SHIFT;
    const slot = i & (SLOTS - 1);
    // A run of inserts next to each other (mmap top-down, fork) leaves full leaves behind it: 30 slots used, not 15.
    const run = this.lastInserted !== null && (this.lastInserted === prev || this.lastInserted === next);
    const at = slot > CAPACITY || (run && slot > 1) ? slot : run ? 2 : SLOTS / 2;
    const right = this.newLeaf();
    const { ends, gaps, vmas } = this;
    const from = (leaf << SHIFT) + at;
    const to = (right << SHIFT) + 1;
    const n = CAPACITY + 1 - at;
    const border = ends[from - 1]!;
    ends[to - 1] = border;
    for (let k = 0; k < n; k++) {
      ends[to + k] = ends[from + k]!;
      gaps[to + k] = gaps[from + k]!;
      vmas[to + k] = vmas[from + k]!;
      ends[from + k] = Infinity;
      gaps[from + k] = -Infinity;
      vmas[from + k] = null;
    }
    this.leafCount[leaf] = at - 1;
    this.leafCount[right] = n;
    const after = this.leafNext[leaf]!;
    this.leafNext[leaf] = right;
    this.leafPrev[right] = leaf;
    this.leafNext[right] = after;
    if (after === -1) this.lastLeaf = right;
    else this.leafPrev[after] = right;
    this.insertChild(0, right, border, largest(gaps, from - at, at - 1), largest(gaps, to - 1, n));
  }

  /** Puts `right` behind the child at path[h], which keeps the keys up to `leftKey`. Resets the finger. */
  protected insertChild(h: number, right: number, leftKey: number, leftMax: number, rightMax: number): void {
    this.finger = 0;
    if (h === this.height) {
      const root = this.newInner();
      const slot = (root << SHIFT) + 1;
      this.keys[slot] = Infinity;
      this.kids[slot] = this.root;
      this.kids[slot - 1] = 1;
      this.root = root;
      this.height++;
      this.path[h] = slot;
    } else if (this.kids[(this.path[h]! >> SHIFT) << SHIFT] === CAPACITY) {
      this.splitInner(h);
    }
    const { keys, maxGaps, kids } = this;
    const i = this.path[h]!;
    const off = (i >> SHIFT) << SHIFT;
    const n = kids[off]!;
    for (let k = off + n; k >= i; k--) {
      keys[k + 1] = keys[k]!;
      maxGaps[k + 1] = maxGaps[k]!;
      kids[k + 1] = kids[k]!;
    }
    kids[off] = n + 1;
    keys[i] = leftKey;
    maxGaps[i] = leftMax;
    maxGaps[i + 1] = rightMax;
    kids[i + 1] = right;
  }

  /** Splits the full inner node of path[h]; path[h] stays at the same child. */
  protected splitInner(h: number): void {
    const i = this.path[h]!;
    const slot = i & (SLOTS - 1);
    const at = slot === CAPACITY ? CAPACITY : SLOTS / 2;
    const right = this.newInner();
    const off = i - slot;
    const to = (right << SHIFT) + 1;
    const n = CAPACITY + 1 - at;
    this.moveChildren(off + at, to, n);
    const { keys, maxGaps, kids } = this;
    kids[off] = at - 1;
    kids[to - 1] = n;
    const leftMax = largest(maxGaps, off, at - 1);
    const rightMax = largest(maxGaps, to - 1, n);
    this.insertChild(h + 1, right, keys[off + at - 1]!, leftMax, rightMax);
    if (slot >= at) this.path[h] = to + slot - at;
  }

  protected moveChildren(from: number, to: number, n: number): void {
    const { keys, maxGaps, kids } = this;
    for (let k = 0; k < n; k++) {
      keys[to + k] = keys[from + k]!;
      maxGaps[to + k] = maxGaps[from + k]!;
      kids[to + k] = kids[from + k]!;
      keys[from + k] = Infinity;
      maxGaps[from + k] = -Infinity;
    }
  }

  /** If the leaf of `path` has become sparse, unites it with a sibling that has room. */
  protected uniteSparse(leaf: number): void {
    const own = this.leafCount[leaf]!;
    if (own >= SPARSE || this.height === 0) return;
    const { keys, maxGaps, kids, leafCount } = this;
    let i = this.path[0]!;
    const slot = i & (SLOTS - 1);
    if (slot === kids[i - slot] || own + leafCount[kids[i + 1]!]! > MERGED) {
      if (slot === 1 || own + leafCount[kids[i - 1]!]! > MERGED) return;
      i--;
    }
    const left = kids[i]!;
    const right = kids[i + 1]!;
    const { ends, gaps, vmas } = this;
    const from = (right << SHIFT) + 1;
    const to = (left << SHIFT) + leafCount[left]! + 1;
    const n = leafCount[right]!;
    for (let k = 0; k < n; k++) {
      ends[to + k] = ends[from + k]!;
      gaps[to + k] = gaps[from + k]!;
      vmas[to + k] = vmas[from + k]!;
      ends[from + k] = Infinity;
      gaps[from + k] = -Infinity;
      vmas[from + k] = null;
    }
    leafCount[left]! += n;
    this.unlinkLeaf(right);
    keys[i] = keys[i + 1]!;
    if (maxGaps[i + 1]! > maxGaps[i]!) maxGaps[i] = maxGaps[i + 1]!;
    this.path[0] = i + 1;
    this.removeChild(0);
  }

  /** Drops the child at path[h] from its node, and what becomes empty or sparse above. Resets the finger. */
  protected removeChild(h: number): void {
    this.finger = 0;
    const { keys, maxGaps, kids } = this;
    const i = this.path[h]!;
    const off = (i >> SHIFT) << SHIFT;
    const n = kids[off]! - 1;
    for (let k = i; k <= off + n; k++) {
      keys[k] = keys[k + 1]!;
      maxGaps[k] = maxGaps[k + 1]!;
      kids[k] = kids[k + 1]!;
    }
    keys[off + n + 1] = Infinity;
    maxGaps[off + n + 1] = -Infinity;
    kids[off] = n;
    if (n === 0) {
      // never the root: it has two children or more
      this.dropInner(off >> SHIFT);
      this.removeChild(h + 1);
      return;
    }
    this.refreshAbove(h);
    if (h === this.height - 1) this.lowerRoot();
    else if (n < SPARSE) this.uniteInner(h);
    this.openRightEdge();
  }

  /** Sets keys and largest gaps of all ancestors of the node of path[h]. */
  protected refreshAbove(h: number): void {
    const { keys, maxGaps, kids, path } = this;
    for (let level = h; level + 1 < this.height; level++) {
      const off = (path[level]! >> SHIFT) << SHIFT;
      const last = off + kids[off]!;
      const up = path[level + 1]!;
      keys[up] = keys[last]!;
      maxGaps[up] = largest(maxGaps, off, last - off);
    }
  }

  protected uniteInner(h: number): void {
    const { keys, maxGaps, kids } = this;
    let i = this.path[h + 1]!;
    const slot = i & (SLOTS - 1);
    const own = kids[kids[i]! << SHIFT]!;
    if (slot === kids[i - slot] || own + kids[kids[i + 1]! << SHIFT]! > MERGED) {
      if (slot === 1 || own + kids[kids[i - 1]! << SHIFT]! > MERGED) return;
      i--;
    }
    const left = kids[i]! << SHIFT;
    const right = kids[i + 1]! << SHIFT;
    const n = kids[right]!;
    this.moveChildren(right + 1, left + kids[left]! + 1, n);
    kids[left]! += n;
    this.dropInner(right >> SHIFT);
    keys[i] = keys[i + 1]!;
    if (maxGaps[i + 1]! > maxGaps[i]!) maxGaps[i] = maxGaps[i + 1]!;
    this.path[h + 1] = i + 1;
    this.removeChild(h + 1);
  }

  protected lowerRoot(): void {
    while (this.height > 0 && this.kids[this.root << SHIFT] === 1) {
      const old = this.root;
      this.root = this.kids[(old << SHIFT) + 1]!;
      this.dropInner(old);
      this.height--;
    }
  }

  /** The last key on every level is Infinity. */
  protected openRightEdge(): void {
    let node = this.root;
    for (let level = this.height; level > 0; level--) {
      const i = (node << SHIFT) + this.kids[node << SHIFT]!;
      this.keys[i] = Infinity;
      node = this.kids[i]!;
    }
  }
}
