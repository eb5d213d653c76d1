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
  /** Lengths and the new address are checked before the lock is taken and the source looked at, and a destination is unmapped only after it. */
  readonly checksArgumentsFirst: boolean;
  /** MREMAP_FIXED with a length that stays moves all mappings of the range, holes between them included. */
  readonly movesManyVmas: boolean;
  /** MREMAP_DONTUNMAP counts the locked pages of the new mapping in addition to those of the old one. */
  readonly dontunmapCountsLocked: boolean;
  /** The new mapping of MREMAP_DONTUNMAP may become one with an old one that it touches. */
  readonly dontunmapJoinsSource: boolean;
  /** A move to a fixed destination fails early when the map count is near its limit. */
  readonly fixedChecksMapCount: boolean;
}
