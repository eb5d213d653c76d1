// The nodes of the VMA index (vma-tree.ts): the arrays that they live in, their recycling, and their invariants.
// It moves nothing between nodes; vma-tree-balance.ts does that. No counterpart in the kernel (its trees link objects).
//
// A B+tree in flat arrays. A VMA's slot has its exclusive end (the key), the gap in front of it, and the object.
// A child's slot in an inner node has the last end below it (the key) and the largest gap below it.
//   - Node n occupies the indexes n*32 .. n*32+31 of its arrays. Slots 1..30 are used; slot 0 of a leaf holds the end
//     of the VMA in front of the leaf (0 for none), so that `ends[i - 1]` is the start of the gap `i` everywhere.
//   - Unused keys are Infinity, and so is the key of the last child on each level: an address above everything
//     walks down the right edge to the first free slot, without a special case.
//   - Gaps are signed: `gaps[i] = vm_start_gap(vma) - ends[i - 1]` is negative where a stack's guard gap reaches into
//     the VMA below. So a neighbour's gap can be corrected without looking at the neighbour's object.
//   - `finger` is the leaf slot where the last operation ended, `path` the way down to it. An operation that begins in
//     the same leaf needs no descent; a changed structure resets it.
import { VM_GROWSDOWN } from './vm-flags.ts';

/** What the index needs to see of a VMA. It writes the two links, and the bounds where a method says so. */
export interface IndexedVma<Self> {
  /** First byte. */
  vmStart: number;
  /** First byte after. */
  vmEnd: number;
  /** Only VM_GROWSDOWN is looked at; it may not change while the VMA is in the index. */
  vmFlags: number;
  vmPrev: Self | null;
  vmNext: Self | null;
}

/** log2 of SLOTS. */
export const SHIFT = 5;
/** Indexes per node. With 16, find and refill cost the same at 1k VMAs and 5 to 15 % more at 60k. */
export const SLOTS: number = 1 << SHIFT;
/** Used slots per node: slot 0 is the border in front, slot 31 stays Infinity so that every search ends inside. */
export const CAPACITY: number = SLOTS - 2;
/** 30 ^ 11 VMAs are more than fit in memory. */
const MAX_HEIGHT = 11;

const NO_DOUBLES = new Float64Array(0);
const NO_INTS = new Int32Array(0);

/**
 * Index of the first key above `addr` in the node at `off`, given that `keys[off] <= addr`. Without branches, since V8
 * makes a comparison that is added a setcc: a random find costs 22 ns in 10 VMAs and 64 in 1k, scanning costs 31 and 89.
 */
export function firstAbove(keys: Float64Array, off: number, addr: number): number {
  let i = off + (Number(keys[off + 16]! <= addr) << 4);
  i += Number(keys[i + 8]! <= addr) << 3;
  i += Number(keys[i + 4]! <= addr) << 2;
  i += Number(keys[i + 2]! <= addr) << 1;
  return i + 1 + Number(keys[i + 1]! <= addr);
}

/**
 * The same by scanning. Once the leaves and the VMAs no longer fit the cache, a guessed branch lets the processor fetch
 * ahead: at 60k VMAs a churn pair costs 980 ns with this in the leaves, 1110 without branches.
 */
export function scanAbove(keys: Float64Array, off: number, addr: number): number {
  let i = off + 1;
  while (keys[i]! <= addr) i++;
  return i;
}

/**
 * Largest value in the node at `off`, whose unused slots (slot 0 too) are -Infinity; -Infinity for none. Four at a time:
 * V8 neither unrolls nor vectorises, and a refilled hole costs one such scan per level.
 */
export function largest(values: Float64Array, off: number, used: number): number {
  let a = -Infinity;
  let b = -Infinity;
  for (let i = off; i <= off + used; i += 4) {
    const p = values[i]!;
    const q = values[i + 1]!;
    const r = values[i + 2]!;
    const s = values[i + 3]!;
    if (p > a) a = p;
    if (q > b) b = q;
    if (r > a) a = r;
    if (s > b) b = s;
  }
  return a > b ? a : b;
}

/** Storage of a VmaTree. */
export class VmaTreeStore<V extends IndexedVma<V>> {
  /** Number of VMAs. */
  size: number;
  /** The VMA with the lowest address. */
  first: V | null;
  /** stack_guard_gap: bytes kept free below a VM_GROWSDOWN VMA by gap searches. */
  readonly guardGapBytes: number;

  // Leaves. Slot s of leaf n is index n*32+s.
  protected ends: Float64Array;
  protected gaps: Float64Array;
  protected readonly vmas: (V | null)[];
  protected leafCount: Int32Array;
  protected leafNext: Int32Array;
  protected leafPrev: Int32Array;
  protected lastLeaf: number;
  protected freeLeaf: number;
  protected leavesMade: number;

  // Inner nodes. kids[n*32] is the number of children.
  protected keys: Float64Array;
  protected maxGaps: Float64Array;
  protected kids: Int32Array;
  protected freeInner: number;
  protected innersMade: number;

  /** Leaf number if height is 0, else inner node number. */
  protected root: number;
  /** Number of inner levels. */
  protected height: number;
  /** path[h]: index of the child slot that was taken on level h; level 0 is just above the leaves. */
  protected readonly path: Int32Array;
  /** Index of a leaf slot to which `path` leads, 0 for none. */
  protected finger: number;
  /** Tells runs of neighbouring inserts, which split a full leaf where they are and not in its middle. */
  protected lastInserted: V | null;

  constructor(guardGapBytes: number) {
    this.size = 0;
    this.first = null;
    this.guardGapBytes = guardGapBytes;
    this.ends = new Float64Array(SLOTS).fill(Infinity);
    this.gaps = new Float64Array(SLOTS).fill(-Infinity);
    this.vmas = [];
    for (let i = 0; i < SLOTS; i++) this.vmas.push(null);
    this.leafCount = new Int32Array(1);
    this.leafNext = new Int32Array(1).fill(-1);
    this.leafPrev = new Int32Array(1).fill(-1);
    this.ends[0] = 0;
    this.lastLeaf = 0;
    this.freeLeaf = -1;
    this.leavesMade = 1;
    this.keys = NO_DOUBLES;
    this.maxGaps = NO_DOUBLES;
    this.kids = NO_INTS;
    this.freeInner = -1;
    this.innersMade = 0;
    this.root = 0;
    this.height = 0;
    this.path = new Int32Array(MAX_HEIGHT);
    this.finger = 0;
    this.lastInserted = null;
  }

  /** The VMA with the highest address. */
  get last(): V | null {
    const leaf = this.lastLeaf;
    return this.vmas[(leaf << SHIFT) + this.leafCount[leaf]!] as V | null;
  }

  /** End of the last VMA, 0 if there is none. */
  get highestVmEnd(): number {
    const leaf = this.lastLeaf;
    return this.ends[(leaf << SHIFT) + this.leafCount[leaf]!]!;
  }

  /** Start of `vma` as gap searches see it (vm_start_gap). */
  protected startGap(vma: V): number {
    const start = vma.vmStart;
    if ((vma.vmFlags & VM_GROWSDOWN) === 0) return start;
    return start > this.guardGapBytes ? start - this.guardGapBytes : 0;
  }

  protected newLeaf(): number {
    const leaf = this.freeLeaf;
    if (leaf !== -1) {
      this.freeLeaf = this.leafNext[leaf]!;
      return leaf;
    }
    const had = this.leafCount.length;
    if (this.leavesMade === had) {
      const have = had + 1 + (had >> 2);
      this.ends = grown(this.ends, have << SHIFT, Infinity);
      this.gaps = grown(this.gaps, have << SHIFT, -Infinity);
      this.leafCount = grownInts(this.leafCount, have);
      this.leafNext = grownInts(this.leafNext, have);
      this.leafPrev = grownInts(this.leafPrev, have);
      for (let k = had << SHIFT; k < have << SHIFT; k++) this.vmas.push(null);
    }
    return this.leavesMade++;
  }

  /** Takes an empty leaf out of the chain of leaves and recycles it. */
  protected unlinkLeaf(leaf: number): void {
    const prev = this.leafPrev[leaf]!;
    const next = this.leafNext[leaf]!;
    if (prev !== -1) this.leafNext[prev] = next;
    if (next === -1) {
      this.lastLeaf = prev;
    } else {
      this.leafPrev[next] = prev;
      this.ends[next << SHIFT] = prev === -1 ? 0 : this.ends[(prev << SHIFT) + this.leafCount[prev]!]!;
    }
    this.leafCount[leaf] = 0;
    this.leafNext[leaf] = this.freeLeaf;
    this.freeLeaf = leaf;
  }

  protected newInner(): number {
    const node = this.freeInner;
    if (node !== -1) {
      this.freeInner = this.kids[(node << SHIFT) + 1]!;
      return node;
    }
    const had = this.kids.length >> SHIFT;
    if (this.innersMade === had) {
      const have = had + 1 + (had >> 2);
      this.keys = grown(this.keys, have << SHIFT, Infinity);
      this.maxGaps = grown(this.maxGaps, have << SHIFT, -Infinity);
      this.kids = grownInts(this.kids, have << SHIFT);
      // slot 0 is never above an address
      for (let node = had; node < have; node++) this.keys[node << SHIFT] = -1;
    }
    return this.innersMade++;
  }

  protected dropInner(node: number): void {
    const off = node << SHIFT;
    this.keys.fill(Infinity, off + 1, off + SLOTS);
    this.maxGaps.fill(-Infinity, off + 1, off + SLOTS);
    this.kids[off] = 0;
    this.kids[off + 1] = this.freeInner;
    this.freeInner = node;
  }

  /** Checks every invariant. One sentence for each violation; an empty array is good. For tests. */
  validate(): string[] {
    const bad: string[] = [];
    let prev: V | null = null;
    let prevLeaf = -1;
    let count = 0;
    let leaves = 0;
    let inners = 0;
    const walkLeaf = (leaf: number): { end: number; max: number } => {
      leaves++;
      const off = leaf << SHIFT;
      const n = this.leafCount[leaf]!;
      if (n > CAPACITY || (n === 0 && this.height > 0)) bad.push(`leaf ${leaf} has ${n} slots`);
      if (this.leafPrev[leaf] !== prevLeaf) bad.push(`leaf ${leaf}: leafPrev is wrong`);
      if (prevLeaf !== -1 && this.leafNext[prevLeaf] !== leaf) bad.push(`leaf ${prevLeaf}: leafNext is wrong`);
      prevLeaf = leaf;
      if (this.vmas[off] !== null) bad.push(`leaf ${leaf}: slot 0 has a VMA`);
      let end = prev === null ? 0 : prev.vmEnd;
      let max = -Infinity;
      if (this.ends[off] !== end) bad.push(`leaf ${leaf}: begins at ${this.ends[off]}, not ${end}`);
      for (let i = off + 1; i < off + SLOTS; i++) {
        const vma = this.vmas[i] as V | null;
        if (i > off + n) {
          if (vma !== null || this.ends[i] !== Infinity || this.gaps[i] !== -Infinity)
            bad.push(`slot ${i} is not clear`);
          continue;
        }
        if (vma === null) {
          bad.push(`slot ${i} has no VMA`);
          continue;
        }
        count++;
        if (vma.vmPrev !== prev) bad.push(`slot ${i}: vmPrev is wrong`);
        if (prev === null ? this.first !== vma : prev.vmNext !== vma)
          bad.push(`slot ${i}: the list does not lead here`);
        if (vma.vmStart < end || vma.vmEnd <= vma.vmStart) bad.push(`slot ${i}: out of order`);
        if (this.ends[i] !== vma.vmEnd) bad.push(`slot ${i}: key ${this.ends[i]}, vmEnd ${vma.vmEnd}`);
        const gap = this.startGap(vma) - end;
        if (this.gaps[i] !== gap) bad.push(`slot ${i}: gap ${this.gaps[i]}, not ${gap}`);
        if (gap > max) max = gap;
        end = vma.vmEnd;
        prev = vma;
      }
      return { end, max };
    };
    const walk = (node: number, level: number, rightEdge: boolean): { end: number; max: number } => {
      if (level === 0) return walkLeaf(node);
      inners++;
      const off = node << SHIFT;
      const n = this.kids[off]!;
      if (n > CAPACITY || n < (level === this.height ? 2 : 1)) bad.push(`inner node ${node} has ${n} children`);
      let end = 0;
      let max = -Infinity;
      for (let i = off + 1; i <= off + n; i++) {
        const edge = rightEdge && i === off + n;
        const below = walk(this.kids[i]!, level - 1, edge);
        if (this.keys[i] !== (edge ? Infinity : below.end))
          bad.push(`child ${i}: key ${this.keys[i]}, not ${below.end}`);
        if (this.maxGaps[i] !== below.max) bad.push(`child ${i}: largest gap ${this.maxGaps[i]}, not ${below.max}`);
        end = below.end;
        if (below.max > max) max = below.max;
      }
      for (let i = off + n + 1; i < off + SLOTS; i++) {
        if (this.keys[i] !== Infinity || this.maxGaps[i] !== -Infinity) bad.push(`child ${i} is not clear`);
      }
      return { end, max };
    };
    walk(this.root, this.height, true);
    const end = prev as V | null;
    if (end === null ? this.first !== null : end.vmNext !== null) bad.push('the list does not end with the last slot');
    if (this.lastLeaf !== prevLeaf || this.leafNext[prevLeaf] !== -1) bad.push('lastLeaf is wrong');
    if (this.size !== count) bad.push(`size is ${this.size}, counted ${count}`);
    for (let n = this.freeLeaf; n !== -1; n = this.leafNext[n]!) leaves++;
    for (let n = this.freeInner; n !== -1; n = this.kids[(n << SHIFT) + 1]!) inners++;
    if (leaves !== this.leavesMade || inners !== this.innersMade) bad.push('a node is lost');
    const f = this.finger;
    if (f !== 0) {
      let node = this.root;
      for (let h = this.height - 1; h >= 0; h--) {
        if (this.path[h]! >> SHIFT !== node) bad.push('the path is not one');
        node = this.kids[this.path[h]!]!;
      }
      const slot = f & (SLOTS - 1);
      const n = this.leafCount[node]!;
      if (f >> SHIFT !== node || slot < 1 || slot > (node === this.lastLeaf ? n + 1 : n))
        bad.push('the finger is off the path');
    }
    return bad;
  }
}

function grown(old: Float64Array, length: number, fill: number): Float64Array {
  const now = new Float64Array(length);
  now.set(old);
  return now.fill(fill, old.length);
}

function grownInts(old: Int32Array, length: number): Int32Array {
  const now = new Int32Array(length);
  now.set(old);
  return now;
}
