// Generated programs with System V segments, fork, partial unmapping and removal: `nattch` against a model that counts areas,
// bytes against a model of the segments, and the invariants of every address space after each step.
import { type Kernel, type Task } from '@vmarea/kernel';
import {
  EINVAL,
  IPC_CREAT,
  IPC_PRIVATE,
  IPC_RMID,
  IPC_STAT,
  LINUX_6_1,
  LINUX_6_12,
  MSM_4_4,
  newShmidDs,
  PROT_READ,
  PROT_WRITE,
  SHM_RDONLY,
  SHM_REMAP,
} from '@vmarea/uapi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAll, expectNoLeaks, machine, maps } from './machine.ts';

const PAGE = 4096;
const A = 0x40000000;
/** Pages of the playground, and of a segment. */
const PAGES = 24;
const SEGMENT = 6;
const MOST_TASKS = 4;

/** A segment as the model has it. */
interface ModelSegment {
  readonly id: number;
  readonly bytes: Uint8Array;
  removed: boolean;
}

/** A page of a process: which part of a segment, in which area. */
interface ModelPage {
  readonly segment: ModelSegment;
  readonly index: number;
  readonly writable: boolean;
  readonly mayWrite: boolean;
  /** Two pages side by side are in one area when this is the same. */
  readonly area: object;
  /** The shmat that made it; fork keeps it. */
  readonly attach: object;
}

/** A process and its playground. */
interface ModelTask {
  readonly task: Task;
  pages: (ModelPage | null)[];
}

/** The whole model. It makes each step on the kernel, too. */
class Model {
  readonly kernel: Kernel;
  readonly segments: ModelSegment[] = [];
  readonly tasks: ModelTask[] = [];

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.tasks.push({ task: kernel.spawn(), pages: new Array<ModelPage | null>(PAGES).fill(null) });
  }

  /** The areas of a segment: runs of pages side by side with one area. */
  areas(segment: ModelSegment): number {
    let count = 0;
    for (const { pages } of this.tasks) {
      pages.forEach((page, i) => {
        if (page?.segment === segment && pages[i - 1]?.area !== page.area) count++;
      });
    }
    return count;
  }

  /** Removes what nobody maps any more. */
  sweep(): void {
    for (const segment of [...this.segments]) {
      if (segment.removed && this.areas(segment) === 0) this.segments.splice(this.segments.indexOf(segment), 1);
    }
  }

  /** Gives the pages [from, to) of a process another area each, where `change` says so. */
  cut(one: ModelTask, from: number, to: number, change: (page: ModelPage) => ModelPage | null): void {
    const areas = new Map<object, object>();
    for (let i = from; i < to; i++) {
      const page = one.pages[i];
      if (page == null) continue;
      const changed = change(page);
      if (changed !== null && changed !== page) {
        if (!areas.has(page.area)) areas.set(page.area, {});
        one.pages[i] = { ...changed, area: areas.get(page.area)! };
      } else one.pages[i] = changed;
    }
  }
}

type Step = (m: Model) => void;

const pick = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(list.length, 1)];
const place = fc.nat({ max: PAGES - 1 });
const some = fc.nat({ max: 1000 });
const length = fc.integer({ min: 1, max: SEGMENT });

const create = fc.integer({ min: 1, max: SEGMENT }).map((pages): Step => (m) => {
  const id = m.tasks[0]!.task.shmget(IPC_PRIVATE, pages * PAGE, IPC_CREAT | 0o600);
  m.segments.push({ id, bytes: new Uint8Array(pages), removed: false });
});

const attach = fc
  .tuple(some, some, place, fc.boolean(), fc.boolean())
  .map(([who, which, at, readOnly, remap]): Step => (m) => {
    const one = pick(m.tasks, who)!;
    const segment = pick(m.segments, which);
    if (segment === undefined || at + segment.bytes.length > PAGES) return;
    const range = one.pages.slice(at, at + segment.bytes.length);
    const flags = (readOnly ? SHM_RDONLY : 0) | (remap ? SHM_REMAP : 0);
    const got = one.task.sys.shmat(segment.id, A + at * PAGE, flags);
    if (!remap && range.some((page) => page !== null)) {
      expect(got).toBe(-EINVAL);
      return;
    }
    expect(got).toBe(A + at * PAGE);
    const area = {};
    for (let index = 0; index < segment.bytes.length; index++) {
      one.pages[at + index] = { segment, index, area, attach: area, writable: !readOnly, mayWrite: !readOnly };
    }
  });

const detach = fc.tuple(some, place).map(([who, at]): Step => (m) => {
  const one = pick(m.tasks, who)!;
  const fits = (page: ModelPage | null, i: number): boolean => i >= at && page?.index === i - at;
  const first = one.pages.find(fits);
  expect(one.task.sys.shmdt(A + at * PAGE)).toBe(first === undefined ? -EINVAL : 0);
  one.pages = one.pages.map((page, i) => (fits(page, i) && page!.attach === first?.attach ? null : page));
});

const unmap = fc.tuple(some, place, length).map(([who, at, count]): Step => (m) => {
  const one = pick(m.tasks, who)!;
  const end = Math.min(PAGES, at + count);
  expect(one.task.munmap(A + at * PAGE, (end - at) * PAGE)).toBe(0);
  one.pages.fill(null, at, end);
});

const protect = fc.tuple(some, place, length, fc.boolean()).map(([who, at, count, writable]): Step => (m) => {
  const one = pick(m.tasks, who)!;
  // mprotect stops at the first hole, and at memory that may not be written.
  let end = at;
  const allowed = (page: ModelPage | null | undefined): boolean => page != null && (!writable || page.mayWrite);
  while (end < Math.min(PAGES, at + count) && allowed(one.pages[end])) end++;
  if (end === at) return;
  const prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  expect(one.task.mprotect(A + at * PAGE, (end - at) * PAGE, prot)).toBe(0);
  m.cut(one, at, end, (page) => (page.writable === writable ? page : { ...page, writable }));
});

const write = fc.tuple(some, place, fc.nat({ max: 255 })).map(([who, at, byte]): Step => (m) => {
  const one = pick(m.tasks, who)!;
  const page = one.pages[at] ?? null;
  if (page === null) return;
  expect(one.task.memory.load8(A + at * PAGE)).toBe(page.segment.bytes[page.index]);
  expect(one.task.memory.store8(A + at * PAGE, byte)).toBe(page.writable ? 0 : -1);
  if (page.writable) page.segment.bytes[page.index] = byte;
});

const fork = some.map((who): Step => (m) => {
  const one = pick(m.tasks, who)!;
  if (m.tasks.length === MOST_TASKS) return;
  const areas = new Map<object, object>();
  const copyOf = (area: object): object => areas.get(area) ?? (areas.set(area, {}), areas.get(area)!);
  const pages = one.pages.map((page) => (page === null ? null : { ...page, area: copyOf(page.area) }));
  m.tasks.push({ task: one.task.fork() as Task, pages });
});

const exit = some.map((who): Step => (m) => {
  // The first task stays, to ask.
  const one = pick(m.tasks.slice(1), who);
  if (one === undefined) return;
  one.task.exit();
  m.tasks.splice(m.tasks.indexOf(one), 1);
});

const remove = some.map((which): Step => (m) => {
  const segment = pick(m.segments, which);
  if (segment === undefined) return;
  expect(m.tasks[0]!.task.shmctl(segment.id, IPC_RMID)).toBe(0);
  segment.removed = true;
});

const program = fc.array(
  fc.oneof(create, attach, attach, attach, detach, unmap, protect, write, write, fork, exit, remove),
  {
    minLength: 5,
    maxLength: 40,
  },
);

/** Counts the areas of a segment in the maps of every process. */
function linesOf(m: Model, id: number): number {
  return m.tasks.flatMap(({ task }) => maps(task)).filter((line) => line.includes(` ${id} /SYSV`)).length;
}

describe.each([MSM_4_4, LINUX_6_1, LINUX_6_12])('$name', (profile) => {
  it('nattch counts the areas, and the last one of a removed segment takes it away', () => {
    fc.assert(
      fc.property(program, (steps) => {
        const kernel = machine({ profile });
        const frames = kernel.memory!.frames.nrFree;
        const m = new Model(kernel);
        // The stack, which each process is charged for.
        const { committedAs } = kernel.system;
        for (const step of steps) {
          step(m);
          m.sweep();
          checkAll(kernel);
          const { task } = m.tasks[0]!;
          for (const segment of m.segments) {
            const ds = newShmidDs();
            expect(task.sys.shmctl(segment.id, IPC_STAT, ds)).toBe(0);
            expect(ds.nattch).toBe(linesOf(m, segment.id));
            // A part may join its neighbour where close operations allow it.
            if (!profile.merge.closeForbidsRemovalOnly) expect(ds.nattch).toBe(m.areas(segment));
            expect((ds.mode & 0o1000) !== 0).toBe(segment.removed);
          }
          const bytes = m.segments.reduce((sum, segment) => sum + segment.bytes.length, 0);
          expect(kernel.system.committedAs).toBe(committedAs * m.tasks.length + bytes);
        }
        expectNoLeaks(kernel, frames);
      }),
      { numRuns: 25, seed: 1202, endOnFailure: true },
    );
  });
});
