/**
 * Generates scripts for the host from a seed: memory operations in and around a window of 32 pages. They use little memory, and
 * only that of their own process.
 */
import type { Argument, Line, Script } from './script.ts';

const PAGE = 4096;
const WINDOW = 0x10000000;
const PAGES = 32;

/** Returns a generator of numbers below `n`, from a seed (mulberry32). */
export function chance(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

const PROTS = [3, 3, 3, 3, 1, 1, 0, 7, 5, 2];
/** All advice except those that affect other tasks or depend on huge pages. */
const ADVICE = [0, 1, 2, 3, 4, 4, 4, 8, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 5, 99];

const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;

/** Writes the lines of one script. */
class Writer {
  readonly lines: Line[] = [];
  private readonly below: (n: number) => number;
  private next = 1;
  /** The lines whose result is the address of a mapping, with its pages. */
  private mapped: { line: number; pages: number }[] = [];
  private files: number[] = [];
  private forks = 0;
  /** The line that returns the start of the break. */
  private heapStart: number | null = null;

  constructor(seed: number) {
    this.below = chance(seed);
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  private add(op: string, ...args: Argument[]): number {
    const n = this.next++;
    this.lines.push({ n, op, args });
    return n;
  }

  /** Returns an address and a length: mostly in the window, sometimes in a mapping that the kernel placed, sometimes unaligned. */
  private range(): [Argument, number] {
    const { below } = this;
    let pages = 1 + below(this.pick([2, 4, 8]));
    let odd = 0;
    if (below(40) === 0) odd = 1 + below(PAGE - 1);
    if (below(60) === 0) pages = 0;
    const len = pages * PAGE - (pages > 0 && below(20) === 0 ? below(PAGE) : 0);
    if (this.mapped.length > 0 && below(4) === 0) {
      const { line, pages: room } = this.pick(this.mapped);
      const first = below(room);
      // Ends in the mapping: [vvar], whose contents are not modelled, may follow it.
      return [{ line, plus: first * PAGE + odd }, Math.max(0, Math.min(len, (room - first) * PAGE - odd))];
    }
    return [WINDOW + below(PAGES) * PAGE + odd, len];
  }

  private mmap(): void {
    const { below } = this;
    const [at, len] = this.range();
    const file = this.files.length > 0 && below(3) === 0 ? this.pick(this.files) : null;
    let flags = this.pick([MAP_PRIVATE, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED, 3]);
    if (below(80) === 0) flags = 0;
    if (file === null) flags |= MAP_ANONYMOUS;
    for (const [bit, odds] of [
      [0x100, 25],
      [0x2000, 15],
      [0x4000, 15],
      [0x8000, 10],
      [0x10000, 40],
      [0x20000, 40],
      [0x800, 60],
      [0x80000, 80],
    ] as const) {
      if (below(odds) === 0) flags |= bit;
    }
    const where = below(10);
    // MAP_FIXED, MAP_FIXED_NOREPLACE, a hint, or no address.
    if (where < 6) flags |= MAP_FIXED;
    else if (where < 7) flags |= 0x100000;
    const address = where >= 9 ? 0 : at;
    const off = file === null ? 0 : below(20) === 0 ? below(8) * PAGE + 1 : below(8) * PAGE;
    const fd: Argument = file === null ? -1 : { line: file, plus: 0 };
    const line = this.add('mmap', address, len, this.pick(PROTS), flags, fd, off);
    if ((flags & MAP_FIXED) === 0 && len > 0) this.mapped.push({ line, pages: Math.ceil(len / PAGE) });
  }

  private mremap(): void {
    const { below } = this;
    const [at, len] = this.range();
    const flags = this.pick([0, 1, 1, 1, 3, 3, 5, 7, 2, 8]);
    const newLen = flags >= 4 && below(4) !== 0 ? len : Math.max(0, len + (below(7) - 3) * PAGE);
    const to = (flags & 2) === 0 ? 0 : WINDOW + below(PAGES) * PAGE;
    const line = this.add('mremap', at, below(20) === 0 ? 0 : len, newLen, flags, to);
    if (newLen > 0 && (flags & 2) === 0 && (flags & 1) !== 0)
      this.mapped.push({ line, pages: Math.ceil(newLen / PAGE) });
  }

  private file(): void {
    const { below } = this;
    const line = this.pick(this.files);
    const fd: Argument = { line, plus: 0 };
    if (below(20) === 0) {
      this.add('close', fd);
      this.files = this.files.filter((one) => one !== line);
      return;
    }
    switch (below(5)) {
      case 0:
        this.add('ftruncate', fd, below(9) * PAGE);
        return;
      case 1:
        this.add('fallocate', fd, this.pick([0, 1, 3, 3, 3]), below(8) * PAGE, (1 + below(3)) * PAGE);
        return;
      case 2:
        this.add('pread', fd, 1 + below(32), below(8) * PAGE + below(3));
        return;
      default:
        this.add('pfill', fd, below(256), 1 + below(3 * PAGE), below(7) * PAGE + below(3) * 100);
    }
  }

  private access(): void {
    const { below } = this;
    const [at, len] = this.range();
    switch (below(8)) {
      case 0:
        this.add('read', at, 1 + below(16));
        return;
      case 1:
        this.add('fill', at, Math.min(len, 3 * PAGE), below(256));
        return;
      case 2:
      case 3:
        this.add('rtouch', at, len);
        return;
      case 4:
        this.code();
        return;
      default:
        this.add('wtouch', at, len, below(256));
    }
  }

  /** Maps a page of code, with or without PROT_EXEC. */
  private code(): void {
    const page = WINDOW + this.below(PAGES) * PAGE;
    // Where it cannot be mapped nothing is called: what was there before is no code that the runner knows.
    const line = this.add('mmap', page, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    const at: Argument = { line, plus: 0 };
    this.add('putret', at);
    this.add('mprotect', at, PAGE, this.pick([5, 5, 7, 4, 1, 0]));
    this.add('call', at);
  }

  private lock(): void {
    const [at, len] = this.range();
    switch (this.below(8)) {
      case 0:
        this.add('mlockall', this.pick([1, 2, 3, 4, 5, 6, 7, 0, 8]));
        return;
      case 1:
        this.add('munlockall');
        return;
      case 2:
      case 3:
        this.add('mlock2', at, len, this.pick([0, 1, 1, 2]));
        return;
      case 4:
      case 5:
        this.add('munlock', at, len);
        return;
      default:
        this.add('mlock', at, len);
    }
  }

  /** Moves the break up or down. */
  private heap(): void {
    this.heapStart ??= this.add('brk', 0);
    this.add('brk', { line: this.heapStart, plus: this.below(9) * PAGE - (this.below(6) === 0 ? PAGE + 1 : 0) });
  }

  private limit(): void {
    const { below } = this;
    const most = 2n ** 64n - 1n;
    switch (below(3)) {
      case 0:
        this.add('setrlimit', 8, below(24) * PAGE, 8 * 2 ** 20);
        return;
      case 1:
        // The process itself has some 125 pages.
        this.add('setrlimit', 9, (130 + below(60)) * PAGE, most);
        return;
      default:
        this.add('setrlimit', 2, (90 + below(40)) * PAGE, most);
    }
  }

  private step(): void {
    const roll = this.below(100);
    const [at, len] = this.range();
    if (roll < 26) this.mmap();
    else if (roll < 34) this.add('munmap', at, len);
    else if (roll < 46) this.add('mprotect', at, len, this.pick(PROTS));
    else if (roll < 55) this.mremap();
    else if (roll < 63) this.add('madvise', at, len, this.pick(ADVICE));
    else if (roll < 69) this.lock();
    else if (roll < 86) this.access();
    else if (roll < 87) this.heap();
    else if (roll < 88) this.add('msync', at, len, this.pick([1, 2, 4, 6, 0, 5, 8]));
    else if (roll < 90) this.add('mincore', at, len);
    else if (roll < 91)
      this.add('remap_file_pages', at, len, this.below(20) === 0 ? 1 : 0, this.below(6), this.pick([0, 0x10000]));
    else if (roll < 95 && this.files.length > 0) this.file();
    else if (roll < 96) this.limit();
    else if (roll < 97 && this.below(3) === 0) this.add('mseal', at, len, this.below(8) === 0 ? 1 : 0);
    else if (roll < 99) this.fork();
    else this.access();
  }

  /** Forks a child with a few operations and a snapshot of its map. */
  private fork(): void {
    if (this.forks >= 3) return;
    this.forks = 9;
    this.heapStart ??= this.add('brk', 0);
    this.add('fork');
    const { mapped, files } = this;
    this.mapped = [...mapped];
    this.files = [...files];
    for (let i = this.below(6); i >= 0; i--) this.step();
    this.add('maps');
    this.add('end');
    // The parent does not have the child's mappings and files.
    this.mapped = mapped;
    this.files = files;
    this.forks = 1;
  }

  write(length: number): void {
    const { below } = this;
    if (below(2) === 0) this.add('capdrop');
    for (let i = below(3); i > 0; i--) {
      const line = this.add('memfd_create');
      this.add('ftruncate', { line, plus: 0 }, (1 + below(8)) * PAGE);
      this.add('pfill', { line, plus: 0 }, 65 + i, 3 * PAGE, 0);
      this.files.push(line);
    }
    for (let i = 0; i < length; i++) {
      this.step();
      if (i % 5 === 4) this.add('maps');
    }
    this.add('maps');
  }
}

/** Returns the script of a seed. */
export function generate(seed: number, length: number = 40): Script {
  const writer = new Writer(seed);
  writer.write(length);
  return { name: `host_${seed}`, lines: writer.lines };
}
