/**
 * Converts the reason of a failed call for a report.
 *
 * Without a reason (a driver that declares none), the report has the errno alone.
 */
import '@vmarea/kernel';
import { describeReason } from '@vmarea/mm-core/reasons';
import { errnoName, errnoText } from '@vmarea/uapi';
import type { Reason } from './report.ts';

/**
 * Returns the reason of a failed call.
 *
 * @param number from `cur.call.reason`, 0 when there is none
 * @param ret the negative errno
 * @param name of the system call
 */
export function reasonOf(number: number, ret: number, name: string): Reason {
  const known = describeReason(number);
  if (known === undefined) {
    return { id: '', fn: `sys_${name}`, sentence: `${errnoName(ret)}: ${errnoText(ret)}.`, change: '' };
  }
  const { id, says, change, source } = known;
  return { id, fn: source.fn, sentence: says, change };
}
