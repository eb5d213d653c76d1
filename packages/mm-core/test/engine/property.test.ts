/**
 * Sequences of random verbs, judged by a model with one entry per page. Every operation is followed by a comparison of
 * every page, area, counter and file, and by validateMm. At the end stands a table of what has been met: each merge case,
 * split and refusal must have been.
 */
import { expect, test } from 'vitest';
import { Decision } from '../../src/index.ts';
import { CountingTracer } from '../../src/testing/index.ts';
import { runSeed } from './property.ts';

const SEQUENCES = 10_000;
const FIRST_SEED = 1;
/** Seeds are run in portions, so that a failing one is told by the name of its test. */
const PORTIONS = 10;

/** Decisions that this machine cannot take, and why. */
const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ['anonVmaNoMemory', 'allocations do not fail here: see faults.test.ts'],
  ['forkNoMemory', 'allocations do not fail here: see faults.test.ts'],
  ['vmaNoMemory', 'allocations do not fail here: see faults.test.ts'],
  ['mremapNoMemory', 'no memory behind the engine: see regions.test.ts'],
  ['mlockCannotPopulate', 'no memory behind the engine'],
  ['mlockOutOfMemory', 'no memory behind the engine'],
  ['brkClearOldMaps', 'brk looks at the next mapping first; vm_brk: see regions.test.ts'],
  ['insertOverlap', 'a special mapping is only put where nothing is: see regions.test.ts'],
  ['mmapRegionDenyWrite', 'only exec maps with VM_DENYWRITE: see regions.test.ts'],
  ['mmapRegionMoved', 'no driver here moves its mapping: see regions.test.ts'],
  ['mmapRegionSharedMemory', 'the shared memory does not fail here: see regions.test.ts'],
  ['mergePolicy', 'there is no mbind'],
  ['mergeUserfault', 'there is no userfaultfd call: see merge.test.ts'],
  ['mergeNotAdjacent', 'asked by reports only (whyNotMerged): see merge.test.ts'],
  ['mremapPgoffWraps', 'no page offset below 2^52 can wrap with a length below 2^64'],
  ['securityFileMprotect', 'no security module refuses here: see regions.test.ts'],
  ['securityMmapFile', 'no security module refuses here: see regions.test.ts'],
]);

/** Decisions of the memory behind the engine. */
const OF_MEMORY = /^(fault|copyOf|gup|accessRemote|populate|uaccess)/;

const tracer = new CountingTracer();
const tally = new Map<string, number>();

for (let portion = 0; portion < PORTIONS; portion++) {
  const first = FIRST_SEED + (portion * SEQUENCES) / PORTIONS;
  const last = first + SEQUENCES / PORTIONS - 1;
  test(`the model agrees in sequences ${first} to ${last}`, () => {
    for (let seed = first; seed <= last; seed++) {
      const failure = runSeed(seed, tracer, tally);
      if (failure !== null) expect.fail(failure);
    }
  });
}

test('every merge case, split and refusal was met', () => {
  const rows: [string, number][] = [];
  for (let i = 1; i <= 8; i++) rows.push([`merge case ${i}`, tracer.merges[i]!]);
  rows.push(['split, new part below', tracer.splitsBelow], ['split, new part above', tracer.splitsAbove]);
  for (const event of ['insert', 'remove', 'expand', 'grow', 'flags', 'copy'] as const) {
    rows.push([event, tracer.events.get(event) ?? 0]);
  }
  for (const [name, id] of Object.entries(Decision)) {
    if (OF_MEMORY.test(name) || UNREACHABLE.has(name)) continue;
    rows.push([name, tracer.decisions.get(id) ?? 0]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, n]) => `${name.padEnd(width)} ${String(n).padStart(8)}`);
  for (const [name, why] of UNREACHABLE) lines.push(`${name.padEnd(width)}  unmet: ${why}`);
  const verbs = [...tally].sort().map(([name, n]) => `${name} ${n}`);
  const ops = [...tally.values()].reduce((sum, n) => sum + n, 0);
  console.log(`${SEQUENCES} sequences, ${ops} operations\n${verbs.join(', ')}\n\n${lines.join('\n')}`);
  expect(rows.filter(([, n]) => n === 0).map(([name]) => name)).toEqual([]);
});
