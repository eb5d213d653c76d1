/**
 * The start of the mmap area of a process. Not here: the choice between top-down and bottom-up search (the caller's `legacy`),
 * and the random numbers.
 * Mirrors arch/arm64/mm/mmap.c (4.4) and arch_pick_mmap_layout in mm/util.c (6.1).
 */

/** The rule: arm64's own of 4.4, or the generic one of 6.1. */
export type MmapLayoutStyle = 'arm64-4.4' | 'generic-6.1';

const SZ_128M = 128 * 1024 * 1024;

/** The values that mmap_base depends on. Sizes and addresses are bytes. */
export interface LayoutRequest {
  readonly style: MmapLayoutStyle;
  /** Soft RLIMIT_STACK; Infinity = unlimited. */
  readonly stackLimit: number;
  /** The random displacement; 0 without randomisation. */
  readonly rndBytes: number;
  /** Bottom-up layout: the result is the bottom of the area. */
  readonly legacy: boolean;
  /** The program runs randomised (PF_RANDOMIZE). */
  readonly randomize: boolean;
  /** stack_guard_gap (256 pages by default); 6.1 only. */
  readonly stackGuardGapBytes: number;
}

/** The machine's values for the rule; bytes, except `stackRndPages`. */
export interface LayoutFacts {
  readonly stackTop: number;
  readonly taskUnmappedBase: number;
  readonly pageSize: number;
  readonly stackRndPages: number;
}

/**
 * mm->mmap_base.
 *
 * - `'arm64-4.4'`: the gap for the stack is at least 128 MiB plus the whole random range of the stack plus one,
 *   randomised or not.
 * - `'generic-6.1'`: the stack limit is padded by the guard gap, and by the random range only if `randomize`;
 *   at least 128 MiB.
 *
 * @returns an address; top-down: a page boundary, the exclusive upper end of the area
 */
export function mmapBase(facts: LayoutFacts, request: LayoutRequest): number {
  const { style, stackLimit, rndBytes, randomize, stackGuardGapBytes } = request;
  if (request.legacy) return facts.taskUnmappedBase + rndBytes;
  const { pageSize, stackTop } = facts;
  const stackRnd = facts.stackRndPages * pageSize;
  const maxGap = Math.floor(stackTop / 6) * 5;
  let gap = stackLimit;
  let minGap = SZ_128M;
  if (style === 'arm64-4.4') minGap += stackRnd + 1;
  else gap += stackGuardGapBytes + (randomize ? stackRnd : 0);
  gap = Math.min(Math.max(gap, minGap), maxGap);
  return Math.ceil((stackTop - gap - rndBytes) / pageSize) * pageSize;
}
