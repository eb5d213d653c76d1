/** Scripts for the host's kernel: that they are whole and repeatable, and that a failing one is cut down to what is needed. */
import { describe, expect, it } from 'vitest';
import { generate } from '../src/host/generate.ts';
import { ARGUMENTS, isWhole, lineText, type Script } from '../src/host/script.ts';
import { shrink } from '../src/host/shrink.ts';
import type { Outcome } from '../src/runner.ts';

describe('generated scripts', () => {
  it('are the same for the same seed, whole, and of operations that the executor knows', () => {
    const used = new Set<string>();
    for (let seed = 1; seed <= 300; seed++) {
      const { lines } = generate(seed);
      expect(generate(seed).lines).toEqual(lines);
      expect(isWhole(lines)).toBe(true);
      for (const { op, args } of lines) {
        used.add(op);
        expect(args.length).toBe(ARGUMENTS[op]!.length);
      }
    }
    expect([...used].sort()).toEqual(Object.keys(ARGUMENTS).sort());
  });

  it('never ask for what others would notice', () => {
    for (let seed = 1; seed <= 300; seed++) {
      for (const { op, args } of generate(seed).lines) {
        // MADV_HWPOISON takes a page from the machine.
        if (op === 'madvise') expect([100, 101]).not.toContain(args[2]);
      }
    }
  });

  it('are written as the executor reads them', () => {
    const args = [{ line: 3, plus: 4096 }, 8192, -1, 2n ** 64n - 1n, { line: 4, plus: -1 }, 0];
    expect(lineText({ n: 5, op: 'mmap', args })).toBe('5 mmap $3+0x1000 0x2000 -1 0xffffffffffffffff $4-0x1 0x0');
  });
});

describe('a script that fails', () => {
  const failure = (script: Script, fails: boolean): Outcome => ({
    name: script.name,
    failures: fails
      ? [
          {
            kind: 'results',
            field: 'ret',
            expected: '0',
            actual: '-EINVAL',
            op: { n: Math.max(...script.lines.map(({ n }) => n)), pid: 0, op: 'mlock' },
            ourMaps: [],
            theirMaps: null,
            reason: null,
          },
        ]
      : [],
    error: null,
    ops: script.lines.length,
  });

  it('is cut down to the lines that are needed, with those that they refer to', () => {
    const { lines } = generate(7);
    const last = lines.findLast(({ op, args }) => op !== 'maps' && args.some((a) => typeof a === 'object'))!;
    const needed = last.args.flatMap((a) => (typeof a === 'object' ? [a.line] : []));
    const judge = (scripts: readonly Script[]): Outcome[] =>
      scripts.map((script) =>
        failure(
          script,
          script.lines.some(({ n }) => n === last.n),
        ),
      );
    const small = shrink({ name: 'x', lines }, failure({ name: 'x', lines }, true), judge);
    const kept = small.script.lines.map(({ n }) => n);
    expect(kept).toContain(last.n);
    for (const n of needed) expect(kept).toContain(n);
    // Nothing else but what those refer to, and the two ends of a child.
    expect(small.script.lines.filter(({ op }) => op !== 'fork' && op !== 'end').length).toBeLessThan(5);
  });
});
