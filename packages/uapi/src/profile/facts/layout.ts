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
  /** Which version's special mappings exec makes: the architecture says how many pages [vvar] and [vdso] have. */
  readonly specialLayout: '4.4' | '6.1' | '6.12' | '6.18';
  /** vm_unmapped_area itself keeps above vm.mmap_min_addr; otherwise that is left to each architecture's search. */
  readonly searchKeepsMinAddr: boolean;
  /** MAP_ABOVE4G is heeded, on architectures that have it. */
  readonly mapAbove4G: boolean;
  /** Splitting a special mapping ([vvar], [vdso]) is refused with EINVAL. */
  readonly specialMappingRefusesSplit: boolean;
  /** Program segments carry VM_DENYWRITE, and MAP_DENYWRITE is a VMA flag when the kernel itself maps. */
  readonly denywriteVmas: boolean;
  /** VM_DATA_DEFAULT_FLAGS (heap and stack) contains VM_MTE_ALLOWED, which keeps mmap's memory from merging with them. */
  readonly dataDefaultMteAllowed: boolean;
  /** An anonymous private mapping without a hint whose length is a multiple of a PMD huge page begins on such a border, if the kernel knows transparent huge pages. */
  readonly anonAlignsToPmd: boolean;
  /** Page 0, which the personality MMAP_PAGE_ZERO maps, is sealed. */
  readonly sealsPageZero: boolean;
}
