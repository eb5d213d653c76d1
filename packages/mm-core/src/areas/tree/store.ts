// The nodes of the VMA index: the two arrays that they live in, their recycling, and their invariants. Decides nothing: the
// functions of search.ts, balance.ts and edit.ts read and move what is in them. No counterpart in the kernel (its trees link
// objects).
//
// A B+tree in two flat arrays with 64 elements of each per node. A node is named by its first index, and a slot by its
// index: slot s of a node is `node + s`, s within 1..30.
//   - In a leaf, `keys[i]` is the exclusive end of the VMA in slot i, `keys[i + GAP]` the gap in front of it, `links[i]` its
//     id in the table. In an inner node they are the last end below a child, the largest gap below it, and the child.
//   - A leaf has holes between its VMAs: bit s of USED says whether slot s has one. A hole has the key of the slot before
//     it, so that no search ends there and `keys[i - 1]` is where the gap `i` begins everywhere. Slot 0 has the border: the
//     end of the VMA in front of the leaf (0 for none). An erase leaves a hole, and an insert moves what lies between it and
//     the nearest one, mostly nothing. The children of an inner node stand in the slots 1 to COUNT.
//   - Keys above the last used slot are Infinity, or holes and then Infinity. The key of the last child on each level is
//     Infinity, too: an address above everything walks down the right edge to a free slot, without a special case.
//   - Gaps are signed: `vm_start_gap(vma) - keys[i - 1]` is negative where a stack's guard gap reaches into the VMA below.
//     So a neighbour's gap can be corrected without looking at the neighbour.
//   - Bit s of BITS says whether the gap of slot s is above 0. Most are not, since mappings are packed: searching a node
//     for a gap, or for its largest one, visits the bits that are set. A largest gap is 0 where there is none.
//   - `finger` is a slot, where the last operation ended; `hints` remembers for each stretch of 64 KiB (by its low bits)
//     the leaf in which an address of it was found last. Both are only tried: what they lead to is checked by the keys
//     there, so nothing has to correct them. A leaf that is free has only Infinity, and never becomes an inner node.
//
// Two arrays, not one per field: each array costs a load and three checks in each function that touches it, and a leaf's
// fields lie together in memory.
import { VM_GROWSDOWN } from '../../base/flags.ts';
import { FLAGS, INTS } from '../record.ts';
import type { VmaTable } from '../table.ts';

/** Elements per node of each array. */
export const NODE = 64;
/** `i & IN_NODE` is the slot within its node, `i & NODE_OF` the node. */
export const IN_NODE = 63;
export const NODE_OF: number = ~63;
/** Slots of a node: 0 is the border, 31 stays Infinity so that every search ends inside. */
export const SLOTS = 32;
/** Used slots per node at most. */
export const CAPACITY = 30;

/** In `keys`: `i + GAP` is the gap of slot i. */
export const GAP = 32;

// In `links`, from the node's first index.
/** Number of used slots; 0 only for the leaf of an empty tree. */
export const COUNT = 32;
/** Of a leaf, bit s: slot s has a VMA. */
export const USED = 33;
/** Bit s: the gap of slot s is above 0. */
export const BITS = 34;
/** Its slot in its parent, -1 for the root. */
export const UP = 35;
/** The leaves beside it, -1 for none; NEXT of a free node is the next free one of its kind. */
export const NEXT = 36;
export const PREV = 37;

/** Stretches per byte of address. */
const STRETCHES = 1 / 65536;
const FIRST_HINTS = 64;
/** The first leaf needs half a kilobyte, and most address spaces some more. */
const FIRST_NODES = 1;

/**
 * Index of the first key above `addr` in `node`, given that `keys[node] <= addr`. Without branches, since V8 makes a
 * comparison that is added a setcc: among random addresses a step costs a nanosecond, a mispredicted one six.
 */
export function firstAbove(keys: Float64Array, node: number, addr: number): number {
  let i = node + (Number(keys[node + 16]! <= addr) << 4);
  i += Number(keys[i + 8]! <= addr) << 3;
  i += Number(keys[i + 4]! <= addr) << 2;
  i += Number(keys[i + 2]! <= addr) << 1;
  return i + 1 + Number(keys[i + 1]! <= addr);
}

/** Lowest bit that is set, of some. */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** Highest bit that is set, of some. */
export function highestBit(bits: number): number {
  return 31 - Math.clz32(bits);
}

/** Largest gap of a node whose BITS are `bits`; 0 for none. */
export function largestGap(keys: Float64Array, node: number, bits: number): number {
  let max = 0;
  for (let m = bits; m !== 0; m &= m - 1) {
    const gap = keys[node + GAP + lowestBit(m)]!;
    if (gap > max) max = gap;
  }
  return max;
}

/** What one address space's index consists of. Read and written by the files of this folder only. */
export class TreeStore {
  /** Number of VMAs. */
  size!: number;
  /** stack_guard_gap: bytes kept free below a VM_GROWSDOWN VMA by gap searches. */
  readonly guardGapBytes: number;
  readonly table: VmaTable;

  keys!: Float64Array;
  links!: Int32Array;
  root!: number;
  /** Number of inner levels: level 0 is the leaves'. */
  height!: number;
  firstLeaf!: number;
  lastLeaf!: number;
  freeLeaf!: number;
  freeInner!: number;
  /** The index where the next node will be that is not a recycled one. */
  nodesEnd!: number;
  finger!: number;
  hints!: Int32Array;
  /** Id of the VMA inserted last: tells runs of neighbours, which split a full leaf where they are, not in its middle. */
  lastInserted!: number;

  constructor(table: VmaTable, guardGapBytes: number) {
    this.table = table;
    this.guardGapBytes = guardGapBytes;
    this.clear();
  }

  /** Lets go of all VMAs at once: their records are the caller's. */
  clear(): void {
    this.size = 0;
    this.keys = new Float64Array(FIRST_NODES * NODE);
    this.links = new Int32Array(FIRST_NODES * NODE);
    this.root = 0;
    this.height = 0;
    this.firstLeaf = 0;
    this.lastLeaf = 0;
    this.freeLeaf = -1;
    this.freeInner = -1;
    this.nodesEnd = NODE;
    this.finger = 1;
    this.hints = new Int32Array(FIRST_HINTS);
    this.lastInserted = -1;
    this.clearNode(0);
    this.keys[0] = 0;
  }

  /** End of the last VMA, 0 if there is none. */
  get highestVmEnd(): number {
    return this.keys[this.lastLeaf + highestBit(this.links[this.lastLeaf + USED]! | 1)]!;
  }

  /** The element of `hints` for an address. */
  hintOf(addr: number): number {
    return (addr * STRETCHES) & (this.hints.length - 1);
  }

  /** `start` of the VMA `id` as gap searches see it (vm_start_gap). */
  startGap(id: number, start: number): number {
    if ((this.table.ints[id * INTS + FLAGS]! & VM_GROWSDOWN) === 0) return start;
    return start > this.guardGapBytes ? start - this.guardGapBytes : 0;
  }

  /** Writes the gap of slot `i`, and whether it is above 0. */
  setGap(i: number, gap: number): void {
    this.keys[i + GAP] = gap;
    const at = (i & NODE_OF) + BITS;
    const bit = 1 << (i & IN_NODE);
    this.links[at] = gap > 0 ? this.links[at]! | bit : this.links[at]! & ~bit;
  }

  /** A leaf without contents. */
  newLeaf(): number {
    const leaf = this.freeLeaf;
    if (leaf === -1) return this.newNode();
    this.freeLeaf = this.links[leaf + NEXT]!;
    this.links[leaf + NEXT] = -1;
    return leaf;
  }

  /** An inner node without contents: never one that was a leaf, to which the finger or a hint may still lead. */
  newInner(): number {
    const node = this.freeInner;
    if (node === -1) return this.newNode();
    this.freeInner = this.links[node + NEXT]!;
    this.links[node + NEXT] = -1;
    return node;
  }

  private newNode(): number {
    const had = this.keys.length;
    if (this.nodesEnd === had) {
      const have = had + NODE * (1 + Math.floor(had / NODE / 4));
      this.keys = grown(this.keys, have);
      this.links = grownInts(this.links, have);
      // Four stretches a leaf at least: one of twenty VMAs of 3 pages spans four.
      if (this.hints.length < (have / NODE) * 4) this.hints = grownInts(this.hints, this.hints.length * 4);
      for (let n = had; n < have; n += NODE) this.clearNode(n);
    }
    this.nodesEnd += NODE;
    return this.nodesEnd - NODE;
  }

  /** Recycles an inner node. */
  dropInner(node: number): void {
    this.clearNode(node);
    this.links[node + NEXT] = this.freeInner;
    this.freeInner = node;
  }

  private clearNode(node: number): void {
    const { links } = this;
    this.keys.fill(Infinity, node, node + SLOTS);
    links[node + COUNT] = 0;
    links[node + USED] = 0;
    links[node + BITS] = 0;
    links[node + UP] = -1;
    links[node + NEXT] = -1;
    links[node + PREV] = -1;
  }

  /** Takes a leaf out of the chain of leaves and recycles it. */
  unlinkLeaf(leaf: number): void {
    const { links } = this;
    const prev = links[leaf + PREV]!;
    const next = links[leaf + NEXT]!;
    if (prev !== -1) links[prev + NEXT] = next;
    else this.firstLeaf = next;
    if (next !== -1) links[next + PREV] = prev;
    else this.lastLeaf = prev;
    this.clearNode(leaf);
    links[leaf + NEXT] = this.freeLeaf;
    this.freeLeaf = leaf;
  }

  /** Becomes a copy of the index of a table that this one's table is a copy of. (fork) */
  copyFrom(from: TreeStore): void {
    this.size = from.size;
    this.keys = from.keys.slice();
    this.links = from.links.slice();
    this.hints = from.hints.slice();
    this.root = from.root;
    this.height = from.height;
    this.firstLeaf = from.firstLeaf;
    this.lastLeaf = from.lastLeaf;
    this.freeLeaf = from.freeLeaf;
    this.freeInner = from.freeInner;
    this.nodesEnd = from.nodesEnd;
    this.finger = from.finger;
    this.lastInserted = -1;
  }
}

function grown(old: Float64Array, length: number): Float64Array {
  const now = new Float64Array(length);
  now.set(old);
  return now;
}

function grownInts(old: Int32Array, length: number): Int32Array {
  const now = new Int32Array(length);
  now.set(old);
  return now;
}
