/**
 * The index of vmarea without the engine: the index's share of a complete operation. Takes no flags, checks nothing, counts
 * nothing. The same workloads as space.ts.
 */
import { createMm, type VmaTable, type VmaTree } from '@vmarea/mm-core';
import { Random } from './random.ts';
import { benchSystem, PAGE } from './space.ts';

const TOP = 2 ** 47;
const LOW = 2 ** 16;

/** A VmaTree with `n` VMAs, as records. */
export class IndexAlone {
  private readonly tree: VmaTree;
  private readonly vmas: VmaTable;
  private readonly random: Random = new Random();
  private readonly ids: Int32Array;
  /** First byte of each VMA. */
  private readonly start: Float64Array;
  private readonly spare: number;
  private readonly spare2: number;

  constructor(n: number) {
    const mm = createMm(benchSystem('msm-4.4'));
    if (mm === null) throw new Error('no memory for an address space');
    this.tree = mm.tree;
    this.vmas = mm.vmas;
    this.ids = new Int32Array(n);
    this.start = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      const id = this.vmas.alloc();
      this.ids[k] = id;
      this.start[k] = this.place(id, 3);
    }
    this.spare = this.vmas.alloc();
    this.spare2 = this.vmas.alloc();
  }

  private place(id: number, pages: number): number {
    const { tree } = this;
    const at = tree.highestGap(pages * PAGE, LOW, TOP, 0, 0);
    this.vmas.fill(id, at, at + pages * PAGE, 0, 0, 0);
    tree.insertAt(tree.seek(at), id);
    return at;
  }

  /** Finds the highest gap, inserts a page there, erases it. */
  pair(count: number): void {
    const { tree, spare } = this;
    for (let i = 0; i < count; i++) {
      const at = this.place(spare, 1);
      tree.eraseAt(tree.seek(at));
    }
  }

  /** Splits one VMA into three, and merges them again. */
  splitMerge(count: number): void {
    const { tree, start, random, spare, spare2 } = this;
    for (let i = 0; i < count; i++) {
      const at = start[random.below(start.length)]! + PAGE;
      const lower = tree.splitAt(tree.seek(at), at, spare, false);
      tree.splitAt(tree.after(lower), at + PAGE, spare2, false);
      const middle = tree.seek(at);
      tree.absorbAt(tree.before(middle), 2);
    }
  }

  punchRefill(count: number): void {
    const { tree, ids, start, random } = this;
    for (let i = 0; i < count; i++) {
      const k = random.below(start.length);
      tree.eraseAt(tree.seek(start[k]!));
      start[k] = this.place(ids[k]!, 3);
    }
  }

  churn(count: number): void {
    const { tree, ids, start, random } = this;
    for (let i = 0; i < count; i++) {
      const k = random.below(start.length);
      tree.eraseAt(tree.seek(start[k]!));
      start[k] = this.place(ids[k]!, 1 + (random.next() & 7));
    }
  }
}
