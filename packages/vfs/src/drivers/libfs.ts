/**
 * Directories of in-memory filesystems: the dentry tree is the directory. ramfs, tmpfs and hugetlbfs use it.
 *
 * Mirrors fs/libfs.c.
 */
import { EEXIST, ENOTEMPTY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISDIR, S_ISGID } from '@vmarea/uapi';
import type { Credentials } from '@vmarea/mm-core';
import { dAdd, dDrop, dLink, Dentry, dMakeRoot } from '../names/dentry.ts';
import { FileOperations, InodeOperations } from '../files/operations.ts';
import { newInode, type Inode } from '../names/inode.ts';
import type { SuperBlock } from '../names/super-block.ts';

/** The parts that an in-memory filesystem adds to the common directory operations. */
export interface SimpleFs {
  /** Creates an inode of the type in `mode`, in no directory yet, with one reference. Returns it or a negative errno. */
  makeInode(sb: SuperBlock, mode: number, dirOps: InodeOperations): Inode | number;
  /** Called before a name is added to an inode. Returns 0 or -ENOSPC. */
  reserveName?: ((sb: SuperBlock) => number) | undefined;
  /** Called after a name was removed while the inode stays. */
  releaseName?: ((sb: SuperBlock) => void) | undefined;
  /** The bytes that a name adds to the size of its directory. */
  readonly direntSize?: number | undefined;
  /** Whether symbolic links are supported. */
  readonly symlinks?: boolean | undefined;
  /** Whether O_TMPFILE is supported. */
  readonly tmpfiles?: boolean | undefined;
}

/** The file operations of an in-memory directory: it can be listed, but not read or mapped. */
export const simpleDirFileOperations: FileOperations = new FileOperations({
  readdir(file, emit) {
    if (file.dentry.children === null) return 0;
    for (const child of file.dentry.children.values()) if (child.dInode !== null) emit(child.dName, child.dInode);
    return 0;
  },
  fsync: () => 0,
});

/** Returns whether a directory has no names. */
export function simpleEmpty(dentry: Dentry): boolean {
  if (dentry.children === null) return true;
  for (const child of dentry.children.values()) if (child.dInode !== null) return false;
  return true;
}

/** Returns the directory operations of an in-memory filesystem. */
export function simpleDirOperations(fs: SimpleFs): InodeOperations {
  const size = fs.direntSize ?? 0;

  function add(cred: Credentials, dir: Inode, dentry: Dentry, mode: number): number {
    const made = fs.makeInode(dir.iSb, mode, ops);
    if (typeof made === 'number') return made;
    initOwner(made, dir, cred);
    dir.iSize += size;
    dir.iMtime = dir.iCtime = dir.iSb.now();
    dAdd(dentry, made);
    return 0;
  }

  function remove(dir: Inode, dentry: Dentry): number {
    const inode = dentry.dInode!;
    if (inode.iNlink > 1 && !S_ISDIR(inode.iMode)) fs.releaseName?.(dir.iSb);
    dir.iSize -= size;
    inode.iNlink--;
    inode.iCtime = dir.iMtime = dir.iCtime = dir.iSb.now();
    return 0;
  }

  function removeDirectory(dir: Inode, dentry: Dentry): number {
    if (!simpleEmpty(dentry)) return -ENOTEMPTY;
    dentry.dInode!.iNlink--;
    dir.iNlink--;
    return remove(dir, dentry);
  }

  const ops: InodeOperations = new InodeOperations({
    create: (cred, dir, dentry, mode) => add(cred, dir, dentry, (mode & ~S_IFMT) | S_IFREG),
    mkdir(cred, dir, dentry, mode) {
      const error = add(cred, dir, dentry, (mode & ~S_IFMT) | S_IFDIR);
      if (error === 0) dir.iNlink++;
      return error;
    },
    symlink:
      fs.symlinks === true
        ? (cred, dir, dentry, target) => {
            const error = add(cred, dir, dentry, S_IFLNK | 0o777);
            if (error < 0) return error;
            dentry.dInode!.iLink = target;
            dentry.dInode!.iSize = target.length;
            return 0;
          }
        : undefined,
    tmpfile:
      fs.tmpfiles === true
        ? (cred, dir, dentry, mode) => {
            const made = fs.makeInode(dir.iSb, (mode & ~S_IFMT) | S_IFREG, ops);
            if (typeof made === 'number') return made;
            initOwner(made, dir, cred);
            made.iNlink = 0;
            dentry.dInode = made;
            return 0;
          }
        : undefined,
    link(old, dir, dentry) {
      const error = fs.reserveName?.(dir.iSb) ?? 0;
      if (error < 0) return error;
      const inode = old.dInode!;
      dir.iSize += size;
      inode.iNlink++;
      inode.iCtime = dir.iMtime = dir.iCtime = dir.iSb.now();
      dLink(dentry, inode);
      return 0;
    },
    unlink: remove,
    rmdir: removeDirectory,
    rename(oldDir, oldDentry, newDir, newDentry) {
      const isDir = S_ISDIR(oldDentry.dInode!.iMode);
      if (newDentry.dInode !== null) {
        const error = isDir ? removeDirectory(newDir, newDentry) : remove(newDir, newDentry);
        if (error < 0) return error;
      }
      if (isDir && oldDir !== newDir) {
        oldDir.iNlink--;
        newDir.iNlink++;
      }
      oldDir.iSize -= size;
      newDir.iSize += size;
      oldDir.iMtime = oldDir.iCtime = newDir.iMtime = newDir.iCtime = oldDir.iSb.now();
      return 0;
    },
  });
  return ops;
}

/** inode_init_owner: sets the creator's ids, or the group of a setgid directory. */
export function initOwner(inode: Inode, dir: Inode | null, cred: Credentials): void {
  inode.iUid = cred.uid;
  inode.iGid = cred.gid;
  if (dir === null || (dir.iMode & S_ISGID) === 0) return;
  inode.iGid = dir.iGid;
  if (S_ISDIR(inode.iMode)) inode.iMode |= S_ISGID;
}

/**
 * Creates the root directory of an in-memory filesystem and sets it in the superblock.
 *
 * @param mode permission bits
 */
export function simpleFillSuper(sb: SuperBlock, mode: number, ops: InodeOperations, uid = 0, gid = 0): Inode {
  const root = newInode(sb, S_IFDIR | mode, ops, simpleDirFileOperations);
  root.iNlink = 2;
  root.iUid = uid;
  root.iGid = gid;
  sb.root = dMakeRoot(root);
  return root;
}

/**
 * Adds a node that a driver has created to a directory (device files, /proc entries).
 *
 * @returns 0 or -EEXIST
 */
export function addNode(parent: Dentry, name: string, inode: Inode): number {
  if ((parent.children?.get(name)?.dInode ?? null) !== null) return -EEXIST;
  dAdd(new Dentry(name, parent, null), inode);
  return 0;
}

/** kill_litter_super: ends an in-memory filesystem: removes every name, and so every file that is not open. */
export function killLitterSuper(sb: SuperBlock): void {
  if (sb.root === null) return;
  const drop = (dentry: Dentry): void => {
    for (const child of [...(dentry.children?.values() ?? [])]) {
      drop(child);
      if (child.dInode !== null) child.dInode.iNlink = 0;
      dDrop(child);
    }
  };
  drop(sb.root);
}
