/**
 * Sequences for the property test, from a seed. Operations are chosen with a look at the model's address space, so that
 * borders are hit often; what comes out is plain data.
 */
import { random } from '../random.ts';
import { PAGE, type Machine, type Op, type Setup } from './harness.ts';
import type { Limits, Run } from './model-space.ts';

type Rng = (n: number) => number;

/** Registers that no address space reaches, or that wrap when something is added. */
export const WILD: readonly bigint[] = [
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_f000n,
  0xffff_ffff_ffff_e000n,
  0xffff_ffff_ffff_0000n,
  0x8000_0000_0000_0000n,
  0x7fff_ffff_ffff_f000n,
  0x0010_0000_0000_0000n,
  0x000f_ffff_ffff_f000n,
  0x1_0000_0000_0000n,
  0x1_0000_0000n,
  0xffff_f000n,
];

function pick<T>(rng: Rng, list: readonly T[]): T {
  return list[rng(list.length)]!;
}

export function makeLimits(rng: Rng, pages: number): Limits {
  const rare = rng(3) === 0;
  return {
    as: rare && rng(2) === 0 ? (8 + rng(pages)) * PAGE + rng(2) * 100 : Infinity,
    data: rare && rng(2) === 0 ? rng(24) * PAGE : Infinity,
    dataMax: rng(2) === 0 ? Infinity : 12 * PAGE,
    stack: pick(rng, [2 ** 40, 2 ** 40, 6 * PAGE, 10 * PAGE, Infinity]),
    memlock: pick(rng, [Infinity, Infinity, 0, 4 * PAGE, 8 * PAGE, 20 * PAGE + 5]),
  };
}

export function makeSetup(rng: Rng): Setup {
  const pages = 64;
  return {
    profile: rng(2) === 0 ? 'msm-4.4' : 'linux-6.1',
    pages,
    guardPages: 1 + rng(4),
    maxMapCount: pick(rng, [65530, 65530, 6, 9, 12, 16]),
    overcommit: pick(rng, [0, 0, 1, 1, 2]),
    commitPages: pick(rng, [1000, 20, 40, 12]),
    legacy: rng(5) === 0,
    swap: rng(2) === 0,
    ksm: rng(3) === 0,
    limits: makeLimits(rng, pages),
    caps: pick(rng, [7, 7, 0, 1, 2, 4]),
    readImpliesExec: rng(8) === 0,
    dacMin: rng(3),
    lsmMin: rng(4),
    brkPage: 4 + rng(12),
  };
}

/** A page near something that is mapped, or anywhere. */
function somePage(rng: Rng, runs: readonly Run[], pages: number): number {
  if (runs.length === 0 || rng(3) === 0) return rng(pages);
  const run = pick(rng, runs);
  const near = pick(rng, [run.from, run.to, run.from, run.to, run.from + 1, run.to - 1, run.from - 1, run.to + 1]);
  return Math.min(Math.max(near, 0), pages);
}

/** A range: often exactly an area, a part of one, a hole, or something across borders. */
function someRange(rng: Rng, runs: readonly Run[], pages: number): [number, number] {
  if (runs.length !== 0 && rng(4) === 0) {
    const i = rng(runs.length);
    const run = runs[i]!;
    const next = runs[i + 1];
    if (next !== undefined && next.from > run.to && rng(2) === 0) return [run.to, next.from - run.to];
    return [run.from, run.to - run.from];
  }
  const a = somePage(rng, runs, pages);
  if (rng(2) === 0) {
    const b = somePage(rng, runs, pages);
    if (a !== b) return [Math.min(a, b), Math.min(Math.abs(b - a), 12)];
  }
  return [a, 1 + rng(4)];
}

/** Bytes of a page number; now and then unaligned, or a register that is out of any range. */
function addrOf(rng: Rng, page: number, odd: number): bigint {
  const roll = rng(odd);
  if (roll === 0) return pick(rng, WILD);
  return BigInt(page * PAGE + (roll === 1 ? 1 + rng(PAGE - 1) : 0));
}

function lenOf(rng: Rng, pages: number): bigint {
  const roll = rng(80);
  if (roll === 0) return pick(rng, WILD);
  if (roll === 1) return 0n;
  // the whole address space, or nearly
  if (roll === 2) return BigInt((64 - rng(3)) * PAGE);
  return BigInt(pages * PAGE - (roll < 8 ? rng(PAGE) : 0));
}

const PROTS = [3, 3, 3, 3, 1, 1, 0, 2, 7, 5, 4];
const ADVICE = [0, 1, 2, 2, 3, 4, 8, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 18, 19, 20, 22, 24, 25, 99, 100];

/** A request that continues an area above or below it, in the hope of a merge. */
function continueOp(rng: Rng, machine: Machine, run: Run): Op {
  const { area, from, to } = run;
  const { flags } = area;
  const n = 1 + rng(3);
  const above = rng(2) === 0;
  const page = above ? to : Math.max(0, from - n);
  const off = machine.task.space.page[from]!.off + (page - from);
  const file = area.file === null ? -1 : machine.files.indexOf(area.file);
  const extra = (flags & 0x2100) | ((flags & 0x200000) !== 0 ? 0x4000 : 0) | (file < 0 ? 0x20 : 0);
  return {
    op: 'mmap',
    addr: BigInt(page * PAGE),
    len: BigInt((above ? n : from - page) * PAGE),
    prot: flags & 7,
    flags: ((flags & 0x80) !== 0 ? 1 : 2) | 0x10 | extra,
    file,
    off: BigInt(Math.max(0, off) * PAGE),
  };
}

/** Areas that are rare and have rules of their own: stacks, huge pages, locked and special mappings. */
const RARE: readonly number[] = [0x100, 0x100, 0x400000, 0x400000, 0x2000, 0x44400, 0x20000, 0x2000000];

function rareRuns(rng: Rng, runs: readonly Run[]): readonly Run[] {
  const bit = pick(rng, RARE);
  return runs.filter((run) => (run.area.flags & bit) !== 0);
}

/** Makes a part of an area, next to a touching neighbour, what the neighbour is: cases 4 to 8 of a merge. */
function joinOp(rng: Rng, runs: readonly Run[]): Op | null {
  const pairs = runs.flatMap((run, i) => (runs[i + 1]?.from === run.to ? [[run, runs[i + 1]!] as const] : []));
  if (pairs.length === 0) return null;
  const [left, right] = pick(rng, pairs);
  const [to, from] = rng(2) === 0 ? [left, right] : [right, left];
  const n = rng(2) === 0 ? from.to - from.from : 1 + rng(from.to - from.from);
  const a = from === right ? from.from : from.to - n;
  return { op: 'mprotect', addr: BigInt(a * PAGE), len: BigInt(n * PAGE), prot: to.area.flags & 7 };
}

/** Huge pages have their own alignment everywhere: most random ranges miss it. */
function hugeOp(rng: Rng, run: Run, pages: number): Op {
  const n = run.to - run.from;
  const from = run.from + rng(n);
  const addr = BigInt((rng(2) === 0 ? run.from : from) * PAGE);
  const size = BigInt(pick(rng, [1, 2, 4, 4, 8]) * PAGE);
  switch (rng(4)) {
    case 0:
      return { op: 'madvise', addr, len: size, advice: pick(rng, [4, 24, 8, 17, 20]) };
    case 1:
      return { op: 'mprotect', addr, len: size, prot: pick(rng, PROTS) };
    case 2:
      return { op: 'munmap', addr, len: size };
    default: {
      const to = BigInt(4 * rng(pages / 4) * PAGE);
      const newLen = BigInt(pick(rng, [n - 4, n, n + 4]) * PAGE);
      return { op: 'mremap', addr, len: BigInt(n * PAGE), newLen, flags: pick(rng, [1, 3, 3, 0]), to };
    }
  }
}

/** A written stack that is moved up keeps its page offsets, which then end its growth. */
function stackOp(rng: Rng, machine: Machine, run: Run): Op {
  const { page } = machine.task.space;
  const off = page[run.from]!.off;
  const roll = rng(6);
  if (roll === 0) return { op: 'grow', page: Math.max(0, run.from - 1 - rng(3)) };
  if (roll === 1) return { op: 'mlock', addr: BigInt(run.from * PAGE), len: 1n, onfault: false };
  if (roll === 2) {
    const limits = { ...makeLimits(rng, page.length), memlock: (1 + rng(3)) * PAGE };
    return { op: 'limits', limits, caps: 0, readImpliesExec: false };
  }
  if (run.area.anon === null) return { op: 'touch', page: run.from };
  if (off < run.from && rng(2) === 0) return { op: 'grow', page: Math.max(0, run.from - off - 1 - rng(2)) };
  const len = BigInt((run.to - run.from) * PAGE);
  const to = BigInt((run.to + rng(Math.max(1, page.length - run.to))) * PAGE);
  return { op: 'mremap', addr: BigInt(run.from * PAGE), len, newLen: len, flags: 3, to };
}

function mmapOp(rng: Rng, at: [number, number]): Op {
  const anonymous = rng(2) === 0;
  const file = anonymous ? -1 : rng(3) === 0 ? 3 + rng(15) : rng(3);
  let flags = pick(rng, [2, 2, 2, 1, 1, 3]);
  if (rng(100) === 0) flags = pick(rng, [0, 4, 8]);
  flags |= pick(rng, [0x10, 0x10, 0x10, 0x10, 0x100000, 0, 0]);
  if (anonymous) flags |= 0x20;
  for (const [bit, odds] of [
    [0x100, anonymous ? 7 : 40],
    [0x2000, 15],
    [0x4000, 12],
    [0x8000, 12],
    [0x10000, 30],
    [0x800, 40],
    [0x80000, 60],
  ] as const) {
    if (rng(odds) === 0) flags |= bit;
  }
  let [page, pages] = at;
  if (file === 17 && rng(4) !== 0) {
    // huge pages want multiples of their size
    page = Math.min(60, page - (page % 4));
    pages = 4 * (1 + rng(2));
  }
  // File pages follow the address most of the time, so that neighbours continue each other.
  let off = BigInt((rng(4) === 0 ? rng(20) : page + pick(rng, [0, 0, 0, 100])) * PAGE);
  // A wild offset goes with a plain length: of two registers beyond 2^52 the engine does not know the sum.
  const wild = rng(60) === 0;
  if (wild) off = pick(rng, WILD) & ~0xfffn;
  return {
    op: 'mmap',
    addr: (flags & 0x100010) === 0 && rng(2) === 0 ? 0n : addrOf(rng, page, 80),
    len: wild ? BigInt(pages * PAGE) : lenOf(rng, pages),
    prot: pick(rng, PROTS),
    flags,
    file,
    off,
  };
}

function mremapOp(rng: Rng, at: [number, number], runs: readonly Run[], pages: number): Op {
  const [page, n] = at;
  const flags = pick(rng, [0, 0, 1, 1, 1, 3, 3, 3, 5, 5, 7, 7, 2, 4, 8, 1]);
  const to = someRange(rng, runs, pages)[0];
  const len = rng(12) === 0 ? 0n : lenOf(rng, n);
  const same = rng((flags & 4) !== 0 ? 1 : 4) === 0 && rng(10) !== 0;
  const newLen = same ? len : lenOf(rng, Math.max(1, n + pick(rng, [-2, -1, 0, 1, 2, 4])));
  return { op: 'mremap', addr: addrOf(rng, page, 80), len, newLen, flags, to: addrOf(rng, to, 60) };
}

/** The next operation. */
export function makeOp(rng: Rng, machine: Machine): Op {
  const { space } = machine.task;
  const runs = space.runs();
  const { pages } = machine.setup;
  const rare = rng(5) === 0 ? rareRuns(rng, runs) : [];
  const at: [number, number] = someRange(rng, rare.length === 0 ? runs : rare, pages);
  const addr = (): bigint => addrOf(rng, at[0], 80);
  const len = (): bigint => lenOf(rng, at[1]);
  const roll = rng(100);
  if (rare.length !== 0 && rng(3) === 0) {
    const run = pick(rng, rare);
    if ((run.area.flags & 0x400000) !== 0) return hugeOp(rng, run, pages);
    if ((run.area.flags & 0x100) !== 0) return stackOp(rng, machine, run);
  }
  const join = rng(15) === 0 ? joinOp(rng, runs) : null;
  if (join !== null) return join;
  const stacks = runs.filter((run) => (run.area.flags & 0x100) !== 0);
  if (stacks.length !== 0 && rng(30) === 0) return stackOp(rng, machine, pick(rng, stacks));
  if (runs.length !== 0 && rng(12) === 0) return continueOp(rng, machine, pick(rng, runs));
  if (runs.length < 3 || roll < 24) return mmapOp(rng, at);
  if (roll < 32) return { op: 'munmap', addr: addr(), len: len() };
  if (roll < 44) {
    let prot = pick(rng, PROTS);
    if (rng(12) === 0) prot |= pick(rng, [0x01000000, 0x01000000, 0x02000000, 0x03000000, 8, 0x10, 0x40]);
    return { op: 'mprotect', addr: addr(), len: len(), prot };
  }
  if (roll < 57) return mremapOp(rng, at, runs, pages);
  if (roll < 62) {
    const page = Number(space.brk) / PAGE + rng(7) - 3;
    return { op: 'brk', addr: rng(40) === 0 ? pick(rng, WILD) : BigInt(Math.max(0, Math.floor(page * PAGE))) };
  }
  if (roll < 66) return { op: 'mlock', addr: addr(), len: len(), onfault: rng(3) === 0 };
  if (roll < 69) return { op: 'munlock', addr: addr(), len: len() };
  if (roll < 70) return { op: 'mlockall', flags: pick(rng, [1, 2, 3, 4, 5, 6, 7, 0, 8]) };
  if (roll < 71) return { op: 'munlockall' };
  if (roll < 80) return { op: 'madvise', addr: addr(), len: len(), advice: pick(rng, ADVICE) };
  if (roll < 82) return { op: 'msync', addr: addr(), len: len(), flags: pick(rng, [1, 2, 4, 6, 0, 5, 8]) };
  if (roll < 83) return { op: 'mincore', addr: addr(), len: len() };
  if (roll < 86) {
    const shared = runs.filter((run) => (run.area.flags & 8) !== 0);
    const [p, n] = shared.length !== 0 && rng(4) !== 0 ? someRange(rng, shared, pages) : at;
    const pgoff = rng(30) === 0 ? pick(rng, WILD) : BigInt(rng(3) === 0 ? rng(40) : p);
    const prot = rng(20) === 0 ? 1 : 0;
    return {
      op: 'remap',
      addr: addrOf(rng, p, 80),
      len: lenOf(rng, n),
      prot,
      pgoff,
      flags: rng(4) === 0 ? 0x10000 : 0,
    };
  }
  if (roll < 89) return { op: 'name', addr: addr(), len: len(), name: rng(3) };
  if (roll < 94) return { op: 'touch', page: pick(rng, rare.length === 0 ? runs : rare).from };
  if (roll < 96) {
    const run = pick(rng, stacks.length !== 0 && rng(8) !== 0 ? stacks : runs);
    return { op: 'grow', page: Math.max(0, run.from - 1 - rng(4)) };
  }
  if (roll < 97) return { op: 'fork' };
  if (roll < 98) return { op: 'switch', to: rng(3) };
  if (rng(3) === 0) return { op: 'exit', which: rng(3) };
  if (rng(2) === 0) return { op: 'special', page: rng(pages), pages: 1 + rng(2) };
  return {
    op: 'limits',
    limits: makeLimits(rng, pages),
    caps: pick(rng, [7, 0, 1, 2, 4]),
    readImpliesExec: rng(6) === 0,
  };
}

/** The generator of a sequence. */
export function rngOf(seed: number): Rng {
  return random(seed);
}
