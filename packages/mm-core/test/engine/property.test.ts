/**
 * Sequences of random verbs, judged by a model with one entry per page. Every operation is followed by a comparison of
 * every page, area, counter and file, and by validateMm. At the end stands a table of what has been met: each merge case,
 * split and refusal must have been.
 */
import { expect, test } from 'vitest';
import { allReasons } from '../../src/reasons.ts';
import { CountingTracer } from '../../src/testing/index.ts';
import { runSeed } from './property.ts';

const SEQUENCES = process.env['VMAREA_FULL'] === '1' ? 10_000 : 6000;
const FIRST_SEED = 1;
/** Seeds are run in portions, so that a failing one is told by the name of its test. */
const PORTIONS = 10;

/** Reasons that this machine cannot have, and why. */
const UNREACHABLE: ReadonlyMap<string, string> = new Map([
  ['anon_vma.no_memory', 'allocations do not fail here: see faults.test.ts'],
  ['fork.no_memory', 'allocations do not fail here: see faults.test.ts'],
  ['kmem_cache.no_vma', 'allocations do not fail here: see faults.test.ts'],
  ['mremap.no_memory', 'no memory behind the engine: see regions.test.ts'],
  ['mlock.cannot_populate', 'no memory behind the engine'],
  ['mlock.out_of_memory', 'no memory behind the engine'],
  ['brk.clear_old_maps', 'brk looks at the next mapping first; vm_brk: see regions.test.ts'],
  ['insert_vm_struct.overlap', 'a special mapping is only put where nothing is: see regions.test.ts'],
  ['mmap_region.deny_write', 'only exec maps with VM_DENYWRITE: see regions.test.ts'],
  ['mmap_region.moved', 'no driver here moves its mapping: see regions.test.ts'],
  ['mmap_region.shared_memory', 'the shared memory does not fail here: see regions.test.ts'],
  ['vma_merge.policy', 'there is no mbind'],
  ['vma_merge.userfault', 'there is no userfaultfd call: see merge.test.ts'],
  ['vma_merge.not_adjacent', 'asked by reports only (whyNotMerged): see merge.test.ts'],
  ['security_file_mprotect.refused', 'no security module refuses here: see regions.test.ts'],
  ['security_mmap_file.refused', 'no security module refuses here: see regions.test.ts'],
  ['munmap.sealed', 'the model has no mseal: see decision-cases.ts'],
  ['mseal.flags', 'the model has no mseal: see decision-cases.ts'],
  ['mseal.unaligned', 'the model has no mseal: see decision-cases.ts'],
  ['mseal.wraps', 'the model has no mseal: see decision-cases.ts'],
  ['mseal.hole', 'the model has no mseal: see decision-cases.ts'],
  ['mprotect.sealed', 'the model has no mseal: see decision-cases.ts'],
  ['mremap.sealed', 'the model has no mseal: see decision-cases.ts'],
  ['madvise.sealed', 'the model has no mseal: see decision-cases.ts'],
  ['mmap_region.tags', 'the model has no PROT_MTE: see decision-cases.ts and packages/kernel/test/tags.test.ts'],
  ['mprotect.tags', 'the model has no PROT_MTE: see decision-cases.ts and packages/kernel/test/tags.test.ts'],
  ['mmap_region.mdwe', 'the model has no PR_SET_MDWE: see decision-cases.ts'],
  ['mprotect.mdwe', 'the model has no PR_SET_MDWE: see decision-cases.ts'],
  ['prctl_set_mdwe.bits', 'the model has no PR_SET_MDWE: see decision-cases.ts'],
  ['prctl_set_mdwe.is_set', 'the model has no PR_SET_MDWE: see decision-cases.ts'],
  ['do_mmap.droppable', 'the model has no MAP_DROPPABLE: see decision-cases.ts'],
  ['mmap_region.no_shared_memory', 'the harness has a driver for shared memory: see decision-cases.ts'],
  ['brk.no_heap', 'the harness places a heap: see decision-cases.ts'],
  ['mincore.vec_short', 'the harness gives a whole vector'],
  ['madvise.droppable', 'the model has no MAP_DROPPABLE: see decision-cases.ts'],
]);

/** Reasons of the memory behind the engine. */
const OF_MEMORY = /^(fault|copy|gup|userfaultfd|uffdio_[a-z]+)\./;

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
  for (const { id, number } of allReasons()) {
    if (OF_MEMORY.test(id) || UNREACHABLE.has(id)) continue;
    rows.push([id, tracer.decisions.get(number) ?? 0]);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, n]) => `${name.padEnd(width)} ${String(n).padStart(8)}`);
  for (const [name, why] of UNREACHABLE) lines.push(`${name.padEnd(width)}  unmet: ${why}`);
  const verbs = [...tally].sort().map(([name, n]) => `${name} ${n}`);
  const ops = [...tally.values()].reduce((sum, n) => sum + n, 0);
  console.log(`${SEQUENCES} sequences, ${ops} operations\n${verbs.join(', ')}\n\n${lines.join('\n')}`);
  expect(rows.filter(([, n]) => n === 0).map(([name]) => name)).toEqual([]);
});
