/**
 * Facts about userfaultfd: what it offers and how it changes areas.
 */

/** Facts about userfaultfd of a kernel version. Each comment says what holds when the fact is `true`. */
export interface UserfaultFacts {
  /** UFFD_FEATURE_ bits that UFFDIO_API knows; 0: the kernel was built without userfaultfd. */
  readonly features: number;
  /** Every architecture can write-protect pages by userfaultfd; otherwise only those with `Arch.userfaultWp`. */
  readonly wpOnEveryArch: boolean;
  /** UFFDIO_API refuses features that it does not offer on this architecture; otherwise only those that it does not know. */
  readonly checksOffered: boolean;
  /** A part of an area that begins inside it joins the next area if that is registered likewise; otherwise it stays apart. */
  readonly cutPartsMerge: boolean;
}
