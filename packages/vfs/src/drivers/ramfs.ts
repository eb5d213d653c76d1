/**
 * ramfs: files whose pages exist in the page cache only, without limits.
 *
 * Mappings use the ordinary page-cache operations; there is no fallocate. Mirrors fs/ramfs.
 */
import { S_IFMT, S_ISDIR, S_ISREG } from '@vmarea/uapi';
import type { MmSystem } from '@vmarea/mm-core';
import { AddressSpaceOperations } from '@vmarea/mm-core/memory';
import { FileOperations, InodeOperations } from '../files/operations.ts';
import { newInode } from '../names/inode.ts';
import {
  killLitterSuper,
  simpleDirFileOperations,
  simpleDirOperations,
  simpleFillSuper,
  type SimpleFs,
} from './libfs.ts';
import {
  attachPageCache,
  cachedBlocks,
  evictPages,
  genericFileMmap,
  genericFileRead,
  genericFileWrite,
  noopFsync,
  simpleSetattr,
} from '../page-cache.ts';
import { SuperBlock, type DriverManifest, type SuperBlockInit } from '../names/super-block.ts';

/** The manifest of ramfs. */
export const RAMFS_MANIFEST: DriverManifest = {
  name: 'ramfs',
  capabilities: {
    read: true,
    write: true,
    mmapPrivate: true,
    mmapShared: true,
    mmapSharedWrite: true,
    truncate: true,
    fallocate: false,
    punchHole: false,
    rename: true,
    link: true,
    symlink: true,
    mkdir: true,
    appendOnly: false,
    persistent: false,
    asynchronous: false,
  },
};

/** The options of a ramfs. */
export interface RamfsOptions extends Omit<SuperBlockInit, 'manifest' | 'operations'> {
  /** Permission bits of the root directory; default 0755. */
  readonly mode?: number | undefined;
}

const fileOperations = new FileOperations({
  read: genericFileRead,
  write: genericFileWrite,
  mmap: genericFileMmap,
  fsync: noopFsync,
});

const fileInodeOperations = new InodeOperations({ setattr: simpleSetattr, blocks: cachedBlocks });

const pages = new AddressSpaceOperations({ zeroFill: true });

const directories: SimpleFs = {
  symlinks: true,
  makeInode(sb, mode, dirOps) {
    const isDir = S_ISDIR(mode);
    const isFile = S_ISREG(mode);
    const inode = newInode(
      sb,
      mode,
      isDir ? dirOps : fileInodeOperations,
      isDir ? simpleDirFileOperations : fileOperations,
    );
    if (isDir) inode.iNlink = 2;
    if (isFile) attachPageCache(inode, pages);
    return inode;
  },
};

const directoryOperations = simpleDirOperations(directories);

/** Creates a ramfs. */
export function ramfs(system: MmSystem, options: RamfsOptions = {}): SuperBlock {
  const sb = new SuperBlock(system, {
    ...options,
    manifest: RAMFS_MANIFEST,
    operations: { evictInode: evictPages, putSuper: killLitterSuper },
  });
  simpleFillSuper(sb, (options.mode ?? 0o755) & ~S_IFMT, directoryOperations);
  return sb;
}
