/**
 * The start of the mmap area of a process. Not here: the choice between top-down and bottom-up search (the caller's `legacy`),
 * and the random numbers.
 * Mirrors arch/x86/mm/mmap.c.
 */

/** The names of the rules; x86-64 has one rule since 4.13 and one before. */
export type MmapLayoutStyle = 'arm64-4.4' | 'generic-6.1';

const SZ_128M = 128 * 1024 * 1024;
const PAGE_SIZE = 4096;
/** STACK_RND_MASK: the stack is displaced by 0 to this many pages. */
export const STACK_RND_PAGES = 0x3fffff;

/** The values that mmap_base depends on. Sizes and addresses are bytes. */
export interface LayoutRequest {
  readonly style: MmapLayoutStyle;
  /** Soft RLIMIT_STACK; Infinity = unlimited. */
  readonly stackLimit: number;
  /** The random displacement of the area; 0 without randomisation. */
  readonly rndBytes: number;
  /** Bottom-up layout: the result is the bottom of the area. */
  readonly legacy: boolean;
  /** The program runs randomised (PF_RANDOMIZE). */
  readonly randomize: boolean;
  /** stack_guard_gap: 256 pages by default. */
  readonly stackGuardGapBytes: number;
}

/**
 * mm->mmap_base: returns a page boundary, the exclusive upper end of the area.
 *
 * The gap for the stack is the limit plus the guard gap and, with randomisation, the random range of the stack; at least
 * 128 MiB, at most 5/6 of the address space. `'arm64-4.4'` selects the rule of kernels before 4.13: no guard gap, and the
 * random range extends the minimum instead of the limit. An unlimited stack gives the largest gap.
 *
 * @param mapWindow DEFAULT_MAP_WINDOW in bytes: with five levels the layout is that of four
 * @param unmappedBase TASK_UNMAPPED_BASE in bytes
 */
export function mmapBase(mapWindow: number, unmappedBase: number, request: LayoutRequest): number {
  const { stackLimit, rndBytes, randomize } = request;
  if (request.legacy) return unmappedBase + rndBytes;
  const stackRnd = randomize ? STACK_RND_PAGES * PAGE_SIZE : 0;
  const maxGap = Math.floor(mapWindow / 6) * 5;
  const before413 = request.style === 'arm64-4.4';
  const gap = before413 ? stackLimit : stackLimit + request.stackGuardGapBytes + stackRnd;
  const minGap = before413 ? SZ_128M + stackRnd : SZ_128M;
  const used = Math.min(Math.max(gap, minGap), maxGap);
  return Math.ceil((mapWindow - used - rndBytes) / PAGE_SIZE) * PAGE_SIZE;
}
