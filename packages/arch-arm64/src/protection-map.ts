/**
 * The sixteen page protections, as descriptors without an address. RDONLY is not part of them: entry.ts computes it when it
 * stores an entry, because it depends on the dirty state.
 * Mirrors protection_map[] in mm/mmap.c and the __Pxxx/__Sxxx definitions of arm64 4.4.
 */
import {
  HI_GP,
  HI_PROT_NONE,
  HI_PXN,
  HI_UXN,
  HI_WRITE,
  LO_AF,
  LO_ATTRINDX_SHIFT,
  LO_NG,
  LO_SHARED,
  LO_TAGGED,
  LO_TABLE,
  LO_USER,
  LO_VALID,
} from './bits.ts';

/** A 64-bit descriptor as two unsigned 32-bit halves. */
export interface DescriptorHalves {
  readonly lo: number;
  readonly hi: number;
}

/** Bits of a protection: guarded pages (BTI) and memory with tags (MTE). */
const PROT_GUARDED = 0x40;
const PROT_TAGGED = 0x80;

/** MAIR index of ordinary memory, and of the four `MEMTYPE_*` values in their order. */
const MT_NORMAL = 4;
const MEMTYPE_ATTRINDX: readonly number[] = [MT_NORMAL, 0, 3, 1];

const VM_WRITE = 2;
const VM_EXEC = 4;
const VM_SHARED = 8;

function protection(index: number): DescriptorHalves {
  const memoryType = (index >> 4) & 3;
  const tagged = (index & PROT_TAGGED) !== 0 && memoryType === 0 ? LO_TAGGED : 0;
  const common = (MEMTYPE_ATTRINDX[memoryType]! << LO_ATTRINDX_SHIFT) | tagged | LO_SHARED | LO_AF | LO_NG | LO_TABLE;
  const guarded = (index & PROT_GUARDED) !== 0 ? HI_GP : 0;
  if ((index & 7) === 0) return { lo: common, hi: HI_PXN | HI_UXN | HI_PROT_NONE | guarded };
  const writable = (index & (VM_WRITE | VM_SHARED)) === (VM_WRITE | VM_SHARED);
  const executable = (index & VM_EXEC) !== 0 && memoryType === 0;
  return {
    lo: common | LO_USER | LO_VALID,
    hi: HI_PXN | (executable ? 0 : HI_UXN) | (writable ? HI_WRITE : 0) | guarded,
  };
}

/** All 256 combinations of a protection (bits 0..3), a memory type (bits 4..5), guarded pages (6) and tags (7). */
const PROTECTIONS: readonly DescriptorHalves[] = Array.from({ length: 256 }, (_, i) => protection(i));

const PROT_LO: Int32Array = Int32Array.from(PROTECTIONS, (p) => p.lo);
const PROT_LO_LPA2: Int32Array = Int32Array.from(PROTECTIONS, (p) => p.lo & ~LO_SHARED);

/** Returns the low words of all protections, for the code that stores entries. */
export function protLo(lpa2: boolean): Int32Array {
  return lpa2 ? PROT_LO_LPA2 : PROT_LO;
}

/** The high words, without WRITE: the caller that stores an entry decides whether it is writable. */
export const PROT_HI: Int32Array = Int32Array.from(PROTECTIONS, (p) => p.hi & ~HI_WRITE);

/**
 * The value of `vm_page_prot` for a combination of vm_flags.
 *
 * @param index VM_READ 1 | VM_WRITE 2 | VM_EXEC 4 | VM_SHARED 8, plus a `MEMTYPE_*` in bits 4..5, bit 6 for guarded pages
 *   (BTI) and bit 7 for memory with tags (MTE)
 * @returns the descriptor without address and without RDONLY; the same frozen object for the same index
 * @throws RangeError when `index` is not 0..255
 */
export function protectionMap(index: number): DescriptorHalves {
  const p = PROTECTIONS[index];
  if (p === undefined) throw new RangeError(`protectionMap: index ${index} is not 0..255`);
  return p;
}

/** Returns {@link protectionMap} of a machine with FEAT_LPA2: the shareability bits are zero. */
export function protectionMapLpa2(index: number): DescriptorHalves {
  const { lo, hi } = protectionMap(index);
  return { lo: lo & ~LO_SHARED, hi };
}
