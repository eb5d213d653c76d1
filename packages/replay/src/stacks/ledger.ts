/**
 * Records which call stack each area of an address space comes from, for logs of `strace -k` and `-kk`.
 *
 * An area belongs to the call that set its start: the call that mapped it, or that split it off the area below. The log shows a
 * call's stack after the call, so the call stores an {@link Origin} at the addresses, and {@link StackLedger.stack} fills in the
 * stack.
 */
import { findVma, type Mm } from '@vmarea/mm-core';
import { areaKind, KindCounter } from '@vmarea/situation';
import type { Call, MapsLine, MemoryOp, StackEvent } from '@vmarea/strace';
import { errnoName, MAP_FIXED, MAP_FIXED_NOREPLACE } from '@vmarea/uapi';
import type { Space } from '../process/process.ts';
import type { StackReport, StackRow } from '../report/report.ts';
import { stackFrames, stackKey } from './frames.ts';

/** The limit of different stacks; the ones beyond it count as one. */
const MOST_STACKS = 65_536;
/** The number of stacks in a report. */
const REPORTED = 10;
/** The number of files in a report. */
const FILES = 5;
/** The number of entries without an area that may accumulate before {@link thinOut}. */
const SPARE = 10_000;

/** The counts of one stack. */
export interface StackCount {
  /** The frames as text, innermost first; empty for the stacks beyond the limit. */
  readonly frames: readonly string[];
  /** The index of the first frame that is not a system call's wrapper. */
  readonly caller: number;
  calls: number;
  splits: number;
  readonly failed: Map<string, number>;
}

/** The call that set an area's start. */
export interface Origin {
  /** Null until the stack arrives, and when the log has none for this call. */
  stack: StackCount | null;
}

/** The state before a call. */
interface Before {
  readonly areasBegin: ReadonlySet<number>;
  readonly splits: number;
}

/** A call whose stack has not arrived yet. */
interface Waiting {
  readonly call: Call;
  readonly origin: Origin;
  readonly splits: number;
  readonly error: string;
}

/** The areas of one stack in a map. */
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

/** A map at a moment, with its areas by stack. */
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

  /** Called before a memory call. @param splits the number of splits so far */
  before(mm: Mm, op: MemoryOp, splits: number): void {
    this.#before = { areasBegin: new Set(bordersOf(op, mm, null).filter((at) => beginsAt(mm, at))), splits };
  }

  /** Called after a memory call, made or failed in the log. @param result null without one */
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

  /** Called for the stack of a call, which follows the call in the log. */
  stack(event: StackEvent): void {
    const waiting = this.#waiting.get(event.pid);
    if (waiting === undefined || waiting.call.line !== event.of?.line) return;
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

  /** Counts a map's areas by stack. */
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

  /** Returns the report of a map, at the end of the log. */
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

/** Counts areas by the file of the first frame that is not a wrapper. */
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
 * Returns the addresses at which a call may create the start of an area: the start and the end of its range.
 *
 * @param placed the address at which the kernel mapped; null before the call, or when it maps nothing
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

/** Removes addresses at which no area starts any more. */
function thinOut(mm: Mm, origins: Map<number, Origin>): void {
  for (const at of origins.keys()) if (!beginsAt(mm, at)) origins.delete(at);
}
