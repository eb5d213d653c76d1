/**
 * The memory of one machine: implements the engine's port, and the interface of the page cache and of drivers.
 *
 * Each of its methods calls a function of another file.
 */
import { ENOMEM, MADV_POPULATE_READ, MADV_POPULATE_WRITE, MisuseError, PROT_MTE } from '@vmarea/uapi';
import type { Caller } from '../space/caller.ts';
import type { FileMapping } from '../shape/file-mapping.ts';
import type { Mm } from '../space/mm.ts';
import { NO_MEMORY, type MemoryBehind, type MemoryPort } from '../ports/memory.ts';
import type { MmSystem } from '../space/system.ts';
import type { Vma } from '../areas/vma.ts';
import { advise } from './tables/advise.ts';
import { AnonOwners } from './frames/owners.ts';
import type { MemoryCore } from './core.ts';
import { copyPageRange } from './tables/fork.ts';
import { Frames } from './frames/buddy.ts';
import { FrameTags } from './frames/tags.ts';
import { LazyFreeBatch } from './tables/lazy-free.ts';
import { mincore } from './tables/mincore.ts';
import { MmState, stateOf } from './tlb/state.ts';
import { movePageTables } from './tables/move.ts';
import { mmRss, syncMmRss } from './frames/rss.ts';
import { PhysicalMemory } from './frames/physical.ts';
import { madvisePopulate, populate } from './user/populate.ts';
import { loadPkru } from './user/pkru.ts';
import { UserMemory } from './user/user-memory.ts';
import { changeProtection, protectRange } from './tables/protect.ts';
import { pageMkclean } from './cache/rmap.ts';
import { flushTlbMm } from './tlb/flush.ts';
import { unmapPlain, unmapRegion, zapMappingRange, zapRange } from './tables/zap.ts';
import type { Addr, Bytes, Pages, VmFlags } from '../base/units.ts';

/** Bytes of RAM, 64 MiB, that {@link createMemory} allocates at most when neither `bytes` nor `buffer` is given. */
export const DEFAULT_MEMORY_BYTES: number = 2 ** 26;

/** The arguments of {@link createMemory}. */
export interface MemoryInit {
  /**
   * Bytes of RAM: of `buffer` the first ones, by default all; without a buffer the configuration's `ramBytes`, at most
   * {@link DEFAULT_MEMORY_BYTES}.
   */
  bytes?: number | undefined;
  /** The caller's buffer with a fixed length. */
  buffer?: ArrayBufferLike | undefined;
}

/** The memory of one machine. */
export class Memory implements MemoryPort, MemoryCore {
  readonly physical: PhysicalMemory;
  readonly frames: Frames;
  readonly system: MmSystem;
  /** The numbers of anon_vmas in frames. */
  readonly anonOwners: AnonOwners;
  /** Buffer for the frames of a whole last-level table: zap and fork work table by table. */
  readonly batch: Int32Array;
  /** Pages that MADV_FREE has freed and that are not yet marked. */
  readonly lazyFree: LazyFreeBatch;
  /** The address space of the task that acted last: `current->mm` in the kernel. */
  activeMm: Mm | null = null;
  /** The number of attached address spaces. */
  nrAttached = 0;
  private nextAsid = 1;

  constructor(system: MmSystem, init: MemoryInit) {
    const bytes =
      init.bytes ?? (init.buffer === undefined ? Math.min(system.config.ramBytes, DEFAULT_MEMORY_BYTES) : undefined);
    this.physical = PhysicalMemory.create({ pageSize: system.pageSize, bytes, buffer: init.buffer });
    this.frames = new Frames(this.physical);
    this.system = system;
    if ((system.archProt & PROT_MTE) !== 0) this.physical.tags = new FrameTags(this.frames);
    this.anonOwners = new AnonOwners(this.frames);
    this.lazyFree = new LazyFreeBatch(this.frames);
    this.batch = new Int32Array(system.arch.pmdSize / system.pageSize);
  }

  /** See {@link MemoryPort.plainHasNoPages}: copyPageRange copies only VMAs with an anon_vma or a driver. */
  readonly plainHasNoPages: boolean = true;

  attach(mm: Mm): number {
    const tables = this.system.arch.createPageTables(this.physical, this.frames);
    if (tables === null) return -ENOMEM;
    mm.pageTables = tables;
    mm.memory = new MmState(this, mm, this.nextAsid++);
    this.nrAttached++;
    return 0;
  }

  detach(mm: Mm): void {
    const tables = mm.pageTables;
    if (tables === null) return;
    syncMmRss(stateOf(mm));
    if (this.activeMm === mm) this.activeMm = null;
    flushTlbMm(mm);
    tables.destroy();
    mm.pageTables = null;
    stateOf(mm).tlb = null;
    mm.memory = null;
    this.nrAttached--;
    this.anonOwners.trim();
    if (mmRss(mm) !== 0 || mm.rssFile !== 0 || mm.rssAnon !== 0 || mm.rssShmem !== 0) {
      const counts = `file ${mm.rssFile} anon ${mm.rssAnon} shmem ${mm.rssShmem}`;
      this.system.warnOnce('rss-counter', `Bad rss-counter state at the end of an address space: ${counts}`);
    }
  }

  /** See tables/zap.ts. The parameters are the port's. */
  unmapRegion(mm: Mm, first: Vma, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void {
    unmapRegion(mm, first, start, end, floor, ceiling);
  }

  unmapPlain(mm: Mm, start: Addr, end: Addr, floor: Addr, ceiling: Addr): void {
    unmapPlain(mm, start, end, floor, ceiling);
  }

  zapRange(vma: Vma, start: Addr, end: Addr): void {
    zapRange(vma, start, end);
  }

  loadPkru(cur: Caller): void {
    loadPkru(cur);
  }

  changeProtection(vma: Vma, start: Addr, end: Addr, _oldFlags: number): void {
    changeProtection(vma, start, end);
  }

  protectPlain(mm: Mm, start: Addr, end: Addr, vmFlags: VmFlags, pageProt: number): void {
    protectRange(mm, start, end, vmFlags, pageProt);
  }

  movePageTables(vma: Vma, oldAddr: Addr, newVma: Vma, newAddr: Addr, len: Bytes): number {
    return movePageTables(vma, oldAddr, newVma, newAddr, len);
  }

  copyPageRange(newVma: Vma, vma: Vma): number {
    return copyPageRange(newVma, vma);
  }

  populate(cur: Caller, start: Addr, len: Bytes, ignoreErrors: boolean): number {
    return populate(cur, start, len, ignoreErrors);
  }

  advise(cur: Caller, vma: Vma, start: Addr, end: Addr, advice: number): number {
    if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE)
      return madvisePopulate(cur, vma, start, end, advice === MADV_POPULATE_WRITE);
    return advise(cur, vma, start, end, advice);
  }

  /** Does nothing: whether a page is mlocked follows from the VMAs that map it. */
  munlockRange(_vma: Vma, _start: number, _end: number): void {
    return;
  }

  mincore(cur: Caller, vma: Vma, start: Addr, end: Addr, vec: Uint8Array): void {
    mincore(cur, vma, start, end, vec);
  }

  unmapMappingRange(mapping: FileMapping, startPage: number, nrPages: Pages, evenCows: boolean): void {
    zapMappingRange(this, mapping, startPage, nrPages, evenCows);
  }

  pageMkclean(mapping: FileMapping, index: number): boolean {
    return pageMkclean(this, mapping, index);
  }
}

/**
 * Creates a machine's memory. Call it once, and before the first address space is created.
 *
 * @throws RangeError when a size is out of range or the host cannot allocate the buffer; MisuseError when the machine has
 *   memory or an address space already
 */
export function createMemory(system: MmSystem, init: MemoryInit = {}): Memory {
  if (system.memory !== NO_MEMORY) throw new MisuseError('createMemory', 'system', 'has memory already');
  if (system.hasMm)
    throw new MisuseError('createMemory', 'system', 'has an address space already, which would have no memory');
  const memory = new Memory(system, init);
  system.memory = memory;
  return memory;
}

/**
 * Memory for an address space that `createAddressSpace` makes: its `memory` is a {@link UserMemory}.
 *
 * @param init its size or buffer, as {@link createMemory} takes it
 */
export function ram(init: MemoryInit = {}): MemoryBehind<UserMemory> {
  return {
    plugIn: (system) => {
      createMemory(system, init);
    },
    access: (cur) => new UserMemory(cur),
  };
}
