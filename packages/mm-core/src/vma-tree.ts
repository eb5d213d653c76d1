// The index of one address space's VMAs: lookup by address, insert, erase, moving borders, and the highest or
// lowest gap of a size (vm_unmapped_area). It also keeps the address-ordered list (vmPrev, vmNext) up to date.
// It knows nothing of files, flags (but VM_GROWSDOWN) or accounting, and it never allocates once it has its size.
// Mirrors the role of mm_rb, rb_subtree_gap, highest_vm_end and vm_unmapped_area in mm/mmap.c; the structure is our own.
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

import type { Vma } from './vma.ts';

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

const VM_GROWSDOWN = 0x100;
const ENOMEM = 12;

const SHIFT = 5;
const SLOTS = 1 << SHIFT;
/** Used slots per node: slot 0 is the border in front, slot 31 stays Infinity so that every search ends inside. */
const CAPACITY = SLOTS - 2;
/** A node that shrinks below this is united with a sibling if both then fill at most MERGED slots. */
const SPARSE = 8;
const MERGED = 22;
/** 30 ^ 11 VMAs are more than fit in memory. */
const MAX_HEIGHT = 11;

const NO_DOUBLES = new Float64Array(0);
const NO_INTS = new Int32Array(0);

/** Index of the first key above `addr` in the node at `off`, given that `keys[off] <= addr` (or slot 0 is unused). */
function firstAbove(keys: Float64Array, off: number, addr: number): number {
  let i = off + 1;
  while (keys[i]! <= addr) i++;
  return i;
}

/**
 * Largest value in the node at `off`, whose unused slots (slot 0 too) are -Infinity; -Infinity for none. Four at a time:
 * V8 neither unrolls nor vectorises, and a refilled hole costs one such scan per level.
 */
function largest(values: Float64Array, off: number, used: number): number {
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

/** Largest of `values[from..to]`. */
function largestOf(values: Float64Array, from: number, to: number): number {
  let max = values[from]!;
  for (let i = from + 1; i <= to; i++) {
    const v = values[i]!;
    if (v > max) max = v;
  }
  return max;
}

/** `value & mask` for a mask of low bits that may be wider than 31 bits, and a value that may be negative. */
function lowBits(value: number, mask: number): number {
  if (mask <= 0x7fffffff) return value & mask;
  return value - Math.floor(value / (mask + 1)) * (mask + 1);
}

/** The ordered set of one address space's VMAs. All addresses and lengths are bytes. */
export class VmaTree<V extends IndexedVma<V> = Vma> {
  /** Number of VMAs. */
  size: number;
  /** The VMA with the lowest address. */
  first: V | null;
  /** stack_guard_gap: bytes kept free below a VM_GROWSDOWN VMA by gap searches. */
  readonly guardGapBytes: number;

  // Leaves. Slot s of leaf n is index n*32+s.
  private ends: Float64Array;
  private gaps: Float64Array;
  private readonly vmas: (V | null)[];
  private leafCount: Int32Array;
  private leafNext: Int32Array;
  private leafPrev: Int32Array;
  private lastLeaf: number;
  private freeLeaf: number;
  private leavesMade: number;

  // Inner nodes. kids[n*32] is the number of children.
  private keys: Float64Array;
  private maxGaps: Float64Array;
  private kids: Int32Array;
  private freeInner: number;
  private innersMade: number;

  /** Leaf number if height is 0, else inner node number. */
  private root: number;
  /** Number of inner levels. */
  private height: number;
  /** path[h]: index of the child slot that was taken on level h; level 0 is just above the leaves. */
  private readonly path: Int32Array;
  /** Index of a leaf slot to which `path` leads, 0 for none. */
  private finger: number;
  /** Tells runs of neighbouring inserts, which split a full leaf where they are and not in its middle. */
  private lastInserted: V | null;

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

  /**
   * find_vma: the first VMA that ends above `addr` (it may begin above it too), or null.
   * The one before it is its `vmPrev`, or `last` when the answer is null.
   */
  find(addr: number): V | null {
    return this.vmas[this.seek(addr)] as V | null;
  }

  /** Links `vma` (vmStart, vmEnd, vmFlags are set) at its place. The caller guarantees that it overlaps nothing. */
  insert(vma: V): void {
    const start = vma.vmStart;
    const end = vma.vmEnd;
    let i = this.seek(start);
    const next = this.vmas[i] as V | null;
    const prev = this.before(i, next);
    if (this.leafCount[i >> SHIFT] === CAPACITY) {
      this.splitLeaf(i, prev, next);
      i = this.seek(start);
    }
    this.openSlot(i);
    const { ends, gaps } = this;
    const border = ends[i - 1]!;
    const gap = this.startGap(vma) - border;
    ends[i] = end;
    gaps[i] = gap;
    this.vmas[i] = vma;
    this.link(prev, vma, next);
    if (next === null) {
      this.gapsChanged(-Infinity, gap);
      return;
    }
    const old = gaps[i + 1]!;
    const above = old - (end - border);
    gaps[i + 1] = above;
    this.gapsChanged(old, gap > above ? gap : above);
  }

  /** Unlinks `vma`. Its own links become null. */
  erase(vma: V): void {
    const i = this.seekVma(vma);
    const leaf = i >> SHIFT;
    const n = this.leafCount[leaf]!;
    if (n <= SPARSE || (i & (SLOTS - 1)) === n) {
      this.eraseRange(vma, vma);
      return;
    }
    // The plain case: a neighbour above in a leaf that stays full enough.
    const { ends, gaps, vmas } = this;
    const next = vmas[i + 1]!;
    const prev = (i & (SLOTS - 1)) === 1 ? vma.vmPrev : (vmas[i - 1] as V | null);
    const border = ends[i - 1]!;
    const own = gaps[i]!;
    const old = gaps[i + 1]!;
    const gap = old + (ends[i]! - border);
    const stop = (leaf << SHIFT) + n;
    ends[i] = ends[i + 1]!;
    gaps[i] = gap;
    vmas[i] = next;
    for (let k = i + 1; k < stop; k++) {
      ends[k] = ends[k + 1]!;
      gaps[k] = gaps[k + 1]!;
      vmas[k] = vmas[k + 1]!;
    }
    ends[stop] = Infinity;
    gaps[stop] = -Infinity;
    vmas[stop] = null;
    this.leafCount[leaf] = n - 1;
    this.size--;
    vma.vmPrev = null;
    vma.vmNext = null;
    next.vmPrev = prev;
    if (prev === null) this.first = next;
    else prev.vmNext = next;
    this.lastInserted = null;
    this.gapsChanged(own > old ? own : old, gap);
  }

  /**
   * Unlinks `first` and everything up to `last`, one pass per leaf. The removed VMAs stay linked to each other
   * (munmap walks them once more): only `first.vmPrev` and `last.vmNext` become null.
   */
  eraseRange(first: V, last: V): void {
    const prev = first.vmPrev;
    const next = last.vmNext;
    const lastEnd = last.vmEnd;
    let i = this.seekVma(first);
    const border = this.ends[i - 1]!;
    while (this.eraseInLeaf(i, lastEnd)) i = this.seek(border);
    first.vmPrev = null;
    last.vmNext = null;
    if (prev === null) this.first = next;
    else prev.vmNext = next;
    if (next !== null) next.vmPrev = prev;
    this.lastInserted = null;
  }

  /** Gives a linked VMA new bounds. The order of the VMAs must stay, and they must not overlap. */
  setBounds(vma: V, newStart: number, newEnd: number): void {
    const i = this.seekVma(vma);
    const { ends, gaps } = this;
    const oldEnd = vma.vmEnd;
    vma.vmStart = newStart;
    vma.vmEnd = newEnd;
    const oldGap = gaps[i]!;
    const gap = this.startGap(vma) - ends[i - 1]!;
    gaps[i] = gap;
    if (newEnd === oldEnd) {
      this.gapsChanged(oldGap, gap);
      return;
    }
    ends[i] = newEnd;
    if (!this.isLastSlot(i)) {
      const old = gaps[i + 1]!;
      const above = old + (oldEnd - newEnd);
      gaps[i + 1] = above;
      this.gapsChanged(oldGap > old ? oldGap : old, gap > above ? gap : above);
      return;
    }
    this.gapsChanged(oldGap, gap);
    this.lastEndChanged(newEnd);
    this.borderMoved(i >> SHIFT, newEnd, oldEnd - newEnd);
  }

  /** Moves the border of two touching VMAs: `left.vmEnd = right.vmStart = addr`. */
  shiftBoundary(left: V, right: V, addr: number): void {
    const i = this.seekVma(left);
    left.vmEnd = addr;
    right.vmStart = addr;
    this.ends[i] = addr;
    // the gap between them is 0, or minus the guard gap; only a clamp at address 0 can change it
    const gap = this.startGap(right) - addr;
    if (this.isLastSlot(i)) {
      this.lastEndChanged(addr);
      const next = this.leafNext[i >> SHIFT]!;
      this.borderMoved(i >> SHIFT, addr, gap - this.gaps[(next << SHIFT) + 1]!);
      return;
    }
    const old = this.gaps[i + 1]!;
    if (gap === old) return;
    this.gaps[i + 1] = gap;
    this.gapsChanged(old, gap);
  }

  /**
   * Cuts a linked VMA at `addr` and links `part`, which takes the lower side if `partBelow`, else the upper.
   * Sets the bounds of both. The same as setBounds and insert, but no gap and no key above the leaf changes.
   */
  split(vma: V, addr: number, part: V, partBelow: boolean): void {
    let i = this.seekVma(vma);
    if (this.leafCount[i >> SHIFT] === CAPACITY) {
      this.splitLeaf(i, vma, vma);
      i = this.seek(vma.vmStart);
    }
    const prev = vma.vmPrev;
    const next = vma.vmNext;
    const lower = partBelow ? part : vma;
    const upper = partBelow ? vma : part;
    const end = vma.vmEnd;
    lower.vmStart = vma.vmStart;
    lower.vmEnd = addr;
    upper.vmStart = addr;
    upper.vmEnd = end;
    this.openSlot(i);
    const { ends, gaps, vmas } = this;
    ends[i] = addr;
    vmas[i] = lower;
    vmas[i + 1] = upper;
    const old = gaps[i + 1]!;
    const below = this.startGap(lower) - ends[i - 1]!;
    const above = this.startGap(upper) - addr;
    gaps[i] = below;
    gaps[i + 1] = above;
    this.gapsChanged(old, below > above ? below : above);
    if (partBelow) {
      this.finger = i + 1;
      this.link(prev, part, vma);
    } else {
      this.link(vma, part, next);
    }
  }

  /**
   * Lets `vma` grow over everything up to `last`, which is unlinked with all between (vma_merge removing its right
   * neighbours): `vma.vmEnd = last.vmEnd`. The removed VMAs stay linked to each other, as after eraseRange.
   */
  absorb(vma: V, last: V): void {
    const lastEnd = last.vmEnd;
    const i = this.seekVma(vma);
    const leaf = i >> SHIFT;
    const stop = (leaf << SHIFT) + this.leafCount[leaf]!;
    if (this.ends[stop]! < lastEnd) {
      this.eraseRange(vma.vmNext!, last);
      this.setBounds(vma, vma.vmStart, lastEnd);
      return;
    }
    const { ends, gaps } = this;
    const first = vma.vmNext!;
    const next = last.vmNext;
    let j = i + 1;
    while (ends[j] !== lastEnd) j++;
    const removed = largestOf(gaps, i + 1, j);
    ends[i] = lastEnd;
    vma.vmEnd = lastEnd;
    this.closeSlots(i + 1, j - i);
    first.vmPrev = null;
    last.vmNext = null;
    vma.vmNext = next;
    if (next !== null) next.vmPrev = vma;
    this.lastInserted = null;
    this.gapsChanged(removed, -Infinity);
    this.uniteSparse(leaf);
  }

  /**
   * The top-down search of vm_unmapped_area: highest free range of `length` bytes in [lowLimit, highLimit), as far up in
   * its gap as `(result - alignOffset) & alignMask == 0` allows. Returns its address or -ENOMEM. `alignMask` is 2^n - 1.
   * A gap counts only if it has room for `length + alignMask`, measured before it is clipped to the limits.
   */
  highestGap(length: number, lowLimit: number, highLimit: number, alignMask: number, alignOffset: number): number {
    const room = length + alignMask;
    const maxStart = highLimit - room;
    if (maxStart < 0 || lowLimit > maxStart) return -ENOMEM;
    let top = highLimit;
    if (this.highestVmEnd > maxStart) {
      const i = this.lastGapSlot(room, maxStart);
      if (i === 0) return -ENOMEM;
      const end = this.ends[i - 1]! + this.gaps[i]!;
      // every lower gap ends lower still
      if (end < lowLimit + room) return -ENOMEM;
      if (end < top) top = end;
    }
    const addr = top - length;
    return alignMask === 0 ? addr : addr - lowBits(addr - alignOffset, alignMask);
  }

  /** The bottom-up search of vm_unmapped_area: as highestGap, but the lowest range, as far down as possible. */
  lowestGap(length: number, lowLimit: number, highLimit: number, alignMask: number, alignOffset: number): number {
    const room = length + alignMask;
    const maxStart = highLimit - room;
    if (maxStart < 0 || lowLimit > maxStart) return -ENOMEM;
    const i = this.firstGapSlot(room, lowLimit);
    const start = i === 0 ? this.highestVmEnd : this.ends[i - 1]!;
    if (start > maxStart) return -ENOMEM;
    const addr = start > lowLimit ? start : lowLimit;
    return alignMask === 0 ? addr : addr + lowBits(alignOffset - addr, alignMask);
  }

  /** Highest slot whose gap begins at or below `maxStart` and has `room` bytes; 0 if none. Leaves the finger there. */
  private lastGapSlot(room: number, maxStart: number): number {
    const { ends, gaps, keys, maxGaps, kids, path } = this;
    let level = this.height;
    let node = this.root;
    let i = level === 0 ? 0 : (node << SHIFT) + kids[node << SHIFT]!;
    this.finger = 0;
    for (;;) {
      if (level === 0) {
        const off = node << SHIFT;
        for (i = off + this.leafCount[node]!; i > off; i--) {
          if (gaps[i]! >= room && ends[i - 1]! <= maxStart) return (this.finger = i);
        }
      } else {
        // keys[i - 1] is where the gaps of child i begin; for the first child the level above has compared it
        const off = node << SHIFT;
        while (i > off && (maxGaps[i]! < room || (i - 1 > off && keys[i - 1]! > maxStart))) i--;
        if (i > off) {
          level--;
          path[level] = i;
          node = kids[i]!;
          if (level !== 0) i = (node << SHIFT) + kids[node << SHIFT]!;
          continue;
        }
      }
      // Only a node that holds maxStart can fail, so this happens at most once per level.
      if (level === this.height) return 0;
      i = path[level]!;
      node = i >> SHIFT;
      i--;
      level++;
    }
  }

  /** Lowest slot with a gap of `room` bytes of which `room` lie above `low`; 0 if none. Leaves the finger there. */
  private firstGapSlot(room: number, low: number): number {
    const { ends, gaps, keys, maxGaps, kids, path } = this;
    const minEnd = low + room;
    let level = this.height;
    let node = this.root;
    let i = (node << SHIFT) + 1;
    this.finger = 0;
    for (;;) {
      if (level === 0) {
        const off = node << SHIFT;
        const stop = off + this.leafCount[node]!;
        for (i = off + 1; i <= stop; i++) {
          const gap = gaps[i]!;
          if (gap >= room && ends[i - 1]! + gap >= minEnd) return (this.finger = i);
        }
      } else {
        const stop = (node << SHIFT) + kids[node << SHIFT]!;
        while (i <= stop && (maxGaps[i]! < room || keys[i]! <= low)) i++;
        if (i <= stop) {
          level--;
          path[level] = i;
          node = kids[i]!;
          i = (node << SHIFT) + 1;
          continue;
        }
      }
      if (level === this.height) return 0;
      i = path[level]!;
      node = i >> SHIFT;
      i++;
      level++;
    }
  }

  /** Start of `vma` as gap searches see it (vm_start_gap). */
  private startGap(vma: V): number {
    const start = vma.vmStart;
    if ((vma.vmFlags & VM_GROWSDOWN) === 0) return start;
    return start > this.guardGapBytes ? start - this.guardGapBytes : 0;
  }

  /** Slot of the first VMA that ends above `addr`; the free slot after the last VMA if there is none. Sets the finger. */
  private seek(addr: number): number {
    const i = this.finger;
    if (i !== 0) {
      const ends = this.ends;
      if (addr >= ends[i - 1]! && addr < ends[i]!) return i;
      const leaf = i >> SHIFT;
      const off = leaf << SHIFT;
      if (addr >= ends[off]! && addr < ends[off + this.leafCount[leaf]!]!) {
        return (this.finger = firstAbove(ends, off, addr));
      }
    }
    return this.descend(addr);
  }

  private descend(addr: number): number {
    const { keys, kids, path } = this;
    let node = this.root;
    for (let level = this.height - 1; level >= 0; level--) {
      const i = firstAbove(keys, node << SHIFT, addr);
      path[level] = i;
      node = kids[i]!;
    }
    return (this.finger = firstAbove(this.ends, node << SHIFT, addr));
  }

  /** Slot of a linked VMA. Usually the finger is on it or just above: nothing of the object is read then. */
  private seekVma(vma: V): number {
    const f = this.finger;
    if (f !== 0) {
      if (this.vmas[f] === vma) return f;
      if (this.vmas[f - 1] === vma) return (this.finger = f - 1);
    }
    const i = this.seek(vma.vmStart);
    if (this.vmas[i] !== vma) throw new Error('VmaTree: this VMA is not in the index');
    return i;
  }

  private before(i: number, next: V | null): V | null {
    if ((i & (SLOTS - 1)) !== 1) return this.vmas[i - 1] as V | null;
    return next !== null ? next.vmPrev : this.last;
  }

  private isLastSlot(i: number): boolean {
    return (i & (SLOTS - 1)) === this.leafCount[i >> SHIFT];
  }

  private link(prev: V | null, vma: V, next: V | null): void {
    vma.vmPrev = prev;
    vma.vmNext = next;
    if (prev === null) this.first = vma;
    else prev.vmNext = vma;
    if (next !== null) next.vmPrev = vma;
    this.lastInserted = vma;
  }

  /** Moves slot `i` and those after it one up, and counts the new one. Its contents are the caller's to set. */
  private openSlot(i: number): void {
    const { ends, gaps, vmas } = this;
    const leaf = i >> SHIFT;
    const n = this.leafCount[leaf]!;
    for (let k = (leaf << SHIFT) + n; k >= i; k--) {
      ends[k + 1] = ends[k]!;
      gaps[k + 1] = gaps[k]!;
      vmas[k + 1] = vmas[k]!;
    }
    this.leafCount[leaf] = n + 1;
    this.size++;
  }

  /** Removes `n` slots from `i` on, all in one leaf. */
  private closeSlots(i: number, n: number): void {
    const { ends, gaps, vmas } = this;
    const leaf = i >> SHIFT;
    const stop = (leaf << SHIFT) + this.leafCount[leaf]!;
    let k = i;
    for (; k + n <= stop; k++) {
      ends[k] = ends[k + n]!;
      gaps[k] = gaps[k + n]!;
      vmas[k] = vmas[k + n]!;
    }
    for (; k <= stop; k++) {
      ends[k] = Infinity;
      gaps[k] = -Infinity;
      vmas[k] = null;
    }
    this.leafCount[leaf]! -= n;
    this.size -= n;
  }

  /** Removes slot `i` and those after it up to `lastEnd` from one leaf. True if more of the range is in the next leaf. */
  private eraseInLeaf(i: number, lastEnd: number): boolean {
    const { ends, gaps } = this;
    const leaf = i >> SHIFT;
    const stop = (leaf << SHIFT) + this.leafCount[leaf]!;
    const border = ends[i - 1]!;
    let j = i;
    while (j < stop && ends[j] !== lastEnd) j++;
    const removedEnd = ends[j]!;
    const more = removedEnd < lastEnd;
    let removed = largestOf(gaps, i, j);
    const delta = removedEnd - border;
    if (j < stop) {
      const old = gaps[j + 1]!;
      const gap = old + delta;
      gaps[j + 1] = gap;
      if (old > removed) removed = old;
      this.closeSlots(i, j - i + 1);
      this.gapsChanged(removed, gap);
      this.uniteSparse(leaf);
      return more;
    }
    this.closeSlots(i, j - i + 1);
    const left = this.leafCount[leaf]!;
    const next = this.leafNext[leaf]!;
    if (left !== 0) {
      this.finger = i - 1;
      this.gapsChanged(removed, -Infinity);
      this.lastEndChanged(border);
      this.borderMoved(leaf, border, delta);
      if (left < SPARSE) {
        this.seek(border - 1);
        this.uniteSparse(leaf);
      }
    } else if (this.height !== 0) {
      this.unlinkLeaf(leaf);
      this.removeChild(0);
      if (next !== -1) this.addToGap(border, delta);
    }
    return more;
  }

  /** After the last end of `leaf` became `border`: the next leaf's slot 0, and its first gap, which grows by `delta`. */
  private borderMoved(leaf: number, border: number, delta: number): void {
    const next = this.leafNext[leaf]!;
    if (next === -1) return;
    this.ends[next << SHIFT] = border;
    if (delta !== 0) this.addToGap(border, delta);
  }

  /** Corrects the gap that begins at `border`. */
  private addToGap(border: number, delta: number): void {
    const i = this.seek(border);
    const old = this.gaps[i]!;
    const gap = old + delta;
    this.gaps[i] = gap;
    this.gapsChanged(old, gap);
  }

  /** Corrects the ancestors' largest gaps after gaps of at most `removed` vanished from the leaf of `path` and `added` came. */
  private gapsChanged(removed: number, added: number): void {
    const height = this.height;
    if (height === 0) return;
    const { maxGaps, path } = this;
    const old = maxGaps[path[0]!]!;
    if (added > old) {
      for (let h = 0; h < height && added > maxGaps[path[h]!]!; h++) maxGaps[path[h]!] = added;
      return;
    }
    if (removed !== old || added === old) return;
    let values = this.gaps;
    let off = (this.finger >> SHIFT) << SHIFT;
    let n = this.leafCount[this.finger >> SHIFT]!;
    for (let h = 0; h < height; h++) {
      const up = path[h]!;
      if (maxGaps[up] !== old) return;
      const max = largest(values, off, n);
      if (max === old) return;
      maxGaps[up] = max;
      values = maxGaps;
      off = (up >> SHIFT) << SHIFT;
      n = this.kids[off]!;
    }
  }

  /** Corrects the ancestors' keys after the last end of the leaf of `path` changed. */
  private lastEndChanged(end: number): void {
    const { keys, kids, path, height } = this;
    for (let h = 0; h < height; h++) {
      const up = path[h]!;
      if (keys[up] === Infinity) return;
      keys[up] = end;
      if ((up & (SLOTS - 1)) !== kids[(up >> SHIFT) << SHIFT]) return;
    }
  }

  /** Splits the full leaf of slot `i`, where a VMA between `prev` and `next` will go. Resets the finger. */
  private splitLeaf(i: number, prev: V | null, next: V | null): void {
    const leaf = i >> SHIFT;
    const slot = i & (SLOTS - 1);
    // A run of inserts next to each other (mmap top-down, fork) leaves full leaves behind it: 30 slots used, not 15.
    const run = this.lastInserted !== null && (this.lastInserted === prev || this.lastInserted === next);
    const at = slot > CAPACITY || (run && slot > 1) ? slot : SLOTS / 2;
    const right = this.newLeaf();
    const { ends, gaps, vmas } = this;
    const from = (leaf << SHIFT) + at;
    const to = (right << SHIFT) + 1;
    const n = CAPACITY + 1 - at;
    const border = ends[from - 1]!;
    ends[to - 1] = border;
    for (let k = 0; k < n; k++) {
      ends[to + k] = ends[from + k]!;
      gaps[to + k] = gaps[from + k]!;
      vmas[to + k] = vmas[from + k]!;
      ends[from + k] = Infinity;
      gaps[from + k] = -Infinity;
      vmas[from + k] = null;
    }
    this.leafCount[leaf] = at - 1;
    this.leafCount[right] = n;
    const after = this.leafNext[leaf]!;
    this.leafNext[leaf] = right;
    this.leafPrev[right] = leaf;
    this.leafNext[right] = after;
    if (after === -1) this.lastLeaf = right;
    else this.leafPrev[after] = right;
    this.insertChild(0, right, border, largest(gaps, from - at, at - 1), largest(gaps, to - 1, n));
  }

  /** Puts `right` behind the child at path[h], which keeps the keys up to `leftKey`. Resets the finger. */
  private insertChild(h: number, right: number, leftKey: number, leftMax: number, rightMax: number): void {
    this.finger = 0;
    if (h === this.height) {
      const root = this.newInner();
      const slot = (root << SHIFT) + 1;
      this.keys[slot] = Infinity;
      this.kids[slot] = this.root;
      this.kids[slot - 1] = 1;
      this.root = root;
      this.height++;
      this.path[h] = slot;
    } else if (this.kids[(this.path[h]! >> SHIFT) << SHIFT] === CAPACITY) {
      this.splitInner(h);
    }
    const { keys, maxGaps, kids } = this;
    const i = this.path[h]!;
    const off = (i >> SHIFT) << SHIFT;
    const n = kids[off]!;
    for (let k = off + n; k >= i; k--) {
      keys[k + 1] = keys[k]!;
      maxGaps[k + 1] = maxGaps[k]!;
      kids[k + 1] = kids[k]!;
    }
    kids[off] = n + 1;
    keys[i] = leftKey;
    maxGaps[i] = leftMax;
    maxGaps[i + 1] = rightMax;
    kids[i + 1] = right;
  }

  /** Splits the full inner node of path[h]; path[h] stays at the same child. */
  private splitInner(h: number): void {
    const i = this.path[h]!;
    const slot = i & (SLOTS - 1);
    const at = slot === CAPACITY ? CAPACITY : SLOTS / 2;
    const right = this.newInner();
    const off = i - slot;
    const to = (right << SHIFT) + 1;
    const n = CAPACITY + 1 - at;
    this.moveChildren(off + at, to, n);
    const { keys, maxGaps, kids } = this;
    kids[off] = at - 1;
    kids[to - 1] = n;
    const leftMax = largest(maxGaps, off, at - 1);
    const rightMax = largest(maxGaps, to - 1, n);
    this.insertChild(h + 1, right, keys[off + at - 1]!, leftMax, rightMax);
    if (slot >= at) this.path[h] = to + slot - at;
  }

  private moveChildren(from: number, to: number, n: number): void {
    const { keys, maxGaps, kids } = this;
    for (let k = 0; k < n; k++) {
      keys[to + k] = keys[from + k]!;
      maxGaps[to + k] = maxGaps[from + k]!;
      kids[to + k] = kids[from + k]!;
      keys[from + k] = Infinity;
      maxGaps[from + k] = -Infinity;
    }
  }

  /** If the leaf of `path` has become sparse, unites it with a sibling that has room. */
  private uniteSparse(leaf: number): void {
    const own = this.leafCount[leaf]!;
    if (own >= SPARSE || this.height === 0) return;
    const { keys, maxGaps, kids, leafCount } = this;
    let i = this.path[0]!;
    const slot = i & (SLOTS - 1);
    if (slot === kids[i - slot] || own + leafCount[kids[i + 1]!]! > MERGED) {
      if (slot === 1 || own + leafCount[kids[i - 1]!]! > MERGED) return;
      i--;
    }
    const left = kids[i]!;
    const right = kids[i + 1]!;
    const { ends, gaps, vmas } = this;
    const from = (right << SHIFT) + 1;
    const to = (left << SHIFT) + leafCount[left]! + 1;
    const n = leafCount[right]!;
    for (let k = 0; k < n; k++) {
      ends[to + k] = ends[from + k]!;
      gaps[to + k] = gaps[from + k]!;
      vmas[to + k] = vmas[from + k]!;
      ends[from + k] = Infinity;
      gaps[from + k] = -Infinity;
      vmas[from + k] = null;
    }
    leafCount[left]! += n;
    this.unlinkLeaf(right);
    keys[i] = keys[i + 1]!;
    if (maxGaps[i + 1]! > maxGaps[i]!) maxGaps[i] = maxGaps[i + 1]!;
    this.path[0] = i + 1;
    this.removeChild(0);
  }

  /** Drops the child at path[h] from its node, and what becomes empty or sparse above. Resets the finger. */
  private removeChild(h: number): void {
    this.finger = 0;
    const { keys, maxGaps, kids } = this;
    const i = this.path[h]!;
    const off = (i >> SHIFT) << SHIFT;
    const n = kids[off]! - 1;
    for (let k = i; k <= off + n; k++) {
      keys[k] = keys[k + 1]!;
      maxGaps[k] = maxGaps[k + 1]!;
      kids[k] = kids[k + 1]!;
    }
    keys[off + n + 1] = Infinity;
    maxGaps[off + n + 1] = -Infinity;
    kids[off] = n;
    if (n === 0) {
      // never the root: it has two children or more
      this.dropInner(off >> SHIFT);
      this.removeChild(h + 1);
      return;
    }
    this.refreshAbove(h);
    if (h === this.height - 1) this.lowerRoot();
    else if (n < SPARSE) this.uniteInner(h);
    this.openRightEdge();
  }

  /** Sets keys and largest gaps of all ancestors of the node of path[h]. */
  private refreshAbove(h: number): void {
    const { keys, maxGaps, kids, path } = this;
    for (let level = h; level + 1 < this.height; level++) {
      const off = (path[level]! >> SHIFT) << SHIFT;
      const last = off + kids[off]!;
      const up = path[level + 1]!;
      keys[up] = keys[last]!;
      maxGaps[up] = largest(maxGaps, off, last - off);
    }
  }

  private uniteInner(h: number): void {
    const { keys, maxGaps, kids } = this;
    let i = this.path[h + 1]!;
    const slot = i & (SLOTS - 1);
    const own = kids[kids[i]! << SHIFT]!;
    if (slot === kids[i - slot] || own + kids[kids[i + 1]! << SHIFT]! > MERGED) {
      if (slot === 1 || own + kids[kids[i - 1]! << SHIFT]! > MERGED) return;
      i--;
    }
    const left = kids[i]! << SHIFT;
    const right = kids[i + 1]! << SHIFT;
    const n = kids[right]!;
    this.moveChildren(right + 1, left + kids[left]! + 1, n);
    kids[left]! += n;
    this.dropInner(right >> SHIFT);
    keys[i] = keys[i + 1]!;
    if (maxGaps[i + 1]! > maxGaps[i]!) maxGaps[i] = maxGaps[i + 1]!;
    this.path[h + 1] = i + 1;
    this.removeChild(h + 1);
  }

  private lowerRoot(): void {
    while (this.height > 0 && this.kids[this.root << SHIFT] === 1) {
      const old = this.root;
      this.root = this.kids[(old << SHIFT) + 1]!;
      this.dropInner(old);
      this.height--;
    }
  }

  /** The last key on every level is Infinity. */
  private openRightEdge(): void {
    let node = this.root;
    for (let level = this.height; level > 0; level--) {
      const i = (node << SHIFT) + this.kids[node << SHIFT]!;
      this.keys[i] = Infinity;
      node = this.kids[i]!;
    }
  }

  private newLeaf(): number {
    const leaf = this.freeLeaf;
    if (leaf !== -1) {
      this.freeLeaf = this.leafNext[leaf]!;
      return leaf;
    }
    const had = this.leafCount.length;
    if (this.leavesMade === had) {
      const have = had + ((had + 1) >> 1);
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
  private unlinkLeaf(leaf: number): void {
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

  private newInner(): number {
    const node = this.freeInner;
    if (node !== -1) {
      this.freeInner = this.kids[(node << SHIFT) + 1]!;
      return node;
    }
    const had = this.kids.length >> SHIFT;
    if (this.innersMade === had) {
      const have = had === 0 ? 1 : had + ((had + 1) >> 1);
      this.keys = grown(this.keys, have << SHIFT, Infinity);
      this.maxGaps = grown(this.maxGaps, have << SHIFT, -Infinity);
      this.kids = grownInts(this.kids, have << SHIFT);
      // slot 0 is never above an address
      for (let node = had; node < have; node++) this.keys[node << SHIFT] = -1;
    }
    return this.innersMade++;
  }

  private dropInner(node: number): void {
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
