/**
 * A steady load: the heap after a million operations, the garbage meanwhile, deoptimisations after the warm-up, bytes per VMA,
 * and the first calls of a fresh process. Needs `--expose-gc`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { KernelProfile } from '@vmarea/uapi';
import { figure, type Figure } from './harness.ts';
import { MemorySpace } from '../workloads/memory-space.ts';
import { bytesPerFrame } from './rows.ts';
import { benchSystem, Space } from '../workloads/space.ts';

/** One workload's heap. */
export interface HeapRow {
  readonly id: string;
  readonly operations: number;
  /** Additional bytes of heap after all of them, measured after a collection at both ends. */
  readonly retained: number;
  /** Short-lived bytes per operation, which the young generation collects. */
  readonly garbagePerOperation: number;
}

/** The results of a steady load. */
export interface SteadyReport {
  readonly heap: readonly HeapRow[];
  /** Deoptimisations of optimised code after the warm-up, in a process of their own. */
  readonly deoptimisations: number;
  readonly deoptimised: readonly string[];
  readonly bytesPerVma: number;
  readonly bytesPerVmaChurned: number;
  readonly bytesPerFrame: number;
  readonly cold: ColdReport;
}

/** A fresh process. */
export interface ColdReport {
  /** Microseconds of the first mmap, of the first 100, and of loading the package. */
  readonly firstCall: Figure;
  readonly first100: Figure;
  readonly load: Figure;
}

function collect(): void {
  if (gc === undefined) throw new Error('run with node --expose-gc');
  gc();
  gc();
}

function heapUsed(): number {
  return process.memoryUsage().heapUsed;
}

function heapRow(id: string, operations: number, body: (count: number) => void): HeapRow {
  body(100_000);
  const garbage: number[] = [];
  for (let i = 0; i < 9; i++) {
    collect();
    const before = heapUsed();
    body(5000);
    garbage.push((heapUsed() - before) / 5000);
  }
  collect();
  const before = heapUsed();
  body(operations);
  collect();
  return { id, operations, retained: heapUsed() - before, garbagePerOperation: Math.max(0, figure(garbage).median) };
}

/** Returns the bytes of heap and of array buffers per VMA. */
function bytesPerVma(profile: KernelProfile['name'], churned: boolean): number {
  const n = 60_000;
  new Space(benchSystem(profile), 1000).end();
  const system = benchSystem(profile);
  collect();
  const before = process.memoryUsage();
  const space = new Space(system, n);
  if (churned) space.churn(5 * n);
  collect();
  const after = process.memoryUsage();
  // Subtracts the workload's own data: 12 bytes per mapping.
  const bytes = after.heapUsed - before.heapUsed + (after.arrayBuffers - before.arrayBuffers) - 12 * n;
  const each = bytes / space.mm.mapCount;
  space.end();
  return each;
}

function child(name: string, args: readonly string[]): string {
  const run = spawnSync(process.execPath, [fileURLToPath(new URL(name, import.meta.url)), ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(`${name}: ${run.stderr}`);
  return run.stdout;
}

/** Measures everything. */
export function steadyReport(profile: KernelProfile['name'], operations: number): SteadyReport {
  const space = new Space(benchSystem(profile), 1000);
  const memory = new MemorySpace(profile);
  const heap = [
    heapRow('find', operations, (count) => space.find(count)),
    heapRow('mmap + munmap pair', operations, (count) => space.pair(count)),
    heapRow('split_merge', operations, (count) => space.splitMerge(count)),
    heapRow('punch_refill', operations, (count) => space.punchRefill(count)),
    heapRow('churn', operations, (count) => space.churn(count)),
    heapRow('anonymous fault', operations, (count) => memory.faults(count)),
    heapRow('TLB hit', operations, (count) => memory.loadHit(count)),
  ];
  memory.end();
  const trace = child('deopt-child.js', [profile]);
  const deoptimised = trace.split('\n').filter((line) => line.includes('bailout ('));
  const runs = [0, 1, 2, 3, 4].map(() => JSON.parse(child('cold-child.js', [profile])) as number[]);
  return {
    heap,
    deoptimisations: deoptimised.length,
    deoptimised,
    bytesPerVma: bytesPerVma(profile, false),
    bytesPerVmaChurned: bytesPerVma(profile, true),
    bytesPerFrame: bytesPerFrame(profile),
    cold: {
      load: figure(runs.map((r) => r[0]!)),
      firstCall: figure(runs.map((r) => r[1]!)),
      first100: figure(runs.map((r) => r[2]!)),
    },
  };
}
