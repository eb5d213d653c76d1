/** Formats the report of a run as text, and defines the object of `--json`. */
import { arch, cpus, release, totalmem, type } from 'node:os';
import type { Figure } from '../measure/harness.ts';
import type { Verdict } from './goals.ts';
import type { Latency, LatencyReport } from '../measure/latency.ts';
import type { ProcessRow } from '../measure/processes.ts';
import type { ReplayFigures } from '../measure/replay.ts';
import type { Row } from '../measure/rows.ts';
import type { SteadyReport } from '../measure/steady.ts';

/** The machine of the measurement. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly compiler: string;
}

/** The whole report. */
export interface Report {
  readonly date: string;
  readonly profile: string;
  readonly form: 'quick' | 'short' | 'full';
  readonly machine: Machine;
  /** Why there is no host peer; empty when there is one. */
  readonly hostMissing: string;
  readonly rows: readonly Row[];
  readonly latency: LatencyReport;
  readonly steady: SteadyReport;
  readonly replay: ReplayFigures;
  /** Whole processes, in seconds of processor time. */
  readonly processes: readonly ProcessRow[];
  readonly verdicts: readonly Verdict[];
}

/** This machine. */
export function machine(compiler: string): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    compiler,
  };
}

/** Formats a number with three significant digits. */
export function short(x: number): string {
  if (Number.isNaN(x)) return '—';
  if (Math.abs(x) >= 100) return Math.round(x).toLocaleString('en');
  return Math.abs(x) >= 10 ? x.toFixed(1) : x.toFixed(2);
}

function spread(f: Figure): string {
  return Number.isNaN(f.median) ? '—' : `${short(f.median)} (${short(f.min)}–${short(f.max)})`;
}

function rowText(row: Row): string {
  const head = `${row.id}${row.n === null ? '' : ` @ ${row.n}`}: ${row.title}, ns per ${row.per}`;
  const lines = Object.entries(row.ns).map(([name, ns]) => {
    const ratio = row.ratio[name];
    const times = ratio === undefined ? '' : `   vmarea takes ${spread(ratio)} ×`;
    return `    ${name.padEnd(18)} ${spread(ns).padEnd(28)}${times}`;
  });
  return [head, ...lines].join('\n');
}

function latencyLine(name: string, l: Latency): string {
  return `    ${name.padEnd(18)} p50 ${short(l.p50)}  p99 ${short(l.p99)}  p99.9 ${short(l.p999)}  max ${short(l.max)}  mean ${short(l.mean)}`;
}

function steadyText(steady: SteadyReport): string {
  const lines = ['steady state'];
  for (const heap of steady.heap) {
    const per = short(heap.garbagePerOperation);
    lines.push(
      `    ${heap.id.padEnd(20)} ${String(heap.retained).padStart(9)} bytes after ${heap.operations} operations; ${per} short-lived bytes each`,
    );
  }
  lines.push(
    `    deoptimisations after the warm-up: ${steady.deoptimisations}`,
    `    bytes per anonymous VMA: ${short(steady.bytesPerVma)}, after churn ${short(steady.bytesPerVmaChurned)}`,
    `    bytes per 4 KiB frame: ${short(steady.bytesPerFrame)}`,
    `    a fresh process: load ${spread(steady.cold.load)} µs, first mmap ${spread(steady.cold.firstCall)} µs, first 100 calls ${spread(steady.cold.first100)} µs`,
  );
  return lines.join('\n');
}

function replayText(r: ReplayFigures): string {
  const kib = (r.heapLate - r.heapEarly) / 1024;
  return [
    `replay of a log of ${r.lines} lines: ${spread(r.linesPerSecond)} lines a second`,
    `    ${r.replayed} calls made again${r.complete ? '' : ', until an answer differed'}; heap ${short(kib)} KiB more at the end than after a tenth`,
  ].join('\n');
}

/** Formats the result of one goal in a line. */
export function verdictText(v: Verdict): string {
  const word = v.met === null ? 'not judged' : v.met ? 'reached' : 'missed';
  return `    ${word.padEnd(10)} ${v.goal}: ${short(v.value)} ${v.unit} (at most ${short(v.limit)})`;
}

/** Formats the report as text. */
export function reportText(report: Report): string {
  const m = report.machine;
  return [
    `vmarea bench, ${report.form} form, ${report.profile}, ${report.date}`,
    `${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.system}, Node ${m.node}, ${m.compiler || 'no C compiler'}`,
    ...(report.hostMissing === '' ? [] : [`no figures of the host: ${report.hostMissing}`]),
    'Medians of interleaved rounds, with the least and the greatest.',
    '',
    ...report.rows.map((row) => `${rowText(row)}\n`),
    `latency of churn pairs at ${report.latency.vmas} VMAs, ns (a clock reading of ${short(report.latency.clock)} in each)`,
    latencyLine('vmarea', report.latency.vmarea),
    ...(report.latency.host === null ? [] : [latencyLine('host kernel', report.latency.host)]),
    '',
    steadyText(report.steady),
    '',
    replayText(report.replay),
    '',
    'whole processes, seconds of processor time',
    ...report.processes.map((row) => `    ${row.title.padEnd(34)} ${spread(row.cpu)}`),
    '',
    'goals',
    ...report.verdicts.map(verdictText),
    '',
  ].join('\n');
}
