/**
 * What userfaultfd remembers of single pages: write protection (also of pages that are not there) and poison.
 *
 * The kernel keeps these in page tables, as a software bit of an entry or as an entry that is not present. Here they are sets
 * of addresses beside the tables, and an address space that never used userfaultfd has none: tables and architectures need
 * not know of them.
 */
import type { Addr, Bytes } from '../../base/units.ts';

/** Calls `visit` for each marked page of [start, end), in no order. `visit` may remove the page from the set. */
function eachMarked(pages: ReadonlySet<number>, start: Addr, end: Addr, visit: (addr: Addr) => void): void {
  for (const addr of pages) if (addr >= start && addr < end) visit(addr);
}

/** The marks of one address space. Addresses are those of pages, or of huge pages in hugetlb mappings. */
export class PageMarks {
  /** PTE_UFFD_WP, and PTE_MARKER_UFFD_WP where no page is mapped: a store must be reported. */
  readonly writeProtected: Set<number> = new Set<number>();
  /** PTE_MARKER_POISONED: an access fails with SIGBUS. No page is mapped there. */
  readonly poisoned: Set<number> = new Set<number>();

  /** Removes the marks of [start, end). @param keepWp leaves write protection */
  drop(start: Addr, end: Addr, keepWp: boolean): void {
    const { poisoned } = this;
    eachMarked(poisoned, start, end, (addr) => poisoned.delete(addr));
    if (!keepWp) this.unprotect(start, end);
  }

  /** Ends the write protection of [start, end). */
  unprotect(start: Addr, end: Addr): void {
    const { writeProtected } = this;
    eachMarked(writeProtected, start, end, (addr) => writeProtected.delete(addr));
  }

  /** Moves the marks of [from, from + len) to `to`. @param keepWp otherwise write protection ends */
  move(from: Addr, to: Addr, len: Bytes, keepWp: boolean): void {
    const moved = new PageMarks();
    moved.copy(this, from, from + len, keepWp);
    this.drop(from, from + len, false);
    for (const addr of moved.poisoned) this.poisoned.add(addr - from + to);
    for (const addr of moved.writeProtected) this.writeProtected.add(addr - from + to);
  }

  /** Takes over the marks of [start, end) of another address space. @param withWp also write protection */
  copy(other: PageMarks, start: Addr, end: Addr, withWp: boolean): void {
    eachMarked(other.poisoned, start, end, (addr) => this.poisoned.add(addr));
    if (withWp) eachMarked(other.writeProtected, start, end, (addr) => this.writeProtected.add(addr));
  }

  /** Returns the write-protected pages of [start, end). */
  protectedIn(start: Addr, end: Addr): number[] {
    const found: number[] = [];
    eachMarked(this.writeProtected, start, end, (addr) => found.push(addr));
    return found;
  }
}
