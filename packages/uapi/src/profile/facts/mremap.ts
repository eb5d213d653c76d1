/**
 * What mremap accepts, and in which order it checks.
 */

/** Mremap facts of a kernel version. Each says what is true when it is `true`. */
export interface MremapFacts {
  /** The source VMA is looked up before anything else. */
  readonly looksUpFirst: boolean;
  /** Growing in place merges with a following VMA that it comes to touch. */
  readonly growMerges: boolean;
  /** old_len 0 on private memory makes a second mapping (and loses accounting); otherwise EINVAL. */
  readonly duplicatesPrivate: boolean;
  /** MREMAP_DONTUNMAP exists. */
  readonly dontunmap: boolean;
  /** Huge pages can be moved and shrunk by mremap. */
  readonly hugetlb: boolean;
  /** A fixed destination is refused early when the map count is near its limit. */
  readonly fixedChecksMapCount: boolean;
}
