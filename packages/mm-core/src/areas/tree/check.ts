// Checks the invariants of a VMA index slot by slot. For tests. areas/tree/store.ts describes the layout.
import {
  BITS,
  CAPACITY,
  COUNT,
  GAP,
  IN_NODE,
  lowestBit,
  NEXT,
  NODE,
  PREV,
  SLOTS,
  UP,
  USED,
  type TreeStore,
} from './store.ts';
import { END, INTS, RECORD, START, STATE, STATE_LINKED } from '../record.ts';

/** Returns one sentence for each violation, an empty array for none. */
export function checkTree(tree: TreeStore): string[] {
  return new Checker(tree).run();
}

/** Walks a tree and collects the violations. */
class Checker {
  private readonly bad: string[] = [];
  private readonly t: TreeStore;
  private prevLeaf = -1;
  private end = 0;
  private count = 0;
  private nodes = 0;

  constructor(tree: TreeStore) {
    this.t = tree;
  }

  run(): string[] {
    const { t, bad } = this;
    this.walk(t.root, t.height, -1, true);
    if (t.lastLeaf !== this.prevLeaf || t.links[this.prevLeaf + NEXT] !== -1) bad.push('lastLeaf is wrong');
    if (t.size !== this.count) bad.push(`size is ${t.size}, counted ${this.count}`);
    this.checkFree(t.freeLeaf);
    this.checkFree(t.freeInner);
    if (this.nodes * NODE !== t.nodesEnd) bad.push('a node is lost');
    return bad;
  }

  private checkFree(first: number): void {
    const { t, bad } = this;
    for (let n = first; n !== -1; n = t.links[n + NEXT]!) {
      this.nodes++;
      if (t.keys.subarray(n, n + SLOTS).some((x) => x !== Infinity)) bad.push(`free node ${n} has keys`);
    }
  }

  /** Returns the largest gap below a node. `this.end` is the end of the last VMA visited. */
  private walk(node: number, level: number, up: number, rightEdge: boolean): number {
    const { t, bad } = this;
    this.nodes++;
    const n = t.links[node + COUNT]!;
    if (t.links[node + UP] !== up) bad.push(`node ${node}: its parent is wrong`);
    if (n > CAPACITY || n < (level > 0 && up === -1 ? 2 : t.height > 0 ? 1 : 0))
      bad.push(`node ${node} has ${n} slots`);
    const used = level === 0 ? t.links[node + USED]! : 2 ** (n + 1) - 2;
    if (level === 0) this.checkLeaf(node, n, used);
    let max = 0;
    let bits = 0;
    for (let m = used; m !== 0; m &= m - 1) {
      const i = node + lowestBit(m);
      const edge = rightEdge && (m & (m - 1)) === 0;
      const gap = level === 0 ? this.checkSlot(i, t.links[i]!) : this.walk(t.links[i]!, level - 1, i, edge);
      const key = level > 0 && edge ? Infinity : this.end;
      if (t.keys[i] !== key) bad.push(`slot ${i}: key ${t.keys[i]}, not ${key}`);
      if (t.keys[i + GAP] !== gap) bad.push(`slot ${i}: gap ${t.keys[i + GAP]}, not ${gap}`);
      if (gap > 0) bits |= 1 << (i & IN_NODE);
      if (gap > max) max = gap;
    }
    if (t.links[node + BITS] !== bits) bad.push(`node ${node}: bits of the gaps`);
    if (t.keys[node + SLOTS - 1] !== Infinity) bad.push(`node ${node}: no end`);
    return max;
  }

  private checkLeaf(leaf: number, n: number, used: number): void {
    const { t, bad } = this;
    if (t.links[leaf + PREV] !== this.prevLeaf) bad.push(`leaf ${leaf}: PREV is wrong`);
    if (this.prevLeaf === -1 ? t.firstLeaf !== leaf : t.links[this.prevLeaf + NEXT] !== leaf)
      bad.push(`leaf ${leaf}: the chain does not lead here`);
    this.prevLeaf = leaf;
    if (t.keys[leaf] !== this.end) bad.push(`leaf ${leaf}: begins at ${t.keys[leaf]}, not ${this.end}`);
    let ones = 0;
    for (let s = 1; s < SLOTS; s++) {
      if ((used & (1 << s)) !== 0) ones++;
      else if (t.keys[leaf + s] !== t.keys[leaf + s - 1] && (t.keys[leaf + s] !== Infinity || used >>> s !== 0))
        bad.push(`slot ${leaf + s}: no hole`);
    }
    if (ones !== n || (used & 1) !== 0) bad.push(`leaf ${leaf}: uses ${ones} slots, not ${n}`);
  }

  /** Returns the gap in front of a VMA. */
  private checkSlot(i: number, id: number): number {
    const { t, bad } = this;
    const { nums, ints } = t.table;
    this.count++;
    const start = nums[id * RECORD + START]!;
    const end = nums[id * RECORD + END]!;
    if ((ints[id * INTS + STATE]! & STATE_LINKED) === 0) bad.push(`slot ${i}: its VMA is not linked`);
    if (start < this.end || end <= start) bad.push(`slot ${i}: out of order`);
    const gap = t.startGap(id, start) - this.end;
    this.end = end;
    return gap;
  }
}
