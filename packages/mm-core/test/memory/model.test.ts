// Random sequences of mapping calls, loads, stores, copies, forks and truncations, judged by a model that knows only bytes:
// every byte of every page of every task, and of every file, at the end of each sequence.
import { MADV_DONTNEED, MREMAP_MAYMOVE, PROT_READ } from '@vmarea/uapi';
import { describe, expect, it } from 'vitest';
import { doMadvise, doMprotect, doMremap, doMunmap } from '../../src/index.ts';
import { copyFromUser, copyToUser, tryToUnmap } from '../../src/memory/index.ts';
import { random } from '../random.ts';
import { Machine, PAGE, PROFILES_UNDER_TEST, RW, type TestFile, type TestTask } from '../mm-fixture.ts';

const A = 0x10000000;
const PAGES = 12;
const FILE_PAGES = 6;
const SEQUENCES = process.env['VMAREA_FULL'] === '1' ? 2500 : 800;
const STEPS = 20;

const FILE_BYTES = FILE_PAGES * PAGE;
const ZEROES = new Uint8Array(PAGE);

/** One file: what its pages hold, behind its end too, and its size. */
interface ModelFile {
  file: TestFile;
  bytes: Uint8Array;
  size: number;
}

/** What one page of an address space is. */
interface ModelPage {
  writable: boolean;
  shared: boolean;
  /** Null for anonymous memory. */
  file: ModelFile | null;
  pgoff: number;
  /** The private copy, never changed but replaced; null when there is none: then it is the file's page, or zeroes. */
  own: Uint8Array | null;
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
      this.files.push({ file, bytes: new Uint8Array(FILE_BYTES), size: FILE_BYTES });
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
        expect(doMunmap(t.task.cur, A + first * PAGE, count * PAGE)).toBe(0);
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
      case 13:
        this.copyIn(t);
        break;
      default:
        this.store(t, first);
    }
    for (let i = 0; i < 2; i++) this.load(this.tasks[rnd(this.tasks.length)]!, rnd(PAGES));
  }

  /** Every byte of every task and of every file. */
  compare(): void {
    const page = new Uint8Array(PAGE);
    for (const t of this.tasks) {
      for (let i = 0; i < PAGES; i++) {
        const expected = this.contents(t, i);
        expect(copyFromUser(t.task.cur, A + i * PAGE, page, 0, PAGE)).toBe(typeof expected === 'string' ? PAGE : 0);
        if (typeof expected !== 'string') expect(differs(page, expected)).toBe(-1);
      }
    }
    const whole = new Uint8Array(FILE_BYTES);
    for (const f of this.files) {
      expect(f.file.fInode.iSize).toBe(f.size);
      expect(f.file.pages.read(0, whole, 0, FILE_BYTES)).toBe(f.size);
      expect(differs(whole.subarray(0, f.size), f.bytes.subarray(0, f.size))).toBe(-1);
    }
  }

  /** What a page holds, or the signal that a load earns. */
  private contents(t: ModelTask, i: number): Uint8Array | string {
    const page = t.pages[i];
    if (page === null || page === undefined) return 'SIGSEGV 1';
    if (page.own !== null) return page.own;
    if (page.file === null) return ZEROES;
    if (page.pgoff * PAGE >= page.file.size) return 'SIGBUS 2';
    return page.file.bytes.subarray(page.pgoff * PAGE, (page.pgoff + 1) * PAGE);
  }

  /** Stores bytes into a page that allows it. */
  private change(page: ModelPage, offset: number, bytes: Uint8Array): void {
    if (page.shared) page.file!.bytes.set(bytes, page.pgoff * PAGE + offset);
    else {
      const base = page.own ?? page.file?.bytes.subarray(page.pgoff * PAGE, (page.pgoff + 1) * PAGE) ?? ZEROES;
      page.own = base.slice();
      page.own.set(bytes, offset);
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

  /** A place in a file: page borders as often as not. */
  private place(): number {
    const page = this.rnd(FILE_PAGES + 1) * PAGE;
    return page === FILE_BYTES || this.rnd(2) === 0 ? page : page + this.rnd(PAGE);
  }

  private truncate(): void {
    const f = this.files[this.rnd(2)]!;
    const size = this.place();
    f.file.pages.truncate(size);
    f.bytes.fill(0, size);
    f.size = size;
    for (const t of this.tasks) {
      for (const p of t.pages) if (p !== null && p.file === f && p.pgoff * PAGE >= size) p.own = null;
    }
  }

  private punch(): void {
    const f = this.files[this.rnd(2)]!;
    const first = this.place();
    const last = first + 1 + this.rnd(3 * PAGE);
    f.file.pages.punchHole(first, last);
    f.bytes.fill(0, first, last);
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

  private random(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const first = this.rnd(256);
    for (let i = 0; i < length; i++) bytes[i] = first + i * 7;
    return bytes;
  }

  private writeFile(): void {
    const f = this.files[this.rnd(2)]!;
    const at = this.rnd(f.size + 1);
    const bytes = this.random(Math.min(FILE_BYTES - at, 1 + this.rnd(2 * PAGE)));
    expect(f.file.pages.write(at, bytes, 0, bytes.length)).toBe(bytes.length);
    f.bytes.set(bytes, at);
    f.size = Math.max(f.size, at + bytes.length);
  }

  /** A kernel copy that may cross pages: as far as they may be stored to. */
  private copyIn(t: ModelTask): void {
    const at = this.rnd(PAGES * PAGE);
    const bytes = this.random(Math.min(PAGES * PAGE - at, 1 + this.rnd(3 * PAGE)));
    let done = 0;
    while (done < bytes.length) {
      const offset = (at + done) % PAGE;
      const i = (at + done - offset) / PAGE;
      const n = Math.min(PAGE - offset, bytes.length - done);
      if (this.refusal(t, i) !== null) break;
      this.change(t.pages[i]!, offset, bytes.subarray(done, done + n));
      done += n;
    }
    expect(copyToUser(t.task.cur, A + at, bytes, 0, bytes.length)).toBe(bytes.length - done);
  }

  /** The signal that a store to a page earns, or null. */
  private refusal(t: ModelTask, i: number): string | null {
    const page = t.pages[i];
    if (page === null || page === undefined) return 'SIGSEGV 1';
    if (!page.writable) return 'SIGSEGV 2';
    if (page.file !== null && page.own === null && page.pgoff * PAGE >= page.file.size) return 'SIGBUS 2';
    return null;
  }

  private unmapOne(): void {
    const f = this.files[this.rnd(2)]!;
    const pfn = f.file.pages.find(this.rnd(FILE_PAGES));
    if (pfn >= 0) expect(tryToUnmap(this.machine.memory, pfn)).toBe(true);
  }

  private store(t: ModelTask, i: number): void {
    const byte = this.rnd(256);
    const offset = this.rnd(PAGE);
    const refusal = this.refusal(t, i);
    const got = t.task.store(A + i * PAGE + offset, byte);
    if (refusal !== null) expect(got).toContain(refusal);
    else {
      expect(got).toBe('ok');
      this.change(t.pages[i]!, offset, Uint8Array.of(byte));
    }
  }

  private load(t: ModelTask, i: number): void {
    this.expectByte(t, i, A + i * PAGE);
  }

  private expectByte(t: ModelTask, i: number, at: number): void {
    const expected = this.contents(t, i);
    const offset = this.rnd(PAGE);
    const got = t.task.load(at + offset);
    if (typeof expected === 'string') expect(got).toContain(expected);
    else expect(got).toBe(expected[offset]);
  }
}

/** The first place where two pieces of memory differ, or -1. */
function differs(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
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
    });
  }
});
