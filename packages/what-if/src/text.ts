/** Numbers as people write them. */

const UNITS = [
  [2 ** 40, 'TiB', 't'],
  [2 ** 30, 'GiB', 'g'],
  [2 ** 20, 'MiB', 'm'],
  [2 ** 10, 'KiB', 'k'],
] as const;

/**
 * Bytes in the largest unit that keeps them exact in at most five digits: `64 KiB`, `1027 MiB`, `4097 bytes`. What is
 * larger and odd is rounded down and says so with a `≈`: `≈ 262143.9 GiB`.
 */
export function bytes(value: number): string {
  if (value === Infinity) return 'unlimited';
  if (value < 0) return `-${bytes(-value)}`;
  for (const [unit, name] of UNITS) {
    if (value >= unit && value % unit === 0) return `${value / unit} ${name}`;
  }
  if (value < 65536) return `${value} byte${value === 1 ? '' : 's'}`;
  const [unit, name] = UNITS.find(([size]) => value >= size)!;
  return `≈ ${(Math.floor((value / unit) * 10) / 10).toString()} ${name}`;
}

/** Bytes as an option takes them: `64k`, `8m`, `4097`. */
export function optionBytes(value: number): string {
  if (value === Infinity) return 'unlimited';
  for (const [unit, , letter] of UNITS) if (value >= unit && value % unit === 0) return `${value / unit}${letter}`;
  return String(value);
}

/** `1 page`, `12 pages`. */
export function pageCount(value: number): string {
  if (value === Infinity) return 'unlimited';
  return `${value} page${value === 1 ? '' : 's'}`;
}
