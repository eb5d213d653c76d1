/**
 * Facts about files, seals and locks: their effect on mappings.
 */

/** Facts about files of a kernel version. Each comment says what holds when the fact is `true`. */
export interface FilesFacts {
  /** Mandatory file locks refuse shared mappings. */
  readonly mandatoryLocks: boolean;
  /** A shared read-only mapping through a writable descriptor of a write-sealed memfd is allowed (without MAYWRITE). */
  readonly sealedSharedReadonly: boolean;
  /** F_SEAL_FUTURE_WRITE exists. */
  readonly sealFutureWrite: boolean;
  /** MFD_HUGETLB exists. */
  readonly memfdHugetlb: boolean;
  /** MFD_EXEC, MFD_NOEXEC_SEAL and F_SEAL_EXEC exist. */
  readonly sealExec: boolean;
  /** tmpfs supports FS_IOC_SETFLAGS. */
  readonly tmpfsSetflags: boolean;
  /** mincore reports file pages only to the file's owner or a writer. */
  readonly mincoreNeedsOwner: boolean;
  /** read at or behind the end of a file without storage adds a page to the page cache (st_blocks counts it). */
  readonly readCachesPageAtEnd: boolean;
}
