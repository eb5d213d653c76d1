/**
 * struct dentry: a name in a directory, and the cached tree of names. Paths are printed from it (d_path).
 *
 * In-memory filesystems use the tree as the directory itself; for others it is a cache that `lookup` fills.
 * Mirrors fs/dcache.c, without its locking and its shrinkers.
 */
import type { Inode } from './inode.ts';
import { ihold, iput } from './inode.ts';
import type { Mount } from './mount.ts';

/** A name. */
export class Dentry {
  dName: string;
  /** The parent; the dentry itself for a root and for a file without a name. */
  dParent: Dentry;
  /** The inode; null for a negative dentry. */
  dInode: Inode | null;
  /** Whether it is in the tree: false once unlinked. */
  hashed = false;
  children: Map<string, Dentry> | null = null;
  /** Mounts on this directory. */
  mounts: Mount[] | null = null;
  /** The name that d_path prints («pipe:[7]»), or null. */
  dynamicName: string | null = null;
  /** The caller whose open(2) has created the file and waits for the driver to open it. */
  createdFor: object | null = null;

  constructor(name: string, parent: Dentry | null, inode: Inode | null) {
    this.dName = name;
    this.dParent = parent ?? this;
    this.dInode = inode;
  }
}

/** Creates the root of a filesystem. Takes over the caller's reference to the inode. */
export function dMakeRoot(inode: Inode): Dentry {
  const root = new Dentry('/', null, inode);
  root.hashed = true;
  return root;
}

/** Creates a dentry in no directory: `d_path` prints «/NAME (deleted)». Takes over the reference to the inode. */
export function dAllocPseudo(name: string, inode: Inode): Dentry {
  return new Dentry(name, null, inode);
}

/** d_add: adds the name to its directory, with its inode (whose reference it takes over) or as negative. */
export function dAdd(dentry: Dentry, inode: Inode | null): void {
  dentry.dInode = inode;
  dentry.hashed = true;
  (dentry.dParent.children ??= new Map<string, Dentry>()).set(dentry.dName, dentry);
}

/** d_delete, d_drop: removes the name from its directory. Drops its reference to the inode. */
export function dDrop(dentry: Dentry): void {
  if (!dentry.hashed) return;
  dentry.hashed = false;
  const siblings = dentry.dParent.children;
  if (siblings !== null && siblings.get(dentry.dName) === dentry) siblings.delete(dentry.dName);
  if (dentry.dInode !== null) iput(dentry.dInode);
}

/** d_instantiate with the inode of another name: takes a reference. */
export function dLink(dentry: Dentry, inode: Inode): void {
  dAdd(dentry, ihold(inode));
}

/** d_move: replaces `target` by the name; `target` is removed if it was in the tree. */
export function dMove(dentry: Dentry, target: Dentry): void {
  if (target.hashed) dDrop(target);
  dentry.dParent.children?.delete(dentry.dName);
  dentry.dName = target.dName;
  dentry.dParent = target.dParent;
  (dentry.dParent.children ??= new Map<string, Dentry>()).set(dentry.dName, dentry);
}

/**
 * d_path: returns the absolute path, with « (deleted)» after the name of an unlinked file.
 *
 * @param mnt the mount through which it was opened; null for files of internal mounts
 */
export function dPath(mnt: Mount | null, dentry: Dentry): string {
  if (dentry.dynamicName !== null) return dentry.dynamicName;
  if (mnt === null || (dentry.dParent === dentry && !dentry.hashed)) {
    return dentry.hashed ? '/' + dentry.dName : `/${dentry.dName} (deleted)`;
  }
  const gone = !dentry.hashed;
  let path = '';
  let d = dentry;
  let m: Mount = mnt;
  for (;;) {
    if (d === m.root) {
      if (m.parent === null || m.mountpoint === null) break;
      d = m.mountpoint;
      m = m.parent;
    } else if (d.dParent === d) break;
    else {
      path = `/${d.dName}${path}`;
      d = d.dParent;
    }
  }
  if (path === '') path = '/';
  return gone ? `${path} (deleted)` : path;
}
