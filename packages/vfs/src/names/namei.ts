/**
 * Path lookup, and the system calls that change names: mkdir, rmdir, unlink, rename, link, symlink.
 *
 * open.ts opens files. Mirrors fs/namei.c.
 */
import {
  AT_FDCWD,
  EACCES,
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  EXDEV,
  CAP_FOWNER,
  S_ISDIR,
  S_ISLNK,
  S_ISVTX,
} from '@vmarea/uapi';
import { hasCapability, makeCurrent, S_APPEND, type Credentials } from '@vmarea/mm-core';
import { dAdd, dDrop, Dentry, dMove } from './dentry.ts';
import type { FileCaller } from '../files/files-struct.ts';
import { S_DEAD, S_IMMUTABLE, type Inode } from './inode.ts';
import { topMount, type Mount, type Path } from './mount.ts';
import { inodePermission, MAY_EXEC, MAY_WRITE } from './permission.ts';

const PATH_MAX = 4096;
const NAME_MAX = 255;
const MAXSYMLINKS = 40;

/** The result of a path walk. */
export interface Lookup {
  mnt: Mount;
  /** The directory of the last component (after the last symbolic link followed). */
  parent: Dentry;
  /** The last component; its dentry may be negative. The parent itself for «.», «..» and «/». */
  dentry: Dentry;
  /** The last component as written: '' when it is «.», «..» or nothing. */
  last: string;
  /** Whether the path ends with a slash. */
  trailingSlash: boolean;
}

/** Returns the start of a relative path: of a directory descriptor, or of AT_FDCWD. Returns a negative errno for a bad one. */
export function startOf(cur: FileCaller, dirfd: number, path: string): Path | number {
  if (path.startsWith('/')) return cur.fs.root;
  if (dirfd === AT_FDCWD) return cur.fs.cwd;
  const file = cur.files.fgetRaw(dirfd);
  if (file === null) return -EBADF;
  if (!S_ISDIR(file.fInode.iMode) || file.mnt === null) return -ENOTDIR;
  return { mnt: file.mnt, dentry: file.dentry };
}

/** Finds the child of a directory, in the tree or by the driver. Returns a dentry (negative when there is none), an errno or RETRY. */
export function lookupOne(parent: Dentry, name: string): Dentry | number {
  const cached = parent.children?.get(name);
  if (cached !== undefined) return cached;
  const dir = parent.dInode!;
  const dentry = new Dentry(name, parent, null);
  if (dir.iOp.lookup === null) return dentry;
  const error = dir.iOp.lookup(dir, dentry);
  if (error < 0) return error;
  if (dentry.dInode !== null && !dentry.hashed) dAdd(dentry, dentry.dInode);
  return dentry;
}

/**
 * path_lookupat: walks a path.
 *
 * @param followLast whether to follow a symbolic link at the end
 * @returns the result (the last component need not exist), or -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG,
 *   -EBADF, RETRY
 */
export function pathLookup(cur: FileCaller, dirfd: number, path: string, followLast: boolean): Lookup | number {
  if (path === '') return -ENOENT;
  makeCurrent(cur);
  const start = startOf(cur, dirfd, path);
  if (typeof start === 'number') return start;
  if (!path.startsWith('/') && start.dentry.dInode === null) return -ENOENT;
  return walk(cur, start, path, followLast);
}

function walk(cur: FileCaller, start: Path, path: string, followLast: boolean): Lookup | number {
  let { mnt, dentry } = start;
  let rest = path;
  let links = 0;
  let result: Lookup = { mnt, parent: dentry, dentry, last: '', trailingSlash: false };
  for (;;) {
    if (rest.length >= PATH_MAX) return -ENAMETOOLONG;
    let at = 0;
    while (rest.charCodeAt(at) === 47) at++;
    if (at === rest.length) {
      result.trailingSlash ||= at > 0;
      return result;
    }
    let end = rest.indexOf('/', at);
    if (end < 0) end = rest.length;
    const name = rest.slice(at, end);
    rest = rest.slice(end);
    const isLast = /^\/*$/.test(rest);
    const dir = dentry.dInode;
    if (dir === null) return -ENOENT;
    if (!S_ISDIR(dir.iMode)) return -ENOTDIR;
    const denied = inodePermission(cur.cred, mnt, dir, MAY_EXEC);
    if (denied < 0) return denied;
    if (name === '.') {
      result = { mnt, parent: dentry, dentry, last: '', trailingSlash: false };
      continue;
    }
    if (name === '..') {
      while (
        dentry === mnt.root &&
        mnt.parent !== null &&
        !(dentry === cur.fs.root.dentry && mnt === cur.fs.root.mnt)
      ) {
        dentry = mnt.mountpoint!;
        mnt = mnt.parent;
      }
      if (!(dentry === cur.fs.root.dentry && mnt === cur.fs.root.mnt)) dentry = dentry.dParent;
      const over = topMount(mnt, dentry);
      if (over !== null) {
        mnt = over;
        dentry = over.root;
      }
      result = { mnt, parent: dentry, dentry, last: '', trailingSlash: false };
      continue;
    }
    if (name.length > NAME_MAX) return -ENAMETOOLONG;
    const child = lookupOne(dentry, name);
    if (typeof child === 'number') return child;
    const inode = child.dInode;
    if (inode === null) {
      if (!isLast) return -ENOENT;
      return { mnt, parent: dentry, dentry: child, last: name, trailingSlash: rest !== '' };
    }
    if (S_ISLNK(inode.iMode) && (!isLast || followLast || rest !== '')) {
      if (++links > MAXSYMLINKS) return -ELOOP;
      const target = inode.iOp.readlink === null ? inode.iLink : inode.iOp.readlink(inode);
      if (typeof target === 'number') return target;
      if (target === '') return -ENOENT;
      rest = target + rest;
      result = { mnt, parent: dentry, dentry, last: '', trailingSlash: false };
      if (target.startsWith('/')) ({ mnt, dentry } = cur.fs.root);
      continue;
    }
    const parent = dentry;
    let childMnt = mnt;
    dentry = child;
    const over = topMount(mnt, child);
    if (over !== null) {
      childMnt = over;
      dentry = over.root;
    }
    result = { mnt: childMnt, parent, dentry, last: name, trailingSlash: false };
    mnt = childMnt;
    if (isLast && rest === '') return result;
    if (isLast && !S_ISDIR(dentry.dInode!.iMode)) return -ENOTDIR;
  }
}

/** may_create: checks whether a name may be added to the directory. Returns 0, -EEXIST, -ENOENT, -EROFS, -EACCES. */
export function mayCreate(cred: Credentials, mnt: Mount, dir: Inode, child: Dentry): number {
  if (child.dInode !== null) return -EEXIST;
  if ((dir.iFlags & S_DEAD) !== 0) return -ENOENT;
  return inodePermission(cred, mnt, dir, MAY_WRITE | MAY_EXEC);
}

/** may_delete: checks whether a name may be removed from the directory. */
function mayDelete(cred: Credentials, mnt: Mount, dir: Inode, victim: Dentry, isDir: boolean): number {
  const inode = victim.dInode;
  if (inode === null) return -ENOENT;
  const error = inodePermission(cred, mnt, dir, MAY_WRITE | MAY_EXEC);
  if (error < 0) return error;
  if ((dir.iFlags & S_APPEND) !== 0) return -EPERM;
  const sticky =
    (dir.iMode & S_ISVTX) !== 0 && cred.uid !== inode.iUid && cred.uid !== dir.iUid && !hasCapability(cred, CAP_FOWNER);
  if (sticky || (inode.iFlags & (S_APPEND | S_IMMUTABLE)) !== 0) return -EPERM;
  if (isDir) {
    if (!S_ISDIR(inode.iMode)) return -ENOTDIR;
    if (victim.mounts !== null && victim.mounts.length > 0) return -EBUSY;
  } else if (S_ISDIR(inode.iMode)) return -EISDIR;
  if ((dir.iFlags & S_DEAD) !== 0) return -ENOENT;
  return 0;
}

/** Finds the parent and the name of a new directory or node. Returns the lookup, or an errno when it cannot be created there. */
function createPlace(cur: FileCaller, dirfd: number, path: string, isDir: boolean): Lookup | number {
  const found = pathLookup(cur, dirfd, path, false);
  if (typeof found === 'number') return found;
  if (found.last === '' || found.dentry.dInode !== null) return -EEXIST;
  if (!isDir && found.trailingSlash) return -ENOENT;
  if (found.mnt.readOnly) return -EROFS;
  const error = mayCreate(cur.cred, found.mnt, found.parent.dInode!, found.dentry);
  return error < 0 ? error : found;
}

/**
 * mkdirat(2).
 *
 * @param mode permission bits, before the umask
 */
export function doMkdirat(cur: FileCaller, dirfd: number, path: string, mode: number): number {
  const place = createPlace(cur, dirfd, path, true);
  if (typeof place === 'number') return place;
  const dir = place.parent.dInode!;
  if (dir.iOp.mkdir === null) return -EPERM;
  return dir.iOp.mkdir(cur.cred, dir, place.dentry, mode & 0o1777 & ~cur.fs.umask);
}

/** symlinkat(2). */
export function doSymlinkat(cur: FileCaller, target: string, dirfd: number, path: string): number {
  if (target === '') return -ENOENT;
  if (target.length >= PATH_MAX) return -ENAMETOOLONG;
  const place = createPlace(cur, dirfd, path, false);
  if (typeof place === 'number') return place;
  const dir = place.parent.dInode!;
  if (dir.iOp.symlink === null) return -EPERM;
  return dir.iOp.symlink(cur.cred, dir, place.dentry, target);
}

/** linkat(2). The parameters are the kernel's. */
export function doLinkat(
  cur: FileCaller,
  oldDirfd: number,
  oldPath: string,
  dirfd: number,
  path: string,
  follow = false,
): number {
  const old = pathLookup(cur, oldDirfd, oldPath, follow);
  if (typeof old === 'number') return old;
  const inode = old.dentry.dInode;
  if (inode === null) return -ENOENT;
  const place = createPlace(cur, dirfd, path, false);
  if (typeof place === 'number') return place;
  if (place.mnt !== old.mnt) return -EXDEV;
  if ((inode.iFlags & (S_APPEND | S_IMMUTABLE)) !== 0) return -EPERM;
  const dir = place.parent.dInode!;
  if (dir.iOp.link === null || S_ISDIR(inode.iMode)) return -EPERM;
  if (inode.iNlink === 0) return -ENOENT;
  return dir.iOp.link(old.dentry, dir, place.dentry);
}

/** unlinkat(2) without AT_REMOVEDIR: removes the name; the file exists while it is open or mapped. */
export function doUnlinkat(cur: FileCaller, dirfd: number, path: string): number {
  const found = pathLookup(cur, dirfd, path, false);
  if (typeof found === 'number') return found;
  if (found.last === '') return -EISDIR;
  if (found.dentry.dInode === null) return -ENOENT;
  if (found.dentry === found.mnt.root) return S_ISDIR(found.dentry.dInode.iMode) ? -EISDIR : -EBUSY;
  if (found.trailingSlash) return S_ISDIR(found.dentry.dInode.iMode) ? -EISDIR : -ENOTDIR;
  if (found.mnt.readOnly) return -EROFS;
  const dir = found.parent.dInode!;
  const error = mayDelete(cur.cred, found.mnt, dir, found.dentry, false);
  if (error < 0) return error;
  if (dir.iOp.unlink === null) return -EPERM;
  const result = dir.iOp.unlink(dir, found.dentry);
  if (result === 0) dDrop(found.dentry);
  return result;
}

/** rmdir(2), unlinkat(2) with AT_REMOVEDIR. */
export function doRmdir(cur: FileCaller, dirfd: number, path: string): number {
  const found = pathLookup(cur, dirfd, path, false);
  if (typeof found === 'number') return found;
  if (found.last === '')
    return /(^|\/)\.\.\/*$/.test(path) ? -ENOTEMPTY : path.startsWith('/') && /^\/+$/.test(path) ? -EBUSY : -EINVAL;
  if (found.dentry.dInode === null) return -ENOENT;
  if (found.dentry === found.mnt.root) return -EBUSY;
  if (found.mnt.readOnly) return -EROFS;
  const dir = found.parent.dInode!;
  const error = mayDelete(cur.cred, found.mnt, dir, found.dentry, true);
  if (error < 0) return error;
  if (dir.iOp.rmdir === null) return -EPERM;
  const result = dir.iOp.rmdir(dir, found.dentry);
  if (result === 0) {
    found.dentry.dInode.iFlags |= S_DEAD;
    dDrop(found.dentry);
  }
  return result;
}

const RENAME_NOREPLACE = 1;

/** renameat2(2), with RENAME_NOREPLACE as the only flag. Removes a file at the new name; mappings stay with the file. The parameters are the kernel's. */
export function doRenameat(
  cur: FileCaller,
  oldDirfd: number,
  oldPath: string,
  newDirfd: number,
  newPath: string,
  flags = 0,
): number {
  if ((flags & ~RENAME_NOREPLACE) !== 0) return -EINVAL;
  const from = pathLookup(cur, oldDirfd, oldPath, false);
  if (typeof from === 'number') return from;
  const to = pathLookup(cur, newDirfd, newPath, false);
  if (typeof to === 'number') return to;
  if (from.last === '' || to.last === '') return -EBUSY;
  if (from.parent.dInode!.iSb !== to.parent.dInode!.iSb) return -EXDEV;
  const inode = from.dentry.dInode;
  if (inode === null) return -ENOENT;
  if (from.dentry === from.mnt.root || to.dentry === to.mnt.root) return -EBUSY;
  if (from.mnt.readOnly) return -EROFS;
  const isDir = S_ISDIR(inode.iMode);
  if (!isDir && (from.trailingSlash || to.trailingSlash)) return -ENOTDIR;
  for (let d = to.parent; ; d = d.dParent) {
    if (d === from.dentry) return -EINVAL;
    if (d.dParent === d) break;
  }
  if (to.dentry.dInode === inode) return 0;
  const oldDir = from.parent.dInode!;
  const newDir = to.parent.dInode!;
  let error = mayDelete(cur.cred, from.mnt, oldDir, from.dentry, isDir);
  if (error < 0) return error;
  if (to.dentry.dInode === null) error = mayCreate(cur.cred, to.mnt, newDir, to.dentry);
  else if ((flags & RENAME_NOREPLACE) !== 0) return -EEXIST;
  else error = mayDelete(cur.cred, to.mnt, newDir, to.dentry, isDir);
  if (error < 0) return error;
  if (oldDir.iOp.rename === null) return -EPERM;
  error = oldDir.iOp.rename(oldDir, from.dentry, newDir, to.dentry);
  if (error < 0) return error;
  dMove(from.dentry, to.dentry);
  return 0;
}

/** chdir(2). */
export function doChdir(cur: FileCaller, path: string): number {
  const found = pathLookup(cur, AT_FDCWD, path, true);
  if (typeof found === 'number') return found;
  const inode = found.dentry.dInode;
  if (inode === null) return -ENOENT;
  if (!S_ISDIR(inode.iMode)) return -ENOTDIR;
  if (inodePermission(cur.cred, found.mnt, inode, MAY_EXEC) < 0) return -EACCES;
  cur.fs.cwd = { mnt: found.mnt, dentry: found.dentry };
  return 0;
}

/** readlinkat(2): returns the target, or a negative errno. */
export function doReadlinkat(cur: FileCaller, dirfd: number, path: string): string | number {
  const found = pathLookup(cur, dirfd, path, false);
  if (typeof found === 'number') return found;
  const inode = found.dentry.dInode;
  if (inode === null) return -ENOENT;
  if (!S_ISLNK(inode.iMode)) return -EINVAL;
  return inode.iOp.readlink === null ? inode.iLink : inode.iOp.readlink(inode);
}
