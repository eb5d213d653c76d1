/**
 * What a VMA of huge pages knows of reservations, and how a page is taken with or without one.
 *
 * Shared mappings use the file's map: a page in it is reserved or present. A private mapping has a map of its own, with
 * the opposite meaning: a page in it has been taken out of the mapping's reservation. Only the VMA that mmap made owns a
 * reservation; a child after fork does not. Mirrors the reservation half of mm/hugetlb.c.
 */
import { ENOMEM, ENOSPC } from '@vmarea/uapi';
import { VM_MAYSHARE, VM_NORESERVE, type Vma } from '@vmarea/mm-core';
import type { Hstate } from './hstate.ts';
import { hugeInode, type HugeInode } from './huge-inode.ts';
import { RegionMap } from './region-map.ts';
import { subpoolGetPages, subpoolPutPages } from './subpool.ts';

/** What `vmPrivateData` of a private VMA of huge pages holds; never changed, only replaced. */
export interface VmaResv {
  readonly map: RegionMap | null;
  /** HPAGE_RESV_OWNER. */
  readonly owner: boolean;
  /** HPAGE_RESV_UNMAPPED: a page was taken back by the owner; from now on missing pages are SIGBUS. */
  readonly unmapped: boolean;
}

const NO_RESV: VmaResv = { map: null, owner: false, unmapped: false };

/** The reservation of a VMA; nothing for shared ones. */
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

/** The file of a VMA of huge pages. */
export function inodeOf(vma: Vma): HugeInode {
  return hugeInode(vma.vmFile!.fInode);
}

/** vma_hugecache_offset: the huge page index in the file of an address. */
export function hugecacheOffset(h: Hstate, vma: Vma, address: number): number {
  return Math.floor((address - vma.vmStart) / h.size) + Math.floor(vma.vmPgoff / h.pagesPerHugePage);
}

/**
 * hugetlb_reserve_pages: promises huge pages [from, to) of the file to a mapping.
 *
 * @param vma null: to the file itself
 * @returns 0, -ENOSPC (the mount is full), -ENOMEM (the pool cannot promise them)
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

/** hugetlb_vm_op_close: what the owner has reserved and not used is given back. */
export function hugetlbVmClose(vma: Vma): void {
  const { map, owner } = vmaResv(vma);
  if (map === null || !owner) return;
  const info = inodeOf(vma);
  const start = hugecacheOffset(info.h, vma, vma.vmStart);
  const end = hugecacheOffset(info.h, vma, vma.vmEnd);
  const unused = end - start - map.count(start, end);
  if (unused > 0) info.h.acctMemory(-subpoolPutPages(info.spool, unused));
}

/** The pieces of a mapping that the allocator looks at; fallocate makes one without a VMA. */
export interface Claim {
  readonly info: HugeInode;
  /** Huge page index in the file. */
  readonly index: number;
  /** MAP_SHARED, or the file itself. */
  readonly shared: boolean;
  readonly noreserve: boolean;
  /** The private mapping's own map, if it owns a reservation. */
  readonly map: RegionMap | null;
}

/** The claim of a VMA on the huge page at an address. */
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

/** vma_needs_reservation: 1 when the page is not covered by a reservation, 0 when it is. */
function needsReservation(claim: Claim): number {
  const { index } = claim;
  if (claim.shared) return claim.info.resvMap.missing(index, index + 1);
  if (claim.map === null) return 1;
  return claim.info.rules.remembersUsedReserves ? claim.map.count(index, index + 1) : 0;
}

/** vma_has_reserves: whether a page that is taken now comes out of what is promised. */
function hasReserves(claim: Claim, change: number): boolean {
  if (claim.shared) return change === 0;
  if (claim.noreserve || claim.map === null) return false;
  return change === 0 || !claim.info.rules.remembersUsedReserves;
}

/** A huge page taken from the pool. */
export interface HugePageGrant {
  /** First frame, or a negative errno: -ENOSPC. */
  pfn: number;
  /** It came out of a reservation. */
  reserved: boolean;
}

/**
 * alloc_huge_page: takes a page for a mapping; the caller gets one reference. Contents are unknown.
 *
 * @param avoidReserve do not use what is promised, even to this mapping (copy on write by the owner)
 * @param grant where the answer goes
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
  // vma_commit_reservation: from now on the page counts as reserved (shared) or as taken (private).
  if (claim.shared) claim.info.resvMap.add(claim.index, claim.index + 1);
  else if (claim.map !== null) claim.map.add(claim.index, claim.index + 1);
  return (grant.pfn = pfn);
}
