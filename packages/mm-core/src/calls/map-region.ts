/**
 * mmap_region: unmaps the range, charges, merges or makes a VMA, and undoes its steps after an error.
 *
 * Mirrors mm/mmap.c. The unwinding steps are the labels of the kernel's function, including the commit charge that 4.4
 * leaks (`mmap.failureLeaksCommit`).
 */
import { EACCES, EINVAL, ENOMEM, EPERM } from '@vmarea/uapi';
import {
  accountableMapping,
  mayExpandVm,
  securityVmEnoughMemoryMm,
  vmAcctMemory,
  vmStatAccount,
  vmUnacctMemory,
} from '../space/accounting.ts';
import type { MmapRequest } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { refuse } from '../base/errno.ts';
import { allowWriteAccess, denyWriteAccess, mappingMapWritable, mappingUnmapWritable } from '../shape/file-mapping.ts';
import type { Mm } from '../space/mm.ts';
import { mapDenyWriteExec } from './mdwe.ts';
import { doMunmap, splitAtBorders } from './munmap.ts';
import type { VmFile } from '../ports/file.ts';
import { KMEM_CACHE_NO_VMA, VMA_MERGE_SPECIAL } from '../shape/reasons.ts';
import {
  MMAP_REGION_CLEAR_OLD_MAPS,
  MMAP_REGION_DENY_WRITE,
  MMAP_REGION_DRIVER_REFUSED,
  MMAP_REGION_MOVED,
  MMAP_REGION_SEALED,
  MMAP_REGION_TAGS,
  MMAP_REGION_NO_SHARED_MEMORY,
  MMAP_REGION_SHARED_MEMORY,
  MMAP_REGION_MDWE,
} from './reasons/map-region.ts';
import { findPrev, findVma, findVmaIntersection } from '../space/placement.ts';
import {
  VM_ACCOUNT,
  VM_DENYWRITE,
  VM_HIGH_DROPPABLE,
  VM_HUGETLB,
  VM_LOCKED,
  VM_LOCKED_CLEAR_MASK,
  VM_SHARED,
  VM_SOFTDIRTY,
  VM_SPECIAL,
  VM_WRITE,
} from '../base/flags.ts';
import { sharesWrites, vmaAdjust, vmaFree, vmaLink } from '../shape/adjust.ts';
import { canVmaMergeAfter, canVmaMergeBefore, tellApart, vmaMerge, whyNotJoined } from '../shape/merge.ts';
import { archValidateFlags, vmGetPageProt, vmaSetPageProt } from '../shape/prot.ts';
import { ALIKE, OVERLAPS } from '../areas/tree/search.ts';
import type { AreaSpec } from '../areas/spec.ts';
import type { Vma } from '../areas/vma.ts';
import type { Addr, AddrOrErrno, Bytes, Errno, Pages, Slot, VmFlags } from '../base/units.ts';

/** get_gate_vma: returns null, since no VMA of a process is the gate area. */
export function getGateVma(_mm: Mm): Vma | null {
  return null;
}

/** count_vma_pages_range: returns the number of mapped pages in [addr, end). */
export function countVmaPagesRange(mm: Mm, addr: Addr, end: Addr): number {
  let bytes = 0;
  for (let vma = findVmaIntersection(mm, addr, end); vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    bytes += Math.min(end, vma.vmEnd) - Math.max(addr, vma.vmStart);
  }
  return bytes * mm.system.perPage;
}

/** Joins the new area to its neighbours as 6.1's mmap_region does: tests the next one first. `spec.anonVma` is null. */
function expandNeighbour(mm: Mm, prev: Vma | null, spec: AreaSpec): Vma | null {
  const { start, end } = spec;
  if ((spec.vmFlags & VM_SPECIAL) !== 0) {
    if (mm.tracer !== null) mm.tracer.decide(VMA_MERGE_SPECIAL, 0);
    return null;
  }
  const next = prev === null ? mm.tree.first : prev.vmNext;
  const joinsNext = next !== null && next.vmStart === end && next.vmPolicy === null && canVmaMergeBefore(next, spec);
  if (joinsNext) spec.anonVma = next.anonVma;
  const joinsPrev = prev !== null && prev.vmEnd === start && prev.vmPolicy === null && canVmaMergeAfter(prev, spec);
  if (joinsPrev) {
    const error = vmaAdjust(mm, prev, prev.vmStart, joinsNext ? next.vmEnd : end, prev.vmPgoff);
    if (error !== 0) return null;
    if (mm.tracer !== null) mm.tracer.vma('merge', prev, joinsNext ? 1 : 2);
    return prev;
  }
  if (joinsNext) {
    const pages = (end - start) * mm.system.perPage;
    if (vmaAdjust(mm, next, start, next.vmEnd, next.vmPgoff - pages) !== 0) return null;
    if (mm.tracer !== null) {
      mm.tracer.vma('merge', next, 3);
      if (prev !== null && prev.vmEnd === start) mm.tracer.decide(whyNotJoined(prev, 'above', spec), 0);
    }
    return next;
  }
  if (mm.tracer !== null) tellApart(mm.tracer, prev, next, spec);
  return null;
}

/**
 * Maps the file of a new VMA: checks denials, counts the mapping, takes a reference, calls the driver's mmap.
 *
 * @returns 0, or a negative errno with the counts and the reference undone; the caller frees the VMA
 */
function callMmap(cur: Caller, file: VmFile, vma: Vma): number {
  const mm = cur.mm;
  if ((vma.vmFlags & VM_DENYWRITE) !== 0) {
    const error = denyWriteAccess(file);
    if (error !== 0) return refuse(cur, MMAP_REGION_DENY_WRITE, error);
  }
  // Versions that map a sealed file read-only call the driver before they count the writable mapping.
  const countsLate = mm.system.profile.files.sealedSharedReadonly;
  if (!countsLate && (vma.vmFlags & VM_SHARED) !== 0) {
    const error = mappingMapWritable(file.fMapping);
    if (error !== 0) {
      if ((vma.vmFlags & VM_DENYWRITE) !== 0) allowWriteAccess(file);
      return refuse(cur, MMAP_REGION_SEALED, error);
    }
  }
  const vmFlags = vma.vmFlags;
  const addr = vma.vmStart;
  const pages = (vma.vmEnd - addr) * mm.system.perPage;
  vma.vmFile = file.getFile();
  let error = file.fOp.mmap!(cur, file, vma);
  let why: number = MMAP_REGION_DRIVER_REFUSED;
  if (error === 0) {
    if (vma.vmStart !== addr && mm.system.profile.mmap.refusesMovedVma) {
      error = -EINVAL;
      why = MMAP_REGION_MOVED;
    } else if (!archValidateFlags(vma, vma.vmFlagsHigh)) {
      error = -EINVAL;
      why = MMAP_REGION_TAGS;
    } else {
      if (!countsLate || !sharesWrites(vma)) return 0;
      error = mappingMapWritable(file.fMapping);
      if (error === 0) return 0;
      why = MMAP_REGION_SEALED;
    }
    if (vma.vmOps !== null && vma.vmOps.close !== null) vma.vmOps.close(vma);
  } else if (mm.system.profile.mmap.failureLeaksCommit && (vmFlags & VM_ACCOUNT) !== 0) {
    // 4.4 sets charged = 0 when the driver refuses, so the pages stay committed: this cancels the caller's uncharge.
    vmAcctMemory(mm.system, pages);
  }
  // unmap_and_free_vma: undoes a partial mapping by the driver.
  refuse(cur, why, error);
  const mapped = vma.vmFile;
  vma.vmFile = null;
  const prev = findPrev(mm, findVma(mm, vma.vmStart));
  const next = prev === null ? mm.tree.first : prev.vmNext;
  mm.system.memory.unmapRegion(
    mm,
    vma,
    vma.vmStart,
    vma.vmEnd,
    prev === null ? 0 : prev.vmEnd,
    next === null ? 0 : next.vmStart,
  );
  mapped.fput();
  if (!countsLate && (vmFlags & VM_SHARED) !== 0) mappingUnmapWritable(file.fMapping);
  if ((vmFlags & VM_DENYWRITE) !== 0) allowWriteAccess(file);
  return error;
}

/** Merges a new area in the order of the version. */
function mergeNew(mm: Mm, prev: Vma | null, spec: AreaSpec): Vma | null {
  return mm.system.profile.merge.expandsNextFirst ? expandNeighbour(mm, prev, spec) : vmaMerge(mm, prev, spec);
}

/** Finishes a new or grown mapping: counters, VM_LOCKED, probes, protection. */
function finishMapping(cur: Caller, vma: Vma, vmFlags: VmFlags, file: VmFile | null, pages: Pages): void {
  const mm = cur.mm;
  const system = mm.system;
  if (system.perf !== null) system.perf.mmap(vma);
  vmStatAccount(mm, vmFlags, file, pages);
  if ((vmFlags & VM_LOCKED) !== 0) finishLocked(mm, vma, vmFlags, pages);
  if (file !== null && system.uprobes !== null) system.uprobes.mmap(vma);
  if (system.config.softDirty) vma.vmFlags |= VM_SOFTDIRTY;
  vmaSetPageProt(vma);
}

function finishLocked(mm: Mm, vma: Vma, vmFlags: VmFlags, pages: Pages): void {
  const special =
    (vmFlags & VM_SPECIAL) !== 0 ||
    (vma.vmFlags & VM_HUGETLB) !== 0 ||
    vma === getGateVma(mm) ||
    (vma.vmFlagsHigh & VM_HIGH_DROPPABLE) !== 0;
  if (special) vma.vmFlags &= VM_LOCKED_CLEAR_MASK;
  else mm.lockedVm += pages;
}

/**
 * Maps the file, or the shared memory, of a new VMA that is not private anonymous.
 *
 * @returns 0, or a negative errno with everything undone except the VMA and its charge
 */
function backMapping(cur: Caller, file: VmFile | null, vma: Vma): number {
  const mm = cur.mm;
  const system = mm.system;
  if (file === null) {
    if (system.sharedMemory === null) return refuse(cur, MMAP_REGION_NO_SHARED_MEMORY, -ENOMEM);
    const error = system.sharedMemory.zeroSetup(cur, vma);
    return error === 0 ? 0 : refuse(cur, MMAP_REGION_SHARED_MEMORY, error);
  }
  const addr = vma.vmStart;
  const error = callMmap(cur, file, vma);
  if (error !== 0) return error;
  if (vma.vmStart !== addr) {
    system.warnOnce(
      'mmap_region.addr_changed',
      `${file.path()}: the driver's mmap moved the mapping from ${addr.toString(16)} to ${vma.vmStart.toString(16)}`,
    );
  }
  if (vma.vmFile !== file && vma.vmFile !== null) {
    system.warnOnce(
      'mmap_region.file_changed',
      `${file.path()}: the driver's mmap replaced the file by ${vma.vmFile.path()}`,
    );
  }
  return 0;
}

/** Merges a VMA whose flags the driver has changed. Returns the VMA that it became part of, or null. */
function retryMerge(cur: Caller, prev: Vma, vma: Vma): Vma | null {
  const { mm } = cur;
  const joined = vmaMerge(mm, prev, cur.call.area.partOf(vma, vma.vmStart, vma.vmEnd));
  if (joined !== null) vmaFree(mm, vma);
  return joined;
}

/** Frees a VMA that could not be mapped and returns its commit charge. */
function abandon(mm: Mm, vma: Vma, charged: number, error: Errno): number {
  const { system } = mm;
  mm.vmas.release(vma.id);
  if (charged !== 0) vmUnacctMemory(system, charged);
  return error;
}

/**
 * Repeats may_expand_vm without the pages that MAP_FIXED will unmap. (4.4 tests vm_flags for MAP_FIXED, a bit that is
 * VM_MAYREAD there and always set, so both versions get here.)
 */
function mayReplace(cur: Caller, vmFlags: VmFlags, addr: Addr, end: Addr, pages: Pages): boolean {
  return mayExpandVm(cur, vmFlags, pages - countVmaPagesRange(cur.mm, addr, end));
}

/** Unmaps what is in [addr, addr + len). @returns 0 or -ENOMEM; the parts unmapped so far stay unmapped */
function clearOldMaps(cur: Caller, addr: Addr, len: Bytes): number {
  const { mm } = cur;
  while (findVmaIntersection(mm, addr, addr + len) !== null) {
    if (doMunmap(cur, addr, len) !== 0) return refuse(cur, MMAP_REGION_CLEAR_OLD_MAPS, -ENOMEM);
  }
  return 0;
}

/**
 * vms_gather_munmap_vmas to vms_clean_up_area: unmaps what is in [addr, addr + len) after every check of the new mapping
 * except the driver's.
 *
 * Charges the pages that the new mapping needs in addition to those of the old ones.
 *
 * @param charged pages that the new mapping has to commit in all
 * @returns 0 with `charged` pages committed; or a negative errno with the old mappings in place, split at both ends
 */
function replaceOldMaps(cur: Caller, addr: Addr, len: Bytes, vmFlags: VmFlags, charged: number): number {
  const mm = cur.mm;
  const { perPage } = mm.system;
  const end = addr + len;
  const error = splitAtBorders(cur, findVmaIntersection(mm, addr, end)!, addr, end);
  if (error !== 0) return error;
  let replaced = 0;
  let uncharged = 0;
  for (let vma = findVma(mm, addr); vma !== null && vma.vmStart < end; vma = vma.vmNext) {
    const pages = (vma.vmEnd - vma.vmStart) * perPage;
    replaced += pages;
    if ((vma.vmFlags & VM_ACCOUNT) !== 0) uncharged += pages;
  }
  if (!mayExpandVm(cur, vmFlags, len * perPage - replaced)) return -ENOMEM;
  const more = charged - uncharged;
  if (more > 0 && securityVmEnoughMemoryMm(cur, more) !== 0) return -ENOMEM;
  const unmapped = doMunmap(cur, addr, len);
  if (unmapped !== 0) return unmapped;
  // Unmapping has returned the charge of the old mappings.
  if (charged !== 0) vmAcctMemory(mm.system, charged - Math.max(more, 0));
  return 0;
}

/** Links the record of a plain VMA at slot `i`, counts it and reports it. */
function linkPlain(cur: Caller, i: Slot, id: number, pages: Pages): void {
  const { mm } = cur;
  const { tree, vmas, system } = mm;
  tree.insertAt(i, id);
  mm.mapCount++;
  if (mm.tracer !== null) mm.tracer.vma('insert', vmas.at(id), 0);
  const vmFlags = vmas.flags(id);
  if ((vmFlags & VM_LOCKED) !== 0 || system.config.softDirty) {
    finishMapping(cur, vmas.at(id), vmFlags, null, pages);
    return;
  }
  if (system.perf !== null) system.perf.mmap(vmas.at(id));
  vmStatAccount(mm, vmFlags, null, pages);
}

/** {@link linkPlain} with an object, as the kernel does it: for VM_HIGH_ flags, and when `system.fastPaths` is off. */
function linkObject(cur: Caller, vma: Vma, pages: Pages, vmFlagsHigh: number): void {
  vma.vmFlagsHigh = vmFlagsHigh;
  vmaLink(cur.mm, vma);
  finishMapping(cur, vma, vma.vmFlags, null, pages);
}

/** Fills the spec of the new area for a merge. */
function newArea(cur: Caller, request: MmapRequest): AreaSpec {
  const { addr } = request;
  const spec = cur.call.area.anew(addr, addr + request.len, cur.mm.system.perPage);
  spec.vmFlags = request.vmFlags;
  spec.vmFlagsHigh = request.vmFlagsHigh;
  spec.file = request.file;
  spec.pgoff = request.pgoff;
  return spec;
}

/** Reports to a listener why a new plain area joins neither neighbour of the gap before slot `i`. */
function tellNewApart(cur: Caller, i: Slot, request: MmapRequest): void {
  const { tree, vmas, tracer } = cur.mm;
  const before = tree.idBefore(i);
  const behind = tree.idAt(i);
  const prev = before === -1 ? null : vmas.at(before);
  tellApart(tracer!, prev, behind === -1 ? null : vmas.at(behind), newArea(cur, request));
}

/** Returns whether a mapping would be shared and writable, and the file is sealed against such ones. */
function refusesWriters(file: VmFile, vmFlags: VmFlags): boolean {
  return (vmFlags & (VM_SHARED | VM_WRITE)) === (VM_SHARED | VM_WRITE) && file.fMapping.iMmapWritable < 0;
}

/**
 * mmap_region: carries out a request that do_mmap has checked. The mmap lock is held.
 *
 * The rare parts are functions of their own so that V8 inlines the common ones: in one function, a pair of mmap and munmap
 * takes a quarter longer.
 *
 * @param request `addr` and `len` are page-aligned and within the address space; gets VM_ACCOUNT in `vmFlags` if accountable
 * @returns the address (a driver may have moved it), or a negative errno. An error leaves old mappings of the range
 *   unmapped, unless the profile keeps them (`mmap.fixedFailureKeepsOld`) and the error came before the driver's call
 */
export function mmapRegion(cur: Caller, request: MmapRequest): AddrOrErrno {
  const { file, addr, len, pgoff, vmFlagsHigh } = request;
  const vmFlagsIn = request.vmFlags;
  const mm = cur.mm;
  if (mm.mdwe !== 0 && mapDenyWriteExec(mm, vmFlagsIn, vmFlagsIn)) return refuse(cur, MMAP_REGION_MDWE, -EACCES);
  const system = mm.system;
  if (file !== null && refusesWriters(file, vmFlagsIn) && system.profile.files.sealedSharedReadonly) {
    return refuse(cur, MMAP_REGION_SEALED, -EPERM);
  }
  const end = addr + len;
  const pages = len * system.perPage;
  const accountable = accountableMapping(file, vmFlagsIn);
  let vmFlags = accountable ? vmFlagsIn | VM_ACCOUNT : vmFlagsIn;
  request.vmFlags = vmFlags;
  if (mm.tracer !== null) mm.tracer.enter('mmap_region', addr, len, vmFlagsIn, pgoff);

  const { tree, vmas } = mm;
  const charged = accountable ? pages : 0;
  let i = tree.seek(addr);
  let near = tree.vicinity(i, addr, len, vmFlags);
  if (near === OVERLAPS && system.profile.mmap.fixedFailureKeepsOld) {
    const error = replaceOldMaps(cur, addr, len, vmFlagsIn, charged);
    if (error !== 0) return error;
    i = tree.seek(addr);
    near = tree.vicinity(i, addr, len, vmFlags);
  } else {
    if (!mayExpandVm(cur, vmFlagsIn, pages) && !mayReplace(cur, vmFlagsIn, addr, end, pages)) return -ENOMEM;
    if (near === OVERLAPS) {
      // The old mappings stay unmapped when a later step fails.
      if (clearOldMaps(cur, addr, len) !== 0) return -ENOMEM;
      i = tree.seek(addr);
      near = tree.vicinity(i, addr, len, vmFlags);
    }
    if (charged !== 0 && securityVmEnoughMemoryMm(cur, charged) !== 0) return -ENOMEM;
  }

  let prev: Vma | null = null;
  if (near === ALIKE || file !== null || vmFlagsHigh !== 0 || !system.fastPaths) {
    const before = tree.idBefore(i);
    if (before !== -1) prev = vmas.at(before);
    const merged = mergeNew(mm, prev, newArea(cur, request));
    if (merged !== null) {
      finishMapping(cur, merged, vmFlags, file, pages);
      return addr;
    }
    i = tree.seek(addr);
  } else if (mm.tracer !== null) tellNewApart(cur, i, request);

  const id = vmas.alloc();
  if (id === -1) {
    if (charged !== 0) vmUnacctMemory(system, charged);
    return refuse(cur, KMEM_CACHE_NO_VMA, -ENOMEM);
  }
  vmas.fill(id, addr, end, pgoff, vmFlags, vmGetPageProt(vmFlags));
  if (file === null && (vmFlags & VM_SHARED) === 0) {
    if (system.fastPaths && vmFlagsHigh === 0) linkPlain(cur, i, id, pages);
    else linkObject(cur, vmas.at(id), pages, vmFlagsHigh);
    return addr;
  }

  const vma = vmas.at(id);
  if (vmFlagsHigh !== 0) vma.vmFlagsHigh = vmFlagsHigh;
  const error = backMapping(cur, file, vma);
  if (error !== 0) return abandon(mm, vma, charged, error);
  const mappedAt = vma.vmStart;
  if (file === null) {
    vmaLink(mm, vma);
  } else {
    if (vma.vmFlags !== vmFlags && prev !== null && system.profile.merge.retriesAfterDriver) {
      const joined = retryMerge(cur, prev, vma);
      if (joined !== null) {
        if (sharesWrites(joined)) mappingUnmapWritable(file.fMapping);
        finishMapping(cur, joined, joined.vmFlags, joined.vmFile, pages);
        return addr;
      }
    }
    vmFlags = vma.vmFlags;
    vmaLink(mm, vma);
    if (sharesWrites(vma)) mappingUnmapWritable(file.fMapping);
    if ((vmFlags & VM_DENYWRITE) !== 0) allowWriteAccess(file);
  }
  finishMapping(cur, vma, vmFlags, vma.vmFile, pages);
  return mappedAt;
}
