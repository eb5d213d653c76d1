/**
 * The catalogues of all packages in one: what a decision's number means, whoever took it.
 */
import { KERNEL_DECISION_BASE, KERNEL_REASONS } from '@vmarea/kernel';
import { CATALOGUE } from '@vmarea/mm-core/reasons';
import { errnoName } from '@vmarea/uapi';
import { VFS_DECISION_BASE, VFS_REASONS, type DriverReason } from '@vmarea/vfs';

/** A reason, whichever package's. */
export interface Reason {
  readonly decision: number;
  readonly id: string;
  /** The kernel's function that decides. */
  readonly fn: string;
  /** By name; `none` where nothing is refused. */
  readonly errno: string;
  readonly sentence: string;
  readonly change: string;
  /** Where the kernel decides; empty when the catalogue does not say. */
  readonly reference: string;
}

/** A driver's catalogue. */
export interface DriverCatalogue {
  /** Number of its first reason. */
  readonly base: number;
  readonly reasons: readonly DriverReason[];
}

/** The reasons of mm-core, vfs and kernel, and of the drivers that are handed in. */
export class ReasonBook {
  private readonly byNumber = new Map<number, Reason>();

  constructor(drivers: readonly DriverCatalogue[] = []) {
    for (const entry of CATALOGUE) this.byNumber.set(entry.decision, entry);
    const own = [
      { base: VFS_DECISION_BASE, reasons: VFS_REASONS },
      { base: KERNEL_DECISION_BASE, reasons: KERNEL_REASONS },
    ];
    for (const { base, reasons } of [...own, ...drivers]) {
      reasons.forEach(({ errno, ...rest }, i) => {
        this.byNumber.set(base + i, { decision: base + i, ...rest, errno: errnoName(errno), reference: '' });
      });
    }
  }

  /** The reason of a decision; undefined for 0 and unknown numbers. */
  find(decision: number): Reason | undefined {
    return this.byNumber.get(decision);
  }

  /** All, by number. */
  all(): Reason[] {
    return [...this.byNumber.values()];
  }
}
