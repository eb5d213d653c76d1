/**
 * Facts about mremap: what it accepts, and the order of its checks.
 */

/** Facts about mremap of a kernel version. Each comment says what holds when the fact is `true`. */
export interface MremapFacts {
  /** mremap looks up the source VMA before any other check. */
  readonly looksUpFirst: boolean;
  /** A mapping that grows in place merges with the next VMA when it reaches it. */
  readonly growMerges: boolean;
  /** old_len 0 on private memory makes a second mapping (and loses accounting); otherwise EINVAL. */
  readonly duplicatesPrivate: boolean;
  /** MREMAP_DONTUNMAP exists. */
  readonly dontunmap: boolean;
  /** Huge pages can be moved and shrunk by mremap. */
  readonly hugetlb: boolean;
  /** A move to a fixed destination fails early when the map count is near its limit. */
  readonly fixedChecksMapCount: boolean;
}
