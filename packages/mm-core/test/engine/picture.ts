/**
 * Address spaces as one line of text. A letter is a mapping, one character a page; `.` is unmapped, `*` marks the pages
 * that are about to be mapped or changed:
 *
 *     AAA***BBB
 *
 * `at(picture)` makes the mappings with the properties of their letters; `show()` draws what is there now, with the
 * letters of the mappings that survived (a mapping keeps the letter of its object).
 */
import {
  DEFAULT_CONFIG,
  defaultSysctls,
  LINUX_6_1,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MSM_4_4,
  PROT_READ,
  PROT_WRITE,
  type KernelProfile,
  type Sysctls,
} from '@vmarea/uapi';
import { expect } from 'vitest';
import {
  anonVmaPrepare,
  createCaller,
  createMm,
  MmSystem,
  vmMmapPgoff,
  type Caller,
  type Mm,
  type Vma,
  type VmFile,
} from '../../src/index.ts';
import { CountingTracer, createTestArch, TestSharedMemory, validateMm } from '../../src/testing/index.ts';

export const PAGE = 4096;
export const RW: number = PROT_READ | PROT_WRITE;
export const BOTH: readonly KernelProfile[] = [MSM_4_4, LINUX_6_1];

/** What a letter stands for. */
export interface Kind {
  prot?: number;
  /** MAP_ bits beside MAP_FIXED; MAP_PRIVATE|MAP_ANONYMOUS when there is no file, MAP_PRIVATE otherwise. */
  flags?: number;
  file?: VmFile | null;
  /** File page of the picture's first page: mappings of one file continue each other. */
  pgoff?: number;
  /** Has been written to. */
  touched?: boolean;
}

/** Page 16 is the first character of a picture. */
export const FIRST_PAGE = 16;

/** A small machine with one task, and a picture of its address space. */
export class Scene {
  readonly system: MmSystem;
  readonly warnings: string[] = [];
  readonly shared = new TestSharedMemory();
  readonly tracer = new CountingTracer();
  readonly letters = new Map<Vma, string>();
  cur: Caller;

  constructor(profile: KernelProfile, sysctl: Partial<Sysctls> = {}, config: Partial<typeof DEFAULT_CONFIG> = {}) {
    this.system = new MmSystem({
      arch: createTestArch(),
      profile,
      config: { ...DEFAULT_CONFIG, stackGuardGapPages: 2, lsmMmapMinAddr: 2 * PAGE, ...config },
      sysctl: { ...defaultSysctls(), mmapMinAddr: PAGE, overcommitMemory: 1, ...sysctl },
      onWarning: (text) => this.warnings.push(text),
    });
    this.system.sharedMemory = this.shared;
    this.cur = createCaller(createMm(this.system)!);
    this.mm.tracer = this.tracer;
  }

  get mm(): Mm {
    return this.cur.mm;
  }

  /** Byte address of a character of the picture. */
  addr(column: number): number {
    return (FIRST_PAGE + column) * PAGE;
  }

  /** Maps what a picture shows. Pages marked `*` stay free. */
  at(picture: string, kinds: Readonly<Record<string, Kind>> = {}): this {
    for (let i = 0; i < picture.length;) {
      const letter = picture[i]!;
      let n = 1;
      while (picture[i + n] === letter) n++;
      if (letter !== '.' && letter !== '*') {
        const kind = kinds[letter] ?? {};
        expect(this.map(i, n, kind)).toBe(this.addr(i));
        this.letters.set(this.vma(i), letter);
        if (kind.touched === true) expect(anonVmaPrepare(this.vma(i))).toBe(0);
      }
      i += n;
    }
    return this.check();
  }

  /** Maps n pages at a column. */
  map(column: number, n: number, kind: Kind = {}): number {
    const file = kind.file ?? null;
    const flags = (kind.flags ?? MAP_PRIVATE) | MAP_FIXED | (file === null ? MAP_ANONYMOUS : 0);
    const pgoff = (kind.pgoff ?? 0) + column;
    return vmMmapPgoff(this.cur, file, this.addr(column), n * PAGE, kind.prot ?? RW, flags, file === null ? 0 : pgoff);
  }

  /** The VMA of a column. */
  vma(column: number): Vma {
    const vma = this.mm.tree.find(this.addr(column));
    if (vma === null || vma.vmStart > this.addr(column)) throw new Error(`nothing is mapped at column ${column}`);
    return vma;
  }

  /** Draws `width` pages. VMAs that the picture did not have get the letters `a`, `b`, …. */
  show(width: number): string {
    let fresh = 96;
    let text = '';
    let last: Vma | null = null;
    let letter = '.';
    for (let i = 0; i < width; i++) {
      const vma = this.mm.tree.find(this.addr(i));
      if (vma === null || vma.vmStart > this.addr(i)) {
        text += '.';
        continue;
      }
      if (vma !== last) letter = this.letters.get(vma) ?? String.fromCharCode(++fresh);
      last = vma;
      text += letter;
    }
    return text;
  }

  /** Every invariant holds. */
  check(): this {
    expect(validateMm(this.mm)).toEqual([]);
    return this;
  }

  /** The merges that the tracer heard of since the last look: `case: count`. */
  merges(): number[] {
    const found = this.tracer.merges.flatMap((n, mergeCase) => (n === 0 ? [] : [mergeCase]));
    this.tracer.merges.fill(0);
    return found;
  }
}

export { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED };
