/**
 * One side of a comparison with another commit: runs the workloads of a checkout's own build on request.
 *
 *     node --expose-gc child.js CHECKOUT KERNEL
 *
 * Reads one request per line, answers each with one line. The workloads are those of the checkout (`bench/dist`), so that a
 * change of the engine's interface has no effect; its classes must have the same names as here.
 */
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { showMaps as ShowMaps } from '@vmarea/kernel';
import type { createMemory as CreateMemory } from '@vmarea/mm-core/memory';
import type { KernelProfile } from '@vmarea/uapi';
import type { Answer, Request } from './compare.ts';
import { cpuTime } from '../measure/harness.ts';
import type { forkTime as ForkTime, MemorySpace as MemorySpaceClass } from '../workloads/memory-space.ts';
import type { benchSystem as BenchSystem, Space as SpaceClass } from '../workloads/space.ts';

const checkout = process.argv[2]!;
const profile = process.argv[3] as KernelProfile['name'];

async function load(file: string): Promise<unknown> {
  return import(pathToFileURL(join(checkout, file)).href);
}

/** Loads a file of workloads; checkouts before the rooms of bench have it in `bench/dist` itself. */
async function loadWorkload(file: string): Promise<unknown> {
  const inRoom = `bench/dist/workloads/${file}`;
  return load(existsSync(join(checkout, inRoom)) ? inRoom : `bench/dist/${file}`);
}

const { benchSystem, Space } = (await loadWorkload('space.js')) as {
  benchSystem: typeof BenchSystem;
  Space: typeof SpaceClass;
};
const { MemorySpace, forkTime } = (await loadWorkload('memory-space.js')) as {
  MemorySpace: typeof MemorySpaceClass;
  forkTime: typeof ForkTime;
};
const { createMemory } = (await load('packages/mm-core/dist/memory/index.js')) as { createMemory: typeof CreateMemory };
const { showMaps } = (await load('packages/kernel/dist/index.js')) as { showMaps: typeof ShowMaps };

/** A workload for a count of operations; its sum must be equal on both sides. */
interface Work {
  run(count: number): void;
  sum(): number;
}

const made = new Map<string, Work>();

function makeSpace(n: number, memory: boolean): SpaceClass {
  const system = benchSystem(profile);
  if (memory) createMemory(system, { bytes: 64 * 1024 * 1024 });
  return new Space(system, n);
}

/** Returns a sum over the text of /proc/PID/maps, which depends on every address and protection. */
function spaceSum(space: SpaceClass): number {
  let sum = 0;
  for (const byte of showMaps(space.mm).view()) sum = (sum * 31 + byte) | 0;
  return sum;
}

function engineWork(id: string, n: number, memory: boolean): Work {
  const space = makeSpace(n, memory);
  const run = (count: number): void => {
    if (id === 'find') space.find(count);
    else if (id === 'pair') space.pair(count);
    else if (id === 'split_merge') space.splitMerge(count);
    else if (id === 'punch_refill') space.punchRefill(count);
    else if (id === 'churn') space.churn(count);
    else if (id === 'maps') for (let i = 0; i < count; i += n) showMaps(space.mm);
    else if (id === 'fork') for (let i = 0; i < count; i++) forkMilliseconds += forkTime(space.cur, 0);
    else throw new Error(`no such row: ${id}`);
  };
  return { run, sum: () => spaceSum(space) };
}

let forkMilliseconds = 0;
let shared: MemorySpaceClass | null = null;

/** The rows that measure themselves: returns nanoseconds over about `ms`. */
function timed(id: string, ms: number, count: number): number | null {
  shared ??= new MemorySpace(profile);
  if (count === 0) return 0;
  switch (id) {
    case 'anon_fault':
      return shared.anonFault(ms);
    case 'populate':
      return shared.populate(ms);
    case 'cow_fault':
      return shared.cowFault(ms);
    case 'fork_touched':
      return shared.forkTouched(16 * 1024, ms);
    default:
      return null;
  }
}

function memoryWork(id: string): Work | null {
  shared ??= new MemorySpace(profile);
  const space = shared;
  const by: Record<string, (count: number) => void> = {
    tlb_load: (count) => space.loadHit(count),
    tlb_store: (count) => space.storeHit(count),
    walk: (count) => space.walk(count),
    copy_to_user: (count) => space.copyTo(count),
    copy_from_user: (count) => space.copyFrom(count),
  };
  const run = by[id];
  return run === undefined ? null : { run, sum: () => space.sum };
}

function answer(request: Request): Answer {
  const { id, n, memory, count, ms } = request;
  if (n === null) {
    const ns = timed(id, ms, count);
    if (ns !== null) return { ns, milliseconds: ms, sum: 0 };
  }
  const key = `${id} ${n} ${memory}`;
  let work = made.get(key);
  if (work === undefined) {
    made.clear();
    work = n === null ? (memoryWork(id) ?? fail(id)) : engineWork(id, n, memory);
    made.set(key, work);
  }
  if (count === 0) return { ns: 0, milliseconds: 0, sum: work.sum() };
  forkMilliseconds = 0;
  const from = cpuTime();
  work.run(count);
  const took = id === 'fork' ? forkMilliseconds : cpuTime() - from;
  return { ns: (took * 1e6) / count, milliseconds: took, sum: 0 };
}

function fail(id: string): never {
  throw new Error(`no such row: ${id}`);
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line) as Request))}\n`);
