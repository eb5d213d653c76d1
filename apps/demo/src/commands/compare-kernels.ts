/**
 * `vmarea replay LOG --kernel 6.1,6.12,6.18`: the same log under several kernels, with the first call that differs for each.
 */
import { basename } from 'node:path';
import type { ReplayReport } from '@vmarea/replay';
import type { KernelName } from '@vmarea/uapi';
import type { Io } from '../text/io.ts';
import { grouped } from '../text/numbers.ts';
import { wrap } from '../text/wrap.ts';

function count(number: number, what: string): string {
  return `${grouped(number)} ${what}${number === 1 ? '' : 's'}`;
}

/** The first thing in which a replay differs from its log. */
export interface FirstDifference {
  /** Infinity for the map at the end. */
  readonly line: number;
  /** What differs, as a sentence without the line. */
  readonly text: string;
}

/** Returns the first difference of a report; null when every judged answer and the map agree. */
export function firstDifference(report: ReplayReport): FirstDifference | null {
  const { difference, failures, signals, map } = report;
  const found: FirstDifference[] = [];
  if (difference !== null) {
    const { line, call, recorded, predicted } = difference;
    found.push({ line, text: `${call}: the log says ${recorded}, this kernel ${predicted}` });
  }
  for (const { kind, line, call } of failures)
    if (kind === 'unexplained') found.push({ line, text: `${call} failed in the log and succeeds here` });
  for (const { kind, line, sentence } of signals) if (kind === 'differs') found.push({ line, text: sentence });
  found.sort((a, b) => a.line - b.line);
  const lines = map?.comparison?.different ?? 0;
  return found[0] ?? (lines === 0 ? null : { line: Infinity, text: `the final map: ${count(lines, 'line')} differ` });
}

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
