// Searches the VMA index: the slot of an address, neighbours, the position of a range among the VMAs, and the highest and
// lowest gap of a size (vm_unmapped_area). Writes only the finger and the hints.
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
  type TreeStore,
} from './store.ts';
import { VM_SOFTDIRTY } from '../../base/flags.ts';
import { FLAGS, INTS, RECORD, START } from '../record.ts';
import type { AreaSpec } from '../spec.ts';
import type { Vma } from '../vma.ts';

/** Returns `value & mask` for a mask of low bits that may be wider than 31 bits, and a value that may be negative. */
function lowBits(value: number, mask: number): number {
  if (mask <= 0x7fffffff) return value & mask;
  return value - Math.floor(value / (mask + 1)) * (mask + 1);
}

/** The position of a VMA relative to a range. */
export const APART = 0;
export const ALIKE = 1;
export const OVERLAPS = 2;
export const EXACT = 3;

/** The position of a part in its VMA. */
export const FROM_START = 1;
export const TO_END = 2;
export const ALIKE_BELOW = 4;
export const ALIKE_ABOVE = 8;

/** Returns the slot of the first VMA that ends above `addr`, or a free slot ({@link idAt} is -1) when there is none. */
export function seek(t: TreeStore, addr: number): number {
  const { keys, finger } = t;
  const end = keys[finger]!;
  // Combines the tests into one unpredictable branch instead of two.
  if ((Number(addr >= keys[finger - 1]!) & Number(addr < end) & Number(end !== Infinity)) !== 0) return finger;
  return (t.finger = locate(t, addr));
}

/** Returns the slot of a linked VMA. */
export function slotOf(t: TreeStore, vma: Vma): number {
  const { keys, links } = t;
  const id = vma.id;
  const start = t.table.nums[id * RECORD + START]!;
  const f = t.finger;
  // A slot that is not in use may still have the id.
  if (links[f] === id && start >= keys[f - 1]! && start < keys[f]! && keys[f] !== Infinity) return f;
  const i = locate(t, start);
  if (links[i] !== id || keys[i] === Infinity) throw new Error('VmaTree: this VMA is not in the index');
  return (t.finger = i);
}

/** Returns the id of the VMA in a slot, -1 for none. */
export function idAt(t: TreeStore, i: number): number {
  return t.keys[i] === Infinity ? -1 : t.links[i]!;
}

/** Returns the id of the VMA before slot `i`, -1 for none. */
export function idBefore(t: TreeStore, i: number): number {
  const before = slotBefore(t, i);
  return before === 0 ? -1 : t.links[before]!;
}

/** Returns the id of the VMA behind that of slot `i`, -1 for none. */
export function idAfter(t: TreeStore, i: number): number {
  const after = slotAfter(t, i);
  return after === 0 ? -1 : t.links[after]!;
}

/** Returns the slot of the first VMA, 0 for none. */
export function firstSlot(t: TreeStore): number {
  return t.size === 0 ? 0 : t.firstLeaf + lowestBit(t.links[t.firstLeaf + USED]!);
}

/** Returns the slot of the VMA behind that of slot `i`, 0 for none. */
export function slotAfter(t: TreeStore, i: number): number {
  const { links } = t;
  const leaf = i & NODE_OF;
  const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
  if (above !== 0) return leaf + lowestBit(above);
  const next = links[leaf + NEXT]!;
  return next === -1 ? 0 : next + lowestBit(links[next + USED]!);
}

/** Returns the slot of the VMA before slot `i`, 0 for none. */
export function slotBefore(t: TreeStore, i: number): number {
  const { links } = t;
  const leaf = i & NODE_OF;
  const below = links[leaf + USED]! & ((1 << (i & IN_NODE)) - 1);
  if (below !== 0) return leaf + highestBit(below);
  const prev = links[leaf + PREV]!;
  return prev === -1 ? 0 : prev + highestBit(links[prev + USED]!);
}

/**
 * Returns what [addr, addr + len) meets, where slot `i` is `seek` of its start: OVERLAPS when a VMA overlaps it; ALIKE when
 * a VMA touches it whose flags are `vmFlags` except VM_SOFTDIRTY; otherwise APART.
 */
export function vicinity(t: TreeStore, i: number, addr: number, len: number, vmFlags: number): number {
  const { keys, links } = t;
  const { nums, ints } = t.table;
  if (keys[i] !== Infinity) {
    const id = links[i]!;
    const behind = nums[id * RECORD + START]! - addr - len;
    if (behind < 0) return OVERLAPS;
    if (behind === 0 && ((ints[id * INTS + FLAGS]! ^ vmFlags) & ~VM_SOFTDIRTY) === 0) return ALIKE;
  }
  if (keys[i - 1] !== addr) return APART;
  const before = slotBefore(t, i);
  return before !== 0 && ((ints[links[before]! * INTS + FLAGS]! ^ vmFlags) & ~VM_SOFTDIRTY) === 0 ? ALIKE : APART;
}

/**
 * Returns the position of the range of `spec` in the VMA of slot `i`, which contains it: the sum of FROM_START, TO_END, and
 * ALIKE_BELOW or ALIKE_ABOVE when it touches a neighbour whose flags are `spec.vmFlags` except VM_SOFTDIRTY.
 */
export function part(t: TreeStore, i: number, spec: AreaSpec): number {
  const { keys, links } = t;
  const { start, end, vmFlags } = spec;
  const { nums, ints } = t.table;
  let found = 0;
  if (nums[links[i]! * RECORD + START] === start) {
    found = FROM_START;
    const before = keys[i - 1] === start ? slotBefore(t, i) : 0;
    if (before !== 0 && ((ints[links[before]! * INTS + FLAGS]! ^ vmFlags) & ~VM_SOFTDIRTY) === 0) found |= ALIKE_BELOW;
  }
  if (keys[i] === end) {
    found |= TO_END;
    const after = slotAfter(t, i);
    const id = links[after]!;
    if (
      after !== 0 &&
      nums[id * RECORD + START] === end &&
      ((ints[id * INTS + FLAGS]! ^ vmFlags) & ~VM_SOFTDIRTY) === 0
    )
      found |= ALIKE_ABOVE;
  }
  return found;
}

/**
 * Compares the VMA of slot `i`, `seek` of `start`, with [start, start + len): APART when it begins behind or there is none;
 * EXACT when it is that range; otherwise OVERLAPS.
 */
export function extent(t: TreeStore, i: number, start: number, len: number): number {
  const end = t.keys[i]!;
  if (end === Infinity) return APART;
  const vmStart = t.table.nums[t.links[i]! * RECORD + START]!;
  if (vmStart === start && end === start + len) return EXACT;
  return vmStart < start + len ? OVERLAPS : APART;
}

/** Returns whether the VMA of slot `i` begins below `addr`; false for a free slot. */
export function beginsBelow(t: TreeStore, i: number, addr: number): boolean {
  return t.keys[i] !== Infinity && t.table.nums[t.links[i]! * RECORD + START]! < addr;
}

/** Returns whether the VMA of slot `i` begins above `addr`; false for a free slot. */
export function beginsAbove(t: TreeStore, i: number, addr: number): boolean {
  return t.keys[i] !== Infinity && t.table.nums[t.links[i]! * RECORD + START]! > addr;
}

/** Returns whether the VMA of slot `i` begins at `addr`. */
export function beginsAt(t: TreeStore, i: number, addr: number): boolean {
  return t.keys[i] !== Infinity && t.table.nums[t.links[i]! * RECORD + START] === addr;
}

/** Finds the slot of the first VMA that ends above `addr`, by the hint of its stretch or from the root. */
export function locate(t: TreeStore, addr: number): number {
  const hint = t.hintOf(addr);
  const leaf = t.hints[hint]!;
  const keys = t.keys;
  if (addr >= keys[leaf]!) {
    const i = firstAbove(keys, leaf, addr);
    if (keys[i] !== Infinity || leaf === t.lastLeaf) return i;
  }
  return descend(t, addr, hint);
}

function descend(t: TreeStore, addr: number, hint: number): number {
  const { keys, links } = t;
  let node = t.root;
  for (let level = t.height; level > 0; level--) node = links[firstAbove(keys, node, addr)]!;
  t.hints[hint] = node;
  return firstAbove(keys, node, addr);
}

// --- gaps

/**
 * The top-down search of vm_unmapped_area: finds the highest free range of `length` bytes in [lowLimit, highLimit), as far
 * up in its gap as `(result - alignOffset) & alignMask == 0` allows. Returns its address or -ENOMEM. `alignMask` is 2^n - 1.
 * A gap counts only if it has room for `length + alignMask`, measured before the limits clip it.
 *
 * Takes the members of vm_unmapped_area_info as parameters, so that an mmap allocates no object.
 */
export function highestGap(
  t: TreeStore,
  length: number,
  lowLimit: number,
  highLimit: number,
  alignMask: number,
  alignOffset: number,
): number {
  const room = length + alignMask;
  const maxStart = highLimit - room;
  if (maxStart < 0 || lowLimit > maxStart) return -ENOMEM;
  let top = highLimit;
  if (t.highestVmEnd > maxStart) {
    const i = lastGapSlot(t, room, maxStart);
    if (i === 0) return -ENOMEM;
    const end = t.keys[i - 1]! + t.keys[i + GAP]!;
    // Every lower gap also ends below this limit.
    if (end < lowLimit + room) return -ENOMEM;
    if (end < top) top = end;
  }
  const addr = top - length;
  return alignMask === 0 ? addr : addr - lowBits(addr - alignOffset, alignMask);
}

/** The bottom-up search of vm_unmapped_area: finds the lowest free range, as far down as possible. Same parameters as {@link highestGap}. */
export function lowestGap(
  t: TreeStore,
  length: number,
  lowLimit: number,
  highLimit: number,
  alignMask: number,
  alignOffset: number,
): number {
  const room = length + alignMask;
  const maxStart = highLimit - room;
  if (maxStart < 0 || lowLimit > maxStart) return -ENOMEM;
  const i = firstGapSlot(t, room, lowLimit);
  const start = i === 0 ? t.highestVmEnd : t.keys[i - 1]!;
  if (start > maxStart) return -ENOMEM;
  const addr = start > lowLimit ? start : lowLimit;
  return alignMask === 0 ? addr : addr + lowBits(alignOffset - addr, alignMask);
}

/** Returns the highest slot whose gap begins at or below `maxStart` and has `room` bytes, 0 if none. Sets the finger to it. */
function lastGapSlot(t: TreeStore, room: number, maxStart: number): number {
  const { keys, links } = t;
  let node = t.root;
  let level = t.height;
  let bits = links[node + BITS]!;
  for (;;) {
    let hit = 0;
    while (bits !== 0) {
      const slot = highestBit(bits);
      const i = node + slot;
      // The gaps of a child begin at keys[i - 1]; for the first child the level above has compared it.
      if (keys[i + GAP]! >= room && (keys[i - 1]! <= maxStart || (slot === 1 && level !== 0))) {
        hit = i;
        break;
      }
      bits ^= 1 << slot;
    }
    if (hit !== 0) {
      if (level === 0) return (t.finger = hit);
      level--;
      node = links[hit]!;
      bits = links[node + BITS]!;
    } else {
      // Only a node that contains maxStart can fail, so this happens at most once per level.
      const up = links[node + UP]!;
      if (up === -1) return 0;
      level++;
      node = up & NODE_OF;
      bits = links[node + BITS]! & ((1 << (up & IN_NODE)) - 1);
    }
  }
}

/** Returns the lowest slot with a gap that has `room` bytes above `low`, 0 if none. Sets the finger to it. */
function firstGapSlot(t: TreeStore, room: number, low: number): number {
  const { keys, links } = t;
  const minEnd = low + room;
  let node = t.root;
  let level = t.height;
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
      if (level === 0) return (t.finger = hit);
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
