/**
 * Facts about madvise: which advice exists and for which memory.
 */

/** Facts about madvise of a kernel version. Each comment says what holds when the fact is `true`. */
export interface MadviseFacts {
  /** The advice values of every configuration; KSM, THP and memory failure add theirs. */
  readonly values: readonly number[];
  /** MADV_REMOVE needs VM_MAYWRITE only; otherwise VM_WRITE. */
  readonly removeMaywrite: boolean;
  /** MADV_DONTNEED works on huge pages. */
  readonly dontneedHugetlb: boolean;
  /** MADV_DODUMP works on huge pages. */
  readonly dodumpHugetlb: boolean;
  /** The value that PR_SET_VMA_ANON_NAME stores: the caller's pointer, or a copy of the text. */
  readonly anonNames: 'pointer' | 'text';
  /** The call process_madvise exists. */
  readonly ofProcess: boolean;
  /** The call process_madvise needs CAP_SYS_NICE, also of the process itself. */
  readonly ofProcessNeedsNice: boolean;
  /** PR_SET_MEMORY_MERGE exists, with CONFIG_KSM. */
  readonly mergeAny: boolean;
  /** MADV_POPULATE_READ and MADV_POPULATE_WRITE stop at the first hole; otherwise they continue behind it. */
  readonly populateStopsAtHole: boolean;
}
