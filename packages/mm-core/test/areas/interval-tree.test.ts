// IntervalTree against a list that is sorted by start and age: every walk meets the same items in the same order.
import { describe, expect, it } from 'vitest';
import { IntervalTree, type IntervalNode } from '../../src/areas/interval-tree.ts';
import { random } from '../random.ts';

interface Entry {
  start: number;
  last: number;
  name: number;
  node: IntervalNode<number>;
}

function walk(tree: IntervalTree<number>, start: number, last: number): number[] {
  const names: number[] = [];
  for (let n = tree.firstOverlap(start, last); n !== null; n = tree.nextOverlap(n, start, last)) names.push(n.item);
  return names;
}

describe('IntervalTree', () => {
  it('is empty at first', () => {
    const tree = new IntervalTree<string>();
    expect(tree.firstOverlap(0, 2 ** 52)).toBe(null);
    expect(tree.size).toBe(0);
  });

  it('meets ranges by start, equal starts by age, ends inclusive', () => {
    const tree = new IntervalTree<string>();
    tree.insert(5, 9, 'b');
    tree.insert(0, 4, 'a');
    tree.insert(5, 5, 'c');
    tree.insert(10, 2 ** 52, 'e');
    tree.insert(5, 20, 'd');
    const names = (start: number, last: number): string => {
      let text = '';
      for (let n = tree.firstOverlap(start, last); n !== null; n = tree.nextOverlap(n, start, last)) text += n.item;
      return text;
    };
    expect(names(0, 2 ** 52)).toBe('abcde');
    expect(names(4, 4)).toBe('a');
    expect(names(4, 5)).toBe('abcd');
    expect(names(6, 9)).toBe('bd');
    expect(names(21, 2 ** 52)).toBe('e');
    expect(names(2 ** 52, 2 ** 52)).toBe('e');
    expect(names(2 ** 52 + 2, 2 ** 53 - 1)).toBe('');
  });

  it('moves nodes between trees without new ones', () => {
    const one = new IntervalTree<string>();
    const two = new IntervalTree<string>();
    const node = one.insert(1, 2, 'x');
    expect(() => {
      two.remove(node);
    }).toThrow('not in this tree');
    expect(() => {
      two.reinsert(node, 1, 2);
    }).toThrow('still in a tree');
    one.remove(node);
    two.reinsert(node, 7, 8);
    expect(one.firstOverlap(0, 100)).toBe(null);
    expect(two.firstOverlap(8, 8)).toBe(node);
  });

  it('stays flat for inserts in order', () => {
    const tree = new IntervalTree<number>();
    for (let i = 0; i < 20000; i++) tree.insert(i, i, i);
    let deepest = 0;
    const depth = (node: { left: unknown; right: unknown } | null, d: number): void => {
      if (node === null) return;
      deepest = Math.max(deepest, d);
      depth(node.left as typeof node, d + 1);
      depth(node.right as typeof node, d + 1);
    };
    depth((tree as unknown as { root: { left: unknown; right: unknown } }).root, 1);
    expect(deepest).toBeLessThan(50);
    expect(tree.validate()).toEqual([]);
  });

  for (const [title, pages, longest, grow, base] of [
    ['few pages, many duplicates', 12, 5, 55, 0],
    ['long ranges over short ones', 500, 400, 55, 0],
    ['page numbers near 2^52', 4000, 30, 60, 2 ** 52 - 8000],
  ] as const) {
    it(`answers as a sorted list: ${title}`, () => {
      const rnd = random(pages);
      const tree = new IntervalTree<number>();
      const list: Entry[] = [];
      let age = 0;
      const put = (entry: Entry): void => {
        const at = list.findIndex((e) => e.start > entry.start);
        list.splice(at === -1 ? list.length : at, 0, entry);
      };
      for (let step = 0; step < 6000; step++) {
        const start = base + rnd(pages);
        const last = start + rnd(longest);
        if (list.length === 0 || rnd(100) < grow) {
          if (list.length < 600) put({ start, last, name: ++age, node: tree.insert(start, last, age) });
        } else {
          const [entry] = list.splice(rnd(list.length), 1) as [Entry];
          const kind = rnd(4);
          if (kind === 0) {
            tree.update(entry.node, start, last);
            put({ ...entry, start, last });
          } else if (kind === 1) {
            const end = entry.start + rnd(longest);
            tree.update(entry.node, entry.start, end);
            put({ ...entry, last: end });
          } else {
            tree.remove(entry.node);
            if (kind === 2) {
              tree.reinsert(entry.node, start, last);
              put({ ...entry, start, last });
            }
          }
        }
        const from = base + rnd(pages);
        const to = from + rnd(longest);
        expect(walk(tree, from, to)).toEqual(list.filter((e) => e.start <= to && e.last >= from).map((e) => e.name));
        if (step % 20 === 0) expect(tree.validate()).toEqual([]);
      }
      expect(tree.size).toBe(list.length);
      expect(walk(tree, 0, 2 ** 53 - 1)).toEqual(list.map((e) => e.name));
    });
  }
});
