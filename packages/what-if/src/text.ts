/** Formats numbers for people. */

const UNITS = [
  [2 ** 40, 'TiB', 't'],
  [2 ** 30, 'GiB', 'g'],
  [2 ** 20, 'MiB', 'm'],
  [2 ** 10, 'KiB', 'k'],
] as const;

/** Quotients up to this are written exactly. */
const LONG = 100_000;

/** Formats bytes exactly, in the largest unit of which they are a whole number below 100,000; undefined when there is none. */
function exactly(value: number): string | undefined {
  for (const [unit, name] of UNITS) {
    const quotient = value / unit;
    if (quotient >= 1 && quotient < LONG && Number.isInteger(quotient)) return `${quotient} ${name}`;
    if (quotient >= 1 && quotient < 1000 && Number.isInteger(quotient * 2)) return `${quotient} ${name}`;
  }
  return value < LONG ? `${value} byte${value === 1 ? '' : 's'}` : undefined;
}

/**
 * Formats bytes: `64 KiB`, `1.5 GiB`, `4097 bytes`. A value that is whole in no unit below 100,000 is rounded to two decimals:
 * `7.63 GiB`.
 */
export function bytes(value: number): string {
  if (value === Infinity) return 'unlimited';
  if (value < 0) return `-${bytes(-value)}`;
  const exact = exactly(value);
  if (exact !== undefined) return exact;
  const [unit, name] = UNITS.find(([size]) => value >= size)!;
  return `${Math.round((value / unit) * 100) / 100} ${name}`;
}

/** Formats bytes exactly, with their rounded form if that is shorter: `8000004 KiB (7.63 GiB)`. */
export function exactBytes(value: number): string {
  const exact = exactly(value);
  if (exact !== undefined || value === Infinity) return exact ?? bytes(value);
  return `${value % 1024 === 0 ? `${value / 1024} KiB` : `${value} bytes`} (${bytes(value)})`;
}

/** Formats bytes for an option: `64k`, `8m`, `4097`. */
export function optionBytes(value: number): string {
  if (value === Infinity) return 'unlimited';
  for (const [unit, , letter] of UNITS) if (value >= unit && value % unit === 0) return `${value / unit}${letter}`;
  return String(value);
}

/** Formats a number of pages: `1 page`, `12 pages`. */
export function pageCount(value: number): string {
  if (value === Infinity) return 'unlimited';
  return `${value} page${value === 1 ? '' : 's'}`;
}
