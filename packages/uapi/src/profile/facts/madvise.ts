/**
 * Which advice exists and on which memory it works.
 */

/** Madvise facts of a kernel version. Each says what is true when it is `true`. */
export interface MadviseFacts {
  /** The advice values that exist beside those of the configuration (KSM, THP, memory failure). */
  readonly values: readonly number[];
  /** MADV_REMOVE needs VM_MAYWRITE only; otherwise VM_WRITE. */
  readonly removeMaywrite: boolean;
  /** MADV_DONTNEED works on huge pages. */
  readonly dontneedHugetlb: boolean;
  /** MADV_DODUMP works on huge pages. */
  readonly dodumpHugetlb: boolean;
  /** What PR_SET_VMA_ANON_NAME stores: the caller's pointer, or a copy of the text. */
  readonly anonNames: 'pointer' | 'text';
  /** MADV_POPULATE_READ and MADV_POPULATE_WRITE stop at the first hole; otherwise they go on behind it. */
  readonly populateStopsAtHole: boolean;
}
