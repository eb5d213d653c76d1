// The radix index of a page cache against a Map.
import { describe, expect, it } from 'vitest';
import { PageTree } from '../../src/memory/cache/page-tree.ts';
import { random } from '../random.ts';

/** Indices that are dense, sparse and very large. */
function anIndex(next: (n: number) => number): number {
  switch (next(4)) {
    case 0:
      return next(200);
    case 1:
      return next(70) * 64 + 63;
    case 2:
      return 2 ** (6 + next(40)) + next(3) - 1;
    default:
      return 2 ** 51 - 1 - next(100);
  }
}

describe('PageTree', () => {
  it.each([1, 2, 3, 4, 5, 6])('answers what a Map answers (seed %i)', (seed) => {
    const next = random(seed);
    const tree = new PageTree();
    const model = new Map<number, { pfn: number; dirty: boolean }>();
    for (let step = 0; step < 6000; step++) {
      const index = anIndex(next);
      const entry = model.get(index);
      expect(tree.find(index)).toBe(entry?.pfn ?? -1);
      switch (next(step % 1000 < 500 ? 5 : 3)) {
        case 0:
        case 1:
          expect(tree.remove(index)).toBe(entry?.pfn ?? -1);
          model.delete(index);
          break;
        case 2:
          expect(tree.setDirty(index)).toBe(entry !== undefined && !entry.dirty);
          if (entry !== undefined) entry.dirty = true;
          expect(tree.isDirty(index)).toBe(entry !== undefined);
          if (next(3) === 0) {
            expect(tree.clearDirty(index)).toBe(entry !== undefined);
            if (entry !== undefined) entry.dirty = false;
          }
          break;
        default:
          if (entry !== undefined) break;
          tree.insert(index, step);
          model.set(index, { pfn: step, dirty: false });
      }
      if (step % 50 === 0) {
        const all = [...model.keys()].sort((a, b) => a - b);
        const from = anIndex(next);
        expect(tree.nextPresent(from)).toBe(all.find((i) => i >= from) ?? -1);
        expect(tree.nextDirty(from)).toBe(all.find((i) => i >= from && model.get(i)!.dirty) ?? -1);
        expect(tree.size).toBe(model.size);
        expect(tree.nrDirty).toBe([...model.values()].filter((e) => e.dirty).length);
      }
    }
    for (const index of model.keys()) tree.remove(index);
    expect(tree.size).toBe(0);
    expect(tree.nrDirty).toBe(0);
    expect(tree.nextPresent(0)).toBe(-1);
  });
});
