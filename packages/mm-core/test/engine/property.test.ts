import { expect, test } from 'vitest';
import { CountingTracer } from '../../src/testing/index.ts';
import { runSeed } from './property.ts';

test('dev', () => {
  const tracer = new CountingTracer();
  const tally = new Map<string, number>();
  const from = Number(process.env['FROM'] ?? 1);
  const n = Number(process.env['N'] ?? 1000);
  const fails: string[] = [];
  const t0 = Date.now();
  for (let seed = from; seed < from + n && fails.length < 4; seed++) {
    const f = runSeed(seed, tracer, tally);
    if (f !== null) fails.push(f);
  }
  console.log(Date.now() - t0, 'ms', tracer.merges);
  console.log(
    [...tally]
      .sort()
      .map(([a, b]) => `${a}=${b}`)
      .join(' '),
  );
  if (fails.length) console.log(fails.join('\n\n'));
  expect(fails.length).toBe(0);
}, 600_000);
