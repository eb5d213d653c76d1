/**
 * struct resv_map: the huge pages of a file that are reserved or, for a private mapping, have used their reservation.
 *
 * Sorted ranges [from, to) of huge page indexes that never touch. Mirrors region_add and its neighbours in mm/hugetlb.c,
 * without the two-step protocol that concurrency needs there.
 */

/** A set of huge page indexes. */
export class RegionMap {
  /** Pairs from, to, ascending. */
  private ranges: number[] = [];

  /** region_chg: returns how many pages of [from, to) are not in the map. */
  missing(from: number, to: number): number {
    return Math.max(0, to - from) - this.count(from, to);
  }

  /** region_count: returns how many pages of [from, to) are in the map. */
  count(from: number, to: number): number {
    let found = 0;
    for (let i = 0; i < this.ranges.length; i += 2) {
      const part = Math.min(to, this.ranges[i + 1]!) - Math.max(from, this.ranges[i]!);
      if (part > 0) found += part;
    }
    return found;
  }

  /** region_add: adds [from, to). Returns how many were missing before. */
  add(from: number, to: number): number {
    if (to <= from) return 0;
    const added = this.missing(from, to);
    const result: number[] = [];
    let start = from;
    let end = to;
    let placed = false;
    for (let i = 0; i < this.ranges.length; i += 2) {
      const a = this.ranges[i]!;
      const b = this.ranges[i + 1]!;
      if (b < start) result.push(a, b);
      else if (a > end) {
        if (!placed) result.push(start, end);
        placed = true;
        result.push(a, b);
      } else {
        start = Math.min(start, a);
        end = Math.max(end, b);
      }
    }
    if (!placed) result.push(start, end);
    this.ranges = result;
    return added;
  }

  /**
   * region_del: removes [from, to).
   *
   * @param to Infinity: everything from `from` on
   * @returns how many were in the map
   */
  remove(from: number, to: number): number {
    const removed = this.count(from, to);
    if (removed === 0) return 0;
    const result: number[] = [];
    for (let i = 0; i < this.ranges.length; i += 2) {
      const a = this.ranges[i]!;
      const b = this.ranges[i + 1]!;
      if (b <= from || a >= to) {
        result.push(a, b);
        continue;
      }
      if (a < from) result.push(a, from);
      if (b > to) result.push(to, b);
    }
    this.ranges = result;
    return removed;
  }

  /** The number of pages in the map. */
  get size(): number {
    return this.count(0, Infinity);
  }
}
