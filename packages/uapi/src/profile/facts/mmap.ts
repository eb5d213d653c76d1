/**
 * Facts about mmap: what it accepts and what it leaves changed when it fails.
 */

/** Facts about mmap of a kernel version. Each comment says what holds when the fact is `true`. */
export interface MmapFacts {
  /** A negative file offset is shifted as a signed number, so the page offset can be 2^64 - 1 and overflow. */
  readonly offsetShiftArithmetic: boolean;
  /** MAP_SHARED_VALIDATE exists. */
  readonly sharedValidate: boolean;
  /** MAP_FIXED_NOREPLACE exists. */
  readonly fixedNoreplace: boolean;
  /** When a driver's mmap fails, the pages of a private writable mapping stay charged for ever. */
  readonly failureLeaksCommit: boolean;
  /** A driver that moves its mapping makes mmap fail with EINVAL; otherwise the kernel warns once. */
  readonly refusesMovedVma: boolean;
  /** mmap accepts PROT_BTI and PROT_MTE when the CPU has them. */
  readonly protBtiMte: boolean;
  /** The number of NUMA policies: MPOL_ modes below it exist. */
  readonly policyModes: number;
  /** Calls ignore the top byte of an address, where the processor does: all but mmap, brk and mremap's new address. */
  readonly untagsAddresses: boolean;
  /** A MAP_FIXED that a limit refuses leaves the old mappings in place, split at both ends; only the additional pages are charged. */
  readonly fixedFailureKeepsOld: boolean;
  /** MAP_STACK sets VM_NOHUGEPAGE, with CONFIG_TRANSPARENT_HUGEPAGE. */
  readonly stackFlagNoHugepage: boolean;
  /** mseal(2) exists. */
  readonly seal: boolean;
  /** MAP_DROPPABLE exists: private memory whose pages the kernel may drop. */
  readonly droppable: boolean;
  /** PR_SET_MDWE exists: memory cannot become executable after it was writable. */
  readonly denyWriteExec: boolean;
}
