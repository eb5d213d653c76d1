/**
 * The VMAs of an address space as two flat arrays: one record of 32 bytes per VMA, found by its id.
 *
 * A `Vma` (vma.ts) is a view of one record, created on request: drivers, tracers and the rare paths of the engine use
 * objects; plain mappings need none. With objects only, a pair of munmap and mmap took twice as long at 60,000 VMAs, most
 * of it cache misses on the neighbours' objects.
 *
 * Not here: the order of the VMAs (areas/tree/tree.ts), and files and anon_vmas, which the objects hold.
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
  /** RECORD doubles per VMA. The last double of a record is two integers of `ints`. */
  nums: Float64Array;
  /** The same buffer as int32: FLAGS and STATE. FLAGS of a free record is the next free id. */
  ints: Int32Array;
  /** Objects by id; shorter than the records until a `Vma` of a later record is requested. */
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
   * kmem_cache_zalloc: takes a record and clears it.
   *
   * @returns its id, or -1 when a failure is injected
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

  /** {@link alloc} that returns the object. */
  allocVma(): Vma | null {
    const id = this.alloc();
    return id === -1 ? null : this.at(id);
  }

  /** Fills a fresh record of a plain mapping. Takes six plain parameters, so that a plain mmap allocates no object. */
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
   * Makes a record for the part of the plain VMA `id` below `addr` (`below`) or above it, and moves the page offset of `id`
   * when it loses its lower part. The index sets the bounds.
   *
   * @returns the new record's id. The caller has checked that no failure is to be injected.
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

  /** Returns whether the page offset of `high` continues where the pages of `low` end. */
  continues(low: number, high: number): boolean {
    const { nums } = this;
    const at = low * RECORD;
    return nums[at + PGOFF]! + (nums[at + END]! - nums[at + START]!) * this.perPage === nums[high * RECORD + PGOFF];
  }

  /** Sets the flags and the protection of a plain VMA. */
  setFlags(id: number, vmFlags: VmFlags, pageProt: number): void {
    const { ints } = this;
    const at = id * INTS;
    ints[at + FLAGS] = vmFlags;
    ints[at + STATE] = (ints[at + STATE]! & ~15) | pageProt;
  }

  /** Returns the VM_ bits of a VMA. */
  flags(id: number): number {
    return this.ints[id * INTS + FLAGS]!;
  }

  /** Returns the first byte of a VMA. */
  vmStart(id: number): number {
    return this.nums[id * RECORD + START]!;
  }

  /** Returns the first byte behind a VMA. */
  vmEnd(id: number): number {
    return this.nums[id * RECORD + END]!;
  }

  /** Returns the length of a VMA in bytes. */
  bytes(id: number): number {
    return this.nums[id * RECORD + END]! - this.nums[id * RECORD + START]!;
  }

  /** Returns whether a VMA has and had no file, anon_vma or operations, so that removing it calls no `close`. */
  isPlain(id: number): boolean {
    return (this.ints[id * INTS + STATE]! & STATE_OWNS) === 0;
  }

  /** kmem_cache_free: frees a record. The VMA must be out of the index. */
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

  /** Returns the object of a VMA: the same one as long as the VMA exists. */
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

  /** The number of records ever used: each id is below it. */
  get end(): number {
    return this.made;
  }

  /**
   * Copies the table `from`, all VMAs of which are in its index: keeps the ids, makes every VMA plain and keeps the flags
   * in `keep` (fork).
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
