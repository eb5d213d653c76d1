/**
 * Makes a driver fail at a chosen point: the n-th operation answers an error instead of being done.
 */
import { VM_FAULT_SIGBUS } from '@vmarea/mm-core';
import { interceptDriver, type DriverCall, type SuperBlock } from '@vmarea/vfs';

/** When to fail, and what has happened so far. */
export class FailurePlan {
  /** Operations until the failing one; 0: none fails. */
  countdown: number;
  /** The errno, negative. */
  readonly errno: number;
  /** What failed; null when nothing has. */
  failed: DriverCall | null = null;

  constructor(countdown: number, errno: number) {
    this.countdown = countdown;
    this.errno = errno;
  }
}

/** Has the operations of a filesystem fail as planned. */
export function failDriver(sb: SuperBlock, plan: FailurePlan): void {
  interceptDriver(sb, (call, inner) => {
    if (plan.countdown === 0 || --plan.countdown > 0) return inner();
    plan.failed = call;
    return call.op === 'fault' || call.op === 'pageMkwrite' ? VM_FAULT_SIGBUS : plan.errno;
  });
}
