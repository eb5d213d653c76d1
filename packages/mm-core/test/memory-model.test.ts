// Random sequences of mapping calls, loads, stores, forks and truncations, judged by a model that knows only bytes.
import { MADV_DONTNEED, MREMAP_MAYMOVE, PROT_READ } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, doMprotect, doMremap, doMunmap } from '../src/index.ts';
import { tryToUnmap } from '../src/memory/index.ts';
import { random } from './random.ts';
import { Machine, PAGE, PROFILES_UNDER_TEST, RW, type TestFile, type TestTask } from './mm-fixture.ts';

const A = 0x10000000;
const PAGES = 12;
const FILE_PAGES = 6;
const SEQUENCES = 2500;
const STEPS = 20;

/** Bytes of one file; pages are looked at by their first byte only. */
interface ModelFile {
  file: TestFile;
  bytes: number[];
  pages: number;
}

/** What one page of an address space is. */
interface ModelPage {
  writable: boolean;
  shared: boolean;
  /** Null for anonymous memory. */
  file: ModelFile | null;
  pgoff: number;
  /** The private copy, or null when there is none: then it is the file's byte, or 0. */
  own: number | null;
}

interface ModelTask {
  task: TestTask;
  pages: (ModelPage | null)[];
}

class Model {
  readonly machine: Machine;
  readonly tasks: ModelTask[] = [];
  readonly files: ModelFile[] = [];
  private readonly rnd: (n: number) => number;

  constructor(machine: Machine, rnd: (n: number) => number) {
    this.machine = machine;
    this.rnd = rnd;
    for (const kind of ['ramfs', 'shmem'] as const) {
      const file = machine.file(FILE_PAGES * PAGE, kind);
      this.files.push({ file, bytes: new Array<number>(FILE_PAGES).fill(0), pages: FILE_PAGES });
    }
    this.tasks.push({ task: machine.task(), pages: new Array<ModelPage | null>(PAGES).fill(null) });
  }

  step(): void {
    const { rnd } = this;
    const t = this.tasks[rnd(this.tasks.length)]!;
    const first = rnd(PAGES);
    const count = 1 + rnd(Math.min(4, PAGES - first));
    switch (rnd(16)) {
      case 0:
        this.mapAnon(t, first, count);
        break;
      case 1:
      case 2:
        this.mapFile(t, first, count);
        break;
      case 3:
        expect(doMunmap(t.task.mm, A + first * PAGE, count * PAGE)).toBe(0);
        t.pages.fill(null, first, first + count);
        break;
      case 4:
        this.protect(t, first, count);
        break;
      case 5:
        this.fork(t);
        break;
      case 6:
        if (this.tasks.length > 1) {
          this.tasks.splice(this.tasks.indexOf(t), 1);
          t.task.exit();
        }
        break;
      case 7:
        this.truncate();
        break;
      case 8:
        this.punch();
        break;
      case 9:
        this.dontneed(t, first, count);
        break;
      case 10:
        this.move(t);
        break;
      case 11:
        this.writeFile();
        break;
      case 12:
        this.unmapOne();
        break;
      default:
        this.store(t, first);
    }
    for (let i = 0; i < 2; i++) this.load(this.tasks[rnd(this.tasks.length)]!, rnd(PAGES));
  }

  /** Every byte of every task. */
  compare(): void {
    for (const t of this.tasks) for (let i = 0; i < PAGES; i++) this.load(t, i);
    for (const f of this.files) {
      const out = new Uint8Array(1);
      for (let i = 0; i < f.pages; i++) {
        expect(f.file.pages.read(i * PAGE, out, 0, 1)).toBe(1);
        expect(out[0]).toBe(f.bytes[i]);
      }
    }
  }

  private mapAnon(t: ModelTask, first: number, count: number): void {
    t.task.anon(A + first * PAGE, count);
    for (let i = 0; i < count; i++) {
      t.pages[first + i] = { writable: true, shared: false, file: null, pgoff: 0, own: null };
    }
  }

  private mapFile(t: ModelTask, first: number, count: number): void {
    const file = this.files[this.rnd(2)]!;
    const shared = this.rnd(2) === 0;
    const pgoff = this.rnd(FILE_PAGES);
    if (shared) t.task.shared(file.file, A + first * PAGE, count, RW, pgoff);
    else t.task.private_(file.file, A + first * PAGE, count, RW, pgoff);
    for (let i = 0; i < count; i++) {
      t.pages[first + i] = { writable: true, shared, file, pgoff: pgoff + i, own: null };
    }
  }

  private protect(t: ModelTask, first: number, count: number): void {
    const writable = this.rnd(2) === 0;
    for (let i = first; i < first + count; i++) {
      const page = t.pages[i];
      if (page === null || page === undefined) continue;
      expect(doMprotect(t.task.cur, A + i * PAGE, PAGE, writable ? RW : PROT_READ)).toBe(0);
      page.writable = writable;
    }
  }

  private fork(t: ModelTask): void {
    if (this.tasks.length >= 4) return;
    const pages = t.pages.map((p) => (p === null ? null : { ...p }));
    this.tasks.push({ task: t.task.fork(), pages });
  }

  private truncate(): void {
    const f = this.files[this.rnd(2)]!;
    const pages = this.rnd(FILE_PAGES + 1);
    f.file.pages.truncate(pages * PAGE);
    for (let i = Math.min(pages, f.pages); i < FILE_PAGES; i++) f.bytes[i] = 0;
    f.pages = pages;
    for (const t of this.tasks) {
      for (const p of t.pages) if (p !== null && p.file === f && p.pgoff >= pages) p.own = null;
    }
  }

  private punch(): void {
    const f = this.files[this.rnd(2)]!;
    const first = this.rnd(FILE_PAGES);
    const last = first + 1 + this.rnd(3);
    f.file.pages.punchHole(first * PAGE, last * PAGE);
    for (let i = first; i < Math.min(last, FILE_PAGES); i++) f.bytes[i] = 0;
  }

  private dontneed(t: ModelTask, first: number, count: number): void {
    doMadvise(t.task.cur, A + first * PAGE, count * PAGE, MADV_DONTNEED);
    for (let i = first; i < first + count; i++) {
      const p = t.pages[i];
      if (p !== null && p !== undefined) p.own = null;
    }
  }

  /** Moves one page away and back: contents and copies go with it. */
  private move(t: ModelTask): void {
    const i = this.rnd(PAGES);
    if (t.pages[i] === null) return;
    const there = doMremap(t.task.cur, A + i * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | 2, A + 0x200000 * 5 + i * PAGE);
    expect(there).toBe(A + 0x200000 * 5 + i * PAGE);
    this.expectByte(t, i, there);
    expect(doMremap(t.task.cur, there, PAGE, PAGE, MREMAP_MAYMOVE | 2, A + i * PAGE)).toBe(A + i * PAGE);
  }

  private writeFile(): void {
    const f = this.files[this.rnd(2)]!;
    if (f.pages === 0) return;
    const i = this.rnd(f.pages);
    const byte = this.rnd(256);
    expect(f.file.pages.write(i * PAGE, new Uint8Array([byte]), 0, 1)).toBe(1);
    f.bytes[i] = byte;
  }

  private unmapOne(): void {
    const f = this.files[this.rnd(2)]!;
    const pfn = f.file.pages.find(this.rnd(FILE_PAGES));
    if (pfn >= 0) expect(tryToUnmap(this.machine.memory, pfn)).toBe(true);
  }

  private store(t: ModelTask, i: number): void {
    const page = t.pages[i]!;
    const byte = this.rnd(256);
    const at = A + i * PAGE;
    const got = t.task.store(at, byte);
    if ((page as ModelPage | null) === null) expect(got).toContain('SIGSEGV 1');
    else if (!page.writable) expect(got).toContain('SIGSEGV 2');
    else if (page.file !== null && page.own === null && page.pgoff >= page.file.pages)
      expect(got).toContain('SIGBUS 2');
    else {
      expect(got).toBe('ok');
      if (page.shared) page.file!.bytes[page.pgoff] = byte;
      else page.own = byte;
    }
  }

  private load(t: ModelTask, i: number): void {
    this.expectByte(t, i, A + i * PAGE);
  }

  private expectByte(t: ModelTask, i: number, at: number): void {
    const page = t.pages[i]!;
    const got = t.task.load(at);
    if ((page as ModelPage | null) === null) expect(got).toContain('SIGSEGV 1');
    else if (page.own !== null) expect(got).toBe(page.own);
    else if (page.file === null) expect(got).toBe(0);
    else if (page.pgoff >= page.file.pages) expect(got).toContain('SIGBUS 2');
    else expect(got).toBe(page.file.bytes[page.pgoff]);
  }
}

describe('random sequences', () => {
  for (const profile of PROFILES_UNDER_TEST) {
    it(`hold every byte where the model has it, and lose no frame (${profile.name})`, () => {
      for (let seed = 1; seed <= SEQUENCES; seed++) {
        const around = seed % 2 === 0 ? { faultAroundBytes: 65536 } : {};
        const machine = new Machine(profile, around, 2 * 2 ** 20);
        const model = new Model(machine, random(seed));
        try {
          for (let i = 0; i < STEPS; i++) {
            model.step();
            if (seed % 16 === 0) machine.check();
          }
          model.compare();
          machine.end();
        } catch (error) {
          throw new Error(`seed ${String(seed)}: ${String(error)}`, { cause: error });
        }
      }
    }, 60_000);
  }
});
