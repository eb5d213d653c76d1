/**
 * hugetlbfs: a filesystem with files of huge pages of one size.
 *
 * Mirrors hugetlbfs_fill_super and the directory half of fs/hugetlbfs/inode.c.
 */
import { ENOSPC, S_IFMT, S_ISDIR, S_ISREG } from '@vmarea/uapi';
import type { MmSystem } from '@vmarea/mm-core';
import {
  killLitterSuper,
  newInode,
  simpleDirFileOperations,
  simpleDirOperations,
  simpleFillSuper,
  SuperBlock,
  type DriverManifest,
  type Inode,
  type InodeOperations,
  type SuperBlockInit,
} from '@vmarea/vfs';
import type { Hstate } from './hstate.ts';
import { hugetlbfsFileOperations, hugetlbfsInodeOperations } from './huge-file.ts';
import { hugeInode, HugeInode } from './huge-inode.ts';
import type { Hugetlb } from './hugetlb.ts';
import { Subpool } from './subpool.ts';

/** The manifest of hugetlbfs. */
export const HUGETLBFS_MANIFEST: DriverManifest = {
  name: 'hugetlbfs',
  capabilities: {
    read: true,
    write: false,
    mmapPrivate: true,
    mmapShared: true,
    mmapSharedWrite: true,
    truncate: true,
    fallocate: true,
    punchHole: true,
    rename: true,
    link: true,
    symlink: true,
    mkdir: true,
    appendOnly: false,
    persistent: false,
    asynchronous: false,
  },
};

/** The mount options of a hugetlbfs. */
export interface HugetlbfsOptions extends Omit<SuperBlockInit, 'manifest' | 'operations'> {
  /** pagesize=, in bytes; default: the default size. */
  readonly pagesize?: number | undefined;
  /** size=, in bytes: the most that its files may use. */
  readonly size?: number | undefined;
  /** min_size=, in bytes: the amount that is reserved for it from the start. */
  readonly minSize?: number | undefined;
  /** nr_inodes=. */
  readonly nrInodes?: number | undefined;
  /** Permission bits of the root directory; default 0755. */
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** hugetlbfs's data of a superblock. */
export interface HugetlbfsSbInfo {
  readonly h: Hstate;
  readonly spool: Subpool | null;
  readonly hugetlb: Hugetlb;
  freeInodes: number;
}

const HUGETLBFS_MAGIC = 0x958458f6;

/** hugetlbfs_get_inode: creates an inode. Returns null at the limit. */
export function hugetlbfsGetInode(sb: SuperBlock, mode: number, dirOps: InodeOperations | null): Inode | null {
  const info = sb.private_ as HugetlbfsSbInfo;
  if (info.freeInodes <= 0) return null;
  info.freeInodes--;
  if (S_ISDIR(mode) && dirOps !== null) {
    const dir = newInode(sb, mode, dirOps, simpleDirFileOperations);
    dir.iNlink = 2;
    return dir;
  }
  const inode = newInode(sb, mode, hugetlbfsInodeOperations, hugetlbfsFileOperations);
  if (S_ISREG(mode)) {
    inode.hugePageSize = info.h.size;
    inode.iPrivate = new HugeInode(inode, info.h, info.spool, info.hugetlb.rules);
  }
  return inode;
}

/** Creates a superblock without a root. */
export function hugetlbfsSuper(
  hugetlb: Hugetlb,
  h: Hstate,
  spool: Subpool | null,
  options: HugetlbfsOptions,
): SuperBlock {
  const sb = new SuperBlock(hugetlb.system, {
    blockSize: h.size,
    ...options,
    manifest: HUGETLBFS_MANIFEST,
    operations: {
      evictInode(inode) {
        if (S_ISREG(inode.iMode)) hugeInode(inode).removePages(0, Infinity);
        (inode.iSb.private_ as HugetlbfsSbInfo).freeInodes++;
      },
      putSuper(one) {
        killLitterSuper(one);
        // unlock_or_release_subpool: returns the mount's reservation.
        if (spool !== null && spool.minHpages !== -1) h.acctMemory(-spool.minHpages);
      },
      statfs: (one) => {
        const free = (one.private_ as HugetlbfsSbInfo).freeInodes;
        const limited = spool !== null && spool.maxHpages !== -1;
        return {
          type: HUGETLBFS_MAGIC,
          blockSize: h.size,
          blocks: limited ? spool.maxHpages : 0,
          blocksFree: limited ? spool.maxHpages - spool.usedHpages : 0,
          files: options.nrInodes ?? 0,
          filesFree: free === Infinity ? 0 : free,
        };
      },
    },
  });
  const info: HugetlbfsSbInfo = { h, spool, hugetlb, freeInodes: options.nrInodes ?? Infinity };
  sb.private_ = info;
  return sb;
}

/**
 * Creates a hugetlbfs on the pools of the system.
 *
 * @throws TypeError when `system.hugePages` is no {@link Hugetlb}
 * @throws RangeError when there is no such page size, or `minSize` cannot be reserved (the mount would fail)
 */
export function hugetlbfs(system: MmSystem, options: HugetlbfsOptions = {}): SuperBlock {
  const hugetlb = system.hugePages as Hugetlb | null;
  if (hugetlb === null || !('hstates' in hugetlb))
    throw new TypeError('hugetlbfs: plug a Hugetlb into the system first');
  const h = options.pagesize === undefined ? hugetlb.defaultHstate : hugetlb.hstateOfSize(options.pagesize);
  if (h === null) throw new RangeError(`hugetlbfs: no huge pages of ${options.pagesize ?? 'the default size'}`);
  const max = options.size === undefined ? -1 : Math.floor(options.size / h.size);
  const min = options.minSize === undefined ? -1 : Math.floor(options.minSize / h.size);
  let spool: Subpool | null = null;
  if (max !== -1 || min !== -1) {
    if (min > 0 && h.acctMemory(min) < 0)
      throw new RangeError(`hugetlbfs: cannot reserve ${min} huge pages for min_size`);
    spool = new Subpool(h, max, min);
  }
  const sb = hugetlbfsSuper(hugetlb, h, spool, options);
  const dirOps = simpleDirOperations({
    symlinks: true,
    makeInode: (one, mode, ops) => hugetlbfsGetInode(one, mode, ops) ?? -ENOSPC,
  });
  simpleFillSuper(sb, (options.mode ?? 0o755) & ~S_IFMT, dirOps, options.uid, options.gid);
  return sb;
}
