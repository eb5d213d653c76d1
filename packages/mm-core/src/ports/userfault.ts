/**
 * Ports: a userfaultfd as the engine sees it, and what userfaultfd needs of a mapping's driver.
 */
import type { Caller } from '../space/caller.ts';
import type { Vma } from '../areas/vma.ts';
import type { Pages } from '../base/units.ts';

/**
 * The object with which an area is registered: areas that are registered with different ones never merge. `./memory`
 * implements it.
 */
export type UserfaultContext = object;

/** {@link UserfaultOperations.find}: the page offset is beyond the end of the file. */
export const BEYOND_END = -2;

/**
 * What userfaultfd needs of a driver whose file keeps its pages in memory, as shmem does: vm_uffd_ops of later kernels.
 *
 * Page offsets are those of the file, in the machine's pages.
 */
export interface UserfaultOperations {
  /** Returns the frame of a page that is in the file; -1 when it is not; {@link BEYOND_END}. Takes no reference. */
  find(vma: Vma, pgoff: Pages): number;
  /**
   * Returns the page as a fault would: a page that is not in the file is added, with zeroes, and charged to the caller.
   *
   * @returns its frame, with a reference for the entry that is to map it; -ENOMEM, -ENOSPC
   */
  get(cur: Caller, vma: Vma, pgoff: Pages): number;
}
