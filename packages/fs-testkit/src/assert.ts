/**
 * The assertions of the suite, so that it depends on no runner. Shows errnos by name.
 */
import { RETRY } from '@vmarea/mm-core';
import { errnoName } from '@vmarea/uapi';

/** A value as a message shows it: errnos by name, RETRY as such. */
export function show(value: unknown): string {
  if (typeof value === 'number' && value < 0 && value > -4096) return `-${errnoName(value)}`;
  if (value === RETRY) return 'RETRY';
  if (value instanceof Uint8Array)
    return `bytes [${[...value.subarray(0, 16)].join(' ')}${value.length > 16 ? ' …' : ''}]`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/**
 * @param what describes the value
 * @throws Error when the two are not the same (Object.is)
 */
export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** @throws Error when it does not hold */
export function ok(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** @throws Error when it is none of them */
export function oneOf(actual: unknown, expected: readonly unknown[], what: string): void {
  if (!expected.includes(actual)) {
    throw new Error(`${what}: expected one of ${expected.map(show).join(', ')}, got ${show(actual)}`);
  }
}

/** @throws Error telling the first byte that differs */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  equal(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) throw new Error(`${what}: byte ${i} is ${actual[i]!}, not ${expected[i]!}`);
  }
}
