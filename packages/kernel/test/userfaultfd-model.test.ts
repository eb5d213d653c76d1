// Random sequences of userfaultfd's ioctls, mapping calls, forks, loads and stores, judged by a model that knows one byte per
// page: what is there, what is registered, what is write-protected.
import { validateMm } from '@vmarea/mm-core';
import type { Task } from '@vmarea/kernel';
import {
  EEXIST,
  EINVAL,
  ENOENT,
  LINUX_6_12,
  MADV_DONTNEED,
  PROT_READ,
  UFFD_API,
  UFFD_FEATURE_SIGBUS,
  UFFDIO_API,
  UFFDIO_COPY,
  UFFDIO_COPY_MODE_WP,
  UFFDIO_REGISTER,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_REGISTER_MODE_WP,
  UFFDIO_UNREGISTER,
  UFFDIO_WRITEPROTECT,
  UFFDIO_ZEROPAGE,
} from '@vmarea/uapi';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { A, Bench, PAGE, RW } from './memory-machine.ts';

const PAGES = 4;
const RUNS = process.env['VMAREA_FULL'] === '1' ? 2000 : 60;

/** A mapped page. */
interface Page {
  registered: boolean;
  /** Null: no page is there. */
  byte: number | null;
  protected: boolean;
}

const VERBS = [
  'map',
  'munmap',
  'register',
  'unregister',
  'copy',
  'copyProtected',
  'zeropage',
  'protect',
  'resolve',
  'store',
  'load',
  'dontneed',
  'mprotect',
  'fork',
] as const;

interface Step {
  readonly verb: (typeof VERBS)[number];
  readonly page: number;
  readonly count: number;
  readonly byte: number;
}

const steps = fc.array(
  fc.record({
    verb: fc.constantFrom(...VERBS),
    page: fc.nat(PAGES - 1),
    count: fc.integer({ min: 1, max: 3 }),
    byte: fc.integer({ min: 1, max: 255 }),
  }),
  { minLength: 20, maxLength: 60 },
);

class Model {
  readonly bench: Bench = new Bench(LINUX_6_12);
  private readonly fd: number;
  private readonly pages: (Page | null)[] = new Array<Page | null>(PAGES).fill(null);

  constructor() {
    const { task } = this.bench;
    this.fd = task.userfaultfd(0);
    task.ioctl(this.fd, UFFDIO_API, { api: UFFD_API, features: UFFD_FEATURE_SIGBUS, ioctls: 0n });
  }

  private ioctl(command: number, page: number, count: number, more: Record<string, unknown> = {}): number {
    const start = A + page * PAGE;
    const request = { start, dst: start, len: count * PAGE, mode: 0, ioctls: 0, ...more };
    return this.bench.task.sys.ioctl(this.fd, command, request);
  }

  /** The mapped pages of a range. */
  private range(page: number, count: number): Page[] {
    return this.pages.slice(page, page + count).filter((one): one is Page => one !== null);
  }

  step({ verb, page, count: asked, byte }: Step): void {
    const { bench, pages } = this;
    const { task } = bench;
    const count = Math.min(asked, PAGES - page);
    const addr = A + page * PAGE;
    const one = pages[page] ?? null;
    switch (verb) {
      case 'map':
        bench.anon(addr, count);
        for (let i = 0; i < count; i++) pages[page + i] = { registered: false, byte: null, protected: false };
        break;
      case 'munmap':
        expect(task.sys.munmap(addr, count * PAGE)).toBe(0);
        pages.fill(null, page, page + count);
        break;
      case 'register': {
        const mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP;
        const found = this.range(page, count);
        expect(this.ioctl(UFFDIO_REGISTER, page, count, { mode })).toBe(found.length === 0 ? -EINVAL : 0);
        for (const each of found) each.registered = true;
        break;
      }
      case 'unregister': {
        const found = this.range(page, count);
        expect(this.ioctl(UFFDIO_UNREGISTER, page, count)).toBe(found.length === 0 ? -EINVAL : 0);
        for (const each of found) Object.assign(each, { registered: false, protected: false });
        break;
      }
      case 'copy':
      case 'copyProtected':
      case 'zeropage':
        this.fill(verb, page, byte);
        break;
      case 'protect':
      case 'resolve': {
        const mode = verb === 'protect' ? 1 : 0;
        const registered = one?.registered ?? false;
        expect(this.ioctl(UFFDIO_WRITEPROTECT, page, 1, { mode })).toBe(registered ? 0 : -ENOENT);
        if (one?.registered) one.protected = verb === 'protect' && one.byte !== null;
        break;
      }
      case 'dontneed':
        task.sys.madvise(addr, count * PAGE, MADV_DONTNEED);
        for (const each of this.range(page, count)) Object.assign(each, { byte: null, protected: false });
        break;
      case 'mprotect':
        task.sys.mprotect(addr, count * PAGE, PROT_READ);
        task.sys.mprotect(addr, count * PAGE, RW);
        break;
      case 'fork':
        this.fork();
        break;
      case 'store':
        expect(bench.store8(addr, byte)).toMatch(this.store(one, byte));
        break;
      default:
        this.load(page);
    }
    expect(validateMm(task.mm)).toEqual([]);
  }

  private fill(verb: Step['verb'], page: number, byte: number): void {
    const one: Page | null = this.pages[page] ?? null;
    const mode = verb === 'copyProtected' ? UFFDIO_COPY_MODE_WP : 0;
    const src = new Uint8Array(PAGE).fill(byte);
    const result = this.ioctl(verb === 'zeropage' ? UFFDIO_ZEROPAGE : UFFDIO_COPY, page, 1, { src, mode });
    if (one?.registered !== true) expect(result).toBe(-ENOENT);
    else if (one.byte !== null) expect(result).toBe(-EEXIST);
    else {
      expect(result).toBe(0);
      one.byte = verb === 'zeropage' ? 0 : byte;
      one.protected = verb === 'copyProtected';
    }
  }

  /** Stores into the model. Returns what the access ends with. */
  private store(one: Page | null, byte: number): RegExp {
    if (one === null) return /^SIGSEGV/;
    if (one.registered && (one.byte === null || one.protected)) return /^SIGBUS BUS_ADRERR/;
    one.byte = byte;
    return /^ok$/;
  }

  private load(page: number): void {
    const one = this.pages[page] ?? null;
    const found = this.bench.load(A + page * PAGE);
    if (one === null) expect(found).toMatch(/^SIGSEGV/);
    else if (one.registered && one.byte === null) expect(found).toMatch(/^SIGBUS BUS_ADRERR/);
    else {
      // A load brings the zero page in.
      one.byte ??= 0;
      expect(found).toBe(one.byte);
    }
  }

  /** A child has the bytes, and is not registered: it stores to each page, which the parent must not see. */
  private fork(): void {
    const child = this.bench.task.fork() as Task;
    this.pages.forEach((one, i) => {
      const addr = A + i * PAGE;
      if (one === null) return;
      expect(this.bench.load(addr, child)).toBe(one.byte ?? 0);
      expect(this.bench.store8(addr, 254, child)).toBe('ok');
    });
    expect(validateMm(child.mm)).toEqual([]);
    child.exit(0);
  }

  end(): void {
    for (let i = 0; i < PAGES; i++) this.load(i);
    this.bench.end();
  }
}

it('every byte is where the model has it, every refusal is the expected one, and no frame is lost', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const model = new Model();
      // Begins with memory that is registered: most steps then meet a page.
      for (const verb of ['map', 'register'] as const) {
        for (const page of [0, 2]) model.step({ verb, page, count: 2, byte: 1 });
      }
      for (const step of sequence) model.step(step);
      model.end();
    }),
    { numRuns: RUNS, seed: 42 },
  );
}, 300_000);
