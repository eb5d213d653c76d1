/**
 * Facts about brk: how the heap grows.
 */

/** Facts about brk of a kernel version. Each comment says what holds when the fact is `true`. */
export interface BrkFacts {
  /** brk merges with both neighbours through vma_merge; otherwise it only extends the heap's own VMA. */
  readonly mergesThroughVmaMerge: boolean;
  /** PR_SET_MM keeps the heap above the end of the data. */
  readonly staysAboveData: boolean;
}
