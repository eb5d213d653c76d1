/**
 * `pnpm conformance:host`: runs generated sequences of memory operations on the host's own kernel and on vmarea, and compares
 * every answer.
 *
 * Exit status: 0 when all are equal, when the host cannot run them (1 in CI), or when no profile is that of its kernel; 1 when
 * an answer differs; 2 on bad usage.
 */
import { parseArgs } from 'node:util';
import { PROFILES, type KernelName, type KernelProfile } from '@vmarea/uapi';
import { Exceptions } from '../exceptions.ts';
import { profileOf } from '../machine.ts';
import { describeFailure, failureClass } from '../report.ts';
import { runRecording, type Outcome } from '../runner.ts';
import type { Kind } from '../compare.ts';
import { generate } from './generate.ts';
import { Host, NoHostError } from './native.ts';
import { lineText, type Script } from './script.ts';
import { isFailure, shrink } from './shrink.ts';

/** The kinds that are compared: without the figures that depend on other processes. */
const KINDS: ReadonlySet<Kind> = new Set<Kind>(['results', 'signals', 'maps', 'bytes', 'mincore']);
/** The number of scripts that the host runs at a time. */
const BATCH = 100;
/** The number of kinds of differences of which one is shortened and printed. */
const SHOWN = 8;

const USAGE = `usage: pnpm conformance:host [options]

Runs generated sequences on this machine's kernel and in vmarea, and compares results, maps, bytes and signals.

  --count N       sequences (default 2000)
  --seed N        seed of the first one (default 1)
  --length N      operations of a sequence, about (default 40)
  --profile NAME  the kernel to compare with (default: that of this machine's release): ${Object.keys(PROFILES).join(', ')}
  --check         also check vmarea's machine after every operation
  --help
`;

interface Options {
  readonly count: number;
  readonly seed: number;
  readonly length: number;
  /** The kernel to compare with; null: that of the host's release. */
  readonly against: KernelProfile | null;
  readonly check: boolean;
}

function usage(message: string): never {
  process.stderr.write(`conformance:host: ${message}\n${USAGE}`);
  process.exit(2);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? value : usage(`--${name}: ${text} is no count`);
}

function profileNamed(name: string): KernelProfile {
  return Object.hasOwn(PROFILES, name) ? PROFILES[name as KernelName] : usage(`--profile: there is no ${name}`);
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      length: { type: 'string', default: '40' },
      profile: { type: 'string' },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { profile: name } = values;
  return {
    count: whole('count', values.count),
    seed: whole('seed', values.seed),
    length: whole('length', values.length),
    against: name === undefined ? null : profileNamed(name),
    check: values.check,
  };
}

/** Returns the profile of a release, or null. */
function profileFor(release: string): KernelProfile | null {
  try {
    return profileOf(release);
  } catch {
    return null;
  }
}

/** Returns the newest profile, which is compared with a release without a profile. */
function newest(): KernelProfile {
  return Object.values(PROFILES).at(-1)!;
}

function judgeOn(host: Host, profile: KernelProfile, check: boolean): (scripts: readonly Script[]) => Outcome[] {
  return (scripts) =>
    host.record(scripts).map((recording) =>
      runRecording(recording, host.guest, {
        kinds: KINDS,
        maxFailures: 1,
        exceptions: new Exceptions([], 'host', recording.header.name),
        check,
        profile,
      }),
    );
}

/** The failures by kind, in the order of their appearance. */
type Classes = Map<string, { readonly script: Script; readonly outcome: Outcome; count: number }>;

function run(host: Host, given: Options, profile: KernelProfile): { operations: number; classes: Classes } {
  const judge = judgeOn(host, profile, given.check);
  const classes: Classes = new Map();
  let operations = 0;
  for (let done = 0; done < given.count; done += BATCH) {
    const scripts = Array.from({ length: Math.min(BATCH, given.count - done) }, (_, i) =>
      generate(given.seed + done + i, given.length),
    );
    for (const [i, outcome] of judge(scripts).entries()) {
      operations += outcome.ops;
      if (!isFailure(outcome)) continue;
      const key = failureClass(outcome);
      const known = classes.get(key);
      if (known === undefined) classes.set(key, { script: scripts[i]!, outcome, count: 1 });
      else known.count++;
    }
  }
  return { operations, classes };
}

function report(classes: Classes, judge: (scripts: readonly Script[]) => Outcome[]): void {
  let shown = 0;
  for (const [key, { script, outcome, count }] of [...classes].sort((a, b) => b[1].count - a[1].count)) {
    process.stdout.write(`\n${count} × ${key}\n`);
    if (shown++ >= SHOWN) continue;
    const small = shrink(script, outcome, judge);
    const seed = script.name.slice('host_'.length);
    process.stdout.write(`  repeat: pnpm conformance:host --seed ${seed} --count 1\n`);
    for (const line of small.script.lines) process.stdout.write(`    ${lineText(line)}\n`);
    process.stdout.write(`${describeFailure('host', small.outcome)}\n`);
  }
}

function main(): void {
  let given: Options;
  try {
    given = options();
  } catch (error) {
    usage((error as Error).message);
  }
  let host: Host;
  try {
    host = new Host();
  } catch (error) {
    if (!(error instanceof NoHostError)) throw error;
    process.stdout.write(`skipped: the host's kernel cannot be asked: ${error.message}\n`);
    process.exitCode = process.env['CI'] === undefined ? 0 : 1;
    return;
  }
  try {
    const own = profileFor(host.release);
    const profile = given.against ?? own ?? newest();
    // Against another kernel than its own, what differs decides nothing.
    const binding = own !== null && given.against === null;
    const began = performance.now();
    const { operations, classes } = run(host, given, profile);
    const differ = [...classes.values()].reduce((sum, { count }) => sum + count, 0);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    if (classes.size > 0) report(classes, judgeOn(host, profile, given.check));
    process.stdout.write(
      `\nLinux ${host.release} and ${profile.name}: ${given.count - differ} of ${given.count} sequences agree ` +
        `(seeds ${given.seed} to ${given.seed + given.count - 1}, ${operations} operations compared, ${seconds} s)\n`,
    );
    if (own === null) {
      process.stdout.write(`There is no profile for Linux ${host.release}: the differences decide nothing.\n`);
    }
    process.exitCode = binding && differ > 0 ? 1 : 0;
  } finally {
    host.close();
  }
}

main();
