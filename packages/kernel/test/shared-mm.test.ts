/**
 * Two tasks on one address space and a forked one, with storage that answers later: calls of one while the other waits. Every byte
 * is compared with a model, and every invariant checked after every step; at the end nothing is left.
 */
import { DeadTaskError, type Task } from '@vmarea/kernel';
import { RETRY } from '@vmarea/mm-core';
import { UserMemory } from '@vmarea/mm-core/memory';
import {
  CLONE_FILES,
  CLONE_SIGHAND,
  CLONE_THREAD,
  CLONE_VM,
  EFAULT,
  EINVAL,
  ENOMEM,
  LINUX_6_12,
  MADV_DONTNEED,
  MADV_POPULATE_READ,
  MAP_FIXED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  O_RDWR,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { expect, it } from 'vitest';
import { A, ANON, Bench, PAGE, PROFILES, RW } from './memory-machine.ts';

const SLOTS = 12;
const FILE_PAGES = 8;
const THREAD = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES;

/** A page of the model: its protection, the page of the file behind it (-1: none), and its own first byte. */
interface Page {
  prot: number;
  readonly file: number;
  readonly shared: boolean;
  own: number | null;
}

type Space = (Page | null)[];

/** Numbers of one sequence; no clock and no chance. */
function numbers(seed: number): (below: number) => number {
  let state = (seed * 2654435761) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

class Run {
  readonly b: Bench;
  readonly pick: (below: number) => number;
  readonly file: number[] = Array.from({ length: FILE_PAGES }, (_, i) => 10 + i);
  readonly spaces = new Map<Task, Space>();
  /** Tasks whose call has not returned. */
  readonly waiting = new Set<Task>();
  readonly fd: number;
  waits = 0;

  constructor(seed: number, bench: Bench) {
    this.b = bench;
    this.pick = numbers(seed);
    this.spaces.set(
      bench.task,
      Array.from({ length: SLOTS }, () => null),
    );
    this.fd = bench.task.open('/disk/f', O_RDWR);
    bench.store.slow = true;
  }

  /** Makes a call through kernel.run; it ends now, or when the storage has answered. */
  call(task: Task, make: () => number): void {
    const state = { returned: false };
    this.waiting.add(task);
    void this.b.kernel
      .run(task, () => {
        const result = make();
        if (result === RETRY) this.waits++;
        else state.returned = true;
        return result;
      })
      .then(
        () => this.waiting.delete(task),
        (error: unknown) => {
          this.waiting.delete(task);
          if (!(error instanceof DeadTaskError)) throw error;
        },
      );
    if (state.returned) this.waiting.delete(task);
  }

  range(): [from: number, to: number] {
    const from = this.pick(SLOTS);
    return [from, from + 1 + this.pick(SLOTS - from)];
  }

  map(task: Task, space: Space): void {
    const [from, to] = this.range();
    const kind = this.pick(3);
    const prot = this.pick(2) === 0 ? RW : PROT_READ;
    const offset = this.pick(FILE_PAGES);
    const end = kind === 0 ? to : Math.min(to, from + FILE_PAGES - offset);
    // A populated private file page would be copied at a moment that the model does not know.
    const more = kind !== 2 && this.pick(2) === 0 ? MAP_POPULATE : 0;
    const flags = [ANON, MAP_SHARED, MAP_PRIVATE][kind]! | MAP_FIXED | more;
    const at = A + from * PAGE;
    const fd = kind === 0 ? -1 : this.fd;
    let first = true;
    this.call(task, () => {
      const result = task.sys.mmap(at, (end - from) * PAGE, prot, flags, fd, kind === 0 ? 0 : offset * PAGE);
      if (first) {
        first = false;
        for (let i = from; i < end; i++) {
          space[i] = {
            prot,
            file: kind === 0 ? -1 : offset + i - from,
            shared: kind === 1,
            own: kind === 0 ? 0 : null,
          };
        }
      }
      if (result !== RETRY) expect(result).toBe(at);
      return result;
    });
  }

  unmap(task: Task, space: Space): void {
    const [from, to] = this.range();
    expect(task.sys.munmap(A + from * PAGE, (to - from) * PAGE)).toBe(0);
    space.fill(null, from, to);
  }

  protect(task: Task, space: Space): void {
    const [from, to] = this.range();
    const prot = [PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE][this.pick(3)]!;
    const hole = space.slice(from, to).indexOf(null);
    expect(task.sys.mprotect(A + from * PAGE, (to - from) * PAGE, prot)).toBe(hole < 0 ? 0 : -ENOMEM);
    const end = hole < 0 ? to : from + hole;
    for (let i = from; i < end; i++) space[i]!.prot = prot;
  }

  dontNeed(task: Task, space: Space): void {
    const [from, to] = this.range();
    const holes = space.slice(from, to).includes(null);
    expect(task.sys.madvise(A + from * PAGE, (to - from) * PAGE, MADV_DONTNEED)).toBe(holes ? -ENOMEM : 0);
    for (const page of space.slice(from, to)) if (page !== null && !page.shared) page.own = page.file < 0 ? 0 : null;
  }

  populate(task: Task): void {
    const [from, to] = this.range();
    this.call(task, () => {
      const result = task.sys.madvise(A + from * PAGE, (to - from) * PAGE, MADV_POPULATE_READ);
      if (result !== RETRY) expect([0, -ENOMEM, -EINVAL, -EFAULT]).toContain(result);
      return result;
    });
  }

  access(task: Task, space: Space, value: number | null): void {
    const i = this.pick(SLOTS);
    const at = A + i * PAGE;
    this.call(task, () => {
      const user = new UserMemory(task.cur);
      const got = value === null ? user.load8(at) : user.store8(at, value);
      if (got < 0 && user.fault === RETRY) return RETRY;
      const page = space[i] ?? null;
      const needed = value === null ? PROT_READ : PROT_WRITE;
      if (page === null || (page.prot & needed) === 0) expect([i, got]).toEqual([i, -1]);
      else if (value === null) expect([i, got]).toEqual([i, page.own ?? this.file[page.file]]);
      else {
        expect([i, got]).toEqual([i, 0]);
        if (page.shared) this.file[page.file] = value;
        else page.own = value;
      }
      return 0;
    });
  }

  /** fork, clone, exit, or the storage answers. */
  async tasks(task: Task, space: Space): Promise<void> {
    const others = [...this.spaces.keys()].filter((other) => other !== this.b.task);
    const thread = others.find((other) => other.mm === this.b.task.mm);
    const forked = others.find((other) => other.mm !== this.b.task.mm);
    const choice = this.pick(5);
    if (choice === 0 && thread === undefined) {
      this.spaces.set(this.b.task.sys.clone({ flags: THREAD }) as Task, this.spaces.get(this.b.task)!);
    } else if (choice === 1 && forked === undefined && !this.waiting.has(task)) {
      this.spaces.set(
        task.sys.fork() as Task,
        space.map((page) => (page === null ? null : { ...page })),
      );
    } else if (choice === 2 && this.pick(4) === 0) {
      const ending = this.pick(2) === 0 ? thread : forked;
      if (ending === undefined) return;
      ending.exit();
      this.spaces.delete(ending);
      await Promise.resolve();
    } else await this.b.store.release();
  }

  async step(): Promise<void> {
    const all = [...this.spaces.keys()];
    const task = all[this.pick(all.length)]!;
    const space = this.spaces.get(task)!;
    const choice = this.pick(12);
    if (choice < 3 || this.waiting.has(task)) await this.tasks(task, space);
    else if (choice === 3) this.map(task, space);
    else if (choice === 4) this.unmap(task, space);
    else if (choice === 5) this.protect(task, space);
    else if (choice === 6) this.dontNeed(task, space);
    else if (choice === 7) this.populate(task);
    else this.access(task, space, choice < 10 ? null : this.pick(256));
    this.b.check();
    expect(this.b.task.mm.users).toBe([...this.spaces.keys()].filter(({ mm }) => mm === this.b.task.mm).length);
  }

  async finish(): Promise<void> {
    for (let i = 0; i < 40 && this.waiting.size > 0; i++) await this.b.store.release();
    expect(this.waiting.size).toBe(0);
    this.b.store.slow = false;
    this.b.task.close(this.fd);
    this.b.end();
  }
}

it.each(
  [...PROFILES.filter(({ mmap }) => mmap.fixedNoreplace), LINUX_6_12].map(
    (profile) => [profile.name, profile] as const,
  ),
)(
  'tasks that share memory see what the others do, also while they wait: %s',
  { timeout: 240_000 },
  async (_name, profile) => {
    let waits = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const run = new Run(seed, new Bench(profile));
      for (let i = 0; i < 120; i++) {
        try {
          await run.step();
        } catch (error) {
          throw new Error(`seed ${seed}, step ${i}`, { cause: error });
        }
      }
      await run.finish();
      waits += run.waits;
    }
    expect(waits).toBeGreaterThan(50);
  },
);
