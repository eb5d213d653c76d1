/** Numbers as words. */

/** `1,234 areas`. */
export function count(n: number, word: string): string {
  return `${n.toLocaleString('en')} ${word}${n === 1 ? '' : 's'}`;
}

/** `132 KiB`, `2.5 GiB`: at most one decimal. */
export function bytes(value: number): string {
  const sign = value < 0 ? '−' : '';
  let size = Math.abs(value);
  for (const unit of ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']) {
    if (size < 1024 || unit === 'TiB') return `${sign}${Number(size.toFixed(1)).toLocaleString('en')} ${unit}`;
    size /= 1024;
  }
  return '';
}

/** An address. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
