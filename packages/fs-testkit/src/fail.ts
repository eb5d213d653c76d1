/**
 * Makes a driver fail at a chosen point: the n-th operation returns an error instead of being carried out.
 */
import { VM_FAULT_SIGBUS } from '@vmarea/mm-core';
import { interceptDriver, type DriverCall, type SuperBlock } from '@vmarea/vfs';

/** When to fail, and what has failed. */
export class FailurePlan {
  /** The number of the operation that fails, counted from 1; 0: none fails. */
  countdown: number;
  /** The errno, negative. */
  readonly errno: number;
  /** The failed operation; null before it. */
  failed: DriverCall | null = null;

  constructor(countdown: number, errno: number) {
    this.countdown = countdown;
    this.errno = errno;
  }
}

/** Makes the operations of a filesystem fail as planned. */
export function failDriver(sb: SuperBlock, plan: FailurePlan): void {
  interceptDriver(sb, (call, inner) => {
    if (plan.countdown === 0 || --plan.countdown > 0) return inner();
    plan.failed = call;
    return call.op === 'fault' || call.op === 'pageMkwrite' ? VM_FAULT_SIGBUS : plan.errno;
  });
}
