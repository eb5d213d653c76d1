/**
 * Facts about mlock: how locked pages are counted.
 */

/** Facts about mlock of a kernel version. Each comment says what holds when the fact is `true`. */
export interface MlockFacts {
  /** mlock counts pages of the range that are already locked only once. */
  readonly countsOnce: boolean;
  /** Changing LOCKED to LOCKED|LOCKONFAULT or back counts the pages again. */
  readonly onfaultCountsTwice: boolean;
  /** mlockall(MCL_ONFAULT) alone is accepted and unlocks everything. */
  readonly allOnfaultAlone: boolean;
}
