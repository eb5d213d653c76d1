/**
 * How the heap grows.
 */

/** Brk facts of a kernel version. Each says what is true when it is `true`. */
export interface BrkFacts {
  /** brk merges with both neighbours through vma_merge; otherwise it only extends the heap's own VMA. */
  readonly mergesThroughVmaMerge: boolean;
}
