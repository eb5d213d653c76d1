/**
 * The same workloads on npm's ordered trees: VMAs as objects, keyed by their exclusive end.
 *
 * These peers do the index's part only: no checks, no flags, no accounting. They cannot search for a hole either, so `punch_refill`
 * and `churn` pass them the address.
 */
import { createRequire } from 'node:module';
import { RBTree } from 'bintrees';
import type SortedBTreeModule from 'sorted-btree';
import { Random } from '../workloads/random.ts';
import { PAGE } from '../workloads/space.ts';

/** A VMA as users of a tree would define it. */
interface Range {
  start: number;
  end: number;
  prot: number;
}

/** The common interface of the peers. */
export interface TreePeer {
  readonly name: string;
  find(count: number): void;
  splitMerge(count: number): void;
  punchRefill(count: number): void;
}

const BASE = 2 ** 40;
const SCALE = 2.3283064365386963e-10;

// The package is CommonJS with a default export, which loaders treat differently: require returns it unchanged.
const { default: BTree } = createRequire(import.meta.url)('sorted-btree') as typeof SortedBTreeModule;
type SortedBTree = InstanceType<typeof BTree<number, Range>>;

/** npm's sorted-btree. */
export class SortedBTreePeer implements TreePeer {
  readonly name = 'sorted-btree';
  private readonly tree: SortedBTree;
  private readonly n: number;
  private readonly random: Random = new Random();

  constructor(n: number) {
    this.n = n;
    this.tree = new BTree<number, Range>();
    for (let k = 0; k < n; k++) {
      const start = BASE + k * 3 * PAGE;
      this.tree.set(start + 3 * PAGE, { start, end: start + 3 * PAGE, prot: k & 1 });
    }
  }

  find(count: number): void {
    const { tree, random } = this;
    const bytes = this.n * 3 * PAGE;
    const pair: [number, Range] = [0, { start: 0, end: 0, prot: 0 }];
    for (let i = 0; i < count; i++) {
      const addr = BASE + Math.floor(random.next() * SCALE * bytes);
      if (tree.nextHigherPair(addr, pair) === undefined) throw new Error('find');
    }
  }

  splitMerge(count: number): void {
    const { tree, random } = this;
    for (let i = 0; i < count; i++) {
      const at = BASE + (random.below(this.n) * 3 + 1) * PAGE;
      const vma = tree.nextHigherPair(at)![1];
      const { start, prot } = vma;
      tree.set(at, { start, end: at, prot });
      tree.set(at + PAGE, { start: at, end: at + PAGE, prot: 4 });
      vma.start = at + PAGE;
      const middle = tree.nextHigherPair(at)![1];
      tree.delete(middle.start);
      tree.delete(middle.end);
      vma.start = start;
    }
  }

  punchRefill(count: number): void {
    const { tree, random } = this;
    for (let i = 0; i < count; i++) {
      const k = random.below(this.n);
      const start = BASE + k * 3 * PAGE;
      tree.delete(start + 3 * PAGE);
      tree.set(start + 3 * PAGE, { start, end: start + 3 * PAGE, prot: k & 1 });
    }
  }
}

/** npm's bintrees: a red-black tree. */
export class BintreesPeer implements TreePeer {
  readonly name = 'bintrees';
  private readonly tree: RBTree<Range>;
  private readonly n: number;
  private readonly random: Random = new Random();
  private readonly probe: Range = { start: 0, end: 0, prot: 0 };

  constructor(n: number) {
    this.n = n;
    this.tree = new RBTree<Range>((a, b) => a.end - b.end);
    for (let k = 0; k < n; k++) {
      const start = BASE + k * 3 * PAGE;
      this.tree.insert({ start, end: start + 3 * PAGE, prot: k & 1 });
    }
  }

  private above(addr: number): Range | null {
    this.probe.end = addr;
    return this.tree.upperBound(this.probe).data();
  }

  find(count: number): void {
    const { random } = this;
    const bytes = this.n * 3 * PAGE;
    for (let i = 0; i < count; i++) {
      const addr = BASE + Math.floor(random.next() * SCALE * bytes);
      if (this.above(addr) === null) throw new Error('find');
    }
  }

  splitMerge(count: number): void {
    const { tree, random, probe } = this;
    for (let i = 0; i < count; i++) {
      const at = BASE + (random.below(this.n) * 3 + 1) * PAGE;
      const vma = this.above(at)!;
      const { start, prot } = vma;
      tree.insert({ start, end: at, prot });
      tree.insert({ start: at, end: at + PAGE, prot: 4 });
      vma.start = at + PAGE;
      const middle = this.above(at)!;
      probe.end = middle.start;
      tree.remove(probe);
      tree.remove(middle);
      vma.start = start;
    }
  }

  punchRefill(count: number): void {
    const { tree, random, probe } = this;
    for (let i = 0; i < count; i++) {
      const k = random.below(this.n);
      const start = BASE + k * 3 * PAGE;
      probe.end = start + 3 * PAGE;
      tree.remove(probe);
      tree.insert({ start, end: start + 3 * PAGE, prot: k & 1 });
    }
  }
}
