/**
 * One address space full of mappings, and the workloads on it: complete operations, as a kernel package calls them.
 *
 * VMAs are of 3 pages with alternating protection, so that no two merge. Every operation is checked: a refusal, or a
 * place that was not expected, is an exception.
 */
import { createArm64 } from '@vmarea/arch-arm64';
import {
  createCaller,
  createMm,
  doMprotect,
  exitMmap,
  findVma,
  MmSystem,
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_NOHUGEPAGE,
  VM_RAND_READ,
  VM_SEQ_READ,
  vmMmapPgoff,
  vmMunmap,
  type Caller,
  type Mm,
} from '@vmarea/mm-core';
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  MAP_ANONYMOUS,
  MAP_NORESERVE,
  MAP_PRIVATE,
  PROFILES,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
} from '@vmarea/uapi';
import { Random } from './random.ts';

export const PAGE = 4096;
export const ANON: number = MAP_PRIVATE | MAP_ANONYMOUS;
export const RW: number = PROT_READ | PROT_WRITE;

/** A machine with 4K pages and room for a million mappings. */
export function benchSystem(profile: KernelProfile['name']): MmSystem {
  const sysctl = defaultSysctls();
  sysctl.maxMapCount = 1 << 20;
  return new MmSystem({
    arch: createArm64({ pageSize: 4096, vaBits: 48 }),
    profile: PROFILES[profile],
    config: DEFAULT_CONFIG,
    sysctl,
  });
}

function expected(value: number, wanted: number, what: string): void {
  if (value !== wanted) throw new Error(`${what}: ${value} instead of ${wanted}`);
}

/** Flags that prevent merging and have no other effect: 256 values, in turn. */
const COLOURS: number[] = [];
for (let i = 0; i < 256; i++) {
  COLOURS.push(
    (i & 1 ? VM_SEQ_READ : 0) |
      (i & 2 ? VM_RAND_READ : 0) |
      (i & 4 ? VM_DONTCOPY : 0) |
      (i & 8 ? VM_DONTDUMP : 0) |
      (i & 16 ? VM_HUGEPAGE : 0) |
      (i & 32 ? VM_NOHUGEPAGE : 0),
  );
}

/** An address space with `n` mappings. */
export class Space {
  readonly mm: Mm;
  readonly cur: Caller;
  readonly n: number;
  private readonly random: Random = new Random();
  /** Start and pages of each mapping. */
  private readonly area: Float64Array;
  private readonly pages: Int32Array;
  private readonly low: number;
  private colour = 0;

  constructor(system: MmSystem, n: number) {
    const mm = createMm(system);
    if (mm === null) throw new Error('no memory for an address space');
    this.mm = mm;
    this.cur = createCaller(mm);
    this.n = n;
    this.area = new Float64Array(n);
    this.pages = new Int32Array(n).fill(3);
    for (let k = 0; k < n; k++) this.area[k] = this.map(3, this.protOf(k));
    this.low = this.area[n - 1]!;
    expected(mm.mapCount, n, 'map count');
  }

  protOf(k: number): number {
    return (k & 1) !== 0 ? PROT_READ : RW;
  }

  private map(pages: number, prot: number): number {
    const at = vmMmapPgoff(this.cur, null, 0, pages * PAGE, prot, ANON, 0);
    if (at < 0) throw new Error(`mmap: ${at}`);
    return at;
  }

  /** find_vma of a random mapped address. */
  find(count: number): void {
    const { mm, random, low } = this;
    const bytes = this.n * 3 * PAGE;
    for (let i = 0; i < count; i++) {
      const addr = low + Math.floor(random.next() * 2.3283064365386963e-10 * bytes);
      if (findVma(mm, addr) === null) throw new Error('find_vma');
    }
  }

  /** mmap of one page and munmap of it. */
  pair(count: number): void {
    for (let i = 0; i < count; i++) {
      const at = this.map(1, RW);
      expected(vmMunmap(this.cur, at, PAGE), 0, 'munmap');
    }
  }

  /** mprotect of the middle page to NONE and back. */
  splitMerge(count: number): void {
    const { random, area, cur } = this;
    for (let i = 0; i < count; i++) {
      const k = random.below(this.n);
      const at = area[k]! + PAGE;
      expected(doMprotect(cur, at, PAGE, PROT_NONE), 0, 'mprotect');
      expected(doMprotect(cur, at, PAGE, this.protOf(k)), 0, 'mprotect');
    }
  }

  /** munmap of a mapping; mmap of the same length finds the hole. */
  punchRefill(count: number): void {
    const { random, area, cur } = this;
    for (let i = 0; i < count; i++) {
      const k = random.below(this.n);
      const at = area[k]!;
      expected(vmMunmap(cur, at, 3 * PAGE), 0, 'munmap');
      expected(this.map(3, this.protOf(k)), at, 'mmap');
    }
  }

  /** munmap of a random mapping, and mmap of 1 to 8 pages in the highest hole; never mergeable. */
  churn(count: number): void {
    for (let i = 0; i < count; i++) this.churnOne();
    this.mm.defFlags = 0;
  }

  churnOne(): void {
    const { random, area, pages, mm, cur } = this;
    const k = random.below(this.n);
    expected(vmMunmap(cur, area[k]!, pages[k]! * PAGE), 0, 'munmap');
    // Gives each call another default flag, as mlockall or a driver could.
    const colour = ++this.colour;
    mm.defFlags = COLOURS[colour & 63]!;
    const size = 1 + (random.next() & 7);
    const at = vmMmapPgoff(
      cur,
      null,
      0,
      size * PAGE,
      (colour >> 6) & 7,
      (colour & 512) !== 0 ? ANON | MAP_NORESERVE : ANON,
      0,
    );
    if (at < 0) throw new Error(`mmap: ${at}`);
    area[k] = at;
    pages[k] = size;
  }

  /** Ends the address space. */
  end(): void {
    exitMmap(this.mm);
  }
}
