/**
 * Facts about huge pages: pools and reservations.
 */

/** Facts about huge pages of a kernel version. Each comment says what holds when the fact is `true`. */
export interface HugetlbFacts {
  /** All huge page sizes of the architecture are registered, with empty pools. */
  readonly allSizes: boolean;
  /** The search for huge pages runs bottom-up from TASK_UNMAPPED_BASE in both layouts; otherwise it follows the layout. */
  readonly bottomUp: boolean;
  /** Huge files support seals. */
  readonly seals: boolean;
  /** Punching a hole zeroes the parts of huge pages at its ends. */
  readonly zeroesPartialPages: boolean;
  /** fork also copies entries that a fault could fill again; otherwise only those of private pages. */
  readonly forkCopiesAll: boolean;
  /**
   * A private page that was truncated and is faulted again needs a free page; otherwise it is taken from the mapping's
   * reservation a second time, and HugePages_Rsvd can be lower than the number of pages that are still reserved.
   */
  readonly remembersUsedReserves: boolean;
  /** mmap refuses an offset with an end beyond the largest file offset. */
  readonly checksOffsetOverflow: boolean;
  /** Populating huge pages counts a minor fault for each. */
  readonly populateCountsFaults: boolean;
  /** A private huge page that is unmapped while its mapping exists is reserved again. */
  readonly restoresPrivateReserve: boolean;
  /** Addresses for huge pages come from the same search as others: a hint is rounded up on every architecture, and MAP_32BIT holds. */
  readonly searchesAsOthers: boolean;
}
