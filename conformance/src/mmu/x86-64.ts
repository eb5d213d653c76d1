/**
 * Finds what an x86-64 MMU finds in page tables: every page of a CR3 value, with the rights of user mode.
 *
 * Written from the processor manual's description of 4- and 5-level paging only: no constant and no function is shared with the
 * package that builds the tables. It does not depend on Linux. Ignores protection keys.
 */
import type { Translation } from './arm64.ts';

const TWO32 = 2 ** 32;

function bit(word: number, number: number): boolean {
  return ((word >>> number) & 1) !== 0;
}

/** The rights that the tables above allow. */
interface Rights {
  readonly write: boolean;
  readonly user: boolean;
  readonly execute: boolean;
}

/**
 * Returns every translation of the user half, in the order of addresses.
 *
 * @param u32 physical memory
 * @param cr3 byte address of the top table
 * @param levels 4 or 5
 * @throws Error when an entry has a bit set that the processor reserves
 */
export function translationsX86(u32: Uint32Array, cr3: number, levels: 4 | 5): Translation[] {
  const found: Translation[] = [];
  const table = (base: number, level: number, va: number, above: Rights): void => {
    const span = 2 ** (12 + 9 * (level - 1));
    // The upper half of the top table belongs to the kernel.
    const entries = level === levels ? 256 : 512;
    for (let i = 0; i < entries; i++) {
      const lo = u32[base / 4 + i * 2]!;
      if (!bit(lo, 0)) continue;
      const hi = u32[base / 4 + i * 2 + 1]!;
      const rights = {
        write: above.write && bit(lo, 1),
        user: above.user && bit(lo, 2),
        execute: above.execute && !bit(hi, 31),
      };
      const frame = (hi & 0xfffff) * TWO32 + (lo - (lo & 0xfff));
      const at = va + i * span;
      const isPage = level === 1 || bit(lo, 7);
      if (!isPage) {
        table(frame, level - 1, at, rights);
        continue;
      }
      if (level > 3) throw new Error(`level ${level}, entry ${i}: the page-size bit is reserved`);
      if (frame % span !== 0) throw new Error(`level ${level}, entry ${i}: address bits that are reserved`);
      found.push({
        va: at,
        pa: frame,
        size: span,
        read: rights.user,
        write: rights.user && rights.write,
        execute: rights.user && rights.execute,
        guarded: false,
        attrIndex: (lo >>> 3) & 3,
      });
    }
  };
  table(cr3, levels, 0, { write: true, user: true, execute: true });
  return found;
}
