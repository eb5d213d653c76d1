/**
 * How mprotect reads its protection.
 */

/** Mprotect facts of a kernel version. Each says what is true when it is `true`. */
export interface MprotectFacts {
  /** READ_IMPLIES_EXEC adds PROT_EXEC in mprotect only where the mapping may become executable. */
  readonly rieNeedsMayexec: boolean;
  /** Taking the write permission from private anonymous memory that was never touched gives its commit charge back. */
  readonly readOnlyUncharges: boolean;
}
