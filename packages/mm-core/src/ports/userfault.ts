/**
 * Ports: a userfaultfd as the engine and the faults see it, and what userfaultfd needs of a mapping's driver.
 */
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, Pages } from '../base/units.ts';

/**
 * The object with which an area is registered: areas that are registered with different ones never merge. `./memory`
 * implements it.
 */
export interface UserfaultContext {
  /** UFFD_FEATURE_ bits. */
  readonly features?: number;
  /** wake_userfault: wakes the tasks that wait for a page of [start, end). */
  wakeRange?(start: Addr, end: Addr): void;
  /**
   * handle_userfault: reports a fault to the reader.
   *
   * @param address page-aligned
   * @param flags FAULT_FLAG_ bits
   * @param why VM_UFFD_MISSING, VM_UFFD_WP, or {@link REPORT_MINOR}
   * @returns VM_FAULT_RETRY with `system.current.pending` set, or VM_FAULT_SIGBUS with the reason in `cur.call`
   */
  report?(cur: Caller, address: Addr, flags: number, why: number): number;
  /**
   * dup_userfaultfd: a fork copies registered areas.
   *
   * @param child the child's address space
   * @returns the context of the child's areas; null when they are not registered
   */
  forked?(cur: Caller, child: Mm): UserfaultContext | null;
  /**
   * mremap_userfaultfd_prep and _complete: an area was moved.
   *
   * @returns whether the moved area stays registered
   */
  moved?(cur: Caller, from: Addr, to: Addr, len: Bytes): boolean;
  /** userfaultfd_remove: MADV_DONTNEED, MADV_FREE or MADV_REMOVE takes pages away. */
  removed?(cur: Caller, start: Addr, end: Addr): void;
  /** userfaultfd_unmap_prep and _complete: [start, end) is unmapped. */
  unmapped?(cur: Caller, start: Addr, end: Addr): void;
}

/** Why a fault is reported: its page is in the file and not mapped. */
export const REPORT_MINOR = 0x4;

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
   * Returns the page as a fault would: a page that is not in the file is added, with zeroes, and charged to the caller. Not
   * called for huge pages.
   *
   * @returns its frame, with a reference for the entry that is to map it; -ENOMEM, -ENOSPC
   */
  get(cur: Caller, vma: Vma, pgoff: Pages): number;
}
