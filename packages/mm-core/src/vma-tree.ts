// The index of one address space's VMAs: lookup by address, insert, erase, moving borders, and the highest or
// lowest gap of a size (vm_unmapped_area). It also knows each VMA's neighbours.
// It knows nothing of files, flags (but VM_GROWSDOWN) or accounting, and it never allocates once it has its size.
// Mirrors the role of mm_rb, rb_subtree_gap, highest_vm_end and vm_unmapped_area in mm/mmap.c; the structure is our own.
// The layout of the nodes is told in vma-tree-store.ts.
//
// The methods come in two kinds. Those that take a Vma are for everybody. Those that take a slot are for verbs that go
// on where a search has ended: `seek` and the gap searches give slots, which hold until the index is changed.
import { ENOMEM } from '@vmarea/uapi';
import { VmaTreeBalance } from './vma-tree-balance.ts';
import { CAPACITY, firstAbove, GAP_BITS, HI, LO, MASK, META, NEXT, PREV, SHIFT, SLOT, UP } from './vma-tree-store.ts';
import { END, INTS, RECORD, START, STATE, STATE_LINKED } from './vma-record.ts';
import type { Vma } from './vma.ts';

/** `value & mask` for a mask of low bits that may be wider than 31 bits, and a value that may be negative. */
function lowBits(value: number, mask: number): number {
  if (mask <= 0x7fffffff) return value & mask;
  return value - Math.floor(value / (mask + 1)) * (mask + 1);
}

/** The ordered set of one address space's VMAs. All addresses and lengths are bytes. */
export class VmaTree extends VmaTreeBalance {
  // --- lookups

  /**
   * find_vma: the first VMA that ends above `addr` (it may begin above it too), or null.
   * The one before it is its `vmPrev`, or `last` when the answer is null.
   */
  find(addr: number): Vma | null {
    const i = this.locate(addr);
    return this.ends[i] === Infinity ? null : this.table.at(this.ids[i]!);
  }

  /** The VMA behind a linked one. */
  next(vma: Vma): Vma | null {
    const i = this.after(this.slotOf(vma));
    if (i === 0) return null;
    this.finger = i;
    return this.table.at(this.ids[i]!);
  }

  /** The VMA before a linked one. */
  prev(vma: Vma): Vma | null {
    const i = this.before(this.slotOf(vma));
    if (i === 0) return null;
    this.finger = i;
    return this.table.at(this.ids[i]!);
  }

  // --- slots

  /** Slot of the first VMA that ends above `addr`; a free one, where {@link idAt} is -1, if there is none. */
  seek(addr: number): number {
    const { ends, finger } = this;
    const end = ends[finger]!;
    if (addr >= ends[finger - 1]! && addr < end && end !== Infinity) return finger;
    return (this.finger = this.locate(addr));
  }

  /** Id of the VMA in a slot, -1 for none. */
  idAt(i: number): number {
    return this.ends[i] === Infinity ? -1 : this.ids[i]!;
  }

  /** Whether the VMA of slot `i` begins below `addr`; false for a free slot. */
  beginsBelow(i: number, addr: number): boolean {
    return this.ends[i] !== Infinity && this.table.nums[this.ids[i]! * RECORD + START]! < addr;
  }

  /** Whether the VMA of slot `i` begins at `addr`. */
  beginsAt(i: number, addr: number): boolean {
    return this.ends[i] !== Infinity && this.table.nums[this.ids[i]! * RECORD + START] === addr;
  }

  /** Whether the VMA of slot `i` ends at `addr`. */
  endsAt(i: number, addr: number): boolean {
    return this.ends[i] === addr;
  }

  /** End of the VMA before slot `i`, 0 for none: where the gap in front of `i` begins. */
  gapStart(i: number): number {
    return this.ends[i - 1]!;
  }

  /** Whether a VMA is before slot `i` and ends at `addr`. */
  touchesBefore(i: number, addr: number): boolean {
    return this.ends[i - 1] === addr && this.before(i) !== 0;
  }

  /** Id of the VMA before slot `i`, -1 for none. */
  idBefore(i: number): number {
    const before = this.before(i);
    return before === 0 ? -1 : this.ids[before]!;
  }

  /** Id of the VMA behind that of slot `i`, -1 for none. */
  idAfter(i: number): number {
    const after = this.after(i);
    return after === 0 ? -1 : this.ids[after]!;
  }

  /** Slot of the VMA behind that of slot `i`, 0 for none. */
  private after(i: number): number {
    const leaf = i >> SHIFT;
    if ((i & SLOT) !== this.meta[leaf * META + HI]) return i + 1;
    const next = this.meta[leaf * META + NEXT]!;
    return next === -1 ? 0 : (next << SHIFT) + this.meta[next * META + LO]!;
  }

  /** Slot of the VMA before slot `i`, 0 for none. */
  private before(i: number): number {
    const leaf = i >> SHIFT;
    if ((i & SLOT) !== this.meta[leaf * META + LO]) return i - 1;
    const prev = this.meta[leaf * META + PREV]!;
    return prev === -1 ? 0 : (prev << SHIFT) + this.meta[prev * META + HI]!;
  }

  private locate(addr: number): number {
    const hint = this.hintOf(addr);
    const leaf = this.hints[hint]!;
    const off = leaf << SHIFT;
    const ends = this.ends;
    if (addr >= ends[off]!) {
      const i = firstAbove(ends, off, addr);
      if (ends[i] !== Infinity || leaf === this.lastLeaf) return i;
    }
    return this.descend(addr, hint);
  }

  private descend(addr: number, hint: number): number {
    const { keys, kids } = this;
    let node = this.root;
    for (let level = this.height; level > 0; level--) node = kids[firstAbove(keys, node << SHIFT, addr)]!;
    this.hints[hint] = node;
    return firstAbove(this.ends, node << SHIFT, addr);
  }

  /** Slot of a linked VMA. */
  private slotOf(vma: Vma): number {
    const id = vma.id;
    const f = this.finger;
    const { ids, ends } = this;
    const start = this.table.nums[id * RECORD + START]!;
    // A slot that is not in use may still have the id.
    if (ids[f] === id && start >= ends[f - 1]! && start < ends[f]! && ends[f] !== Infinity) return f;
    const i = this.locate(start);
    if (ids[i] !== id || ends[i] === Infinity) throw new Error('VmaTree: this VMA is not in the index');
    return (this.finger = i);
  }

  // --- changes

  /** Links `vma` (vmStart, vmEnd, vmFlags are set) at its place. The caller guarantees that it overlaps nothing. */
  insert(vma: Vma): void {
    this.insertAt(this.seek(vma.vmStart), vma.id);
  }

  /**
   * Links the VMA `id`, whose record is complete, in front of slot `i`.
   *
   * @param i `seek` of its start
   */
  insertAt(i: number, id: number): void {
    const { nums, ints } = this.table;
    const start = nums[id * RECORD + START]!;
    const end = nums[id * RECORD + END]!;
    let at = i;
    if (this.isFull(at >> SHIFT)) at = this.splitLeaf(at, this.idBefore(at), this.idAt(at));
    const own = this.openSlot(at);
    const { ends, gaps, ids } = this;
    const leaf = own >> SHIFT;
    const border = ends[own - 1]!;
    const gap = this.startGap(id, start) - border;
    ends[own] = end;
    ids[own] = id;
    this.setGap(own, gap);
    this.finger = own;
    this.lastInserted = id;
    ints[id * INTS + STATE] = ints[id * INTS + STATE]! | STATE_LINKED;
    if (ends[own + 1] === Infinity) {
      this.gapsChanged(leaf, 0, gap);
      return;
    }
    const old = gaps[own + 1]!;
    const above = old - (end - border);
    this.setGap(own + 1, above);
    this.gapsChanged(leaf, old, gap > above ? gap : above);
  }

  /** Links `vma` behind all others: {@link insert} where that is known, as fork knows it. */
  append(vma: Vma): void {
    const leaf = this.lastLeaf;
    this.insertAt((leaf << SHIFT) + this.meta[leaf * META + HI]! + 1, vma.id);
  }

  /** Unlinks `vma`. */
  erase(vma: Vma): void {
    this.eraseAt(this.slotOf(vma));
  }

  /** Unlinks the VMA of slot `i`. */
  eraseAt(i: number): void {
    const { meta, table } = this;
    const id = this.ids[i]!;
    const state = id * INTS + STATE;
    table.ints[state] = table.ints[state]! & ~STATE_LINKED;
    this.lastInserted = -1;
    const leaf = i >> SHIFT;
    if ((i & SLOT) === meta[leaf * META + HI]) {
      this.eraseInLeaf(i, this.ends[i]!);
      return;
    }
    const { ends, gaps } = this;
    const own = gaps[i]!;
    const old = gaps[i + 1]!;
    const gap = old + (ends[i]! - ends[i - 1]!);
    this.setGap(i + 1, gap);
    this.finger = this.closeSlots(i, 1);
    this.gapsChanged(leaf, own > old ? own : old, gap);
    this.uniteSparse(leaf);
  }

  /**
   * Unlinks `first` and everything up to `last`, one pass per leaf. The removed VMAs lead to each other by `vmNext`
   * (munmap walks them once more).
   */
  eraseRange(first: Vma, last: Vma): void {
    const { ints } = this.table;
    const lastEnd = last.vmEnd;
    let i = this.slotOf(first);
    const border = this.ends[i - 1]!;
    let slot = i;
    for (let vma = first; vma !== last;) {
      slot = this.after(slot);
      const next = this.table.at(this.ids[slot]!);
      vma.setNextRemoved(next);
      ints[vma.id * INTS + STATE] = ints[vma.id * INTS + STATE]! & ~STATE_LINKED;
      vma = next;
    }
    last.setNextRemoved(null);
    ints[last.id * INTS + STATE] = ints[last.id * INTS + STATE]! & ~STATE_LINKED;
    this.lastInserted = -1;
    while (this.eraseInLeaf(i, lastEnd)) i = this.seek(border);
  }

  /** Gives a linked VMA new bounds. The order of the VMAs must stay, and they must not overlap. */
  setBounds(vma: Vma, newStart: number, newEnd: number): void {
    const i = this.slotOf(vma);
    const { ends, gaps } = this;
    const leaf = i >> SHIFT;
    const oldEnd = ends[i]!;
    vma.vmStart = newStart;
    vma.vmEnd = newEnd;
    const oldGap = gaps[i]!;
    const gap = this.startGap(vma.id, newStart) - ends[i - 1]!;
    this.setGap(i, gap);
    if (newEnd === oldEnd) {
      this.gapsChanged(leaf, oldGap, gap);
      return;
    }
    ends[i] = newEnd;
    if ((i & SLOT) !== this.meta[leaf * META + HI]) {
      const old = gaps[i + 1]!;
      const above = old + (oldEnd - newEnd);
      this.setGap(i + 1, above);
      this.gapsChanged(leaf, oldGap > old ? oldGap : old, gap > above ? gap : above);
      return;
    }
    this.gapsChanged(leaf, oldGap, gap);
    this.lastEndChanged(leaf, newEnd);
    this.borderMoved(leaf, newEnd, oldEnd - newEnd);
  }

  /** Moves the border of two touching VMAs: `left.vmEnd = right.vmStart = addr`. */
  shiftBoundary(left: Vma, right: Vma, addr: number): void {
    const i = this.slotOf(left);
    const leaf = i >> SHIFT;
    left.vmEnd = addr;
    right.vmStart = addr;
    this.ends[i] = addr;
    // the gap between them is 0, or minus the guard gap; only a clamp at address 0 can change it
    const gap = this.startGap(right.id, addr) - addr;
    if ((i & SLOT) === this.meta[leaf * META + HI]) {
      this.lastEndChanged(leaf, addr);
      const next = this.meta[leaf * META + NEXT]!;
      this.borderMoved(leaf, addr, gap - this.gaps[(next << SHIFT) + this.meta[next * META + LO]!]!);
      return;
    }
    const old = this.gaps[i + 1]!;
    if (gap === old) return;
    this.setGap(i + 1, gap);
    this.gapsChanged(leaf, old, gap);
  }

  /**
   * Cuts a linked VMA at `addr` and links `part`, which takes the lower side if `partBelow`, else the upper.
   * Sets the bounds of both. The same as setBounds and insert, but no gap and no key above the leaf changes.
   */
  split(vma: Vma, addr: number, part: Vma, partBelow: boolean): void {
    let i = this.slotOf(vma);
    if (this.isFull(i >> SHIFT)) i = this.splitLeaf(i, vma.id, vma.id);
    const { nums, ints } = this.table;
    const lower = partBelow ? part.id : vma.id;
    const upper = partBelow ? vma.id : part.id;
    const start = nums[vma.id * RECORD + START]!;
    nums[lower * RECORD + START] = start;
    nums[lower * RECORD + END] = addr;
    nums[upper * RECORD + START] = addr;
    const own = this.openSlot(i);
    const { ends, gaps, ids } = this;
    nums[upper * RECORD + END] = ends[own + 1]!;
    ends[own] = addr;
    ids[own] = lower;
    ids[own + 1] = upper;
    const old = gaps[own + 1]!;
    const below = this.startGap(lower, start) - ends[own - 1]!;
    const above = this.startGap(upper, addr) - addr;
    this.setGap(own, below);
    this.setGap(own + 1, above);
    this.gapsChanged(own >> SHIFT, old, below);
    this.finger = own + 1;
    this.lastInserted = part.id;
    ints[part.id * INTS + STATE] = ints[part.id * INTS + STATE]! | STATE_LINKED;
  }

  /**
   * Lets `vma` grow over everything up to `last`, which is unlinked with all between (vma_merge removing its right
   * neighbours): `vma.vmEnd = last.vmEnd`.
   */
  absorb(vma: Vma, last: Vma): void {
    const lastEnd = last.vmEnd;
    const i = this.slotOf(vma);
    const leaf = i >> SHIFT;
    const { ends, gaps, ids, meta } = this;
    const stop = (leaf << SHIFT) + meta[leaf * META + HI]!;
    if (ends[stop]! < lastEnd) {
      this.eraseRange(this.next(vma)!, last);
      this.setBounds(vma, vma.vmStart, lastEnd);
      return;
    }
    const { ints } = this.table;
    let j = i;
    let removed = 0;
    do {
      j++;
      if (gaps[j]! > removed) removed = gaps[j]!;
      const gone = ids[j]! * INTS + STATE;
      ints[gone] = ints[gone]! & ~STATE_LINKED;
    } while (ends[j] !== lastEnd);
    // The last one's slot becomes this VMA's.
    const gap = gaps[i]!;
    ids[j] = vma.id;
    this.setGap(j, gap);
    vma.vmEnd = lastEnd;
    this.lastInserted = -1;
    this.finger = this.closeSlots(i, j - i);
    this.gapsChanged(leaf, removed, gap);
    this.uniteSparse(leaf);
  }

  private isFull(leaf: number): boolean {
    const { meta } = this;
    return meta[leaf * META + HI]! >= meta[leaf * META + LO]! + CAPACITY - 1;
  }

  /**
   * Makes room in front of slot `i` of a leaf that is not full, moving what is on the shorter side: the free slot, behind
   * which what was at `i` stands now. Its contents are the caller's to set.
   */
  private openSlot(i: number): number {
    const { ends, gaps, ids, meta } = this;
    const m = (i >> SHIFT) * META;
    const slot = i & SLOT;
    const off = i - slot;
    const lo = meta[m + LO]!;
    const hi = meta[m + HI]!;
    const bits = meta[m + MASK]!;
    const low = (1 << slot) - 1;
    this.size++;
    if (lo > 1 && (hi === CAPACITY || slot - lo <= hi - slot)) {
      for (let k = off + lo; k < i; k++) {
        ends[k - 1] = ends[k]!;
        gaps[k - 1] = gaps[k]!;
        ids[k - 1] = ids[k]!;
      }
      meta[m + LO] = lo - 1;
      meta[m + MASK] = ((bits & low) >>> 1) | (bits & ~low);
      return i - 1;
    }
    for (let k = off + hi; k >= i; k--) {
      ends[k + 1] = ends[k]!;
      gaps[k + 1] = gaps[k]!;
      ids[k + 1] = ids[k]!;
    }
    meta[m + HI] = hi + 1;
    meta[m + MASK] = (bits & low) | ((bits & ~low) << 1);
    return i;
  }

  /** Removes `n` slots from `i` on, all in one leaf: the slot of what was behind them. */
  private closeSlots(i: number, n: number): number {
    const { ends, gaps, ids, meta } = this;
    const m = (i >> SHIFT) * META;
    const slot = i & SLOT;
    const off = i - slot;
    const lo = meta[m + LO]!;
    const hi = meta[m + HI]!;
    const bits = meta[m + MASK]!;
    const low = (1 << slot) - 1;
    this.size -= n;
    if (slot - lo <= hi - slot - n + 1) {
      const border = ends[off]!;
      let k = i + n - 1;
      for (; k >= off + lo + n; k--) {
        ends[k] = ends[k - n]!;
        gaps[k] = gaps[k - n]!;
        ids[k] = ids[k - n]!;
      }
      for (; k >= off + lo; k--) ends[k] = border;
      meta[m + LO] = lo + n;
      meta[m + MASK] = ((bits & low) << n) | (bits & ~((1 << (slot + n)) - 1));
      return i + n;
    }
    let k = i;
    for (; k + n <= off + hi; k++) {
      ends[k] = ends[k + n]!;
      gaps[k] = gaps[k + n]!;
      ids[k] = ids[k + n]!;
    }
    for (; k <= off + hi; k++) ends[k] = Infinity;
    meta[m + HI] = hi - n;
    meta[m + MASK] = (bits & low) | ((bits >>> (slot + n)) << slot);
    return i;
  }

  /** Removes slot `i` and those after it up to `lastEnd` from one leaf. True if more of the range is in the next leaf. */
  private eraseInLeaf(i: number, lastEnd: number): boolean {
    const { ends, gaps, meta } = this;
    const leaf = i >> SHIFT;
    const stop = (leaf << SHIFT) + meta[leaf * META + HI]!;
    const border = ends[i - 1]!;
    let j = i;
    let removed = gaps[i]!;
    while (j < stop && ends[j] !== lastEnd) {
      j++;
      if (gaps[j]! > removed) removed = gaps[j]!;
    }
    const removedEnd = ends[j]!;
    const more = removedEnd < lastEnd;
    const delta = removedEnd - border;
    if (j < stop) {
      const old = gaps[j + 1]!;
      const gap = old + delta;
      this.setGap(j + 1, gap);
      this.finger = this.closeSlots(i, j - i + 1);
      this.gapsChanged(leaf, old > removed ? old : removed, gap);
      this.uniteSparse(leaf);
      return more;
    }
    const first = (leaf << SHIFT) + meta[leaf * META + LO]!;
    if (i > first) {
      this.cutTail(i, stop);
      this.finger = i - 1;
      this.gapsChanged(leaf, removed, 0);
      this.lastEndChanged(leaf, border);
      this.borderMoved(leaf, border, delta);
      this.uniteSparse(leaf);
      return more;
    }
    const next = meta[leaf * META + NEXT]!;
    const up = meta[leaf * META + UP]!;
    this.size -= stop - i + 1;
    this.finger = 1;
    if (up === -1) {
      this.emptyRoot(leaf);
      return more;
    }
    this.unlinkLeaf(leaf);
    this.removeChild(0, up);
    if (next !== -1) this.setBorder(next, border, delta);
    return more;
  }

  /** Drops the slots from `i` to `stop`, the leaf's last one; some are left before them. */
  private cutTail(i: number, stop: number): void {
    const { ends, meta } = this;
    const m = (i >> SHIFT) * META;
    ends.fill(Infinity, i, stop + 1);
    this.size -= stop - i + 1;
    meta[m + HI] = (i & SLOT) - 1;
    meta[m + MASK] = meta[m + MASK]! & ((1 << (i & SLOT)) - 1);
  }

  /** The tree is a leaf without VMAs again. */
  private emptyRoot(leaf: number): void {
    const { ends, meta } = this;
    const off = leaf << SHIFT;
    ends.fill(Infinity, off + 1, off + SLOT + 1);
    ends[off] = 0;
    meta[leaf * META + LO] = 1;
    meta[leaf * META + HI] = 0;
    meta[leaf * META + MASK] = 0;
  }

  /** After the last end of `leaf` became `border`: the next leaf begins there, and its first gap grows by `delta`. */
  private borderMoved(leaf: number, border: number, delta: number): void {
    const next = this.meta[leaf * META + NEXT]!;
    if (next !== -1) this.setBorder(next, border, delta);
  }

  /** A leaf begins at `border` now; its first gap grows by `delta`. */
  private setBorder(leaf: number, border: number, delta: number): void {
    const { ends, gaps } = this;
    const off = leaf << SHIFT;
    const first = off + this.meta[leaf * META + LO]!;
    for (let k = off; k < first; k++) ends[k] = border;
    if (delta === 0) return;
    const old = gaps[first]!;
    this.setGap(first, old + delta);
    this.gapsChanged(leaf, old, old + delta);
  }

  // --- gaps

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
    const { ends, gaps, keys, maxGaps, kids, meta } = this;
    let level = this.height;
    let node = this.root;
    let below = -1;
    for (;;) {
      const off = node << SHIFT;
      let up: number;
      if (level === 0) {
        for (let m = meta[node * META + MASK]!; m !== 0;) {
          const slot = 31 - Math.clz32(m);
          const i = off + slot;
          if (gaps[i]! >= room && ends[i - 1]! <= maxStart) return (this.finger = i);
          m ^= 1 << slot;
        }
        up = meta[node * META + UP]!;
      } else {
        // keys[i - 1] is where the gaps of child i begin; for the first child the level above has compared it
        let hit = 0;
        for (let m = kids[off + GAP_BITS]! & below; m !== 0;) {
          const slot = 31 - Math.clz32(m);
          const i = off + slot;
          if (maxGaps[i]! >= room && (slot === 1 || keys[i - 1]! <= maxStart)) {
            hit = i;
            break;
          }
          m ^= 1 << slot;
        }
        if (hit !== 0) {
          node = kids[hit]!;
          level--;
          below = -1;
          continue;
        }
        up = this.innerUp[node]!;
      }
      // Only a node that holds maxStart can fail, so this happens at most once per level.
      if (up === -1) return 0;
      node = up >> SHIFT;
      below = (1 << (up & SLOT)) - 1;
      level++;
    }
  }

  /** Lowest slot with a gap of `room` bytes of which `room` lie above `low`; 0 if none. Leaves the finger there. */
  private firstGapSlot(room: number, low: number): number {
    const { ends, gaps, keys, maxGaps, kids, meta } = this;
    const minEnd = low + room;
    let level = this.height;
    let node = this.root;
    let above = -1;
    for (;;) {
      const off = node << SHIFT;
      let up: number;
      if (level === 0) {
        for (let m = meta[node * META + MASK]!; m !== 0; m &= m - 1) {
          const i = off + 31 - Math.clz32(m & -m);
          const gap = gaps[i]!;
          if (gap >= room && ends[i - 1]! + gap >= minEnd) return (this.finger = i);
        }
        up = meta[node * META + UP]!;
      } else {
        let hit = 0;
        for (let m = kids[off + GAP_BITS]! & above; m !== 0; m &= m - 1) {
          const i = off + 31 - Math.clz32(m & -m);
          if (maxGaps[i]! >= room && keys[i]! > low) {
            hit = i;
            break;
          }
        }
        if (hit !== 0) {
          node = kids[hit]!;
          level--;
          above = -1;
          continue;
        }
        up = this.innerUp[node]!;
      }
      if (up === -1) return 0;
      node = up >> SHIFT;
      above = -2 << (up & SLOT);
      level++;
    }
  }
}
