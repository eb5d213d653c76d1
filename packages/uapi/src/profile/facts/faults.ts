/**
 * Facts about page faults: how they fill memory and what they count.
 */

/** Facts about faults of a kernel version. Each comment says what holds when the fact is `true`. */
export interface FaultsFacts {
  /** A stack cannot grow to within the guard gap of address zero. */
  readonly stackGapAtZero: boolean;
  /** Write-protect faults reuse a page when it is exclusive to this mapping (PG_anon_exclusive), not by map count. */
  readonly anonExclusive: boolean;
  /** A fault that ends in a signal also counts as a minor fault. */
  readonly countsFailures: boolean;
  /** The last-level table is allocated after the driver has given a page; otherwise before the driver is called. */
  readonly tablesLate: boolean;
  /** get_user_pages (process_vm_readv and the like) grows a stack. */
  readonly gupExpandsStack: boolean;
  /** Populating VM_LOCKONFAULT memory checks the permissions (mlock2 of PROT_NONE: ENOMEM). */
  readonly populateChecksLockOnFault: boolean;
  /** Unmapping empties the batches of pages that wait to be marked, for instance those of MADV_FREE. */
  readonly unmapDrainsBatches: boolean;
  /** Resident pages are counted per type in batches of this many pages; VmHWM includes whole batches only. 0: it includes each page. */
  readonly rssBatch: number;
}
