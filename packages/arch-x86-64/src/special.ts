/**
 * The mappings that exec adds to every program, adjacent in this order: [vvar], [vvar_vclock] and [vdso].
 * Mirrors arch/x86/entry/vdso/vma.c.
 */

/** The layout of the special mappings: each name is the first version that has the rule. */
export type SpecialLayoutStyle = '4.4' | '6.1' | '6.12' | '6.18';

/** The mappings of exec, from low to high addresses.  */
export interface SpecialLayout {
  readonly vvarPages: number;
  /** Pages of [vvar_vclock], between the two others; 0: there is none. */
  readonly vclockPages: number;
  /** Bytes of code; the mapping is rounded up to pages. */
  readonly vdsoBytes: number;
  /** Whether [vvar] has VM_IO and VM_DONTDUMP, so that mlockall skips it. */
  readonly vvarIo: boolean;
  /** Whether a randomised process has them above its stack, if there is room. */
  readonly aboveStack: boolean;
}

const STYLES: Readonly<Record<SpecialLayoutStyle, SpecialLayout>> = {
  '4.4': { vvarPages: 2, vclockPages: 0, vdsoBytes: 8192, vvarIo: true, aboveStack: true },
  '6.1': { vvarPages: 4, vclockPages: 0, vdsoBytes: 8192, vvarIo: true, aboveStack: true },
  '6.12': { vvarPages: 4, vclockPages: 0, vdsoBytes: 8192, vvarIo: true, aboveStack: false },
  '6.18': { vvarPages: 4, vclockPages: 2, vdsoBytes: 8192, vvarIo: true, aboveStack: false },
};

/** Returns the special mappings of kernels of a style. */
export function specialLayout(style: SpecialLayoutStyle): SpecialLayout {
  return STYLES[style];
}
