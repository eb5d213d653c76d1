// Changes the VMA index: inserts, erases, cuts and joins VMAs, and moves their borders. The functions take slots from a
// search (areas/tree/search.ts). A change invalidates all slots except the one that the function returns.
import {
  gapsChanged,
  isSparse,
  lastEndChanged,
  raiseGaps,
  removeChild,
  splitLeaf,
  unite,
  updateMax,
} from './balance.ts';
import { idAt, idBefore, seek, slotAfter, slotOf } from './search.ts';
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
  type TreeStore,
} from './store.ts';
import { END, INTS, RECORD, START, STATE, STATE_LINKED } from '../record.ts';
import type { Vma } from '../vma.ts';

/**
 * Links the VMA `id`, whose record is complete, in front of slot `i`.
 *
 * @param i `seek` of its start
 */
export function insertAt(t: TreeStore, i: number, id: number): void {
  const leafOfNext = i & NODE_OF;
  if ((t.links[leafOfNext + USED]! & ((1 << (i & IN_NODE)) - 1)) === 0 && insertBelow(t, leafOfNext, id)) return;
  insertInLeaf(t, isFull(t, leafOfNext) ? splitLeaf(t, i, idBefore(t, i), idAt(t, i)) : i, id);
}

/**
 * Links the VMA `id` in front of slot `at`, whose leaf is not full.
 *
 * Apart from {@link insertAt}, because V8 inlines no function of more than 460 bytecodes.
 */
function insertInLeaf(t: TreeStore, at: number, id: number): void {
  const { keys, links } = t;
  const { nums, ints } = t.table;
  const isLast = keys[at] === Infinity;
  const start = nums[id * RECORD + START]!;
  const end = nums[id * RECORD + END]!;
  const own = openSlot(t, at);
  const leaf = own & NODE_OF;
  const border = keys[own - 1]!;
  const gap = t.startGap(id, start) - border;
  keys[own] = end;
  keys[own + GAP] = gap;
  links[own] = id;
  t.finger = own;
  t.lastInserted = id;
  ints[id * INTS + STATE] = ints[id * INTS + STATE]! | STATE_LINKED;
  // openSlot has cleared the bit of the new slot.
  const bit = 1 << (own & IN_NODE);
  let bits = links[leaf + BITS]!;
  if (gap > 0) bits |= bit;
  if (isLast) {
    links[leaf + BITS] = bits;
    gapsChanged(t, leaf, 0, gap);
    return;
  }
  const old = keys[own + 1 + GAP]!;
  const above = old - (end - border);
  keys[own + 1 + GAP] = above;
  links[leaf + BITS] = above > 0 ? bits | (bit << 1) : bits & ~(bit << 1);
  // One gap became two smaller ones. A VMA inside a stack's guard gap has more below it than was free.
  const up = links[leaf + UP]!;
  if (up !== -1 && (old === keys[up + GAP] || gap > old)) updateMax(t, leaf);
}

/**
 * Links the VMA `id` in front of all VMAs of `leaf`, at the end of the leaf before it, when that leaf is emptier: an insert
 * at the border between two leaves fills the hole that an erase made there.
 *
 * @returns false, with nothing changed, when `leaf` itself has to take it
 */
function insertBelow(t: TreeStore, leaf: number, id: number): boolean {
  const { keys, links } = t;
  const prev = links[leaf + PREV]!;
  if (prev === -1 || links[prev + COUNT]! >= links[leaf + COUNT]! || links[prev + COUNT] === CAPACITY) return false;
  const { nums, ints } = t.table;
  const end = nums[id * RECORD + END]!;
  const border = keys[leaf]!;
  const own = openSlot(t, firstAbove(keys, prev, border));
  const gap = t.startGap(id, nums[id * RECORD + START]!) - border;
  keys[own] = end;
  links[own] = id;
  t.setGap(own, gap);
  t.finger = own;
  t.lastInserted = id;
  ints[id * INTS + STATE] = ints[id * INTS + STATE]! | STATE_LINKED;
  gapsChanged(t, prev, 0, gap);
  lastEndChanged(t, prev, end);
  setBorder(t, leaf, end, border - end);
  return true;
}

/** Unlinks the VMA of slot `i`. */
export function eraseAt(t: TreeStore, i: number): void {
  const { keys, links } = t;
  const { ints } = t.table;
  const state = links[i]! * INTS + STATE;
  ints[state] = ints[state]! & ~STATE_LINKED;
  t.lastInserted = -1;
  const leaf = i & NODE_OF;
  const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
  if (above === 0) {
    eraseInLeaf(t, i, keys[i]!);
    return;
  }
  const next = leaf + lowestBit(above);
  const border = keys[i - 1]!;
  const own = keys[i + GAP]!;
  const gap = keys[next + GAP]! + (keys[i]! - border);
  for (let k = i; k < next; k++) keys[k] = border;
  keys[next + GAP] = gap;
  const bit = 1 << (i & IN_NODE);
  const nextBit = 1 << (next & IN_NODE);
  const bits = links[leaf + BITS]! & ~bit;
  links[leaf + BITS] = gap > 0 ? bits | nextBit : bits & ~nextBit;
  links[leaf + USED] = links[leaf + USED]! & ~bit;
  links[leaf + COUNT] = links[leaf + COUNT]! - 1;
  t.size--;
  t.finger = next;
  // Two gaps became one larger gap. Behind a VMA that was inside a stack's guard gap, less is free than below it.
  if (own > gap) updateMax(t, leaf);
  else raiseGaps(t, leaf, next);
  if (isSparse(t, leaf)) unite(t, leaf);
}

/**
 * Unlinks `first` and everything up to `last`, one pass per leaf. `vmNext` of a removed VMA is the next removed one, for
 * munmap's second walk.
 */
export function eraseRange(t: TreeStore, first: Vma, last: Vma): void {
  const { ints } = t.table;
  const lastEnd = last.vmEnd;
  let i = slotOf(t, first);
  const border = t.keys[i - 1]!;
  let slot = i;
  for (let vma = first; vma !== last;) {
    slot = slotAfter(t, slot);
    const next = t.table.at(t.links[slot]!);
    vma.setNextRemoved(next);
    ints[vma.id * INTS + STATE] = ints[vma.id * INTS + STATE]! & ~STATE_LINKED;
    vma = next;
  }
  last.setNextRemoved(null);
  ints[last.id * INTS + STATE] = ints[last.id * INTS + STATE]! & ~STATE_LINKED;
  t.lastInserted = -1;
  while (eraseInLeaf(t, i, lastEnd)) i = seek(t, border);
}

/** Gives a linked VMA new bounds. The order of the VMAs must stay, and they must not overlap. */
export function setBounds(t: TreeStore, vma: Vma, newStart: number, newEnd: number): void {
  const i = slotOf(t, vma);
  const { keys } = t;
  const leaf = i & NODE_OF;
  const oldEnd = keys[i]!;
  vma.vmStart = newStart;
  vma.vmEnd = newEnd;
  const oldGap = keys[i + GAP]!;
  const gap = t.startGap(vma.id, newStart) - keys[i - 1]!;
  t.setGap(i, gap);
  if (newEnd === oldEnd) {
    gapsChanged(t, leaf, oldGap, gap);
    return;
  }
  const next = setEnd(t, i, newEnd);
  if (next !== 0) {
    const old = keys[next + GAP]!;
    const above = old + (oldEnd - newEnd);
    t.setGap(next, above);
    gapsChanged(t, leaf, oldGap > old ? oldGap : old, gap > above ? gap : above);
    return;
  }
  gapsChanged(t, leaf, oldGap, gap);
  lastEndChanged(t, leaf, newEnd);
  borderMoved(t, leaf, newEnd, oldEnd - newEnd);
}

/** Moves the border of two touching VMAs: `left.vmEnd = right.vmStart = addr`. */
export function shiftBoundary(t: TreeStore, left: Vma, right: Vma, addr: number): void {
  const i = slotOf(t, left);
  const { keys } = t;
  const leaf = i & NODE_OF;
  left.vmEnd = addr;
  right.vmStart = addr;
  const next = setEnd(t, i, addr);
  // The gap between them is 0, or minus the guard gap; only clamping at address 0 changes it.
  const gap = t.startGap(right.id, addr) - addr;
  if (next === 0) {
    lastEndChanged(t, leaf, addr);
    borderMoved(t, leaf, addr, gap - keys[slotAfter(t, i) + GAP]!);
    return;
  }
  const old = keys[next + GAP]!;
  if (gap === old) return;
  t.setGap(next, gap);
  gapsChanged(t, leaf, old, gap);
}

/**
 * Cuts the VMA of slot `i` at `addr` and links `part`, which takes the lower side if `partBelow`, else the upper.
 * Sets the bounds of both. No gap and no key above the leaf changes.
 *
 * @returns the slot of the VMA that was cut
 */
export function splitAt(t: TreeStore, i: number, addr: number, part: number, partBelow: boolean): number {
  const id = t.links[i]!;
  const at = isFull(t, i & NODE_OF) ? splitLeaf(t, i, id, id) : i;
  const { keys, links } = t;
  const { nums, ints } = t.table;
  const lower = partBelow ? part : id;
  const upper = partBelow ? id : part;
  const start = nums[id * RECORD + START]!;
  const own = openSlot(t, at);
  nums[lower * RECORD + START] = start;
  nums[lower * RECORD + END] = addr;
  nums[upper * RECORD + START] = addr;
  nums[upper * RECORD + END] = keys[own + 1]!;
  keys[own] = addr;
  links[own] = lower;
  links[own + 1] = upper;
  // The lower part keeps the gap of the whole. The gap between the two is 0, or minus the guard gap.
  const gap = keys[own + 1 + GAP]!;
  keys[own + GAP] = gap;
  keys[own + 1 + GAP] = t.startGap(upper, addr) - addr;
  if (gap > 0) {
    const bit = 1 << (own & IN_NODE);
    const bits = (own & NODE_OF) + BITS;
    links[bits] = (links[bits]! | bit) & ~(bit << 1);
  }
  t.lastInserted = part;
  ints[part * INTS + STATE] = ints[part * INTS + STATE]! | STATE_LINKED;
  return (t.finger = partBelow ? own + 1 : own);
}

/**
 * Extends the VMA of slot `i` over the `count` VMAs behind it, which are unlinked (vma_merge removing its right
 * neighbours), up to the end of the last of them.
 *
 * @returns its new slot
 */
export function absorbAt(t: TreeStore, i: number, count: number): number {
  const { keys, links } = t;
  const leaf = i & NODE_OF;
  const { nums, ints } = t.table;
  let used = links[leaf + USED]!;
  let bits = links[leaf + BITS]!;
  let removed = 0;
  let j = i;
  for (let n = 0; n < count; n++) {
    const above = used & (-2 << (j & IN_NODE));
    if (above === 0) return absorbAcross(t, i, count);
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
  // The slot of the last one becomes this VMA's.
  for (let k = i; k < j; k++) keys[k] = border;
  nums[id * RECORD + END] = keys[j]!;
  links[j] = id;
  keys[j + GAP] = gap;
  const bit = 1 << (j & IN_NODE);
  links[leaf + BITS] = gap > 0 ? bits | bit : bits & ~bit;
  links[leaf + USED] = used;
  links[leaf + COUNT] = links[leaf + COUNT]! - count;
  t.size -= count;
  t.lastInserted = -1;
  t.finger = j;
  if (removed > 0) gapsChanged(t, leaf, removed, gap);
  return isSparse(t, leaf) ? uniteAround(t, j, id) : j;
}

/** {@link absorbAt} when the VMAs are in several leaves. */
function absorbAcross(t: TreeStore, i: number, count: number): number {
  const vma = t.table.at(t.links[i]!);
  for (let k = 0; k < count; k++) {
    const next = slotAfter(t, slotOf(t, vma));
    const end = t.keys[next]!;
    eraseAt(t, next);
    setBounds(t, vma, vma.vmStart, end);
  }
  return slotOf(t, vma);
}

/** Merges the sparse leaf of slot `i` with another that has room. Returns the slot of the VMA `id`, which was at `i`. */
function uniteAround(t: TreeStore, i: number, id: number): number {
  unite(t, i & NODE_OF);
  return slotOf(t, t.table.at(id));
}

function isFull(t: TreeStore, leaf: number): boolean {
  return t.links[leaf + COUNT] === CAPACITY;
}

/** Moves the end of the VMA of slot `i`, and of the holes behind it. Returns the slot of the next VMA of the leaf, or 0. */
function setEnd(t: TreeStore, i: number, end: number): number {
  const { keys, links } = t;
  const leaf = i & NODE_OF;
  const above = links[leaf + USED]! & (-2 << (i & IN_NODE));
  const next = above === 0 ? 0 : leaf + lowestBit(above);
  const old = keys[i]!;
  keys[i] = end;
  for (let k = i + 1; keys[k] === old && k !== next; k++) keys[k] = end;
  return next;
}

/**
 * Frees a slot in front of slot `i` of a leaf that is not full, by moving what lies between it and the nearest hole.
 * Returns the slot for the new VMA, with the bit of its gap clear. The VMA that was at `i` is in the next slot.
 */
function openSlot(t: TreeStore, i: number): number {
  const { keys, links } = t;
  const leaf = i & NODE_OF;
  const slot = i & IN_NODE;
  const used = links[leaf + USED]!;
  const low = (1 << slot) - 1;
  const holesBelow = ~used & low & ~1;
  const holesAbove = ~used & ~low & 0x7fffffff;
  t.size++;
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

/** Removes slot `i` and those after it up to `lastEnd` from one leaf. Returns whether the range continues in the next leaf. */
function eraseInLeaf(t: TreeStore, i: number, lastEnd: number): boolean {
  const { keys, links } = t;
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
  t.size -= count;
  if (used === 0) {
    eraseLeaf(t, leaf, border, delta);
    return more;
  }
  links[leaf + USED] = used;
  links[leaf + BITS] = bits;
  links[leaf + COUNT] = links[leaf + COUNT]! - count;
  if (above !== 0) {
    const next = leaf + lowestBit(above);
    for (let k = i; k < next; k++) keys[k] = border;
    const old = keys[next + GAP]!;
    t.setGap(next, old + delta);
    t.finger = next;
    gapsChanged(t, leaf, old > removed ? old : removed, old + delta);
  } else {
    keys.fill(Infinity, i, leaf + SLOTS);
    gapsChanged(t, leaf, removed, 0);
    lastEndChanged(t, leaf, border);
    borderMoved(t, leaf, border, delta);
  }
  if (isSparse(t, leaf)) unite(t, leaf);
  return more;
}

/** Removes a leaf that has lost its last VMA. */
function eraseLeaf(t: TreeStore, leaf: number, border: number, delta: number): void {
  const { keys, links } = t;
  const next = links[leaf + NEXT]!;
  const up = links[leaf + UP]!;
  if (up !== -1) {
    t.unlinkLeaf(leaf);
    removeChild(t, up);
    if (next !== -1) setBorder(t, next, border, delta);
    return;
  }
  // The tree is again one leaf without VMAs.
  keys.fill(Infinity, leaf, leaf + SLOTS);
  keys[leaf] = 0;
  links[leaf + USED] = 0;
  links[leaf + BITS] = 0;
  links[leaf + COUNT] = 0;
}

/** Corrects the next leaf after the last end of `leaf` became `border`: its first gap grows by `delta`. */
function borderMoved(t: TreeStore, leaf: number, border: number, delta: number): void {
  const next = t.links[leaf + NEXT]!;
  if (next !== -1) setBorder(t, next, border, delta);
}

/** Sets the border of a leaf, and lets its first gap grow by `delta`. */
function setBorder(t: TreeStore, leaf: number, border: number, delta: number): void {
  const { keys } = t;
  const first = leaf + lowestBit(t.links[leaf + USED]!);
  for (let k = leaf; k < first; k++) keys[k] = border;
  if (delta === 0) return;
  const old = keys[first + GAP]!;
  t.setGap(first, old + delta);
  gapsChanged(t, leaf, old, old + delta);
}
