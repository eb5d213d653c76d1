/**
 * `vmarea tour`: the three kinds of mapping made step by step on a whole machine, each step a real system call, with the
 * functions that it went through and the map after it. `--memory` shows what becomes of pages instead.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatEvents, Recorder, type Stage, type TraceEvent } from '@vmarea/explain';
import type { Kernel, Task } from '@vmarea/kernel';
import { usualHugePage } from '@vmarea/situation';
import { PTE_DIRTY, PTE_HUGE, PTE_WRITE, PTE_YOUNG, RETRY } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import {
  errnoName,
  MAP_ANONYMOUS,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  signalName,
} from '@vmarea/uapi';
import { openDriver, type OpenedDriver } from '../machine/drivers.ts';
import { UsageError, type Io } from '../text/io.ts';
import { reasonBook, stageFor } from '../machine/lab.ts';
import { situationOfRoot } from '../options/situation.ts';
import type { SituationOptions } from '../options/vocabulary.ts';

/** As the command line gives them. */
export interface TourOptions extends SituationOptions {
  readonly fs: string;
  /** The file's name, where nothing can be made. */
  readonly name?: string;
  readonly memory?: boolean;
  readonly json?: boolean;
}

/** One step, as `--json` prints it. */
export interface TourStep {
  /** What is done, in a sentence. */
  readonly title: string;
  /** The system call, or the access. */
  readonly call: string;
  readonly result: string;
  readonly events: readonly TraceEvent[];
  /** /proc/PID/maps afterwards. */
  readonly maps: string;
  /** With `--memory`: the pages of each task afterwards. */
  readonly pages?: readonly string[];
}

const RW = PROT_READ | PROT_WRITE;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** Makes the steps and keeps what they did. */
class Tour {
  readonly kernel: Kernel;
  readonly task: Task;
  readonly steps: TourStep[] = [];
  readonly page: number;
  /** Tasks and ranges whose pages are shown. */
  readonly watched: {
    readonly name: string;
    readonly task: Task;
    readonly start: number;
    readonly pages: number;
    readonly what: string;
  }[] = [];

  constructor(options: TourOptions) {
    const { kernel, task } = stageOf(options);
    this.kernel = kernel;
    this.task = task;
    this.page = kernel.system.pageSize;
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
    if (result < 0) throw new UsageError(`tour: ${call} = ${errnoName(-result)}`);
    this.note(title, call, result > 4096 ? hex(result) : String(result), events, task);
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
    this.note(
      title,
      value === null ? `load(${hex(address)})` : `store(${hex(address)}, ${value})`,
      result,
      events,
      task,
    );
  }

  private note(title: string, call: string, result: string, events: readonly TraceEvent[], task: Task): void {
    const step = { title, call, result, events, maps: task.exitStatus === null ? this.kernel.proc.maps(task) : '' };
    this.steps.push(this.watched.length === 0 ? step : { ...step, pages: this.pages() });
  }

  private pages(): string[] {
    const lines: string[] = [];
    for (const { name, task, start, pages, what } of this.watched) {
      for (let i = 0; i < pages; i++)
        lines.push(`${name} ${what} page ${i}: ${this.entry(task, start + i * this.page)}`);
    }
    return lines;
  }

  /** The page-table entry of an address, with what the frame is. */
  private entry(task: Task, address: number): string {
    const tables = task.mm.pageTables;
    const frames = this.kernel.memory?.frames;
    if (tables === null || frames === undefined) return 'no memory';
    const slot = tables.slot(address);
    const bits = slot < 0 ? 0 : tables.entry(slot);
    if (bits === 0) return 'none';
    const pfn = tables.pfn(slot);
    const names = [
      ...((bits & PTE_WRITE) === 0 ? ['read-only'] : ['writable']),
      ...((bits & PTE_DIRTY) === 0 ? [] : ['dirty']),
      ...((bits & PTE_YOUNG) === 0 ? [] : ['accessed']),
      ...((bits & PTE_HUGE) === 0 ? [] : ['huge']),
    ];
    const times = frames.mapcount[pfn]!;
    const mapped = times === 1 ? 'mapped once' : `mapped ${times} times`;
    const kind = pfn === frames.zeroPfn ? 'the zero page' : mapped;
    return `frame ${hex(pfn)}, ${names.join(', ')}; ${kind}`;
  }
}

/** The machine and the task that the options describe, with two huge pages where nothing tells how many there are. */
function stageOf(options: SituationOptions): Stage {
  const situation = situationOfRoot(options);
  const memory = situation.memory.value;
  const size = usualHugePage(situation.pageSize.value);
  const hugePages = memory.hugePages ?? { size, pages: 2 };
  const own = { ...situation, memory: { ...situation.memory, value: { ...memory, hugePages } } };
  return stageFor(own, 'tour');
}

/** Where the driver is mounted. */
const MOUNTPOINT = '/driver';

/** The driver of the tour, and the file on it. */
interface Place {
  readonly driver: OpenedDriver;
  readonly path: string;
}

/** The three kinds of mapping. */
async function mappings(tour: Tour, { driver, path }: Place): Promise<void> {
  const { task, page } = tour;
  const { sys } = task;
  const { name, writable } = driver;
  const fd = await tour.step(
    `A file on ${name}`,
    writable ? `open("${path}", O_RDWR|O_CREAT, 0644)` : `open("${path}", O_RDONLY)`,
    () => sys.open(path, writable ? O_RDWR | O_CREAT : O_RDONLY, 0o644),
  );
  if (writable) {
    await tour.step('It gets four pages', `ftruncate(${fd}, ${4 * page})`, () => sys.ftruncate(fd, 4 * page));
  }
  const file = await tour.step(
    'First kind: a file mapping',
    `mmap(NULL, ${4 * page}, ${writable ? 'PROT_READ|PROT_WRITE' : 'PROT_READ'}, MAP_SHARED, ${fd}, 0)`,
    () => sys.mmap(0, 4 * page, writable ? RW : PROT_READ, MAP_SHARED, fd, 0),
  );
  await tour.step('The descriptor is not needed any more', `close(${fd})`, () => sys.close(fd));
  const anon = await tour.step(
    'Second kind: anonymous memory, private',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
  );
  await tour.step(
    'More of it joins what is there',
    `mmap(NULL, ${page}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)`,
    () => sys.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
  );
  await tour.step(
    'Anonymous memory, shared: a file of shmem behind it',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
  );
  await tour.step(
    'Third kind: huge pages, anonymous',
    `mmap(NULL, ${page}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB, -1, 0)`,
    () => sys.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0),
  );
  const huge = await tour.step('A file on hugetlbfs', 'open("/huge/data", O_RDWR|O_CREAT, 0644)', () =>
    sys.open('/huge/data', O_RDWR | O_CREAT, 0o644),
  );
  await tour.step(
    'Huge pages of that file: the length is rounded up to a huge page',
    `mmap(NULL, ${page}, PROT_READ|PROT_WRITE, MAP_SHARED, ${huge}, 0)`,
    () => sys.mmap(0, page, RW, MAP_SHARED, huge, 0),
  );
  await tour.touch(`A ${writable ? 'store' : 'load'} brings a page of the file in`, task, file, writable ? 1 : null);
  await tour.touch('A store brings a page of anonymous memory in', task, anon, 1);
  await tour.step(
    'A page in the middle of the file mapping goes, and two mappings are left',
    `munmap(${hex(file + page)}, ${page})`,
    () => sys.munmap(file + page, page),
  );
}

/** Two tasks that share a file mapping and have a private one: what becomes of the pages. */
async function memory(tour: Tour, { driver, path }: Place): Promise<void> {
  const { task, page, kernel } = tour;
  const { sys } = task;
  const fd = await tour.step(`A file on ${driver.name}`, `open("${path}", O_RDWR|O_CREAT, 0644)`, () =>
    sys.open(path, O_RDWR | O_CREAT, 0o644),
  );
  await tour.step('It gets two pages', `ftruncate(${fd}, ${2 * page})`, () => sys.ftruncate(fd, 2 * page));
  const shared = await tour.step(
    'The first task maps it shared',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_SHARED, ${fd}, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_SHARED, fd, 0),
  );
  const own = await tour.step(
    'And once more, privately',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_PRIVATE, ${fd}, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_PRIVATE, fd, 0),
  );
  const watch = (name: string, who: Task): void => {
    tour.watched.push(
      { name, task: who, start: shared, pages: 2, what: 'shared' },
      { name, task: who, start: own, pages: 2, what: 'private' },
    );
  };
  watch('first', task);
  await tour.touch('A store through the shared mapping', task, shared, 1);
  await tour.touch('The private mapping reads the same frame', task, own, null);
  await tour.touch('A store through it makes a copy', task, own, 2);
  let child: Task | null = null;
  await tour.step(
    'A second task: shared frames are mapped again when touched, private ones are write-protected',
    'fork()',
    () => {
      const made = sys.fork();
      if (typeof made === 'number') return made;
      child = made;
      watch('second', made);
      return made.pid;
    },
  );
  const second = child as Task | null;
  if (second === null) throw new Error('tour: fork gave no task');
  await tour.touch('The second task sees the store of the first', second, shared, null);
  await tour.touch('It stores there, too', second, shared + 1, 3);
  await tour.touch('And the first sees that', task, shared + 1, null);
  await tour.touch('The second stores into its private page: another copy', second, own, 4);
  await tour.touch('The first still has its own', task, own, null);
  await tour.touch('Its next store finds that nobody else has the page', task, own, 5);
  await tour.step('The file loses its second page', `ftruncate(${fd}, ${page})`, () => sys.ftruncate(fd, page));
  await tour.touch('An access beyond the end is a bus error', task, shared + page, null);
  await tour.step('The file loses everything, private copies included', `ftruncate(${fd}, 0)`, () =>
    sys.ftruncate(fd, 0),
  );
  await tour.touch('Even where a copy was', second, own, null);
  second.sys.exit();
  tour.watched.splice(2);
  await tour.step('Both end; every frame is free again', `munmap(${hex(Math.min(shared, own))}, ${4 * page})`, () =>
    sys.munmap(Math.min(shared, own), 4 * page),
  );
  kernel.shutdown();
}

/**
 * Makes the tour.
 *
 * @throws UsageError for a filesystem that there is not, or that cannot be toured so
 */
export async function takeTour(options: TourOptions): Promise<TourStep[]> {
  // hostfs without a directory shows one that is there for the tour only
  const host = options.fs === 'hostfs' ? mkdtempSync(join(tmpdir(), 'vmarea-tour-')) : null;
  try {
    const driver = await openDriver(host === null ? options.fs : `hostfs:${host}`);
    const file = options.name ?? (driver.writable ? 'data' : driver.file);
    if (file === undefined) throw new UsageError(`--fs ${options.fs}: nothing can be made there; --name names a file`);
    if (options.memory === true && !driver.writable) {
      throw new UsageError(`--memory stores into a file, and ${options.fs} cannot be written to`);
    }
    const tour = newTour(options);
    const mounted = tour.kernel.tree.mount(MOUNTPOINT, driver.filesystem(tour.kernel.system));
    if (typeof mounted === 'number') throw new Error(`tour: mount = ${errnoName(-mounted)}`);
    const place = { driver, path: `${MOUNTPOINT}/${file.replace(/^\/+/, '')}` };
    await (options.memory === true ? memory(tour, place) : mappings(tour, place));
    return tour.steps;
  } finally {
    if (host !== null) rmSync(host, { recursive: true });
  }
}

function newTour(options: TourOptions): Tour {
  try {
    return new Tour(options);
  } catch (error) {
    if (error instanceof Error && error.name === 'SituationError') throw new UsageError(error.message);
    throw error;
  }
}

/** The maps lines that a step made or took away. */
function mapChanges(before: string, after: string): string[] {
  const old = before.split('\n');
  const now = after.split('\n');
  return [
    ...now.filter((line) => line !== '').map((line) => `${old.includes(line) ? ' ' : '+'} ${line.trimEnd()}`),
    ...old.filter((line) => line !== '' && !now.includes(line)).map((line) => `- ${line.trimEnd()}`),
  ];
}

/** `vmarea tour`. */
export async function tourCommand(options: TourOptions, io: Io): Promise<number> {
  const steps = await takeTour(options);
  if (options.json === true) {
    io.out(`${JSON.stringify(steps, null, 2)}\n`);
    return 0;
  }
  const book = reasonBook();
  let maps = '';
  steps.forEach((step, i) => {
    const lines = [
      `${i + 1}. ${step.title}`,
      `   ${io.colors.bold(`${step.call} = ${step.result}`)}`,
      ...formatEvents(step.events, book).map((line) => `     ${line}`),
      ...(step.pages ?? []).map((line) => `   ${line}`),
      ...(options.memory === true ? [] : mapChanges(maps, step.maps).map((line) => `   ${line}`)),
    ];
    maps = step.maps;
    io.out(`${lines.join('\n')}\n\n`);
  });
  return 0;
}
