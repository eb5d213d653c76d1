/**
 * The index of vmarea without the engine around it: what of a complete operation is the tree's. Told no flags, checks
 * nothing, counts nothing. The same workloads as space.ts.
 */
import { createMm, type Vma, type VmaTable, type VmaTree } from '@vmarea/mm-core';
import { Random } from './random.ts';
import { benchSystem, PAGE } from './space.ts';

const TOP = 2 ** 47;
const LOW = 2 ** 16;

/** A VmaTree with `n` VMAs. */
export class IndexAlone {
  private readonly tree: VmaTree;
  private readonly vmas: Vma[] = [];
  private readonly random: Random = new Random();
  private readonly spare: Vma[] = [];

  constructor(n: number) {
    const mm = createMm(benchSystem('msm-4.4'));
    if (mm === null) throw new Error('no memory for an address space');
    this.tree = mm.tree;
    for (let k = 0; k < n; k++) this.vmas.push(this.place(made(mm.vmas), 3));
    this.spare.push(made(mm.vmas), made(mm.vmas));
  }

  private place(vma: Vma, pages: number): Vma {
    const at = this.tree.highestGap(pages * PAGE, LOW, TOP, 0, 0);
    vma.vmStart = at;
    vma.vmEnd = at + pages * PAGE;
    this.tree.insert(vma);
    return vma;
  }

  /** erase; highest gap; insert: one page below everything. */
  pair(count: number): void {
    const vma = this.spare[0]!;
    for (let i = 0; i < count; i++) {
      this.place(vma, 1);
      this.tree.erase(vma);
    }
  }

  /** Three VMAs out of one, and back. */
  splitMerge(count: number): void {
    const { tree, vmas, random, spare } = this;
    for (let i = 0; i < count; i++) {
      const vma = tree.find(vmas[random.below(vmas.length)]!.vmStart + PAGE)!;
      const end = vma.vmEnd;
      const at = vma.vmStart + PAGE;
      tree.split(vma, at, spare[0]!, false);
      tree.split(spare[0]!, at + PAGE, spare[1]!, false);
      const middle = tree.find(at)!;
      tree.absorb(middle.vmPrev!, 2);
      if (vma.vmEnd !== end) throw new Error('absorb');
    }
  }

  punchRefill(count: number): void {
    const { tree, vmas, random } = this;
    for (let i = 0; i < count; i++) {
      const vma = tree.find(vmas[random.below(vmas.length)]!.vmStart)!;
      tree.erase(vma);
      this.place(vma, 3);
    }
  }

  churn(count: number): void {
    const { tree, vmas, random } = this;
    for (let i = 0; i < count; i++) {
      const vma = tree.find(vmas[random.below(vmas.length)]!.vmStart)!;
      tree.erase(vma);
      this.place(vma, 1 + (random.next() & 7));
    }
  }
}

function made(table: VmaTable): Vma {
  const vma = table.allocVma();
  if (vma === null) throw new Error('no memory for a VMA');
  return vma;
}
