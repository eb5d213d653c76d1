/** Arguments of system calls by number: what a handler reads from its registers, and from user memory. */
import { RETRY } from '@vmarea/mm-core';
import { copyFromUser, copyToUser } from '@vmarea/mm-core/memory';
import { EFAULT, fromRegister } from '@vmarea/uapi';
import type { Register } from './mm.ts';
import type { Task } from '../task/task.ts';

/** A call: takes six registers, returns x0. */
export type SyscallHandler = (task: Task, args: readonly Register[]) => number;

/** An int, a long, an address, and a register as it is. */
export const int = (value: Register | undefined): number => Number(BigInt.asIntN(32, BigInt(value ?? 0)));
export const long = (value: Register | undefined): number => Number(BigInt.asIntN(64, BigInt(value ?? 0)));
export const reg = (value: Register | undefined): number => fromRegister(value ?? 0);
export const raw = (value: Register | undefined): Register => value ?? 0;

/** copy_to_user of a whole object: returns 0, -EFAULT, RETRY. */
export function putUser(task: Task, address: number, bytes: Uint8Array): number {
  const left = copyToUser(task.cur, address, bytes, 0, bytes.length);
  if (left === RETRY) return RETRY;
  return left === 0 ? 0 : -EFAULT;
}

/** copy_from_user of a whole object: fills `bytes`; returns 0, -EFAULT, RETRY. */
export function getUser(task: Task, address: number, bytes: Uint8Array): number {
  const left = copyFromUser(task.cur, address, bytes, 0, bytes.length);
  if (left === RETRY) return RETRY;
  return left === 0 ? 0 : -EFAULT;
}

/**
 * Stores what a call has to return at `address`. After a wait only the storing is repeated: the call was made.
 *
 * @returns `result`, -EFAULT, RETRY
 */
export function storeResult(task: Task, address: number, bytes: Uint8Array, result = 0): number {
  const error = putUser(task, address, bytes);
  if (error === RETRY) task.cur.call.resume = () => storeResult(task, address, bytes, result);
  return error === 0 ? result : error;
}
