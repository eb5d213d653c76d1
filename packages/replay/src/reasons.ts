/**
 * From the decision that a refused call left in its address space to a sentence: all catalogues together.
 *
 * Refusals that are decided before the memory subsystem is entered have no decision; what they are follows from the errno.
 */
import { CATALOGUE } from '@vmarea/mm-core/reasons';
import { EBADF, EINVAL, ENODEV, errnoName, errnoText } from '@vmarea/uapi';
import { VFS_DECISION_BASE, VFS_REASONS, type DriverReason } from '@vmarea/vfs';
import type { Reason } from './report.ts';

/** A driver package's catalogue: the decision of its first entry, and the entries. */
export interface DriverCatalogue {
  readonly base: number;
  readonly reasons: readonly DriverReason[];
}

/** Finds reasons. */
export class ReasonBook {
  readonly #byDecision = new Map<number, Reason>();

  constructor(drivers: readonly DriverCatalogue[] = []) {
    for (const { decision, id, fn, sentence, change } of CATALOGUE) {
      this.#byDecision.set(decision, { id, fn, sentence, change });
    }
    for (const { base, reasons } of [{ base: VFS_DECISION_BASE, reasons: VFS_REASONS }, ...drivers]) {
      reasons.forEach(({ id, fn, sentence, change }, index) => {
        this.#byDecision.set(base + index, { id, fn, sentence, change });
      });
    }
  }

  /**
   * The reason of a failed call.
   *
   * @param decision from `mm.lastDecision`, 0 when there is none
   * @param ret the negative errno
   * @param name of the system call
   */
  reason(decision: number, ret: number, name: string): Reason {
    const known = this.#byDecision.get(decision);
    if (known !== undefined) return known;
    const entry = `sys_${name}`;
    if (ret === -EBADF) {
      return {
        id: '',
        fn: entry,
        sentence: 'The descriptor is not open, or was opened with O_PATH.',
        change: 'Pass a descriptor that is open, or map anonymously with MAP_ANONYMOUS.',
      };
    }
    if (ret === -EINVAL && name.startsWith('mmap')) {
      return {
        id: '',
        fn: entry,
        sentence: 'The offset is no multiple of the page size, or huge pages were asked for that the machine does not have.',
        change: 'Pass an offset that is a multiple of the page size, and ask for a huge page size that exists.',
      };
    }
    if (ret === -ENODEV) {
      return {
        id: '',
        fn: entry,
        sentence: 'The file cannot be mapped: its driver has no mmap operation.',
        change: 'Map a regular file or a device that can be mapped.',
      };
    }
    return { id: '', fn: entry, sentence: `${errnoName(ret)}: ${errnoText(ret)}.`, change: '' };
  }
}
