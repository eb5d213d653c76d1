// The index of one address space's VMAs: lookup by address, insert, erase, moving borders, and the highest or
// lowest gap of a size (vm_unmapped_area). It also knows each VMA's neighbours.
// It knows nothing of files, flags (but VM_GROWSDOWN) or accounting, and it never allocates once it has its size.
// Mirrors the role of mm_rb, rb_subtree_gap, highest_vm_end and vm_unmapped_area in mm/mmap.c; the structure is our own.
// The layout of the nodes is told in vma-tree-store.ts.
//
// The methods come in two kinds. Those that take a Vma are for everybody. Those that take a slot are for verbs that go
// on where a search has ended: `seek` and the gap searches give slots, which hold until the index is changed.
import { ENOMEM } from '@vmarea/uapi';
import { gapMatters, VmaTreeBalance } from './vma-tree-balance.ts';
import {
  BITS,
  CAPACITY,
  COUNT,
  firstAbove,
  GAP,
  highestBit,
  IN_NODE,
  lowestBit,
  NEXT,
  NODE_OF,
  PREV,
  SLOTS,
  UP,
  USED,
} from './vma-tree-store.ts';
import { END, FLAGS, INTS, RECORD, START, STATE, STATE_LINKED } from './vma-record.ts';
import type { Vma } from './vma.ts';

/** `value & mask` for a mask of low bits that may be wider than 31 bits, and a value that may be negative. */
function lowBits(value: number, mask: number): number {
  if (mask <= 0x7fffffff) return value & mask;
  return value - Math.floor(value / (mask + 1)) * (mask + 1);
}

/** How something lies to a range. */
export const APART = 0;
export const ALIKE = 1;
export const OVERLAPS = 2;
export const EXACT = 3;

/** How a part lies in its VMA. */
export const FROM_START = 1;
export const TO_END = 2;
export const ALIKE_BELOW = 4;
export const ALIKE_ABOVE = 8;

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

  /** {@link find} where addresses come in runs, as those of faults do: looks first where the last search ended. */
  findNear(addr: number): Vma | null {
    const i = this.seek(addr);
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
    // One unpredictable branch, not two.
    if ((Number(addr >= keys[finger - 1]!) & Number(addr < end) & Number(end !== Infinity)) !== 0) return finger;
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

  /** Slot of the first VMA, 0 for none. */
  firstSlot(): number {
    return this.size === 0 ? 0 : this.firstLeaf + lowestBit(this.links[this.firstLeaf + USED]!);
  }

  /** Slot of the VMA behind that of slot `i`, 0 for none. */
  after(i: number): number {
    const { links } = this;
    const leaf = i & NODE_OF;
    const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
    if (above !== 0) return leaf + lowestBit(above);
    const next = links[leaf + NEXT]!;
    return next === -1 ? 0 : next + lowestBit(links[next + USED]!);
  }

  /** Slot of the VMA before slot `i`, 0 for none. */
  before(i: number): number {
    const { links } = this;
    const leaf = i & NODE_OF;
    const below = links[leaf + USED]! & ((1 << (i & IN_NODE)) - 1);
    if (below !== 0) return leaf + highestBit(below);
    const prev = links[leaf + PREV]!;
    return prev === -1 ? 0 : prev + highestBit(links[prev + USED]!);
  }

  /**
   * What is around [addr, addr + len), where slot `i` is `seek` of its start: OVERLAPS, when something is mapped there;
   * ALIKE, when a VMA touches it whose flags are `vmFlags` but for those in `ignored`; otherwise APART.
   */
  vicinity(i: number, addr: number, len: number, vmFlags: number, ignored: number): number {
    const { keys, links } = this;
    const { nums, ints } = this.table;
    if (keys[i] !== Infinity) {
      const id = links[i]!;
      const behind = nums[id * RECORD + START]! - addr - len;
      if (behind < 0) return OVERLAPS;
      if (behind === 0 && ((ints[id * INTS + FLAGS]! ^ vmFlags) & ~ignored) === 0) return ALIKE;
    }
    if (keys[i - 1] !== addr) return APART;
    const before = this.before(i);
    return before !== 0 && ((ints[links[before]! * INTS + FLAGS]! ^ vmFlags) & ~ignored) === 0 ? ALIKE : APART;
  }

  /**
   * How [start, end), a part of the VMA of slot `i`, lies in it: the sum of FROM_START, TO_END, and ALIKE_BELOW or
   * ALIKE_ABOVE where it touches a neighbour whose flags are `vmFlags` but for those in `ignored`.
   */
  part(i: number, start: number, end: number, vmFlags: number, ignored: number): number {
    const { keys, links } = this;
    const { nums, ints } = this.table;
    let found = 0;
    if (nums[links[i]! * RECORD + START] === start) {
      found = FROM_START;
      const before = keys[i - 1] === start ? this.before(i) : 0;
      if (before !== 0 && ((ints[links[before]! * INTS + FLAGS]! ^ vmFlags) & ~ignored) === 0) found |= ALIKE_BELOW;
    }
    if (keys[i] === end) {
      found |= TO_END;
      const after = this.after(i);
      const id = links[after]!;
      if (after !== 0 && nums[id * RECORD + START] === end && ((ints[id * INTS + FLAGS]! ^ vmFlags) & ~ignored) === 0)
        found |= ALIKE_ABOVE;
    }
    return found;
  }

  /**
   * How the VMA of slot `i`, `seek` of `start`, lies to [start, start + len): APART, when it begins behind or there is none;
   * EXACT, when it is that range; otherwise OVERLAPS.
   */
  extent(i: number, start: number, len: number): number {
    const end = this.keys[i]!;
    if (end === Infinity) return APART;
    const vmStart = this.table.nums[this.links[i]! * RECORD + START]!;
    if (vmStart === start && end === start + len) return EXACT;
    return vmStart < start + len ? OVERLAPS : APART;
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
    const isLast = keys[at] === Infinity;
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
    let old = 0;
    let largest = gap;
    if (!isLast) {
      old = keys[own + 1 + GAP]!;
      const above = old - (end - border);
      keys[own + 1 + GAP] = above;
      bits = above > 0 ? bits | (bit << 1) : bits & ~(bit << 1);
      if (above > gap) largest = above;
    }
    links[leaf + BITS] = bits;
    const up = links[leaf + UP]!;
    if (up !== -1 && gapMatters(keys[up + GAP]!, old, largest)) this.updateMax(leaf);
  }

  /** Links `vma` behind all others: {@link insert} where that is known, as fork knows it. */
  append(vma: Vma): void {
    const { lastLeaf, links } = this;
    this.insertAt(lastLeaf + highestBit(links[lastLeaf + USED]! | 1) + 1, vma.id);
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
    const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
    if (above === 0) {
      this.eraseInLeaf(i, keys[i]!);
      return;
    }
    const next = leaf + lowestBit(above);
    const border = keys[i - 1]!;
    const own = keys[i + GAP]!;
    const old = keys[next + GAP]!;
    const gap = old + (keys[i]! - border);
    for (let k = i; k < next; k++) keys[k] = border;
    keys[next + GAP] = gap;
    const bit = 1 << (i & IN_NODE);
    const nextBit = 1 << (next & IN_NODE);
    const bits = links[leaf + BITS]! & ~bit;
    links[leaf + BITS] = gap > 0 ? bits | nextBit : bits & ~nextBit;
    links[leaf + USED] = links[leaf + USED]! & ~bit;
    links[leaf + COUNT] = links[leaf + COUNT]! - 1;
    this.size--;
    this.finger = next;
    const up = links[leaf + UP]!;
    if (up !== -1) {
      if (gapMatters(keys[up + GAP]!, own > old ? own : old, gap)) this.updateMax(leaf);
      if (this.isSparse(leaf)) this.unite(leaf);
    }
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
    const { keys } = this;
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
    const next = this.setEnd(i, newEnd);
    if (next !== 0) {
      const old = keys[next + GAP]!;
      const above = old + (oldEnd - newEnd);
      this.setGap(next, above);
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
    const { keys } = this;
    const leaf = i & NODE_OF;
    left.vmEnd = addr;
    right.vmStart = addr;
    const next = this.setEnd(i, addr);
    // the gap between them is 0, or minus the guard gap; only a clamp at address 0 can change it
    const gap = this.startGap(right.id, addr) - addr;
    if (next === 0) {
      this.lastEndChanged(leaf, addr);
      this.borderMoved(leaf, addr, gap - keys[this.after(i) + GAP]!);
      return;
    }
    const old = keys[next + GAP]!;
    if (gap === old) return;
    this.setGap(next, gap);
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
    // The lower part has the gap of the whole; what is between the two is 0, or minus the guard gap.
    const gap = keys[own + 1 + GAP]!;
    keys[own + GAP] = gap;
    keys[own + 1 + GAP] = this.startGap(upper, addr) - addr;
    if (gap > 0) {
      const bit = 1 << (own & IN_NODE);
      const bits = (own & NODE_OF) + BITS;
      links[bits] = (links[bits]! | bit) & ~(bit << 1);
    }
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
    const { nums, ints } = this.table;
    let used = links[leaf + USED]!;
    let bits = links[leaf + BITS]!;
    let removed = 0;
    let j = i;
    for (let n = 0; n < count; n++) {
      const above = used & (-2 << (j & IN_NODE));
      if (above === 0) return this.absorbAcross(i, count);
      const bit = 1 << (j & IN_NODE);
      used &= ~bit;
      bits &= ~bit;
      j = leaf + lowestBit(above);
      if (keys[j + GAP]! > removed) removed = keys[j + GAP]!;
    }
    const id = links[i]!;
    const border = keys[i - 1]!;
    const gap = keys[i + GAP]!;
    for (let m = links[leaf + USED]! & (-2 << (i & IN_NODE)), n = 0; n < count; m &= m - 1, n++) {
      const state = links[leaf + lowestBit(m)]! * INTS + STATE;
      ints[state] = ints[state]! & ~STATE_LINKED;
    }
    // The last one's slot becomes this VMA's.
    for (let k = i; k < j; k++) keys[k] = border;
    nums[id * RECORD + END] = keys[j]!;
    links[j] = id;
    keys[j + GAP] = gap;
    const bit = 1 << (j & IN_NODE);
    links[leaf + BITS] = gap > 0 ? bits | bit : bits & ~bit;
    links[leaf + USED] = used;
    links[leaf + COUNT] = links[leaf + COUNT]! - count;
    this.size -= count;
    this.lastInserted = -1;
    this.finger = j;
    if (removed > 0) this.gapsChanged(leaf, removed, gap);
    return this.isSparse(leaf) ? this.uniteAround(j, id) : j;
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
    return this.links[leaf + COUNT] === CAPACITY;
  }

  /** Moves the end of the VMA of slot `i`, and the holes behind it: the slot of the next VMA of the leaf, 0 for none. */
  private setEnd(i: number, end: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
    const next = above === 0 ? 0 : leaf + lowestBit(above);
    const old = keys[i]!;
    keys[i] = end;
    for (let k = i + 1; keys[k] === old && k !== next; k++) keys[k] = end;
    return next;
  }

  /**
   * Makes room in front of slot `i` of a leaf that is not full, by moving what lies between it and the nearest hole: the
   * slot for the new VMA, its gap's bit clear. What was at `i` stands in the next slot then.
   */
  private openSlot(i: number): number {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const slot = i & IN_NODE;
    const used = links[leaf + USED]!;
    const low = (1 << slot) - 1;
    const holesBelow = ~used & low & ~1;
    const holesAbove = ~used & ~low & 0x7fffffff;
    this.size++;
    links[leaf + COUNT] = links[leaf + COUNT]! + 1;
    const bits = links[leaf + BITS]!;
    const below = highestBit(holesBelow);
    const above = lowestBit(holesAbove);
    if (holesBelow !== 0 && (holesAbove === 0 || slot - 1 - below <= above - slot)) {
      links[leaf + USED] = used | (1 << below);
      if (below !== slot - 1) {
        for (let k = leaf + below; k < i - 1; k++) {
          keys[k] = keys[k + 1]!;
          keys[k + GAP] = keys[k + 1 + GAP]!;
          links[k] = links[k + 1]!;
        }
        const moved = low & (-2 << below);
        links[leaf + BITS] = (bits & ~moved) | ((bits & moved) >>> 1);
      }
      return i - 1;
    }
    links[leaf + USED] = used | (1 << above);
    if (above !== slot) {
      for (let k = leaf + above; k > i; k--) {
        keys[k] = keys[k - 1]!;
        keys[k + GAP] = keys[k - 1 + GAP]!;
        links[k] = links[k - 1]!;
      }
      const moved = ~low & ((1 << above) - 1);
      links[leaf + BITS] = (bits & ~moved) | ((bits & moved) << 1);
    }
    return i;
  }

  /** Removes slot `i` and those after it up to `lastEnd` from one leaf. True if more of the range is in the next leaf. */
  private eraseInLeaf(i: number, lastEnd: number): boolean {
    const { keys, links } = this;
    const leaf = i & NODE_OF;
    const border = keys[i - 1]!;
    let used = links[leaf + USED]!;
    let bits = links[leaf + BITS]!;
    let above = used & (-1 << (i & IN_NODE));
    let removed = 0;
    let end = border;
    let count = 0;
    while (above !== 0 && end !== lastEnd) {
      const slot = lowestBit(above);
      above &= above - 1;
      used &= ~(1 << slot);
      bits &= ~(1 << slot);
      if (keys[leaf + slot + GAP]! > removed) removed = keys[leaf + slot + GAP]!;
      end = keys[leaf + slot]!;
      count++;
    }
    const more = end !== lastEnd;
    const delta = end - border;
    this.size -= count;
    if (used === 0) {
      this.eraseLeaf(leaf, border, delta);
      return more;
    }
    links[leaf + USED] = used;
    links[leaf + BITS] = bits;
    links[leaf + COUNT] = links[leaf + COUNT]! - count;
    if (above !== 0) {
      const next = leaf + lowestBit(above);
      for (let k = i; k < next; k++) keys[k] = border;
      const old = keys[next + GAP]!;
      this.setGap(next, old + delta);
      this.finger = next;
      this.gapsChanged(leaf, old > removed ? old : removed, old + delta);
    } else {
      keys.fill(Infinity, i, leaf + SLOTS);
      this.gapsChanged(leaf, removed, 0);
      this.lastEndChanged(leaf, border);
      this.borderMoved(leaf, border, delta);
    }
    if (this.isSparse(leaf)) this.unite(leaf);
    return more;
  }

  /** A leaf has lost its last VMA. */
  private eraseLeaf(leaf: number, border: number, delta: number): void {
    const { keys, links } = this;
    const next = links[leaf + NEXT]!;
    const up = links[leaf + UP]!;
    if (up !== -1) {
      this.unlinkLeaf(leaf);
      this.removeChild(up);
      if (next !== -1) this.setBorder(next, border, delta);
      return;
    }
    // The tree is a leaf without VMAs again.
    keys.fill(Infinity, leaf, leaf + SLOTS);
    keys[leaf] = 0;
    links[leaf + USED] = 0;
    links[leaf + BITS] = 0;
    links[leaf + COUNT] = 0;
  }

  /** After the last end of `leaf` became `border`: the next leaf begins there, and its first gap grows by `delta`. */
  private borderMoved(leaf: number, border: number, delta: number): void {
    const next = this.links[leaf + NEXT]!;
    if (next !== -1) this.setBorder(next, border, delta);
  }

  /** A leaf begins at `border` now; its first gap grows by `delta`. */
  private setBorder(leaf: number, border: number, delta: number): void {
    const { keys } = this;
    const first = leaf + lowestBit(this.links[leaf + USED]!);
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
        const slot = highestBit(bits);
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
        const i = node + lowestBit(bits);
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
