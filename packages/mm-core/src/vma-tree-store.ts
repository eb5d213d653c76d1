// The nodes of the VMA index (vma-tree.ts): the arrays that they live in, their recycling, and their invariants.
// It decides nothing; vma-tree-balance.ts moves what is in them. No counterpart in the kernel (its trees link objects).
//
// A B+tree in flat arrays. A VMA's slot has its exclusive end (the key), the gap in front of it, and its id in the table.
// A child's slot in an inner node has the last end below it (the key) and the largest gap below it.
//   - Node n occupies the indexes n*32 .. n*32+31 of its arrays, and a slot is named by its index there.
//   - A leaf uses the slots `lo` to `hi`, within 1..30: it grows and shrinks at both sides, so that an insert moves a
//     quarter of it and a run of mmaps, each below the last, moves nothing.
//   - The slots below `lo` hold the leaf's border: the end of the VMA in front of it (0 for none). So `ends[i - 1]` is
//     where the gap `i` begins everywhere, and `ends[leaf * 32]` where the leaf begins.
//   - Unused keys above are Infinity, and so is the key of the last child on each level: an address above everything
//     walks down the right edge to the first free slot, without a special case.
//   - Gaps are signed: `gaps[i] = vm_start_gap(vma) - ends[i - 1]` is negative where a stack's guard gap reaches into
//     the VMA below. So a neighbour's gap can be corrected without looking at the neighbour.
//   - One bit per slot says whether its gap is above 0. Most are not, since mappings are packed: searching a node for a
//     gap, or for its largest one, visits the bits that are set. A largest gap is 0 where there is none.
//   - `finger` is a slot, where the last operation ended; `hints` remembers for each stretch of 64 KiB (by its low bits)
//     the leaf in which an address of it was found last. Both are only tried: what they lead to is checked by the ends
//     there, so nothing has to correct them. A leaf that is free has only Infinity.
import { VM_GROWSDOWN } from './vm-flags.ts';
import { END, FLAGS, INTS, RECORD, START, STATE, STATE_LINKED } from './vma-record.ts';
import type { VmaTable } from './vma-table.ts';
import type { Vma } from './vma.ts';

/** log2 of SLOTS. */
export const SHIFT = 5;
/** Indexes per node. With 16, find and refill cost the same at 1k VMAs and 5 to 15 % more at 60k. */
export const SLOTS: number = 1 << SHIFT;
/** `i & SLOT` is the slot within its node. */
export const SLOT: number = SLOTS - 1;
/** Used slots per node: slot 0 is the border, slot 31 stays Infinity so that every search ends inside. */
export const CAPACITY: number = SLOTS - 2;

/** Elements per leaf of `meta`, and what they are. */
export const META = 8;
/** First and last used slot, 1..30. An empty leaf (of an empty tree) has LO = 1 and HI = 0. */
export const LO = 0;
export const HI = 1;
/** Bit s: the gap of slot s is above 0. */
export const MASK = 2;
/** The leaves beside it, -1 for none; NEXT of a free leaf is the next free one. */
export const NEXT = 3;
export const PREV = 4;
/** Its slot in its parent, -1 for the root. */
export const UP = 5;

/** Slots of an inner node that are no children: their number, and the bits of the largest gaps above 0. */
export const COUNT = 0;
export const GAP_BITS: number = SLOTS - 1;

/** Stretches per byte of address. */
const STRETCHES = 1 / 65536;
const FIRST_HINTS = 64;

const NO_DOUBLES = new Float64Array(0);
const NO_INTS = new Int32Array(0);

/**
 * Index of the first key above `addr` in the node at `off`, given that `keys[off] <= addr`. Without branches, since V8
 * makes a comparison that is added a setcc: among random addresses a step costs a nanosecond, a mispredicted one six.
 */
export function firstAbove(keys: Float64Array, off: number, addr: number): number {
  let i = off + (Number(keys[off + 16]! <= addr) << 4);
  i += Number(keys[i + 8]! <= addr) << 3;
  i += Number(keys[i + 4]! <= addr) << 2;
  i += Number(keys[i + 2]! <= addr) << 1;
  return i + 1 + Number(keys[i + 1]! <= addr);
}

/** Largest value among those at `off` whose bits are set; 0 for none. */
export function largestOf(values: Float64Array, off: number, bits: number): number {
  let max = 0;
  for (let m = bits; m !== 0; m &= m - 1) {
    const value = values[off + 31 - Math.clz32(m & -m)]!;
    if (value > max) max = value;
  }
  return max;
}

/** Storage of a VmaTree. */
export class VmaTreeStore {
  /** Number of VMAs. */
  size: number;
  /** stack_guard_gap: bytes kept free below a VM_GROWSDOWN VMA by gap searches. */
  readonly guardGapBytes: number;
  readonly table: VmaTable;

  // Leaves.
  protected ends: Float64Array;
  protected gaps: Float64Array;
  protected ids: Int32Array;
  protected meta: Int32Array;
  protected firstLeaf: number;
  protected lastLeaf: number;
  protected freeLeaf: number;
  protected leavesMade: number;

  // Inner nodes. Level 0 is just above the leaves.
  protected keys: Float64Array;
  protected maxGaps: Float64Array;
  /** Leaf numbers on level 0, inner node numbers above. */
  protected kids: Int32Array;
  /** Slot of each inner node in its parent, -1 for the root. */
  protected innerUp: Int32Array;
  protected freeInner: number;
  protected innersMade: number;

  /** Leaf number if height is 0, else inner node number. */
  protected root: number;
  /** Number of inner levels. */
  protected height: number;
  protected finger: number;
  protected hints: Int32Array;
  /** Id of the VMA inserted last: tells runs of neighbours, which split a full leaf where they are, not in its middle. */
  protected lastInserted: number;

  constructor(table: VmaTable, guardGapBytes: number) {
    this.size = 0;
    this.table = table;
    this.guardGapBytes = guardGapBytes;
    this.ends = new Float64Array(SLOTS).fill(Infinity);
    this.gaps = new Float64Array(SLOTS);
    this.ids = new Int32Array(SLOTS);
    this.meta = new Int32Array([1, 0, 0, -1, -1, -1, 0, 0]);
    this.ends[0] = 0;
    this.firstLeaf = 0;
    this.lastLeaf = 0;
    this.freeLeaf = -1;
    this.leavesMade = 1;
    this.keys = NO_DOUBLES;
    this.maxGaps = NO_DOUBLES;
    this.kids = NO_INTS;
    this.innerUp = NO_INTS;
    this.freeInner = -1;
    this.innersMade = 0;
    this.root = 0;
    this.height = 0;
    this.finger = 1;
    this.hints = new Int32Array(FIRST_HINTS);
    this.lastInserted = -1;
  }

  /** The VMA with the lowest address. */
  get first(): Vma | null {
    if (this.size === 0) return null;
    const leaf = this.firstLeaf;
    return this.table.at(this.ids[(leaf << SHIFT) + this.meta[leaf * META + LO]!]!);
  }

  /** The VMA with the highest address. */
  get last(): Vma | null {
    if (this.size === 0) return null;
    const leaf = this.lastLeaf;
    return this.table.at(this.ids[(leaf << SHIFT) + this.meta[leaf * META + HI]!]!);
  }

  /** End of the last VMA, 0 if there is none. */
  get highestVmEnd(): number {
    const leaf = this.lastLeaf;
    return this.ends[(leaf << SHIFT) + this.meta[leaf * META + HI]!]!;
  }

  /** The element of `hints` for an address. */
  protected hintOf(addr: number): number {
    return (addr * STRETCHES) & (this.hints.length - 1);
  }

  /** `start` of the VMA `id` as gap searches see it (vm_start_gap). */
  protected startGap(id: number, start: number): number {
    if ((this.table.ints[id * INTS + FLAGS]! & VM_GROWSDOWN) === 0) return start;
    return start > this.guardGapBytes ? start - this.guardGapBytes : 0;
  }

  /** Slot of a VMA's gap is `i`: whether it is above 0. */
  protected setGap(i: number, gap: number): void {
    this.gaps[i] = gap;
    const at = (i >> SHIFT) * META + MASK;
    const bit = 1 << (i & SLOT);
    this.meta[at] = gap > 0 ? this.meta[at]! | bit : this.meta[at]! & ~bit;
  }

  protected newLeaf(): number {
    const leaf = this.freeLeaf;
    if (leaf !== -1) {
      this.freeLeaf = this.meta[leaf * META + NEXT]!;
      return leaf;
    }
    const had = this.meta.length / META;
    if (this.leavesMade === had) {
      const have = had + 1 + (had >> 2);
      this.ends = grown(this.ends, have << SHIFT, Infinity);
      this.gaps = grown(this.gaps, have << SHIFT, 0);
      this.ids = grownInts(this.ids, have << SHIFT);
      this.meta = grownInts(this.meta, have * META);
      // Four stretches a leaf at least: one of twenty VMAs of 3 pages spans four.
      if (this.hints.length < 4 * have) this.hints = grownInts(this.hints, this.hints.length * 4);
    }
    return this.leavesMade++;
  }

  /** Takes a leaf out of the chain of leaves and recycles it. Its slots are Infinity already. */
  protected unlinkLeaf(leaf: number): void {
    const { meta, ends } = this;
    const prev = meta[leaf * META + PREV]!;
    const next = meta[leaf * META + NEXT]!;
    if (prev !== -1) meta[prev * META + NEXT] = next;
    else if (next !== -1) this.firstLeaf = next;
    if (next !== -1) meta[next * META + PREV] = prev;
    else this.lastLeaf = prev;
    const off = leaf << SHIFT;
    ends.fill(Infinity, off, off + SLOTS);
    meta[leaf * META + LO] = 1;
    meta[leaf * META + HI] = 0;
    meta[leaf * META + MASK] = 0;
    meta[leaf * META + NEXT] = this.freeLeaf;
    this.freeLeaf = leaf;
  }

  protected newInner(): number {
    const node = this.freeInner;
    if (node !== -1) {
      this.freeInner = this.innerUp[node]!;
      return node;
    }
    const had = this.innerUp.length;
    if (this.innersMade === had) {
      const have = had + 1 + (had >> 2);
      this.keys = grown(this.keys, have << SHIFT, Infinity);
      this.maxGaps = grown(this.maxGaps, have << SHIFT, 0);
      this.kids = grownInts(this.kids, have << SHIFT);
      this.innerUp = grownInts(this.innerUp, have);
      // slot 0 is never above an address
      for (let n = had; n < have; n++) this.keys[n << SHIFT] = -1;
    }
    return this.innersMade++;
  }

  protected dropInner(node: number): void {
    const off = node << SHIFT;
    this.keys.fill(Infinity, off + 1, off + SLOTS);
    this.kids[off + COUNT] = 0;
    this.kids[off + GAP_BITS] = 0;
    this.innerUp[node] = this.freeInner;
    this.freeInner = node;
  }

  /** Checks every invariant. One sentence for each violation; an empty array is good. For tests. */
  validate(): string[] {
    return new Checker(this).run();
  }
}

/** What `validate` looks at. */
interface Seen {
  readonly end: number;
  readonly max: number;
}

/** Walks a tree for {@link VmaTreeStore.validate}. */
class Checker {
  private readonly bad: string[] = [];
  private readonly t: Raw;
  private prevLeaf = -1;
  private end = 0;
  private count = 0;
  private leaves = 0;
  private inners = 0;

  constructor(tree: VmaTreeStore) {
    this.t = tree as unknown as Raw;
  }

  run(): string[] {
    const { t, bad } = this;
    this.walk(t.root, t.height, -1, true);
    if (t.lastLeaf !== this.prevLeaf || t.meta[this.prevLeaf * META + NEXT] !== -1) bad.push('lastLeaf is wrong');
    if (t.size !== this.count) bad.push(`size is ${t.size}, counted ${this.count}`);
    for (let n = t.freeLeaf; n !== -1; n = t.meta[n * META + NEXT]!) {
      this.leaves++;
      if (t.ends.subarray(n << SHIFT, (n + 1) << SHIFT).some((x) => x !== Infinity))
        bad.push(`free leaf ${n} has ends`);
    }
    for (let n = t.freeInner; n !== -1; n = t.innerUp[n]!) this.inners++;
    if (this.leaves !== t.leavesMade || this.inners !== t.innersMade) bad.push('a node is lost');
    return bad;
  }

  private walk(node: number, level: number, up: number, rightEdge: boolean): Seen {
    if (level === 0) return this.leaf(node, up);
    const { t, bad } = this;
    this.inners++;
    const off = node << SHIFT;
    const n = t.kids[off + COUNT]!;
    if (n > CAPACITY || n < (level === t.height ? 2 : 1)) bad.push(`inner node ${node} has ${n} children`);
    if (t.innerUp[node] !== up) bad.push(`inner node ${node}: its parent is wrong`);
    let max = 0;
    let bits = 0;
    for (let i = off + 1; i <= off + n; i++) {
      const edge = rightEdge && i === off + n;
      const below = this.walk(t.kids[i]!, level - 1, i, edge);
      if (t.keys[i] !== (edge ? Infinity : below.end)) bad.push(`child ${i}: key ${t.keys[i]}, not ${below.end}`);
      if (t.maxGaps[i] !== below.max) bad.push(`child ${i}: largest gap ${t.maxGaps[i]}, not ${below.max}`);
      if (below.max > 0) bits |= 1 << (i & SLOT);
      if (below.max > max) max = below.max;
    }
    if (t.kids[off + GAP_BITS] !== bits) bad.push(`inner node ${node}: bits of the gaps`);
    for (let i = off + n + 1; i < off + SLOTS; i++) if (t.keys[i] !== Infinity) bad.push(`child ${i} is not clear`);
    return { end: this.end, max };
  }

  private leaf(leaf: number, up: number): Seen {
    const { t, bad } = this;
    const { nums, ints } = t.table;
    this.leaves++;
    const off = leaf << SHIFT;
    const m = leaf * META;
    const lo = t.meta[m + LO]!;
    const hi = t.meta[m + HI]!;
    if (lo < 1 || hi > CAPACITY || (hi < lo && t.height > 0)) bad.push(`leaf ${leaf} has slots ${lo} to ${hi}`);
    if (t.meta[m + UP] !== up) bad.push(`leaf ${leaf}: its parent is wrong`);
    if (t.meta[m + PREV] !== this.prevLeaf) bad.push(`leaf ${leaf}: PREV is wrong`);
    if (this.prevLeaf === -1 ? t.firstLeaf !== leaf : t.meta[this.prevLeaf * META + NEXT] !== leaf)
      bad.push(`leaf ${leaf}: the chain does not lead here`);
    this.prevLeaf = leaf;
    let max = 0;
    let bits = 0;
    for (let s = 0; s < lo; s++) if (t.ends[off + s] !== this.end) bad.push(`slot ${off + s}: not the border`);
    for (let s = hi + 1; s < SLOTS; s++) if (t.ends[off + s] !== Infinity) bad.push(`slot ${off + s} is not clear`);
    for (let i = off + lo; i <= off + hi; i++) {
      this.count++;
      const id = t.ids[i]!;
      const start = nums[id * RECORD + START]!;
      const end = nums[id * RECORD + END]!;
      if ((ints[id * INTS + STATE]! & STATE_LINKED) === 0) bad.push(`slot ${i}: its VMA is not linked`);
      if (start < this.end || end <= start) bad.push(`slot ${i}: out of order`);
      if (t.ends[i] !== end) bad.push(`slot ${i}: key ${t.ends[i]}, vmEnd ${end}`);
      const gap = t.startGap(id, start) - this.end;
      if (t.gaps[i] !== gap) bad.push(`slot ${i}: gap ${t.gaps[i]}, not ${gap}`);
      if (gap > 0) bits |= 1 << (i & SLOT);
      if (gap > max) max = gap;
      this.end = end;
    }
    if (t.meta[m + MASK] !== bits) bad.push(`leaf ${leaf}: bits of the gaps`);
    return { end: this.end, max };
  }
}

/** The protected part of a tree, for its checker. */
interface Raw {
  size: number;
  table: VmaTable;
  ends: Float64Array;
  gaps: Float64Array;
  ids: Int32Array;
  meta: Int32Array;
  keys: Float64Array;
  maxGaps: Float64Array;
  kids: Int32Array;
  innerUp: Int32Array;
  firstLeaf: number;
  lastLeaf: number;
  freeLeaf: number;
  leavesMade: number;
  freeInner: number;
  innersMade: number;
  root: number;
  height: number;
  startGap(id: number, start: number): number;
}

function grown(old: Float64Array, length: number, fill: number): Float64Array {
  const now = new Float64Array(length);
  now.set(old);
  if (fill !== 0) now.fill(fill, old.length);
  return now;
}

function grownInts(old: Int32Array, length: number): Int32Array {
  const now = new Int32Array(length);
  now.set(old);
  return now;
}
