/**
 * open(2): opens the file of a path.
 *
 * Mirrors do_last, may_open and do_dentry_open in fs/namei.c and fs/open.c.
 */
import {
  EACCES,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ESTALE,
  ETXTBSY,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  __O_TMPFILE,
  S_ISBLK,
  S_ISCHR,
  S_ISDIR,
  S_ISFIFO,
  S_ISLNK,
  S_ISREG,
  S_ISSOCK,
} from '@vmarea/uapi';
import { FMODE_LSEEK, FMODE_PATH, FMODE_WRITE, makeCurrent, RETRY, S_APPEND, type Credentials } from '@vmarea/mm-core';
import { doTruncate } from '../names/attr.ts';
import { Dentry } from '../names/dentry.ts';
import { FileOperations } from './operations.ts';
import { File, openFmode } from './file.ts';
import type { FileCaller } from './files-struct.ts';
import { iput, type Inode } from '../names/inode.ts';
import { locksVerifyLocked } from './locks.ts';
import type { Mount } from '../names/mount.ts';
import { mayCreate, pathLookup } from '../names/namei.ts';
import { inodePermission, MAY_READ, MAY_WRITE, ownerOrCapable } from '../names/permission.ts';

/** The operations of an O_PATH descriptor: none. */
const NOTHING = new FileOperations({});

/** ACC_MODE: the permissions that an access mode needs. */
const ACCESS: readonly number[] = [MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE];

/**
 * do_sys_open without the descriptor: opens a file.
 *
 * @param dirfd the start of a relative path: a descriptor or AT_FDCWD
 * @param flags O_ flags
 * @param mode permission bits of a file that O_CREAT creates, before the umask
 * @returns the file with one reference, or a negative errno or RETRY
 */
export function doFilpOpen(cur: FileCaller, dirfd: number, path: string, flags: number, mode: number): File | number {
  const file = pathOpenat(cur, dirfd, path, flags, mode);
  // The name now leads to another file and the driver has dropped the old one: looks the name up once more.
  return file === -ESTALE ? pathOpenat(cur, dirfd, path, flags, mode) : file;
}

function pathOpenat(cur: FileCaller, dirfd: number, path: string, flags: number, mode: number): File | number {
  let acc = ACCESS[flags & O_ACCMODE]!;
  if ((flags & O_PATH) !== 0) {
    flags &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
    acc = 0;
  } else if ((flags & __O_TMPFILE) !== 0) {
    if ((flags & O_TMPFILE) !== O_TMPFILE || (acc & MAY_WRITE) === 0) return -EINVAL;
    return openTmpfile(cur, dirfd, path, flags, mode);
  }
  if ((flags & O_TRUNC) !== 0) acc |= MAY_WRITE;
  const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
  const found = pathLookup(cur, dirfd, path, follow);
  if (typeof found === 'number') return found;
  const { mnt, dentry } = found;
  if (dentry.dInode === null) {
    if ((flags & O_CREAT) === 0) return -ENOENT;
    if (found.trailingSlash) return -EISDIR;
    const created = createFile(cur, mnt, found.parent, dentry, mode);
    if (created < 0) return created;
    return openCreated(cur, mnt, dentry, flags);
  }
  if (dentry.createdFor === cur) return openCreated(cur, mnt, dentry, flags);
  const inode = dentry.dInode;
  if ((flags & O_CREAT) !== 0) {
    if (found.last === '') return -EISDIR;
    if ((flags & O_EXCL) !== 0) return -EEXIST;
    if (found.trailingSlash || S_ISDIR(inode.iMode)) return -EISDIR;
  }
  if (S_ISLNK(inode.iMode) && (flags & O_PATH) === 0) return -ELOOP;
  if ((flags & O_DIRECTORY) !== 0 && !S_ISDIR(inode.iMode)) return -ENOTDIR;
  if ((flags & O_PATH) === 0) {
    const error = mayOpen(cur.cred, mnt, inode, acc, flags);
    if (error < 0) return error;
  }
  if ((flags & O_TRUNC) !== 0 && S_ISREG(inode.iMode)) return openAndTruncate(cur, mnt, dentry, flags);
  return dentryOpen(cur, mnt, dentry, flags);
}

function createFile(cur: FileCaller, mnt: Mount, parent: Dentry, dentry: Dentry, mode: number): number {
  if (mnt.readOnly) return -EROFS;
  const dir = parent.dInode!;
  const error = mayCreate(cur.cred, mnt, dir, dentry);
  if (error < 0) return error;
  if (dir.iOp.create === null) return -EACCES;
  return dir.iOp.create(cur.cred, dir, dentry, mode & 0o7777 & ~cur.fs.umask);
}

/**
 * Opens a new file without checking its mode or truncating it. When the driver's open must wait, the call is repeated from
 * its beginning and finds the file in `createdFor`.
 */
function openCreated(cur: FileCaller, mnt: Mount, dentry: Dentry, flags: number): File | number {
  const file = dentryOpen(cur, mnt, dentry, flags & ~O_TRUNC);
  dentry.createdFor = file === RETRY ? cur : null;
  return file;
}

/** may_open: checks whether an existing file may be opened with these rights and flags. */
function mayOpen(cred: Credentials, mnt: Mount, inode: Inode, acc: number, flags: number): number {
  const mode = inode.iMode;
  if (S_ISDIR(mode) && (acc & MAY_WRITE) !== 0) return -EISDIR;
  if ((S_ISBLK(mode) || S_ISCHR(mode)) && mnt.nodev) return -EACCES;
  const special = S_ISBLK(mode) || S_ISCHR(mode) || S_ISFIFO(mode) || S_ISSOCK(mode);
  const error = inodePermission(cred, mnt, inode, special && (flags & O_ACCMODE) === 0 ? acc & ~MAY_WRITE : acc);
  if (error < 0) return error;
  if ((inode.iFlags & S_APPEND) !== 0) {
    if ((flags & O_ACCMODE) !== 0 && (flags & O_APPEND) === 0) return -EPERM;
    if ((flags & O_TRUNC) !== 0) return -EPERM;
  }
  if ((flags & O_NOATIME) !== 0 && !ownerOrCapable(cred, inode)) return -EPERM;
  return 0;
}

function openAndTruncate(cur: FileCaller, mnt: Mount, dentry: Dentry, flags: number): File | number {
  const file = dentryOpen(cur, mnt, dentry, flags);
  if (typeof file === 'number') return file;
  const inode = file.fInode;
  let error = inode.iWritecount < 0 ? -ETXTBSY : locksVerifyLocked(cur, file);
  if (error === 0) error = doTruncate(cur, inode, 0, file);
  if (error < 0) {
    file.fput();
    return error;
  }
  return file;
}

/**
 * do_dentry_open: opens an inode that has been found and checked.
 *
 * @returns the file with one reference, or -ETXTBSY (running program), -ENXIO (socket), or the errno of the driver's open
 */
export function dentryOpen(cur: FileCaller, mnt: Mount | null, dentry: Dentry, flags: number): File | number {
  const inode = dentry.dInode!;
  const kept = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
  if ((flags & O_PATH) !== 0) return new File({ mnt, dentry, inode, fMode: FMODE_PATH, fFlags: kept, fOp: NOTHING });
  if (S_ISSOCK(inode.iMode)) return -ENXIO;
  let fMode = openFmode(flags);
  if (S_ISREG(inode.iMode) || S_ISDIR(inode.iMode) || S_ISCHR(inode.iMode)) fMode |= FMODE_LSEEK;
  if ((fMode & FMODE_WRITE) !== 0 && S_ISREG(inode.iMode) && inode.iWritecount < 0) return -ETXTBSY;
  const file = new File({ mnt, dentry, inode, fMode, fFlags: kept, fOp: inode.iFop });
  file.lastCaller = cur;
  if ((fMode & FMODE_WRITE) !== 0 && S_ISREG(inode.iMode)) {
    inode.iWritecount++;
    file.countsAsWriter = true;
  }
  if (inode.iFop.open !== null) {
    makeCurrent(cur);
    const error = inode.iFop.open(cur, inode, file);
    if (error < 0) {
      file.fput();
      return error;
    }
  }
  return file;
}

function openTmpfile(cur: FileCaller, dirfd: number, path: string, flags: number, mode: number): File | number {
  const found = pathLookup(cur, dirfd, path, true);
  if (typeof found === 'number') return found;
  const dir = found.dentry.dInode;
  if (dir === null) return -ENOENT;
  if (!S_ISDIR(dir.iMode)) return -ENOTDIR;
  if (found.mnt.readOnly) return -EROFS;
  const error = inodePermission(cur.cred, found.mnt, dir, MAY_WRITE | 1);
  if (error < 0) return error;
  if (dir.iOp.tmpfile === null) return -EOPNOTSUPP;
  const dentry = new Dentry('', found.dentry, null);
  const made = dir.iOp.tmpfile(cur.cred, dir, dentry, mode & 0o7777 & ~cur.fs.umask);
  if (made < 0) return made;
  const inode: Inode | null = dentry.dInode;
  if (inode === null) return -ENOENT;
  dentry.dName = `#${inode.ino}`;
  const file = dentryOpen(cur, found.mnt, dentry, flags);
  iput(inode);
  return file;
}

/**
 * openat(2).
 *
 * @returns a descriptor, or a negative errno or RETRY
 */
export function doSysOpen(cur: FileCaller, dirfd: number, path: string, flags: number, mode: number): number {
  const file = doFilpOpen(cur, dirfd, path, flags, mode);
  if (typeof file === 'number') return file;
  return cur.files.install(file, cur.rlimits.nofile, (flags & O_CLOEXEC) !== 0);
}
