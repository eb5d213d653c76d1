/**
 * struct shmem_inode_info and the accounting of its pages: the filesystem's size, and the commit limit.
 *
 * Files of tmpfs and memfds are charged page by page when pages are added; shared anonymous memory is charged as a whole when
 * it is created (unless MAP_NORESERVE). Mirrors shmem_getpage_gfp and its helpers in mm/shmem.c.
 */
import { ENOMEM, ENOSPC, F_SEAL_SEAL } from '@vmarea/uapi';
import {
  securityVmEnoughMemoryMm,
  vmAcctMemory,
  vmUnacctMemory,
  type Caller,
  type MmSystem,
  type VmInode,
} from '@vmarea/mm-core';
import { AddressSpaceOperations, type AddressSpace } from '@vmarea/mm-core/memory';
import type { File, Inode, SealOperations } from '@vmarea/vfs';
import { addSeals } from './seals.ts';

/** The limits of one tmpfs, and the used amounts. */
export interface ShmemSbInfo {
  /** Pages; Infinity without a limit. */
  maxBlocks: number;
  usedBlocks: number;
  maxInodes: number;
  usedInodes: number;
}

/** shmem's data of a regular file. */
export class ShmemInode implements SealOperations {
  readonly inode: Inode;
  readonly sbinfo: ShmemSbInfo;
  /** Whether it is charged page by page (VM_NORESERVE objects), not as a whole. */
  readonly noreserve: boolean;
  seals: number = F_SEAL_SEAL;
  /** SHM_LOCK: its pages must stay in memory (VM_LOCKED of shmem_inode_info). */
  locked = false;
  /** The caller to charge for the next page; null: none. */
  charger: Caller | null = null;

  constructor(inode: Inode, sbinfo: ShmemSbInfo, noreserve: boolean) {
    this.inode = inode;
    this.sbinfo = sbinfo;
    this.noreserve = noreserve;
  }

  addSeals(_cur: Caller, file: File, seals: number): number {
    return addSeals(this, file, seals);
  }

  getSeals(): number {
    return this.seals;
  }
}

/** SHMEM_I: returns shmem's data of an inode of this package. */
export function shmemInfo(inode: VmInode): ShmemInode {
  return (inode as VmInode & { iPrivate: unknown }).iPrivate as ShmemInode;
}

/** shmem_acct_size: charges a whole object. Returns 0 or -ENOMEM. */
export function shmemAcctSize(cur: Caller, noreserve: boolean, size: number): number {
  if (noreserve) return 0;
  return securityVmEnoughMemoryMm(cur, pagesOf(cur.mm.system, size));
}

/** shmem_unacct_size. */
export function shmemUnacctSize(system: MmSystem, noreserve: boolean, size: number): void {
  if (!noreserve) vmUnacctMemory(system, pagesOf(system, size));
}

/** VM_ACCT: returns the pages of `size` bytes, rounded up. */
export function pagesOf(system: MmSystem, size: number): number {
  return Math.ceil(size / system.pageSize);
}

/** shmem_acct_block: charges one page of an object that is charged page by page. Returns 0 or -ENOMEM. */
function acctBlock(info: ShmemInode): number {
  if (!info.noreserve) return 0;
  if (info.charger !== null) return securityVmEnoughMemoryMm(info.charger, 1);
  vmAcctMemory(info.inode.system, 1);
  return 0;
}

function unacctBlock(info: ShmemInode): void {
  if (info.noreserve) vmUnacctMemory(info.inode.system, 1);
}

function allocPage(mapping: AddressSpace): number {
  const info = shmemInfo(mapping.host);
  // A fault or write gets ENOSPC when the commit limit is reached.
  if (acctBlock(info) < 0) return -ENOSPC;
  const { sbinfo } = info;
  if (sbinfo.usedBlocks >= sbinfo.maxBlocks) {
    unacctBlock(info);
    return -ENOSPC;
  }
  const pfn = mapping.frames.allocZeroed(0);
  if (pfn < 0) {
    unacctBlock(info);
    return -ENOMEM;
  }
  sbinfo.usedBlocks++;
  info.inode.iBlocks += info.inode.system.pageSize / 512;
  return pfn;
}

function freePage(mapping: AddressSpace): void {
  const info = shmemInfo(mapping.host);
  info.sbinfo.usedBlocks--;
  info.inode.iBlocks -= info.inode.system.pageSize / 512;
  unacctBlock(info);
}

/** shmem_aops. */
export const shmemAops: AddressSpaceOperations = new AddressSpaceOperations({
  zeroFill: true,
  readSkipsHoles: true,
  swapBacked: true,
  allocPage,
  freePage,
});
