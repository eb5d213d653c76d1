/**
 * What an address space's VMAs are, in two flat arrays: one record of 32 bytes per VMA, found by its id.
 *
 * A `Vma` (vma.ts) is a view of one record, made when somebody asks for it: drivers, tracers and the rare parts of the
 * engine see objects, while a plain mapping comes and goes without one. With objects only, a pair of munmap and mmap took
 * twice as long at 60,000 VMAs, most of it waiting for the neighbours' objects.
 *
 * Not here: the order of the VMAs (areas/tree/tree.ts), and what is no number (files, anon_vmas), which the objects hold.
 */
import type { Mm } from '../space/mm.ts';
import type { Slab } from '../base/slab.ts';
import { END, FLAGS, INTS, PGOFF, PROT_MASK, RECORD, START, STATE, STATE_LINKED, STATE_OWNS } from './record.ts';
import { Vma } from './vma.ts';
import type { Addr, Pages, VmFlags } from '../base/units.ts';

const FIRST_CAPACITY = 16;

/** The VMAs of one address space, linked or not. */
export class VmaTable {
  readonly mm: Mm;
  /** RECORD doubles per VMA. The last one is two integers of `ints`. */
  nums: Float64Array;
  /** The same buffer: FLAGS and STATE. While a record is free, FLAGS is the next free id. */
  ints: Int32Array;
  /** By id; shorter than the records while nobody asked for the rest. */
  private readonly objects: (Vma | null)[] = [];
  private readonly slab: Slab;
  private readonly perPage: number;
  private free = -1;
  private made = 0;

  constructor(mm: Mm) {
    this.mm = mm;
    this.slab = mm.system.vmAreaCachep;
    this.perPage = mm.system.perPage;
    this.nums = new Float64Array(FIRST_CAPACITY * RECORD);
    this.ints = new Int32Array(this.nums.buffer);
  }

  /**
   * kmem_cache_zalloc: a record with everything zero.
   *
   * @returns its id, or -1 when memory is exhausted (injected)
   */
  alloc(): number {
    if (!this.slab.take()) return -1;
    const id = this.free;
    if (id === -1) return this.extend();
    const flags = id * INTS + FLAGS;
    this.free = this.ints[flags]!;
    this.ints[flags] = 0;
    return id;
  }

  /** {@link alloc} for those who want an object. */
  allocVma(): Vma | null {
    const id = this.alloc();
    return id === -1 ? null : this.at(id);
  }

  /** Fills a fresh record of a plain mapping. Six plain parameters: every plain mmap comes here, and makes no object. */
  fill(id: number, start: Addr, end: Addr, pgoff: Pages, vmFlags: VmFlags, pageProt: number): void {
    const { nums, ints } = this;
    const at = id * RECORD;
    nums[at + START] = start;
    nums[at + END] = end;
    nums[at + PGOFF] = pgoff;
    ints[at * 2 + FLAGS] = vmFlags;
    ints[at * 2 + STATE] = pageProt;
  }

  /**
   * A record for the part of the plain VMA `id` below `addr`, or else above it, and the page offset of `id` moved where it
   * loses its lower part. The bounds are the index's to set.
   *
   * @returns the new record's id; nothing may be injected
   */
  cut(id: number, addr: Addr, below: boolean): number {
    const made = this.alloc();
    const { nums, ints } = this;
    const from = id * RECORD;
    const to = made * RECORD;
    const pgoff = nums[from + PGOFF]!;
    const upper = pgoff + (addr - nums[from + START]!) * this.perPage;
    nums[to + PGOFF] = below ? pgoff : upper;
    if (below) nums[from + PGOFF] = upper;
    ints[to * 2 + FLAGS] = ints[from * 2 + FLAGS]!;
    ints[to * 2 + STATE] = ints[from * 2 + STATE]! & PROT_MASK;
    return made;
  }

  /** Whether the pages of `high`, in its file or as anonymous memory, go on where those of `low` end. */
  continues(low: number, high: number): boolean {
    const { nums } = this;
    const at = low * RECORD;
    return nums[at + PGOFF]! + (nums[at + END]! - nums[at + START]!) * this.perPage === nums[high * RECORD + PGOFF];
  }

  /** Gives a plain VMA other flags, and their protection. */
  setFlags(id: number, vmFlags: VmFlags, pageProt: number): void {
    const { ints } = this;
    const at = id * INTS;
    ints[at + FLAGS] = vmFlags;
    ints[at + STATE] = (ints[at + STATE]! & ~15) | pageProt;
  }

  /** VM_ bits of a VMA. */
  flags(id: number): number {
    return this.ints[id * INTS + FLAGS]!;
  }

  /** First byte of a VMA. */
  vmStart(id: number): number {
    return this.nums[id * RECORD + START]!;
  }

  /** First byte behind a VMA. */
  vmEnd(id: number): number {
    return this.nums[id * RECORD + END]!;
  }

  /** Length of a VMA in bytes. */
  bytes(id: number): number {
    return this.nums[id * RECORD + END]! - this.nums[id * RECORD + START]!;
  }

  /** Whether a VMA has, and had, no file, no anon_vma, no owner: there is no object that must hear of its end. */
  isPlain(id: number): boolean {
    return (this.ints[id * INTS + STATE]! & STATE_OWNS) === 0;
  }

  /** kmem_cache_free. The VMA must be out of the index. */
  release(id: number): void {
    const { nums, ints } = this;
    const at = id * RECORD;
    if ((ints[at * 2 + STATE]! & STATE_OWNS) !== 0) this.objects[id]!.clear();
    nums[at + START] = 0;
    nums[at + END] = 0;
    nums[at + PGOFF] = 0;
    ints[at * 2 + FLAGS] = this.free;
    ints[at * 2 + STATE] = 0;
    this.free = id;
    this.slab.give();
  }

  /** The object of a VMA: the same one as long as the VMA lives. */
  at(id: number): Vma {
    const { objects } = this;
    return id < objects.length ? (objects[id] ?? this.makeObject(id)) : this.makeObject(id);
  }

  private makeObject(id: number): Vma {
    const { objects } = this;
    while (objects.length <= id) objects.push(null);
    const vma = new Vma(this, id);
    objects[id] = vma;
    return vma;
  }

  /** Records in use or free: ids are below. */
  get end(): number {
    return this.made;
  }

  /**
   * Becomes a copy of `from`, whose VMAs all are in its index: the same ids, every VMA plain, `keep` of its flags. (fork)
   */
  copyFrom(from: VmaTable, keep: number): void {
    this.nums = from.nums.slice();
    const ints = new Int32Array(this.nums.buffer);
    const end = from.made;
    for (let at = 0; at < end * INTS; at += INTS) {
      const state = ints[at + STATE]!;
      if ((state & STATE_LINKED) === 0) continue;
      ints[at + STATE] = state & ~STATE_OWNS;
      ints[at + FLAGS] = ints[at + FLAGS]! & keep;
    }
    this.ints = ints;
    this.free = from.free;
    this.made = end;
  }

  private extend(): number {
    const had = this.nums.length / RECORD;
    if (this.made === had) {
      const have = had + 16 + (had >> 2);
      const nums = new Float64Array(have * RECORD);
      nums.set(this.nums);
      this.nums = nums;
      this.ints = new Int32Array(nums.buffer);
    }
    return this.made++;
  }
}
