/**
 * From the decision that a refused call left in its address space to a sentence: all catalogues together.
 *
 * A call whose refusal left no decision (a driver without a catalogue) is told by its errno alone.
 */
import { KERNEL_DECISION_BASE, KERNEL_REASONS } from '@vmarea/kernel';
import { CATALOGUE } from '@vmarea/mm-core/reasons';
import { errnoName, errnoText } from '@vmarea/uapi';
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
    for (const { base, reasons } of [
      { base: VFS_DECISION_BASE, reasons: VFS_REASONS },
      { base: KERNEL_DECISION_BASE, reasons: KERNEL_REASONS },
      ...drivers,
    ]) {
      reasons.forEach(({ id, fn, sentence, change }, index) => {
        this.#byDecision.set(base + index, { id, fn, sentence, change });
      });
    }
  }

  /**
   * The reason of a failed call.
   *
   * @param decision from `cur.call.reason`, 0 when there is none
   * @param ret the negative errno
   * @param name of the system call
   */
  reason(decision: number, ret: number, name: string): Reason {
    const known = this.#byDecision.get(decision);
    if (known !== undefined) return known;
    return { id: '', fn: `sys_${name}`, sentence: `${errnoName(ret)}: ${errnoText(ret)}.`, change: '' };
  }
}
