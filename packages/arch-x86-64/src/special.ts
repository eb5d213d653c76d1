/**
 * The mappings that exec adds to every program: [vvar], [vvar_vclock] and [vdso], which lie one behind the other.
 * Mirrors arch/x86/entry/vdso/vma.c.
 */

/** Which kernels: each name is the first version of its rule, and holds up to the next. */
export type SpecialLayoutStyle = '4.4' | '6.1' | '6.12' | '6.18';

/** What exec maps, from low to high addresses.  */
export interface SpecialLayout {
  readonly vvarPages: number;
  /** [vvar_vclock], between the two others; 0: there is none. */
  readonly vclockPages: number;
  /** Bytes of code; the mapping is rounded up to pages. */
  readonly vdsoBytes: number;
  /** [vvar] carries VM_IO and VM_DONTDUMP, so mlockall leaves it out. */
  readonly vvarIo: boolean;
  /** A randomised process has them above its stack, where there is room. */
  readonly aboveStack: boolean;
}

const STYLES: Readonly<Record<SpecialLayoutStyle, SpecialLayout>> = {
  '4.4': { vvarPages: 2, vclockPages: 0, vdsoBytes: 8192, vvarIo: true, aboveStack: true },
  '6.1': { vvarPages: 4, vclockPages: 0, vdsoBytes: 8192, vvarIo: true, aboveStack: true },
  '6.12': { vvarPages: 4, vclockPages: 0, vdsoBytes: 8192, vvarIo: true, aboveStack: false },
  '6.18': { vvarPages: 4, vclockPages: 2, vdsoBytes: 8192, vvarIo: true, aboveStack: false },
};

/** What exec maps in kernels of a style. */
export function specialLayout(style: SpecialLayoutStyle): SpecialLayout {
  return STYLES[style];
}
