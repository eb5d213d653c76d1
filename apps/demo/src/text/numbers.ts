/**
 * Numbers for people.
 */
import type { AreaPattern } from '@vmarea/situation';

/** A whole number with a comma before every three digits. (`toLocaleString` first loads its tables, for some 20 ms.) */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 fork`, `2 forks`. */
export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** `8 KiB rw-p with 8 KiB ---p right above it, 32,000 times`. */
export function patternText({ first, second, times }: AreaPattern): string {
  return `${first} with ${second} right above it, ${grouped(times)} times`;
}
