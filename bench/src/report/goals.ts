/**
 * The goals, row by row, and whether a run reaches them.
 *
 * Linux's own VMA code and gVisor's are not available here. docs/performance.md (docs.ts) quotes a comparison with them, which no
 * run judges.
 */
import { OURS, type Row, YARDSTICK } from '../measure/rows.ts';
import { HOST } from '../peers/host.ts';
import type { LatencyReport } from '../measure/latency.ts';
import type { ProcessRow } from '../measure/processes.ts';
import type { ReplayFigures } from '../measure/replay.ts';
import type { SteadyReport } from '../measure/steady.ts';

/** A goal and its result. */
export interface Verdict {
  readonly goal: string;
  /** The figure that counts. */
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  /** Null: cannot be judged here. */
  readonly met: boolean | null;
}

const SIZES = [10, 1000, 10000, 60000];

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
  for (const n of SIZES) j.add(`find at ${n}: against sorted-btree`, j.ratio('find', n, 'sorted-btree'), 0.5, '×');
  for (const id of ['find', 'pair', 'split_merge', 'punch_refill', 'churn']) {
    const growth = j.ratio(id, 60000, YARDSTICK) / j.ratio(id, 1000, YARDSTICK);
    j.add(`${id}: growth from 1k to 60k VMAs`, growth, 4, '×');
  }
}

function memory(j: Judge): void {
  j.add('anonymous fault: against the host’s first touch', j.ratio('anon_fault', null, HOST), 1 / 6, '×');
  const over = j.ns('anon_fault', null, OURS) - j.ns('anon_fault', null, 'zeroing 4 KiB');
  j.add('anonymous fault: beyond zeroing', over, 120, 'ns');
  j.add('TLB load: against a raw typed array', j.ratio('tlb_load', null, 'raw typed array'), 2, '×');
  j.add('TLB store: against a raw typed array', j.ratio('tlb_store', null, 'raw typed array'), 3, '×');
  j.add('walk and refill', j.ns('walk', null, OURS), 45, 'ns');
  j.add('fork of 10k VMAs: against the host', j.ratio('fork', 10000, HOST), 1 / 20, '×');
  j.add('fork per touched page: against the host', j.ratio('fork_touched', null, HOST), 0.2, '×');
  j.add('copy to user: against C memcpy', j.ratio('copy_to_user', null, 'C memcpy'), 1.1, '×');
  j.add('copy from user: against C memcpy', j.ratio('copy_from_user', null, 'C memcpy'), 1.1, '×');
  j.add('maps per line', j.ns('maps', 10000, OURS), 60, 'ns');
  j.add('maps per line: against the host', j.ratio('maps', 10000, HOST), 0.3, '×');
}

/** Judges a run. */
export function verdicts(
  rows: readonly Row[],
  latency: LatencyReport,
  steady: SteadyReport,
  replay: ReplayFigures,
  processes: readonly ProcessRow[],
): readonly Verdict[] {
  const j = new Judge(rows);
  engine(j);
  j.add('churn at 60k: p99.9', latency.vmarea.p999, 6000, 'ns');
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
    1e6 / 600_000,
    'µs',
  );
  j.add('replay: heap growth over the log', (replay.heapLate - replay.heapEarly) / 2 ** 20, 1, 'MiB');
  const cpu = (id: string): number => processes.find((row) => row.id === id)?.cpu.median ?? NaN;
  j.add('vmarea --help: processor time', cpu('help'), 0.15, 's');
  j.add('vmarea explain: processor time', cpu('explain'), 0.4, 's');
  j.add('vmarea replay of 500 lines: processor time', cpu('replay'), 0.3, 's');
  j.add('import of @vmarea/mm-core: above bare Node', (cpu('import') - cpu('bare')) * 1000, 30, 'ms');
  return j.verdicts;
}
