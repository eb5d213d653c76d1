/** The steps of a tour: real system calls on a whole machine, each with what it went through and the map after it. */
import type { Kernel, Task } from '@vmarea/kernel';
import { PTE_DIRTY, PTE_HUGE, PTE_WRITE, PTE_YOUNG, RETRY } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import { errnoName, signalName } from '@vmarea/uapi';
import { Recorder, type TraceEvent } from '../answer/recorder.ts';
import { pageStates, type PageState } from './page-state.ts';

/** A tour that cannot be made; the message says which call failed. */
export class TourError extends Error {
  override readonly name = 'TourError';
}

/** Where a tour is made: a machine with memory, with hugetlbfs at /huge and a filesystem for one file. */
export interface TourPlace {
  readonly kernel: Kernel;
  readonly task: Task;
  /** The driver of the file: its name, and whether files can be made and written. */
  readonly driver: { readonly name: string; readonly writable: boolean };
  /** The path of the file. */
  readonly path: string;
}

/** What is toured. */
export interface TourOptions {
  /** The kinds of mapping, or what becomes of the pages of two tasks. */
  readonly what: 'mappings' | 'pages';
  /** Told of each step, with the task that made it, in the state after it. */
  readonly onStep?: ((step: TourStep, task: Task) => void) | undefined;
}

/** One step. */
export interface TourStep {
  /** What is done, in a sentence. */
  readonly title: string;
  /** The system call, or the access. */
  readonly call: string;
  readonly result: string;
  readonly events: readonly TraceEvent[];
  /** /proc/PID/maps afterwards. */
  readonly maps: string;
  /** In a tour of pages: the pages of each task afterwards. */
  readonly pages?: readonly string[];
}

export const hex = (value: number): string => `0x${value.toString(16)}`;

/** Makes the steps and keeps what they did. */
export class Tour {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly steps: TourStep[] = [];
  /** Bytes of a page. */
  readonly page: number;
  readonly #told: TourOptions['onStep'];
  /** Tasks and ranges whose pages are shown. */
  readonly watched: {
    readonly name: string;
    readonly task: Task;
    readonly start: number;
    readonly pages: number;
    readonly what: string;
  }[] = [];

  constructor({ kernel, task }: TourPlace, told: TourOptions['onStep']) {
    this.kernel = kernel;
    this.task = task;
    this.page = kernel.system.pageSize;
    this.#told = told;
  }

  /** Does something that may have to be repeated for a driver that waits: what its last repetition did is recorded. */
  private async record(task: Task, run: () => number): Promise<{ result: number; events: readonly TraceEvent[] }> {
    let events: readonly TraceEvent[] = [];
    const result = await this.kernel.run(task, () => {
      const recorder = new Recorder();
      task.mm.tracer = recorder;
      const answer = run();
      task.mm.tracer = null;
      events = recorder.events;
      return answer;
    });
    return { result, events };
  }

  /** One step of a task: the result, which must not be an error unless a signal was wanted. */
  async step(title: string, call: string, run: () => number, task: Task = this.task): Promise<number> {
    const { result, events } = await this.record(task, run);
    if (result < 0) throw new TourError(`tour: ${call} = ${errnoName(-result)}`);
    this.note(title, { call, result: result > 4096 ? hex(result) : String(result) }, events, task);
    return result;
  }

  /** A load or store of a task: it may end in a signal, which is part of the tour. */
  async touch(title: string, task: Task, address: number, value: number | null): Promise<void> {
    const memory = new UserMemory(task.cur);
    const { result: got, events } = await this.record(task, () => {
      const answer = value === null ? memory.load8(address) : memory.store8(address, value);
      return answer < 0 && memory.fault === RETRY ? RETRY : answer;
    });
    const result = got < 0 ? signalName(memory.signal) : String(got);
    const call = value === null ? `load(${hex(address)})` : `store(${hex(address)}, ${value})`;
    this.note(title, { call, result }, events, task);
  }

  private note(
    title: string,
    done: Pick<TourStep, 'call' | 'result'>,
    events: readonly TraceEvent[],
    task: Task,
  ): void {
    const maps = task.exitStatus === null ? this.kernel.proc.maps(task) : '';
    const step = { title, ...done, events, maps };
    const whole = this.watched.length === 0 ? step : { ...step, pages: this.pages() };
    this.steps.push(whole);
    this.#told?.(whole, task);
  }

  private pages(): string[] {
    const lines: string[] = [];
    for (const { name, task, start, pages, what } of this.watched) {
      const end = start + pages * this.page;
      const states = new Map(pageStates(this.kernel, task, start, end).map((state) => [state.address, state]));
      for (let i = 0; i < pages; i++)
        lines.push(`${name} ${what} page ${i}: ${pageText(states.get(start + i * this.page))}`);
    }
    return lines;
  }
}

/** Says a page-table entry in words. */
function pageText(state: PageState | undefined): string {
  if (state === undefined) return 'none';
  const { bits, pfn, mapcount, zeroPage } = state;
  const names = [
    ...((bits & PTE_WRITE) === 0 ? ['read-only'] : ['writable']),
    ...((bits & PTE_DIRTY) === 0 ? [] : ['dirty']),
    ...((bits & PTE_YOUNG) === 0 ? [] : ['accessed']),
    ...((bits & PTE_HUGE) === 0 ? [] : ['huge']),
  ];
  const mapped = mapcount === 1 ? 'mapped once' : `mapped ${mapcount} times`;
  return `frame ${hex(pfn)}, ${names.join(', ')}; ${zeroPage ? 'the zero page' : mapped}`;
}
