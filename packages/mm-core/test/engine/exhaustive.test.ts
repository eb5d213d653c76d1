/**
 * Every sequence of three calls out of 90: six verbs, each on every range of five pages. The engine's answer and the address
 * space that it leaves are compared with the naive model's (model-verbs.ts, one entry a page), and validateMm holds.
 *
 * All 729,000 run on linux-6.1, every tenth on msm-4.4; `pnpm test:full` runs all of them on both.
 */
import { DEFAULT_CONFIG, MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROFILES } from '@vmarea/uapi';
import { expect, it } from 'vitest';
import {
  createCaller,
  createMm,
  doMadvise,
  doMlock,
  doMprotect,
  doMremap,
  MmSystem,
  pickMmapLayout,
  validateMm,
  VM_LOCKED,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
} from '../../src/index.ts';
import { createTestArch } from '../../src/testing/index.ts';
import { Space, type Area, type Limits, type World } from './model-space.ts';
import * as model from './model-verbs.ts';

const PAGE = 4096;
const PAGES = 40;
/** The five pages. */
const FIRST = 20;
const FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
const DONTFORK = 10;
const MAYMOVE = 1;

const LIMITS: Limits = { as: Infinity, data: Infinity, dataMax: Infinity, stack: 2 ** 23, memlock: Infinity };
const WHO: model.WhoArgs = { limits: LIMITS, ipcLock: true, sysAdmin: true, rawio: true, readImpliesExec: false };

/** A verb in the model and in the engine, over `pages` pages from page `from`. */
interface Verb {
  readonly name: string;
  model(space: Space, addr: bigint, len: bigint): number;
  engine(cur: Caller, addr: number, len: number): number;
}

const noFile = (): never => {
  throw new Error('nothing here maps shared memory');
};

const VERBS: readonly Verb[] = [
  {
    name: 'mmap RW',
    model: (s, addr, len) => model.mmap(s, WHO, { addr, len, prot: 3, flags: FLAGS, file: null, pgoff: 0n }, noFile),
    engine: (cur, addr, len) => vmMmapPgoff(cur, null, addr, len, 3, FLAGS, 0),
  },
  {
    name: 'munmap',
    model: (s, addr, len) => model.munmap(s, addr, len),
    engine: (cur, addr, len) => vmMunmap(cur, addr, len),
  },
  {
    name: 'mprotect R',
    model: (s, addr, len) => model.mprotect(s, WHO, addr, len, 1),
    engine: (cur, addr, len) => doMprotect(cur, addr, len, 1),
  },
  {
    name: 'mlock',
    model: (s, addr, len) => model.mlock(s, WHO, addr, len, false),
    engine: (cur, addr, len) => doMlock(cur, addr, len, VM_LOCKED),
  },
  {
    name: 'madvise DONTFORK',
    model: (s, addr, len) => model.madvise(s, WHO, addr, len, DONTFORK),
    engine: (cur, addr, len) => doMadvise(cur, addr, len, DONTFORK),
  },
  {
    name: 'mremap one page longer',
    model: (s, addr, len) => model.mremap(s, WHO, addr, len, len + BigInt(PAGE), MAYMOVE, 0n),
    engine: (cur, addr, len) => doMremap(cur, addr, len, len + PAGE, MAYMOVE, 0),
  },
];

/** One of the 90. */
interface Operation {
  readonly verb: Verb;
  readonly addr: number;
  readonly len: number;
}

const OPERATIONS: readonly Operation[] = VERBS.flatMap((verb) => {
  const ranges: Operation[] = [];
  for (let from = 0; from < 5; from++) {
    for (let to = from + 1; to <= 5; to++) ranges.push({ verb, addr: (FIRST + from) * PAGE, len: (to - from) * PAGE });
  }
  return ranges;
});

/** Engine and model of one kernel; both begin each sequence empty. */
class Pair {
  readonly cur: Caller;
  private readonly world: World;
  private readonly mmapBase: number;
  private judged = 0;

  constructor(name: keyof typeof PROFILES) {
    const profile = PROFILES[name];
    const config = { ...DEFAULT_CONFIG, stackGuardGapPages: 1, lsmMmapMinAddr: 0 };
    const system = new MmSystem({
      arch: createTestArch({ pages: PAGES }),
      profile,
      config,
      ram: { totalPages: () => 1000, guessFreePages: () => 1000, swapPages: () => 0 },
    });
    system.sysctl.mmapMinAddr = 0;
    this.cur = createCaller(createMm(system)!);
    this.cur.rlimits.memlock = Infinity;
    pickMmapLayout(this.cur, 0);
    this.mmapBase = this.cur.mm.mmapBase / PAGE;
    this.world = {
      profile,
      pages: PAGES,
      guardPages: 1,
      unmappedBase: PAGES / 4,
      dacMin: 0,
      minAddr: 0,
      maxMapCount: 65530,
      overcommit: 0,
      commitLimit: 1000,
      totalRam: 1000,
      guessFree: 1000,
      adminReserve: 0,
      userReserve: 0,
      swap: config.swap,
      ksm: config.ksm,
      thp: config.thp,
      memoryFailure: config.memoryFailure,
      committed: 0,
      spaces: new Set(),
    };
  }

  empty(): Space {
    this.world.spaces.clear();
    this.world.committed = 0;
    const space = new Space(this.world);
    space.mmapBase = this.mmapBase;
    return space;
  }

  /** A copy of the model's state, with the pages committed then. */
  copy(of: Space, committed: number): Space {
    const space = this.empty();
    const areas = new Map<Area, Area>();
    for (let p = 0; p < PAGES; p++) {
      const entry = of.page[p]!;
      if ((entry as object | null) === null) continue;
      let area = areas.get(entry.area);
      if (area === undefined) areas.set(entry.area, (area = entry.area.copy()));
      space.page[p] = { area, off: entry.off };
    }
    space.locked = of.locked;
    this.world.committed = committed;
    return space;
  }

  get committed(): number {
    return this.world.committed;
  }

  reset(): void {
    const { mm } = this.cur;
    vmMunmap(this.cur, 0, PAGES * PAGE);
    if (mm.mapCount !== 0 || mm.lockedVm !== 0) throw new Error('something is left after munmap of everything');
  }

  engine({ verb, addr, len }: Operation): number {
    const answer = verb.engine(this.cur, addr, len);
    this.cur.call.populateLen = 0;
    return answer;
  }

  /** What differs, or null. */
  difference(space: Space, expected: number, got: number): string | null {
    if (expected !== got) return `the model answers ${expected}, the engine ${got}`;
    const { mm } = this.cur;
    let vma = mm.tree.first;
    let pages = 0;
    for (let p = 0; p < PAGES;) {
      const entry = space.page[p]!;
      if ((entry as object | null) === null) {
        p++;
        continue;
      }
      let to = p + 1;
      while (to < PAGES && space.page[to]?.area === entry.area) to++;
      const same =
        vma !== null &&
        vma.vmStart === p * PAGE &&
        vma.vmEnd === to * PAGE &&
        vma.vmFlags === entry.area.flags &&
        vma.vmPgoff === entry.off;
      if (!same) return `an area of pages ${p} to ${to} is in the model and not in the engine`;
      pages += to - p;
      vma = vma!.vmNext;
      p = to;
    }
    if (vma !== null) return `the engine has an area at page ${vma.vmStart / PAGE}, the model none`;
    if (pages !== mm.totalVm || space.locked !== mm.lockedVm) return 'total_vm or locked_vm';
    if (this.world.committed !== mm.system.committedAs) return 'the pages committed';
    // The map is the model's: of the invariants behind it every eighth is enough.
    if (this.judged++ % 8 !== 0) return null;
    const problems = validateMm(mm);
    return problems.length === 0 ? null : problems.join('; ');
  }
}

function tell(operations: readonly Operation[]): string {
  return operations
    .map(({ verb, addr, len }) => `${verb.name} [${addr / PAGE - FIRST}, ${(addr + len) / PAGE - FIRST})`)
    .join('; ');
}

/** Runs every sequence of three, or each whose number divides by `every`; how many. */
function run(name: keyof typeof PROFILES, every: number): number {
  const pair = new Pair(name);
  let done = 0;
  let number = 0;
  const judge = (operations: readonly Operation[], space: Space, expected: number): void => {
    pair.reset();
    let got = 0;
    for (const operation of operations) got = pair.engine(operation);
    const difference = pair.difference(space, expected, got);
    if (difference !== null) expect.fail(`${name}: ${tell(operations)}: ${difference}`);
  };
  const after = (operations: readonly Operation[]): [Space, number] => {
    const space = pair.empty();
    let answer = 0;
    for (const { verb, addr, len } of operations) answer = verb.model(space, BigInt(addr), BigInt(len));
    return [space, answer];
  };
  for (const a of OPERATIONS) {
    judge([a], ...after([a]));
    for (const b of OPERATIONS) {
      const [prefix, answer] = after([a, b]);
      judge([a, b], prefix, answer);
      const { committed } = pair;
      for (const c of OPERATIONS) {
        if (number++ % every !== 0) continue;
        const space = pair.copy(prefix, committed);
        const expected = c.verb.model(space, BigInt(c.addr), BigInt(c.len));
        judge([a, b, c], space, expected);
        done++;
      }
    }
  }
  return done;
}

const ALL = process.env['VMAREA_FULL'] === '1';

it('linux-6.1 is complete to depth 3', () => {
  const done = run('linux-6.1', 1);
  expect(done).toBe(90 ** 3);
  console.log(`complete to depth 3: ${done.toLocaleString('en')} sequences of linux-6.1 agree with the model`);
});

it(`msm-4.4, ${ALL ? 'all' : 'every tenth'} of depth 3`, () => {
  const done = run('msm-4.4', ALL ? 1 : 10);
  expect(done).toBe(ALL ? 90 ** 3 : 90 ** 3 / 10);
});
