/**
 * What files, seals and locks do to mappings.
 */

/** Files facts of a kernel version. Each says what is true when it is `true`. */
export interface FilesFacts {
  /** Mandatory file locks refuse shared mappings. */
  readonly mandatoryLocks: boolean;
  /** A shared read-only mapping through a writable descriptor of a write-sealed memfd is allowed (without MAYWRITE). */
  readonly sealedSharedReadonly: boolean;
  /** F_SEAL_FUTURE_WRITE exists. */
  readonly sealFutureWrite: boolean;
  /** MFD_HUGETLB exists. */
  readonly memfdHugetlb: boolean;
  /** tmpfs knows FS_IOC_SETFLAGS. */
  readonly tmpfsSetflags: boolean;
  /** mincore tells about file pages only to the file's owner or a writer. */
  readonly mincoreNeedsOwner: boolean;
  /** read at or behind the end of a file without storage leaves a page in the page cache (it shows in st_blocks). */
  readonly readCachesPageAtEnd: boolean;
}
