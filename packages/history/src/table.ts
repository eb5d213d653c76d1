/**
 * The rows of a history: versions of areas, each with the moments of its birth and death, and steps.
 *
 * Each address space has keyframes: the versions alive at a moment. The number of new versions between two keyframes is large
 * enough that keyframes need no more memory than versions.
 */
import type { Reason } from '@vmarea/replay';
import type { MapsLine } from '@vmarea/strace';
import { lastNotAbove, ordinals, Pages, Runs, Wide, type Column } from './columns.ts';
import type { StepKind } from './types.ts';

/** The death of a version that is alive. */
export const ALIVE = 0xffffffff;

/** A keyframe follows after this many new versions, or after as many as there are areas, whichever is more. */
const BETWEEN_KEYFRAMES = 2048;

/** The fields of a map's line that name an area. */
export type Identity = Pick<MapsLine, 'name' | 'major' | 'minor' | 'inode'>;

/** The present state of an area. */
export interface AreaRow {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly flags: number;
  /** Index in `identities`. */
  readonly identity: number;
}

/** The versions alive at a moment, by address. */
export interface Keyframe {
  readonly moment: number;
  /** The number of the space's versions at that moment. */
  readonly versions: number;
  readonly alive: Uint32Array;
}

/** An address space under construction. */
export class SpaceRow {
  readonly pid: number;
  program: string = '';
  mmapBase: number = 0;
  searchesUp: boolean = false;
  readonly from: number;
  to: number = Infinity;
  /** Its versions, in the order of their birth. */
  readonly versions: Runs = new Runs();
  readonly keyframes: Keyframe[] = [];
  /** The versions alive now, by address. */
  alive: number[] = [];
  /** The bytes of the versions alive now. */
  bytes: number = 0;
  /** Its steps. */
  readonly steps: Runs = new Runs();
  /** Indices in `looks`, by flags and identity. */
  readonly lookOf: Map<number, number> = new Map<number, number>();

  constructor(pid: number, from: number) {
    this.pid = pid;
    this.from = from;
  }
}

/** The data of a step that is added. */
export interface StepRow {
  readonly kind: StepKind;
  readonly line: number;
  readonly pid: number;
  readonly space: number;
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly result: number | null;
  readonly recorded: number | null;
  readonly reason: Reason | null;
}

/** What many versions have in common. */
export interface Look {
  readonly space: number;
  /** VM_ bits. */
  readonly flags: number;
  /** Index in `identities`. */
  readonly identity: number;
}

/** What many steps have in common. */
export interface Manner {
  readonly kind: StepKind;
  readonly pid: number;
  readonly space: number;
  readonly name: string;
  readonly reason: Reason | null;
}

/** The columns: 26 bytes for a version, 24 for a step. */
export class Table {
  // Versions of areas.
  readonly look: Column<Uint32Array> = ordinals();
  readonly born: Column<Uint32Array> = ordinals();
  readonly died: Column<Uint32Array> = ordinals();
  readonly start: Wide = new Wide();
  readonly size: Pages = new Pages();
  readonly offset: Pages = new Pages();
  // Steps; row 0 is the moment before the first.
  readonly manner: Column<Uint32Array> = ordinals();
  readonly line: Column<Uint32Array> = ordinals();
  readonly result: Wide = new Wide();
  readonly areas: Column<Uint32Array> = ordinals();
  readonly bytes: Wide = new Wide();
  /** Moments whose recorded result is another than `result`, and that result. */
  readonly otherwise: Column<Uint32Array> = ordinals();
  readonly recorded: Wide = new Wide();
  /** Resident bytes by moment, of a series of smaps. */
  readonly resident: Map<number, number> = new Map<number, number>();
  /** Moments of the memory calls, and their number where it is not one more than that of the call before. */
  readonly calls: Runs = new Runs();
  readonly #numberedAt = ordinals();
  readonly #numberedFrom = ordinals();
  /** The texts of the log. */
  readonly texts: string[] = [];
  readonly looks: Look[] = [];
  readonly manners: Manner[] = [];
  readonly identities: Identity[] = [];
  readonly spaces: SpaceRow[] = [];
  readonly #mannerOf = new Map<string, number>();
  readonly #identityOf = new Map<string, number>();
  readonly #fileOf = new Map<string, number>();
  #lastNumber = 0;

  constructor() {
    this.addStep({
      kind: 'begin',
      line: 0,
      pid: 0,
      space: 0,
      number: 0,
      name: '',
      text: '',
      result: null,
      recorded: null,
      reason: null,
    });
  }

  /** The last moment. */
  get moment(): number {
    return this.texts.length - 1;
  }

  /** The number of versions. */
  get versions(): number {
    return this.born.length;
  }

  /** The bytes of the columns and keyframes, without texts. */
  get memory(): number {
    const columns: readonly { readonly bytes: number }[] = [
      ...[this.look, this.born, this.died, this.start, this.size, this.offset],
      ...[this.manner, this.line, this.result, this.areas, this.bytes],
      ...[this.otherwise, this.recorded, this.calls, this.#numberedAt, this.#numberedFrom],
    ];
    let bytes = columns.reduce((sum, column) => sum + column.bytes, 0);
    for (const { keyframes, versions, steps } of this.spaces) {
      bytes += versions.bytes + steps.bytes;
      for (const { alive } of keyframes) bytes += alive.byteLength;
    }
    return bytes;
  }

  /** Returns the end of a version's range. */
  end(version: number): number {
    return this.start.get(version) + this.size.get(version);
  }

  lookOf(version: number): Look {
    return this.looks[this.look.get(version)]!;
  }

  mannerOf(moment: number): Manner {
    return this.manners[this.manner.get(moment)]!;
  }

  /** Returns the result in the log; NaN without one. */
  recordedAt(moment: number): number {
    const i = lastNotAbove(this.otherwise, moment);
    return i >= 0 && this.otherwise.get(i) === moment ? this.recorded.get(i) : this.result.get(moment);
  }

  /** Returns the number of a memory call; 0 for another step. */
  numberAt(moment: number): number {
    const i = this.calls.lastNotAbove(moment);
    if (i < 0 || this.calls.get(i) !== moment) return 0;
    const run = lastNotAbove(this.#numberedAt, i);
    return this.#numberedFrom.get(run) + i - this.#numberedAt.get(run);
  }

  /** Returns the moment after a memory call; 0 when no call has this number. */
  momentOf(number: number): number {
    const run = lastNotAbove(this.#numberedFrom, number);
    if (run < 0) return 0;
    const moment = this.calls.get(this.#numberedAt.get(run) + number - this.#numberedFrom.get(run));
    return moment !== undefined && this.numberAt(moment) === number ? moment : 0;
  }

  /** Adds a step. @returns its moment */
  addStep(row: StepRow): number {
    const { kind, pid, space, name, reason, number, line } = row;
    this.texts.push(row.text);
    const { moment } = this;
    const key = `${kind} ${pid} ${space} ${name} ${reason === null ? '' : `${reason.id} ${reason.sentence}`}`;
    this.manner.push(intern(this.#mannerOf, this.manners, key, { kind, pid, space, name, reason }));
    this.line.push(line);
    const result = row.result ?? NaN;
    const recorded = row.recorded ?? NaN;
    this.result.push(result);
    if (!Object.is(result, recorded)) {
      this.otherwise.push(moment);
      this.recorded.push(recorded);
    }
    this.areas.push(0);
    this.bytes.push(0);
    if (number > 0) {
      if (this.calls.length === 0 || number !== this.#lastNumber + 1) {
        this.#numberedAt.push(this.calls.length);
        this.#numberedFrom.push(number);
      }
      this.#lastNumber = number;
      this.calls.push(moment);
    }
    this.spaces[space]?.steps.push(moment);
    return moment;
  }

  /** Adds an address space. @returns its index */
  addSpace(pid: number, from: number): number {
    this.spaces.push(new SpaceRow(pid, from));
    return this.spaces.length - 1;
  }

  /** Returns the index of an identity; adds it when it is new. */
  identityOf(identity: Identity): number {
    const { name, major, minor, inode } = identity;
    if (inode === 0 && major === 0 && minor === 0) return intern(this.#identityOf, this.identities, name, identity);
    return intern(this.#fileOf, this.identities, `${major}:${minor}:${inode}:${name}`, identity);
  }

  /** Returns the part of `alive` (indices) that overlaps a range of addresses. */
  rangeOf({ alive }: SpaceRow, low: number, high: number): readonly [from: number, to: number] {
    const from = firstWhere(alive, (version) => this.end(version) > low);
    const to = firstWhere(alive, (version) => this.start.get(version) >= high);
    return [from, Math.max(from, to)];
  }

  /**
   * Replaces the versions `from` to `to` (indices in `alive`) by the areas `now`. Versions equal to an area stay alive.
   *
   * @param moment the birth of the new versions
   */
  replace(space: number, [from, to]: readonly [number, number], now: readonly AreaRow[], moment: number): void {
    const row = this.spaces[space]!;
    const old = row.alive.slice(from, to);
    const next: number[] = [];
    let at = 0;
    for (const area of now) {
      while (at < old.length && this.start.get(old[at]!) < area.start) this.#die(row, old[at++]!, moment);
      if (at < old.length && this.#same(old[at]!, area)) next.push(old[at++]!);
      else next.push(this.#bear(space, row, area, moment));
    }
    while (at < old.length) this.#die(row, old[at++]!, moment);
    if (next.length === old.length) for (let i = 0; i < next.length; i++) row.alive[from + i] = next[i]!;
    else row.alive.splice(from, old.length, ...next);
  }

  /** Sets a step's figures of a space, and adds a keyframe when one is due. */
  settle(space: number, moment: number, resident: number | null = null): void {
    const row = this.spaces[space]!;
    this.areas.set(moment, row.alive.length);
    this.bytes.set(moment, row.bytes);
    if (resident !== null) this.resident.set(moment, resident);
    const since = row.versions.length - (row.keyframes.at(-1)?.versions ?? 0);
    if (since < Math.max(BETWEEN_KEYFRAMES, row.alive.length)) return;
    row.keyframes.push({ moment, versions: row.versions.length, alive: Uint32Array.from(row.alive) });
  }

  #same(version: number, area: AreaRow): boolean {
    const { flags, identity } = this.lookOf(version);
    return (
      this.start.get(version) === area.start &&
      this.end(version) === area.end &&
      flags === area.flags &&
      this.offset.get(version) === area.offset &&
      identity === area.identity
    );
  }

  #bear(space: number, row: SpaceRow, area: AreaRow, moment: number): number {
    const { start, end, offset, flags, identity } = area;
    const version = this.born.length;
    const key = identity * 2 ** 32 + (flags >>> 0);
    let look = row.lookOf.get(key);
    if (look === undefined) {
      look = this.looks.push({ space, flags, identity }) - 1;
      row.lookOf.set(key, look);
    }
    this.look.push(look);
    this.born.push(moment);
    this.died.push(ALIVE);
    this.start.push(start);
    this.size.push(end - start);
    this.offset.push(offset);
    row.versions.push(version);
    row.bytes += end - start;
    return version;
  }

  #die(row: SpaceRow, version: number, moment: number): void {
    this.died.set(version, moment);
    row.bytes -= this.size.get(version);
  }
}

function intern<T>(known: Map<string, number>, list: T[], key: string, value: T): number {
  const found = known.get(key);
  if (found !== undefined) return found;
  known.set(key, list.length);
  list.push(value);
  return list.length - 1;
}

/** Returns the index of the first element for which `holds` is true; it must be true for all that follow. */
function firstWhere(list: readonly number[], holds: (value: number) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
