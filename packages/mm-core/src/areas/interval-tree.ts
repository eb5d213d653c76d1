// A set of page ranges that returns the ranges which touch [start, last]: i_mmap (file pages -> VMAs) and the chains of an
// anon_vma. It does not read its items. Mirrors lib/interval_tree.c and mm/interval_tree.c in what it returns and in which
// order: by start, equal starts by age (the kernel inserts an equal start to the right).
//
// A treap: a search tree by (start, age) that is a heap by pseudo-random priority. Its shape depends on the set of
// priorities alone, and its height is about 2 log2 n for any order of inserts. Each node holds the largest `last` below it.

/** An item in an IntervalTree. Users read `start`, `last` and `item`; only the tree writes the fields. */
export class IntervalNode<T> {
  /** First page. */
  start: number;
  /** Last page, inclusive. */
  last: number;
  item: T;
  /** Largest `last` in this subtree. */
  maxLast: number;
  priority: number;
  left: IntervalNode<T> | null;
  right: IntervalNode<T> | null;
  parent: IntervalNode<T> | null;
  /** The tree that holds the node, null while it is removed. */
  owner: IntervalTree<T> | null;

  /** Called by IntervalTree.insert only. */
  constructor(item: T) {
    // Starts with doubles, so that V8 keeps one shape for small and large page numbers.
    this.start = -0.5;
    this.last = -0.5;
    this.item = item;
    this.maxLast = -0.5;
    this.priority = 0;
    this.left = null;
    this.right = null;
    this.parent = null;
    this.owner = null;
  }
}

/** Page ranges with an item each; the same range may occur twice. Page numbers are exact up to 2^53. */
export class IntervalTree<T> {
  /** Number of items. */
  size: number;
  private root: IntervalNode<T> | null;
  private seed: number;

  constructor() {
    this.size = 0;
    this.root = null;
    this.seed = 0x2545f491;
  }

  /** Adds `item` for the pages [start, last]. Returns the node, which remove, update and nextOverlap take. */
  insert(start: number, last: number, item: T): IntervalNode<T> {
    const node = new IntervalNode<T>(item);
    this.place(node, start, last);
    return node;
  }

  /** Removes a node of this tree. `reinsert` of this or another tree accepts it later. */
  remove(node: IntervalNode<T>): void {
    this.check(node);
    this.detach(node);
  }

  /** Inserts a removed node with another range, without allocation. It counts as the youngest. */
  reinsert(node: IntervalNode<T>, start: number, last: number): void {
    if (node.owner !== null) throw new Error('IntervalTree: this node is still in a tree');
    this.place(node, start, last);
  }

  /** Gives a node another range: the same as remove and reinsert, so it becomes the youngest of its start. */
  update(node: IntervalNode<T>, start: number, last: number): void {
    this.check(node);
    if (node.start === start && this.isYoungest(node)) {
      node.last = last;
      refresh(node);
      return;
    }
    this.detach(node);
    this.place(node, start, last);
  }

  /** Returns the first node, in order, that has a page in [start, last], or null. */
  firstOverlap(start: number, last: number): IntervalNode<T> | null {
    const root = this.root;
    if (root === null || root.maxLast < start) return null;
    return firstBelow(root, start, last);
  }

  /**
   * Returns the next node after `node` that has a page in [start, last], or null. Call it before `node` is removed: it
   * starts from the node's place in the tree.
   */
  nextOverlap(node: IntervalNode<T>, start: number, last: number): IntervalNode<T> | null {
    this.check(node);
    let at = node;
    for (;;) {
      const right = at.right;
      if (right !== null && right.maxLast >= start) return firstBelow(right, start, last);
      let from = at;
      let up = at.parent;
      while (up !== null && up.right === from) {
        from = up;
        up = up.parent;
      }
      if (up === null || up.start > last) return null;
      if (up.last >= start) return up;
      at = up;
    }
  }

  /** Checks every invariant. Returns one sentence for each violation, an empty array for none. For tests. */
  validate(): string[] {
    const bad: string[] = [];
    let prev: IntervalNode<T> | null = null;
    let count = 0;
    const walk = (node: IntervalNode<T>, parent: IntervalNode<T> | null): number => {
      let max = node.last;
      count++;
      if (node.parent !== parent) bad.push(`[${node.start}, ${node.last}]: parent is wrong`);
      if (node.owner !== this) bad.push(`[${node.start}, ${node.last}]: owner is wrong`);
      if (parent !== null && node.priority > parent.priority) bad.push(`[${node.start}, ${node.last}]: not a heap`);
      if (node.left !== null) max = Math.max(max, walk(node.left, node));
      if (prev !== null && prev.start > node.start) bad.push(`[${node.start}, ${node.last}]: out of order`);
      prev = node;
      if (node.right !== null) max = Math.max(max, walk(node.right, node));
      if (node.maxLast !== max) bad.push(`[${node.start}, ${node.last}]: maxLast ${node.maxLast}, not ${max}`);
      return max;
    };
    if (this.root !== null) walk(this.root, null);
    if (count !== this.size) bad.push(`size is ${this.size}, counted ${count}`);
    return bad;
  }

  private check(node: IntervalNode<T>): void {
    if (node.owner !== this) throw new Error('IntervalTree: this node is not in this tree');
  }

  /** Returns whether no later node has the same start. */
  private isYoungest(node: IntervalNode<T>): boolean {
    let at = node;
    if (node.right !== null) {
      at = node.right;
      while (at.left !== null) at = at.left;
      return at.start !== node.start;
    }
    while (at.parent !== null && at.parent.right === at) at = at.parent;
    return at.parent?.start !== node.start;
  }

  private place(node: IntervalNode<T>, start: number, last: number): void {
    node.start = start;
    node.last = last;
    node.maxLast = last;
    node.owner = this;
    // xorshift32: the sequence needs no quality, and each run gives the same one.
    let x = this.seed;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.seed = x;
    node.priority = x;
    this.size++;
    let parent: IntervalNode<T> | null = null;
    let at = this.root;
    while (at !== null) {
      if (at.maxLast < last) at.maxLast = last;
      parent = at;
      at = start < at.start ? at.left : at.right;
    }
    node.parent = parent;
    if (parent === null) {
      this.root = node;
      return;
    }
    if (start < parent.start) parent.left = node;
    else parent.right = node;
    while (node.parent !== null && node.parent.priority < x) this.rotateUp(node);
  }

  private detach(node: IntervalNode<T>): void {
    for (;;) {
      const { left, right } = node;
      if (left !== null && right !== null) {
        this.rotateUp(left.priority > right.priority ? left : right);
        continue;
      }
      const child = left ?? right;
      const parent = node.parent;
      if (child !== null) child.parent = parent;
      if (parent === null) this.root = child;
      else if (parent.left === node) parent.left = child;
      else parent.right = child;
      if (parent !== null) refresh(parent);
      break;
    }
    node.left = null;
    node.right = null;
    node.parent = null;
    node.owner = null;
    this.size--;
  }

  /** Exchanges `node` with its parent and keeps the order. */
  private rotateUp(node: IntervalNode<T>): void {
    const parent = node.parent!;
    const above = parent.parent;
    let moved: IntervalNode<T> | null;
    if (parent.left === node) {
      moved = node.right;
      parent.left = moved;
      node.right = parent;
    } else {
      moved = node.left;
      parent.right = moved;
      node.left = parent;
    }
    if (moved !== null) moved.parent = parent;
    parent.parent = node;
    node.parent = above;
    if (above === null) this.root = node;
    else if (above.left === parent) above.left = node;
    else above.right = node;
    node.maxLast = parent.maxLast;
    parent.maxLast = maxBelow(parent);
  }
}

function maxBelow<T>(node: IntervalNode<T>): number {
  let max = node.last;
  if (node.left !== null && node.left.maxLast > max) max = node.left.maxLast;
  if (node.right !== null && node.right.maxLast > max) max = node.right.maxLast;
  return max;
}

/** Recomputes maxLast from `node` up, as far as it changes. */
function refresh<T>(node: IntervalNode<T>): void {
  let at: IntervalNode<T> | null = node;
  while (at !== null) {
    const max = maxBelow(at);
    if (max === at.maxLast) return;
    at.maxLast = max;
    at = at.parent;
  }
}

/** Returns the first overlap in a subtree with `maxLast >= start`. */
function firstBelow<T>(root: IntervalNode<T>, start: number, last: number): IntervalNode<T> | null {
  let at = root;
  for (;;) {
    const { left, right } = at;
    if (left !== null && left.maxLast >= start) {
      // A node on the left reaches `start`. If it begins behind `last`, so do all nodes after it.
      at = left;
      continue;
    }
    if (at.start > last) return null;
    if (at.last >= start) return at;
    if (right === null || right.maxLast < start) return null;
    at = right;
  }
}
