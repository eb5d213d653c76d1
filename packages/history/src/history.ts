/** A finished history: the areas of any moment, changes, figures over time, and the first moment that satisfies a condition. */
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE } from '@vmarea/mm-core';
import { changesBetween } from './changes.ts';
import type { SpaceRow, Table } from './table.ts';
import type { Area, Change, Condition, Space, Step, Stretch } from './types.ts';

/** The history of all address spaces of a log, or of a series of maps. */
export class History {
  readonly #table: Table;

  /** @internal `HistoryRecorder` and `historyOfMaps` make it. */
  constructor(table: Table) {
    this.#table = table;
  }

  /** The number of steps, which is the last moment. */
  get steps(): number {
    return this.#table.moment;
  }

  /** The number of versions of areas. */
  get versions(): number {
    return this.#table.versions;
  }

  /** The size of the tables in bytes, without the texts of calls. */
  get memory(): number {
    return this.#table.memory;
  }

  /** All address spaces, in the order of their creation. */
  get spaces(): readonly Space[] {
    return this.#table.spaces.map((row, index) => spaceOf(row, index));
  }

  /**
   * Returns a step.
   *
   * @param moment from 1
   * @throws RangeError for a moment that does not exist
   */
  step(moment: number): Step {
    const table = this.#table;
    this.#check(moment, 1);
    const { kind, pid, space, name, reason } = table.mannerOf(moment);
    const result = table.result.get(moment);
    const recorded = table.recordedAt(moment);
    return {
      moment,
      kind,
      line: table.line.get(moment),
      pid,
      space,
      number: table.numberAt(moment),
      name,
      text: table.texts[moment]!,
      result: Number.isNaN(result) ? null : result,
      recorded: Number.isNaN(recorded) ? null : recorded,
      reason,
      areas: table.areas.get(moment),
      bytes: table.bytes.get(moment),
      resident: table.resident.get(moment) ?? null,
    };
  }

  /** Returns the moments of an address space's steps, ascending. */
  stepsOf(space: number): Uint32Array {
    return this.#space(space).steps.all();
  }

  /** Returns the moment after a memory call; 0 when no call has this number. */
  momentOfCall(number: number): number {
    return this.#table.momentOf(number);
  }

  /** Returns the ids of the areas alive at a moment, by address; {@link area} returns each of them. */
  idsAt(moment: number, space: number): Uint32Array {
    this.#check(moment, 0);
    const row = this.#space(space);
    if (moment < row.from || moment >= row.to) return new Uint32Array(0);
    return aliveAt(this.#table, row, moment);
  }

  /** Returns one version of an area. */
  area(id: number): Area {
    const table = this.#table;
    if (!(id >= 0 && id < this.versions)) throw new RangeError(`there is no area ${id}: there are ${this.versions}`);
    const { flags, identity } = table.lookOf(id);
    const { name, major, minor, inode } = table.identities[identity]!;
    return {
      id,
      start: table.start.get(id),
      end: table.end(id),
      read: (flags & VM_READ) !== 0,
      write: (flags & VM_WRITE) !== 0,
      exec: (flags & VM_EXEC) !== 0,
      shared: (flags & VM_MAYSHARE) !== 0,
      offset: table.offset.get(id),
      major,
      minor,
      inode,
      name,
      flags,
      since: table.born.get(id),
    };
  }

  /**
   * Returns the areas of an address space at a moment, by address; none before its creation and after its end.
   *
   * @throws RangeError for a moment or an address space that does not exist
   */
  at(moment: number, space: number): Area[] {
    return Array.from(this.idsAt(moment, space), (id) => this.area(id));
  }

  /** Returns the number of areas and of bytes, without listing the areas. */
  figuresAt(moment: number, space: number): { readonly areas: number; readonly bytes: number } {
    this.#check(moment, 0);
    const row = this.#space(space);
    if (moment < row.from || moment >= row.to) return { areas: 0, bytes: 0 };
    const step = row.steps.get(row.steps.lastNotAbove(moment));
    if (step === undefined) return { areas: 0, bytes: 0 };
    return { areas: this.#table.areas.get(step), bytes: this.#table.bytes.get(step) };
  }

  /** Returns the changes of an address space from one moment to another, by address. */
  changes(before: number, after: number, space: number): Change[] {
    return changesBetween(this.at(before, space), this.at(after, space));
  }

  /** Returns the changes by a step in its own address space. In a new address space that is not a copy, every area came. */
  changesOf(moment: number): Change[] {
    return this.changes(moment - 1, moment, this.step(moment).space);
  }

  /**
   * Returns figures of one address space over time, in at most `most` intervals of equal length.
   *
   * @param moments the first and the last one
   */
  stretches(space: number, moments: readonly [from: number, to: number], most: number): Stretch[] {
    const [from, to] = moments;
    this.#check(from, 0);
    this.#check(to, from);
    const table = this.#table;
    const row = this.#space(space);
    const length = Math.max(1, Math.ceil((to - from + 1) / Math.max(1, most)));
    const found: Stretch[] = [];
    let at = row.steps.lastNotAbove(from - 1) + 1;
    let last = row.steps.get(at - 1) ?? 0;
    for (let begin = from; begin <= to; begin += length) {
      const end = Math.min(to, begin + length - 1);
      // The figures of the last step are valid until the next.
      const holds = last !== 0 && begin >= row.from && begin < row.to;
      let areas = holds ? table.areas.get(last) : 0;
      let bytes = holds ? table.bytes.get(last) : 0;
      let resident = holds ? (table.resident.get(last) ?? NaN) : NaN;
      let failures = 0;
      let signals = 0;
      for (let step = row.steps.get(at); step !== undefined && step <= end; step = row.steps.get(++at)) {
        last = step;
        // The figures before the interval's first step count only when that step is not its first moment.
        areas = step === begin ? table.areas.get(step) : Math.max(areas, table.areas.get(step));
        bytes = step === begin ? table.bytes.get(step) : Math.max(bytes, table.bytes.get(step));
        const here = table.resident.get(step);
        if (here !== undefined) resident = Number.isNaN(resident) ? here : Math.max(resident, here);
        if (this.#failed(step)) failures++;
        if (table.mannerOf(step).kind === 'signal') signals++;
      }
      found.push({
        from: begin,
        to: end,
        areas,
        bytes,
        resident: Number.isNaN(resident) ? null : resident,
        failures,
        signals,
      });
    }
    return found;
  }

  /**
   * Returns the first moment that satisfies a condition, or 0.
   *
   * @param space the address space; any when left out
   * @param from the moment at which the search begins
   */
  first(condition: Condition, space?: number, from: number = 1): number {
    const table = this.#table;
    if (condition.kind === 'mapped') return this.#firstMapped(condition.address, space, from);
    const holds = (moment: number): boolean => {
      switch (condition.kind) {
        case 'areas':
          return table.areas.get(moment) > condition.above;
        case 'bytes':
          return table.bytes.get(moment) > condition.above;
        case 'failed':
          return this.#failed(moment);
        case 'differs':
          return this.#differs(moment);
      }
    };
    for (let moment = Math.max(1, from); moment <= this.steps; moment++) {
      if ((space === undefined || table.mannerOf(moment).space === space) && holds(moment)) return moment;
    }
    return 0;
  }

  /** Returns the moments at which an area that contains this address came, changed or went, ascending. */
  touching(address: number, space?: number): number[] {
    const table = this.#table;
    const moments = new Set<number>();
    for (let id = 0; id < this.versions; id++) {
      if (space !== undefined && table.lookOf(id).space !== space) continue;
      if (table.start.get(id) > address || table.end(id) <= address) continue;
      moments.add(table.born.get(id));
      if (table.died.get(id) <= this.steps) moments.add(table.died.get(id));
    }
    return [...moments].sort((a, b) => a - b);
  }

  /** Returns the address space of a process at a moment; -1 when it had none. */
  spaceOf(pid: number, moment: number): number {
    const table = this.#table;
    for (let index = table.spaces.length - 1; index >= 0; index--) {
      const row = table.spaces[index]!;
      if (row.pid === pid && moment >= row.from && moment < row.to) return index;
    }
    return -1;
  }

  #failed(moment: number): boolean {
    const result = this.#table.result.get(moment);
    return result < 0 || this.#table.recordedAt(moment) < 0;
  }

  #differs(moment: number): boolean {
    const result = this.#table.result.get(moment);
    const recorded = this.#table.recordedAt(moment);
    return result !== recorded && !Number.isNaN(result) && !Number.isNaN(recorded);
  }

  #firstMapped(address: number, space: number | undefined, from: number): number {
    const table = this.#table;
    let first = 0;
    // Versions are in the order of their birth: one that was born before `from` may still be alive.
    for (let id = 0; id < this.versions; id++) {
      const born = table.born.get(id);
      if (first !== 0 && born >= first) break;
      if (space !== undefined && table.lookOf(id).space !== space) continue;
      if (table.start.get(id) > address || table.end(id) <= address || table.died.get(id) <= from) continue;
      const moment = Math.max(born, from);
      if (moment >= table.spaces[table.lookOf(id).space]!.to) continue;
      if (first === 0 || moment < first) first = moment;
    }
    return first;
  }

  #check(moment: number, least: number): void {
    if (!(moment >= least && moment <= this.steps))
      throw new RangeError(`there is no moment ${moment}: there are ${least} to ${this.steps}`);
  }

  #space(index: number): SpaceRow {
    const row = this.#table.spaces[index];
    if (row === undefined)
      throw new RangeError(`there is no address space ${index}: there are ${this.#table.spaces.length}`);
    return row;
  }
}

function spaceOf({ pid, program, from, to, mmapBase, searchesUp }: SpaceRow, index: number): Space {
  return { index, pid, program, from, to, mmapBase, searchesUp };
}

/** Returns the versions alive at a moment: those of the last keyframe that are still alive, and those born since. */
function aliveAt(table: Table, row: SpaceRow, moment: number): Uint32Array {
  const { keyframes, versions } = row;
  let low = 0;
  let high = keyframes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyframes[middle]!.moment > moment) high = middle;
    else low = middle + 1;
  }
  const keyframe = keyframes[low - 1];
  const fresh: number[] = [];
  for (let i = keyframe?.versions ?? 0; i < versions.length; i++) {
    const version = versions.get(i)!;
    if (table.born.get(version) > moment) break;
    if (table.died.get(version) > moment) fresh.push(version);
  }
  fresh.sort((a, b) => table.start.get(a) - table.start.get(b));
  if (keyframe === undefined) return Uint32Array.from(fresh);
  const merged = new Uint32Array(keyframe.alive.length + fresh.length);
  let length = 0;
  let next = 0;
  for (const version of keyframe.alive) {
    if (table.died.get(version) <= moment) continue;
    const start = table.start.get(version);
    while (next < fresh.length && table.start.get(fresh[next]!) < start) merged[length++] = fresh[next++]!;
    merged[length++] = version;
  }
  while (next < fresh.length) merged[length++] = fresh[next++]!;
  return merged.subarray(0, length);
}
