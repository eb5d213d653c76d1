/**
 * The scale of the map: areas to scale, gaps compressed. A position is a number of bytes along the picture: an area takes as
 * many as it has, a gap no more than a part of what all areas have.
 */
import type { AreaColumns } from '../../engine/protocol.ts';

/** A gap takes at most this part of all areas. */
const GAP_PART = 1 / 60;

/** Positions of the areas of a map. */
export interface Scale {
  /** Where each area begins. */
  readonly at: Float64Array;
  /** The end of the picture. */
  readonly length: number;
}

/** Lays areas out, in the order of their addresses. */
export function scaleOf({ starts, ends }: AreaColumns): Scale {
  const { length } = starts;
  let sum = 0;
  for (let i = 0; i < length; i++) sum += ends[i]! - starts[i]!;
  const most = Math.max(1, sum * GAP_PART);
  const at = new Float64Array(length);
  let position = 0;
  for (let i = 0; i < length; i++) {
    if (i > 0) position += Math.min(most, starts[i]! - ends[i - 1]!);
    at[i] = position;
    position += ends[i]! - starts[i]!;
  }
  return { at, length: Math.max(1, position) };
}

/** Index of the area at a position, or of the next one behind it; the number of areas when there is none. */
export function indexAt({ at }: Scale, { starts, ends }: AreaColumns, position: number): number {
  let low = 0;
  let high = at.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle]! + ends[middle]! - starts[middle]! > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where an address is in the picture; -1 below the lowest area and above the highest. */
export function positionOf({ at }: Scale, { starts, ends }: AreaColumns, address: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > address) high = middle;
    else low = middle + 1;
  }
  if (low === starts.length) return -1;
  if (address >= starts[low]!) return at[low]! + address - starts[low]!;
  if (low === 0) return -1;
  const before = at[low - 1]! + ends[low - 1]! - starts[low - 1]!;
  const part = (address - ends[low - 1]!) / (starts[low]! - ends[low - 1]!);
  return before + part * (at[low]! - before);
}
