/**
 * The rows of a history: versions of areas, each with the moments of its birth and death, and steps.
 *
 * Each address space has keyframes: the versions alive at a moment. The number of new versions between two keyframes is large
 * enough that keyframes need no more memory than versions.
 */
import type { Reason } from '@vmarea/replay';
import type { MapsLine } from '@vmarea/strace';
import { doubles, ints, ordinals, small, type Column } from './columns.ts';
import type { StepKind } from './types.ts';

/** Kinds of steps by number. */
export const KINDS: readonly StepKind[] = ['call', 'begin', 'fork', 'thread', 'exec', 'exit', 'signal', 'map'];

/** The death of a version that is alive. */
export const ALIVE = 0xffffffff;

/** A keyframe follows after this many new versions, or after as many as there are areas, whichever is more. */
const BETWEEN_KEYFRAMES = 1024;

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
  readonly from: number;
  to: number = Infinity;
  /** Its versions, in the order of their birth. */
  readonly versions: number[] = [];
  readonly keyframes: Keyframe[] = [];
  /** The versions alive now, by address. */
  alive: number[] = [];
  /** The bytes of the versions alive now. */
  bytes: number = 0;
  /** Its steps. */
  readonly steps: number[] = [];

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

/** The columns. */
export class Table {
  // Versions of areas.
  readonly space: Column<Uint32Array> = ordinals();
  readonly born: Column<Uint32Array> = ordinals();
  readonly died: Column<Uint32Array> = ordinals();
  readonly start: Column<Float64Array> = doubles();
  readonly end: Column<Float64Array> = doubles();
  readonly offset: Column<Float64Array> = doubles();
  readonly flags: Column<Int32Array> = ints();
  readonly identity: Column<Uint32Array> = ordinals();
  // Steps; row 0 is the moment before the first.
  readonly kind: Column<Uint8Array> = small();
  readonly line: Column<Uint32Array> = ordinals();
  readonly pid: Column<Int32Array> = ints();
  readonly stepSpace: Column<Uint32Array> = ordinals();
  readonly number: Column<Uint32Array> = ordinals();
  readonly name: Column<Uint32Array> = ordinals();
  readonly result: Column<Float64Array> = doubles();
  readonly recorded: Column<Float64Array> = doubles();
  readonly reason: Column<Uint32Array> = ordinals();
  readonly areas: Column<Uint32Array> = ordinals();
  readonly bytes: Column<Float64Array> = doubles();
  /** NaN when unknown. */
  readonly resident: Column<Float64Array> = doubles();
  /** Moments of the memory calls. */
  readonly calls: Column<Uint32Array> = ordinals();
  /** The texts of the log. */
  readonly texts: string[] = [];
  readonly names: string[] = [];
  readonly reasons: (Reason | null)[] = [null];
  readonly identities: Identity[] = [];
  readonly spaces: SpaceRow[] = [];
  readonly #nameOf = new Map<string, number>();
  readonly #reasonOf = new Map<string, number>();
  readonly #identityOf = new Map<string, number>();
  readonly #fileOf = new Map<string, number>();

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

  /** The bytes of the columns and keyframes, without texts. */
  get memory(): number {
    const columns: readonly Column<Float64Array | Int32Array | Uint32Array | Uint8Array>[] = [
      ...[this.space, this.born, this.died, this.start, this.end, this.offset, this.flags, this.identity],
      ...[this.kind, this.line, this.pid, this.stepSpace, this.number, this.name, this.result, this.recorded],
      ...[this.reason, this.areas, this.bytes, this.resident, this.calls],
    ];
    let bytes = columns.reduce((sum, column) => sum + column.bytes, 0);
    for (const { keyframes, versions, steps } of this.spaces) {
      bytes += 8 * (versions.length + steps.length);
      for (const { alive } of keyframes) bytes += alive.byteLength;
    }
    return bytes;
  }

  /** Adds a step; its figures are 0 until {@link settle}. @returns its moment */
  addStep(row: StepRow): number {
    const { reason } = row;
    this.kind.push(KINDS.indexOf(row.kind));
    this.line.push(row.line);
    this.pid.push(row.pid);
    this.stepSpace.push(row.space);
    this.number.push(row.number);
    this.name.push(intern(this.#nameOf, this.names, row.name, row.name));
    this.result.push(row.result ?? NaN);
    this.recorded.push(row.recorded ?? NaN);
    this.reason.push(
      reason === null ? 0 : intern(this.#reasonOf, this.reasons, `${reason.id} ${reason.sentence}`, reason),
    );
    this.areas.push(0);
    this.bytes.push(0);
    this.resident.push(NaN);
    this.texts.push(row.text);
    if (row.number > 0) this.calls.push(this.moment);
    this.spaces[row.space]?.steps.push(this.moment);
    return this.moment;
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
    const from = firstWhere(alive, (version) => this.end.get(version) > low);
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
    return (
      this.start.get(version) === area.start &&
      this.end.get(version) === area.end &&
      this.flags.get(version) === area.flags &&
      this.offset.get(version) === area.offset &&
      this.identity.get(version) === area.identity
    );
  }

  #bear(space: number, row: SpaceRow, area: AreaRow, moment: number): number {
    const version = this.born.length;
    this.space.push(space);
    this.born.push(moment);
    this.died.push(ALIVE);
    this.start.push(area.start);
    this.end.push(area.end);
    this.offset.push(area.offset);
    this.flags.push(area.flags);
    this.identity.push(area.identity);
    row.versions.push(version);
    row.bytes += area.end - area.start;
    return version;
  }

  #die(row: SpaceRow, version: number, moment: number): void {
    this.died.set(version, moment);
    row.bytes -= this.end.get(version) - this.start.get(version);
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
