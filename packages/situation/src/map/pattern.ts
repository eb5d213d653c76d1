/**
 * What fills a map: the pair of neighbours that repeats most. Works on lines of /proc/PID/maps alone.
 */
import { formatPermissions, type MapsLine } from '@vmarea/strace';
import { formatBytes } from '../describe.ts';

/** A pair of neighbours that stands again and again. */
export interface AreaPattern {
  /** The lower and the upper area, as `8 KiB rw-p`, with its name where it has one. */
  readonly first: string;
  readonly second: string;
  readonly times: number;
}

/** Maps that are smaller than this have no pattern. */
const LEAST_AREAS = 100;
/** Share of the areas that a pattern makes up, at least. */
const LEAST_SHARE = 0.5;
/** Kinds that are counted: sizes that all differ are no pattern, and would be kept for nothing. */
const MOST_KINDS = 10_000;

/** An area by what repeats of it: `8 KiB ---p`. */
export function areaKind(line: MapsLine): string {
  const name = line.name === '' ? '' : ` ${line.name}`;
  return `${formatBytes(line.end - line.start)} ${formatPermissions(line)}${name}`;
}

/** Counts texts, of which a bounded number of different ones is kept. */
export class KindCounter {
  readonly #counts = new Map<string, number>();

  add(kind: string): void {
    const before = this.#counts.get(kind);
    if (before !== undefined || this.#counts.size < MOST_KINDS) this.#counts.set(kind, (before ?? 0) + 1);
  }

  /** The most frequent one; null when none was added. */
  most(): readonly [kind: string, times: number] | null {
    let best: readonly [string, number] | null = null;
    for (const entry of this.#counts) if (best === null || entry[1] > best[1]) best = entry;
    return best;
  }
}

const BETWEEN = '\0';

/**
 * The pattern that fills a map.
 *
 * @param lines in the order of addresses
 * @returns null for a map of fewer than 100 areas, or when no pair makes up half of them
 */
export function areaPattern(lines: readonly MapsLine[]): AreaPattern | null {
  if (lines.length < LEAST_AREAS) return null;
  const pairs = new KindCounter();
  let before = '';
  for (const [i, line] of lines.entries()) {
    const kind = areaKind(line);
    if (i > 0 && lines[i - 1]!.end === line.start) pairs.add(`${before}${BETWEEN}${kind}`);
    before = kind;
  }
  const most = pairs.most();
  // A pair that repeats is found once in each period of two areas.
  if (most === null || most[1] * 2 < lines.length * LEAST_SHARE) return null;
  const [first, second] = most[0].split(BETWEEN) as [string, string];
  return { first, second, times: most[1] };
}
