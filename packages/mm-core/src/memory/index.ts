/**
 * @vmarea/mm-core/memory: frames, faults, copy-on-write, page cache and reverse mapping behind the VMA engine.
 *
 * The engine never imports this folder: memory plugs in through one port. Mirrors mm/memory.c, mm/filemap.c and mm/rmap.c.
 */

// --- the memory of a machine
export { createMemory, Memory, type MemoryInit } from './memory.ts';
export type { MemoryCore } from './core.ts';
export { MmState, stateOf } from './mm-state.ts';

// --- user memory
export { UserMemory, join64 } from './user-memory.ts';
export { ACCESS_EXEC, ACCESS_READ, ACCESS_WRITE } from './access.ts';
export { accessOk, clearUser, copyFromUser, copyToUser, fillUser, strncpyFromUser } from './uaccess.ts';
export { accessPfn, onInvalidate, translate, walkPfn } from './walk.ts';
export { accessProcessVm } from './remote.ts';

// --- faults
export { doPageFault, FAULT_SIGNAL } from './page-fault.ts';
export { handleMmFault } from './fault.ts';
export { faultinRange, FOLL_FORCE, FOLL_WRITE, populateVmaPageRange, userPfn } from './gup.ts';

// --- for drivers: the page cache, and files that live in it
export { AddressSpace } from './address-space.ts';
export { AddressSpaceOperations, type AddressSpaceOperationsInit } from './address-space-operations.ts';
export {
  filemapFault,
  filemapMapPage,
  filemapPageMkwrite,
  genericFileMmap,
  genericFileReadonlyMmap,
  genericFileVmOps,
} from './filemap.ts';
export { remapPfnRange, vmInsertPfn } from './insert-pfn.ts';
export { createSpecialPages, type SpecialPages } from './special-pages.ts';
export { zapMappingRange } from './zap.ts';
export { flushTlbMm, flushTlbPage, flushTlbRange } from './flush.ts';
export { Tlb, TLB_ENTRIES } from './tlb.ts';
export { setPageDirty } from './page-meta.ts';
export { mmRss, updateHiwaterRss } from './rss.ts';
export { pageMkclean, rmapWalk, tryToUnmap, type RmapVisitor } from './rmap.ts';

// --- frames
export { PhysicalMemory, type PhysicalMemoryInit } from './physical.ts';
export { Frames, MAX_BUDDY_ORDER } from './frames.ts';
export { validateFrames } from './validate-frames.ts';
export * from './page-flags.ts';
export type { AnonOwners } from './anon-owners.ts';
export type { LazyFreeBatch } from './lazy-free.ts';
export type { RssCache } from './mm-state.ts';
export type { PageTree } from './page-tree.ts';
export type { PendingRead } from './read-page.ts';
