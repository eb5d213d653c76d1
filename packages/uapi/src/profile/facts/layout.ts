/**
 * Facts about the layout of a new address space.
 */

/** Facts about the layout of a kernel version. Each comment says what holds when the fact is `true`. */
export interface LayoutFacts {
  /** The rule that gives mmap_base: arm64's own (the stack's random range always counts) or the generic one. */
  readonly mmapLayout: 'arm64-4.4' | 'generic-6.1';
  /** Exec sets READ_IMPLIES_EXEC for a program without a PT_GNU_STACK header that says that its stack needs no EXEC. */
  readonly execReadImpliesExec: boolean;
  /** An ET_DYN program is aligned to the largest p_align of its segments. */
  readonly elfAlignsToSegment: boolean;
  /** The version whose special mappings exec creates; the architecture gives the number of pages of [vvar] and [vdso]. */
  readonly specialLayout: '4.4' | '6.1' | '6.12' | '6.18';
  /** vm_unmapped_area stays above vm.mmap_min_addr; otherwise each architecture's search decides. */
  readonly searchKeepsMinAddr: boolean;
  /** MAP_ABOVE4G has an effect, on architectures that have it. */
  readonly mapAbove4G: boolean;
  /** Splitting a special mapping ([vvar], [vdso]) fails with EINVAL. */
  readonly specialMappingRefusesSplit: boolean;
  /** Program segments have VM_DENYWRITE, and MAP_DENYWRITE sets a VMA flag when the kernel itself maps. */
  readonly denywriteVmas: boolean;
  /** VM_DATA_DEFAULT_FLAGS (heap and stack) contains VM_MTE_ALLOWED, so that mmap's memory does not merge with them. */
  readonly dataDefaultMteAllowed: boolean;
  /** With CONFIG_TRANSPARENT_HUGEPAGE, an anonymous private mapping without a hint whose length is a multiple of a PMD huge page is aligned to one. */
  readonly anonAlignsToPmd: boolean;
  /**
   * File systems that ask for it (ext4, xfs, btrfs, …) have their files placed congruent to a PMD huge page, where the mapped
   * part contains a whole one and the kernel knows transparent huge pages.
   */
  readonly filesAlignToPmd: boolean;
  /** A private mapping of /dev/zero is aligned as such a file is. */
  readonly zeroDeviceAlignsToPmd: boolean;
  /** A top-down search with room to align takes the upper end of a hole that is aligned by itself; otherwise the lower. */
  readonly alignedSearchTakesUpperEnd: boolean;
  /** Page 0, which the personality MMAP_PAGE_ZERO maps, is sealed. */
  readonly sealsPageZero: boolean;
}
