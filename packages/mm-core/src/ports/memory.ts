/**
 * Port: the memory behind the VMAs.
 *
 * The engine runs without any memory; `./memory` plugs in here. The engine calls these while the VMAs are consistent and
 * the mmap lock is held (but for `populate`, which is called after it was dropped). Ranges are page-aligned byte
 * addresses inside the VMA named.
 */
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, VmFlags } from '../base/units.ts';

export interface MemoryPort {
  /**
   * Whether a VMA without file, owner and anon_vma has no page but perhaps the zero page: then fork does not call
   * `copyPageRange` for such a VMA, and exit does not pass it to `unmapRegion`. Absent: false.
   */
  readonly plainHasNoPages?: boolean | undefined;
  /** A new address space: 0 or -ENOMEM. */
  attach(mm: Mm): number;
  /** An address space ends: every VMA's pages have been unmapped. */
  detach(mm: Mm): void;
  /**
   * unmap_region: zaps [start, end) of the VMAs from `first` on along `vmNext` (they are out of the index, the last one's
   * `vmNext` is null), then frees page tables between floor and ceiling (0: no VMA above).
   */
  unmapRegion(mm: Mm, first: Vma, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void;
  /**
   * {@link unmapRegion} for one VMA [start, end) that has no file, owner or anon_vma: no object is made to tell of it. Without
   * this `unmapRegion` is called.
   */
  unmapPlain?(mm: Mm, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void;
  /** zap_page_range: MADV_DONTNEED and the like. */
  zapRange(vma: Vma, start: Addr, end: Addr): void;
  /** change_protection after the VMA has its new flags and vmPageProt. */
  changeProtection(vma: Vma, start: Addr, end: Addr, oldFlags: VmFlags): void;
  /**
   * {@link changeProtection} for such a VMA, which has `vmFlags` and the vm_page_prot `pageProt` now. Without this
   * `changeProtection` is called.
   */
  protectPlain?(mm: Mm, start: Addr, end: Addr, vmFlags: VmFlags, pageProt: number): void;
  /** move_page_tables: bytes moved; less than `len` when memory ran out. */
  movePageTables(vma: Vma, oldAddr: Addr, newVma: Vma, newAddr: Addr, len: Bytes): number;
  /** copy_page_range at fork: 0 or -ENOMEM. `vma` is the parent's, `newVma` the child's. */
  copyPageRange(newVma: Vma, vma: Vma): number;
  /**
   * mm_populate / __mm_populate over [start, start + len): 0, -EFAULT, -ENOMEM, or RETRY.
   *
   * @param ignoreErrors go on with the next VMA after an error
   */
  populate(cur: Caller, start: Addr, len: Bytes, ignoreErrors: boolean): number;
  /** The effect on pages of MADV_WILLNEED, FREE, COLD, PAGEOUT, POPULATE_READ, POPULATE_WRITE on [start, end) of the VMA. */
  advise(cur: Caller, vma: Vma, start: Addr, end: Addr, advice: number): number;
  /** Pages of [start, end) leave the mlocked state. */
  munlockRange(vma: Vma, start: Addr, end: Addr): void;
  /** mincore for one VMA: writes one byte (0 or 1) per page to `vec`, which has as many. */
  mincore(cur: Caller, vma: Vma, start: Addr, end: Addr, vec: Uint8Array): void;
}

/** An engine that runs alone: nothing is ever present. */
export const NO_MEMORY: MemoryPort = {
  plainHasNoPages: true,
  attach: () => 0,
  detach: () => undefined,
  unmapRegion: () => undefined,
  unmapPlain: () => undefined,
  zapRange: () => undefined,
  changeProtection: () => undefined,
  protectPlain: () => undefined,
  movePageTables: (_vma, _oldAddr, _newVma, _newAddr, len) => len,
  copyPageRange: () => 0,
  populate: () => 0,
  advise: () => 0,
  munlockRange: () => undefined,
  mincore: (_cur, _vma, _start, _end, vec) => {
    vec.fill(0);
  },
};
