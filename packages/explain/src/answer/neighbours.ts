/**
 * Finds the neighbours around a call, and the rules that keep them apart.
 */
import { VM_EXEC, VM_READ, VM_WRITE, type Mm } from '@vmarea/mm-core';
import { whyApart } from '@vmarea/situation';
import type { Reason, ReasonBook } from './reason-book.ts';

/** A rule and its operands. */
export interface NeighbourReason {
  readonly reason: Reason;
  readonly operands: string;
}

/** Two mappings that touch. */
export interface Neighbours {
  readonly lower: readonly [start: number, end: number];
  readonly upper: readonly [start: number, end: number];
  /** Whether their rights are equal, so that one would expect one area. */
  readonly alike: boolean;
  /** Empty when no rule keeps them apart: no merge was attempted since they became alike. */
  readonly reasons: readonly NeighbourReason[];
}

/** Returns the pairs of neighbours that touch each other within [start, end], or at its borders. */
export function neighboursIn(mm: Mm, start: number, end: number, book: ReasonBook): Neighbours[] {
  const pairs: Neighbours[] = [];
  for (let left = mm.tree.first; left !== null && left.vmNext !== null; left = left.vmNext) {
    const right = left.vmNext;
    if (left.vmEnd !== right.vmStart || left.vmEnd < start || left.vmEnd > end) continue;
    const reasons = whyApart(left, right).map(({ decision, operands }) => ({ reason: book.find(decision)!, operands }));
    const alike = ((left.vmFlags ^ right.vmFlags) & (VM_READ | VM_WRITE | VM_EXEC)) === 0;
    pairs.push({ lower: [left.vmStart, left.vmEnd], upper: [right.vmStart, right.vmEnd], alike, reasons });
  }
  return pairs;
}
