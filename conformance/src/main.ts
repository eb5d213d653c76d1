/**
 * `pnpm conformance`: replays recordings of real kernels on the wired system and compares every answer.
 *
 * Exit status: 0 when all pass, 1 when some fail or an exception is needless, 2 on bad usage.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findSets } from './archive.ts';
import { KINDS, type Kind } from './compare.ts';
import { readExceptions } from './exceptions.ts';
import { describeFailure, failureClass } from './report.ts';
import { runSet, runSets, type SetResult } from './run-set.ts';
import { WAY_MEANS, WAYS, type Way } from './ways.ts';

const HOME: string = join(import.meta.dirname, '..');

/** `--ways sample` runs every 20th recording the other ways. */
const SAMPLE = 20;

const USAGE: string = `usage: pnpm conformance [options]

Replays the recordings of real arm64 kernels and compares every answer.

  --dir DIR       a set of recordings, or a folder of sets (default: those of the repository)
  --only KINDS    compare only these: ${KINDS.join(',')}
  --filter TEXT   only recordings whose SET/NAME contains the text
  --limit N       go on to the N-th operation with a difference (default 1)
  --exceptions F  the exceptions file (default: the repository's)
  --ways WAYS     ${WAYS.join(', ')}; several with commas; all: each of them; sample: the first one, and every
                  ${String(SAMPLE)}th recording the others (default ${WAYS[0]})
${WAYS.map((way) => `                    ${way.padEnd(8)} ${WAY_MEANS[way]}\n`).join('')}  --every N       only every N-th recording of a set (default 1)
  --check         also check the machine after every operation: walk its tables, recount its frames
  --one-thread    no worker threads
  --json          the results as JSON
  --help
`;

interface Options {
  readonly dir: string;
  readonly kinds: readonly Kind[];
  readonly filter: string;
  readonly limit: number;
  readonly exceptions: string;
  readonly check: boolean;
  /** Each with how many recordings are left out: every n-th is run. */
  readonly ways: readonly { readonly way: Way; readonly every: number }[];
  readonly oneThread: boolean;
  readonly json: boolean;
}

function usage(message: string): never {
  process.stderr.write(`conformance: ${message}\n${USAGE}`);
  process.exit(2);
}

function waysOf(text: string): Options['ways'] {
  if (text === 'all') return WAYS.map((way) => ({ way, every: 1 }));
  if (text === 'sample') return WAYS.map((way, i) => ({ way, every: i === 0 ? 1 : SAMPLE }));
  return text.split(',').map((name) => {
    const way = WAYS.find((known) => known === name);
    return way === undefined ? usage(`--ways: there is no ${name}`) : { way, every: 1 };
  });
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: join(HOME, 'recordings') },
      only: { type: 'string' },
      filter: { type: 'string', default: '' },
      limit: { type: 'string', default: '1' },
      exceptions: { type: 'string', default: join(HOME, 'exceptions.json') },
      check: { type: 'boolean', default: false },
      ways: { type: 'string', default: WAYS[0] },
      every: { type: 'string', default: '1' },
      'one-thread': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const names = values.only === undefined ? KINDS : values.only.split(',');
  for (const name of names) if (!(KINDS as readonly string[]).includes(name)) usage(`--only: there is no ${name}`);
  const limit = Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1) usage(`--limit: ${values.limit} is no count`);
  const every = Number(values.every);
  if (!Number.isInteger(every) || every < 1) usage(`--every: ${values.every} is no count`);
  if (!existsSync(values.dir)) usage(`--dir: there is no ${values.dir}`);
  if (!existsSync(values.exceptions)) usage(`--exceptions: there is no ${values.exceptions}`);
  return {
    dir: values.dir,
    kinds: names as readonly Kind[],
    filter: values.filter,
    limit,
    exceptions: values.exceptions,
    check: values.check,
    ways: waysOf(values.ways).map((one) => ({ ...one, every: one.every * every })),
    oneThread: values['one-thread'],
    json: values.json,
  };
}

/** Prints the failing recordings of a set and its counts, and returns the exceptions that it used. */
function report(result: SetResult): void {
  for (const outcome of result.failed)
    process.stdout.write(`${describeFailure(`${result.set}, ${result.way}`, outcome)}\n`);
  for (const key of result.needless) process.stdout.write(`${key}: the exception is needless, the comparison passes\n`);
  const excepted = result.excepted === 0 ? '' : `, ${result.excepted} exceptions`;
  process.stdout.write(
    `${result.set}, ${result.way}: ${result.passed} passed, ${result.failed.length} failed${excepted} (${result.seconds.toFixed(1)} s)\n`,
  );
}

/** Prints what the failures have in common, the most frequent first. */
function summary(results: readonly SetResult[]): void {
  const classes = new Map<string, string[]>();
  for (const { set, failed } of results) {
    for (const outcome of failed) {
      const key = failureClass(outcome);
      classes.set(key, [...(classes.get(key) ?? []), `${set}/${outcome.name}`]);
    }
  }
  if (classes.size > 0) process.stdout.write('\nFirst differences, by what they have in common:\n');
  for (const [key, names] of [...classes].sort((a, b) => b[1].length - a[1].length)) {
    process.stdout.write(`${String(names.length).padStart(5)}  ${key}   ${names.slice(0, 3).join(' ')}\n`);
  }
}

async function main(): Promise<void> {
  let given: Options;
  try {
    given = options();
  } catch (error) {
    usage((error as Error).message);
  }
  const exceptions = readExceptions(given.exceptions);
  const sets = findSets(given.dir).flatMap((dir) => given.ways.map((one) => ({ dir, ...one })));
  const jobs = sets.map((one) => ({
    ...one,
    kinds: given.kinds,
    filter: given.filter,
    maxFailures: given.limit,
    exceptions,
    check: given.check,
  }));
  if (jobs.length === 0) usage(`--dir: no recordings in ${given.dir}`);
  const tell = given.json ? (): void => undefined : report;
  const results: SetResult[] = [];
  if (given.oneThread) {
    for (const job of jobs) {
      const result = runSet(job);
      tell(result);
      results.push(result);
    }
  } else results.push(...(await runSets(jobs, tell)));

  const sum = (of: (result: SetResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const failed = sum((r) => r.failed.length);
  const needless = sum((r) => r.needless.length);
  if (given.json) {
    const plain = results.map((r) => ({
      ...r,
      failed: r.failed.map((o) => ({ name: o.name, ops: o.ops, error: o.error, failures: o.failures })),
    }));
    process.stdout.write(`${JSON.stringify(plain, null, 1)}\n`);
  } else {
    summary(results);
    process.stdout.write(
      `\ntotal: ${sum((r) => r.passed)} passed, ${failed} failed; exceptions: ${sum((r) => r.excepted)}\n`,
    );
  }
  process.exitCode = failed + needless > 0 ? 1 : 0;
}

await main();
