/**
 * Port: the memory behind the VMAs.
 *
 * The engine also runs without memory; `./memory` implements this port. The engine calls it while the VMAs are consistent
 * and the mmap lock is held (except `populate`, which it calls after dropping the lock). Ranges are page-aligned byte
 * addresses inside the given VMA.
 */
import type { Caller } from '../space/caller.ts';
import type { Mm } from '../space/mm.ts';
import type { MmSystem } from '../space/system.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, Bytes, VmFlags } from '../base/units.ts';

export interface MemoryPort {
  /**
   * Whether a VMA without file, operations and anon_vma maps at most the zero page: fork then does not call `copyPageRange`
   * for such a VMA, and exit does not pass it to `unmapRegion`. Absent: false.
   */
  readonly plainHasNoPages?: boolean | undefined;
  /** Sets up the memory of a new address space. Returns 0 or -ENOMEM. */
  attach(mm: Mm): number;
  /** Frees the memory of an address space, after every VMA's pages have been unmapped. */
  detach(mm: Mm): void;
  /**
   * unmap_region: zaps [start, end) of the VMAs from `first` on along `vmNext` (they are out of the index, and `vmNext` of
   * the last one is null), then frees page tables between floor and ceiling (0: no VMA above).
   */
  unmapRegion(mm: Mm, first: Vma, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void;
  /**
   * {@link unmapRegion} for one VMA [start, end) without file, operations and anon_vma, so that no object is created. The
   * engine calls `unmapRegion` when this is absent.
   */
  unmapPlain?(mm: Mm, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void;
  /** zap_page_range: MADV_DONTNEED and the like. */
  zapRange(vma: Vma, start: Addr, end: Addr): void;
  /** Loads the PKRU of a task whose rights have changed, or that runs now. Without it there are no accesses. */
  loadPkru?(cur: Caller): void;
  /** change_protection after the VMA has its new flags and vmPageProt. */
  changeProtection(vma: Vma, start: Addr, end: Addr, oldFlags: VmFlags): void;
  /**
   * {@link changeProtection} for a VMA without file, operations and anon_vma, which has `vmFlags` and the vm_page_prot
   * `pageProt` now. The engine calls `changeProtection` when this is absent.
   */
  protectPlain?(mm: Mm, start: Addr, end: Addr, vmFlags: VmFlags, pageProt: number): void;
  /** move_page_tables: returns the bytes moved; less than `len` when memory ran out. */
  movePageTables(vma: Vma, oldAddr: Addr, newVma: Vma, newAddr: Addr, len: Bytes): number;
  /** copy_page_range at fork: returns 0 or -ENOMEM. `vma` is the parent's, `newVma` the child's. */
  copyPageRange(newVma: Vma, vma: Vma): number;
  /**
   * mm_populate / __mm_populate over [start, start + len). Returns 0, -EFAULT, -ENOMEM, or RETRY.
   *
   * @param ignoreErrors whether to continue with the next VMA after an error
   */
  populate(cur: Caller, start: Addr, len: Bytes, ignoreErrors: boolean): number;
  /** Applies MADV_WILLNEED, FREE, COLD, PAGEOUT, POPULATE_READ or POPULATE_WRITE to the pages of [start, end) of the VMA. */
  advise(cur: Caller, vma: Vma, start: Addr, end: Addr, advice: number): number;
  /** munlock_vma_pages_range: clears the mlocked state of the pages of [start, end). */
  munlockRange(vma: Vma, start: Addr, end: Addr): void;
  /** mincore for one VMA: writes one byte (0 or 1) per page to `vec`, whose length is the number of pages. */
  mincore(cur: Caller, vma: Vma, start: Addr, end: Addr, vec: Uint8Array): void;
}

/** The port of an engine without memory: no page is ever present. */
/** A task's loads and stores, as the front door uses them. `UserMemory` of `./memory` is one. -1 is a refusal. */
export interface UserAccess {
  readonly cur: Caller;
  /** After a refusal: RETRY when `cur.call.pending` must settle first; anything else: `cur.call.refused` has the signal. */
  readonly fault: number;
  /** The high half of the last value that `load64` returned. */
  readonly hi: number;
  load8(addr: Addr): number;
  load16(addr: Addr): number;
  load32(addr: Addr): number;
  load64(addr: Addr): number;
  store8(addr: Addr, value: number): number;
  store16(addr: Addr, value: number): number;
  store32(addr: Addr, value: number): number;
  store64(addr: Addr, lo: number, hi: number): number;
}

/** Memory to be plugged in behind an address space that the front door makes. */
export interface MemoryBehind<M> {
  /** Sets `system.memory`, before the first address space is made. */
  plugIn(system: MmSystem): void;
  /** Makes what `space.memory` is: the loads and stores of a caller. */
  access(cur: Caller): M;
}

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
