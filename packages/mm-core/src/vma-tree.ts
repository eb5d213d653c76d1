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
import { BITS, CAPACITY, firstAbove, GAP, HI, IN_NODE, LO, NEXT, NODE_OF, PREV, SLOTS, UP } from './vma-tree-store.ts';
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
    return this.keys[i] === Infinity ? null : this.table.at(this.links[i]!);
  }

  /** The VMA behind a linked one. */
  next(vma: Vma): Vma | null {
    const i = this.after(this.slotOf(vma));
    if (i === 0) return null;
    this.finger = i;
    return this.table.at(this.links[i]!);
  }

  /** The VMA before a linked one. */
  prev(vma: Vma): Vma | null {
    const i = this.before(this.slotOf(vma));
    if (i === 0) return null;
    this.finger = i;
    return this.table.at(this.links[i]!);
  }

  // --- slots

  /** Slot of the first VMA that ends above `addr`; a free one, where {@link idAt} is -1, if there is none. */
  seek(addr: number): number {
    const { keys, finger } = this;
    const end = keys[finger]!;
    if (addr >= keys[finger - 1]! && addr < end && end !== Infinity) return finger;
    return (this.finger = this.locate(addr));
  }

  /** Slot of a linked VMA. */
  slotOf(vma: Vma): number {
    const { keys, links } = this;
    const id = vma.id;
    const start = this.table.nums[id * RECORD + START]!;
    const f = this.finger;
    // A slot that is not in use may still have the id.
    if (links[f] === id && start >= keys[f - 1]! && start < keys[f]! && keys[f] !== Infinity) return f;
    const i = this.locate(start);
    if (links[i] !== id || keys[i] === Infinity) throw new Error('VmaTree: this VMA is not in the index');
    return (this.finger = i);
  }

  /** Id of the VMA in a slot, -1 for none. */
  idAt(i: number): number {
    return this.keys[i] === Infinity ? -1 : this.links[i]!;
  }

  /** Id of the VMA before slot `i`, -1 for none. */
  idBefore(i: number): number {
    const before = this.before(i);
    return before === 0 ? -1 : this.links[before]!;
  }

  /** Id of the VMA behind that of slot `i`, -1 for none. */
  idAfter(i: number): number {
    const after = this.after(i);
    return after === 0 ? -1 : this.links[after]!;
  }

  /** Slot of the VMA behind that of slot `i`, 0 for none. */
  after(i: number): number {
    const { links } = this;
    const leaf = i & NODE_OF;
    if ((i & IN_NODE) !== links[leaf + HI]) return i + 1;
    const next = links[leaf + NEXT]!;
    return next === -1 ? 0 : next + links[next + LO]!;
  }

  /** Slot of the VMA before slot `i`, 0 for none. */
  before(i: number): number {
    const { links } = this;
    const leaf = i & NODE_OF;
    if ((i & IN_NODE) !== links[leaf + LO]) return i - 1;
    const prev = links[leaf + PREV]!;
    return prev === -1 ? 0 : prev + links[prev + HI]!;
  }

  /** Whether the VMA of slot `i` begins below `addr`; false for a free slot. */
  beginsBelow(i: number, addr: number): boolean {
    return this.keys[i] !== Infinity && this.table.nums[this.links[i]! * RECORD + START]! < addr;
  }

  /** Whether the VMA of slot `i` begins above `addr`; false for a free slot. */
  beginsAbove(i: number, addr: number): boolean {
    return this.keys[i] !== Infinity && this.table.nums[this.links[i]! * RECORD + START]! > addr;
  }

  /** Whether the VMA of slot `i` begins at `addr`. */
  beginsAt(i: number, addr: number): boolean {
    return this.keys[i] !== Infinity && this.table.nums[this.links[i]! * RECORD + START] === addr;
  }

  /** Whether the VMA of slot `i` ends at `addr`. */
  endsAt(i: number, addr: number): boolean {
    return this.keys[i] === addr;
  }

  /** Whether a VMA is before slot `i` and ends at `addr`. */
  touchesBefore(i: number, addr: number): boolean {
    return this.keys[i - 1] === addr && this.before(i) !== 0;
  }

  /** End of the VMA of slot `i`; Infinity for a free slot. */
  endOf(i: number): number {
    return this.keys[i]!;
  }

  /** End of the VMA before slot `i`, 0 for none: where the gap in front of `i` begins. */
  gapStart(i: number): number {
    return this.keys[i - 1]!;
  }

  private locate(addr: number): number {
    const hint = this.hintOf(addr);
    const leaf = this.hints[hint]!;
    const keys = this.keys;
    if (addr >= keys[leaf]!) {
      const i = firstAbove(keys, leaf, addr);
      if (keys[i] !== Infinity || leaf === this.lastLeaf) return i;
    }
    return this.descend(addr, hint);
  }

  private descend(addr: number, hint: number): number {
    const { keys, links } = this;
    let node = this.root;
    for (let level = this.height; level > 0; level--) node = links[firstAbove(keys, node, addr)]!;
    this.hints[hint] = node;
    return firstAbove(keys, node, addr);
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
    const at = this.isFull(i & NODE_OF) ? this.splitLeaf(i, this.idBefore(i), this.idAt(i)) : i;
    const { keys, links } = this;
    const { nums, ints } = this.table;
    const start = nums[id * RECORD + START]!;
    const end = nums[id * RECORD + END]!;
    const own = this.openSlot(at);
    const leaf = own & NODE_OF;
    const border = keys[own - 1]!;
    const gap = this.startGap(id, start) - border;
    keys[own] = end;
    keys[own + GAP] = gap;
    links[own] = id;
    this.finger = own;
    this.lastInserted = id;
    ints[id * INTS + STATE] = ints[id * INTS + STATE]! | STATE_LINKED;
    // openSlot has left the bit of the new slot clear.
    const bit = 1 << (own & IN_NODE);
    let bits = links[leaf + BITS]!;
    if (gap > 0) bits |= bit;
    if (keys[own + 1] === Infinity) {
      links[leaf + BITS] = bits;
      this.gapsChanged(leaf, 0, gap);
      return;
    }
    const old = keys[own + 1 + GAP]!;
    const above = old - (end - border);
    keys[own + 1 + GAP] = above;
    links[leaf + BITS] = above > 0 ? bits | (bit << 1) : bits & ~(bit << 1);
    this.gapsChanged(leaf, old, gap > above ? gap : above);
  }

  /** Links `vma` behind all others: {@link insert} where that is known, as fork knows it. */
  append(vma: Vma): void {
    this.insertAt(this.lastLeaf + this.links[this.lastLeaf + HI]! + 1, vma.id);
  }

  /** Unlinks `vma`. */
  erase(vma: Vma): void {
    this.eraseAt(this.slotOf(vma));
  }

  /** Unlinks the VMA of slot `i`. */
  eraseAt(i: number): void {
    const { keys, links } = this;
    const { ints } = this.table;
    const state = links[i]! * INTS + STATE;
    ints[state] = ints[state]! & ~STATE_LINKED;
    this.lastInserted = -1;
    const leaf = i & NODE_OF;
    if ((i & IN_NODE) === links[leaf + HI]) {
      this.eraseInLeaf(i, keys[i]!);
      return;
    }
    const own = keys[i + GAP]!;
    const old = keys[i + 1 + GAP]!;
    const gap = old + (keys[i]! - keys[i - 1]!);
    this.setGap(i + 1, gap);
    this.finger = this.closeSlots(i, 1);
    this.gapsChanged(leaf, own > old ? own : old, gap);
    if (this.isSparse(leaf)) this.unite(leaf);
  }

  /**
   * Unlinks `first` and everything up to `last`, one pass per leaf. The removed VMAs lead to each other by `vmNext`
   * (munmap walks them once more).
   */
  eraseRange(first: Vma, last: Vma): void {
    const { ints } = this.table;
    const lastEnd = last.vmEnd;
    let i = this.slotOf(first);
    const border = this.keys[i - 1]!;
    let slot = i;
    for (let vma = first; vma !== last;) {
      slot = this.after(slot);
      const next = this.table.at(this.links[slot]!);
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
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const oldEnd = keys[i]!;
    vma.vmStart = newStart;
    vma.vmEnd = newEnd;
    const oldGap = keys[i + GAP]!;
    const gap = this.startGap(vma.id, newStart) - keys[i - 1]!;
    this.setGap(i, gap);
    if (newEnd === oldEnd) {
      this.gapsChanged(leaf, oldGap, gap);
      return;
    }
    keys[i] = newEnd;
    if ((i & IN_NODE) !== links[leaf + HI]) {
      const old = keys[i + 1 + GAP]!;
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
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    left.vmEnd = addr;
    right.vmStart = addr;
    keys[i] = addr;
    // the gap between them is 0, or minus the guard gap; only a clamp at address 0 can change it
    const gap = this.startGap(right.id, addr) - addr;
    if ((i & IN_NODE) === links[leaf + HI]) {
      this.lastEndChanged(leaf, addr);
      const next = links[leaf + NEXT]!;
      this.borderMoved(leaf, addr, gap - keys[next + links[next + LO]! + GAP]!);
      return;
    }
    const old = keys[i + 1 + GAP]!;
    if (gap === old) return;
    this.setGap(i + 1, gap);
    this.gapsChanged(leaf, old, gap);
  }

  /**
   * Cuts a linked VMA at `addr` and links `part`, which takes the lower side if `partBelow`, else the upper.
   * Sets the bounds of both. The same as setBounds and insert, but no gap and no key above the leaf changes.
   */
  split(vma: Vma, addr: number, part: Vma, partBelow: boolean): void {
    this.splitAt(this.slotOf(vma), addr, part.id, partBelow);
  }

  /** {@link split} of the VMA of slot `i`: its slot afterwards. */
  splitAt(i: number, addr: number, part: number, partBelow: boolean): number {
    const id = this.links[i]!;
    const at = this.isFull(i & NODE_OF) ? this.splitLeaf(i, id, id) : i;
    const { keys, links } = this;
    const { nums, ints } = this.table;
    const lower = partBelow ? part : id;
    const upper = partBelow ? id : part;
    const start = nums[id * RECORD + START]!;
    const own = this.openSlot(at);
    nums[lower * RECORD + START] = start;
    nums[lower * RECORD + END] = addr;
    nums[upper * RECORD + START] = addr;
    nums[upper * RECORD + END] = keys[own + 1]!;
    keys[own] = addr;
    links[own] = lower;
    links[own + 1] = upper;
    const old = keys[own + 1 + GAP]!;
    const below = this.startGap(lower, start) - keys[own - 1]!;
    this.setGap(own, below);
    this.setGap(own + 1, this.startGap(upper, addr) - addr);
    if (old !== below) this.gapsChanged(own & NODE_OF, old, below);
    this.lastInserted = part;
    ints[part * INTS + STATE] = ints[part * INTS + STATE]! | STATE_LINKED;
    return (this.finger = partBelow ? own + 1 : own);
  }

  /**
   * Lets `vma` grow over the `count` VMAs behind it, which are unlinked (vma_merge removing its right neighbours): it ends
   * where the last of them did.
   */
  absorb(vma: Vma, count: number): void {
    this.absorbAt(this.slotOf(vma), count);
  }

  /** {@link absorb} of the VMA of slot `i`: its slot afterwards. */
  absorbAt(i: number, count: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const j = i + count;
    if (j > leaf + links[leaf + HI]!) return this.absorbAcross(i, count);
    const { nums, ints } = this.table;
    const id = links[i]!;
    let removed = 0;
    for (let k = i + 1; k <= j; k++) {
      if (keys[k + GAP]! > removed) removed = keys[k + GAP]!;
      const state = links[k]! * INTS + STATE;
      ints[state] = ints[state]! & ~STATE_LINKED;
    }
    nums[id * RECORD + END] = keys[j]!;
    // The last one's slot becomes this VMA's.
    const gap = keys[i + GAP]!;
    links[j] = id;
    this.setGap(j, gap);
    this.lastInserted = -1;
    const now = this.closeSlots(i, count);
    this.finger = now;
    if (removed > 0) this.gapsChanged(leaf, removed, gap);
    return this.isSparse(leaf) ? this.uniteAround(now, id) : now;
  }

  /** The same where the VMAs are in several leaves. */
  private absorbAcross(i: number, count: number): number {
    const vma = this.table.at(this.links[i]!);
    for (let k = 0; k < count; k++) {
      const next = this.after(this.slotOf(vma));
      const end = this.keys[next]!;
      this.eraseAt(next);
      this.setBounds(vma, vma.vmStart, end);
    }
    return this.slotOf(vma);
  }

  /** Unites the sparse leaf of slot `i` with another, if there is room: the slot of the VMA `id`, which was at `i`. */
  private uniteAround(i: number, id: number): number {
    this.unite(i & NODE_OF);
    return this.slotOf(this.table.at(id));
  }

  private isFull(leaf: number): boolean {
    return this.links[leaf + HI]! >= this.links[leaf + LO]! + CAPACITY - 1;
  }

  /**
   * Makes room in front of slot `i` of a leaf that is not full, moving what is on the shorter side: the free slot, behind
   * which what was at `i` stands now. Its contents are the caller's to set.
   */
  private openSlot(i: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const slot = i & IN_NODE;
    const lo = links[leaf + LO]!;
    const hi = links[leaf + HI]!;
    const bits = links[leaf + BITS]!;
    const low = (1 << slot) - 1;
    this.size++;
    if (lo > 1 && (hi === CAPACITY || slot - lo <= hi - slot)) {
      for (let k = leaf + lo; k < i; k++) {
        keys[k - 1] = keys[k]!;
        keys[k - 1 + GAP] = keys[k + GAP]!;
        links[k - 1] = links[k]!;
      }
      links[leaf + LO] = lo - 1;
      links[leaf + BITS] = ((bits & low) >>> 1) | (bits & ~low);
      return i - 1;
    }
    for (let k = leaf + hi; k >= i; k--) {
      keys[k + 1] = keys[k]!;
      keys[k + 1 + GAP] = keys[k + GAP]!;
      links[k + 1] = links[k]!;
    }
    links[leaf + HI] = hi + 1;
    links[leaf + BITS] = (bits & low) | ((bits & ~low) << 1);
    return i;
  }

  /** Removes `n` slots from `i` on, all in one leaf: the slot of what was behind them. */
  private closeSlots(i: number, n: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const slot = i & IN_NODE;
    const lo = links[leaf + LO]!;
    const hi = links[leaf + HI]!;
    const bits = links[leaf + BITS]!;
    const low = (1 << slot) - 1;
    this.size -= n;
    if (slot - lo <= hi - slot - n + 1) {
      const border = keys[leaf]!;
      let k = i + n - 1;
      for (; k >= leaf + lo + n; k--) {
        keys[k] = keys[k - n]!;
        keys[k + GAP] = keys[k - n + GAP]!;
        links[k] = links[k - n]!;
      }
      for (; k >= leaf + lo; k--) keys[k] = border;
      links[leaf + LO] = lo + n;
      links[leaf + BITS] = ((bits & low) << n) | (bits & ~((1 << (slot + n)) - 1));
      return i + n;
    }
    let k = i;
    for (; k + n <= leaf + hi; k++) {
      keys[k] = keys[k + n]!;
      keys[k + GAP] = keys[k + n + GAP]!;
      links[k] = links[k + n]!;
    }
    for (; k <= leaf + hi; k++) keys[k] = Infinity;
    links[leaf + HI] = hi - n;
    links[leaf + BITS] = (bits & low) | ((bits >>> (slot + n)) << slot);
    return i;
  }

  /** Removes slot `i` and those after it up to `lastEnd` from one leaf. True if more of the range is in the next leaf. */
  private eraseInLeaf(i: number, lastEnd: number): boolean {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const stop = leaf + links[leaf + HI]!;
    const border = keys[i - 1]!;
    let j = i;
    let removed = keys[i + GAP]!;
    while (j < stop && keys[j] !== lastEnd) {
      j++;
      if (keys[j + GAP]! > removed) removed = keys[j + GAP]!;
    }
    const more = keys[j]! < lastEnd;
    const delta = keys[j]! - border;
    if (j < stop) {
      const old = keys[j + 1 + GAP]!;
      this.setGap(j + 1, old + delta);
      this.finger = this.closeSlots(i, j - i + 1);
      this.gapsChanged(leaf, old > removed ? old : removed, old + delta);
      if (this.isSparse(leaf)) this.unite(leaf);
      return more;
    }
    if (i > leaf + links[leaf + LO]!) {
      this.cutTail(i, stop);
      this.finger = i - 1;
      this.gapsChanged(leaf, removed, 0);
      this.lastEndChanged(leaf, border);
      this.borderMoved(leaf, border, delta);
      if (this.isSparse(leaf)) this.unite(leaf);
      return more;
    }
    const next = links[leaf + NEXT]!;
    const up = links[leaf + UP]!;
    this.size -= stop - i + 1;
    if (up === -1) {
      this.emptyRoot(leaf);
      return more;
    }
    this.unlinkLeaf(leaf);
    this.removeChild(up);
    if (next !== -1) this.setBorder(next, border, delta);
    return more;
  }

  /** Drops the slots from `i` to `stop`, the leaf's last one; some are left before them. */
  private cutTail(i: number, stop: number): void {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    for (let k = i; k <= stop; k++) keys[k] = Infinity;
    this.size -= stop - i + 1;
    links[leaf + HI] = (i & IN_NODE) - 1;
    links[leaf + BITS] = links[leaf + BITS]! & ((1 << (i & IN_NODE)) - 1);
  }

  /** The tree is a leaf without VMAs again. */
  private emptyRoot(leaf: number): void {
    const { keys, links } = this;
    keys.fill(Infinity, leaf, leaf + SLOTS);
    keys[leaf] = 0;
    links[leaf + LO] = 1;
    links[leaf + HI] = 0;
    links[leaf + BITS] = 0;
  }

  /** After the last end of `leaf` became `border`: the next leaf begins there, and its first gap grows by `delta`. */
  private borderMoved(leaf: number, border: number, delta: number): void {
    const next = this.links[leaf + NEXT]!;
    if (next !== -1) this.setBorder(next, border, delta);
  }

  /** A leaf begins at `border` now; its first gap grows by `delta`. */
  private setBorder(leaf: number, border: number, delta: number): void {
    const { keys } = this;
    const first = leaf + this.links[leaf + LO]!;
    for (let k = leaf; k < first; k++) keys[k] = border;
    if (delta === 0) return;
    const old = keys[first + GAP]!;
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
      const end = this.keys[i - 1]! + this.keys[i + GAP]!;
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
    const start = i === 0 ? this.highestVmEnd : this.keys[i - 1]!;
    if (start > maxStart) return -ENOMEM;
    const addr = start > lowLimit ? start : lowLimit;
    return alignMask === 0 ? addr : addr + lowBits(alignOffset - addr, alignMask);
  }

  /** Highest slot whose gap begins at or below `maxStart` and has `room` bytes; 0 if none. Leaves the finger there. */
  private lastGapSlot(room: number, maxStart: number): number {
    const { keys, links } = this;
    let node = this.root;
    let level = this.height;
    let bits = links[node + BITS]!;
    for (;;) {
      let hit = 0;
      while (bits !== 0) {
        const slot = 31 - Math.clz32(bits);
        const i = node + slot;
        // keys[i - 1] is where the gaps of a child begin; for the first child the level above has compared it
        if (keys[i + GAP]! >= room && (keys[i - 1]! <= maxStart || (slot === 1 && level !== 0))) {
          hit = i;
          break;
        }
        bits ^= 1 << slot;
      }
      if (hit !== 0) {
        if (level === 0) return (this.finger = hit);
        level--;
        node = links[hit]!;
        bits = links[node + BITS]!;
      } else {
        // Only a node that holds maxStart can fail, so this happens at most once per level.
        const up = links[node + UP]!;
        if (up === -1) return 0;
        level++;
        node = up & NODE_OF;
        bits = links[node + BITS]! & ((1 << (up & IN_NODE)) - 1);
      }
    }
  }

  /** Lowest slot with a gap of `room` bytes of which `room` lie above `low`; 0 if none. Leaves the finger there. */
  private firstGapSlot(room: number, low: number): number {
    const { keys, links } = this;
    const minEnd = low + room;
    let node = this.root;
    let level = this.height;
    let bits = links[node + BITS]!;
    for (;;) {
      let hit = 0;
      for (; bits !== 0; bits &= bits - 1) {
        const i = node + 31 - Math.clz32(bits & -bits);
        const gap = keys[i + GAP]!;
        if (gap >= room && (level === 0 ? keys[i - 1]! + gap >= minEnd : keys[i]! > low)) {
          hit = i;
          break;
        }
      }
      if (hit !== 0) {
        if (level === 0) return (this.finger = hit);
        level--;
        node = links[hit]!;
        bits = links[node + BITS]!;
      } else {
        const up = links[node + UP]!;
        if (up === -1) return 0;
        level++;
        node = up & NODE_OF;
        bits = links[node + BITS]! & (-2 << (up & IN_NODE));
      }
    }
  }
}
