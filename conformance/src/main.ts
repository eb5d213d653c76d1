/**
 * `pnpm conformance`: replays recordings of real kernels on the wired system and compares every answer.
 *
 * Options: --dir DIR (a set or a folder of sets; default: the repository's), --only KIND,…, --filter TEXT, --limit N,
 * --json, --verbose. Exit status 0 when all pass, 1 when some fail, 2 on bad usage.
 */
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { findSets, readSet } from './archive.ts';
import { KINDS, type Kind } from './compare.ts';
import { readGuest } from './machine.ts';
import { parseRecording } from './recording.ts';
import { describeFailure, failureClass } from './report.ts';
import { runRecording, type Outcome } from './runner.ts';

/** The recordings that the repository carries. */
const RECORDINGS: string = join(import.meta.dirname, '..', 'recordings');

interface SetResult {
  readonly set: string;
  passed: number;
  readonly failed: Outcome[];
  seconds: number;
}

function usage(message: string): never {
  process.stderr.write(`conformance: ${message}\n`);
  process.stderr.write(`usage: pnpm conformance [--dir DIR] [--only ${KINDS.join(',')}] [--filter TEXT] [--limit N] [--json] [--verbose]\n`);
  process.exit(2);
}

function options(): { dir: string; kinds: Set<Kind>; filter: string; limit: number; json: boolean; verbose: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        dir: { type: 'string' },
        only: { type: 'string' },
        filter: { type: 'string' },
        limit: { type: 'string' },
        json: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
      },
    });
    const names = values.only === undefined ? KINDS : values.only.split(',');
    for (const name of names) if (!(KINDS as readonly string[]).includes(name)) usage(`--only: there is no ${name}`);
    return {
      dir: values.dir ?? RECORDINGS,
      kinds: new Set(names as readonly Kind[]),
      filter: values.filter ?? '',
      limit: Number(values.limit ?? 1),
      json: values.json,
      verbose: values.verbose,
    };
  } catch (error) {
    return usage((error as Error).message);
  }
}

const { dir, kinds, filter, limit, json, verbose } = options();
const results: SetResult[] = [];
for (const setDir of findSets(dir)) {
  const guest = readGuest(setDir);
  const result: SetResult = { set: basename(setDir), passed: 0, failed: [], seconds: 0 };
  const began = performance.now();
  for (const { name, text } of readSet(setDir)) {
    if (!`${result.set}/${name}`.includes(filter)) continue;
    const outcome = runRecording(parseRecording(text), guest, { kinds, maxFailures: limit });
    if (outcome.failures.length === 0 && outcome.error === null) result.passed++;
    else result.failed.push(outcome);
  }
  result.seconds = (performance.now() - began) / 1000;
  results.push(result);
  if (!json) {
    if (verbose) for (const outcome of result.failed) process.stdout.write(`${describeFailure(result.set, outcome)}\n`);
    process.stdout.write(`${result.set}: ${result.passed} passed, ${result.failed.length} failed (${result.seconds.toFixed(1)} s)\n`);
  }
}

if (json) {
  const out = results.map(({ set, passed, failed, seconds }) => ({
    set,
    passed,
    failed: failed.map((o) => ({ name: o.name, error: o.error?.message ?? null, first: o.failures[0] ?? null })),
    seconds,
  }));
  process.stdout.write(`${JSON.stringify(out, null, 1)}\n`);
} else {
  const classes = new Map<string, string[]>();
  for (const { set, failed } of results) {
    for (const outcome of failed) {
      const key = failureClass(outcome);
      classes.set(key, [...(classes.get(key) ?? []), `${set}/${outcome.name}`]);
    }
  }
  const sorted = [...classes].sort((a, b) => b[1].length - a[1].length);
  if (sorted.length > 0) process.stdout.write('\nFirst differences, by kind:\n');
  for (const [key, names] of sorted.slice(0, 40)) {
    process.stdout.write(`${String(names.length).padStart(5)}  ${key}   e.g. ${names.slice(0, 3).join(' ')}\n`);
  }
  const passed = results.reduce((sum, r) => sum + r.passed, 0);
  const failed = results.reduce((sum, r) => sum + r.failed.length, 0);
  process.stdout.write(`\ntotal: ${passed} passed, ${failed} failed\n`);
}
if (results.some((r) => r.failed.length > 0)) process.exitCode = 1;
