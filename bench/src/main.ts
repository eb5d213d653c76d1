/**
 * The runner behind `pnpm bench`: measures vmarea interleaved with its peers and prints ratios.
 *
 *     pnpm bench                the short form, within three minutes
 *     pnpm bench --full         more and longer rounds
 *     pnpm bench --json FILE    the report as JSON («-» for stdout instead of the text)
 *     pnpm bench --charts DIR   how cost grows with the number of VMAs, as SVG
 *     pnpm bench --kernel NAME  msm-4.4 (default) or linux-6.1
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROFILES, type KernelProfile } from '@vmarea/uapi';
import { growthChart } from './chart.ts';
import { machineFactor, scaledNative, verdicts } from './goals.ts';
import type { Effort } from './harness.ts';
import { Host } from './host.ts';
import { churnLatency } from './latency.ts';
import { machine, reportText, type Report } from './report.ts';
import { engineRows, memoryRows, type Row, type Setting } from './rows.ts';
import { replayFigures } from './replay-row.ts';
import { steadyReport } from './steady.ts';

const SIZES = [10, 1000, 10000, 60000];
const SHORT: Effort = { rounds: 9, ms: 12, warmup: 4 };
const FULL: Effort = { rounds: 31, ms: 30, warmup: 6 };

function charts(dir: string, rows: readonly Row[]): void {
  mkdirSync(dir, { recursive: true });
  for (const id of ['find', 'pair', 'split_merge', 'punch_refill', 'churn']) {
    const own = rows.filter((row) => row.id === id);
    const svg = growthChart(own[0]!.title, own, scaledNative(rows, id));
    writeFileSync(join(dir, `growth-${id.replaceAll('_', '-')}.svg`), svg);
  }
}

async function run(full: boolean, profile: KernelProfile['name']): Promise<Report> {
  const host = new Host();
  const setting: Setting = {
    profile,
    sizes: SIZES,
    effort: full ? FULL : SHORT,
    host,
    progress: (what) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
    },
  };
  const rows = [...(await engineRows(setting)), ...(await memoryRows(setting))];
  setting.progress('latency');
  const latency = await churnLatency(profile, 60_000, full ? 1_000_000 : 200_000, host);
  host.end();
  setting.progress('steady state');
  const steady = steadyReport(profile, 1_000_000);
  setting.progress('replay');
  const replay = replayFigures('linux-6.1', full ? 2_000_000 : 300_000);
  setting.progress('');
  return {
    date: new Date().toISOString().slice(0, 10),
    profile,
    form: full ? 'full' : 'short',
    machine: machine(host.compiler),
    hostMissing: host.why,
    machineFactor: machineFactor(rows),
    rows,
    latency,
    steady,
    replay,
    verdicts: verdicts(rows, latency, steady, replay),
  };
}

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    json: { type: 'string' },
    charts: { type: 'string' },
    kernel: { type: 'string', default: 'msm-4.4' },
  },
});
if (!(values.kernel in PROFILES)) {
  process.stderr.write(`no such kernel: ${values.kernel} (${Object.keys(PROFILES).join(', ')})\n`);
  process.exit(2);
}
const report = await run(values.full, values.kernel as KernelProfile['name']);
if (values.json !== '-') process.stdout.write(reportText(report));
if (values.json !== undefined) {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (values.json === '-') process.stdout.write(json);
  else writeFileSync(values.json, json);
}
if (values.charts !== undefined) charts(values.charts, report.rows);
