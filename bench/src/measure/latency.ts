/**
 * The distribution of the time of single operations, of which the other rows have only means. Each figure contains one clock
 * reading, whose time is `clock`.
 */
import type { KernelProfile } from '@vmarea/uapi';
import type { Host } from '../peers/host.ts';
import { benchSystem, Space } from '../workloads/space.ts';

/** Nanoseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

/** What came of it. */
export interface LatencyReport {
  readonly vmas: number;
  readonly operations: number;
  readonly vmarea: Latency;
  /** Null without a host peer. */
  readonly host: Latency | null;
  /** One reading of the clock. */
  readonly clock: number;
}

/** Churn of one address space, pair by pair. */
export async function churnLatency(
  profile: KernelProfile['name'],
  vmas: number,
  operations: number,
  host: Host,
): Promise<LatencyReport> {
  const space = new Space(benchSystem(profile), vmas);
  space.churn(Math.max(100_000, vmas));
  const took = new Float64Array(operations);
  let last = performance.now();
  for (let i = 0; i < operations; i++) {
    space.churnOne();
    const now = performance.now();
    took[i] = (now - last) * 1e6;
    last = now;
  }
  space.end();
  let sum = 0;
  for (const ns of took) sum += ns;
  took.sort();
  const from = performance.now();
  for (let i = 0; i < 100_000; i++) last = performance.now();
  const clock = ((last - from) * 1e6) / 100_000;
  const answer = await host.ask('churn_latency', vmas, operations / 100);
  return {
    vmas,
    operations,
    vmarea: {
      p50: took[operations >> 1]!,
      p99: took[Math.floor(operations * 0.99)]!,
      p999: took[Math.floor(operations * 0.999)]!,
      max: took[operations - 1]!,
      mean: sum / operations,
    },
    host:
      answer.length === 5
        ? { p50: answer[0]!, p99: answer[1]!, p999: answer[2]!, max: answer[3]!, mean: answer[4]! }
        : null,
    clock,
  };
}
