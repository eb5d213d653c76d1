/**
 * What mmap accepts and what it leaves behind when it fails.
 */

/** Mmap facts of a kernel version. Each says what is true when it is `true`. */
export interface MmapFacts {
  /** A negative file offset is shifted as a signed number, so the page offset can be 2^64 - 1 and overflow. */
  readonly offsetShiftArithmetic: boolean;
  /** MAP_SHARED_VALIDATE exists. */
  readonly sharedValidate: boolean;
  /** MAP_FIXED_NOREPLACE exists. */
  readonly fixedNoreplace: boolean;
  /** A driver's failing mmap leaves the pages of a private writable mapping charged for ever. */
  readonly failureLeaksCommit: boolean;
  /** A driver that moves its mapping is refused with EINVAL; otherwise it is warned of once. */
  readonly refusesMovedVma: boolean;
  /** mmap honours PROT_BTI and PROT_MTE when the CPU has them. */
  readonly protBtiMte: boolean;
  /** MAP_FIXED that is refused by a limit leaves the old mappings in place, split at both ends; only what it adds to them is charged. */
  readonly fixedFailureKeepsOld: boolean;
  /** MAP_STACK sets VM_NOHUGEPAGE, if the kernel knows transparent huge pages. */
  readonly stackFlagNoHugepage: boolean;
  /** mseal(2) exists. */
  readonly seal: boolean;
  /** MAP_DROPPABLE exists: private memory whose pages may vanish. */
  readonly droppable: boolean;
  /** PR_SET_MDWE exists: memory does not become executable after it was writable. */
  readonly denyWriteExec: boolean;
}
