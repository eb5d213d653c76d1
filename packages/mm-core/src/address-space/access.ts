/** Loads and stores that throw when they are refused. */
import { MisuseError, shownValue } from '@vmarea/uapi';
import { RETRY } from '../base/errno.ts';
import type { Addr } from '../base/units.ts';
import type { UserAccess } from '../ports/memory.ts';
import { MemoryFaultError, WouldWaitError } from './errors.ts';

/** Bytes of an access. */
export type AccessSize = 1 | 2 | 4 | 8;

/** Throws for an access that gave -1. */
function refused(user: UserAccess, access: string): never {
  if (user.fault === RETRY) throw new WouldWaitError(access);
  throw new MemoryFaultError(user.cur, access);
}

function checkSize(call: string, size: unknown): void {
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    throw new MisuseError(call, 'size', `is ${shownValue(size)}, not 1, 2, 4 or 8`);
  }
}

/**
 * Loads an unsigned little-endian value, aligned or not.
 *
 * @param size bytes
 * @returns a number, or for 8 bytes a bigint
 * @throws MemoryFaultError with the signal that the task gets; WouldWaitError when the page must be awaited
 */
export function loadValue(user: UserAccess, addr: Addr, size: AccessSize): number | bigint {
  checkSize('load', size);
  const value =
    size === 1 ? user.load8(addr) : size === 2 ? user.load16(addr) : size === 4 ? user.load32(addr) : user.load64(addr);
  if (value === -1) refused(user, 'load');
  return size === 8 ? (BigInt(user.hi) << 32n) | BigInt(value) : value;
}

/**
 * Stores a value modulo 2^(8 * size), little-endian, aligned or not: all of its bytes, or none.
 *
 * @param size bytes
 * @throws as {@link loadValue}; MisuseError when `value` is neither a whole number nor a bigint
 */
export function storeValue(user: UserAccess, addr: Addr, value: number | bigint, size: AccessSize): void {
  checkSize('store', size);
  if (typeof value !== 'bigint' && !Number.isInteger(value)) {
    throw new MisuseError('store', 'value', `is ${shownValue(value)}, neither a whole number nor a bigint`);
  }
  const bits = BigInt(value);
  const low = Number(BigInt.asUintN(32, bits));
  const result =
    size === 1
      ? user.store8(addr, low & 0xff)
      : size === 2
        ? user.store16(addr, low & 0xffff)
        : size === 4
          ? user.store32(addr, low)
          : user.store64(addr, low, Number(BigInt.asUintN(32, bits >> 32n)));
  if (result === -1) refused(user, 'store');
}
