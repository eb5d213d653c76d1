/**
 * Option values from text that are no part of a situation. Every error names the option, the value and what would be right.
 */
import { UsageError } from './io.ts';

/** A whole number, at least `least`. */
export function parseCount(option: string, text: string, least: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`${option}: «${text}» is no whole number from ${least} on`);
  }
  return value;
}

/** One of some words. */
export function parseChoice<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new UsageError(`${option}: «${text}» is none of ${choices.join(', ')}`);
  return found;
}
