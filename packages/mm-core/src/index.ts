/**
 * @vmarea/mm-core: the VMA engine. Places mappings, merges and splits VMAs, and gives the reason for a refused call.
 *
 * Runs without memory behind the mappings. Names no architecture, filesystem or process: it reaches them through the
 * ports. The entry point `./memory` adds the memory.
 */

// --- the machine, an address space, who calls
export { MmSystem, type MmSystemInit } from './space/system.ts';
export { Mm } from './space/mm.ts';
export { Vma, vmaPages } from './areas/vma.ts';
export { beginCall, Call, makeCurrent, type MmapRequest, type RefusedAccess } from './space/call.ts';
export { createCaller, defaultRlimits, INIT_PKRU, type Caller, type Rlimits } from './space/caller.ts';
export { hasCapability, rootCredentials, type Credentials } from './base/credentials.ts';
export {
  createMm,
  insertVmStruct,
  installSpecialMapping,
  pickMmapLayout,
  specialMappingVmOps,
  type SpecialMapping,
} from './calls/create.ts';
export { isErr, refuse, RETRY } from './base/errno.ts';

// --- mapping
export { calcVmFlagBits, calcVmProtBits, doMmap, roundHintToMin, vmMmapPgoff } from './calls/mmap.ts';
export {
  findPrev,
  findVma,
  findVmaIntersection,
  getUnmappedArea,
  placesAtPmdBorder,
  thpGetUnmappedArea,
  zeroGetUnmappedArea,
  vmStartGap,
  vmUnmappedArea,
  vmUnmappedWindow,
} from './space/placement.ts';
export { countVmaPagesRange, getGateVma, mmapRegion } from './calls/map-region.ts';
export { finishPopulate } from './calls/populate.ts';
export { doMunmap, exitMmap, vmMunmap } from './calls/munmap.ts';

// --- changing mappings
export { keyIsAllocated, vmaPkey } from './calls/pkeys.ts';
export { doMprotect } from './calls/mprotect.ts';
export { doMremap } from './calls/mremap.ts';
export { setHeap, sysBrk, vmBrk, vmDataDefaultFlags } from './calls/brk.ts';
export { doMlock, doMlockall, doMunlock, doMunlockall } from './calls/mlock.ts';
export { doMadvise } from './calls/madvise.ts';
export { doMsync } from './calls/msync.ts';
export { doMincore } from './calls/mincore.ts';
export { doRemapFilePages } from './calls/remap-file-pages.ts';
export { doMseal } from './calls/mseal.ts';
export { inheritedMdwe, prctlSetMdwe } from './calls/mdwe.ts';
export { prctlSetVmaAnonName } from './calls/anon-name.ts';
export { dupMm, type AddressRange } from './calls/fork.ts';
export { expandStack, findExtendVma } from './calls/stack.ts';

// --- how VMAs join and part
export {
  canVmaMergeAfter,
  canVmaMergeBefore,
  isMergeableAnonVma,
  isMergeableVma,
  vmaMerge,
  whyNotJoined,
  rulesBetween,
  whyNotMerged,
} from './shape/merge.ts';
export { modifyFlags, modifyVma } from './shape/modify.ts';
export { linkFile, splitVma, splitVmaUnlimited, unlinkFile, vmaAdjust, vmaFree, vmaLink } from './shape/adjust.ts';
export { vmaSetPageProt, vmaWantsWritenotify, vmGetPageProt } from './shape/prot.ts';
export { AnonVma, AnonVmaChain, anonVmaPrepare, chainIsSingular, unlinkAnonVmas } from './shape/anon-vma.ts';
export { VmaTree } from './areas/tree/tree.ts';
export { AreaSpec } from './areas/spec.ts';
export type { Addr, AddrOrErrno, Bytes, Errno, Pages, Pfn, Slot, SlotOrErrno, VmFlags } from './base/units.ts';
export { VmaTable } from './areas/table.ts';
export { IntervalTree, type IntervalNode } from './areas/interval-tree.ts';
export { Slab } from './base/slab.ts';
export { MmapLockError, mmapLock, mmapUnlock } from './space/lock.ts';
export { validateMm } from './validate.ts';

// --- limits and accounting
export {
  accountableMapping,
  canDoMlock,
  isDataMapping,
  mayExpandVm,
  mlockFutureCheck,
  securityVmEnoughMemoryMm,
  updateHiwaterVm,
  vmAcctMemory,
  vmCommitLimit,
  vmEnoughMemory,
  vmStatAccount,
  vmUnacctMemory,
} from './space/accounting.ts';
export { applyAppSettingBit } from './space/app-setting.ts';
export { alignDown, alignDownSize, alignUp, alignUpSize } from './base/page-math.ts';

// --- why
export {
  allReasons,
  describeReason,
  formatSource,
  reason,
  type Reason,
  type ReasonSource,
  type ReasonText,
} from './reasons/table.ts';
export type { Tracer, VmaEvent } from './reasons/tracer.ts';

// --- ports, and the classes that drivers fill in
export * from './ports/arch.ts';
export * from './ports/file.ts';
export * from './ports/hooks.ts';
export * from './ports/huge-pages.ts';
export * from './ports/userfault.ts';
export { NO_MEMORY, type MemoryPort } from './ports/memory.ts';
export { VmOperations, type VmOperationsInit } from './ports/vm-operations.ts';
export {
  allowWriteAccess,
  denyWriteAccess,
  FileMapping,
  mappingDenyWritable,
  mappingMapWritable,
  mappingUnmapWritable,
} from './shape/file-mapping.ts';
export * from './space/fault-info.ts';
export * from './base/flags.ts';
