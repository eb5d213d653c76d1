/**
 * The mappings that exec adds to every program: [vvar], [vvar_vclock] and [vdso], which lie one behind the other.
 * Mirrors arch/arm64/kernel/vdso.c.
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

/** 6.12: [vdso] has the code of getrandom, and takes more than 4 KiB. */
const STYLES: Readonly<Record<SpecialLayoutStyle, SpecialLayout>> = {
  '4.4': { vvarPages: 1, vclockPages: 0, vdsoBytes: 4096, vvarIo: false, aboveStack: false },
  '6.1': { vvarPages: 2, vclockPages: 0, vdsoBytes: 4096, vvarIo: false, aboveStack: false },
  '6.12': { vvarPages: 2, vclockPages: 0, vdsoBytes: 8192, vvarIo: false, aboveStack: false },
  '6.18': { vvarPages: 2, vclockPages: 0, vdsoBytes: 8192, vvarIo: false, aboveStack: false },
};

/** What exec maps in kernels of a style. */
export function specialLayout(style: SpecialLayoutStyle): SpecialLayout {
  return STYLES[style];
}
