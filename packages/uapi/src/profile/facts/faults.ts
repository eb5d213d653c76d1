/**
 * How faults fill memory and what they count.
 */

/** Faults facts of a kernel version. Each says what is true when it is `true`. */
export interface FaultsFacts {
  /** A stack cannot grow to within the guard gap of address zero. */
  readonly stackGapAtZero: boolean;
  /** Write-protect faults reuse a page when it is exclusive to this mapping (PG_anon_exclusive), not by map count. */
  readonly anonExclusive: boolean;
  /** A fault that ends in a signal counts as a minor fault too. */
  readonly countsFailures: boolean;
  /** The last-level table is made once there is a page for it; otherwise before the file is asked. */
  readonly tablesLate: boolean;
  /** get_user_pages (process_vm_readv and the like) lets a stack grow. */
  readonly gupExpandsStack: boolean;
  /** Populating VM_LOCKONFAULT memory still looks at the permissions (mlock2 of PROT_NONE: ENOMEM). */
  readonly populateChecksLockOnFault: boolean;
  /** Resident pages are counted per type in batches of so many pages; VmHWM sees only whole batches. 0: VmHWM sees each page. */
  readonly rssBatch: number;
}
