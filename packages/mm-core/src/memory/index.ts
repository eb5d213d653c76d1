/**
 * @vmarea/mm-core/memory: frames, faults, copy-on-write, page cache and reverse mapping behind the VMA engine.
 *
 * The engine never imports this folder: the memory implements one port. Mirrors mm/memory.c, mm/filemap.c and mm/rmap.c.
 */

// --- the memory of a machine
export { createMemory, DEFAULT_MEMORY_BYTES, Memory, ram, type MemoryInit } from './memory.ts';
export type { MemoryCore } from './core.ts';
export { MmState, stateOf } from './tlb/state.ts';
export type { PageMarks } from './tlb/marks.ts';

// --- user memory
export { UserMemory, join64 } from './user/user-memory.ts';
export { ACCESS_EXEC, ACCESS_READ, ACCESS_WRITE } from './tlb/access.ts';
export { accessOk, clearUser, copyFromUser, copyToUser, fillUser, strncpyFromUser } from './user/uaccess.ts';
export { accessPfn, onInvalidate, translate, walkPfn } from './user/walk.ts';
export {
  accessTagged,
  isGuardedPage,
  loadTag,
  storeTag,
  TAG_CHECK_ASYNC,
  TAG_CHECK_SYNC,
  TAG_GRANULE,
  takeTagFault,
  type TagCaller,
} from './user/tags.ts';
export { loadPkru } from './user/pkru.ts';
export { accessProcessVm } from './user/remote.ts';

// --- faults
export { doPageFault, FAULT_SIGNAL } from './faults/entry.ts';
export { handleMmFault } from './faults/fault.ts';
export { faultinRange, FOLL_FORCE, FOLL_WRITE, populateVmaPageRange, userPfn } from './user/gup.ts';

// --- userfaultfd
export { Userfaultfd } from './uffd/userfaultfd.ts';
export type { UffdMessage } from './uffd/queue.ts';
export type { UffdSource } from './uffd/fill.ts';
export type * from './uffd/structs.ts';

// --- for drivers: the page cache, and files with pages in it
export { AddressSpace } from './cache/address-space.ts';
export { AddressSpaceOperations, type AddressSpaceOperationsInit } from './cache/operations.ts';
export {
  filemapFault,
  filemapMapPage,
  filemapPageMkwrite,
  genericFileMmap,
  genericFileReadonlyMmap,
  genericFileVmOps,
} from './cache/filemap.ts';
export { remapPfnRange, vmInsertPfn } from './tables/insert-pfn.ts';
export { createSpecialPages, type SpecialPages } from './faults/special-pages.ts';
export { zapMappingRange } from './tables/zap.ts';
export { flushTlbMm, flushTlbPage, flushTlbRange } from './tlb/flush.ts';
export { Tlb, TLB_BYTES, TLB_ENTRIES, type TlbPlace } from './tlb/tlb.ts';
export { setPageDirty } from './frames/meta.ts';
export { mmRss, updateHiwaterRss } from './frames/rss.ts';
export { pageMkclean, rmapWalk, tryToUnmap, type RmapVisitor } from './cache/rmap.ts';

// --- frames
export { PhysicalMemory, type PhysicalMemoryInit } from './frames/physical.ts';
export { FrameTags } from './frames/tags.ts';
export { Frames, MAX_BUDDY_ORDER } from './frames/buddy.ts';
export { validateFrames } from './validate-frames.ts';
export * from './frames/flags.ts';
export type { AnonOwners } from './frames/owners.ts';
export type { LazyFreeBatch } from './tables/lazy-free.ts';
export type { RssBatches, RssCache } from './tlb/state.ts';
export type { PageTree } from './cache/page-tree.ts';
export type { PendingRead } from './cache/read.ts';
