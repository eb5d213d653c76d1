/**
 * Waits everywhere: a read of the storage takes a number of turns, in which everybody who asks for the page gets RETRY, and
 * what asked is repeated when the test says so.
 *
 * One caller gets exactly what it gets without waits. Two callers of one address space, whose calls interleave wherever one
 * waits, get what they would get if the steps of their calls (the call itself, populating, a copy) were done one after another
 * without waits, in the order in which they ended; and no invariant breaks meanwhile.
 *
 * 1,000 seeds of each run, in CI 5,000; VMAREA_SEEDS=N runs N.
 */
import { MAP_FIXED, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED } from '@vmarea/uapi';
import { expect, it } from 'vitest';
import {
  createCaller,
  doMadvise,
  doMlock,
  doMprotect,
  doMremap,
  doMunlock,
  finishPopulate,
  makeCurrent,
  RETRY,
  validateMm,
  VM_LOCKED,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
} from '../../src/index.ts';
import { AddressSpaceOperations, copyFromUser, copyToUser } from '../../src/memory/index.ts';
import { ANON, Machine, PAGE, PROFILES_UNDER_TEST, RW, type TestFile, type TestTask } from '../mm-fixture.ts';
import { random } from '../random.ts';

const SEEDS = Number(process.env['VMAREA_SEEDS'] ?? (process.env['CI'] === undefined ? 1000 : 5000));
const A = 0x10000000;
const PAGES = 12;
const CALLS = 6;

type Rng = (n: number) => number;

/** Lets promises settle for `turns` turns. */
async function turn(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}

/** Storage whose pages are pattern bytes: each read takes as many turns as the seed says, in which everybody gets RETRY. */
class SlowDisk {
  readonly aOps: AddressSpaceOperations;

  /** How long a read takes; null: it is answered at once. */
  waits: Rng | null;

  constructor(waits: Rng | null) {
    this.waits = waits;
    this.aOps = new AddressSpaceOperations({
      readPage: (mapping, index, pfn) => {
        const { system, physical } = mapping.core;
        const act = (): number => {
          physical.fillBytes(pfn, 0, system.pageSize, 10 + index);
          return 0;
        };
        const turns = this.waits?.(7) ?? 0;
        if (turns === 0) return act();
        system.current.pending = turn(turns * 2).then(act);
        return RETRY;
      },
      writePage: () => 0,
    });
  }
}

/** A call with its arguments, as plain data. */
interface Op {
  readonly name: string;
  readonly page: number;
  readonly pages: number;
  readonly value: number;
}

const NAMES = ['map', 'map', 'mapPrivate', 'anon', 'unmap', 'protect', 'lock', 'unlock', 'populate', 'dontneed'];
const COPIES = ['load', 'load', 'load', 'store', 'store', 'move'];

function makeOps(rng: Rng): Op[] {
  return Array.from({ length: CALLS }, () => ({
    name: rng(2) === 0 ? NAMES[rng(NAMES.length)]! : COPIES[rng(COPIES.length)]!,
    page: rng(PAGES),
    pages: 1 + rng(4),
    value: rng(200),
  }));
}

/** A machine with a file mapped shared, and one mapped private, at A. */
class Scene {
  readonly m: Machine;
  readonly task: TestTask;
  readonly file: TestFile;
  readonly disk: SlowDisk;

  constructor(profile: (typeof PROFILES_UNDER_TEST)[number], waits: Rng | null) {
    this.m = new Machine(profile, {}, 2 ** 20);
    this.task = this.m.task();
    this.disk = new SlowDisk(waits);
    this.file = this.m.file(8 * PAGE, this.disk.aOps);
    this.task.shared(this.file, A, 4);
    this.task.private_(this.file, A + 6 * PAGE, 4);
  }

  /**
   * Page by page the flags, the page of the file, and the byte: what a program sees. Where one area of anonymous memory ends
   * and a like one begins is left out: it depends on which page was brought in first, and populating takes each page by
   * itself.
   */
  seen(): string {
    const { mm } = this.task;
    const areas = Array.from({ length: PAGES + 4 }, (_, page) => {
      const at = A + page * PAGE;
      const vma = mm.tree.find(at);
      if (vma === null || vma.vmStart > at) return '-';
      const offset = vma.vmFile === null ? 'anonymous' : vma.vmPgoff + (at - vma.vmStart) / PAGE;
      return `${page} ${vma.vmFlags.toString(16)} ${offset}`;
    });
    this.disk.waits = null;
    const bytes = Array.from({ length: PAGES + 4 }, (_, page) => this.task.load(A + page * PAGE));
    return `${areas.join('\n')}\n${bytes.join(' ')}\n${mm.lockedVm} ${mm.totalVm}`;
  }
}

/** The first step of a call: everything but populating. */
function begin({ file }: Scene, cur: Caller, { name, page, pages, value }: Op): number {
  const at = A + page * PAGE;
  const len = pages * PAGE;
  switch (name) {
    case 'map':
      return vmMmapPgoff(cur, file, at, len, RW, MAP_SHARED | MAP_FIXED | (value < 100 ? MAP_POPULATE : 0), value % 5);
    case 'mapPrivate':
      return vmMmapPgoff(cur, file, at, len, RW, MAP_PRIVATE | MAP_FIXED | (value < 100 ? MAP_POPULATE : 0), value % 5);
    case 'anon':
      return vmMmapPgoff(cur, null, at, len, RW, ANON | MAP_FIXED, 0);
    case 'unmap':
      return vmMunmap(cur, at, len);
    case 'protect':
      return doMprotect(cur, at, len, value % 4);
    case 'lock':
      return doMlock(cur, at, len, VM_LOCKED);
    case 'unlock':
      return doMunlock(cur, at, len);
    case 'populate':
      return doMadvise(cur, at, len, value < 100 ? 22 : 23);
    case 'dontneed':
      return doMadvise(cur, at, len, 4);
    case 'move':
      return doMremap(cur, at, len, len, 3, A + (value % PAGES) * PAGE);
    case 'load': {
      const bytes = new Uint8Array(2);
      const left = copyFromUser(cur, at + PAGE - 1, bytes, 0, 2);
      return left === RETRY ? RETRY : left === 0 ? bytes[0]! * 256 + bytes[1]! : -14;
    }
    default:
      return copyToUser(cur, at + 5, Uint8Array.of(value), 0, 1);
  }
}

/** One caller with its calls: does a step at a time. */
class Agent {
  readonly results: number[] = [];
  readonly cur: Caller;
  private readonly scene: Scene;
  private readonly ops: readonly Op[];
  /** Populating is what comes next. */
  private populating = false;
  private result = 0;
  /** Times that a step had to be repeated. */
  repeats = 0;

  constructor(scene: Scene, cur: Caller, ops: readonly Op[]) {
    this.scene = scene;
    this.cur = cur;
    this.ops = ops;
  }

  get done(): boolean {
    return this.results.length === this.ops.length;
  }

  /** Tries the next step: whether it has ended. */
  step(): boolean {
    makeCurrent(this.cur);
    const op = this.ops[this.results.length]!;
    const got = this.populating ? finishPopulate(this.cur) : begin(this.scene, this.cur, op);
    if (got === RETRY) {
      this.repeats++;
      this.cur.call.pending = null;
      return false;
    }
    if (!this.populating) {
      this.result = got;
      if (got >= 0 && this.cur.call.populateLen !== 0) {
        this.populating = true;
        return true;
      }
    } else if (got < 0) this.result = got;
    this.populating = false;
    this.results.push(this.result);
    return true;
  }
}

/** Runs two callers; who goes is the seed's choice. The order in which steps ended. */
async function interleave(scene: Scene, agents: readonly Agent[], rng: Rng): Promise<number[]> {
  const order: number[] = [];
  for (let turns = 0; agents.some((agent) => !agent.done); turns++) {
    if (turns > 2000) throw new Error('a call never ends');
    const who = rng(agents.length);
    const agent = agents[who]!;
    if (agent.done) continue;
    if (agent.step()) order.push(who);
    await turn(rng(5));
    const problems = validateMm(scene.task.mm);
    if (problems.length > 0) throw new Error(problems.join('; '));
  }
  await turn(30);
  return order;
}

async function run(seed: number, callers: number): Promise<number> {
  const profile = PROFILES_UNDER_TEST[seed % PROFILES_UNDER_TEST.length]!;
  const rng = random(seed);
  const ops = Array.from({ length: callers }, () => makeOps(rng));
  const make = (waits: Rng | null): [Scene, Agent[]] => {
    const scene = new Scene(profile, waits);
    const agents = ops.map((own, i) => new Agent(scene, i === 0 ? scene.task.cur : createCaller(scene.task.mm), own));
    return [scene, agents];
  };
  const [waiting, waiters] = make(random(seed + 1));
  const order = await interleave(waiting, waiters, random(seed + 2));
  const [plain, others] = make(null);
  for (const who of order) {
    if (!others[who]!.step()) throw new Error('a step waits where nothing does');
  }
  expect(waiters.map(({ results }) => results)).toEqual(others.map(({ results }) => results));
  expect(waiting.seen()).toBe(plain.seen());
  waiting.m.end();
  plain.m.end();
  return waiters.reduce((sum, { repeats }) => sum + repeats, 0);
}

for (const [title, callers] of [
  ['one caller gets exactly what it gets without waits', 1],
  ['two callers get what a serial order of their steps gives', 2],
] as const) {
  it(`${title} (${SEEDS} seeds)`, async () => {
    let repeats = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        repeats += await run(seed, callers);
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
    // Every second seed has a call that waits, at the least.
    expect(repeats).toBeGreaterThan(SEEDS / 2);
  });
}
