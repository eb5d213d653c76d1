/**
 * @vmarea/mm-core: the VMA engine. It decides where mappings go, how they merge and split, and why a call is refused.
 *
 * It runs without any memory behind it, and knows no architecture, filesystem or process; what it needs from those are
 * the ports. The memory itself is the entry point `./memory`.
 */

// --- the machine, an address space, who calls
export { MmSystem, type MmSystemInit } from './system.ts';
export { Mm } from './mm.ts';
export { Vma, vmaPages } from './vma.ts';
export {
  createCaller,
  defaultRlimits,
  hasCapability,
  rootCredentials,
  type Caller,
  type Credentials,
  type Rlimits,
} from './caller.ts';
export {
  createMm,
  insertVmStruct,
  installSpecialMapping,
  pickMmapLayout,
  specialMappingVmOps,
  type SpecialMapping,
} from './create-mm.ts';
export { isErr, refuse, RETRY } from './errors.ts';

// --- mapping
export { calcVmFlagBits, calcVmProtBits, doMmap, roundHintToMin, vmMmapPgoff } from './mmap.ts';
export {
  findPrev,
  findVma,
  findVmaIntersection,
  getUnmappedArea,
  vmStartGap,
  vmUnmappedArea,
} from './unmapped-area.ts';
export { countVmaPagesRange, getGateVma, mmapRegion } from './mmap-region.ts';
export { finishPopulate } from './populate.ts';
export { doMunmap, exitMmap, vmMunmap } from './munmap.ts';

// --- changing mappings
export { doMprotect } from './mprotect.ts';
export { doMremap } from './mremap.ts';
export { sysBrk, vmBrk, vmDataDefaultFlags } from './brk.ts';
export { doMlock, doMlockall, doMunlock, doMunlockall } from './mlock.ts';
export { doMadvise } from './madvise.ts';
export { doMsync } from './msync.ts';
export { doMincore } from './mincore.ts';
export { doRemapFilePages } from './remap-file-pages.ts';
export { prctlSetVmaAnonName } from './anon-name.ts';
export { dupMm } from './fork.ts';
export { expandStack, findExtendVma } from './stack.ts';

// --- how VMAs join and part
export {
  canVmaMergeAfter,
  canVmaMergeBefore,
  isMergeableAnonVma,
  isMergeableVma,
  vmaMerge,
  whyNotJoined,
  whyNotMerged,
} from './vma-merge.ts';
export { linkFile, splitVma, splitVmaUnlimited, unlinkFile, vmaAdjust, vmaFree, vmaLink } from './vma-adjust.ts';
export { vmaSetPageProt, vmaWantsWritenotify, vmGetPageProt } from './vma-prot.ts';
export { AnonVma, AnonVmaChain, anonVmaPrepare, chainIsSingular, unlinkAnonVmas } from './anon-vma.ts';
export { VmaTree } from './vma-tree.ts';
export { VmaTable } from './vma-table.ts';
export { IntervalTree, type IntervalNode } from './interval-tree.ts';
export { Slab } from './slab.ts';
export { MmapLockError, mmapLock, mmapUnlock } from './mm-lock.ts';
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
} from './accounting.ts';
export { applyAppSettingBit } from './app-setting.ts';
export { alignDown, alignDownSize, alignUp, alignUpSize } from './page-math.ts';

// --- why
export { D as Decision } from './reasons/decisions.ts';
export type { Tracer, VmaEvent } from './reasons/tracer.ts';

// --- ports, and the classes that drivers fill in
export * from './ports/arch.ts';
export * from './ports/file.ts';
export * from './ports/hooks.ts';
export * from './ports/huge-pages.ts';
export { NO_MEMORY, type MemoryPort } from './ports/memory.ts';
export { VmOperations, type VmOperationsInit } from './ports/vm-operations.ts';
export {
  allowWriteAccess,
  denyWriteAccess,
  FileMapping,
  mappingDenyWritable,
  mappingMapWritable,
  mappingUnmapWritable,
} from './file-mapping.ts';
export * from './fault-info.ts';
export * from './vm-flags.ts';
