// Balances the nodes of the VMA index: splits full nodes, merges sparse ones, and corrects the keys and largest gaps of the
// ancestors, which it finds through the nodes' slots in their parents. No counterpart in the kernel.
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
  type TreeStore,
  UP,
  USED,
} from './store.ts';

/**
 * A node that shrinks below SPARSE is merged with a sibling if both then fill at most MERGED slots. Churn fills leaves to
 * 69 %. With 11 and 24 it is 64 % and takes up to a tenth less time, but some leaves become nearly empty; with 18 and 30 it
 * is 72 % and takes a fifth more.
 */
const SPARSE = 14;
const MERGED = 28;
/** A leaf with fewer VMAs takes half of a sibling that is too full to be merged with it, so that no leaf becomes empty. */
const FEW = 4;

/**
 * VMAs of a leaf after a run of inserts. The free slots take the two VMAs that an mprotect of a middle page adds: with full
 * leaves the first such call splits the leaf, and nothing merges the halves again.
 */
const RUN = 28;

/** Where the VMAs of a leaf are put: next to each other at its lower or upper end, or with equal room between them. */
const LOW = 0;
const HIGH = 1;
const EVEN = 2;

/** Returns the slot of the k-th of `n` VMAs, counted from 0. It is at least `k + 1`. */
function place(k: number, n: number, how: number): number {
  if (how === LOW) return k + 1;
  return how === HIGH ? CAPACITY + 1 - n + k : 1 + Math.floor((k * CAPACITY) / n);
}

/** Returns whether the largest gap of a node, now `max`, may change when `removed` vanishes and `added` appears. */
function gapMatters(max: number, removed: number, added: number): boolean {
  return added > max || (removed === max && added < max);
}

/** Corrects the ancestors' largest gaps after gaps of at most `removed` vanished from a leaf and `added` appeared. */
export function gapsChanged(t: TreeStore, leaf: number, removed: number, added: number): void {
  const up = t.links[leaf + UP]!;
  if (up !== -1 && gapMatters(t.keys[up + GAP]!, removed, added)) updateMax(t, leaf);
}

/** Corrects the ancestors' largest gaps after that of slot `i` of a leaf has become larger. */
export function raiseGaps(t: TreeStore, leaf: number, i: number): void {
  const { keys, links } = t;
  const gap = keys[i + GAP]!;
  for (let up = links[leaf + UP]!; up !== -1 && gap > keys[up + GAP]!;) {
    keys[up + GAP] = gap;
    const node = up & NODE_OF;
    links[node + BITS] = links[node + BITS]! | (1 << (up & IN_NODE));
    up = links[node + UP]!;
  }
}

/** Corrects the ancestors' largest gaps after those of a leaf have changed. */
export function updateMax(t: TreeStore, leaf: number): void {
  const { keys, links } = t;
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
export function lastEndChanged(t: TreeStore, leaf: number, end: number): void {
  const { keys, links } = t;
  for (let up = links[leaf + UP]!; up !== -1;) {
    if (keys[up] === Infinity) return;
    keys[up] = end;
    const node = up & NODE_OF;
    if ((up & IN_NODE) !== links[node + COUNT]) return;
    up = links[node + UP]!;
  }
}

function maxOf(t: TreeStore, node: number): number {
  return largestGap(t.keys, node, t.links[node + BITS]!);
}

/** Copies `n` slots from `from` to `to`, which may overlap. */
function copySlots(t: TreeStore, from: number, to: number, n: number): void {
  t.keys.copyWithin(to, from, from + n);
  t.keys.copyWithin(to + GAP, from + GAP, from + GAP + n);
  t.links.copyWithin(to, from, from + n);
}

/** Completes an inner node whose `n` children are in place: the keys behind them, its bits, and the children's UP. */
function arrange(t: TreeStore, node: number, n: number): void {
  const { keys, links } = t;
  keys.fill(Infinity, node + n + 1, node + SLOTS);
  let bits = 0;
  for (let s = 1; s <= n; s++) {
    if (keys[node + GAP + s]! > 0) bits |= 1 << s;
    links[links[node + s]! + UP] = node + s;
  }
  links[node + COUNT] = n;
  links[node + BITS] = bits;
}

/** Moves the VMAs of a leaf to the slots from 1 on. Leaves the slots behind them and the bits undefined. */
function pack(t: TreeStore, leaf: number): void {
  const { keys, links } = t;
  let to = leaf + 1;
  for (let m = links[leaf + USED]!; m !== 0; m &= m - 1) {
    const from = leaf + lowestBit(m);
    keys[to] = keys[from]!;
    keys[to + GAP] = keys[from + GAP]!;
    links[to] = links[from]!;
    to++;
  }
}

/** Moves the `n` VMAs of a leaf from the slots from 1 on to their places, and turns the other slots into holes. */
function spread(t: TreeStore, leaf: number, n: number, how: number): void {
  const { keys, links } = t;
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
 * Splits the full leaf of slot `i`. The VMA to be inserted in front of `i` lies between those with the ids `prev` and `next`.
 *
 * @returns the slot of the VMA that was at `i`
 */
export function splitLeaf(t: TreeStore, i: number, prev: number, next: number): number {
  const leaf = i & NODE_OF;
  const slot = i & IN_NODE;
  // A run of inserts next to each other (mmap top-down, fork) leaves nearly full leaves, not half full ones.
  const above = t.lastInserted !== -1 && t.lastInserted === prev;
  const below = t.lastInserted !== -1 && t.lastInserted === next;
  const atEnd = slot > CAPACITY;
  const at =
    atEnd || (above && slot > 1) ? Math.min(slot, RUN + 1) : below ? Math.max(SLOTS - 1 - RUN, slot) : SLOTS / 2;
  const right = t.newLeaf();
  const { keys, links } = t;
  const moved = CAPACITY + 1 - at;
  const left = at - 1;
  // The run continues at one end of a leaf; the finished leaf has its free slots between its VMAs.
  const rightHow = atEnd ? LOW : above ? HIGH : EVEN;
  const leftHow = below ? HIGH : EVEN;
  keys[right] = keys[leaf + at - 1]!;
  copySlots(t, leaf + at, right + 1, moved);
  spread(t, right, moved, rightHow);
  const middle = keys[right];
  spread(t, leaf, left, leftHow);
  const after = links[leaf + NEXT]!;
  links[leaf + NEXT] = right;
  links[right + PREV] = leaf;
  links[right + NEXT] = after;
  if (after === -1) t.lastLeaf = right;
  else links[after + PREV] = right;
  insertChild(t, leaf, right, middle);
  if (slot < at) return leaf + place(slot - 1, left, leftHow);
  return right + (moved === 0 ? 1 : place(slot - at, moved, rightHow));
}

/** Inserts the node `right` behind `left`, from which it took the upper part; `left` keeps the keys up to `leftKey`. */
function insertChild(t: TreeStore, left: number, right: number, leftKey: number): void {
  if (t.links[left + UP] === -1) addRoot(t, left);
  else if (t.links[(t.links[left + UP]! & NODE_OF) + COUNT] === CAPACITY) splitInner(t, left);
  const { keys, links } = t;
  const i = links[left + UP]!;
  const node = i & NODE_OF;
  const n = links[node + COUNT]!;
  copySlots(t, i, i + 1, node + n - i + 1);
  keys[i] = leftKey;
  keys[i + GAP] = maxOf(t, left);
  keys[i + 1 + GAP] = maxOf(t, right);
  links[i + 1] = right;
  arrange(t, node, n + 1);
}

/** Gives the root a parent. */
function addRoot(t: TreeStore, child: number): void {
  const root = t.newInner();
  const { keys, links } = t;
  keys[root] = -1; // below every address
  keys[root + 1 + GAP] = 0;
  links[root + 1] = child;
  arrange(t, root, 1);
  keys[root + 1] = Infinity;
  t.root = root;
  t.height++;
}

/** Splits the full parent of `child`. */
function splitInner(t: TreeStore, child: number): void {
  const slot = t.links[child + UP]! & IN_NODE;
  const node = t.links[child + UP]! & NODE_OF;
  const at = slot === CAPACITY ? CAPACITY : SLOTS / 2;
  const right = t.newInner();
  const leftKey = t.keys[node + at - 1]!;
  const moved = CAPACITY + 1 - at;
  t.keys[right] = -1;
  copySlots(t, node + at, right + 1, moved);
  arrange(t, right, moved);
  arrange(t, node, at - 1);
  insertChild(t, node, right, leftKey);
}

/** Returns whether a leaf should be merged with another that has room. */
export function isSparse(t: TreeStore, leaf: number): boolean {
  return t.links[leaf + COUNT]! < SPARSE && t.height !== 0;
}

/** Merges a node that is not the root with a sibling, if both then fill at most MERGED slots. */
export function unite(t: TreeStore, node: number): void {
  const { keys, links } = t;
  const own = links[node + COUNT]!;
  const isLeaf = links[node + USED] !== 0;
  let i = links[node + UP]!;
  const isFirst = (i & IN_NODE) === 1;
  const isLast = (i & IN_NODE) === links[(i & NODE_OF) + COUNT];
  if (isLast || own + links[links[i + 1]! + COUNT]! > MERGED) {
    if (isFirst || own + links[links[i - 1]! + COUNT]! > MERGED) {
      // An only child has no sibling.
      if (isLeaf && own < FEW && !(isFirst && isLast)) share(t, isLast ? i - 1 : i);
      return;
    }
    i--;
  }
  const left = links[i]!;
  const right = links[i + 1]!;
  const a = links[left + COUNT]!;
  const b = links[right + COUNT]!;
  if (isLeaf) {
    pack(t, left);
    pack(t, right);
  }
  copySlots(t, right + 1, left + 1 + a, b);
  if (isLeaf) {
    spread(t, left, a + b, EVEN);
    t.unlinkLeaf(right);
  } else {
    arrange(t, left, a + b);
    t.dropInner(right);
  }
  keys[i] = keys[i + 1]!;
  keys[i + GAP] = Math.max(keys[i + GAP]!, keys[i + 1 + GAP]!);
  removeChild(t, i + 1);
}

/** Gives the leaf at slot `i` of an inner node and the next one the same number of VMAs. */
function share(t: TreeStore, i: number): void {
  const { keys, links } = t;
  const left = links[i]!;
  const right = links[i + 1]!;
  const had = links[left + COUNT]!;
  const both = had + links[right + COUNT]!;
  const n = both >> 1;
  pack(t, left);
  pack(t, right);
  if (had < n) {
    copySlots(t, right + 1, left + had + 1, n - had);
    copySlots(t, right + 1 + n - had, right + 1, both - n);
  } else {
    copySlots(t, right + 1, right + 1 + had - n, both - had);
    copySlots(t, left + n + 1, right + 1, had - n);
  }
  const border = keys[left + n]!;
  keys[right] = border;
  spread(t, left, n, EVEN);
  spread(t, right, both - n, EVEN);
  keys[i] = border;
  t.setGap(i, maxOf(t, left));
  t.setGap(i + 1, maxOf(t, right));
}

/** Removes the child at slot `i` of an inner node, and the ancestors that become empty or sparse. */
export function removeChild(t: TreeStore, i: number): void {
  const { keys, links } = t;
  const node = i & NODE_OF;
  const n = links[node + COUNT]! - 1;
  copySlots(t, i + 1, i, node + n - i + 1);
  arrange(t, node, n);
  if (n === 0) {
    // `node` is not the root: the root has two children or more.
    const up = links[node + UP]!;
    t.dropInner(node);
    removeChild(t, up);
    return;
  }
  for (let up = links[node + UP]!, below = node; up !== -1; below = up & NODE_OF, up = links[below + UP]!) {
    keys[up] = keys[below + links[below + COUNT]!]!;
    t.setGap(up, maxOf(t, below));
  }
  if (node === t.root) lowerRoot(t);
  else if (n < SPARSE) unite(t, node);
  openRightEdge(t);
}

function lowerRoot(t: TreeStore): void {
  while (t.height > 0 && t.links[t.root + COUNT] === 1) {
    const old = t.root;
    t.root = t.links[old + 1]!;
    t.dropInner(old);
    t.height--;
    t.links[t.root + UP] = -1;
  }
}

/** Sets the last key on every inner level to Infinity. */
function openRightEdge(t: TreeStore): void {
  let node = t.root;
  for (let level = t.height; level > 0; level--) {
    const i = node + t.links[node + COUNT]!;
    t.keys[i] = Infinity;
    node = t.links[i]!;
  }
}
