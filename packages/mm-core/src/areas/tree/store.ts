// The nodes of the VMA index: the two arrays that hold them, their recycling, and their invariants. The functions of
// search.ts, balance.ts and edit.ts read and change them. No counterpart in the kernel (its trees link objects).
//
// A B+tree in two flat arrays with 64 elements of each per node. A node is named by its first index, and a slot by its
// index: slot s of a node is `node + s`, s within 1..30.
//   - In a leaf, `keys[i]` is the exclusive end of the VMA in slot i, `keys[i + GAP]` the gap in front of it, `links[i]` its
//     id in the table. In an inner node they are the last end below a child, the largest gap below it, and the child.
//   - A leaf has holes between its VMAs: bit s of USED is set when slot s has a VMA. A hole has the key of the slot before
//     it, so that no search ends there and `keys[i - 1]` is where the gap of slot i begins, for every slot. Slot 0 has the
//     border: the end of the VMA in front of the leaf (0 for none). An erase leaves a hole. An insert moves the VMAs between
//     it and the nearest hole, mostly none. The children of an inner node are in the slots 1 to COUNT.
//   - Keys above the last used slot are Infinity, or holes and then Infinity. The key of the last child on each level is
//     Infinity, too: a search for an address above everything ends at a free slot of the last leaf, without a special case.
//   - Gaps are signed: `vm_start_gap(vma) - keys[i - 1]` is negative where a stack's guard gap reaches into the VMA below.
//     So a neighbour's gap can be corrected without reading the neighbour.
//   - Bit s of BITS is set when the gap of slot s is above 0. Most gaps are 0, since mappings are packed: searching a node
//     for a gap, or for its largest one, visits only the bits that are set. A largest gap is 0 where there is none.
//   - `finger` is the slot where the last operation ended; `hints` holds for each stretch of 64 KiB (by its low bits) the
//     leaf in which an address of it was found last. Both are guesses: a search compares the keys there before it uses them,
//     so no change has to update them. A free leaf has only Infinity as keys, and never becomes an inner node.
//
// Two arrays, not one per field: each array costs a load and three checks in each function that uses it, and the fields of
// a leaf are adjacent in memory.
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
/** One node takes 768 bytes; most address spaces need more and the arrays grow. */
const FIRST_NODES = 1;

/**
 * Returns the index of the first key above `addr` in `node`, given that `keys[node] <= addr`. Adds the results of the
 * comparisons, which V8 compiles to setcc without a branch: among random addresses a step costs 1 ns, a mispredicted branch 6 ns.
 */
export function firstAbove(keys: Float64Array, node: number, addr: number): number {
  let i = node + (Number(keys[node + 16]! <= addr) << 4);
  i += Number(keys[i + 8]! <= addr) << 3;
  i += Number(keys[i + 4]! <= addr) << 2;
  i += Number(keys[i + 2]! <= addr) << 1;
  return i + 1 + Number(keys[i + 1]! <= addr);
}

/** Returns the lowest set bit of a number that is not 0. */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** Returns the highest set bit of a number that is not 0. */
export function highestBit(bits: number): number {
  return 31 - Math.clz32(bits);
}

/** Returns the largest gap of a node whose BITS are `bits`; 0 for none. */
export function largestGap(keys: Float64Array, node: number, bits: number): number {
  let max = 0;
  for (let m = bits; m !== 0; m &= m - 1) {
    const gap = keys[node + GAP + lowestBit(m)]!;
    if (gap > max) max = gap;
  }
  return max;
}

/** The data of one address space's index. Only the files of this folder read and write it. */
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
  /** The first index behind all nodes that were ever used: a new node that is not recycled begins there. */
  nodesEnd!: number;
  finger!: number;
  hints!: Int32Array;
  /** Id of the VMA inserted last. Detects runs of neighbours, which split a full leaf at the insertion, not in its middle. */
  lastInserted!: number;

  constructor(table: VmaTable, guardGapBytes: number) {
    this.table = table;
    this.guardGapBytes = guardGapBytes;
    this.clear();
  }

  /** Removes all VMAs at once. The caller frees their records. */
  clear(): void {
    this.size = 0;
    // Three typed arrays cost as much as the exit of a process of ten VMAs, and a tree of one leaf has the right ones.
    if (this.nodesEnd !== FIRST_NODES * NODE) {
      this.keys = new Float64Array(FIRST_NODES * NODE);
      this.links = new Int32Array(FIRST_NODES * NODE);
      this.hints = new Int32Array(FIRST_HINTS);
    }
    this.root = 0;
    this.height = 0;
    this.firstLeaf = 0;
    this.lastLeaf = 0;
    this.freeLeaf = -1;
    this.freeInner = -1;
    this.nodesEnd = NODE;
    this.finger = 1;
    this.lastInserted = -1;
    this.clearNode(0);
    this.keys[0] = 0;
  }

  /** The end of the last VMA, 0 if there is none. */
  get highestVmEnd(): number {
    return this.keys[this.lastLeaf + highestBit(this.links[this.lastLeaf + USED]! | 1)]!;
  }

  /** Returns the index in `hints` for an address. */
  hintOf(addr: number): number {
    return (addr * STRETCHES) & (this.hints.length - 1);
  }

  /** Returns `start` of the VMA `id` less its guard gap (vm_start_gap), as gap searches use it. */
  startGap(id: number, start: number): number {
    if ((this.table.ints[id * INTS + FLAGS]! & VM_GROWSDOWN) === 0) return start;
    return start > this.guardGapBytes ? start - this.guardGapBytes : 0;
  }

  /** Writes the gap of slot `i` and its bit. */
  setGap(i: number, gap: number): void {
    this.keys[i + GAP] = gap;
    const at = (i & NODE_OF) + BITS;
    const bit = 1 << (i & IN_NODE);
    this.links[at] = gap > 0 ? this.links[at]! | bit : this.links[at]! & ~bit;
  }

  /** Returns an empty leaf. */
  newLeaf(): number {
    const leaf = this.freeLeaf;
    if (leaf === -1) return this.newNode();
    this.freeLeaf = this.links[leaf + NEXT]!;
    this.links[leaf + NEXT] = -1;
    return leaf;
  }

  /** Returns an empty inner node. It was never a leaf: the finger or a hint may still refer to a freed leaf. */
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
      // At least four stretches per leaf: a leaf of twenty VMAs of 3 pages spans four.
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

  /** Removes a leaf from the list of leaves and recycles it. */
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

  /** Copies the index `from`, whose table this index's table is a copy of (fork). */
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
