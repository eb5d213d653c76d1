/**
 * tmpfs: shared memory with names, limited in size and in files.
 *
 * Mirrors shmem_fill_super and the directory half of mm/shmem.c.
 */
import { ENOSPC, S_IFMT, S_ISDIR, S_ISREG } from '@vmarea/uapi';
import type { MmSystem } from '@vmarea/mm-core';
import {
  attachPageCache,
  evictPages,
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
import { shmemFileOperations, shmemInodeOperations } from './shmem-file.ts';
import { shmemAops, ShmemInode, shmemInfo, shmemUnacctSize, type ShmemSbInfo } from './shmem-inode.ts';

/** Returns the manifest of tmpfs for a version. */
export function tmpfsManifest(system: MmSystem): DriverManifest {
  return {
    name: 'tmpfs',
    capabilities: {
      read: true,
      write: true,
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
      appendOnly: system.profile.files.tmpfsSetflags,
      persistent: false,
      asynchronous: false,
    },
  };
}

/** The mount options of a tmpfs. */
export interface TmpfsOptions extends Omit<SuperBlockInit, 'manifest' | 'operations'> {
  /** Limit in bytes (size=); Infinity for none. Default: half of RAM. */
  readonly size?: number | undefined;
  /** Limit of files (nr_inodes=); Infinity for none. Default: half the pages of RAM. */
  readonly nrInodes?: number | undefined;
  /** Permission bits of the root directory; default 01777. */
  readonly mode?: number | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/** The size that tmpfs reports for a directory entry. */
const BOGO_DIRENT_SIZE = 20;
const TMPFS_MAGIC = 0x01021994;

/** shmem_get_inode: creates an inode and counts it. Returns null at the limit. */
export function shmemGetInode(
  sb: SuperBlock,
  mode: number,
  noreserve: boolean,
  dirOps: InodeOperations | null,
): Inode | null {
  const info = sb.private_ as ShmemSbInfo;
  if (info.usedInodes >= info.maxInodes) return null;
  info.usedInodes++;
  if (S_ISDIR(mode) && dirOps !== null) {
    const dir = newInode(sb, mode, dirOps, simpleDirFileOperations);
    dir.iNlink = 2;
    dir.iSize = 2 * BOGO_DIRENT_SIZE;
    return dir;
  }
  const inode = newInode(sb, mode, shmemInodeOperations(sb.system.profile.files.tmpfsSetflags), shmemFileOperations);
  if (S_ISREG(mode)) {
    inode.iPrivate = new ShmemInode(inode, info, noreserve);
    attachPageCache(inode, shmemAops);
  }
  return inode;
}

/** shmem_evict_inode: frees pages, charges and the inode. */
function evictInode(inode: Inode): void {
  const info = inode.iSb.private_ as ShmemSbInfo;
  if (S_ISREG(inode.iMode)) {
    shmemUnacctSize(inode.system, shmemInfo(inode).noreserve, inode.iSize);
    inode.iSize = 0;
    evictPages(inode);
  }
  info.usedInodes--;
}

/** Creates the superblock of a tmpfs, with its limits and without a root. */
export function shmemSuper(system: MmSystem, limits: ShmemSbInfo, options: TmpfsOptions): SuperBlock {
  const sb = new SuperBlock(system, {
    ...options,
    manifest: tmpfsManifest(system),
    operations: {
      evictInode,
      putSuper: killLitterSuper,
      statfs: (one) => {
        const info = one.private_ as ShmemSbInfo;
        return {
          type: TMPFS_MAGIC,
          blockSize: system.pageSize,
          blocks: info.maxBlocks === Infinity ? 0 : info.maxBlocks,
          blocksFree: info.maxBlocks === Infinity ? 0 : info.maxBlocks - info.usedBlocks,
          files: info.maxInodes === Infinity ? 0 : info.maxInodes,
          filesFree: info.maxInodes === Infinity ? 0 : info.maxInodes - info.usedInodes,
        };
      },
    },
  });
  sb.private_ = limits;
  return sb;
}

/** Creates a tmpfs. */
export function tmpfs(system: MmSystem, options: TmpfsOptions = {}): SuperBlock {
  const ram = system.ram.totalPages();
  const size = options.size ?? Math.floor(ram / 2) * system.pageSize;
  const sb = shmemSuper(
    system,
    {
      maxBlocks: size === 0 ? Infinity : Math.ceil(size / system.pageSize),
      usedBlocks: 0,
      maxInodes: options.nrInodes === 0 ? Infinity : (options.nrInodes ?? Math.floor(ram / 2)),
      usedInodes: 1,
    },
    options,
  );
  const info = sb.private_ as ShmemSbInfo;
  const dirOps = simpleDirOperations({
    direntSize: BOGO_DIRENT_SIZE,
    symlinks: true,
    tmpfiles: true,
    makeInode: (one, mode, ops) => shmemGetInode(one, mode, true, ops) ?? -ENOSPC,
    reserveName() {
      if (info.usedInodes >= info.maxInodes) return -ENOSPC;
      info.usedInodes++;
      return 0;
    },
    releaseName() {
      info.usedInodes--;
    },
  });
  const root = simpleFillSuper(sb, (options.mode ?? 0o1777) & ~S_IFMT, dirOps, options.uid, options.gid);
  root.iSize = 2 * BOGO_DIRENT_SIZE;
  return sb;
}
