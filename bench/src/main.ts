/**
 * The runner behind `pnpm bench`: measures vmarea interleaved with its peers and prints ratios.
 *
 *     pnpm bench                the short form, within three minutes
 *     pnpm bench --full         more and longer rounds
 *     pnpm bench --quick        only shows that every row runs: its figures decide nothing
 *     pnpm bench --json FILE    the report as JSON («-» for stdout instead of the text)
 *     pnpm bench --docs DIR     performance.md, and how cost grows with the number of VMAs as SVG
 *     pnpm bench --from FILE    measures nothing: takes an earlier run's JSON
 *     pnpm bench --kernel NAME  msm-4.4 (default) or another profile
 *     pnpm bench --against X    this checkout and commit X (or a built checkout's folder) in turns: the ratio of each row;
 *                               --rows a,b  --sizes 10,1000  --rounds 15  --memory (with memory behind the areas)
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PROFILES, type KernelProfile } from '@vmarea/uapi';
import { against } from './against/compare.ts';
import { writeDocs } from './report/docs.ts';
import { verdicts } from './report/goals.ts';
import type { Effort } from './measure/harness.ts';
import { Host } from './peers/host.ts';
import { churnLatency } from './measure/latency.ts';
import { processRows } from './measure/processes.ts';
import { machine, reportText, type Report } from './report/text.ts';
import { engineRows, memoryRows, type Setting } from './measure/rows.ts';
import { replayFigures } from './measure/replay.ts';
import { steadyReport } from './measure/steady.ts';

const SIZES = [10, 1000, 10000, 60000];
/** How long a form of the benchmark measures. */
interface Form {
  readonly effort: Effort;
  readonly latencyCalls: number;
  readonly steadyCalls: number;
  readonly replayLines: number;
  readonly processRounds: number;
}

const FORMS: Readonly<Record<Report['form'], Form>> = {
  quick: {
    effort: { rounds: 1, ms: 2, warmup: 1 },
    latencyCalls: 20_000,
    steadyCalls: 100_000,
    replayLines: 20_000,
    processRounds: 1,
  },
  short: {
    effort: { rounds: 9, ms: 12, warmup: 8 },
    latencyCalls: 200_000,
    steadyCalls: 1_000_000,
    replayLines: 300_000,
    processRounds: 5,
  },
  full: {
    effort: { rounds: 31, ms: 30, warmup: 16 },
    latencyCalls: 1_000_000,
    steadyCalls: 1_000_000,
    replayLines: 2_000_000,
    processRounds: 15,
  },
};

async function run(form: Report['form'], profile: KernelProfile['name']): Promise<Report> {
  const { effort, latencyCalls, steadyCalls, replayLines, processRounds } = FORMS[form];
  const host = new Host();
  const setting: Setting = {
    profile,
    sizes: SIZES,
    effort,
    host,
    progress: (what) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${what}`);
    },
  };
  const rows = [...(await engineRows(setting)), ...(await memoryRows(setting))];
  setting.progress('latency');
  const latency = await churnLatency(profile, 60_000, latencyCalls, host);
  host.end();
  setting.progress('steady state');
  const steady = steadyReport(profile, steadyCalls);
  setting.progress('replay');
  const replay = replayFigures('linux-6.1', replayLines);
  setting.progress('whole processes');
  const processes = processRows(processRounds);
  setting.progress('');
  return {
    date: new Date().toISOString().slice(0, 10),
    profile,
    form,
    machine: machine(host.compiler),
    hostMissing: host.why,
    rows,
    latency,
    steady,
    replay,
    processes,
    verdicts: verdicts(rows, latency, steady, replay, processes),
  };
}

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    docs: { type: 'string' },
    from: { type: 'string' },
    kernel: { type: 'string', default: 'msm-4.4' },
    against: { type: 'string' },
    rows: { type: 'string', default: '' },
    sizes: { type: 'string', default: SIZES.join() },
    rounds: { type: 'string', default: '15' },
    memory: { type: 'boolean', default: false },
  },
});
if (!(values.kernel in PROFILES)) {
  process.stderr.write(`no such kernel: ${values.kernel} (${Object.keys(PROFILES).join(', ')})\n`);
  process.exit(2);
}
if (values.against !== undefined) {
  await against({
    against: values.against,
    profile: values.kernel,
    rows: values.rows.split(',').filter((row) => row !== ''),
    sizes: values.sizes.split(',').map(Number),
    rounds: Number(values.rounds),
    memory: values.memory,
  });
  process.exit();
}
// JSON has no NaN: a figure that could not be measured is null there.
const NOT_MEASURED = (key: string, value: unknown): unknown =>
  value === null && ['median', 'min', 'max', 'value'].includes(key) ? NaN : value;
const report =
  values.from === undefined
    ? await run(values.full ? 'full' : values.quick ? 'quick' : 'short', values.kernel as KernelProfile['name'])
    : (JSON.parse(readFileSync(values.from, 'utf8'), NOT_MEASURED) as Report);
if (values.json !== '-') process.stdout.write(reportText(report));
if (values.json !== undefined) {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (values.json === '-') process.stdout.write(json);
  else writeFileSync(values.json, json);
}
if (values.docs !== undefined) writeDocs(values.docs, report);
