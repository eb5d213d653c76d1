/**
 * What differs between versions in the handling of huge pages, derived from the profile's switches.
 */
import type { KernelProfile } from '@vmarea/uapi';

/** Version rules of this package. */
export interface HugetlbRules {
  /** Sizes of the architecture that are not configured exist with an empty pool. */
  readonly allSizes: boolean;
  /** Addresses are searched bottom-up whatever the layout. */
  readonly bottomUp: boolean;
  /** Huge files can be sealed. */
  readonly seals: boolean;
  /** Punching a hole zeroes the parts of huge pages at its ends. */
  readonly zeroesPartialPages: boolean;
  /** fork copies entries of mappings that a fault would fill just as well; otherwise only those that hold private pages. */
  readonly forkCopiesAll: boolean;
  /**
   * A private page that was truncated away and is faulted again needs a free page; otherwise it is taken out of the
   * mapping's reservation a second time, and HugePages_Rsvd can end below what is really promised.
   */
  readonly remembersUsedReserves: boolean;
  /** mmap refuses offsets whose end does not fit a file offset. */
  readonly checksOffsetOverflow: boolean;
}

/** The rules of a version. */
export function hugetlbRules(profile: KernelProfile): HugetlbRules {
  return {
    allSizes: profile.allHugeSizes,
    bottomUp: profile.hugetlbBottomUp,
    seals: profile.memfdHugetlb,
    // These came with the same generation as moving huge pages.
    remembersUsedReserves: profile.mremapHugetlb,
    forkCopiesAll: !profile.mremapHugetlb,
    zeroesPartialPages: profile.mremapHugetlb,
    checksOffsetOverflow: profile.mremapHugetlb,
  };
}
