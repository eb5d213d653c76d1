/**
 * Clears and copies huge pages without writing zeroes to memory that is zero already.
 *
 * Most of a pool is never written: reading it costs the host no memory, writing zeroes would.
 * Mirrors clear_huge_page and copy_user_huge_page.
 */
import type { PhysicalMemory } from '@vmarea/mm-core/memory';

/** Returns whether a frame contains zeroes only. */
function isZero(physical: PhysicalMemory, pfn: number): boolean {
  const words = physical.pageSize / 4;
  const { u32 } = physical;
  const end = (pfn + 1) * words;
  for (let i = pfn * words; i < end; i++) if (u32[i] !== 0) return false;
  return true;
}

/** clear_huge_page. */
export function clearHugePage(physical: PhysicalMemory, pfn: number, pages: number): void {
  for (let i = 0; i < pages; i++) if (!isZero(physical, pfn + i)) physical.zeroFrame(pfn + i);
}

/** copy_user_huge_page. */
export function copyHugePage(physical: PhysicalMemory, dst: number, src: number, pages: number): void {
  for (let i = 0; i < pages; i++) {
    if (!isZero(physical, src + i)) physical.copyFrame(dst + i, src + i);
    else if (!isZero(physical, dst + i)) physical.zeroFrame(dst + i);
  }
}
