/**
 * The reservation of a VMA of huge pages, and the allocation of a page with or without one.
 *
 * Shared mappings use the file's map: a page in it is reserved or present. A private mapping has its own map with the opposite
 * meaning: a page in it has used its reservation. Only the VMA that mmap made owns a reservation; a child's copy after fork
 * does not. Mirrors the reservation half of mm/hugetlb.c.
 */
import { ENOMEM, ENOSPC } from '@vmarea/uapi';
import { VM_MAYSHARE, VM_NORESERVE, type Vma } from '@vmarea/mm-core';
import type { Hstate } from './hstate.ts';
import { hugeInode, type HugeInode } from './huge-inode.ts';
import { RegionMap } from './region-map.ts';
import { subpoolGetPages, subpoolPutPages } from './subpool.ts';

/** The value of `vmPrivateData` of a private VMA of huge pages; it is replaced, never changed. */
export interface VmaResv {
  readonly map: RegionMap | null;
  /** HPAGE_RESV_OWNER. */
  readonly owner: boolean;
  /** HPAGE_RESV_UNMAPPED: the owner took a page back; later accesses to missing pages raise SIGBUS. */
  readonly unmapped: boolean;
}

const NO_RESV: VmaResv = { map: null, owner: false, unmapped: false };

/** Returns the reservation of a VMA; an empty one for shared VMAs. */
export function vmaResv(vma: Vma): VmaResv {
  return (vma.vmPrivateData as VmaResv | null) ?? NO_RESV;
}

/** is_vma_resv_set(HPAGE_RESV_OWNER). */
export function isResvOwner(vma: Vma): boolean {
  return vmaResv(vma).owner;
}

/** set_vma_resv_flags(HPAGE_RESV_UNMAPPED). */
export function setResvUnmapped(vma: Vma): void {
  vma.vmPrivateData = { ...vmaResv(vma), unmapped: true };
}

/** Returns the file of a VMA of huge pages. */
export function inodeOf(vma: Vma): HugeInode {
  return hugeInode(vma.vmFile!.fInode);
}

/** vma_hugecache_offset: returns the huge page index in the file of an address. */
export function hugecacheOffset(h: Hstate, vma: Vma, address: number): number {
  return Math.floor((address - vma.vmStart) / h.size) + Math.floor(vma.vmPgoff / h.pagesPerHugePage);
}

/**
 * hugetlb_reserve_pages: reserves huge pages [from, to) of the file for a mapping.
 *
 * @param vma null: for the file itself
 * @returns 0, -ENOSPC (the mount is full), -ENOMEM (the pool has fewer unreserved pages)
 */
export function hugetlbReservePages(
  info: HugeInode,
  from: number,
  to: number,
  vma: Vma | null,
  vmFlags: number,
): number {
  if ((vmFlags & VM_NORESERVE) !== 0) return 0;
  const isPrivate = vma !== null && (vma.vmFlags & VM_MAYSHARE) === 0;
  let change: number;
  if (isPrivate) {
    change = to - from;
    vma.vmPrivateData = { map: new RegionMap(), owner: true, unmapped: false };
  } else change = info.resvMap.missing(from, to);
  const global = subpoolGetPages(info.spool, change);
  let error = global < 0 ? -ENOSPC : 0;
  if (error === 0) {
    error = info.h.acctMemory(global);
    if (error < 0) subpoolPutPages(info.spool, change);
  }
  if (error < 0) {
    if (isPrivate) vma.vmPrivateData = null;
    return error;
  }
  if (!isPrivate) info.resvMap.add(from, to);
  return 0;
}

/** hugetlb_vm_op_close: releases the reservations that the owner has not used. */
export function hugetlbVmClose(vma: Vma): void {
  const { map, owner } = vmaResv(vma);
  if (map === null || !owner) return;
  const info = inodeOf(vma);
  const start = hugecacheOffset(info.h, vma, vma.vmStart);
  const end = hugecacheOffset(info.h, vma, vma.vmEnd);
  const unused = end - start - map.count(start, end);
  if (unused > 0) info.h.acctMemory(-subpoolPutPages(info.spool, unused));
}

/** The part of a mapping that the allocator reads; fallocate makes one without a VMA. */
export interface Claim {
  readonly info: HugeInode;
  /** Huge page index in the file. */
  readonly index: number;
  /** Whether the mapping is MAP_SHARED, or the claim is the file's. */
  readonly shared: boolean;
  readonly noreserve: boolean;
  /** The private mapping's map, if it owns a reservation. */
  readonly map: RegionMap | null;
}

/** Returns the claim of a VMA on the huge page at an address. */
export function claimOf(vma: Vma, address: number): Claim {
  const info = inodeOf(vma);
  const { map, owner } = vmaResv(vma);
  return {
    info,
    index: hugecacheOffset(info.h, vma, address),
    shared: (vma.vmFlags & VM_MAYSHARE) !== 0,
    noreserve: (vma.vmFlags & VM_NORESERVE) !== 0,
    map: owner ? map : null,
  };
}

/** vma_needs_reservation: returns 1 when the page has no reservation, 0 when it has one. */
function needsReservation(claim: Claim): number {
  const { index } = claim;
  if (claim.shared) return claim.info.resvMap.missing(index, index + 1);
  if (claim.map === null) return 1;
  return claim.info.rules.remembersUsedReserves ? claim.map.count(index, index + 1) : 0;
}

/** vma_has_reserves: returns whether a page allocated now uses a reservation. */
function hasReserves(claim: Claim, change: number): boolean {
  if (claim.shared) return change === 0;
  if (claim.noreserve || claim.map === null) return false;
  return change === 0 || !claim.info.rules.remembersUsedReserves;
}

/** The result of {@link allocHugePage}. */
export interface HugePageGrant {
  /** First frame, or a negative errno: -ENOSPC. */
  pfn: number;
  /** Whether it used a reservation. */
  reserved: boolean;
}

/**
 * alloc_huge_page: allocates a page for a mapping, with one reference for the caller. Contents are unknown.
 *
 * @param avoidReserve whether to leave reserved pages alone, even this mapping's (copy on write by the owner)
 * @param grant receives the result
 * @returns the first frame, or -ENOSPC or -ENOMEM
 */
export function allocHugePage(claim: Claim, avoidReserve: boolean, grant: HugePageGrant): number {
  const { h, spool } = claim.info;
  const mapChange = needsReservation(claim);
  let change = mapChange;
  const fromSubpool = mapChange !== 0 || avoidReserve;
  if (fromSubpool) {
    change = subpoolGetPages(spool, 1);
    if (change < 0) return (grant.pfn = change === -ENOMEM ? -ENOSPC : change);
    if (avoidReserve) change = 1;
  }
  const reserves = hasReserves(claim, change);
  const mayDequeue = h.freeHugePages - h.resvHugePages > 0 || (reserves && !avoidReserve);
  let pfn = mayDequeue ? h.dequeue() : -1;
  if (pfn < 0) pfn = h.allocSurplus();
  if (pfn < 0) {
    if (fromSubpool) subpoolPutPages(spool, 1);
    return (grant.pfn = -ENOSPC);
  }
  grant.reserved = reserves && !avoidReserve;
  if (grant.reserved) h.resvHugePages--;
  h.get(pfn);
  h.setSubpool(pfn, spool);
  // vma_commit_reservation: marks the page as reserved (shared) or as used (private).
  if (claim.shared) claim.info.resvMap.add(claim.index, claim.index + 1);
  else if (claim.map !== null) claim.map.add(claim.index, claim.index + 1);
  return (grant.pfn = pfn);
}
