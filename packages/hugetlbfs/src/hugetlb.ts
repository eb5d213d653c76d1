/**
 * Huge pages of one machine: the sizes, and the port that mm-core calls.
 *
 * Mirrors hugetlb_file_setup and the entry points of mm/hugetlb.c.
 */
import { CAP_IPC_LOCK, ENODEV, ENOMEM, ENOSPC, EPERM, O_RDWR, S_IFREG, type HugetlbFacts } from '@vmarea/uapi';
import {
  hasCapability,
  HUGETLB_SHMFS_INODE,
  refuse,
  VM_MAYSHARE,
  type Caller,
  type FaultInfo,
  type HugeFileSetup,
  type HugePages,
  type MmSystem,
  type Vma,
} from '@vmarea/mm-core';
import { allocFile, dAllocPseudo, iput, type File, type SuperBlock } from '@vmarea/vfs';
import { Hstate } from './hstate.ts';
import { hugetlbFault } from './huge-fault.ts';
import { hugetlbfsFileOperations } from './huge-file.ts';
import { hugeInode } from './huge-inode.ts';
import { hugetlbfsGetInode, hugetlbfsSuper } from './hugetlbfs.ts';
import {
  copyHugetlbPageRange,
  hugetlbChangeProtection,
  moveHugetlbPageTables,
  unmapHugepageRange,
} from './huge-range.ts';
import { HUGETLB_NO_INODE, HUGETLB_NO_SIZE, HUGETLB_RESERVE_EXHAUSTED, HUGETLB_SHM_NOT_PERMITTED } from './reasons.ts';
import { hugetlbReservePages } from './vma-resv.ts';

/** The options of {@link Hugetlb}. */
export interface HugetlbOptions {
  /** Device number of the internal mount of the default size; the other sizes have the following ones. Default 00:0c. */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /**
   * Sizes in bytes in addition to those of the configuration, by default all of the architecture's; they have an empty pool if
   * the version registers every size.
   */
  readonly otherSizes?: readonly number[] | undefined;
}

/** Huge pages. Set it in the system: `system.hugePages = hugetlb`. */
export class Hugetlb implements HugePages {
  readonly system: MmSystem;
  readonly rules: HugetlbFacts;
  /** Every size, the default one first. */
  readonly hstates: readonly Hstate[];
  private readonly mounts: SuperBlock[];

  /** Allocates the pools of the configuration: create the memory first. */
  constructor(system: MmSystem, options: HugetlbOptions = {}) {
    this.system = system;
    this.rules = system.profile.hugetlb;
    const configured = system.config.hugePages;
    const hstates = configured.map(({ size, pages }) => {
      const h = new Hstate(system, size);
      h.setNrHugePages(pages);
      return h;
    });
    if (this.rules.allSizes) {
      for (const size of options.otherSizes ?? system.arch.hugeSizes) {
        if (!hstates.some((h) => h.size === size)) hstates.push(new Hstate(system, size));
      }
    }
    this.hstates = hstates;
    const { major, minor } = options.device ?? { major: 0, minor: 12 };
    this.mounts = hstates.map((h, i) => hugetlbfsSuper(this, h, null, { device: { major, minor: minor + i } }));
  }

  /** @throws RangeError when the configuration has no huge pages */
  get defaultHstate(): Hstate {
    const h = this.hstates[0];
    if (h === undefined) throw new RangeError('Hugetlb: the configuration has no huge page size');
    return h;
  }

  /** Returns the hstate of a size in bytes, or null. */
  hstateOfSize(size: number): Hstate | null {
    return this.hstates.find((h) => h.size === size) ?? null;
  }

  hstateSizelog(log: number): Hstate | null {
    return log === 0 ? (this.hstates[0] ?? null) : this.hstateOfSize(2 ** log);
  }

  totalPages(): number {
    let total = 0;
    for (const h of this.hstates) total += h.nrHugePages * h.pagesPerHugePage;
    return total;
  }

  fileSetup(cur: Caller, setup: HugeFileSetup): File | number {
    const { name, size, vmFlags, kind, log } = setup;
    const h = this.hstateSizelog(log);
    if (h === null) return refuse(cur, HUGETLB_NO_SIZE, -ENODEV);
    let locked = 0;
    if (kind === HUGETLB_SHMFS_INODE && !canDoHugetlbShm(cur)) {
      locked = this.system.profile.ipc.hugeNeedsGroup ? 0 : userShmLock(cur, size);
      if (locked === 0) return refuse(cur, HUGETLB_SHM_NOT_PERMITTED, -EPERM);
      this.system.warnOnce(
        'hugetlb-shm-lock',
        'Using mlock ulimits for SHM_HUGETLB is deprecated: put the process into the group vm.hugetlb_shm_group.',
      );
    }
    const inode = hugetlbfsGetInode(this.mounts[this.hstates.indexOf(h)]!, S_IFREG | 0o777, null);
    if (inode === null) {
      this.userShmUnlock(cur.cred.uid, locked);
      return refuse(cur, HUGETLB_NO_INODE, -ENOSPC);
    }
    inode.iUid = cur.cred.uid;
    inode.iGid = cur.cred.gid;
    if (hugetlbReservePages(hugeInode(inode), 0, Math.floor(size / h.size), null, vmFlags) < 0) {
      iput(inode);
      this.userShmUnlock(cur.cred.uid, locked);
      return refuse(cur, HUGETLB_RESERVE_EXHAUSTED, -ENOMEM);
    }
    inode.iNlink = 0;
    inode.iSize = size;
    if (locked !== 0) setup.locked?.(locked);
    const file = allocFile(null, dAllocPseudo(name, inode), inode, O_RDWR, hugetlbfsFileOperations);
    iput(inode);
    return file;
  }

  /** user_shm_unlock: uncounts the pages that a removed segment had locked for its creator. */
  userShmUnlock(uid: number, pages: number): void {
    if (pages === 0) return;
    const { lockedShm } = this.system;
    lockedShm.set(uid, (lockedShm.get(uid) ?? 0) - pages);
  }

  fault(vma: Vma, vmf: FaultInfo): number {
    return hugetlbFault(vma, vmf);
  }

  unmapRange(vma: Vma, start: number, end: number): void {
    unmapHugepageRange(vma, start, end, -1);
  }

  changeProtection(vma: Vma, start: number, end: number): void {
    hugetlbChangeProtection(vma, start, end);
  }

  copyPageRange(newVma: Vma, vma: Vma): number {
    return copyHugetlbPageRange(newVma, vma);
  }

  movePageTables(vma: Vma, oldAddr: number, newVma: Vma, newAddr: number, len: number): number {
    return moveHugetlbPageTables(vma, oldAddr, newVma, newAddr, len);
  }

  clearReservation(vma: Vma): void {
    if ((vma.vmFlags & VM_MAYSHARE) === 0) vma.vmPrivateData = null;
  }
}

/** can_do_hugetlb_shm. */
function canDoHugetlbShm(cur: Caller): boolean {
  return hasCapability(cur.cred, CAP_IPC_LOCK) || cur.cred.gid === cur.mm.system.sysctl.hugetlbShmGroup;
}

/** user_shm_lock: counts the pages of a segment against RLIMIT_MEMLOCK. Returns the number counted, 0 when refused. */
function userShmLock(cur: Caller, size: number): number {
  const { system } = cur.mm;
  const pages = Math.ceil(size / system.pageSize);
  const already = system.lockedShm.get(cur.cred.uid) ?? 0;
  const limit = Math.floor(cur.rlimits.memlock / system.pageSize);
  if (already + pages > limit && !hasCapability(cur.cred, CAP_IPC_LOCK)) return 0;
  system.lockedShm.set(cur.cred.uid, already + pages);
  return pages;
}
