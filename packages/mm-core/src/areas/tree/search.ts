// What can be asked of the VMA index (areas/tree/edit.ts): lookups by address, neighbours, how a range lies among the VMAs, and the
// highest and lowest gap of a size (vm_unmapped_area). Nothing here changes it, but for what it remembers: finger and hints.
//
// The methods come in two kinds. Those that give a Vma are for everybody. Those that give or take a slot are for verbs that
// go on where a search has ended: a slot holds until the index is changed.
import { ENOMEM } from '@vmarea/uapi';
import {
  BITS,
  firstAbove,
  GAP,
  highestBit,
  IN_NODE,
  lowestBit,
  NEXT,
  NODE_OF,
  PREV,
  UP,
  USED,
  VmaTreeStore,
} from './store.ts';
import { FLAGS, INTS, RECORD, START } from '../record.ts';
import type { Vma } from '../vma.ts';

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

/** The lookups of a VmaTree. */
export class VmaTreeSearch extends VmaTreeStore {
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

  /** End of the VMA of slot `i`; Infinity for a free slot. */
  endOf(i: number): number {
    return this.keys[i]!;
  }

  /** End of the VMA before slot `i`, 0 for none: where the gap in front of `i` begins. */
  gapStart(i: number): number {
    return this.keys[i - 1]!;
  }

  protected locate(addr: number): number {
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
