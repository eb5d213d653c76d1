/**
 * How huge pages are pooled and reserved.
 */

/** Hugetlb facts of a kernel version. Each says what is true when it is `true`. */
export interface HugetlbFacts {
  /** All huge page sizes of the architecture are registered, with empty pools. */
  readonly allSizes: boolean;
  /** Huge pages are searched bottom-up from TASK_UNMAPPED_BASE whatever the layout; otherwise they follow it. */
  readonly bottomUp: boolean;
  /** Huge files can be sealed. */
  readonly seals: boolean;
  /** Punching a hole zeroes the parts of huge pages at its ends. */
  readonly zeroesPartialPages: boolean;
  /** fork copies entries that a fault would fill just as well; otherwise only those that hold private pages. */
  readonly forkCopiesAll: boolean;
  /**
   * A private page that was truncated away and is faulted again needs a free page; otherwise it is taken out of the
   * mapping's reservation a second time, and HugePages_Rsvd can end below what is really promised.
   */
  readonly remembersUsedReserves: boolean;
  /** mmap refuses offsets whose end does not fit a file offset. */
  readonly checksOffsetOverflow: boolean;
  /** Populating huge pages counts a minor fault for each. */
  readonly populateCountsFaults: boolean;
  /** A private huge page that is unmapped while its mapping stays is reserved again. */
  readonly restoresPrivateReserve: boolean;
}
