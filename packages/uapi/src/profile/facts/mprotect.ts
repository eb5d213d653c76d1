/**
 * Facts about mprotect.
 */

/** Facts about mprotect of a kernel version. Each comment says what holds when the fact is `true`. */
export interface MprotectFacts {
  /** READ_IMPLIES_EXEC adds PROT_EXEC in mprotect only if the mapping may become executable. */
  readonly rieNeedsMayexec: boolean;
  /** Removing the write permission from private anonymous memory that was never accessed returns its commit charge. */
  readonly readOnlyUncharges: boolean;
}
