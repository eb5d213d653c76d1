/**
 * What is to be reached, row by row, and whether a run reaches it.
 *
 * Goals named after Linux's own code compiled for user space («native») and gVisor rest on figures measured elsewhere, on
 * one machine; here they are scaled by a yardstick that runs beside every row and ran there: sorted-btree's find.
 */
import { OURS, type Row, YARDSTICK } from './rows.ts';
import { figure } from './harness.ts';
import { HOST } from './host.ts';
import type { LatencyReport } from './latency.ts';
import type { ReplayFigures } from './replay-row.ts';
import type { SteadyReport } from './steady.ts';

/** A goal and what came of it. */
export interface Verdict {
  readonly goal: string;
  /** The figure that counts. */
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  /** Null: cannot be judged here. */
  readonly met: boolean | null;
}

interface Reference {
  readonly native: readonly number[];
  readonly gvisor: readonly number[];
}

/** Nanoseconds at 10, 1k, 10k and 60k VMAs: gcc 12 -O2, Go; 2 shared cores of x86-64. */
const SIZES = [10, 1000, 10000, 60000];
const REFERENCE: Readonly<Record<string, Reference>> = {
  find: { native: [17, 38, 49, 113], gvisor: [26, 66, 101, 228] },
  split_merge: { native: [384, 468, 595, 716], gvisor: [416, 699, 1318, 1425] },
  punch_refill: { native: [217, 456, 592, 915], gvisor: [163, 565, 796, 972] },
  churn: { native: [325, 648, 787, 1296], gvisor: [171, 770, 839, 1086] },
};
/** The yardstick on the machine of those figures: sorted-btree's find among 1,000. */
const REFERENCE_YARDSTICK = 140;

function judge(goal: string, value: number, limit: number, unit: string): Verdict {
  return { goal, value, limit, unit, met: Number.isNaN(value) || Number.isNaN(limit) ? null : value <= limit };
}

class Judge {
  readonly verdicts: Verdict[] = [];
  private readonly rows: readonly Row[];

  constructor(rows: readonly Row[]) {
    this.rows = rows;
  }

  row(id: string, n: number | null): Row | undefined {
    return this.rows.find((r) => r.id === id && r.n === n);
  }

  ns(id: string, n: number | null, who: string): number {
    return this.row(id, n)?.ns[who]?.median ?? NaN;
  }

  ratio(id: string, n: number | null, who: string): number {
    return this.row(id, n)?.ratio[who]?.median ?? NaN;
  }

  add(goal: string, value: number, limit: number, unit: string): void {
    this.verdicts.push(judge(goal, value, limit, unit));
  }
}

function engine(j: Judge): void {
  j.add('pair at 1k: against the host’s system calls', j.ratio('pair', 1000, HOST), 1 / 8, '×');
  const pair = j.ratio('pair', 1000, YARDSTICK) * REFERENCE_YARDSTICK;
  j.add('pair at 1k: against native (estimate)', pair / REFERENCE['punch_refill']!.native[1]!, 1, '×');
  const limits: [string, (n: number) => number][] = [
    ['find', (n) => (n < 60000 ? 1.5 : 2)],
    ['split_merge', (n) => (n < 60000 ? 1 : 1.2)],
    ['punch_refill', () => 0.8],
    ['churn', () => 0.8],
  ];
  for (const [id, limit] of limits) {
    SIZES.forEach((n, i) => {
      const reference = REFERENCE[id]!;
      const own = j.ratio(id, n, YARDSTICK) * REFERENCE_YARDSTICK;
      j.add(`${id} at ${n}: against native (estimate)`, own / reference.native[i]!, limit(n), '×');
      if (id === 'punch_refill' || id === 'churn') {
        j.add(`${id} at ${n}: against gVisor (estimate)`, own / reference.gvisor[i]!, 1, '×');
      }
      if (id === 'find') j.add(`find at ${n}: against sorted-btree`, j.ratio('find', n, 'sorted-btree'), 0.5, '×');
    });
  }
  for (const id of ['find', 'pair', 'split_merge', 'punch_refill', 'churn']) {
    const growth = j.ratio(id, 60000, YARDSTICK) / j.ratio(id, 1000, YARDSTICK);
    j.add(`${id}: growth from 1k to 60k VMAs`, growth, 4, '×');
  }
}

function memory(j: Judge): void {
  j.add('anonymous fault: against the host’s first touch', j.ratio('anon_fault', null, HOST), 1 / 6, '×');
  const over = j.ns('anon_fault', null, OURS) - j.ns('anon_fault', null, 'zeroing 4 KiB');
  j.add('anonymous fault: beyond zeroing', over, 80, 'ns');
  j.add('TLB load: against a raw typed array', j.ratio('tlb_load', null, 'raw typed array'), 3, '×');
  j.add('TLB store: against a raw typed array', j.ratio('tlb_store', null, 'raw typed array'), 3, '×');
  j.add('walk and refill', j.ns('walk', null, OURS), 60, 'ns');
  j.add('fork of 10k VMAs: against the host', j.ratio('fork', 10000, HOST), 1 / 20, '×');
  j.add('fork per touched page', j.ns('fork_touched', null, OURS), 10, 'ns');
  j.add('copy to user: against C memcpy', j.ratio('copy_to_user', null, 'C memcpy'), 1.3, '×');
  j.add('copy from user: against C memcpy', j.ratio('copy_from_user', null, 'C memcpy'), 1.3, '×');
  j.add('maps per line: against the host', j.ratio('maps', 10000, HOST), 0.3, '×');
}

/** Judges a run. */
export function verdicts(
  rows: readonly Row[],
  latency: LatencyReport,
  steady: SteadyReport,
  replay: ReplayFigures,
): readonly Verdict[] {
  const j = new Judge(rows);
  engine(j);
  j.add('churn at 60k: p99.9', latency.vmarea.p999, 5000, 'ns');
  memory(j);
  j.add('bytes per anonymous VMA', steady.bytesPerVma, 200, 'B');
  j.add('bytes per 4 KiB frame', steady.bytesPerFrame, 24, 'B');
  for (const heap of steady.heap) {
    j.add(`${heap.id}: heap growth per operation`, heap.retained / heap.operations, 1, 'B');
  }
  j.add('deoptimisations after the warm-up', steady.deoptimisations, 0, '');
  j.add(
    'replay: microseconds per line',
    replay.complete ? 1e6 / replay.linesPerSecond.median : NaN,
    1e6 / 300_000,
    'µs',
  );
  j.add('replay: heap growth over the log', (replay.heapLate - replay.heapEarly) / 2 ** 20, 1, 'MiB');
  return j.verdicts;
}

/** How slow this machine is, relative to the one of the native figures. */
export function machineFactor(rows: readonly Row[]): number {
  return figure(rows.map((row) => row.ns[YARDSTICK]?.median ?? NaN)).median / REFERENCE_YARDSTICK;
}

/** Native figures scaled to what this machine was when the row was measured, for charts. */
export function scaledNative(rows: readonly Row[], id: string): readonly (readonly [number, number])[] {
  const reference = REFERENCE[id];
  if (reference === undefined) return [];
  return rows
    .filter((row) => row.id === id && SIZES.includes(row.n ?? 0))
    .map((row) => [
      row.n!,
      (reference.native[SIZES.indexOf(row.n!)]! * row.ns[YARDSTICK]!.median) / REFERENCE_YARDSTICK,
    ]);
}
