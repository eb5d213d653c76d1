/**
 * A fresh process: prints how long loading the engine, its first mmap, and its first 100 calls take, in microseconds.
 */
import type { KernelProfile } from '@vmarea/uapi';

const profile = process.argv[2] as KernelProfile['name'];
const begun = performance.now();
const { benchSystem, ANON, PAGE, RW } = await import('../workloads/space.ts');
const { createCaller, createMm, doMprotect, vmMmapPgoff, vmMunmap } = await import('@vmarea/mm-core');
const loaded = performance.now();
const mm = createMm(benchSystem(profile));
if (mm === null) throw new Error('no memory for an address space');
const cur = createCaller(mm);
const from = performance.now();
let first = 0;
for (let i = 0; i < 25; i++) {
  const at = vmMmapPgoff(cur, null, 0, 3 * PAGE, RW, ANON, 0);
  if (i === 0) first = performance.now() - from;
  doMprotect(cur, at + PAGE, PAGE, 0);
  doMprotect(cur, at + PAGE, PAGE, RW);
  if (vmMunmap(cur, at, 2 * PAGE) !== 0) throw new Error('munmap');
}
const all = performance.now() - from;
process.stdout.write(JSON.stringify([(loaded - begun) * 1000, first * 1000, all * 1000]));
