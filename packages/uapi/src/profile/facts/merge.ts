/**
 * Facts about merging: when a new area joins its neighbours.
 */

/** Facts about merging of a kernel version. Each comment says what holds when the fact is `true`. */
export interface MergeFacts {
  /** mmap_region tests both neighbours itself, the next first: between two different neighbours a new area joins the next. */
  readonly expandsNextFirst: boolean;
  /** After a driver's mmap changed the flags, mmap_region tries to merge with the VMA below once more. */
  readonly retriesAfterDriver: boolean;
  /** An area that was written to joins a neighbour that was not, unless its pages came through a fork. */
  readonly faultedJoinsUnfaulted: boolean;
  /** anon_vma_clone reuses an anon_vma of degree below 2, even one that a VMA still uses (fixed in 6.0). */
  readonly anonVmaReuseByDegree: boolean;
  /**
   * A VMA whose driver has a close operation may grow and shrink by a merge, but no merge removes it; otherwise it never
   * merges.
   */
  readonly closeForbidsRemovalOnly: boolean;
}
