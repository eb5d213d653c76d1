/** The parts of the benchmarks that are not measurements. */
import { describe, expect, it } from 'vitest';
import { growthChart } from '../src/report/chart.ts';
import { LogWriter } from '../src/workloads/strace-log.ts';
import { compare, figure, type Contender } from '../src/measure/harness.ts';
import { IndexAlone } from '../src/workloads/index-alone.ts';
import { Random } from '../src/workloads/random.ts';
import type { Row } from '../src/measure/rows.ts';
import { benchSystem, Space } from '../src/workloads/space.ts';
import { BintreesPeer, SortedBTreePeer } from '../src/peers/trees.ts';
import { validateMm } from '@vmarea/mm-core';

describe('figure', () => {
  it('takes the middle, and leaves out what could not be measured', () => {
    expect(figure([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(figure([4, 1, NaN, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(figure([NaN]).median).toBeNaN();
  });
});

describe('compare', () => {
  it('runs every contender in every round and relates them within the round', async () => {
    const order: string[] = [];
    const contender = (name: string, ns: number): Contender => ({
      name,
      measure: () => {
        order.push(name);
        return ns;
      },
    });
    const result = await compare([contender('a', 10), contender('b', 40)], { rounds: 2, ms: 1, warmup: 1 });
    expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
    expect(result.ratio['b']).toEqual({ median: 0.25, min: 0.25, max: 0.25 });
  });
});

describe('the workloads', () => {
  it.each(['msm-4.4', 'linux-6.1'] as const)('leave a valid address space of %s', (profile) => {
    const space = new Space(benchSystem(profile), 100);
    space.find(500);
    space.pair(500);
    space.splitMerge(500);
    space.punchRefill(500);
    expect(space.mm.mapCount).toBe(100);
    space.churn(2000);
    expect(space.mm.mapCount).toBe(100);
    expect(validateMm(space.mm)).toEqual([]);
    space.end();
    expect(space.mm.totalVm).toBe(0);
  });

  it('run on the peers', () => {
    for (const peer of [new SortedBTreePeer(50), new BintreesPeer(50)]) {
      peer.find(200);
      peer.splitMerge(200);
      peer.punchRefill(200);
    }
    const index = new IndexAlone(50);
    index.pair(200);
    index.splitMerge(200);
    index.punchRefill(200);
    index.churn(200);
  });
});

describe('the generated log', () => {
  it('is the same for the same seed, one call per line', () => {
    const a = new LogWriter('linux-6.1', 7);
    const b = new LogWriter('linux-6.1', 7);
    for (let i = 0; i < 3000; i++) {
      const line = a.line();
      expect(line).toBe(b.line());
      expect(line).toMatch(/^4711 [a-z_0-9]+\(.*\) += (0x[0-9a-f]+|-?\d+( E[A-Z]+ \(.*\))?)$/);
    }
  });
});

describe('a chart', () => {
  it('draws every contender that has figures, but not the yardstick', () => {
    const f = (median: number) => ({ median, min: median, max: median });
    const row = (n: number): Row => ({
      id: 'find',
      title: 'find',
      per: 'call',
      n,
      ns: { vmarea: f(20 + n / 100), 'sorted-btree': f(60), 'host kernel': f(NaN), yardstick: f(100) },
      ratio: {},
    });
    const svg = growthChart('find', [row(10), row(1000)]);
    expect(svg.match(/<polyline/g)).toHaveLength(2);
    expect(svg).not.toContain('yardstick');
    expect(svg).not.toContain('NaN');
  });
});

describe('the random numbers', () => {
  it('stay below their bound', () => {
    const random = new Random(3);
    for (let i = 0; i < 1000; i++) expect(random.below(7)).toBeLessThan(7);
  });
});
