/**
 * Which call stack each area of an address space comes from, for logs of `strace -k` and `-kk`.
 *
 * An area is owed to the call that made it begin where it begins: the call that mapped it there, or that cut it off from what
 * lies below. A call is made before the log shows its stack, so it leaves an {@link Origin} at the addresses and the stack
 * is filled in when it comes.
 */
import { findVma, type Mm } from '@vmarea/mm-core';
import { areaKind, KindCounter } from '@vmarea/situation';
import type { Call, MapsLine, MemoryOp, StackEvent } from '@vmarea/strace';
import { errnoName, MAP_FIXED, MAP_FIXED_NOREPLACE } from '@vmarea/uapi';
import type { Space } from '../process/process.ts';
import type { StackReport, StackRow } from '../report/report.ts';
import { stackFrames, stackKey } from './frames.ts';

/** Different stacks that are told apart; the rest counts as one. */
const MOST_STACKS = 65_536;
/** Stacks that are reported. */
const REPORTED = 10;
/** Files that are reported. */
const FILES = 5;
/** Entries beside those of the areas that are there, before they are thinned out. */
const SPARE = 10_000;

/** What one stack has done. */
export interface StackCount {
  /** Innermost first, as text; empty for the calls that could not be told apart any more. */
  readonly frames: readonly string[];
  /** Where in it the program's own part begins: wrappers of system calls come before. */
  readonly caller: number;
  calls: number;
  splits: number;
  readonly failed: Map<string, number>;
}

/** Who made an area begin somewhere. */
export interface Origin {
  /** Null as long as no stack has come: the log has none for this call. */
  stack: StackCount | null;
}

/** What is known before a call is made. */
interface Before {
  readonly areasBegin: ReadonlySet<number>;
  readonly splits: number;
}

/** A call whose stack has not come yet. */
interface Waiting {
  readonly call: Call;
  readonly origin: Origin;
  readonly splits: number;
  readonly error: string;
}

/** Areas of a map by their stacks. */
export interface Holder {
  areas: number;
  bytes: number;
  readonly kinds: KindCounter;
}

/** A map at a moment. */
export interface Shown {
  readonly lines: readonly MapsLine[];
  readonly space: Space;
  readonly pid: number;
  readonly line: number;
  readonly moment: string;
}

/** A map at a moment, and who holds its areas. */
export interface HeldMap {
  readonly shown: Shown;
  readonly holders: ReadonlyMap<StackCount, Holder>;
  readonly unknown: Holder;
  readonly before: Holder;
}

/** The stacks of one replay. */
export class StackLedger {
  readonly #stacks = new Map<string, StackCount>();
  readonly #others: StackCount = { frames: [], caller: 0, calls: 0, splits: 0, failed: new Map() };
  readonly #waiting = new Map<number, Waiting>();
  #before: Before = { areasBegin: new Set(), splits: 0 };
  #withStack = 0;
  #calls = 0;

  /** A memory call is about to be made. @param splits so far */
  before(mm: Mm, op: MemoryOp, splits: number): void {
    this.#before = { areasBegin: new Set(bordersOf(op, mm, null).filter((at) => beginsAt(mm, at))), splits };
  }

  /** It has been made, or it failed in the log. @param result null without one */
  after(made: { mm: Mm; space: Space; call: Call; op: MemoryOp; result: number | null; splits: number }): void {
    const { mm, space, call, op, result } = made;
    this.#calls++;
    const failed = call.failed || (call.ret !== null && call.ret < 0);
    const origin: Origin = { stack: null };
    const error = failed ? (call.ret === null ? 'errno unknown' : errnoName(call.ret)) : '';
    this.#waiting.set(call.pid, { call, origin, splits: made.splits - this.#before.splits, error });
    if (failed || (result !== null && result < 0)) return;
    space.origins ??= new Map();
    const placed = op.op === 'mmap' || op.op === 'mremap' ? result : null;
    for (const at of bordersOf(op, mm, placed)) {
      if (!beginsAt(mm, at)) continue;
      if (at === placed || !this.#before.areasBegin.has(at)) space.origins.set(at, origin);
    }
    if (space.origins.size > 2 * mm.mapCount + SPARE) thinOut(mm, space.origins);
  }

  /** The stack of a call, which follows it in the log. */
  stack(event: StackEvent): void {
    const waiting = this.#waiting.get(event.pid);
    if (waiting === undefined || event.of === null || waiting.call.line !== event.of.line) return;
    this.#waiting.delete(event.pid);
    this.#withStack++;
    const stack = this.#count(event);
    waiting.origin.stack = stack;
    stack.calls++;
    stack.splits += waiting.splits;
    if (waiting.error !== '') stack.failed.set(waiting.error, (stack.failed.get(waiting.error) ?? 0) + 1);
  }

  #count(event: StackEvent): StackCount {
    const key = stackKey(event.frames);
    const known = this.#stacks.get(key);
    if (known !== undefined) return known;
    if (this.#stacks.size >= MOST_STACKS) return this.#others;
    const made: StackCount = { ...stackFrames(event.frames), calls: 0, splits: 0, failed: new Map() };
    this.#stacks.set(key, made);
    return made;
  }

  /** Sums up a map by the stacks that it comes from. */
  hold(shown: Shown): HeldMap {
    const { lines, space } = shown;
    const holders = new Map<StackCount, Holder>();
    const [unknown, before] = [newHolder(), newHolder()];
    for (const [i, area] of lines.entries()) {
      const origin = space.origins?.get(area.start);
      const holder = origin === undefined ? before : origin.stack === null ? unknown : holderOf(holders, origin.stack);
      holder.areas++;
      holder.bytes += area.end - area.start;
      const below = lines[i - 1];
      holder.kinds.add(below?.end === area.start ? `${areaKind(area)} right above ${areaKind(below)}` : areaKind(area));
    }
    return { shown, holders, unknown, before };
  }

  /** The report of a map, when the log is at its end. */
  report({ shown, holders, unknown, before }: HeldMap): StackReport {
    const { lines, pid, line, moment } = shown;
    const sorted = [...holders].sort((a, b) => b[1].areas - a[1].areas);
    const failing = [...this.#stacks.values(), this.#others].filter(({ failed }) => failed.size > 0);
    const failures = (stack: StackCount): number => [...stack.failed.values()].reduce((sum, times) => sum + times, 0);
    failing.sort((a, b) => failures(b) - failures(a));
    return {
      pid,
      line,
      moment,
      areas: lines.length,
      calls: this.#calls,
      callsWithStack: this.#withStack,
      stacks: holders.size,
      files: byFile(sorted),
      holding: sorted.slice(0, REPORTED).map(([stack, holder]) => rowOf(stack, holder)),
      failing: failing.slice(0, REPORTED).map((stack) => rowOf(stack, holders.get(stack) ?? newHolder())),
      withoutStack: unknown.areas,
      notByCalls: before.areas,
    };
  }
}

/** Areas by the file of the frame that says where. */
function byFile(holders: readonly (readonly [StackCount, Holder])[]): [string, number][] {
  const files = new Map<string, number>();
  for (const [{ frames, caller }, { areas }] of holders) {
    const file = /^.*?(?=\+0x| \(|$)/.exec(frames[caller] ?? '')?.[0] ?? '';
    files.set(file, (files.get(file) ?? 0) + areas);
  }
  return [...files].sort((a, b) => b[1] - a[1]).slice(0, FILES);
}

function newHolder(): Holder {
  return { areas: 0, bytes: 0, kinds: new KindCounter() };
}

function holderOf(holders: Map<StackCount, Holder>, stack: StackCount): Holder {
  let holder = holders.get(stack);
  if (holder === undefined) holders.set(stack, (holder = newHolder()));
  return holder;
}

function rowOf({ frames, caller, calls, splits, failed }: StackCount, { areas, bytes, kinds }: Holder): StackRow {
  const most = kinds.most();
  return {
    frames,
    caller,
    areas,
    bytes,
    calls,
    splits,
    failed: Object.fromEntries(failed),
    kind: most === null ? null : { text: most[0], times: most[1] },
  };
}

function beginsAt(mm: Mm, at: number): boolean {
  return findVma(mm, at)?.vmStart === at;
}

/**
 * Where a call may make areas begin: where its range begins, and behind it.
 *
 * @param placed where the kernel has put what it maps; null before the call, or when it maps nothing
 */
function bordersOf(op: MemoryOp, mm: Mm, placed: number | null): number[] {
  const { pageSize } = mm.system;
  const up = (value: number): number => Math.ceil(value / pageSize) * pageSize;
  switch (op.op) {
    case 'mmap': {
      const fixed = (op.flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
      const at = placed ?? (fixed ? Number(op.addr) : null);
      return at === null ? [] : [at, ...(fixed ? [at + up(Number(op.len))] : [])];
    }
    case 'mremap': {
      const old = Number(op.addr);
      const borders = [old + up(Number(op.newLen)), old + up(Number(op.oldLen))];
      return placed === null ? borders : [placed, ...borders];
    }
    case 'brk':
      return [mm.startBrk, up(mm.startBrk)];
    case 'munmap':
    case 'mprotect':
    case 'madvise':
    case 'mlock':
    case 'munlock':
    case 'remapFilePages':
    case 'setVmaName':
      return [Number(op.addr), Number(op.addr) + up(Number(op.len))];
    default:
      return [];
  }
}

/** Forgets addresses at which no area begins any more. */
function thinOut(mm: Mm, origins: Map<number, Origin>): void {
  for (const at of origins.keys()) if (!beginsAt(mm, at)) origins.delete(at);
}
