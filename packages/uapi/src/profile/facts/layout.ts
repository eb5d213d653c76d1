/**
 * Where things stand in a new address space.
 */

/** Layout facts of a kernel version. Each says what is true when it is `true`. */
export interface LayoutFacts {
  /** Which rule gives mmap_base: arm64's own (the stack's random range always counts) or the generic one. */
  readonly mmapLayout: 'arm64-4.4' | 'generic-6.1';
  /** Exec sets READ_IMPLIES_EXEC for a program that does not say that its stack needs no EXEC. */
  readonly execReadImpliesExec: boolean;
  /** An ET_DYN program is aligned to the largest p_align of its segments. */
  readonly elfAlignsToSegment: boolean;
  /** Pages of [vvar]. */
  readonly vvarPages: number;
  /** Splitting a special mapping ([vvar], [vdso]) is refused with EINVAL. */
  readonly specialMappingRefusesSplit: boolean;
  /** Program segments carry VM_DENYWRITE, and MAP_DENYWRITE is a VMA flag when the kernel itself maps. */
  readonly denywriteVmas: boolean;
  /** VM_DATA_DEFAULT_FLAGS (heap and stack) contains VM_MTE_ALLOWED, which keeps mmap's memory from merging with them. */
  readonly dataDefaultMteAllowed: boolean;
  /** Bytes of code in [vdso], rounded up to pages when it is mapped. */
  readonly vdsoBytes: number;
  /** An anonymous private mapping without a hint whose length is a multiple of a PMD huge page begins on such a border, if the kernel knows transparent huge pages. */
  readonly anonAlignsToPmd: boolean;
  /** Page 0, which the personality MMAP_PAGE_ZERO maps, is sealed. */
  readonly sealsPageZero: boolean;
}
