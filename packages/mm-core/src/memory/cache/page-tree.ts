/**
 * The index of a page cache: a radix tree from page index to pfn with one tag (dirty), 64 pages to a leaf.
 *
 * Stores pfns and does not use the pages. Mirrors lib/radix-tree.c (4.4) in its results, and caches the leaf of the last
 * lookup, so that a walk through a file costs one comparison per page. Indices reach to 2^53.
 */

const BITS = 6;
const FAN: number = 1 << BITS;
const LOW: number = FAN - 1;
/** Up to this value numbers are small integers, and shifting is twice as fast as multiplying. */
const SMALL = 0x3fffffff;
/** 64^h, and the factors that replace a division by it (both exact). */
const POW: readonly number[] = Array.from({ length: 10 }, (_, h) => FAN ** h);
const INV: readonly number[] = POW.map((p) => 1 / p);

/** The entries of 64 consecutive pages. */
export class PageLeaf {
  /** Index of the first page; -1 in a leaf that is in no tree. */
  base = 0.5;
  /** pfns, -1 for absent. */
  readonly pfns: Int32Array = new Int32Array(FAN).fill(-1);
  count = 0;
  /** The dirty tag, a bit per page. */
  dirtyLow = 0;
  dirtyHigh = 0;
  parent: PageNode | null = null;

  constructor(base: number) {
    this.base = base;
  }
}

class PageNode {
  readonly slots: (PageNode | PageLeaf | null)[] = new Array<PageNode | PageLeaf | null>(FAN).fill(null);
  count = 0;
  parent: PageNode | null = null;
  /** Its slot in the parent. */
  at = 0;
}

const NO_LEAF: PageLeaf = new PageLeaf(-1);

/** Pages by index. */
export class PageTree {
  /** The number of pages present. */
  size = 0;
  /** The number of pages tagged dirty. */
  nrDirty = 0;
  private last: PageLeaf = NO_LEAF;
  /** The root: a leaf when height is 0. */
  private root: PageNode | PageLeaf | null = null;
  private height = 0;
  /** The number of leaves that the root can reach: 64^height. */
  private capacity = 1;
  private spare: PageLeaf | null = null;

  /** Returns the pfn of a page, or -1. */
  find(index: number): number {
    const at = index & LOW;
    const leaf = this.last;
    if (leaf.base === index - at) return leaf.pfns[at]!;
    return this.findFar(index);
  }

  /** Inserts a page that is absent. */
  insert(index: number, pfn: number): void {
    const at = index & LOW;
    const leaf = this.leafFor(index - at);
    leaf.pfns[at] = pfn;
    leaf.count++;
    this.size++;
  }

  /** Removes a page and its tag. Returns its pfn, or -1. */
  remove(index: number): number {
    const pfn = this.find(index);
    if (pfn < 0) return -1;
    const leaf = this.last;
    const at = index & LOW;
    this.untag(leaf, at);
    leaf.pfns[at] = -1;
    this.size--;
    if (--leaf.count === 0) this.prune(leaf);
    return pfn;
  }

  /** Tags a present page dirty. Returns whether it was clean. */
  setDirty(index: number): boolean {
    if (this.find(index) < 0) return false;
    const leaf = this.last;
    const at = index & LOW;
    const bit = 1 << (at & 31);
    if (at < 32) {
      if ((leaf.dirtyLow & bit) !== 0) return false;
      leaf.dirtyLow |= bit;
    } else {
      if ((leaf.dirtyHigh & bit) !== 0) return false;
      leaf.dirtyHigh |= bit;
    }
    this.nrDirty++;
    return true;
  }

  /** Clears the tag. Returns whether it was set. */
  clearDirty(index: number): boolean {
    return this.find(index) >= 0 && this.untag(this.last, index & LOW);
  }

  isDirty(index: number): boolean {
    if (this.find(index) < 0) return false;
    const at = index & LOW;
    return ((at < 32 ? this.last.dirtyLow : this.last.dirtyHigh) & (1 << (at & 31))) !== 0;
  }

  /** Returns the first page present at or above `index`, or -1. */
  nextPresent(index: number): number {
    let at = index & LOW;
    let leaf = this.nextLeaf((index - at) * INV[1]!);
    if (leaf === null) return -1;
    if (leaf.base !== index - at) at = 0;
    for (;;) {
      for (; at < FAN; at++) if (leaf.pfns[at]! >= 0) return leaf.base + at;
      leaf = this.nextLeaf(leaf.base * INV[1]! + 1);
      if (leaf === null) return -1;
      at = 0;
    }
  }

  /** Returns the first dirty page at or above `index`, or -1. */
  nextDirty(index: number): number {
    if (this.nrDirty === 0) return -1;
    let at = index & LOW;
    let leaf = this.nextLeaf((index - at) * INV[1]!);
    if (leaf === null) return -1;
    if (leaf.base !== index - at) at = 0;
    for (;;) {
      if ((leaf.dirtyLow | leaf.dirtyHigh) !== 0) {
        for (; at < FAN; at++) {
          if (((at < 32 ? leaf.dirtyLow : leaf.dirtyHigh) & (1 << (at & 31))) !== 0) return leaf.base + at;
        }
      }
      leaf = this.nextLeaf(leaf.base * INV[1]! + 1);
      if (leaf === null) return -1;
      at = 0;
    }
  }

  private findFar(index: number): number {
    const at = index & LOW;
    const leaf = this.leafAt(index <= SMALL ? index >>> BITS : (index - at) * INV[1]!);
    if (leaf === null) return -1;
    this.last = leaf;
    return leaf.pfns[at]!;
  }

  private untag(leaf: PageLeaf, at: number): boolean {
    const bit = 1 << (at & 31);
    if (at < 32) {
      if ((leaf.dirtyLow & bit) === 0) return false;
      leaf.dirtyLow &= ~bit;
    } else {
      if ((leaf.dirtyHigh & bit) === 0) return false;
      leaf.dirtyHigh &= ~bit;
    }
    this.nrDirty--;
    return true;
  }

  // --- the tree over leaf numbers

  private leafAt(n: number): PageLeaf | null {
    if (n >= this.capacity) return null;
    let node = this.root;
    // At most five levels: a shift by 32 would shift by 0.
    if (n <= SMALL && this.height <= 5) {
      for (let shift = (this.height - 1) * BITS; shift >= 0 && node !== null; shift -= BITS) {
        node = (node as PageNode).slots[(n >>> shift) & LOW]!;
      }
      return node as PageLeaf | null;
    }
    for (let h = this.height - 1; h >= 0 && node !== null; h--) node = (node as PageNode).slots[(n * INV[h]!) & LOW]!;
    return node as PageLeaf | null;
  }

  /** Returns the first leaf with a number of at least `n`. */
  private nextLeaf(n: number): PageLeaf | null {
    if (n >= this.capacity || this.root === null) return null;
    if (this.height === 0) return this.root as PageLeaf;
    return nextIn(this.root as PageNode, this.height - 1, n);
  }

  private leafFor(base: number): PageLeaf {
    if (this.last.base === base) return this.last;
    const n = base * INV[1]!;
    let leaf = this.leafAt(n);
    if (leaf === null) {
      leaf = this.spare ?? new PageLeaf(base);
      leaf.base = base;
      this.spare = null;
      this.link(leaf, n);
    }
    this.last = leaf;
    return leaf;
  }

  private link(leaf: PageLeaf, n: number): void {
    while (n >= this.capacity) this.grow();
    if (this.height === 0) {
      this.root = leaf;
      leaf.parent = null;
      return;
    }
    this.root ??= new PageNode();
    let node = this.root as PageNode;
    for (let h = this.height - 1; h > 0; h--) {
      const at = (n * INV[h]!) & LOW;
      let child = node.slots[at] as PageNode | null;
      if (child === null) {
        child = new PageNode();
        child.parent = node;
        child.at = at;
        node.slots[at] = child;
        node.count++;
      }
      node = child;
    }
    node.slots[n & LOW] = leaf;
    node.count++;
    leaf.parent = node;
  }

  private grow(): void {
    const old = this.root;
    this.height++;
    this.capacity *= FAN;
    if (old === null) return;
    const root = new PageNode();
    root.slots[0] = old;
    root.count = 1;
    old.parent = root;
    this.root = root;
  }

  /** Removes an empty leaf, and its ancestors that have no other leaf. */
  private prune(leaf: PageLeaf): void {
    let node = leaf.parent;
    let at = (leaf.base * INV[1]!) & LOW;
    leaf.base = -1;
    leaf.parent = null;
    this.last = NO_LEAF;
    this.spare = leaf;
    while (node !== null) {
      node.slots[at] = null;
      if (--node.count > 0) return;
      at = node.at;
      node = node.parent;
    }
    this.root = null;
    this.height = 0;
    this.capacity = 1;
  }
}

function nextIn(node: PageNode, h: number, n: number): PageLeaf | null {
  let at = Math.floor(n * INV[h]!);
  let rest = n - at * POW[h]!;
  for (; at < FAN; at++) {
    const child = node.slots[at]!;
    if (child !== null) {
      if (h === 0) return child as PageLeaf;
      const leaf = nextIn(child as PageNode, h - 1, rest);
      if (leaf !== null) return leaf;
    }
    rest = 0;
  }
  return null;
}
