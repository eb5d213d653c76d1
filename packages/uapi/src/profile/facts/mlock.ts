/**
 * How locked pages are counted.
 */

/** Mlock facts of a kernel version. Each says what is true when it is `true`. */
export interface MlockFacts {
  /** mlock counts pages of the range that are locked already only once. */
  readonly countsOnce: boolean;
  /** Changing LOCKED to LOCKED|LOCKONFAULT or back counts the pages again. */
  readonly onfaultCountsTwice: boolean;
  /** mlockall(MCL_ONFAULT) alone is accepted and unlocks everything. */
  readonly allOnfaultAlone: boolean;
}
