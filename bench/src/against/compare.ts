/**
 * `pnpm bench --against COMMIT`: measures this checkout and another commit in turns, each in its own process with its own build.
 *
 * In every round both sides do the same number of operations of a row, one after the other, and the order alternates. The result
 * is the ratio of processor times of the same round: median and quartiles. Both sides must end with the same maps. A disturbance
 * by another process affects both sides; a row differs when its quartiles lie on one side of 1.
 */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** A request to a side; `count` 0 requests the sum over its maps. */
export interface Request {
  readonly id: string;
  /** VMAs; null for the rows of memory alone. */
  readonly n: number | null;
  /** Whether there is memory behind the mappings. */
  readonly memory: boolean;
  readonly count: number;
  /** Milliseconds, for the rows that choose their own count. */
  readonly ms: number;
}

/** The answer of a side. */
export interface Answer {
  /** Nanoseconds per operation. */
  readonly ns: number;
  readonly milliseconds: number;
  readonly sum: number;
}

/** The options of a comparison. */
export interface AgainstOptions {
  /** A commit, or the folder of a checkout that has been built. */
  readonly against: string;
  readonly profile: string;
  readonly rows: readonly string[];
  readonly sizes: readonly number[];
  readonly rounds: number;
  readonly memory: boolean;
}

const ENGINE = ['find', 'pair', 'split_merge', 'punch_refill', 'churn'];
const WITH_AREAS = [...ENGINE, 'fork', 'maps'];
/** The rows that need memory only. */
const MEMORY = [
  'anon_fault',
  'populate',
  'cow_fault',
  'tlb_load',
  'tlb_store',
  'walk',
  'copy_to_user',
  'copy_from_user',
  'fork_touched',
];
/** The rows that run for a time, not for a number of operations. */
const TIMED = ['anon_fault', 'populate', 'cow_fault', 'fork_touched'];
/** Milliseconds that a side measures in a round. */
const SLICE = 25;
const WARMUP = 6;
const FEWEST = 3;
/** Pairs of processes per row. */
const PAIRS = 5;

/** Every row that can be compared. */
export const AGAINST_ROWS: readonly string[] = [...WITH_AREAS, ...MEMORY];

const root = resolve(import.meta.dirname, '../../..');

function run(dir: string, file: string, args: readonly string[]): string {
  return execFileSync(file, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Returns the folder of a built checkout of `commit`; creates it if necessary. */
function checkoutOf(commit: string): string {
  if (existsSync(join(commit, 'bench/dist/main.js'))) return resolve(commit);
  const sha = run(root, 'git', ['rev-parse', '--verify', '--end-of-options', `${commit}^{commit}`]).trim();
  const dir = join(root, 'node_modules/.cache/vmarea-bench', sha);
  if (!existsSync(dir)) {
    mkdirSync(join(dir, '..'), { recursive: true });
    run(root, 'git', ['worktree', 'add', '--detach', dir, sha]);
  }
  if (!existsSync(join(dir, 'bench/dist/main.js'))) {
    process.stderr.write(`building ${sha} in ${dir}\n`);
    run(dir, 'npx', ['--yes', 'pnpm@12.21.0', 'install', '--frozen-lockfile', '--prefer-offline']);
    run(dir, process.execPath, ['scripts/build.mjs', 'bench']);
  }
  return dir;
}

/** A process of one side. */
class Side {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;

  constructor(dir: string, profile: string) {
    const script = join(import.meta.dirname, 'child.js');
    this.child = spawn(process.execPath, ['--expose-gc', script, dir, profile]);
    this.child.stderr.pipe(process.stderr);
    this.reader = createInterface({ input: this.child.stdout });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  async ask(request: Request): Promise<Answer> {
    this.child.stdin.write(`${JSON.stringify(request)}\n`);
    const line = await this.lines.next();
    if (line.done === true) throw new Error(`bench: the process that measures ${request.id} ended`);
    return JSON.parse(line.value) as Answer;
  }

  end(): void {
    this.child.stdin.end();
  }
}

/** Returns the value below which a share of the samples lies. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (at - low);
}

/** Formats a row of ratios: median, quartiles, and the verdict. */
export function verdictOf(ratios: readonly number[]): string {
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((share) => quantile(ratios, share)) as [number, number, number];
  const says = q3 < 1 ? 'faster' : q1 > 1 ? 'slower' : 'same';
  return `${median.toFixed(3)}  ${q1.toFixed(3)} to ${q3.toFixed(3)}  ${says}`;
}

/** Finds the number of operations that takes about a slice on one side; both sides then use it. */
async function countFor(side: Side, other: Side, request: Request): Promise<number> {
  for (let count = request.id === 'fork' ? 1 : 256; ; count *= 2) {
    const { milliseconds } = await side.ask({ ...request, count });
    await other.ask({ ...request, count });
    if (milliseconds > SLICE / 2) return Math.max(1, Math.round((count * SLICE) / milliseconds));
  }
}

/** The ratios of one pair of processes, and the times of both sides. */
interface Samples {
  readonly ratios: number[];
  readonly times: readonly [number[], number[]];
  same: boolean;
}

async function measurePair(ours: Side, theirs: Side, base: Request, rounds: number): Promise<Samples> {
  const count = TIMED.includes(base.id) ? 1 : await countFor(theirs, ours, base);
  const request = { ...base, count };
  const ratios: number[] = [];
  const times: [number[], number[]] = [[], []];
  for (let round = -WARMUP; round < rounds; round++) {
    const ns = [0, 0];
    for (const side of (round & 1) === 0 ? [0, 1] : [1, 0])
      ns[side] = (await (side === 0 ? ours : theirs).ask(request)).ns;
    if (round < 0) continue;
    ratios.push(ns[0]! / ns[1]!);
    times[0].push(ns[0]!);
    times[1].push(ns[1]!);
  }
  const sums = [await ours.ask({ ...base, count: 0 }), await theirs.ask({ ...base, count: 0 })];
  return { ratios, times, same: sums[0]!.sum === sums[1]!.sum };
}

/**
 * Returns one line: the medians of both sides, the ratio, its quartiles, and the verdict. Uses several pairs of processes, since
 * V8's inlining differs from process to process.
 */
async function compareRow(dirs: readonly [string, string], options: AgainstOptions, base: Request): Promise<string> {
  const all: Samples = { ratios: [], times: [[], []], same: true };
  for (let pair = 0; pair < PAIRS; pair++) {
    const [ours, theirs] = dirs.map((dir) => new Side(dir, options.profile)) as [Side, Side];
    const rounds = Math.max(FEWEST, Math.ceil(options.rounds / PAIRS));
    const { ratios, times, same } = await measurePair(ours, theirs, base, rounds);
    ours.end();
    theirs.end();
    all.ratios.push(...ratios);
    all.times[0].push(...times[0]);
    all.times[1].push(...times[1]);
    all.same &&= same;
  }
  const medians = all.times.map((samples) => quantile(samples, 0.5).toFixed(1).padStart(10));
  return `${medians.join(' ')}  ${verdictOf(all.ratios)}${all.same ? '' : '  THE MAPS DIFFER'}`;
}

/** Compares, and prints one line per row. */
export async function against(options: AgainstOptions): Promise<void> {
  const rows = options.rows.length === 0 ? AGAINST_ROWS : options.rows;
  for (const row of rows) if (!AGAINST_ROWS.includes(row)) throw new RangeError(`--rows: no such row: ${row}`);
  const dirs: [string, string] = [root, checkoutOf(options.against)];
  const { profile, memory, rounds } = options;
  process.stdout.write(`${profile}${memory ? ', memory behind' : ''}, ${rounds} rounds; ns per operation\n`);
  process.stdout.write(`${'row'.padEnd(22)} ${'here'.padStart(10)} ${'there'.padStart(10)}  ratio  quartiles\n`);
  for (const id of rows) {
    for (const n of MEMORY.includes(id) ? [null] : options.sizes) {
      const line = await compareRow(dirs, options, { id, n, memory, count: 0, ms: SLICE });
      process.stdout.write(`${`${id}${n === null ? '' : ` ${n}`}`.padEnd(22)} ${line}\n`);
    }
  }
}
