/**
 * `vmarea replay LOG --kernel 6.1,6.12,6.18`: the same log under several kernels, with the first call that differs for each.
 */
import { basename } from 'node:path';
import { firstDifference, type FirstDifference, type ReplayReport } from '@vmarea/replay';
import type { KernelName } from '@vmarea/uapi';
import type { Io } from '../text/io.ts';
import { count } from '../text/numbers.ts';
import { wrap } from '../text/wrap.ts';

/** What the comparison needs. */
export interface KernelComparison {
  /** Replays a log under a kernel. */
  readonly run: (log: string, kernel: KernelName) => Promise<ReplayReport>;
  readonly json: boolean;
  readonly io: Io;
}

interface Row {
  readonly kernel: KernelName;
  readonly judged: number;
  readonly calls: number;
  readonly difference: FirstDifference | null;
}

function rowText({ kernel, judged, calls, difference }: Row, width: number, io: Io): string {
  const answers = `${judged} of ${count(calls, 'memory call')} judged`;
  const where = difference?.line === Infinity ? 'at the end' : `first at line ${difference?.line ?? 0}`;
  const what = difference === null ? `agrees, ${answers}` : `differs ${where}: ${difference.text}`;
  return wrap(`${kernel.padEnd(width)}  ${what}`, io.columns, '  ');
}

/** The kernels that explain the log, in a sentence. */
function verdict(rows: readonly Row[]): string {
  const agreeing = rows.filter(({ difference }) => difference === null).map(({ kernel }) => kernel);
  if (agreeing.length === 0) return 'None of them explains the log.';
  if (agreeing.length === 1) return `Only ${agreeing[0]!} explains the log.`;
  const names = `${agreeing.slice(0, -1).join(', ')} and ${agreeing.at(-1)!}`;
  return `${names} explain the log equally: nothing in it tells them apart.`;
}

/** Compares kernels. Returns the exit status: 0 when one of them explains each log. */
export async function compareKernels(
  logs: readonly string[],
  kernels: readonly KernelName[],
  { run, json, io }: KernelComparison,
): Promise<number> {
  let status = 0;
  const printed: { log: string; kernels: Row[] }[] = [];
  for (const log of logs) {
    const rows: Row[] = [];
    for (const kernel of kernels) {
      const report = await run(log, kernel);
      const { replayed, unjudged } = report.answers;
      rows.push({ kernel, judged: replayed - unjudged, calls: replayed, difference: firstDifference(report) });
    }
    printed.push({ log, kernels: rows });
    if (rows.every(({ difference }) => difference !== null)) status = 1;
    if (json) continue;
    const width = Math.max(...kernels.map((kernel) => kernel.length));
    const text = rows.map((row) => rowText(row, width, io)).join('');
    io.out(`${basename(log)}: ${verdict(rows)}\n${text}`);
  }
  if (json) io.out(`${JSON.stringify({ logs: printed }, null, 2)}\n`);
  return status;
}
