/**
 * Facts about resource limits and overcommit: what they count.
 */

/** Facts about limits of a kernel version. Each comment says what holds when the fact is `true`. */
export interface LimitsFacts {
  /** RLIMIT_DATA also covers private writable mappings, not only brk. */
  readonly dataCoversMappings: boolean;
  /** Overcommit mode 0 compares with free memory; otherwise with all RAM and swap. */
  readonly overcommitGuessFree: boolean;
  /** data_vm exists, exec_vm counts every executable mapping; otherwise shared_vm counts file mappings. */
  readonly statDataVm: boolean;
  /** RLIMIT_MEMLOCK of the first process, soft and hard, in bytes. */
  readonly bootMemlock: number;
}
