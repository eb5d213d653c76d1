/**
 * Warms every workload up, then lets V8 report deoptimisations and runs them all again: what it prints is the steady state's.
 */
import { setFlagsFromString } from 'node:v8';
import type { KernelProfile } from '@vmarea/uapi';
import { MemorySpace } from '../workloads/memory-space.ts';
import { benchSystem, Space } from '../workloads/space.ts';

const profile = process.argv[2] as KernelProfile['name'];
const sizes = [10, 1000, 10000];
const spaces = sizes.map((n) => new Space(benchSystem(profile), n));
// Churn leaves another address space behind than the others expect.
const churned = sizes.map((n) => new Space(benchSystem(profile), n));
const memory = new MemorySpace(profile);

function all(count: number): void {
  for (const space of spaces) {
    space.find(count);
    space.pair(count);
    space.splitMerge(count);
    space.punchRefill(count);
  }
  for (const space of churned) space.churn(count);
  memory.faults(count);
  memory.loadHit(count);
  memory.storeHit(count);
  memory.walk(count);
  memory.copyTo(count >> 4);
}

// What comes after their loops must have run once before V8 compiles the loops themselves.
all(16);
// Several times: the workloads come upon each other's shapes.
for (let round = 0; round < 100; round++) all(10_000);
setFlagsFromString('--trace-deopt');
for (let round = 0; round < 20; round++) all(10_000);
