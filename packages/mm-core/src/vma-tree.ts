// The index of one address space's VMAs: lookup by address, insert, erase, moving borders, and the highest or
// lowest gap of a size (vm_unmapped_area). It also keeps the address-ordered list (vmPrev, vmNext) up to date.
// It knows nothing of files, flags (but VM_GROWSDOWN) or accounting, and it never allocates once it has its size.
// Mirrors the role of mm_rb, rb_subtree_gap, highest_vm_end and vm_unmapped_area in mm/mmap.c; the structure is our own.
// The layout of the nodes is told in vma-tree-store.ts.
import { ENOMEM } from '@vmarea/uapi';
import { SPARSE, VmaTreeBalance } from './vma-tree-balance.ts';
import { CAPACITY, firstAbove, type IndexedVma, scanAbove, SHIFT, SLOTS } from './vma-tree-store.ts';
import type { Vma } from './vma.ts';

export type { IndexedVma } from './vma-tree-store.ts';

/** From this height on (beyond some 20,000 VMAs) leaves are scanned: see scanAbove. */
const TALL = 3;

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
export class VmaTree<V extends IndexedVma<V> = Vma> extends VmaTreeBalance<V> {
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

  /**
   * Links `vma` behind all others: {@link insert} where that is known, as fork knows it. Runs of appends need no descent
   * and move nothing.
   */
  append(vma: V): void {
    const leaf = this.lastLeaf;
    const n = this.leafCount[leaf]!;
    if (n === CAPACITY || this.finger >> SHIFT !== leaf || this.finger === 0) {
      this.insert(vma);
      return;
    }
    const i = (leaf << SHIFT) + n + 1;
    const prev = this.vmas[i - 1] as V | null;
    const border = this.ends[i - 1]!;
    const gap = this.startGap(vma) - border;
    this.ends[i] = vma.vmEnd;
    this.gaps[i] = gap;
    this.vmas[i] = vma;
    this.leafCount[leaf] = n + 1;
    this.size++;
    this.finger = i;
    this.link(prev, vma, null);
    this.gapsChanged(-Infinity, gap);
  }

  /** Unlinks `vma`. Its own links become null. */
  erase(vma: V): void {
    const i = this.seekVma(vma);
    const leaf = i >> SHIFT;
    const n = this.leafCount[leaf]!;
    if ((n <= SPARSE && this.height !== 0) || (i & (SLOTS - 1)) === n) {
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

  /** Slot of the first VMA that ends above `addr`; the free slot after the last VMA if there is none. Sets the finger. */
  private seek(addr: number): number {
    const i = this.finger;
    if (i !== 0) {
      const ends = this.ends;
      // one unpredictable branch each, not two
      if ((Number(addr >= ends[i - 1]!) & Number(addr < ends[i]!)) !== 0) return i;
      const leaf = i >> SHIFT;
      const off = leaf << SHIFT;
      if ((Number(addr >= ends[off]!) & Number(addr < ends[off + this.leafCount[leaf]!]!)) !== 0) {
        return (this.finger = this.height < TALL ? firstAbove(ends, off, addr) : scanAbove(ends, off, addr));
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
    const off = node << SHIFT;
    return (this.finger = this.height < TALL ? firstAbove(this.ends, off, addr) : scanAbove(this.ends, off, addr));
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
}
