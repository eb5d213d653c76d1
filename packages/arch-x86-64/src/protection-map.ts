/**
 * The sixteen page protections, as entries without an address.
 * Mirrors protection_map[] in arch/x86/mm/pgprot.c and the PAGE_* definitions of pgtable_types.h.
 */
import { HI_NX, HI_PKEY_SHIFT, LO_ACCESSED, LO_PCD, LO_PRESENT, LO_PROT_NONE, LO_PWT, LO_RW, LO_USER } from './bits.ts';

/** A 64-bit entry as two unsigned 32-bit halves. */
export interface EntryHalves {
  readonly lo: number;
  readonly hi: number;
}

/** PWT and PCD of the four `MEMTYPE_*` values in their order. */
const MEMTYPE_BITS: readonly number[] = [0, LO_PWT | LO_PCD, LO_PWT, LO_PCD];

const VM_WRITE = 2;
const VM_EXEC = 4;
const VM_SHARED = 8;

function protection(index: number, memoryType: number): EntryHalves {
  const common = MEMTYPE_BITS[memoryType]! | LO_ACCESSED;
  if ((index & 7) === 0) return { lo: common | LO_PROT_NONE, hi: 0 };
  const writable = (index & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED);
  return {
    lo: common | LO_PRESENT | LO_USER | (writable ? LO_RW : 0),
    hi: (index & VM_EXEC) === 0 ? HI_NX >>> 0 : 0,
  };
}

/** All combinations of a protection (bits 0..3) and a memory type (bits 4..5). */
const PROTECTIONS: readonly EntryHalves[] = Array.from({ length: 64 }, (_, i) =>
  Object.freeze(protection(i & 15, i >> 4)),
);

/** The low words without R/W: the caller that stores an entry decides whether it is writable. */
const PROT_LO: Int32Array = Int32Array.from(PROTECTIONS, (p) => p.lo & ~LO_RW);
const PROT_HI: Int32Array = Int32Array.from(PROTECTIONS, (p) => p.hi);

/** Returns the low word of a `prot` argument. */
export function protLo(prot: number): number {
  return PROT_LO[prot & 63]!;
}

/** Returns the high word of a `prot` argument: XD, and the protection key from bits 6..9. */
export function protHi(prot: number): number {
  return PROT_HI[prot & 63]! | ((prot >>> 6) << HI_PKEY_SHIFT);
}

/**
 * The value of `vm_page_prot` for a combination of vm_flags.
 *
 * @param index VM_READ 1 | VM_WRITE 2 | VM_EXEC 4 | VM_SHARED 8, plus a `MEMTYPE_*` in bits 4..5
 * @returns the entry without address; the same frozen object for the same index
 * @throws RangeError when `index` is not 0..63
 */
export function protectionMap(index: number): EntryHalves {
  const p = PROTECTIONS[index];
  if (p === undefined) throw new RangeError(`protectionMap: index ${index} is not 0..63`);
  return p;
}
