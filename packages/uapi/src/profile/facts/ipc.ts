/**
 * Facts about System V IPC: identifiers of segments, and who may have huge ones.
 */

/** Facts about System V IPC of a kernel version. Each comment says what holds when the fact is `true`. */
export interface IpcFacts {
  /**
   * An index is used again only after the later ones, and the sequence number grows when the search starts over; otherwise
   * the lowest free index is used, and the sequence number grows with each object.
   */
  readonly cyclicIndexes: boolean;
  /** The identifier of a removed segment, whose index has a new one, is EINVAL; otherwise EIDRM. */
  readonly staleIdIsInvalid: boolean;
  /** shmctl has SHM_STAT_ANY. */
  readonly statAny: boolean;
  /** RLIMIT_MEMLOCK permits nobody a segment of huge pages: it needs CAP_IPC_LOCK or the group of vm.hugetlb_shm_group. */
  readonly hugeNeedsGroup: boolean;
}
