/**
 * When a new area joins its neighbours.
 */

/** Merge facts of a kernel version. Each says what is true when it is `true`. */
export interface MergeFacts {
  /** mmap_region looks at both neighbours itself, the next first, so a new area joins the next of two that differ. */
  readonly expandsNextFirst: boolean;
  /** Where a driver's mmap changed the flags and something is mapped below, mmap_region tries once more to merge. */
  readonly retriesAfterDriver: boolean;
  /** anon_vma_clone reuses an anon_vma of degree below 2, even one that a VMA still uses (fixed in 6.0). */
  readonly anonVmaReuseByDegree: boolean;
}
